// Reductions: many elements become one, over some dims or all.
#include <algorithm>
#include <cmath>
#include <limits>

#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel squaredDeviationKernel{"squaredDeviation"};

// Which dims an argument names; all where it is left out or empty.
struct Reduction {
  bool isReduced[kMaxDims] = {};
  int reducedCount = 0;

  Reduction(const char* op, const Argument& dims, int count) {
    const auto mark = [&](int64_t dim) {
      const int wrapped = wrapDim(op, dim, count);
      if (count == 0) return;
      if (isReduced[wrapped]) throw Error("argument", op, "dim " + std::to_string(dim) + " is named twice");
      isReduced[wrapped] = true;
      reducedCount++;
    };
    if (dims.kind == Argument::Kind::scalar) {
      mark(dims.scalar.integer);
      return;
    }
    if (dims.kind == Argument::Kind::integers && !dims.lists->integers.empty()) {
      for (int64_t dim : dims.lists->integers) mark(dim);
      return;
    }
    for (int dim = 0; dim < count; dim++) isReduced[dim] = true;
    reducedCount = count;
  }

  Shape result(const Shape& shape, bool keepdim) const {
    Shape result;
    for (int dim = 0; dim < shape.dims; dim++) {
      if (!isReduced[dim]) {
        result.push(shape[dim]);
      } else if (keepdim) {
        result.push(1);
      }
    }
    return result;
  }

  int64_t count(const Shape& shape) const {
    int64_t count = 1;
    for (int dim = 0; dim < shape.dims; dim++) count *= isReduced[dim] ? shape[dim] : 1;
    return count;
  }

  // Kept dims first, then reduced ones, as kernels want them; reduced ones that lie evenly are joined.
  Geometry keptFirst(const Geometry& x) const {
    Geometry ordered;
    ordered.offset = x.offset;
    for (const bool reduced : {false, true}) {
      for (int dim = 0; dim < x.shape.dims; dim++) {
        if (isReduced[dim] != reduced) continue;
        const int last = ordered.shape.dims - 1;
        const bool isJoined = reduced && last >= x.shape.dims - reducedCount &&
                              ordered.strides[last] == x.strides[dim] * x.shape[dim];
        if (isJoined) {
          ordered.shape[last] *= x.shape[dim];
          ordered.strides[last] = x.strides[dim];
          continue;
        }
        ordered.strides[ordered.shape.dims] = x.strides[dim];
        ordered.shape.push(x.shape[dim]);
      }
    }
    return ordered;
  }
};

Tensor reduceWith(const Kernel& kernel, const Tensor& x, const Reduction& reduction, bool keepdim,
                  DType dtype, const Tensor* means = nullptr) {
  const Tensor y = emptyTensor(reduction.result(x.shape(), keepdim), dtype, x.device());
  const int64_t kept = x.dims() - reduction.reducedCount;
  if (y.numel() == 0) return y;
  Launcher launcher(kernel, x.device());
  launcher.out(y, Geometry(reduction.result(x.shape(), false))).in(x, reduction.keptFirst(x.geometry()));
  if (means) launcher.in(*means, Geometry(reduction.result(x.shape(), false)));
  launcher.run(nullptr, &kept);
  return y;
}

Reduction reductionOf(const Call& call, int i = 1) {
  return Reduction(call.name(), call.args.items[i], call.tensor(0).dims());
}

void refuseNothing(const Call& call, const Reduction& reduction) {
  const Tensor& x = call.tensor(0);
  if (reduction.count(x.shape()) == 0 && (reduction.reducedCount == x.dims() || x.numel() == 0)) {
    if (reduction.result(x.shape(), false).numel() == 0 && reduction.reducedCount < x.dims()) return;
    call.fail("shape", "there is nothing to choose from in " + x.shape().text());
  }
}

DType sumType(DType dtype) { return isFloating(dtype) ? dtype : DType::int64; }

// A reduced tensor laid over the shape it came from.
Tensor spread(const Gradients& d, const Tensor& reduced, int dimArgument = 1) {
  const Shape& shape = d.shape(0);
  const Reduction reduction(d.op.name, d.args.items[dimArgument], shape.dims);
  const Shape kept = reduction.result(shape, true);
  return ops::expand(reduced.shape() == kept ? reduced : ops::reshape(reduced, kept), shape);
}

