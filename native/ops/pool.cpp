// Pooling over the last one or two dims. Means are linear, so averagePool and its gradient are each other's
// derivative; the gradient of a maximum goes to the place it came from.
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel averageKernel{"averagePool"};
const Kernel averageBackwardKernel{"averagePoolBackward"};
const Kernel maxKernel{"maxPool"};
const Kernel maxBackwardKernel{"maxPoolBackward"};

using Sizes = std::vector<int64_t>;

// Arguments of the ops that users see.
enum User { kX, kKernel, kStride, kPadding };

std::string textOf(const Sizes& list) {
  std::string text = "[";
  for (size_t k = 0; k < list.size(); k++) text += (k ? ", " : "") + std::to_string(list[k]);
  return text + "]";
}

// The last `dims` dims.
Sizes lastOf(const Shape& shape, size_t dims) {
  return Sizes(shape.sizes + shape.dims - dims, shape.sizes + shape.dims);
}

Shape withLast(const Shape& shape, const Sizes& sizes) {
  Shape result = shape;
  for (size_t k = 0; k < sizes.size(); k++)
    result[shape.dims - static_cast<int>(sizes.size() - k)] = sizes[k];
  return result;
}

// A contiguous tensor as planes, [planes, height, width]; with one dim to pool the height is 1.
Geometry asPlanes(const Tensor& x, size_t dims) {
  const int64_t width = x.size(-1), height = dims == 2 ? x.size(-2) : 1;
  int64_t planes = 1;
  for (int dim = 0; dim < x.dims() - static_cast<int>(dims); dim++) planes *= x.size(dim);
  Geometry geometry(Shape{planes, height, width});
  geometry.offset = x.geometry().offset;
  return geometry;
}

int64_t leading(const Sizes& list, int64_t otherwise) { return list.size() == 1 ? otherwise : list[0]; }

// What the kernels of means read, from argument 2 on: kernelSize, stride, padding, countIncludePad,
// divisorOverride.
struct AverageSettings {
  int64_t integers[10];
  AverageSettings(const Sizes& kernel, const Sizes& stride, const Sizes& padding, bool countsPadding,
                  int64_t divisor)
      : integers{leading(kernel, kernel.back() == 0 ? 0 : 1),
                 kernel.back(),
                 leading(stride, 1),
                 stride.back(),
                 leading(padding, 0),
                 padding.back(),
                 1,
                 1,
                 countsPadding,
                 divisor} {}
};

// What the kernels of largest elements read, from argument `first` on: kernelSize, stride, padding, dilation.
struct MaxSettings {
  int64_t integers[8];
  MaxSettings(const Call& call, int first) {
    const bool isAdaptive = call.integers(first).back() == 0;
    const int64_t otherwise[] = {isAdaptive ? 0 : 1, 1, 0, 1};
    for (int k = 0; k < 4; k++) {
      integers[2 * k] = leading(call.integers(first + k), otherwise[k]);
      integers[2 * k + 1] = call.integers(first + k).back();
    }
    if (isAdaptive) integers[6] = integers[7] = 1;
  }
};

// A setting for each of `dims` dims, one for all, each at least `least`.
Sizes perDim(const Call& call, int argument, size_t dims, int64_t least) {
  const std::string& name = call.op.arguments[argument].name;
  Sizes list = call.integers(argument);
  if (list.size() == 1) list.resize(dims, list[0]);
  if (list.size() != dims) {
    call.fail("argument", name + " must be one number or " + std::to_string(dims) + ", got " + textOf(list));
  }
  for (const int64_t value : list) {
    if (value < least || value > INT32_MAX) {
      call.fail("argument", name + " must be at least " + std::to_string(least) + " and below 2 ** 31, got " +
                                textOf(list));
    }
  }
  return list;
}

void requirePlanes(const Call& call, size_t dims) {
  const Shape& shape = call.tensor(kX).shape();
  const int wanted = static_cast<int>(dims) + 1;
  bool isEmpty = false;
  for (int dim = shape.dims - wanted; dim < shape.dims; dim++) {
    isEmpty = isEmpty || (dim >= 0 && (shape[dim] == 0 || shape[dim] > INT32_MAX));
  }
  if ((shape.dims == wanted || shape.dims == wanted + 1) && !isEmpty) return;
  const std::string sizes = dims == 1 ? "L" : "H, W";
  call.fail("shape", "the input must be (N, C, " + sizes + ") or (C, " + sizes + "), none but N empty, got " +
                         shape.text());
}

struct Windows {
  Sizes kernel, stride, padding, dilation, out;
};

