// Elements picked, and added to, by index.
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel indexSelectKernel{"indexSelect"};
const Kernel indexAddKernel{"indexAdd"};
const Kernel gatherKernel{"gather"};
const Kernel scatterAddKernel{"scatterAdd"};

// The dims before `dim` joined into one, as kernels want them; a copy where they do not lie evenly.
Tensor leadingJoined(const Tensor& x, int dim) {
  Shape joined;
  int64_t leading = 1;
  for (int k = 0; k < dim; k++) leading *= x.size(k);
  joined.push(leading);
  joined.push(x.size(dim));
  // With nothing before `dim` there is one dim more than before: where that is too many, the last two are
  // one.
  const bool isFull = dim == 0 && x.dims() == kMaxDims;
  for (int k = dim + 1; k < x.dims(); k++) {
    if (isFull && k == x.dims() - 1) {
      joined[joined.dims - 1] *= x.size(k);
    } else {
      joined.push(x.size(k));
    }
  }
  Geometry geometry;
  if (x.geometry().viewAs(joined, &geometry)) return x.alias(geometry);
  return contiguousCopy(x).alias(Geometry(joined));
}

void requireVector(const Call& call, const Tensor& index) {
  requireIndices(call, index);
  if (index.dims() > 1) call.fail("shape", "the index must have one dim, got " + index.shape().text());
}

Geometry asVector(const Geometry& index) {
  Geometry vector = index;
  if (vector.shape.dims == 0) {
    vector.shape.push(1);
    vector.strides[0] = 1;
  }
  return vector;
}

// `index` and `x` have as many dims, and index is nowhere larger but along `dim`.
void requireWithin(const Call& call, const Tensor& x, const Tensor& index, int dim, const char* what) {
  bool fits = index.dims() == x.dims();
  for (int k = 0; fits && k < x.dims(); k++) fits = k == dim || index.size(k) <= x.size(k);
  if (fits) return;
  call.fail("shape", "the index " + index.shape().text() + " does not fit " + what + " " + x.shape().text() +
                         " along dim " + std::to_string(dim));
}

// A scalar as a vector of one, because kernels want a dim to work along.
Geometry atLeastVector(const Geometry& x) { return asVector(x); }

}  // namespace

void forward::indexSelect(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& index = call.tensor(2);
  if (x.dims() == 0) call.fail("shape", "a scalar has no dim to select from");
  requireVector(call, index);
  requireSameDevice(call, x, index);
  const int dim = call.dim(1, x.dims());
  Shape shape = x.shape();
  shape[dim] = index.numel();
  const Tensor y = call.outs[0] = emptyTensor(checkedShape(call.name(), shape.list()), x.dtype(), x.device());
  if (y.numel() == 0) return;
  const Tensor joined = leadingJoined(x, dim), target = leadingJoined(y, dim);
  Launcher(indexSelectKernel, x.device()).out(target).in(joined).in(index, asVector(index.geometry())).run();
}
const Derivative derivative::indexSelect{
    [](Gradients& d) { d.set(0, ops::indexAddInto(d.g(), d.shape(0), d.integer(1), d.tensor(2))); },
    {input(2)}};

// Zeros of a shape, with slice k of x along dim added at index[k].
void forward::indexAddInto(Call& call) {
  const Tensor& x = call.tensor(0);
  const Shape shape = checkedShape(call.name(), call.integers(1));
  const int dim = call.dim(2, shape.dims);
  const Tensor& index = call.tensor(3);
  const Tensor y = call.outs[0] = emptyTensor(shape, x.dtype(), x.device());
  fillWith(y, 0);
  if (x.numel() == 0) return;
  const Tensor joined = leadingJoined(x, dim), target = leadingJoined(y, dim);
  Launcher(indexAddKernel, x.device()).out(target).in(joined).in(index, asVector(index.geometry())).run();
}
const Derivative derivative::indexAddInto{
    [](Gradients& d) { d.set(0, ops::indexSelect(d.g(), d.integer(2), d.tensor(3))); }, {input(3)}};

void forward::gather(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& index = call.tensor(2);
  requireIndices(call, index);
  requireSameDevice(call, x, index);
  const int64_t dim = call.dim(1, x.dims());
  requireWithin(call, x, index, static_cast<int>(dim), "x");
  const Tensor y = call.outs[0] = emptyTensor(index.shape(), x.dtype(), x.device());
  if (y.numel() == 0) return;
  Launcher(gatherKernel, x.device())
      .out(y, atLeastVector(y.geometry()))
      .in(x, atLeastVector(x.geometry()))
      .in(index, atLeastVector(index.geometry()))
      .run(nullptr, &dim);
}
const Derivative derivative::gather{
    [](Gradients& d) {
      d.set(0, ops::scatterAdd(ops::zeros(d.shape(0), d.dtype(0)), d.integer(1), d.tensor(2), d.g()));
    },
    {input(2)}};

void forward::scatterAdd(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& index = call.tensor(2);
  const Tensor& source = call.tensor(3);
  requireIndices(call, index);
  requireSameDevice(call, x, index);
  requireSameDevice(call, x, source);
  if (source.dtype() != x.dtype()) {
    call.fail("dtype", std::string("dtypes differ, ") + nameOf(x.dtype()) + " and " + nameOf(source.dtype()));
  }
  const int64_t dim = call.dim(1, x.dims());
  requireWithin(call, x, index, static_cast<int>(dim), "x");
  requireWithin(call, source, index, -1, "the source");
  const Tensor y = call.outs[0] = contiguousCopy(x);
  if (index.numel() == 0) return;
  Geometry part = source.geometry();
  part.shape = index.shape();
  Launcher(scatterAddKernel, x.device())
      .out(y, atLeastVector(y.geometry()))
      .in(source, atLeastVector(part))
      .in(index, atLeastVector(index.geometry()))
      .run(nullptr, &dim);
}
const Derivative derivative::scatterAdd{[](Gradients& d) {
                                          if (d.needs(0)) d.set(0, d.g());
                                          if (!d.needs(3)) return;
                                          const Tensor picked = ops::gather(d.g(), d.integer(1), d.tensor(2));
                                          // What of the source lies outside the index had no part in the
                                          // result.
                                          Tensor whole = picked;
                                          for (int k = 0; k < whole.dims(); k++) {
                                            if (whole.size(k) == d.shape(3)[k]) continue;
                                            Shape shape = whole.shape();
                                            shape[k] = d.shape(3)[k];
                                            whole = ops::sliceBackward(whole, shape, k, 0, 1);
                                          }
                                          d.set(3, whole);
                                        },
                                        {0, 0, 0, input(2)}};

void forward::maskedFill(Call& call) {
  const Value value = call.value(2);
  const Tensor& mask = call.tensor(1);
  if (mask.dtype() != DType::boolean)
    call.fail("dtype", std::string("the mask must be bool, got ") + nameOf(mask.dtype()));
  if (value.isTensor() && value.tensor.numel() != 1) {
    call.fail("shape", "the value must have one element, got " + value.tensor.shape().text());
  }
  const Tensor& x = call.tensor(0);
  const Tensor filled =
      ops::where(mask, value.isTensor() ? Value(ops::reshape(value.tensor, Shape{})) : value, x);
  call.outs[0] = filled.dtype() == x.dtype() ? filled : ops::cast(filled, x.dtype());
}

}  // namespace descent
