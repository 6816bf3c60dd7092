// Values moved or made without arithmetic: copy (with casts), fill, arange.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8 ; FROM: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8
#include "../device.h"
#include "../kernel.h"

KERNEL_SOURCE

typedef struct {
  i64 count;
  Strided y, x;
} CopyShape;
typedef struct {
  i64 batches, rows, columns;
  i64 batch_step, column_step;  // of x
} TurnedShape;
#define SIDE 32  // of a tile; a group has at least as many lanes
typedef struct {
  i64 count;
  Strided y;
  Number start, step;
} FillShape;

#ifdef DESCENT_DIALECT

// As a C cast, but small integers are cut out of a wide one, so that a value out of range wraps.
#define FLOATING_FROM PASTE(FLOATING, FROM)
#define CUT_i8 1
#define CUT_u8 1
#define CUT_i16 1
#define CUT_i32 0
#define CUT_i64 0
#define CUT_f32 0
#define CUT_f64 0
#define CUT_f16 0
#define CUT_bf16 0
#define CUT_b8 0
#if FLOATING_FROM && PASTE(CUT, TYPE)
#define CAST(x) T((i32)(x))
#else
#define CAST(x) T(x)
#endif

// How many elements a lane has under way at once: enough of them hide how long memory takes to answer.
#ifdef IS_PROCESSOR
#define AT_ONCE 1
#else
#define AT_ONCE 4
#endif

KERNEL(copy)(BUFFER(TYPE, y), BUFFER(FROM, x), const CopyShape shape) {
  OPEN(TYPE, y);
  OPEN(FROM, x);
  const i64 step = GROUPS_X * LANES;
  for (i64 first = GROUP_X * LANES + LANE; first < shape.count; first += AT_ONCE * step) {
    COMPUTED(FROM) held[AT_ONCE];
    UNROLL for (i32 u = 0; u < AT_ONCE; u++) {
      if (u == 0 || first + u * step < shape.count)
        held[u] = LOAD(FROM, x, placeOf(&shape.x, first + u * step));
    }
    UNROLL for (i32 u = 0; u < AT_ONCE; u++) {
      if (u == 0 || first + u * step < shape.count)
        STORE(TYPE, y, placeOf(&shape.y, first + u * step), CAST(held[u]));
    }
  }
}

// y [batch, rows, columns] contiguous, x with neighbouring rows beside each other in memory: square tiles
// through shared memory, so that both sides are read and written along memory.
KERNEL(copy_turned)(BUFFER(TYPE, y), BUFFER(FROM, x), const TurnedShape shape) {
  OPEN(TYPE, y);
  OPEN(FROM, x);
  SHARED(COMPUTED(FROM), tile, SIDE * (SIDE + 1));
  const i64 tile_rows = (shape.rows + SIDE - 1) / SIDE, tile_columns = (shape.columns + SIDE - 1) / SIDE;
  const i32 along = LANE % SIDE;
  for (i64 item = GROUP_X; item < shape.batches * tile_rows * tile_columns; item += GROUPS_X) {
    const i64 above = item / tile_columns, batch = above / tile_rows;
    const i64 column = (item - above * tile_columns) * SIDE, row = (above - batch * tile_rows) * SIDE;
    for (i32 across = LANE / SIDE; across < SIDE; across += LANES / SIDE) {
      if (row + along < shape.rows && column + across < shape.columns)
        tile[across * (SIDE + 1) + along] =
            LOAD(FROM, x, batch * shape.batch_step + row + along + (column + across) * shape.column_step);
    }
    BARRIER();
    for (i32 across = LANE / SIDE; across < SIDE; across += LANES / SIDE) {
      if (row + across < shape.rows && column + along < shape.columns)
        STORE(TYPE, y, (batch * shape.rows + row + across) * shape.columns + column + along,
              CAST(tile[along * (SIDE + 1) + across]));
    }
    BARRIER();
  }
}

KERNEL(fill)(BUFFER(TYPE, y), const FillShape shape) {
  OPEN(TYPE, y);
  const T value = NUMBER(shape.start);
  for (i64 index = GROUP_X * LANES + LANE; index < shape.count; index += GROUPS_X * LANES) {
    STORE(TYPE, y, placeOf(&shape.y, index), value);
  }
}

