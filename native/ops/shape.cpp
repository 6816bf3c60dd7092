// Other views of the same elements, and tensors put together.
#include <algorithm>

#include "../tensor/promotion.h"
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

// Replaces a -1 by what fits; throws when nothing does.
Shape resolvedShape(const Call& call, const Tensor& x, const std::vector<int64_t>& sizes) {
  const auto fail = [&](std::vector<int64_t> wanted) {
    std::string text;
    for (int64_t size : wanted) text += (text.empty() ? "" : ", ") + std::to_string(size);
    call.fail("shape", x.shape().text() + " cannot be seen as [" + text + "], the number of elements differs",
              {{"from", x.shape().text()}, {"to", "[" + text + "]"}});
  };
  std::vector<int64_t> known = sizes;
  const auto open = std::find(known.begin(), known.end(), -1);
  if (open == known.end()) {
    const Shape shape = checkedShape(call.name(), known);
    if (shape.numel() != x.numel()) fail(sizes);
    return shape;
  }
  *open = 1;
  if (std::find(known.begin(), known.end(), -1) != known.end()) call.fail("shape", "only one size may be -1");
  const int64_t rest = checkedShape(call.name(), known).numel();
  if (rest == 0 || x.numel() % rest != 0) fail(sizes);
  *open = x.numel() / rest;
  return checkedShape(call.name(), known);
}

std::vector<int64_t> listOf(const Shape& shape) { return shape.list(); }

// Dims made positive; each may be named once.
std::vector<int64_t> wrappedDims(const Call& call, const std::vector<int64_t>& dims, int count) {
  std::vector<int64_t> wrapped;
  for (int64_t dim : dims) {
    const int positive = wrapDim(call.name(), dim, count);
    if (std::find(wrapped.begin(), wrapped.end(), positive) != wrapped.end()) {
      call.fail("argument", "dim " + std::to_string(dim) + " is named twice");
    }
    wrapped.push_back(positive);
  }
  return wrapped;
}

const Tensor& nonEmptyList(const Call& call) {
  if (call.tensors(0).empty()) call.fail("argument", "needs at least one tensor");
  return call.tensors(0)[0];
}

// A tensor of [0] takes part in cat without counting, as in PyTorch.
bool isNothing(const Tensor& x) { return x.dims() == 1 && x.size(0) == 0; }

}  // namespace

void forward::view(Call& call) {
  const Tensor& x = call.tensor(0);
  Geometry geometry;
  const Shape shape = resolvedShape(call, x, call.integers(1));
  if (!x.geometry().viewAs(shape, &geometry)) {
    call.fail("shape",
              x.shape().text() + " cannot be seen as " + shape.text() + " without a copy; use reshape");
  }
  call.outs[0] = x.alias(geometry);
}
const Derivative derivative::view{[](Gradients& d) { d.set(0, ops::reshape(d.g(), d.shape(0))); }};

void forward::reshape(Call& call) {
  const Tensor& x = call.tensor(0);
  Geometry geometry;
  const Shape shape = resolvedShape(call, x, call.integers(1));
  const bool isView = x.geometry().viewAs(shape, &geometry);
  call.outs[0] = ops::view(isView ? x : ops::clone(x), shape);
}

void forward::flatten(Call& call) {
  const Tensor& x = call.tensor(0);
  const int start = call.dim(1, x.dims()), end = call.dim(2, x.dims());
  if (start > end) call.fail("argument", "startDim is behind endDim");
  Shape shape;
  for (int dim = 0; dim < start; dim++) shape.push(x.size(dim));
  int64_t joined = 1;
  for (int dim = start; dim <= end && dim < x.dims(); dim++) joined *= x.size(dim);
  shape.push(joined);
  for (int dim = end + 1; dim < x.dims(); dim++) shape.push(x.size(dim));
  call.outs[0] = shape == x.shape() ? x : ops::reshape(x, shape);
}

