// Sizes and strides: how the elements of a tensor lie in its storage.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "place.h"

namespace descent {

struct Shape {
  int dims = 0;
  int64_t sizes[kMaxDims];

  Shape() = default;
  Shape(std::initializer_list<int64_t> list);
  Shape(const Shape& other) { *this = other; }
  Shape& operator=(const Shape& other);

  int64_t operator[](int dim) const { return sizes[dim]; }
  int64_t& operator[](int dim) { return sizes[dim]; }
  bool operator==(const Shape& other) const;
  bool operator!=(const Shape& other) const { return !(*this == other); }
  void push(int64_t size) { sizes[dims++] = size; }
  // Shapes are checked where they enter (`checkedShape`), so this cannot overflow.
  int64_t numel() const;
  std::string text() const;  // "[2, 3]"
  std::vector<int64_t> list() const { return {sizes, sizes + dims}; }
};

// A shape given from outside: no negative size, at most kMaxDims dims, fewer than 2^53 elements.
Shape checkedShape(const char* op, const std::vector<int64_t>& sizes);

// Throws Error("shape", op, ...) where a shape put together from others has more elements than that.
void requireCountable(const char* op, const Shape& shape);

// The shape both broadcast to; throws Error("shape", op, ...) naming both.
Shape broadcastShapes(const char* op, const Shape& a, const Shape& b);

struct Geometry {
  Shape shape;
  int64_t strides[kMaxDims];
  int64_t offset = 0;  // elements from the start of the storage

  Geometry() = default;
  Geometry(const Geometry& other) { *this = other; }
  Geometry& operator=(const Geometry& other);
  explicit Geometry(const Shape& shape);  // contiguous, at the start of the storage
  // Elements that lie in order from `offset` on, in another shape.
  Geometry(const Shape& shape, int64_t offset) : Geometry(shape) { this->offset = offset; }

  bool isContiguous() const;
  // Two indices may name one element (an expanded dim).
  bool repeatsElements() const;
  // Elements of storage from the first to the last one touched, counted from `offset`; 0 when empty.
  int64_t span() const;
  // Strides that show the same elements in another shape without a copy, if there are any.
  bool viewAs(const Shape& shape, Geometry* out) const;
  // `shape` must be one this broadcasts to.
  Geometry expandedTo(const Shape& shape) const;
};

// A dim counted from the end made positive; throws Error("index", op, ...) when it is out of range.
int wrapDim(const char* op, int64_t dim, int dims);

}  // namespace descent
