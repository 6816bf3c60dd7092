// A view by its strides within a contiguous base, and back: how the history of a view is written anew after
// an in-place change.
#include <algorithm>
#include <utility>
#include <vector>

#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

// The part of a contiguous tensor that a view of `shape` shows; it must lie within it.
Geometry partOf(const Tensor& base, const Shape& shape, const std::vector<int64_t>& strides, int64_t offset) {
  int64_t room = base.numel() - 1 - offset;  // from the first element of the part to the last of the base
  bool fits = static_cast<int>(strides.size()) == shape.dims && offset >= 0 && offset <= base.numel();
  for (int dim = 0; fits && dim < shape.dims; dim++) {
    const int64_t stride = strides[static_cast<size_t>(dim)], steps = shape.sizes[dim] - 1;
    if (shape.numel() == 0 || steps <= 0) continue;
    fits = stride >= 0 && stride <= std::max<int64_t>(room, 0) / steps;
    room -= fits ? stride * steps : 0;
  }
  if (!fits || (room < 0 && shape.numel() > 0)) {
    throw Error("autograd", "asStrided",
                "a view does not lie within its base any more; was the data of one of them replaced?");
  }
  Geometry part;
  part.shape = shape;
  part.offset = base.geometry().offset + offset;
  for (int dim = 0; dim < shape.dims; dim++) part.strides[dim] = strides[static_cast<size_t>(dim)];
  return part;
}

// Whether two indices of a view show one element though no stride is 0, as windows that overlap do.
bool overlaps(const Shape& shape, const std::vector<int64_t>& strides) {
  std::vector<std::pair<int64_t, int64_t>> steps;
  for (int dim = 0; dim < shape.dims; dim++) {
    const int64_t stride = strides[static_cast<size_t>(dim)];
    if (shape.numel() > 0 && shape[dim] > 1 && stride > 0) steps.push_back({stride, shape[dim]});
  }
  std::sort(steps.begin(), steps.end());
  int64_t reach = 0;
  for (const auto& [stride, size] : steps) {
    if (stride <= reach) return true;
    reach += stride * (size - 1);
  }
  return false;
}

}  // namespace

void forward::asStrided(Call& call) {
  const Tensor& x = call.tensor(0);
  call.outs[0] =
      x.alias(partOf(x, checkedShape(call.name(), call.integers(1)), call.integers(2), call.integer(3)));
}
const Derivative derivative::asStrided{
    [](Gradients& d) { d.set(0, ops::asStridedBackward(d.g(), d.shape(0), d.integers(2), d.integer(3))); }};

// Zeros of a shape with g at the places of the view; what the view repeats is added up.
void forward::asStridedBackward(Call& call) {
  Tensor g = call.tensor(0);
  const std::vector<int64_t>& strides = call.integers(2);
  std::vector<int64_t> repeated;
  for (int dim = 0; dim < g.dims(); dim++) {
    if (strides[static_cast<size_t>(dim)] == 0 && g.size(dim) > 1) repeated.push_back(dim);
  }
  if (!repeated.empty()) g = ops::sum(g, repeated, true);
  const Shape shape = checkedShape(call.name(), call.integers(1));
  if (overlaps(g.shape(), strides)) {
    const Tensor places = countedTensor(shape.numel(), 0, 1, g.device());
    const Tensor seen = contiguousCopy(places.alias(partOf(places, g.shape(), strides, call.integer(3))));
    const Tensor flat = ops::indexAddInto(ops::reshape(g, Shape{g.numel()}), Shape{shape.numel()}, 0,
                                          ops::reshape(seen, Shape{g.numel()}));
    call.outs[0] = ops::reshape(flat, shape);
    return;
  }
  const Tensor y = emptyTensor(shape, g.dtype(), g.device());
  fillWith(y, 0);
  copyInto(y.alias(partOf(y, g.shape(), strides, call.integer(3))), g);
  call.outs[0] = y;
}
const Derivative derivative::asStridedBackward{[](Gradients& d) {
  d.set(0, ops::asStrided(ops::contiguous(d.g()), d.shape(0), d.integers(2), d.integer(3)));
}};

// A copy of x with source at the places of the view.
void forward::asStridedScatter(Call& call) {
  const Tensor& source = call.tensor(1);
  const Tensor y = contiguousCopy(call.tensor(0));
  copyInto(y.alias(partOf(y, source.shape(), call.integers(2), call.integer(3))), source);
  call.outs[0] = y;
}
const Derivative derivative::asStridedScatter{[](Gradients& d) {
  if (d.needs(0))
    d.set(0, ops::asStridedScatter(d.g(), filledTensor(d.shape(1), d.g().dtype(), d.g().device(), 0),
                                   d.integers(2), d.integer(3)));
  if (d.needs(1)) d.set(1, ops::asStrided(ops::contiguous(d.g()), d.shape(1), d.integers(2), d.integer(3)));
}};

}  // namespace descent
