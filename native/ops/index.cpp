// Elements picked, and added to, by index.
#include <algorithm>

#include "host.h"
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel indexSelectKernel{"indexSelect"};
const Kernel indexAddKernel{"indexAdd"};
const Kernel gatherKernel{"gather"};
const Kernel scatterKernel{"scatter"};
const Kernel scatterAddKernel{"scatterAdd"};
const Kernel scatterMultiplyKernel{"scatterMultiply"};

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

// A scalar counts as a vector of one.
int atLeastOne(int dims) { return std::max(dims, 1); }
int64_t sizeAt(const Tensor& x, int dim) { return x.dims() == 0 ? 1 : x.size(dim); }

// `index` and `x` have as many dims, and index is nowhere larger but along `dim`.
void requireWithin(const Call& call, const Tensor& x, const Tensor& index, int dim, const char* what) {
  bool fits = atLeastOne(index.dims()) == atLeastOne(x.dims());
  for (int k = 0; fits && k < atLeastOne(x.dims()); k++) fits = k == dim || sizeAt(index, k) <= sizeAt(x, k);
  if (fits) return;
  call.fail("shape", "the index " + index.shape().text() + " does not fit " + what + " " + x.shape().text() +
                         " along dim " + std::to_string(dim));
}

// A scalar as a vector of one, because kernels want a dim to work along.
Geometry atLeastVector(const Geometry& x) { return asVector(x); }

void requireMask(const Call& call, const Tensor& mask) {
  if (mask.dtype() == DType::boolean) return;
  call.fail("dtype", std::string("the mask must be bool, got ") + nameOf(mask.dtype()));
}

void requireSameType(const Call& call, const Tensor& x, const Tensor& source) {
  if (source.dtype() == x.dtype()) return;
  call.fail("dtype", std::string("dtypes differ, ") + nameOf(x.dtype()) + " and " + nameOf(source.dtype()));
}

// outs[0] = a copy of x into which `kernel` writes the source at the index. Arguments: x, dim, index, source.
void scatterInto(Call& call, const Kernel& kernel) {
  const Tensor& x = call.tensor(0);
  const Tensor& index = call.tensor(2);
  const Tensor& source = call.tensor(3);
  requireIndices(call, index);
  requireSameDevice(call, x, index);
  requireSameDevice(call, x, source);
  requireSameType(call, x, source);
  const int64_t dim = call.dim(1, atLeastOne(x.dims()));
  if (index.numel() > 0) {
    requireWithin(call, x, index, static_cast<int>(dim), "x");
    requireWithin(call, source, index, -1, "the source");
  }
  const Tensor y = call.outs[0] = contiguousCopy(x);
  if (index.numel() == 0) return;
  Geometry part = atLeastVector(source.geometry());
  part.shape = atLeastVector(index.geometry()).shape;
  Launcher(kernel, x.device())
      .out(y, atLeastVector(y.geometry()))
      .in(source, part)
      .in(index, atLeastVector(index.geometry()))
      .run(nullptr, &dim);
}

// What of a scatter's source lies outside its index had no part in the result.
Tensor gradientOfSource(Gradients& d, const Tensor& g) {
  if (d.tensor(2).numel() == 0) return filledTensor(d.shape(3), d.dtype(3), d.device(3), 0);
  Tensor whole = ops::gather(g, d.integer(1), d.tensor(2));
  for (int k = 0; k < d.shape(3).dims && k < whole.dims(); k++) {
    if (whole.size(k) == d.shape(3)[k]) continue;
    Shape shape = whole.shape();
    shape[k] = d.shape(3)[k];
    whole = ops::sliceBackward(whole, shape, k, 0, 1);
  }
  return whole.shape() == d.shape(3) ? whole : ops::reshape(whole, d.shape(3));
}