void forward::permute(Call& call) {
  const Tensor& x = call.tensor(0);
  const std::vector<int64_t> order = wrappedDims(call, call.integers(1), x.dims());
  if (static_cast<int>(order.size()) != x.dims()) {
    call.fail("argument", "needs each of the " + std::to_string(x.dims()) + " dims once, got " +
                              std::to_string(order.size()));
  }
  Geometry geometry = x.geometry();
  for (int dim = 0; dim < x.dims(); dim++) {
    geometry.shape.sizes[dim] = x.geometry().shape.sizes[order[dim]];
    geometry.strides[dim] = x.geometry().strides[order[dim]];
  }
  call.outs[0] = x.alias(geometry);
}
const Derivative derivative::permute{[](Gradients& d) {
  const std::vector<int64_t>& order = d.integers(1);
  std::vector<int64_t> inverse(order.size());
  const int dims = static_cast<int>(order.size());
  for (int dim = 0; dim < dims; dim++) inverse[wrapDim("permute", order[dim], dims)] = dim;
  d.set(0, ops::permute(d.g(), inverse));
}};

void forward::transpose(Call& call) {
  const Tensor& x = call.tensor(0);
  std::vector<int64_t> order;
  for (int dim = 0; dim < x.dims(); dim++) order.push_back(dim);
  const int dim0 = call.dim(1, x.dims()), dim1 = call.dim(2, x.dims());
  if (x.dims() > 0) std::swap(order[dim0], order[dim1]);
  call.outs[0] = ops::permute(x, order);
}

void forward::t(Call& call) {
  const Tensor& x = call.tensor(0);
  if (x.dims() > 2) call.fail("shape", "needs at most 2 dims, got " + x.shape().text());
  call.outs[0] = x.dims() < 2 ? x : ops::permute(x, std::vector<int64_t>{1, 0});
}

void forward::movedim(Call& call) {
  const Tensor& x = call.tensor(0);
  const std::vector<int64_t> from = wrappedDims(call, call.integers(1), x.dims());
  const std::vector<int64_t> to = wrappedDims(call, call.integers(2), x.dims());
  if (from.size() != to.size()) call.fail("argument", "source and destination differ in length");
  if (x.dims() == 0) {  // a dim of 0 or -1 is allowed, but there is none to move
    call.outs[0] = x;
    return;
  }
  std::vector<int64_t> order(x.dims(), -1);
  for (size_t k = 0; k < from.size(); k++) order[to[k]] = from[k];
  int next = 0;
  for (int64_t& dim : order) {
    if (dim >= 0) continue;
    while (std::find(from.begin(), from.end(), next) != from.end()) next++;
    dim = next++;
  }
  call.outs[0] = ops::permute(x, order);
}

void forward::expand(Call& call) {
  const Tensor& x = call.tensor(0);
  std::vector<int64_t> sizes = call.integers(1);
  const int added = static_cast<int>(sizes.size()) - x.dims();
  if (added < 0)
    call.fail("shape",
              "needs at least " + std::to_string(x.dims()) + " sizes, got " + std::to_string(sizes.size()));
  for (int dim = 0; dim < x.dims(); dim++) {
    if (sizes[dim + added] == -1) sizes[dim + added] = x.size(dim);
  }
  const Shape shape = checkedShape(call.name(), sizes);
  for (int dim = 0; dim < x.dims(); dim++) {
    if (x.size(dim) != 1 && x.size(dim) != shape[dim + added]) {
      call.fail("shape", x.shape().text() + " cannot be expanded to " + shape.text());
    }
  }
  call.outs[0] = x.alias(x.geometry().expandedTo(shape));
}
// A gradient is summed to the shape of what it belongs to where it is delivered.
const Derivative derivative::expand{[](Gradients& d) { d.set(0, d.g()); }};

void forward::broadcastTo(Call& call) { call.outs[0] = ops::expand(call.tensor(0), call.integers(1)); }

void forward::squeeze(Call& call) {
  const Tensor& x = call.tensor(0);
  std::vector<int64_t> dropped;
  if (call.has(1)) {
    dropped = wrappedDims(call, call.integers(1), x.dims());
  } else {
    for (int dim = 0; dim < x.dims(); dim++) dropped.push_back(dim);
  }
  Geometry geometry;
  geometry.offset = x.geometry().offset;
  for (int dim = 0; dim < x.dims(); dim++) {
    if (x.size(dim) == 1 && std::find(dropped.begin(), dropped.end(), dim) != dropped.end()) continue;
    geometry.strides[geometry.shape.dims] = x.geometry().strides[dim];
    geometry.shape.push(x.size(dim));
  }
  call.outs[0] = x.alias(geometry);
}
const Derivative derivative::squeeze{[](Gradients& d) { d.set(0, ops::reshape(d.g(), d.shape(0))); }};

