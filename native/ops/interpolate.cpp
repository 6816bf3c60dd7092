// Planes in other sizes. Every mode is linear in the input, so resample and its gradient are each other's
// derivative.
#include <cmath>

#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel resampleKernel{"resample"};
const Kernel resampleBackwardKernel{"resampleBackward"};

// As the kernels number them.
enum Mode { kNearest, kNearestExact, kLinear, kCubic, kArea };

Mode modeOf(const Call& call, const std::string& name, int dims) {
  if (name == "nearest") return kNearest;
  if (name == "nearest-exact") return kNearestExact;
  if (name == "area") return kArea;
  if (name == "linear" && dims == 1) return kLinear;
  if (name == "bilinear" && dims == 2) return kLinear;
  if (name == "bicubic" && dims == 2) return kCubic;
  const std::string more = dims == 1 ? "'linear'" : "'bilinear' or 'bicubic'";
  call.fail("argument", "the mode for " + std::to_string(dims + 2) +
                            " dims must be 'nearest', 'nearest-exact', 'area', " + more + ", got '" + name +
                            "'");
}

Geometry asPlanes(const Tensor& x) {
  const bool hasLines = x.dims() == 4;
  Geometry geometry(Shape{x.size(0) * x.size(1), hasLines ? x.size(2) : 1, x.size(-1)});
  geometry.offset = x.geometry().offset;
  return geometry;
}

Shape withSize(const Shape& shape, const std::vector<int64_t>& size) {
  Shape result{shape[0], shape[1]};
  for (const int64_t each : size) result.push(each);
  return result;
}

void launch(const Kernel& kernel, const Tensor& y, const Tensor& x, const Call& call) {
  if (y.numel() == 0) return;
  if (x.numel() == 0) return fillWith(y, 0);
  const Tensor dense = asContiguous(x);
  const std::vector<double>& scales = call.numbers(4);
  const double numbers[] = {scales.size() == 1 ? 0 : scales[0], scales.back()};
  const int64_t integers[] = {call.integer(2), call.flag(3), x.dims() == 4};
  Launcher(kernel, y.device()).out(y, asPlanes(y)).in(dense, asPlanes(dense)).run(numbers, integers);
}

std::vector<int64_t> sizeOf(const Shape& shape) {
  return std::vector<int64_t>(shape.sizes + 2, shape.sizes + shape.dims);
}

Tensor resampled(Gradients& d, const Op& op) {
  return op(d.g(), sizeOf(d.shape(0)), d.integer(2), d.flag(3), d.args.items[4]);
}

template <class T>
std::vector<T> perDim(const Call& call, const char* name, std::vector<T> list, size_t dims) {
  if (list.size() == 1) list.resize(dims, list[0]);
  if (list.size() != dims) {
    call.fail("argument", std::string(name) + " must be one number or one for each of the last " +
                              std::to_string(dims) + " dims, got " + std::to_string(list.size()));
  }
  return list;
}

// The factor of a pixel shuffle, 1 or more.
int64_t factorOf(const Call& call, const Tensor& x) {
  if (x.dims() < 3 || x.dims() > kMaxDims - 2) {
    call.fail("shape", "the input must be (..., C, H, W), got " + x.shape().text());
  }
  const int64_t factor = call.integer(1);
  if (factor >= 1 && factor < (1 << 15)) return factor;
  call.fail("argument", "the factor must be from 1 to 32767, got " + std::to_string(factor));
}

// The shape of x with others in place of its last three sizes.
std::vector<int64_t> withLast(const Tensor& x, const std::vector<int64_t>& sizes) {
  std::vector<int64_t> shape(x.shape().sizes, x.shape().sizes + x.dims() - 3);
  shape.insert(shape.end(), sizes.begin(), sizes.end());
  return shape;
}

// `lead` dims as they are, and the others in an order of their own.
std::vector<int64_t> orderOf(int lead, const std::vector<int64_t>& others) {
  std::vector<int64_t> order;
  for (int dim = 0; dim < lead; dim++) order.push_back(dim);
  for (const int64_t other : others) order.push_back(lead + other);
  return order;
}

}  // namespace

// `scales` are those that the user gave, in outputs an input; 0 where the sizes alone say it.
void forward::resample(Call& call) {
  const Tensor& x = call.tensor(0);
  const Shape shape = checkedShape(call.name(), withSize(x.shape(), call.integers(1)).list());
  const Tensor y = call.outs[0] = emptyTensor(shape, x.dtype(), x.device());
  launch(resampleKernel, y, x, call);
}
const Derivative derivative::resample{[](Gradients& d) { d.set(0, resampled(d, ops::resampleBackward)); },
                                      {}};