// The arguments x, dim, index, source of indexAdd and indexCopy: source is x but for its size along dim,
// which is that of the index. Gives the dim.
int requireSlices(const Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& index = call.tensor(2);
  const Tensor& source = call.tensor(3);
  requireVector(call, index);
  requireSameDevice(call, x, index);
  requireSameDevice(call, x, source);
  requireSameType(call, x, source);
  const int dim = call.dim(1, atLeastOne(x.dims()));
  bool fits = source.dims() == x.dims() && sizeAt(source, dim) == index.numel();
  for (int k = 0; fits && k < x.dims(); k++) fits = k == dim || source.size(k) == x.size(k);
  if (!fits) {
    call.fail("shape", "the source " + source.shape().text() + " must be " + x.shape().text() + " with " +
                           std::to_string(index.numel()) + ", the length of the index, for dim " +
                           std::to_string(dim));
  }
  return dim;
}

// An index along `dim` repeated to a whole shape, as scatter wants it.
Tensor spreadIndex(const Tensor& index, const Shape& shape, int dim) {
  Shape row;
  for (int k = 0; k < shape.dims; k++) row.push(k == dim ? index.numel() : 1);
  return ops::expand(ops::reshape(index, row), shape);
}

// Indices of a dim of `size`, negative ones counted from its end. Nothing waits for a device: its kernels
// look at each index themselves, of several before they are made one number.
Tensor countedFromFront(const Call& call, const Tensor& index, int64_t size, int dim, bool isAlone) {
  if (index.numel() == 0) return ops::toType(index, DType::int64);
  const Tensor wide = ops::toType(index, DType::int64);
  if (index.device() != DeviceId()) {
    const Tensor counted = ops::where(ops::lt(wide, 0), wide + size, wide);
    if (isAlone) return counted;
    const Tensor all = countedTensor(size, 0, 1, index.device());
    return ops::reshape(ops::indexSelect(all, 0, ops::reshape(counted, Shape{counted.numel()})),
                        index.shape());
  }
  const int64_t least = readScalar(ops::amin(wide)).integer, most = readScalar(ops::amax(wide)).integer;
  if (least < -size || most >= size) {
    call.fail("index", "index " + std::to_string(least < -size ? least : most) + " is outside dim " +
                           std::to_string(dim) + " of " + call.tensor(0).shape().text());
  }
  return least < 0 ? ops::where(ops::lt(wide, 0), wide + size, wide) : wide;
}

Shape broadcastIndices(const Call& call, const Shape& a, const Shape& b) {
  try {
    return broadcastShapes(call.name(), a, b);
  } catch (const Error&) {
    call.fail("index", "index tensors of " + a.text() + " and " + b.text() + " do not broadcast together");
  }
}

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
  const int64_t dim = call.dim(1, atLeastOne(x.dims()));
  if (index.numel() > 0) requireWithin(call, x, index, static_cast<int>(dim), "x");
  const Tensor y = call.outs[0] = emptyTensor(index.shape(), x.dtype(), x.device());
  if (y.numel() == 0) return;
  Launcher(gatherKernel, x.device())
      .out(y, atLeastVector(y.geometry()))
      .in(x, atLeastVector(x.geometry()))
      .in(index, atLeastVector(index.geometry()))
      .run(nullptr, &dim);
}
const Derivative derivative::gather{[](Gradients& d) {
                                      const Tensor zeros =
                                          filledTensor(d.shape(0), d.dtype(0), d.device(0), 0);
                                      d.set(0, ops::scatterAdd(zeros, d.integer(1), d.tensor(2), d.g()));
                                    },
                                    {input(2)}};

void forward::scatterAdd(Call& call) { scatterInto(call, scatterAddKernel); }
const Derivative derivative::scatterAdd{[](Gradients& d) {
                                          if (d.needs(0)) d.set(0, d.g());
                                          if (d.needs(3)) d.set(3, gradientOfSource(d, d.g()));
                                        },
                                        {0, 0, 0, input(2)}};

void forward::scatterCore(Call& call) { scatterInto(call, scatterKernel); }
const Derivative derivative::scatterCore{[](Gradients& d) {
                                           if (d.needs(0))
                                             d.set(0, ops::scatter(d.g(), d.integer(1), d.tensor(2), 0));
                                           if (d.needs(3)) d.set(3, gradientOfSource(d, d.g()));
                                         },
                                         {input(2), 0, 0, input(2)}};

