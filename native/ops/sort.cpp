// Sorting along a dim, and what follows from it: top-k, medians, unique elements.
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel sortRowsKernel{"sortRows"};

// Kernels number the elements of a row in 32 bits.
void requireSortable(const Call& call, int64_t size) {
  if (size < (int64_t{1} << 32)) return;
  call.fail("shape", "a dim of " + std::to_string(size) + " elements is too long to sort; 2^32 - 1 can be");
}

void refuseBool(const Call& call) {
  if (call.tensor(0).dtype() == DType::boolean)
    call.fail("dtype", "bool has no order here; use x.to('uint8')");
}

int64_t sizeOfDim(const Tensor& x, int dim) { return x.dims() ? x.size(dim) : 1; }

// Calls a kernel that gives values and their indices along a dim: both have the geometry of `values` with
// that dim last.
void runAlong(const Kernel& kernel, const Tensor& values, const Tensor& indices, const Tensor& x, int dim,
              const int64_t* integers) {
  Launcher(kernel, x.device())
      .out(values, dimLast(values.geometry(), dim))
      .out(indices, dimLast(indices.geometry(), dim))
      .in(x, dimLast(x.geometry(), dim))
      .run(nullptr, integers);
}

void sortInto(Call& call, Tensor& values, Tensor& indices) {
  static const Kernel sortKernel{"sort"};
  const Tensor& x = call.tensor(0);
  const int dim = call.dim(1, x.dims());
  requireSortable(call, sizeOfDim(x, dim));
  values = emptyTensor(x.shape(), x.dtype(), x.device());
  indices = emptyTensor(x.shape(), DType::int64, x.device());
  const int64_t isDescending = call.flag(2);
  if (x.numel() > 0) runAlong(sortKernel, values, indices, x, dim, &isDescending);
}

// Gradients of elements that were picked along a dim, back at their places.
Tensor putBack(const Gradients& d, int64_t dim, const Tensor& indices) {
  return ops::scatterAdd(filledTensor(d.shape(0), d.g().dtype(), d.device(0), 0), dim, indices, d.g());
}

Tensor numberedFrom(const Tensor& like, int64_t count) {
  const Tensor last = emptyTensor(Shape{1}, DType::int64, like.device());
  fillWith(last, count);
  return last;
}

// What sorted elements (or rows) say about equal ones: `isFirst` marks the first of each group.
void describeGroups(Call& call, const Tensor& isFirst, const Tensor& order, const Tensor& sorted) {
  const int64_t count = order.numel();
  const Tensor starts = ops::reshape(ops::nonzero(isFirst), std::vector<int64_t>{-1});
  const Tensor groups = ops::cumsum(isFirst, 0) - 1;
  const Tensor zeros = emptyTensor(order.shape(), DType::int64, order.device());
  fillWith(zeros, 0);
  const Tensor ends = ops::cat(
      std::vector<Tensor>{ops::narrow(starts, 0, 1, starts.numel() - 1), numberedFrom(starts, count)}, 0);
  call.outs[0] = ops::indexSelect(sorted, 0, starts);
  call.outs[1] = ops::scatterAdd(zeros, 0, order, groups);
  call.outs[2] = ends - starts;
}

// The first mark, and then those of whether each differs from the one before.
Tensor withFirst(const Tensor& differs) {
  const Tensor first = emptyTensor(Shape{1}, DType::boolean, differs.device());
  fillWith(first, 1);
  return ops::cat(std::vector<Tensor>{first, differs}, 0);
}

void uniqueElements(Call& call, const Tensor& x) {
  const Tensor flat = ops::reshape(x, std::vector<int64_t>{-1});
  requireSortable(call, flat.numel());
  const int64_t rest = flat.numel() - 1;
  const Tensor order = ops::argsort(flat, 0);
  const Tensor sorted = ops::indexSelect(flat, 0, order);
  const Tensor differs = ops::ne(ops::narrow(sorted, 0, 1, rest), ops::narrow(sorted, 0, 0, rest));
  describeGroups(call, withFirst(differs), order, sorted);
  call.outs[1] = ops::reshape(call.outs[1], x.shape());
}

// Slices along a dim, in the order of their elements.
void uniqueSlices(Call& call, const Tensor& x, int dim) {
  const Tensor moved = ops::movedim(x, std::vector<int64_t>{dim}, std::vector<int64_t>{0});
  const int64_t count = moved.size(0);
  requireSortable(call, count);
  const Tensor rows = asContiguous(ops::reshape(moved, std::vector<int64_t>{count, -1}));
  const Tensor order = emptyTensor(Shape{count}, DType::int64, x.device());
  Launcher(sortRowsKernel, x.device()).out(order).in(rows).run();
  const Tensor sorted = ops::indexSelect(rows, 0, order);
  const Tensor differs =
      ops::any(ops::ne(ops::narrow(sorted, 0, 1, count - 1), ops::narrow(sorted, 0, 0, count - 1)), 1);
  describeGroups(call, withFirst(differs), order, sorted);
  Shape shape = moved.shape();
  shape[0] = call.outs[0].size(0);
  call.outs[0] = contiguousCopy(
      ops::movedim(ops::reshape(call.outs[0], shape), std::vector<int64_t>{0}, std::vector<int64_t>{dim}));
}

}  // namespace

