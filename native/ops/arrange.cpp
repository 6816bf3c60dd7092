// Elements repeated, turned round, padded, and seen through windows.
#include <algorithm>

#include "host.h"
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel addKernel{"add"};

// Places joined into three dims: those before `dim`, `dim` itself, those behind it.
Shape aroundDim(const Tensor& x, int dim) {
  Shape shape{1, x.size(dim), 1};
  for (int k = 0; k < dim; k++) shape[0] *= x.size(k);
  for (int k = dim + 1; k < x.dims(); k++) shape[2] *= x.size(k);
  return shape;
}

// x with `dim` of another size, from `x` seen around that dim.
Shape withSize(const Call& call, const Shape& shape, int dim, int64_t size) {
  std::vector<int64_t> sizes = shape.list();
  sizes[static_cast<size_t>(dim)] = size;
  return checkedShape(call.name(), sizes);
}

int64_t checkedProduct(const Call& call, int64_t a, int64_t b) {
  if (a != 0 && b > (int64_t{1} << 53) / a) call.fail("shape", "the result would have too many elements");
  return a * b;
}

Tensor rolled(const Tensor& x, int64_t shift, int dim) {
  const int64_t size = x.size(dim);
  if (size == 0) return ops::clone(x);
  const int64_t first = (size - shift % size) % size;  // the index that comes to stand at 0
  if (first == 0) return ops::clone(x);
  const std::vector<Tensor> parts{ops::narrow(x, dim, first, size - first), ops::narrow(x, dim, 0, first)};
  return ops::cat(parts, dim);
}

// Where the two dims of a diagonal begin and how long it is.
struct Diagonal {
  int dim1, dim2;
  int64_t length, start;

  Diagonal(const char* op, const Geometry& x, int64_t offset, int64_t first, int64_t second) {
    dim1 = wrapDim(op, first, x.shape.dims);
    dim2 = wrapDim(op, second, x.shape.dims);
    if (dim1 == dim2) throw Error("argument", op, "the two dims of a diagonal must differ");
    const int64_t rows = x.shape[dim1], columns = x.shape[dim2];
    length = offset >= 0 ? std::min(rows, offset > columns ? 0 : columns - offset)
                         : std::min(offset < -rows ? 0 : rows + offset, columns);
    start = length == 0 ? 0 : offset >= 0 ? offset * x.strides[dim2] : -offset * x.strides[dim1];
  }

  Geometry of(const Geometry& x) const {
    Geometry geometry;
    geometry.offset = x.offset + start;
    for (int dim = 0; dim < x.shape.dims; dim++) {
      if (dim == dim1 || dim == dim2) continue;
      geometry.strides[geometry.shape.dims] = x.strides[dim];
      geometry.shape.push(x.shape[dim]);
    }
    geometry.strides[geometry.shape.dims] = x.strides[dim1] + x.strides[dim2];
    geometry.shape.push(length);
    return geometry;
  }
};

}  // namespace

void forward::flip(Call& call) {
  Tensor y = call.tensor(0);
  const int dims = y.dims();
  bool isFlipped[kMaxDims] = {};
  for (int64_t given : call.integers(1)) {
    const int dim = wrapDim(call.name(), given, dims);
    if (isFlipped[dim]) call.fail("argument", "dim " + std::to_string(given) + " is named twice");
    isFlipped[dim] = true;
  }
  for (int dim = 0; dim < dims; dim++) {
    const int64_t size = y.size(dim);
    if (!isFlipped[dim] || size < 2) continue;
    y = ops::indexSelect(y, dim, countedTensor(size, size - 1, -1, y.device()));
  }
  call.outs[0] = y.isSame(call.tensor(0)) ? contiguousCopy(y) : y;
}
const Derivative derivative::flip{[](Gradients& d) { d.set(0, ops::flip(d.g(), d.integers(1))); }};