void forward::resampleBackward(Call& call) {
  const Tensor& g = call.tensor(0);
  const Tensor dx = call.outs[0] = emptyTensor(withSize(g.shape(), call.integers(1)), g.dtype(), g.device());
  launch(resampleBackwardKernel, dx, g, call);
}
const Derivative derivative::resampleBackward{[](Gradients& d) { d.set(0, resampled(d, ops::resample)); },
                                              {}};

void forward::interpolate(Call& call) {
  enum { kSize = 1, kScaleFactor, kMode, kAlignCorners, kRecompute };
  const Tensor& x = call.tensor(0);
  if (x.dims() != 3 && x.dims() != 4) {
    call.fail("shape", "the input must be (N, C, L) or (N, C, H, W), got " + x.shape().text());
  }
  const size_t dims = static_cast<size_t>(x.dims()) - 2;
  const Mode mode = modeOf(call, call.text(kMode), static_cast<int>(dims));
  const bool isNearest = mode == kNearest || mode == kNearestExact;
  if (!isNearest || x.dtype() != DType::uint8) requireFloating(call, x);
  for (int dim = 1; dim < x.dims(); dim++) {
    if (x.size(dim) == 0 || x.size(dim) > INT32_MAX) {
      call.fail("shape", "only the batch may be empty, got " + x.shape().text());
    }
  }
  if ((isNearest || mode == kArea) && call.has(kAlignCorners)) {
    call.fail("argument", "alignCorners goes with the modes linear, bilinear and bicubic only");
  }
  if (call.has(kSize) == call.has(kScaleFactor)) {
    call.fail("argument",
              call.has(kSize) ? "give either size or scaleFactor, not both" : "needs size or scaleFactor");
  }
  const bool recomputes = call.has(kRecompute) && call.flag(kRecompute);
  std::vector<int64_t> size;
  std::vector<double> scales(dims, 0);
  if (call.has(kSize)) {
    if (recomputes) call.fail("argument", "recomputeScaleFactor goes with scaleFactor, not with size");
    size = perDim(call, "size", call.integers(kSize), dims);
  } else {
    const std::vector<double> factors = perDim(call, "scaleFactor", call.numbers(kScaleFactor), dims);
    for (size_t k = 0; k < dims; k++) {
      const double wanted = std::floor(static_cast<double>(x.size(2 + static_cast<int>(k))) * factors[k]);
      if (!(wanted >= 1 && wanted <= INT32_MAX)) {
        call.fail("argument", "scaleFactor " + std::to_string(factors[k]) + " makes nothing of " +
                                  x.shape().text() + " that has from 1 to 2 ** 31 places");
      }
      size.push_back(static_cast<int64_t>(wanted));
    }
    if (!recomputes) scales = factors;
  }
  for (const int64_t each : size) {
    if (each < 1 || each > INT32_MAX) {
      call.fail("argument", "size must be at least 1 and below 2 ** 31, got " + std::to_string(each));
    }
  }
  if (mode == kArea) {
    call.outs[0] = dims == 1 ? ops::adaptiveAvgPool1d(x, size) : ops::adaptiveAvgPool2d(x, size);
    return;
  }
  const bool alignCorners = call.has(kAlignCorners) && call.flag(kAlignCorners);
  call.outs[0] = ops::resample(x, size, static_cast<int64_t>(mode), alignCorners, scales);
}

void forward::pixelShuffle(Call& call) {
  const Tensor& x = call.tensor(0);
  const int64_t r = factorOf(call, x);
  const int64_t channels = x.size(-3), height = x.size(-2), width = x.size(-1);
  if (channels % (r * r) != 0) {
    call.fail("shape",
              "the channels of " + x.shape().text() + " must be a multiple of " + std::to_string(r * r));
  }
  const Tensor parts = ops::reshape(x, withLast(x, {channels / (r * r), r, r, height, width}));
  const int lead = x.dims() - 3;
  const Tensor moved = ops::permute(parts, orderOf(lead, {0, 3, 1, 4, 2}));
  call.outs[0] = ops::reshape(moved, withLast(x, {channels / (r * r), height * r, width * r}));
}

void forward::pixelUnshuffle(Call& call) {
  const Tensor& x = call.tensor(0);
  const int64_t r = factorOf(call, x);
  const int64_t channels = x.size(-3), height = x.size(-2) / r, width = x.size(-1) / r;
  if (x.size(-2) % r != 0 || x.size(-1) % r != 0) {
    call.fail("shape",
              "height and width of " + x.shape().text() + " must be multiples of " + std::to_string(r));
  }
  const Tensor parts = ops::reshape(x, withLast(x, {channels, height, r, width, r}));
  const int lead = x.dims() - 3;
  const Tensor moved = ops::permute(parts, orderOf(lead, {0, 2, 4, 1, 3}));
  call.outs[0] = ops::reshape(moved, withLast(x, {channels * r * r, height, width}));
}

}  // namespace descent