void forward::sort(Call& call) { sortInto(call, call.outs[0], call.outs[1]); }
const Derivative derivative::sort{[](Gradients& d) { d.set(0, putBack(d, d.integer(1), d.out(1))); },
                                  {output(1)}};

void forward::argsort(Call& call) {
  Tensor values;
  sortInto(call, values, call.outs[0]);
}

void forward::topk(Call& call) {
  const Tensor& x = call.tensor(0);
  refuseBool(call);
  const int64_t k = call.integer(1);
  const int dim = call.dim(2, x.dims());
  const int64_t size = sizeOfDim(x, dim);
  requireSortable(call, size);
  if (k < 0 || k > size) {
    call.fail("argument",
              "k must be between 0 and " + std::to_string(size) + ", the size of dim " +
                  std::to_string(call.integer(2)) + ", got " + std::to_string(k),
              {{"k", std::to_string(k)}});
  }
  Shape shape = x.shape();
  if (x.dims()) shape[dim] = k;
  call.outs[0] = emptyTensor(shape, x.dtype(), x.device());
  call.outs[1] = emptyTensor(shape, DType::int64, x.device());
  const int64_t isDescending = call.flag(3);
  if (shape.numel() > 0) runAlong(call.op.kernel, call.outs[0], call.outs[1], x, dim, &isDescending);
}
const Derivative derivative::topk{[](Gradients& d) { d.set(0, putBack(d, d.integer(2), d.out(1))); },
                                  {output(1)}};

void forward::median(Call& call) {
  refuseBool(call);
  const bool isOfAll = !call.has(1);
  if (isOfAll && call.flag(2)) call.fail("argument", "keepdim is for a dim, give one");
  const Tensor x = isOfAll ? ops::reshape(call.tensor(0), std::vector<int64_t>{-1}) : call.tensor(0);
  const int dim = isOfAll ? 0 : call.dim(1, x.dims());
  const int64_t size = sizeOfDim(x, dim);
  requireSortable(call, size);
  if (size == 0 && (!isOfAll || !isFloating(x.dtype()))) {
    call.fail("shape", "there is no median of nothing, dim " + std::to_string(dim) + " of " +
                           x.shape().text() + " is empty");
  }
  Shape shape = x.shape();
  if (x.dims()) shape[dim] = 1;
  Tensor values = emptyTensor(shape, x.dtype(), x.device());
  Tensor indices = emptyTensor(shape, DType::int64, x.device());
  if (size == 0) fillWith(values, __builtin_nan(""));
  if (x.numel() > 0) runAlong(call.op.kernel, values, indices, x, dim, nullptr);
  if (x.dims() && (isOfAll || !call.flag(2))) {
    values = ops::squeeze(values, std::vector<int64_t>{dim});
    indices = ops::squeeze(indices, std::vector<int64_t>{dim});
  }
  call.outs[0] = values;
  if (!isOfAll) call.outs[1] = indices;
}
// With a dim the gradient goes to the element picked; without one it is shared by all that equal it.
const Derivative derivative::median{
    [](Gradients& d) {
      const Shape& shape = d.shape(0);
      if (!d.has(1)) return d.set(0, ops::shareAmongEquals(d.g(), d.tensor(0), d.out()));
      if (shape.dims == 0) return d.set(0, d.g());
      const int64_t dim = wrapDim("median", d.integer(1), shape.dims);
      const Tensor g = d.flag(2) ? d.g() : ops::unsqueeze(d.g(), dim);
      const Tensor indices = d.flag(2) ? d.out(1) : ops::unsqueeze(d.out(1), dim);
      d.set(0, ops::scatterAdd(filledTensor(shape, g.dtype(), d.device(0), 0), dim, indices, g));
    },
    {input(0) | output(0) | output(1)}};

// The elements (or, with a dim, the slices) that differ, in order; which of them each one is; and how often
// each occurs.
void forward::unique(Call& call) {
  const GradModeGuard quiet(false);
  const Tensor& x = call.tensor(0);
  const bool hasDim = call.has(1);
  if (hasDim && x.dims() == 0) call.fail("index", "a scalar has no dim");
  const int dim = hasDim ? call.dim(1, x.dims()) : 0;
  if (x.numel() > 0) return hasDim ? uniqueSlices(call, x, dim) : uniqueElements(call, x);
  if (hasDim) {
    for (int k = 0; k < x.dims(); k++) {
      if (k == dim || x.size(k) > 0) continue;
      call.fail("shape",
                "slices of " + x.shape().text() + " along dim " + std::to_string(dim) + " are empty");
    }
  }
  call.outs[0] = emptyTensor(hasDim ? x.shape() : Shape{0}, x.dtype(), x.device());
  call.outs[1] = emptyTensor(hasDim ? Shape{0} : x.shape(), DType::int64, x.device());
  call.outs[2] = emptyTensor(Shape{0}, DType::int64, x.device());
}

}  // namespace descent