// Reads kernelSize, stride and padding, and counts the windows. A window may hang over the end with `ceils`,
// but must begin in the input or the padding before it.
Windows windowsOf(const Call& call, size_t dims, const Sizes& dilation, bool ceils) {
  requirePlanes(call, dims);
  Windows w;
  w.kernel = perDim(call, kKernel, dims, 1);
  w.stride = call.has(kStride) && !call.integers(kStride).empty() ? perDim(call, kStride, dims, 1) : w.kernel;
  w.padding = perDim(call, kPadding, dims, 0);
  w.dilation = dilation;
  const Sizes sizes = lastOf(call.tensor(kX).shape(), dims);
  for (size_t k = 0; k < dims; k++) {
    const int64_t reach = (w.kernel[k] - 1) * dilation[k] + 1;
    if (w.padding[k] > w.kernel[k] / 2) {
      call.fail("argument", "padding must be at most half of kernelSize, " + std::to_string(w.kernel[k]) +
                                ", got " + std::to_string(w.padding[k]));
    }
    const int64_t rest = sizes[k] + 2 * w.padding[k] - reach + (ceils ? w.stride[k] - 1 : 0);
    if (rest < 0) {
      call.fail("shape", "a window reaches over " + std::to_string(reach) + " places, the padded input " +
                             call.tensor(kX).shape().text() + " has " +
                             std::to_string(sizes[k] + 2 * w.padding[k]));
    }
    int64_t out = rest / w.stride[k] + 1;
    if (ceils && (out - 1) * w.stride[k] >= sizes[k] + w.padding[k]) out--;
    w.out.push_back(out);
  }
  return w;
}

// The sizes wanted; where one is left open (null), that of x.
Sizes adaptiveSizes(const Call& call, size_t dims) {
  requireFloating(call, call.tensor(kX));
  requirePlanes(call, dims);
  Sizes sizes = call.integers(1);
  if (sizes.size() == 1) sizes.resize(dims, sizes[0]);
  if (sizes.size() != dims) {
    call.fail("argument",
              "outputSize must be one number or " + std::to_string(dims) + ", got " + textOf(sizes));
  }
  const Sizes own = lastOf(call.tensor(kX).shape(), dims);
  for (size_t k = 0; k < dims; k++) {
    if (sizes[k] == kOpenSize) sizes[k] = own[k];
    if (sizes[k] < 0 || sizes[k] > INT32_MAX) {
      call.fail("argument", "outputSize must not be negative and below 2 ** 31, got " + textOf(sizes));
    }
  }
  return sizes;
}

const Sizes kNone{0};

void average(Call& call, size_t dims, bool hasDivisor) {
  enum { ceilMode = kPadding + 1, countIncludePad, divisorOverride };
  const Tensor& x = call.tensor(kX);
  if (x.dtype() != DType::int64) requireFloating(call, x);
  const Windows w = windowsOf(call, dims, Sizes(dims, 1), call.flag(ceilMode));
  int64_t divisor = 0;
  if (hasDivisor && call.has(divisorOverride)) {
    divisor = call.integer(divisorOverride);
    if (divisor == 0) call.fail("argument", "divisorOverride must not be 0");
  }
  call.outs[0] =
      ops::averagePool(x, w.out, w.kernel, w.stride, w.padding, call.flag(countIncludePad), divisor);
}

void adaptiveAverage(Call& call, size_t dims) {
  call.outs[0] = ops::averagePool(call.tensor(kX), adaptiveSizes(call, dims), kNone, kNone, kNone, false, 0);
}

// The second output is left out where nobody asked for it, so that it ends with the gradient's need of it.
void pickLargest(Call& call, const Windows& w, bool returnsIndices) {
  Arguments args;
  args.push(call.tensor(kX));
  for (const Sizes* list : {&w.out, &w.kernel, &w.stride, &w.padding, &w.dilation}) args.push(*list);
  Tensor outs[kMaxOutputs];
  dispatch(ops::maxPool, args, outs);
  call.outs[0] = outs[0];
  if (returnsIndices) call.outs[1] = outs[1];
}

void largest(Call& call, size_t dims) {
  enum { dilation = kPadding + 1, ceilMode, returnIndices };
  if (call.tensor(kX).dtype() == DType::boolean) call.fail("dtype", "needs numbers, got bool");
  pickLargest(call, windowsOf(call, dims, perDim(call, dilation, dims, 1), call.flag(ceilMode)),
              call.flag(returnIndices));
}

void adaptiveLargest(Call& call, size_t dims) {
  pickLargest(call, {kNone, kNone, kNone, kNone, adaptiveSizes(call, dims)}, call.flag(2));
}

void launchAverage(const Kernel& kernel, const Tensor& y, const Tensor& x, const Call& call, size_t dims) {
  if (y.numel() == 0) return;
  if (x.numel() == 0) return fillWith(y, 0);
  const Tensor dense = asContiguous(x);
  const AverageSettings settings(call.integers(2), call.integers(3), call.integers(4), call.flag(5),
                                 call.integer(6));
  Launcher(kernel, y.device())
      .out(y, asPlanes(y, dims))
      .in(dense, asPlanes(dense, dims))
      .run(nullptr, settings.integers);
}