void forward::unsqueeze(Call& call) {
  const Tensor& x = call.tensor(0);
  if (x.dims() == kMaxDims)
    call.fail("shape", "more than " + std::to_string(kMaxDims) + " dims are not supported");
  const int place = call.dim(1, x.dims() + 1);
  Geometry geometry;
  geometry.offset = x.geometry().offset;
  for (int dim = 0; dim <= x.dims(); dim++) {
    const int from = dim < place ? dim : dim - 1;
    const bool isNew = dim == place;
    geometry.strides[dim] = !isNew           ? x.geometry().strides[from]
                            : dim < x.dims() ? x.geometry().strides[dim] * std::max<int64_t>(x.size(dim), 1)
                                             : 1;
    geometry.shape.push(isNew ? 1 : x.size(from));
  }
  call.outs[0] = x.alias(geometry);
}
const Derivative derivative::unsqueeze{[](Gradients& d) { d.set(0, ops::reshape(d.g(), d.shape(0))); }};

void forward::select(Call& call) {
  const Tensor& x = call.tensor(0);
  if (x.dims() == 0) call.fail("shape", "a scalar has no dims to select from");
  const int dropped = call.dim(1, x.dims());
  int64_t index = call.integer(2);
  const int64_t size = x.size(dropped);
  if (index < -size || index >= size) {
    call.fail("index", "index " + std::to_string(index) + " is out of range for dim " +
                           std::to_string(dropped) + " of " + x.shape().text());
  }
  if (index < 0) index += size;
  Geometry geometry;
  geometry.offset = x.geometry().offset + index * x.geometry().strides[dropped];
  for (int dim = 0; dim < x.dims(); dim++) {
    if (dim == dropped) continue;
    geometry.strides[geometry.shape.dims] = x.geometry().strides[dim];
    geometry.shape.push(x.size(dim));
  }
  call.outs[0] = x.alias(geometry);
}
const Derivative derivative::select{[](Gradients& d) {
  const int dim = wrapDim("select", d.integer(1), d.shape(0).dims);
  const int64_t index = d.integer(2) < 0 ? d.integer(2) + d.shape(0)[dim] : d.integer(2);
  d.set(0, ops::sliceBackward(ops::unsqueeze(d.g(), dim), d.shape(0), dim, index, 1));
}};

void forward::narrow(Call& call) {
  const Tensor& x = call.tensor(0);
  if (x.dims() == 0) call.fail("shape", "a scalar cannot be narrowed");
  const int dim = call.dim(1, x.dims());
  const int64_t size = x.size(dim), length = call.integer(3);
  const int64_t start = call.integer(2) < 0 ? call.integer(2) + size : call.integer(2);
  if (start < 0 || start > size || length < 0 || length > size - start) {
    call.fail("index", "start " + std::to_string(call.integer(2)) + " and length " + std::to_string(length) +
                           " reach beyond dim " + std::to_string(dim) + " of " + x.shape().text());
  }
  call.outs[0] = ops::slice(x, dim, start, start + length, 1);
}

void forward::slice(Call& call) {
  const Tensor& x = call.tensor(0);
  if (x.dims() == 0) call.fail("shape", "a scalar cannot be sliced");
  const int dim = call.dim(1, x.dims());
  const int64_t size = x.size(dim), step = call.integer(4);
  if (step <= 0) call.fail("argument", "step must be positive, got " + std::to_string(step));
  const auto clip = [&](int64_t index) {
    return std::clamp<int64_t>(index < 0 ? index + size : index, 0, size);
  };
  const int64_t start = call.has(2) ? clip(call.integer(2)) : 0;
  const int64_t end = std::max(start, call.has(3) ? clip(call.integer(3)) : size);
  Geometry geometry = x.geometry();
  geometry.offset += start * geometry.strides[dim];
  geometry.shape.sizes[dim] = (end - start) / step + ((end - start) % step != 0);
  if (geometry.shape.sizes[dim] > 1) geometry.strides[dim] *= step;
  call.outs[0] = x.alias(geometry);
}
const Derivative derivative::slice{[](Gradients& d) {
  const int dim = wrapDim("slice", d.integer(1), d.shape(0).dims);
  const int64_t size = d.shape(0)[dim];
  const int64_t given = d.has(2) ? d.integer(2) : 0;
  const int64_t start = std::clamp<int64_t>(given < 0 ? given + size : given, 0, size);
  d.set(0, ops::sliceBackward(d.g(), d.shape(0), dim, start, d.integer(4)));
}};