std::vector<int64_t> reducedDims(const Gradients& d, int dimArgument = 1) {
  const Shape& shape = d.shape(0);
  const Reduction reduction(d.op.name, d.args.items[dimArgument], shape.dims);
  std::vector<int64_t> dims;
  for (int dim = 0; dim < shape.dims; dim++) {
    if (reduction.isReduced[dim]) dims.push_back(dim);
  }
  return dims;
}

// Shared evenly among the elements that equal the result.
void gradientOfExtreme(Gradients& d) {
  const Tensor isChosen = ops::cast(ops::eq(d.tensor(0), spread(d, d.out())), d.dtype(0));
  d.set(0, isChosen * (spread(d, d.g()) / ops::sum(isChosen, reducedDims(d), true)));
}

void findExtreme(Call& call) {
  const Tensor& x = call.tensor(0);
  const Reduction reduction = reductionOf(call);
  refuseNothing(call, reduction);
  call.outs[0] = reduceWith(call.op.kernel, x, reduction, call.flag(2), x.dtype());
}

void findIndex(Call& call) {
  const Tensor& x = call.tensor(0);
  const Reduction reduction = reductionOf(call);
  refuseNothing(call, reduction);
  call.outs[0] = reduceWith(call.op.kernel, x, reduction, call.flag(2), DType::int64);
}

void testElements(Call& call) {
  const Tensor& x = call.tensor(0);
  // uint8 served for bool once, and its answer is uint8 still, as in PyTorch.
  const DType dtype = x.dtype() == DType::uint8 ? DType::uint8 : DType::boolean;
  call.outs[0] = reduceWith(call.op.kernel, x, reductionOf(call), call.flag(2), dtype);
}

// Half precision through float32, rounded once at the end: for what takes several kernels, or squares. False
// where x is of another dtype.
bool throughFloat(Call& call) {
  const DType dtype = call.tensor(0).dtype();
  if (!isHalf(dtype)) return false;
  Arguments args = call.args;
  args.items[0] = Argument(castTo(call.tensor(0), DType::float32));
  Tensor outs[kMaxOutputs];
  Call wide{call.op, args, outs};
  call.op.forward(wide);
  call.outs[0] = castTo(outs[0], dtype);
  return true;
}

void refuseBool(const Call& call) {
  if (call.tensor(0).dtype() != DType::boolean) return;
  call.fail("dtype", "bool tensors are not supported, convert them first, to uint8 for example");
}

// Value, and with a dim its index too.
void extremeWithIndex(Call& call, const Op& value, const Op& index) {
  const Tensor& x = call.tensor(0);
  if (!call.has(1)) {
    if (call.flag(2)) call.fail("argument", "keepdim is for a dim, give one");
    call.outs[0] = ops::extremeOfAll(x, &value == &ops::amax);
    return;
  }
  if (x.dims() == 0) {
    wrapDim(call.name(), call.integer(1), 0);
    call.outs[0] = value(x);
    call.outs[1] = filledTensor(Shape{}, DType::int64, x.device(), 0);
    return;
  }
  const int dim = call.dim(1, x.dims());
  const Tensor ordered = x.dtype() == DType::boolean ? castTo(x, DType::uint8) : x;
  const Tensor indices = index(ordered, dim, true);
  const Tensor values = ops::gather(x, dim, indices);
  call.outs[0] = call.flag(2) ? values : ops::squeeze(values, std::vector<int64_t>{dim});
  call.outs[1] = call.flag(2) ? indices : ops::squeeze(indices, std::vector<int64_t>{dim});
}

Tensor variance(const Call& call, const Reduction& reduction) {
  static const Kernel meanKernel{"mean"};
  const Tensor& x = call.tensor(0);
  requireFloating(call, x);
  const Tensor means = reduceWith(meanKernel, x, reduction, false, x.dtype());
  const Tensor deviation = reduceWith(squaredDeviationKernel, x, reduction, call.flag(3), x.dtype(), &means);
  const double divisor = static_cast<double>(reduction.count(x.shape())) - (call.flag(2) ? 1 : 0);
  return ops::mul(deviation, divisor > 0 ? 1 / divisor : std::numeric_limits<double>::infinity());
}