void forward::roll(Call& call) {
  const Tensor& x = call.tensor(0);
  const std::vector<int64_t>& shifts = call.integers(1);
  const std::vector<int64_t> dims = call.has(2) ? call.integers(2) : std::vector<int64_t>{};
  if (shifts.empty()) call.fail("argument", "needs at least one shift");
  if (dims.empty()) {
    if (shifts.size() != 1) call.fail("argument", "several shifts need as many dims");
    const Tensor flat = ops::reshape(x, Shape{x.numel()});
    call.outs[0] = ops::reshape(rolled(flat, shifts[0], 0), x.shape());
    return;
  }
  if (shifts.size() != dims.size()) {
    call.fail("argument", "shifts and dims must be as many, got " + std::to_string(shifts.size()) + " and " +
                              std::to_string(dims.size()));
  }
  Tensor y = x;
  for (size_t k = 0; k < dims.size(); k++) {
    const int dim = wrapDim(call.name(), dims[k], x.dims());
    y = x.dims() == 0 ? ops::clone(y) : rolled(y, shifts[k], dim);
  }
  call.outs[0] = y;
}

void forward::repeat(Call& call) {
  const Tensor& x = call.tensor(0);
  const std::vector<int64_t>& repeats = call.integers(1);
  const int added = static_cast<int>(repeats.size()) - x.dims();
  if (added < 0) {
    call.fail("shape", "needs a number for each of the " + std::to_string(x.dims()) + " dims, got " +
                           std::to_string(repeats.size()));
  }
  std::vector<int64_t> sizes;
  for (int k = 0; k < added; k++) sizes.push_back(1);
  for (int k = 0; k < x.dims(); k++) sizes.push_back(x.size(k));
  Tensor y = ops::reshape(x, checkedShape(call.name(), sizes));
  for (size_t k = 0; k < repeats.size(); k++) {
    if (repeats[k] < 0) call.fail("argument", "cannot repeat " + std::to_string(repeats[k]) + " times");
    sizes[k] = checkedProduct(call, sizes[k], repeats[k]);
  }
  const Shape result = checkedShape(call.name(), sizes);
  // One dim at a time, the last one first: the copies are small before they are large.
  for (int k = static_cast<int>(repeats.size()) - 1; k >= 0; k--) {
    const int64_t times = repeats[static_cast<size_t>(k)];
    if (times == 1) continue;
    const Shape around = aroundDim(y, k);
    const int64_t block = around[1] * around[2];
    const Tensor blocks = ops::reshape(y, Shape{around[0], 1, block});
    const Shape wider = withSize(call, y.shape(), k, y.size(k) * times);
    y = ops::reshape(ops::expand(blocks, Shape{around[0], times, block}), wider);
  }
  call.outs[0] = y.isSame(x) || &y.storage() == &x.storage() ? ops::clone(ops::reshape(y, result)) : y;
}

void forward::repeatInterleave(Call& call) {
  const Tensor given = call.tensor(0);
  const bool isFlat = !call.has(2);
  const Tensor x = isFlat || given.dims() == 0 ? ops::reshape(given, Shape{given.numel()}) : given;
  const int dim = isFlat ? 0 : call.dim(2, x.dims());
  const int64_t size = x.size(dim);
  std::vector<int64_t> counts(1);
  if (call.args.items[1].isTensor()) {
    const Tensor& repeats = call.tensor(1);
    requireIndices(call, repeats);
    if (repeats.dims() > 1) {
      call.fail("shape", "repeats must have at most 1 dim, got " + repeats.shape().text());
    }
    counts = hostIntegers(repeats);
  } else {
    const Scalar& number = call.args.items[1].scalar;
    if (number.isFractional() || number.number != number.number) {
      call.fail("argument", "repeats must be a whole number or a tensor of them");
    }
    counts[0] = number.integer;
  }
  if (counts.size() != 1 && static_cast<int64_t>(counts.size()) != size) {
    call.fail("shape", "repeats has " + std::to_string(counts.size()) + " numbers for the " +
                           std::to_string(size) + " indices of dim " + std::to_string(dim));
  }
  for (int64_t count : counts) {
    if (count < 0) call.fail("argument", "cannot repeat " + std::to_string(count) + " times");
  }
  int64_t total = counts.size() == 1 ? checkedProduct(call, size, counts[0]) : 0;
  if (counts.size() != 1) {
    for (int64_t count : counts) {
      if (count > (int64_t{1} << 53) - total) call.fail("shape", "the result would have too many elements");
      total += count;
    }
  }
  if (call.has(3) && call.integer(3) != total) {
    call.fail("argument", "outputSize is " + std::to_string(call.integer(3)) + ", the repeats add up to " +
                              std::to_string(total));
  }
  const Shape result = withSize(call, x.shape(), dim, total);
  if (counts.size() == 1) {
    const Shape around = aroundDim(x, dim);
    const int64_t rows = around[0] * around[1];
    const Tensor single = ops::reshape(x, Shape{rows, 1, around[2]});
    const Tensor y = ops::reshape(ops::expand(single, Shape{rows, counts[0], around[2]}), result);
    call.outs[0] = &y.storage() == &given.storage() ? ops::clone(y) : y;
    return;
  }
  std::vector<int64_t> index;
  index.reserve(static_cast<size_t>(total));
  for (size_t k = 0; k < counts.size(); k++)
    index.insert(index.end(), static_cast<size_t>(counts[k]), static_cast<int64_t>(k));
  call.outs[0] = ops::indexSelect(x, dim, tensorOf(index, x.device()));
}

