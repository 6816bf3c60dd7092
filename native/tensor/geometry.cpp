// Sizes and strides: how the elements of a tensor lie in its storage.
#include "geometry.h"

#include <algorithm>

#include "error.h"

namespace descent {

namespace {
constexpr int64_t kMaxElements = int64_t(1) << 53;  // what a JavaScript number counts exactly
}

Shape::Shape(std::initializer_list<int64_t> list) : dims(static_cast<int>(list.size())) {
  std::copy(list.begin(), list.end(), sizes);
}

Shape& Shape::operator=(const Shape& other) {
  dims = other.dims;
  for (int dim = 0; dim < dims; dim++) sizes[dim] = other.sizes[dim];
  return *this;
}

bool Shape::operator==(const Shape& other) const {
  return dims == other.dims && std::equal(sizes, sizes + dims, other.sizes);
}

int64_t Shape::numel() const {
  int64_t count = 1;
  for (int dim = 0; dim < dims; dim++) count *= sizes[dim];
  return count;
}

std::string Shape::text() const {
  std::string text = "[";
  for (int dim = 0; dim < dims; dim++) text += (dim ? ", " : "") + std::to_string(sizes[dim]);
  return text + "]";
}

Shape checkedShape(const char* op, const std::vector<int64_t>& sizes) {
  if (sizes.size() > kMaxDims) {
    throw Error(
        "shape", op,
        std::to_string(sizes.size()) + " dims, at most " + std::to_string(kMaxDims) + " are supported");
  }
  Shape shape;
  for (int64_t size : sizes) {
    if (size < 0) throw Error("shape", op, "a size cannot be negative, got " + std::to_string(size));
    shape.push(size);
  }
  requireCountable(op, shape);
  return shape;
}

void requireCountable(const char* op, const Shape& shape) {
  // Zero sizes are left out of the product, so that no order of sizes can hide an overflow.
  int64_t count = 1;
  for (int dim = 0; dim < shape.dims; dim++) {
    const int64_t size = std::max<int64_t>(shape.sizes[dim], 1);
    if (count > kMaxElements / size) {
      throw Error("shape", op, "the shape " + shape.text() + " has too many elements");
    }
    count *= size;
  }
}

Shape broadcastShapes(const char* op, const Shape& a, const Shape& b) {
  Shape result;
  result.dims = std::max(a.dims, b.dims);
  for (int k = 1; k <= result.dims; k++) {
    const int64_t sizeA = k <= a.dims ? a.sizes[a.dims - k] : 1;
    const int64_t sizeB = k <= b.dims ? b.sizes[b.dims - k] : 1;
    if (sizeA != sizeB && sizeA != 1 && sizeB != 1) {
      throw Error("shape", op, "shapes do not broadcast, " + a.text() + " and " + b.text(),
                  {{"left", a.text()}, {"right", b.text()}});
    }
    result.sizes[result.dims - k] = sizeA == 1 ? sizeB : sizeA;
  }
  requireCountable(op, result);  // two expanded tensors of few elements may name very many together
  return result;
}

Geometry::Geometry(const Shape& shape) : shape(shape) {
  int64_t stride = 1;
  for (int dim = shape.dims - 1; dim >= 0; dim--) {
    strides[dim] = stride;
    stride *= std::max<int64_t>(shape.sizes[dim], 1);
  }
}

Geometry& Geometry::operator=(const Geometry& other) {
  shape = other.shape;
  for (int dim = 0; dim < shape.dims; dim++) strides[dim] = other.strides[dim];
  offset = other.offset;
  return *this;
}

bool Geometry::isContiguous() const {
  int64_t expected = 1;
  bool isContiguous = true;
  for (int dim = shape.dims - 1; dim >= 0; dim--) {
    if (shape.sizes[dim] == 0) return true;
    if (shape.sizes[dim] == 1) continue;
    if (strides[dim] != expected) isContiguous = false;
    expected *= shape.sizes[dim];
  }
  return isContiguous;
}

bool Geometry::repeatsElements() const {
  if (shape.numel() == 0) return false;
  for (int dim = 0; dim < shape.dims; dim++) {
    if (strides[dim] == 0 && shape.sizes[dim] > 1) return true;
  }
  return false;
}

int64_t Geometry::span() const {
  int64_t last = 0;
  for (int dim = 0; dim < shape.dims; dim++) {
    if (shape.sizes[dim] == 0) return 0;
    last += (shape.sizes[dim] - 1) * strides[dim];
  }
  return last + 1;
}

bool Geometry::viewAs(const Shape& target, Geometry* out) const {
  if (target.numel() == 0 || isContiguous()) {
    *out = Geometry(target);
    out->offset = offset;
    return true;
  }
  // Walk both shapes from the right: a run of old dims that lie evenly in memory can be cut into new dims at
  // will.
  out->shape = target;
  out->offset = offset;
  int64_t sizes[kMaxDims], steps[kMaxDims];
  int count = 0;
  for (int dim = 0; dim < shape.dims; dim++) {
    if (shape.sizes[dim] == 1) continue;
    sizes[count] = shape.sizes[dim];
    steps[count++] = strides[dim];
  }
  int newDim = target.dims - 1;
  for (int oldDim = count - 1; oldDim >= 0; oldDim--) {
    const int64_t step = steps[oldDim];
    int64_t run = sizes[oldDim];
    while (oldDim > 0 && steps[oldDim - 1] == run * step) run *= sizes[--oldDim];
    int64_t covered = 1;
    while (newDim >= 0 && (covered < run || target.sizes[newDim] == 1)) {
      out->strides[newDim] = covered * step;
      covered *= target.sizes[newDim--];
    }
    if (covered != run) return false;
  }
  while (newDim >= 0) out->strides[newDim--] = 1;
  return true;
}

Geometry Geometry::expandedTo(const Shape& target) const {
  Geometry result;
  result.shape = target;
  result.offset = offset;
  const int added = target.dims - shape.dims;
  for (int dim = 0; dim < target.dims; dim++) {
    const bool repeats = dim < added || (shape.sizes[dim - added] == 1 && target.sizes[dim] != 1);
    result.strides[dim] = repeats ? 0 : strides[dim - added];
  }
  return result;
}

int wrapDim(const char* op, int64_t dim, int dims) {
  const int64_t range = std::max(dims, 1);
  if (dim < -range || dim >= range) {
    throw Error("index", op,
                "dim " + std::to_string(dim) + " is out of range for a tensor of " + std::to_string(dims) +
                    (dims == 1 ? " dim" : " dims"),
                {{"dim", std::to_string(dim)}});
  }
  return static_cast<int>(dim < 0 ? dim + range : dim);
}

}  // namespace descent
