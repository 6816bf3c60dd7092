// What a picture of part of a tensor shows: a rectangle, several elements to a cell where there are more than
// cells, of which some are looked at; and the first element of a kind. One program for all dtypes.
// VARIANTS WIDE: f64 f32
#include "../kernel.h"

KERNEL_SOURCE

typedef struct {
  i64 rows, columns;  // elements
  i64 down, across;   // cells
  i64 cell_rows, cell_columns, look_rows, look_columns;
  i64 x_row, x_column, minus_row, minus_column;
  i32 by, is_exact, has_minus, dtype, minus_dtype, unused;
} CellsShape;
typedef struct {
  Strided x;
  i64 first, count, share;
  Number number;
  i32 what, dtype;
} SeekShape;

#ifdef DESCENT_DIALECT

#include "../dialect/divide.h"
#include "../dialect/element.h"

#define BY_FIRST 0
#define BY_MEAN 1
#define BY_MIN 2
#define BY_ABSMAX 4

// Bits of a number as a cell holds them: of a double, or of a float in the low half.
#ifdef HAS_FLOAT64
#define BITS_OF_W(x) ((i64)BITS_OF_F64(x))
#else
#define BITS_OF_W(x) ((i64)BITS_OF_F32(x))
#endif

KERNEL(cells)(BUFFER(i64, y), BUFFER(u8, flags), BUFFER(u8, x), BUFFER(u8, minus), const CellsShape shape) {
  OPEN(i64, y);
  OPEN(u8, flags);
  OPEN(u8, x);
  OPEN(u8, minus);
  for (i64 cell = GROUP_X * LANES + LANE; cell < shape.down * shape.across; cell += GROUPS_X * LANES) {
    const i64 line = quotientOf(cell, shape.across);
    const i64 row = line * shape.cell_rows, column = (cell - line * shape.across) * shape.cell_columns;
    const i64 height = shape.cell_rows < shape.rows - row ? shape.cell_rows : shape.rows - row;
    const i64 width =
        shape.cell_columns < shape.columns - column ? shape.cell_columns : shape.columns - column;
    const i64 look_rows = shape.look_rows < height ? shape.look_rows : height;
    const i64 look_columns = shape.look_columns < width ? shape.look_columns : width;
    i64 finite = 0, exact = 0;
    W sum = (W)0, best = (W)0, first = (W)0;
    i32 seen = 0;
    for (i64 i = 0; i < look_rows; i++) {
      const i64 at_row = row + quotientOf(i * height, look_rows);
      for (i64 j = 0; j < look_columns; j++) {
        const i64 at_column = column + quotientOf(j * width, look_columns);
        const i64 place = at_row * shape.x_row + at_column * shape.x_column;
        const i64 other = at_row * shape.minus_row + at_column * shape.minus_column;
        if (shape.is_exact) {
          i64 value = integerAt(x, shape.dtype, place);
          if (shape.has_minus) value -= integerAt(minus, shape.minus_dtype, other);
          if (shape.by == BY_ABSMAX && value < 0) value = -value;
          if ((i == 0 && j == 0) || (shape.by == BY_MIN ? value < exact : value > exact)) {
            if (shape.by != BY_FIRST || (i == 0 && j == 0)) exact = value;
          }
        } else {
          W value = numberAt(x, shape.dtype, place);
          if (shape.has_minus) value -= numberAt(minus, shape.minus_dtype, other);
          if (i == 0 && j == 0) first = value;
          if (isFiniteNumber(value)) {
            if (shape.by == BY_ABSMAX && value < (W)0) value = -value;
            sum += value;
            if (finite == 0 || (shape.by == BY_MIN ? value < best : value > best)) best = value;
            finite++;
          } else {
            seen |= value != value ? 1 : value > (W)0 ? 2 : 4;
          }
        }
      }
    }
    if (finite == 0) {
      best = seen & 1 ? (W)NAN : seen & 2 ? (W)INFINITY : -(W)INFINITY;
    } else if (shape.by == BY_MEAN) {
      best = sum / (W)finite;
    }
    if (shape.by == BY_FIRST) best = first;
    y[cell] = shape.is_exact ? exact : BITS_OF_W(best);
    flags[cell] = (u8)seen;
  }
}