// y of the padded shape; the last dims come first in `pad`. What lies in both is copied.
void forward::constantPad(Call& call) {
  const Tensor& x = call.tensor(0);
  const std::vector<int64_t>& pad = call.integers(1);
  std::vector<int64_t> sizes = x.shape().list();
  Geometry from = x.geometry();
  std::vector<int64_t> starts(sizes.size(), 0);
  for (size_t k = 0; 2 * k < pad.size(); k++) {
    const int dim = x.dims() - 1 - static_cast<int>(k);
    const int64_t before = pad[2 * k], after = pad[2 * k + 1], size = x.size(dim);
    sizes[static_cast<size_t>(dim)] = size + before + after;
    if (size + before + after < 0) {
      call.fail("shape", "dim " + std::to_string(dim) + " of " + x.shape().text() + " cannot be cut by " +
                             std::to_string(-(before + after)));
    }
    const int64_t first = std::min(size, std::max<int64_t>(0, -before));
    const int64_t last = std::max(first, std::min(size, size + after));
    from.shape[dim] = last - first;
    if (last > first) from.offset += first * from.strides[dim];
    starts[static_cast<size_t>(dim)] = std::max<int64_t>(0, before);
  }
  const Tensor y = emptyTensor(checkedShape(call.name(), sizes), x.dtype(), x.device());
  fillWith(y, call.args.items[2].scalar);
  call.outs[0] = y;
  if (from.shape.numel() == 0 || y.numel() == 0) return;
  Geometry to = y.geometry();
  for (int dim = 0; dim < x.dims(); dim++) to.offset += starts[static_cast<size_t>(dim)] * to.strides[dim];
  to.shape = from.shape;
  copyInto(y.alias(to), x.alias(from));
}
const Derivative derivative::constantPad{[](Gradients& d) {
  std::vector<int64_t> back = d.integers(1);
  for (int64_t& size : back) size = -size;
  d.set(0, ops::constantPad(d.g(), back, 0));
}};