// d var / dx = 2 (x - mean) / (N - 1)
Tensor gradientOfVariance(const Gradients& d, const Tensor& g) {
  const Reduction reduction(d.op.name, d.args.items[1], d.shape(0).dims);
  const double divisor = static_cast<double>(reduction.count(d.shape(0))) - (d.flag(2) ? 1 : 0);
  const Tensor& x = d.tensor(0);
  return spread(d, g) * (x - ops::mean(x, reducedDims(d), true)) * (2 / divisor);
}

}  // namespace

void forward::sum(Call& call) {
  const DType dtype = call.dtype(3, sumType(call.tensor(0).dtype()));
  const Tensor x = call.has(3) ? castTo(call.tensor(0), dtype) : call.tensor(0);
  const Tensor y = reduceWith(call.op.kernel, x, reductionOf(call), call.flag(2), sumType(dtype));
  call.outs[0] = castTo(y, dtype);
}
const Derivative derivative::sum{[](Gradients& d) { d.set(0, spread(d, d.g())); }};

void forward::mean(Call& call) {
  const DType dtype = call.dtype(3, call.tensor(0).dtype());
  if (!isFloating(dtype)) {
    call.fail("dtype",
              std::string("needs a floating-point tensor, got ") + nameOf(dtype) +
                  "; give a dtype, x.mean({ dtype: 'float32' })",
              {{"dtype", nameOf(dtype)}});
  }
  // Nothing is rounded to half precision before it is added up.
  const Tensor x = castTo(call.tensor(0), isHalf(dtype) ? DType::float32 : dtype);
  call.outs[0] = castTo(reduceWith(call.op.kernel, x, reductionOf(call), call.flag(2), x.dtype()), dtype);
}
const Derivative derivative::mean{[](Gradients& d) {
  const Reduction reduction(d.op.name, d.args.items[1], d.shape(0).dims);
  d.set(0, spread(d, d.g() * (1.0 / static_cast<double>(reduction.count(d.shape(0))))));
}};

void forward::prod(Call& call) {
  const DType dtype = call.dtype(3, sumType(call.tensor(0).dtype()));
  const Tensor x = castTo(call.tensor(0), dtype);
  call.outs[0] = reduceWith(call.op.kernel, x, reductionOf(call), call.flag(2), dtype);
}
// dx = dy times the product of all others
const Derivative derivative::prod{[](Gradients& d) {
                                    if (d.shape(0).dims == 0 || d.shape(0).numel() == 0)
                                      return d.set(0, spread(d, d.g()));
                                    const Tensor x = ops::cast(d.tensor(0), d.g().dtype());
                                    const Tensor others =
                                        d.has(1) ? ops::productOfOthers(x, d.integer(1))
                                                 : ops::productOfOthers(ops::reshape(x, Shape{x.numel()}), 0);
                                    d.set(0, spread(d, d.g()) * ops::reshape(others, x.shape()));
                                  },
                                  {input(0)}};

void forward::amax(Call& call) { findExtreme(call); }
const Derivative derivative::amax{gradientOfExtreme, {input(0) | output(0)}};

void forward::amin(Call& call) { findExtreme(call); }
const Derivative derivative::amin{gradientOfExtreme, {input(0) | output(0)}};

// As amax or amin of all, but NaN has its share of the gradient where it wins.
void forward::extremeOfAll(Call& call) {
  call.outs[0] = call.flag(1) ? ops::amax(call.tensor(0)) : ops::amin(call.tensor(0));
}
const Derivative derivative::extremeOfAll{
    [](Gradients& d) { d.set(0, ops::shareAmongEquals(d.g(), d.tensor(0), d.out())); },
    {input(0) | output(0)}};