// Zeros of a shape with g at every step-th place of a dim.
void forward::sliceBackward(Call& call) {
  const Tensor& g = call.tensor(0);
  const int dim = static_cast<int>(call.integer(2));
  const Tensor y = emptyTensor(checkedShape(call.name(), call.integers(1)), g.dtype(), g.device());
  fillWith(y, 0);
  Geometry geometry = y.geometry();
  geometry.offset += call.integer(3) * geometry.strides[dim];
  geometry.shape.sizes[dim] = g.size(dim);
  geometry.strides[dim] *= call.integer(4);
  if (g.numel() > 0) copyInto(y.alias(geometry), g);
  call.outs[0] = y;
}
const Derivative derivative::sliceBackward{[](Gradients& d) {
  const int dim = static_cast<int>(d.integer(2));
  const int64_t start = d.integer(3), step = d.integer(4);
  const int64_t count = d.shape(0)[dim];
  d.set(0, ops::slice(d.g(), dim, start, count == 0 ? start : start + (count - 1) * step + 1, step));
}};

void forward::detach(Call& call) { call.outs[0] = call.tensor(0).alias(); }
// Nothing flows through; it is a row of views only so that it says so in the table.
const Derivative derivative::detach{};

void forward::cat(Call& call) {
  nonEmptyList(call);
  const std::vector<Tensor>& tensors = call.tensors(0);
  const Tensor* first = &tensors[0];
  for (const Tensor& tensor : tensors) {
    if (isNothing(*first)) first = &tensor;
  }
  if (first->dims() == 0) call.fail("shape", "scalars cannot be joined; use stack");
  const int dim = call.dim(1, first->dims());
  Shape shape = first->shape();
  shape[dim] = 0;
  DType dtype = tensors[0].dtype();
  for (const Tensor& tensor : tensors) {
    dtype = promote(dtype, tensor.dtype());
    requireSameDevice(call, *first, tensor);
    if (isNothing(tensor)) continue;
    bool fits = tensor.dims() == shape.dims;
    for (int k = 0; fits && k < shape.dims; k++) fits = k == dim || tensor.size(k) == shape[k];
    if (!fits) {
      call.fail("shape", "shapes differ elsewhere than in dim " + std::to_string(dim) + ", " +
                             first->shape().text() + " and " + tensor.shape().text());
    }
    shape[dim] += tensor.size(dim);
    shape = checkedShape(call.name(), listOf(shape));  // each time: a sum of sizes must not overflow
  }
  const Tensor y = emptyTensor(shape, dtype, first->device());
  Geometry part = y.geometry();
  for (const Tensor& tensor : tensors) {
    if (isNothing(tensor)) continue;
    part.shape[dim] = tensor.size(dim);
    copyInto(y.alias(part), tensor);
    part.offset += tensor.size(dim) * part.strides[dim];
  }
  call.outs[0] = y;
}
const Derivative derivative::cat{[](Gradients& d) {
  const int dim = wrapDim("cat", d.integer(1), d.g().dims());
  const int count = static_cast<int>(d.listSize(0));
  int64_t start = 0;
  for (int k = 0; k < count; k++) {
    const Shape& shape = d.shape(0, k);
    const bool isNothing = shape.dims == 1 && shape[0] == 0;
    const int64_t size = isNothing ? 0 : shape[dim];
    if (d.needs(0, k)) {
      d.set(0, k,
            isNothing ? filledTensor(shape, d.g().dtype(), d.g().device(), 0)
                      : ops::slice(d.g(), dim, start, start + size));
    }
    start += size;
  }
}};

void forward::stack(Call& call) {
  const Tensor& first = nonEmptyList(call);
  const int dim = call.dim(1, first.dims() + 1);
  std::vector<Tensor> parts;
  for (const Tensor& tensor : call.tensors(0)) {
    if (tensor.shape() != first.shape()) {
      call.fail("shape", "shapes differ, " + first.shape().text() + " and " + tensor.shape().text());
    }
    parts.push_back(ops::unsqueeze(tensor, dim));
  }
  call.outs[0] = ops::cat(parts, dim);
}

}  // namespace descent