void forward::pad(Call& call) {
  const Tensor& x = call.tensor(0);
  const std::vector<int64_t>& pad = call.integers(1);
  const std::string& mode = call.text(2);
  const size_t count = pad.size() / 2;
  if (pad.size() % 2 != 0) {
    call.fail("argument", "pad must have two numbers for each dim, got " + std::to_string(pad.size()));
  }
  if (count > static_cast<size_t>(x.dims())) {
    call.fail("argument", "pad has numbers for " + std::to_string(count) + " dims, x is " + x.shape().text());
  }
  constexpr int64_t kMost = int64_t{1} << 53;
  for (int64_t size : pad) {
    if (size > kMost || size < -kMost) call.fail("argument", "pad has a number beyond all bounds");
  }
  if (mode == "constant") {
    call.outs[0] = ops::constantPad(x, pad, call.has(3) ? call.args.items[3].scalar : Scalar(0));
    return;
  }
  const bool isReflect = mode == "reflect", isCircular = mode == "circular";
  if (!isReflect && !isCircular && mode != "replicate") {
    call.fail("argument",
              "mode must be \"constant\", \"reflect\", \"replicate\" or \"circular\", got \"" + mode + "\"");
  }
  if (call.has(3) && call.number(3) != 0) call.fail("argument", "mode \"" + mode + "\" takes no value");
  const int dims = x.dims(), padded = static_cast<int>(count);
  if (padded < 1 || padded > 3 || (dims != padded + 1 && dims != padded + 2)) {
    call.fail("shape", "mode \"" + mode +
                           "\" pads the last 1, 2 or 3 dims of a tensor with one or two more, got " +
                           std::to_string(padded) + " dims of " + x.shape().text());
  }
  Tensor y = x;
  for (int k = 0; k < padded; k++) {
    const int dim = dims - 1 - k;
    const int64_t before = pad[2 * static_cast<size_t>(k)], after = pad[2 * static_cast<size_t>(k) + 1];
    const int64_t size = x.size(dim), most = isReflect ? size - 1 : size;
    if (mode != "replicate" && (before > most || after > most)) {
      call.fail("shape", "mode \"" + mode + "\" can add at most " +
                             std::to_string(std::max<int64_t>(most, 0)) + " at each end of dim " +
                             std::to_string(dim) + " of " + x.shape().text() + ", asked for " +
                             std::to_string(before) + " and " + std::to_string(after));
    }
    const int64_t length = size + before + after;
    if (length < 1 || size < 1) {
      call.fail("shape", "nothing would be left of dim " + std::to_string(dim) + " of " + x.shape().text());
    }
    if (before == 0 && after == 0) continue;
    checkedShape(call.name(), {length});
    // Circular padding repeats what is left after negative padding has cut.
    const int64_t cut = std::max<int64_t>(0, -before);
    const int64_t period = size - cut - std::max<int64_t>(0, -after);
    if (isCircular && period < 1) call.fail("shape", "nothing would be left of dim " + std::to_string(dim));
    std::vector<int64_t> index(static_cast<size_t>(length));
    for (int64_t i = 0; i < length; i++) {
      int64_t place = i - before;
      if (isCircular) {
        place = ((place - cut) % period + period) % period + cut;
      } else if (isReflect) {
        place = place < 0 ? -place : place >= size ? 2 * (size - 1) - place : place;
      } else {
        place = std::clamp<int64_t>(place, 0, size - 1);
      }
      index[static_cast<size_t>(i)] = place;
    }
    y = ops::indexSelect(y, dim, tensorOf(index, x.device()));
  }
  call.outs[0] = y.isSame(x) ? ops::clone(x) : y;
}

void forward::unfold(Call& call) {
  const Tensor& x = call.tensor(0);
  const int dim = call.dim(1, std::max(x.dims(), 1));
  const int64_t size = call.integer(2), step = call.integer(3);
  const int64_t length = x.dims() == 0 ? 1 : x.size(dim);
  if (x.dims() == kMaxDims)
    call.fail("shape", "more than " + std::to_string(kMaxDims) + " dims are not supported");
  if (size < 0 || size > length) {
    call.fail("argument", "size must be within [0, " + std::to_string(length) + "] for dim " +
                              std::to_string(dim) + " of " + x.shape().text() + ", got " +
                              std::to_string(size));
  }
  if (step <= 0) call.fail("argument", "step must be positive, got " + std::to_string(step));
  Geometry geometry = x.geometry();
  const int64_t stride = x.dims() == 0 ? 1 : geometry.strides[dim];
  if (x.dims() > 0) {
    const int64_t windows = (length - size) / step + 1;
    geometry.shape[dim] = windows;
    if (windows > 1) geometry.strides[dim] *= step;
  }
  geometry.strides[geometry.shape.dims] = stride;
  geometry.shape.push(size);
  requireCountable(call.name(), geometry.shape);
  call.outs[0] = x.alias(geometry);
}
const Derivative derivative::unfold{[](Gradients& d) {
  d.set(0, ops::unfoldBackward(d.g(), d.shape(0), d.integer(1), d.integer(2), d.integer(3)));
}};