// g in equal parts for all elements of x that equal the scalar y; NaN counts as equal here.
void forward::shareAmongEquals(Call& call) {
  const Tensor& x = call.tensor(1);
  const Tensor& y = call.tensor(2);
  const Tensor isEqual = ops::logicalOr(ops::eq(x, y), ops::logicalAnd(ops::isnan(x), ops::isnan(y)));
  const Tensor share = ops::cast(isEqual, call.tensor(0).dtype());
  call.outs[0] = share * (call.tensor(0) / ops::sum(share));
}

void forward::max(Call& call) { extremeWithIndex(call, ops::amax, ops::argmax); }

void forward::min(Call& call) { extremeWithIndex(call, ops::amin, ops::argmin); }

void forward::argmax(Call& call) {
  refuseBool(call);
  findIndex(call);
}

void forward::argmin(Call& call) {
  refuseBool(call);
  findIndex(call);
}

void forward::any(Call& call) { testElements(call); }

void forward::all(Call& call) { testElements(call); }

void forward::var(Call& call) {
  if (!throughFloat(call)) call.outs[0] = variance(call, reductionOf(call));
}
const Derivative derivative::var{[](Gradients& d) { d.set(0, gradientOfVariance(d, d.g())); }, {input(0)}};

void forward::std(Call& call) {
  if (!throughFloat(call)) call.outs[0] = ops::sqrt(variance(call, reductionOf(call)));
}
// d sqrt(v) = dv / (2 sqrt(v)), and 0 where nothing varies
const Derivative derivative::std{
    [](Gradients& d) {
      const Tensor& y = d.out();
      d.set(0, gradientOfVariance(d, ops::where(ops::eq(y, 0), 0, d.g() / (y * 2))));
    },
    {input(0) | output(0)}};

void forward::norm(Call& call) {
  const Tensor& x = call.tensor(0);
  requireFloating(call, x);
  if (throughFloat(call)) return;
  const double p = call.number(1);
  const Argument& dims = call.args.items[2];
  const bool keepdim = call.flag(3);
  if (std::isinf(p)) {
    call.outs[0] = p > 0 ? ops::amax(ops::abs(x), dims, keepdim) : ops::amin(ops::abs(x), dims, keepdim);
  } else if (p == 0) {
    call.outs[0] = ops::sum(ops::cast(ops::ne(x, 0), x.dtype()), dims, keepdim);
  } else if (p == 1) {
    call.outs[0] = ops::sum(ops::abs(x), dims, keepdim);
  } else if (p == 2) {
    call.outs[0] = ops::sqrt(ops::sum(x * x, dims, keepdim));
  } else {
    call.outs[0] = ops::pow(ops::sum(ops::pow(ops::abs(x), p), dims, keepdim), 1 / p);
  }
}
const Derivative derivative::norm{
    [](Gradients& d) {
      const Tensor& x = d.tensor(0);
      const double p = d.number(1);
      const Tensor g = spread(d, d.g(), 2);
      const Tensor y = spread(d, d.out(), 2);
      if (p == 0) {
        d.set(0, ops::zerosLike(ops::detach(x)));
      } else if (p == 1) {
        d.set(0, g * ops::sign(x));
      } else if (std::isinf(p)) {
        const Tensor isChosen = ops::cast(ops::eq(ops::abs(x), y), x.dtype());
        d.set(0, ops::sign(x) * isChosen * (g / ops::sum(isChosen, reducedDims(d, 2), true)));
      } else {
        // dy/dx = sign(x) (|x| / y)^(p-1), and 0 where the norm is 0
        const Tensor ratio = p == 2 ? x / y : ops::sign(x) * ops::pow(ops::abs(x) / y, p - 1);
        d.set(0, ops::where(ops::eq(y, 0), 0, g * ratio));
      }
    },
    {input(0) | output(0)}};

void forward::logsumexp(Call& call) {
  const DType dtype = call.tensor(0).dtype();
  const Tensor x = castTo(call.tensor(0), isFloating(dtype) ? dtype : DType::float32);
  call.outs[0] = reduceWith(call.op.kernel, x, reductionOf(call), call.flag(2), x.dtype());
}
const Derivative derivative::logsumexp{
    [](Gradients& d) { d.set(0, spread(d, d.g()) * ops::exp(d.tensor(0) - spread(d, d.out()))); },
    {input(0) | output(0)}};

}  // namespace descent