Tensor averaged(Gradients& d, const Op& op) {
  const size_t dims = d.integers(1).size();
  return op(d.g(), lastOf(d.shape(0), dims), d.integers(2), d.integers(3), d.integers(4), d.flag(5),
            d.integer(6));
}

}  // namespace

void forward::averagePool(Call& call) {
  const Tensor& x = call.tensor(0);
  const Sizes& out = call.integers(1);
  const Shape shape = checkedShape(call.name(), withLast(x.shape(), out).list());
  const Tensor y = call.outs[0] = emptyTensor(shape, x.dtype(), x.device());
  launchAverage(averageKernel, y, x, call, out.size());
}
const Derivative derivative::averagePool{
    [](Gradients& d) { d.set(0, averaged(d, ops::averagePoolBackward)); }, {}};

void forward::averagePoolBackward(Call& call) {
  const Tensor& g = call.tensor(0);
  const Sizes& size = call.integers(1);
  const Tensor dx = call.outs[0] = emptyTensor(withLast(g.shape(), size), g.dtype(), g.device());
  launchAverage(averageBackwardKernel, dx, g, call, size.size());
}
const Derivative derivative::averagePoolBackward{
    [](Gradients& d) { d.set(0, averaged(d, ops::averagePool)); }, {}};

void forward::maxPool(Call& call) {
  const Tensor& x = call.tensor(0);
  const Sizes& out = call.integers(1);
  const Shape shape = checkedShape(call.name(), withLast(x.shape(), out).list());
  const Tensor y = call.outs[0] = emptyTensor(shape, x.dtype(), x.device());
  const Tensor index = call.outs[1] = emptyTensor(shape, DType::int64, x.device());
  if (y.numel() == 0) return;
  const Tensor dense = asContiguous(x);
  const MaxSettings settings(call, 2);
  Launcher(maxKernel, x.device())
      .out(y, asPlanes(y, out.size()))
      .out(index, asPlanes(index, out.size()))
      .in(dense, asPlanes(dense, out.size()))
      .run(nullptr, settings.integers);
}
const Derivative derivative::maxPool{
    [](Gradients& d) {
      d.set(0, ops::maxPoolBackward(d.g(), d.out(1), lastOf(d.shape(0), d.integers(1).size()), d.integers(2),
                                    d.integers(3), d.integers(4), d.integers(5)));
    },
    {output(1)}};

// g at the places of a plane that `index` names, added up; zero elsewhere.
void forward::maxPoolBackward(Call& call) {
  const Tensor &g = call.tensor(0), &index = call.tensor(1);
  const Sizes& size = call.integers(2);
  const Tensor dx = call.outs[0] = emptyTensor(withLast(g.shape(), size), g.dtype(), g.device());
  if (dx.numel() == 0) return;
  if (g.numel() == 0) return fillWith(dx, 0);
  const Tensor from = asContiguous(g), places = asContiguous(index);
  const MaxSettings settings(call, 3);
  Launcher(maxBackwardKernel, dx.device())
      .out(dx, asPlanes(dx, size.size()))
      .in(from, asPlanes(from, size.size()))
      .in(places, asPlanes(places, size.size()))
      .run(nullptr, settings.integers);
}
const Derivative derivative::maxPoolBackward{
    [](Gradients& d) {
      const Tensor& index = d.tensor(1);
      int64_t plane = 1, each = 1;
      for (const int64_t size : d.integers(2)) plane *= size;
      for (const int64_t size : lastOf(index.shape(), d.integers(2).size())) each *= size;
      const Tensor planes = ops::reshape(d.g(), Shape{d.g().numel() / plane, plane});
      const Tensor places = ops::reshape(index, Shape{index.numel() / each, each});
      d.set(0, ops::reshape(ops::gather(planes, 1, places), index.shape()));
    },
    {input(1)}};

void forward::avgPool1d(Call& call) { average(call, 1, false); }
void forward::avgPool2d(Call& call) { average(call, 2, true); }
void forward::adaptiveAvgPool1d(Call& call) { adaptiveAverage(call, 1); }
void forward::adaptiveAvgPool2d(Call& call) { adaptiveAverage(call, 2); }
void forward::maxPool1d(Call& call) { largest(call, 1); }
void forward::maxPool2d(Call& call) { largest(call, 2); }
void forward::adaptiveMaxPool1d(Call& call) { adaptiveLargest(call, 1); }
void forward::adaptiveMaxPool2d(Call& call) { adaptiveLargest(call, 2); }

}  // namespace descent