void forward::scatterMultiply(Call& call) { scatterInto(call, scatterMultiplyKernel); }
// y = x times the sources that meet there: dx = g times these, and dsource = g y / source.
const Derivative derivative::scatterMultiply{
    [](Gradients& d) {
      if (d.needs(0)) d.set(0, ops::scatterMultiply(d.g(), d.integer(1), d.tensor(2), d.tensor(3)));
      if (d.needs(3)) d.set(3, gradientOfSource(d, d.g() * d.out()) / d.tensor(3));
    },
    {input(2) | input(3), 0, 0, input(2) | input(3) | output(0)}};

void forward::scatter(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& index = call.tensor(2);
  Tensor source = call.tensor(3);
  if (!source.isDefined()) {
    source = emptyTensor(Shape{}, x.dtype(), x.device());
    fillWith(source, call.args.items[3].scalar);
    source = source.alias(source.geometry().expandedTo(index.shape()));
  }
  const int64_t dim = call.integer(1);
  if (!call.has(4)) {
    call.outs[0] = ops::scatterCore(x, dim, index, source);
  } else if (call.text(4) == "add") {
    call.outs[0] = ops::scatterAdd(x, dim, index, source);
  } else if (call.text(4) == "multiply") {
    call.outs[0] = ops::scatterMultiply(x, dim, index, source);
  } else {
    call.fail("argument", "reduce must be \"add\", \"multiply\" or null, got \"" + call.text(4) + "\"");
  }
}

void forward::indexAdd(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& source = call.tensor(3);
  const int dim = requireSlices(call);
  if (x.dims() == 0) {
    const Tensor one = ops::reshape(x, Shape{1}), given = ops::reshape(source, Shape{1});
    call.outs[0] = ops::reshape(ops::indexAdd(one, 0, call.tensor(2), given, call.value(4).scalar), Shape{});
    return;
  }
  call.outs[0] = ops::add(x, ops::indexAddInto(source, x.shape(), dim, call.tensor(2)), call.value(4).scalar);
}

void forward::indexCopy(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& source = call.tensor(3);
  const int dim = requireSlices(call);
  call.outs[0] = ops::scatterCore(x, dim, spreadIndex(call.tensor(2), source.shape(), dim), source);
}

void forward::indexFill(Call& call) {
  const Tensor& x = call.tensor(0);
  Tensor index = call.tensor(2);
  requireVector(call, index);
  requireSameDevice(call, x, index);
  const int dim = call.dim(1, atLeastOne(x.dims()));
  const int64_t size = sizeAt(x, dim);
  Tensor value = call.tensor(3);
  if (value.isDefined() && value.dims() > 0) {
    call.fail("shape", "the value must be a number or a tensor without dims, got " + value.shape().text());
  }
  if (!value.isDefined()) {
    value = emptyTensor(Shape{}, x.dtype(), x.device());
    fillWith(value, call.args.items[3].scalar);
  }
  Shape shape = x.shape();
  if (x.dims() > 0) shape[dim] = index.numel();
  index = ops::where(ops::lt(index, 0), index + size, index);
  call.outs[0] = ops::scatterCore(x, dim, spreadIndex(index, shape, dim),
                                  ops::expand(ops::toType(value, x.dtype()), shape));
}

void forward::maskedFill(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& mask = call.tensor(1);
  requireMask(call, mask);
  Tensor value = call.tensor(2);
  if (value.isDefined() && value.dims() > 0) {
    call.fail("shape", "the value must be a number or a tensor without dims, got " + value.shape().text());
  }
  if (!value.isDefined()) {
    value = emptyTensor(Shape{}, x.dtype(), x.device());
    fillWith(value, call.args.items[2].scalar);
  }
  call.outs[0] = ops::where(mask, ops::toType(value, x.dtype()), x);
}

void forward::maskedSelect(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& mask = call.tensor(1);
  requireMask(call, mask);
  requireSameDevice(call, x, mask);
  const Shape shape = broadcastShapes(call.name(), x.shape(), mask.shape());
  const Tensor places = placesOf(mask.alias(mask.geometry().expandedTo(shape)));
  const Tensor whole = x.shape() == shape ? x : ops::expand(x, shape);
  call.outs[0] = ops::indexSelect(ops::reshape(whole, Shape{shape.numel()}), 0, places);
}

