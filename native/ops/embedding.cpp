// Embeddings: rows of a matrix by index.
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel indexSelectKernel{"indexSelect"};
const Kernel embeddingBackwardKernel{"embeddingBackward"};

// Arguments of embeddingCore and embeddingBackward. paddingIdx of -1: none.
enum Core { kX, kWeight, kPaddingIdx, kScaleGradByFreq };
enum Backward { kG, kIndex, kRows, kBackwardPaddingIdx, kBackwardScaleGradByFreq };

// How much of its gradient each index passes on, [N, 1]: nothing where it is the padding, 1 / count where
// scaled.
Tensor sharesOf(const Gradients& d, DType dtype) {
  const Tensor& index = d.tensor(kIndex);
  const Shape column{index.numel(), 1};
  Tensor shares = filledTensor(column, dtype, index.device(), 1);
  if (d.flag(kBackwardScaleGradByFreq)) {
    const Tensor counts = ops::embeddingBackward(shares, index, d.integer(kRows), -1, false);
    shares = ops::reciprocal(ops::indexSelect(counts, 0, index));
  }
  return ops::where(ops::eq(ops::reshape(index, column), d.integer(kBackwardPaddingIdx)), 0, shares);
}

// Rows that the index names and whose norm is above the limit are scaled down to it.
void shorten(const Tensor& weight, const Tensor& index, double limit, double p) {
  const GradModeGuard quiet(false);
  const DType dtype = isHalf(weight.dtype()) ? DType::float32 : weight.dtype();
  const Tensor ones = filledTensor(Shape{index.numel(), 1}, dtype, weight.device(), 1);
  const Tensor counts = ops::embeddingBackward(ones, index, weight.size(0), -1, false);
  const Tensor norms = ops::norm(castTo(weight, dtype), p, 1, true);
  const Tensor isLong = ops::logicalAnd(ops::gt(counts, 0), ops::gt(norms, limit));
  const Tensor factors = ops::where(isLong, limit / (norms + 1e-7), 1);
  const Tensor wide = castTo(weight, dtype);
  copyInto(weight, ops::where(isLong, wide * factors, wide));
  noteChange(weight, "embedding");
}

}  // namespace

// x is a contiguous vector.
void forward::embeddingCore(Call& call) {
  const Tensor& x = call.tensor(kX);
  const Tensor& weight = call.tensor(kWeight);
  const int64_t size = weight.size(1);
  const Tensor y = call.outs[0] = emptyTensor(Shape{x.numel(), size}, weight.dtype(), weight.device());
  if (y.numel() == 0) return;
  Geometry from;
  from.shape = Shape{1, weight.size(0), size};
  from.strides[0] = 0;
  from.strides[1] = weight.geometry().strides[0];
  from.strides[2] = weight.geometry().strides[1];
  from.offset = weight.geometry().offset;
  Launcher(indexSelectKernel, weight.device())
      .out(y, Geometry(Shape{1, x.numel(), size}))
      .in(weight, from)
      .in(x)
      .run();
}
const Derivative derivative::embeddingCore{
    [](Gradients& d) {
      d.set(kWeight, ops::embeddingBackward(d.g(), d.tensor(kX), d.shape(kWeight)[0], d.integer(kPaddingIdx),
                                            d.flag(kScaleGradByFreq)));
    },
    {0, input(kX)}};

void forward::embeddingBackward(Call& call) {
  const Tensor& g = call.tensor(kG);
  if (isHalf(g.dtype())) {
    const Tensor wide =
        ops::embeddingBackward(castTo(g, DType::float32), call.tensor(kIndex), call.integer(kRows),
                               call.integer(kBackwardPaddingIdx), call.flag(kBackwardScaleGradByFreq));
    call.outs[0] = castTo(wide, g.dtype());
    return;
  }
  const Tensor y = call.outs[0] = emptyTensor(Shape{call.integer(kRows), g.size(1)}, g.dtype(), g.device());
  if (y.numel() == 0) return;
  const int64_t integers[] = {call.integer(kBackwardPaddingIdx), call.flag(kBackwardScaleGradByFreq)};
  Launcher(embeddingBackwardKernel, g.device())
      .out(y)
      .in(asContiguous(g))
      .in(call.tensor(kIndex))
      .run(nullptr, integers);
}
const Derivative derivative::embeddingBackward{
    [](Gradients& d) {
      const Tensor picked = ops::indexSelect(d.g(), 0, d.tensor(kIndex));
      const bool isPlain = d.integer(kBackwardPaddingIdx) < 0 && !d.flag(kBackwardScaleGradByFreq);
      d.set(kG, isPlain ? picked : picked * sharesOf(d, d.dtype(kG)));
    },
    {input(kIndex)}};

void forward::embedding(Call& call) {
  enum { x, weight, paddingIdx, maxNorm, normType, scaleGradByFreq };
  const Tensor& index = call.tensor(x);
  const Tensor& rows = call.tensor(weight);
  requireIndices(call, index);
  requireSameDevice(call, rows, index);
  if (rows.dims() != 2) call.fail("shape", "the weight must be (V, D), got " + rows.shape().text());
  int64_t padding = -1;
  if (call.has(paddingIdx)) {
    const int64_t count = rows.size(0);
    padding = call.integer(paddingIdx);
    if (padding < -count || padding >= count) {
      call.fail("index", "paddingIdx must be within [" + std::to_string(-count) + ", " +
                             std::to_string(count - 1) + "], got " + std::to_string(padding));
    }
    if (padding < 0) padding += count;
  }
  Shape shape = index.shape();
  shape = checkedShape(call.name(), [&] {
    std::vector<int64_t> sizes = shape.list();
    sizes.push_back(rows.size(1));
    return sizes;
  }());
  const Tensor inOrder = asContiguous(index);
  const Tensor flat = inOrder.alias({Shape{index.numel()}, inOrder.geometry().offset});
  if (call.has(maxNorm) && flat.numel() > 0) {
    requireFloating(call, rows);
    shorten(rows, flat, call.number(maxNorm), call.number(normType));
  }
  call.outs[0] = ops::reshape(ops::embeddingCore(flat, rows, padding, call.flag(scaleGradByFreq)), shape);
}

}  // namespace descent