KERNEL(arange)(BUFFER(TYPE, y), const FillShape shape) {
  OPEN(TYPE, y);
  for (i64 index = GROUP_X * LANES + LANE; index < shape.count; index += GROUPS_X * LANES) {
#if IS_FLOATING
    const T value = T(REAL(shape.start) + (real)index * REAL(shape.step));
#else
    const T value = T(shape.start.integer + index * shape.step.integer);
#endif
    STORE(TYPE, y, placeOf(&shape.y, index), value);
  }
}

#else  // host

// Whether neighbouring rows of x lie beside each other, and not its columns; and then what to copy.
bool isTurned(const Operand& y, const Strided& x, TurnedShape& shape) {
  if (!isContiguous(y) || x.dims < 2 || x.dims > 3) return false;
  const int rows = x.dims - 2, columns = x.dims - 1;
  shape = {x.dims == 3 ? x.sizes[0] : 1, x.sizes[rows], x.sizes[columns], x.dims == 3 ? x.strides[0] : 0,
           x.strides[columns]};
  return x.strides[rows] == 1 && shape.column_step > 1 && shape.rows >= SIDE / 2 && shape.columns >= SIDE / 2;
}

bool overlap(const Operand& y, const Operand& x, size_t bytes) {
  return y.memory.handle == x.memory.handle && y.memory.offset < x.memory.offset + bytes &&
         x.memory.offset < y.memory.offset + bytes;
}

void copy(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  const Operand& x = (*launch.operands)[1];
  const CopyShape shape{elements(y), strided(y), strided(x)};
  if (shape.count == 0) return;
  const size_t bytes = static_cast<size_t>(shape.count) * sizeOf(y.dtype);
  if (y.dtype == x.dtype && isContiguous(y) && isContiguous(x) && !overlap(y, x, bytes)) {
    device.copyWithin(y.memory, x.memory, bytes);
    return;
  }
  const Variant variant = Variant(y.dtype).define("FROM", x.dtype);
  TurnedShape turned{};
  if (lanesOf(device) >= SIDE && isTurned(y, shape.x, turned)) {
    const i64 tiles =
        turned.batches * ((turned.rows + SIDE - 1) / SIDE) * ((turned.columns + SIDE - 1) / SIDE);
    KernelCall(device, "copy", "copy_turned", variant)
        .memory(y)
        .memory(x)
        .value(turned)
        .run({std::min<i64>(tiles, i64{1} << 30), 1, 1});
    return;
  }
  const i64 once = shape.count >= factsOf(device).units * lanesOf(device) * 32 ? 4 : 1;
  KernelCall(device, "copy", "copy", variant)
      .memory(y)
      .memory(x)
      .value(shape)
      .runOver(shape.count, factsOf(device).isProcessor ? 1 : once);
}

void fill(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  FillShape shape{elements(y), strided(y), {}, {}};
  shape.start = Number(launch.numbers ? launch.numbers[0] : 0, launch.integers ? launch.integers[0] : 0);
  const Variant variant = Variant(y.dtype).define("FROM", y.dtype);
  KernelCall(device, "copy", "fill", variant).memory(y).value(shape).runOver(shape.count);
}

void arange(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  FillShape shape{elements(y), strided(y), {}, {}};
  const bool isInteger = (kIntegers & bit(y.dtype)) != 0;
  shape.start = Number(isInteger ? 0 : launch.numbers[0], isInteger ? launch.integers[0] : 0);
  shape.step = Number(isInteger ? 0 : launch.numbers[1], isInteger ? launch.integers[1] : 0);
  const Variant variant = Variant(y.dtype).define("FROM", y.dtype);
  KernelCall(device, "copy", "arange", variant).memory(y).value(shape).runOver(shape.count);
}

const Kernel table[] = {
    {"copy", kAll, copy},
    {"fill", kAll, fill},
    {"arange", kNumeric, arange},
};

KERNEL_TABLE(copy)

#endif
