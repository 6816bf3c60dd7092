// Rectangles of tensors, gathered on the device that holds them.
#include "cells.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "../tensor/error.h"
#include "slate.h"

namespace descent::inspect {

namespace {

// At most so many elements of a cell are looked at: 4 x 16, the 16 along memory, where neighbours come in one
// cache line.
constexpr int64_t kAcross = 4, kAlong = 16;

[[noreturn]] void refuse(const std::string& sentence) { throw Error("argument", "inspect", sentence); }

struct Side {
  int64_t size = 1, stride = 0, first = 0, count = 0, perCell = 1, cells = 0;
};

Side sideOf(const Elements& x, int dim, int64_t first, int64_t asked, int64_t most) {
  Side side;
  if (dim >= 0) {
    side.size = x.shape()[dim];
    side.stride = x.geometry.strides[dim];
  }
  side.first = first;
  side.count = std::max<int64_t>(0, std::min(asked, side.size - first));
  side.perCell = std::max<int64_t>(1, (asked + most - 1) / most);
  side.cells = (side.count + side.perCell - 1) / side.perCell;
  return side;
}

bool isInteger(DType dtype) { return !isFloating(dtype); }

// What the kernel left in 8 bytes a cell, as the caller wants it.
enum class Slot { integer, real, single };
double numberIn(Slot slot, const int64_t* at) {
  if (slot == Slot::integer) return static_cast<double>(*at);
  if (slot == Slot::real) {
    double value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  float value;
  const auto low = static_cast<uint32_t>(*at);
  std::memcpy(&value, &low, sizeof value);
  return value;
}

}  // namespace

CellGrid gridOf(const Elements& x, const Rectangle& rectangle, int64_t mostRows, int64_t mostColumns) {
  const int dims = x.shape().dims;
  const std::string shape = x.shape().text();
  if (static_cast<int>(rectangle.index.size()) != dims)
    refuse("the index has " + std::to_string(rectangle.index.size()) + " numbers, the shape is " + shape);
  for (const int dim : {rectangle.rowDim, rectangle.columnDim}) {
    if (dim >= dims || dim < -1) refuse("there is no dim " + std::to_string(dim) + " in " + shape);
  }
  if (rectangle.rowDim >= 0 && rectangle.rowDim == rectangle.columnDim)
    refuse("rows and columns cannot be the same dim");
  const bool isEmpty = x.shape().numel() == 0;
  int64_t offset = 0;
  for (int dim = 0; dim < dims; dim++) {
    if (dim == rectangle.rowDim || dim == rectangle.columnDim) continue;
    const int64_t at = rectangle.index[static_cast<size_t>(dim)];
    if (at < 0 || (at >= x.shape()[dim] && !isEmpty))
      refuse("index " + std::to_string(at) + " of dim " + std::to_string(dim) + " is outside of " + shape);
    offset += at * x.geometry.strides[dim];
  }
  const Side rows = sideOf(x, rectangle.rowDim, rectangle.row, rectangle.rows, mostRows);
  const Side columns = sideOf(x, rectangle.columnDim, rectangle.column, rectangle.columns, mostColumns);
  CellGrid grid;
  grid.x = x;
  grid.cellRows = rows.perCell;
  grid.cellColumns = columns.perCell;
  grid.x.geometry = Geometry(Shape{rows.count, columns.count});
  if (isEmpty || rows.count == 0 || columns.count == 0) {
    grid.x.geometry = Geometry(Shape{0, 0});
    return grid;
  }
  grid.rows = rows.cells;
  grid.columns = columns.cells;
  grid.x.geometry.strides[0] = rows.stride;
  grid.x.geometry.strides[1] = columns.stride;
  grid.x.memory.offset +=
      static_cast<size_t>(offset + rows.first * rows.stride + columns.first * columns.stride) *
      sizeOf(x.dtype);
  return grid;
}

bool hasWideIntegers(const CellGrid& grid, const CellGrid* minus) {
  if (grid.cellRows > 1 || grid.cellColumns > 1) return false;
  if (!minus) return grid.x.dtype == DType::int64;
  return isInteger(grid.x.dtype) && isInteger(minus->x.dtype) &&
         (grid.x.dtype == DType::int64 || minus->x.dtype == DType::int64);
}

CellsFound fillCells(const CellGrid& grid, const CellGrid* minus, CellBy by, bool wantsIntegers, void* values,
                     uint8_t* flags) {
  CellsFound found;
  const auto count = static_cast<size_t>(grid.rows * grid.columns);
  if (count == 0) return found;
  if (by == CellBy::mean && grid.cellRows == 1 && grid.cellColumns == 1) by = CellBy::first;
  Device& device = deviceOf(grid.x.device);
  const bool hostCanRead = device.describe().hostCanRead;
  const bool isExact = isInteger(grid.x.dtype) && (!minus || isInteger(minus->x.dtype)) && by != CellBy::mean;
  const bool isAlongRows =
      std::abs(grid.x.geometry.strides[0]) < std::abs(grid.x.geometry.strides[1]) && grid.cellRows > 1;
  // A cell of few columns has room for more rows, and the other way round.
  int64_t lookRows = isAlongRows ? kAlong : kAcross, lookColumns = isAlongRows ? kAcross : kAlong;
  lookRows =
      std::min(grid.cellRows, std::max(lookRows, kAcross * kAlong / std::min(grid.cellColumns, lookColumns)));
  lookColumns = std::min(grid.cellColumns, std::max(lookColumns, kAcross * kAlong / lookRows));
  if (by == CellBy::first) lookRows = lookColumns = 1;
  const int64_t integers[] = {
      static_cast<int64_t>(by), grid.cellRows, grid.cellColumns, lookRows, lookColumns, isExact,
      minus != nullptr};
  found.isSampled = lookRows < grid.cellRows || lookColumns < grid.cellColumns;

  // Where the host cannot see the device's memory, cells are written there and fetched.
  const size_t valueBytes = count * sizeof(int64_t);
  std::unique_ptr<RawMemory> there;
  Memory valueMemory{values, 0}, flagMemory{flags, 0};
  if (!hostCanRead) {
    there = std::make_unique<RawMemory>(grid.x.device, valueBytes + count);
    valueMemory = flagMemory = there->memory();
    flagMemory.offset += valueBytes;
  }
  std::vector<Operand> operands{resultsAt(valueMemory, DType::int64, grid.rows, grid.columns),
                                resultsAt(flagMemory, DType::uint8, grid.rows, grid.columns),
                                grid.x.operand()};
  if (minus) operands.push_back(minus->x.operand());
  Launch launch;
  launch.kernel = device.findKernel("cells");
  launch.outputs = 2;
  launch.operands = &operands;
  launch.integers = integers;
  device.launch(launch);
  if (!hostCanRead) {
    device.peek(values, valueMemory, valueBytes);
    device.peek(flags, flagMemory, count);
  }

  const Slot slot = isExact ? Slot::integer : device.describe().hasFloat64 ? Slot::real : Slot::single;
  int64_t* const at = static_cast<int64_t*>(values);
  for (size_t k = 0; k < count; k++) {
    const double number = numberIn(slot, at + k);
    if (!wantsIntegers) std::memcpy(at + k, &number, sizeof number);
    if (!std::isfinite(number)) continue;
    found.min = found.hasFinite ? std::min(found.min, number) : number;
    found.max = found.hasFinite ? std::max(found.max, number) : number;
    found.hasFinite = true;
  }
  return found;
}

}  // namespace descent::inspect