// x[..., i, j, ...]: index k stands for the dims of x from places[k] on, one dim, or as many as a mask has.
// All indices broadcast together; their dims take the place of what they stand for, or come first where that
// is not in one piece.
void forward::at(Call& call) {
  const Tensor& x = call.tensor(0);
  std::vector<Tensor> indices = call.tensors(1);
  const std::vector<int64_t>& places = call.integers(2);
  const int count = static_cast<int>(indices.size());
  if (count == 0 || places.size() != indices.size() || x.dims() == 0) {
    call.fail("argument", "needs a place for each index, and x dims");
  }
  bool isIndexed[kMaxDims] = {};
  Shape common;
  std::vector<int64_t> sizes(indices.size());
  for (int k = 0; k < count; k++) {
    Tensor& index = indices[static_cast<size_t>(k)];
    const int place = static_cast<int>(places[static_cast<size_t>(k)]);
    requireSameDevice(call, x, index);
    const bool isMask = index.dtype() == DType::boolean;
    if (!isMask) requireIndices(call, index);
    const int span = isMask ? index.dims() : 1;
    if (span == 0 || place < 0) call.fail("index", "a mask without dims has no place of its own");
    int64_t& size = sizes[static_cast<size_t>(k)] = 1;
    for (int dim = 0; dim < span; dim++) {
      if (place + dim >= x.dims() || (isMask && index.size(dim) != x.size(place + dim))) {
        call.fail("index", "the mask " + index.shape().text() + " does not fit " + x.shape().text() +
                               " at dim " + std::to_string(place));
      }
      isIndexed[place + dim] = true;
      size *= x.size(place + dim);
    }
    if (isMask) {
      index = placesOf(index);
    } else {
      index = countedFromFront(call, index, size, place, count == 1);
    }
    if (k == 0) {
      common = index.shape();
    } else {
      common = broadcastIndices(call, common, index.shape());
    }
  }
  // Indexed dims side by side, and one number for each combination of their indices.
  int first = 0, last = x.dims() - 1;
  while (!isIndexed[first]) first++;
  while (!isIndexed[last]) last--;
  bool isInOnePiece = true;
  for (int dim = first; dim <= last; dim++) isInOnePiece = isInOnePiece && isIndexed[dim];
  std::vector<int64_t> order;
  for (int dim = 0; dim < x.dims(); dim++) {
    if (isIndexed[dim] || (isInOnePiece && dim < first)) order.push_back(dim);
  }
  for (int dim = 0; dim < x.dims(); dim++) {
    if (!isIndexed[dim] && !(isInOnePiece && dim < first)) order.push_back(dim);
  }
  const int before = isInOnePiece ? first : 0;
  std::vector<int64_t> flat, result;
  int64_t joined = 1;
  for (int64_t dim : order) {
    if (isIndexed[dim]) {
      joined *= x.size(static_cast<int>(dim));
      continue;
    }
    flat.push_back(x.size(static_cast<int>(dim)));
  }
  result = flat;
  flat.insert(flat.begin() + before, joined);
  const std::vector<int64_t> inserted = common.list();
  result.insert(result.begin() + before, inserted.begin(), inserted.end());
  const Shape shape = checkedShape(call.name(), result);

  Tensor position;
  for (int k = 0; k < count; k++) {
    const Tensor& index = indices[static_cast<size_t>(k)];
    position = position.isDefined() ? position * sizes[static_cast<size_t>(k)] + index : index;
  }
  if (position.shape() != common) position = ops::expand(position, common);
  const Tensor source =
      ops::reshape(isInOnePiece ? x : ops::permute(x, order), checkedShape(call.name(), flat));
  const Tensor picked = ops::indexSelect(source, before, ops::reshape(position, Shape{common.numel()}));
  call.outs[0] = picked.shape() == shape ? picked : ops::reshape(picked, shape);
}

}  // namespace descent
