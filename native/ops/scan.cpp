// Running sums and products along a dim, and the indices of nonzero elements.
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel cumsumKernel{"cumsum"};

Tensor scanned(const Kernel& kernel, const Tensor& x, int dim, bool reverse) {
  const Tensor y = emptyTensor(x.shape(), x.dtype(), x.device());
  if (y.numel() == 0) return y;
  const int64_t isReverse = reverse;
  Launcher(kernel, x.device())
      .out(y, dimLast(y.geometry(), dim))
      .in(x, dimLast(x.geometry(), dim))
      .run(nullptr, &isReverse);
  return y;
}

void scan(Call& call) {
  const Tensor& x = call.tensor(0);
  const int dim = call.dim(1, x.dims());
  const DType dtype = call.dtype(2, isFloating(x.dtype()) ? x.dtype() : DType::int64);
  if (dtype == DType::boolean) call.fail("dtype", "the result cannot be bool; use int64");
  call.outs[0] = scanned(call.op.kernel, castTo(x, dtype), dim, false);
}

// Each element moved one place further along a dim, or (by -1) one place back; zero where there is none.
Tensor shifted(const Tensor& x, int64_t dim, int by) {
  const int64_t kept = x.size(static_cast<int>(dim)) - 1;
  if (kept < 1) return ops::zerosLike(ops::detach(x));
  const Tensor part = ops::narrow(x, dim, by > 0 ? 0 : 1, kept);
  return ops::sliceBackward(part, x.shape(), dim, by > 0 ? 1 : 0, 1);
}

// One at the first or last place along a dim, zero elsewhere.
Tensor oneAtEnd(const Tensor& like, int64_t dim, bool last) {
  Shape shape = like.shape();
  const int64_t at = last ? shape[static_cast<int>(dim)] - 1 : 0;
  shape[static_cast<int>(dim)] = 1;
  const Tensor one = emptyTensor(shape, like.dtype(), like.device());
  fillWith(one, 1);
  return ops::sliceBackward(one, like.shape(), dim, at, 1);
}

}  // namespace

void forward::cumsum(Call& call) { scan(call); }
const Derivative derivative::cumsum{[](Gradients& d) { d.set(0, ops::cumsumReverse(d.g(), d.integer(1))); }};

// The same from the end: y[k] = x[k] + x[k + 1] + ...
void forward::cumsumReverse(Call& call) {
  const Tensor& x = call.tensor(0);
  call.outs[0] = scanned(cumsumKernel, x, call.dim(1, x.dims()), true);
}
const Derivative derivative::cumsumReverse{[](Gradients& d) { d.set(0, ops::cumsum(d.g(), d.integer(1))); }};

void forward::cumprod(Call& call) { scan(call); }
// dx[k] = (the product of x before k) times s[k], where s[k] = dy[k] + x[k + 1] s[k + 1]. Nothing is divided,
// so zeros need no care.
const Derivative derivative::cumprod{
    [](Gradients& d) {
      const Tensor& x = d.tensor(0);
      if (x.dims() == 0 || x.numel() == 0) return d.set(0, d.g());
      const int64_t dim = wrapDim("cumprod", d.integer(1), x.dims());
      const Tensor factors = ops::cast(x, d.g().dtype());
      const Tensor before =
          ops::recurrence(shifted(factors, dim, 1), oneAtEnd(d.g(), dim, false), dim, false);
      d.set(0, before * ops::recurrence(shifted(factors, dim, -1), d.g(), dim, true));
    },
    {input(0)}};

// y[k] = b[k] + a[k] y[k - 1] along a dim, or y[k] = b[k] + a[k] y[k + 1] from its end; a and b have one
// shape.
void forward::recurrence(Call& call) {
  const Tensor& a = call.tensor(0);
  const Tensor& b = call.tensor(1);
  const int dim = call.dim(2, a.dims());
  const int64_t isReverse = call.flag(3);
  const Tensor y = call.outs[0] = emptyTensor(a.shape(), a.dtype(), a.device());
  if (y.numel() == 0) return;
  Launcher(call.op.kernel, a.device())
      .out(y, dimLast(y.geometry(), dim))
      .in(a, dimLast(a.geometry(), dim))
      .in(b, dimLast(b.geometry(), dim))
      .run(nullptr, &isReverse);
}
// db[k] = dy[k] + a[k + 1] db[k + 1], da[k] = db[k] y[k - 1]
const Derivative derivative::recurrence{[](Gradients& d) {
                                          const int64_t dim = d.integer(2);
                                          const int forwards = d.flag(3) ? -1 : 1;
                                          const Tensor db = ops::recurrence(
                                              shifted(d.tensor(0), dim, -forwards), d.g(), dim, !d.flag(3));
                                          if (d.needs(0)) d.set(0, db * shifted(d.out(), dim, forwards));
                                          if (d.needs(1)) d.set(1, db);
                                        },
                                        {input(0) | output(0), input(0)}};

// For each element the product of all others along a dim. No division, so it is right at zeros, and so are
// its derivatives.
void forward::productOfOthers(Call& call) {
  const Tensor& x = call.tensor(0);
  const int64_t dim = call.dim(1, x.dims());
  const Tensor before = ops::recurrence(shifted(x, dim, 1), oneAtEnd(x, dim, false), dim, false);
  const Tensor behind = ops::recurrence(shifted(x, dim, -1), oneAtEnd(x, dim, true), dim, true);
  call.outs[0] = before * behind;
}

// [N, dims] int64: where x is not zero, in row-major order. Waits for the device, because N must be known.
void forward::nonzero(Call& call) {
  static const Kernel nonzeroKernel{"nonzero"};
  const Tensor& x = call.tensor(0);
  const int64_t count = readScalar(ops::countNonzero(ops::detach(x))).integer;
  const Tensor y = call.outs[0] =
      emptyTensor(checkedShape(call.name(), {count, x.dims()}), DType::int64, x.device());
  if (y.numel() == 0) return;
  Launcher(nonzeroKernel, x.device()).out(y).in(x).run();
}

}  // namespace descent