// Zeros of a shape, with every window of g added where it was seen: one place of all windows at a time, since
// windows may overlap and places within one do not.
void forward::unfoldBackward(Call& call) {
  const Tensor& g = call.tensor(0);
  const Tensor y = emptyTensor(checkedShape(call.name(), call.integers(1)), g.dtype(), g.device());
  fillWith(y, 0);
  call.outs[0] = y;
  if (g.numel() == 0) return;
  const int last = g.dims() - 1;
  const int dim = wrapDim(call.name(), call.integer(2), std::max(last, 1));
  const int64_t size = call.integer(3), step = call.integer(4);
  const double alpha = 1;
  for (int64_t k = 0; k < size; k++) {
    Geometry to = y.geometry(), from = g.geometry();
    from.shape.dims = last;
    from.offset += k * g.geometry().strides[last];
    if (last > 0) {
      to.offset += k * to.strides[dim];
      to.shape[dim] = from.shape[dim];
      to.strides[dim] *= step;
    }
    Launcher(addKernel, y.device()).out(y, to).in(y, to).in(g, from).run(&alpha);
  }
}
const Derivative derivative::unfoldBackward{
    [](Gradients& d) { d.set(0, ops::unfold(d.g(), d.integer(2), d.integer(3), d.integer(4))); }};

void forward::diagonal(Call& call) {
  const Tensor& x = call.tensor(0);
  if (x.dims() < 2) call.fail("shape", "needs at least 2 dims, got " + x.shape().text());
  const Diagonal diagonal(call.name(), x.geometry(), call.integer(1), call.integer(2), call.integer(3));
  call.outs[0] = x.alias(diagonal.of(x.geometry()));
}
const Derivative derivative::diagonal{[](Gradients& d) {
  d.set(0, ops::diagonalBackward(d.g(), d.shape(0), d.integer(1), d.integer(2), d.integer(3)));
}};

// Zeros of a shape with g on the diagonal.
void forward::diagonalBackward(Call& call) {
  const Tensor& g = call.tensor(0);
  const Tensor y = emptyTensor(checkedShape(call.name(), call.integers(1)), g.dtype(), g.device());
  fillWith(y, 0);
  const Diagonal diagonal(call.name(), y.geometry(), call.integer(2), call.integer(3), call.integer(4));
  if (g.numel() > 0) copyInto(y.alias(diagonal.of(y.geometry())), g);
  call.outs[0] = y;
}
const Derivative derivative::diagonalBackward{
    [](Gradients& d) { d.set(0, ops::diagonal(d.g(), d.integer(2), d.integer(3), d.integer(4))); }};

void forward::diag(Call& call) {
  const Tensor& x = call.tensor(0);
  const int64_t offset = call.integer(1);
  if (x.dims() == 2) {
    call.outs[0] = ops::clone(ops::diagonal(x, offset));
  } else if (x.dims() == 1) {
    constexpr int64_t kMost = int64_t{1} << 53;
    if (offset > kMost || offset < -kMost) call.fail("argument", "there is no such diagonal");
    const int64_t size = x.size(0) + (offset < 0 ? -offset : offset);
    call.outs[0] = ops::diagonalBackward(x, checkedShape(call.name(), {size, size}), offset, 0, 1);
  } else {
    call.fail("shape", "needs 1 or 2 dims, got " + x.shape().text());
  }
}

void forward::unflatten(Call& call) {
  const Tensor& x = call.tensor(0);
  if (x.dims() == 0) call.fail("shape", "a scalar has no dim to unflatten");
  const int dim = call.dim(1, x.dims());
  std::vector<int64_t> parts = call.integers(2);
  if (parts.empty()) call.fail("argument", "needs at least one size");
  int64_t known = 1;
  const auto open = std::find(parts.begin(), parts.end(), -1);
  for (auto part = parts.begin(); part != parts.end(); ++part) {
    if (part == open) continue;
    const size_t k = static_cast<size_t>(part - parts.begin());
    if (parts[k] < 0) call.fail("shape", "a size is negative, " + std::to_string(parts[k]));
    known = checkedProduct(call, known, parts[k]);
  }
  if (open != parts.end()) *open = known == 0 ? 0 : x.size(dim) / known;
  if ((open == parts.end() ? known : known * *open) != x.size(dim)) {
    call.fail("shape", "the sizes multiply to " + std::to_string(known) + ", dim " + std::to_string(dim) +
                           " of " + x.shape().text() + " cannot be seen so");
  }
  std::vector<int64_t> sizes;
  for (int k = 0; k < x.dims(); k++) {
    if (k == dim) {
      sizes.insert(sizes.end(), parts.begin(), parts.end());
    } else {
      sizes.push_back(x.size(k));
    }
  }
  call.outs[0] = ops::view(x, checkedShape(call.name(), sizes));
}

}  // namespace descent
