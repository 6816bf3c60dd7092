// Part of a tensor as a picture shows it: a rectangle in two of its dims, several elements to a cell where
// there are more than cells. Only the cells leave the device.
#pragma once

#include <cstdint>
#include <vector>

#include "pins.h"

namespace descent::inspect {

// What stands for the elements that share a cell, as the kernel `cells` has it. All but `first` are over the
// finite ones.
enum class CellBy : int64_t { first = 0, mean = 1, min = 2, max = 3, absmax = 4 };
constexpr int kCellKinds = 5;

struct Rectangle {
  std::vector<int64_t> index;       // by dim; those of the two dims are not looked at
  int rowDim = -1, columnDim = -1;  // -1: one row, one column
  int64_t row = 0, column = 0;      // the first shown, and how many are asked for: there may be fewer
  int64_t rows = 1, columns = 1;
};

struct CellGrid {
  Elements x;                             // two dims: what there is of the rectangle
  int64_t cellRows = 1, cellColumns = 1;  // elements of a cell
  int64_t rows = 0, columns = 0;          // cells
};

// Throws Error("argument") where the tensor has no such dims or indices.
CellGrid gridOf(const Elements& x, const Rectangle& rectangle, int64_t mostRows, int64_t mostColumns);

struct CellsFound {
  bool hasFinite = false;
  double min = 0, max = 0;
  bool isSampled = false;
};

// Fills rows x columns values (int64 or double) and flags: bit 0 a NaN among the elements of the cell, bit 1
// +Inf, bit 2 -Inf. `minus`: the grid of the same rectangle of a tensor to subtract, or null.
CellsFound fillCells(const CellGrid& grid, const CellGrid* minus, CellBy by, bool wantsIntegers, void* values,
                     uint8_t* flags);

// Whether values are answered as int64: integers too wide for a double, one to a cell.
bool hasWideIntegers(const CellGrid& grid, const CellGrid* minus);

}  // namespace descent::inspect