// As native/inspect/find.h numbers them.
#define IS_NAN 0
#define IS_INFINITE 1
#define IS_EQUAL 3
#define NOWHERE 0x7fffffffffffffffL

GROUP_REDUCTION(leastOfLanes, i64, a < b ? a : b)

// A group looks at one share, as many elements at a time as it has lanes, until some lane has found one.
KERNEL(seek)(BUFFER(i64, y), BUFFER(u8, x), const SeekShape shape) {
  SHARED(i64, shared, LANES);
  OPEN(i64, y);
  OPEN(u8, x);
  const i64 begin = shape.first + GROUP_X * shape.share;
  const i64 end = begin + shape.share < shape.count ? begin + shape.share : shape.count;
  const W wanted = (W)REAL(shape.number);
  i64 found = NOWHERE;
  for (i64 k = begin + LANE; k < end && found == NOWHERE; k += LANES) {
    const W value = numberAt(x, shape.dtype, placeOf(&shape.x, k));
    const bool is_nan = value != value, is_infinite = !is_nan && !isFiniteNumber(value);
    const bool is_strange = (shape.what != IS_INFINITE && is_nan) || (shape.what != IS_NAN && is_infinite);
    if (shape.what == IS_EQUAL ? value == wanted : is_strange) found = k;
  }
  const i64 least = leastOfLanes(shared, found);
  if (LANE == 0) y[GROUP_X] = least;
}

#else  // host

Variant wide(GpuDevice& device) {
  return Variant().define("WIDE", hasFloat64(device) ? DType::float64 : DType::float32);
}

void cells(GpuDevice& device, const Launch& launch) {
  const std::vector<Operand>& operands = *launch.operands;
  const Operand& y = operands[0];
  const Operand& x = operands[2];
  const Operand& minus = launch.integers[6] ? operands[3] : x;
  const int64_t* i = launch.integers;
  CellsShape shape{};
  shape.rows = x.sizes[0];
  shape.columns = x.sizes[1];
  shape.down = y.sizes[0];
  shape.across = y.sizes[1];
  shape.cell_rows = i[1];
  shape.cell_columns = i[2];
  shape.look_rows = i[3];
  shape.look_columns = i[4];
  shape.x_row = x.strides[0];
  shape.x_column = x.strides[1];
  shape.minus_row = minus.strides[0];
  shape.minus_column = minus.strides[1];
  shape.by = static_cast<i32>(i[0]);
  shape.is_exact = static_cast<i32>(i[5]);
  shape.has_minus = static_cast<i32>(i[6]);
  shape.dtype = static_cast<i32>(x.dtype);
  shape.minus_dtype = static_cast<i32>(minus.dtype);
  KernelCall(device, "cells", "cells", wide(device))
      .memory(y)
      .memory(operands[1])
      .memory(x)
      .memory(minus)
      .value(shape)
      .runOver(shape.down * shape.across);
}

void seek(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  const Operand& x = (*launch.operands)[1];
  const int64_t* i = launch.integers;
  SeekShape shape{};
  shape.x = strided(x);
  shape.first = i[1];
  shape.count = elements(x);
  shape.share = (shape.count - shape.first + y.sizes[0] - 1) / y.sizes[0];
  shape.number = Number(launch.numbers[0]);
  shape.what = static_cast<i32>(i[0]);
  shape.dtype = static_cast<i32>(x.dtype);
  KernelCall(device, "cells", "seek", wide(device)).memory(y).memory(x).value(shape).run({y.sizes[0], 1, 1});
}

const Kernel table[] = {
    {"cells", kAll, cells},
    {"seek", kAll, seek},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"cells", 2, {{indices, {5, 9}}, {flags, {5, 9}}, {indices, {17, 70}, 90}}, {3, 4, 8, 4, 8, 1, 0}, {}},
      {"seek", 1, {{indices, {2}}, {positive, {9, 70}}}, {3, 0}, {7}},
  };
}

KERNEL_TABLE(cells)

#endif
