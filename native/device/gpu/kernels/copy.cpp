// Values moved or made without arithmetic: copy (with casts), fill, arange. Elements that keep their dtype
// are moved as they are, so that four widths stand for all dtypes; a cast is compiled for the dtype that it
// makes and reads every other.
// VARIANTS MOVED: u8 u16 u32 u64
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8
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
// As DType counts them.
#define CODE_b8 0
#define CODE_u8 1
#define CODE_i8 2
#define CODE_i16 3
#define CODE_i32 4
#define CODE_i64 5
#define CODE_f16 6
#define CODE_bf16 7
#define CODE_f32 8
#define CODE_f64 9

#ifdef DESCENT_DIALECT

// How many elements a lane has under way at once: enough of them hide how long memory takes to answer.
#ifdef IS_PROCESSOR
#define AT_ONCE 1
#else
#define AT_ONCE 4
#endif

// BY_DTYPE(from, step): `step` with x opened as what it is, and with the cast to what is made. Loops over
// elements stand within a step, so that their loads are under way together.
#ifdef TYPE

#define COPY cast
#define COPY_TURNED cast_turned
#define MADE TYPE
// As a C cast, but small integers are cut out of a wide one, so that a value out of range wraps.
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
#if PASTE(CUT, TYPE)
#define FROM_FLOATING(x) T((i32)(x))
#else
#define FROM_FLOATING(x) T(x)
#endif
#ifdef HAS_FLOAT64
#define CASE_OF_F64(step) CASE(step, f64, FROM_FLOATING)
#else
#define CASE_OF_F64(step)
#endif
#define CASE(step, FROM, CAST) \
  case PASTE(CODE, FROM): {    \
    OPEN(FROM, x);             \
    step(FROM, CAST) break;    \
  }
#define BY_DTYPE(from, step)        \
  switch (from) {                   \
    CASE(step, f32, FROM_FLOATING)  \
    CASE_OF_F64(step)               \
    CASE(step, f16, FROM_FLOATING)  \
    CASE(step, bf16, FROM_FLOATING) \
    CASE(step, i64, T)              \
    CASE(step, i32, T)              \
    CASE(step, i16, T)              \
    CASE(step, i8, T)               \
    CASE(step, u8, T)               \
    CASE(step, b8, T)               \
  }

#else

#define COPY copy
#define COPY_TURNED copy_turned
#define MADE MOVED
#define AS_IT_IS(x) (x)
#define BY_DTYPE(from, step) \
  {                          \
    OPEN(MOVED, x);          \
    step(MOVED, AS_IT_IS)    \
  }

#endif

KERNEL(COPY)(BUFFER(MADE, y), BUFFER(u8, x), const CopyShape shape, const i32 from) {
  OPEN(MADE, y);
  const i64 step = GROUPS_X * LANES;
  for (i64 first = GROUP_X * LANES + LANE; first < shape.count; first += AT_ONCE * step) {
    COMPUTED(MADE) held[AT_ONCE];
    i64 places[AT_ONCE];  // before the cases, each of which would have it again
    UNROLL for (i32 u = 0; u < AT_ONCE; u++) { places[u] = placeOf(&shape.x, first + u * step); }
#define READ_SOME(FROM, CAST)                                                               \
  UNROLL for (i32 u = 0; u < AT_ONCE; u++) {                                                \
    if (u == 0 || first + u * step < shape.count) held[u] = CAST(LOAD(FROM, x, places[u])); \
  }
    BY_DTYPE(from, READ_SOME)
    UNROLL for (i32 u = 0; u < AT_ONCE; u++) {
      if (u == 0 || first + u * step < shape.count)
        STORE(MADE, y, placeOf(&shape.y, first + u * step), held[u]);
    }
  }
}

// y [batch, rows, columns] contiguous, x with neighbouring rows beside each other in memory: square tiles
// through shared memory, so that both sides are read and written along memory.
KERNEL(COPY_TURNED)(BUFFER(MADE, y), BUFFER(u8, x), const TurnedShape shape, const i32 from) {
  OPEN(MADE, y);
  SHARED(COMPUTED(MADE), tile, SIDE * (SIDE + 1));
  const i64 tile_rows = (shape.rows + SIDE - 1) / SIDE, tile_columns = (shape.columns + SIDE - 1) / SIDE;
  const i32 along = LANE % SIDE;
  for (i64 item = GROUP_X; item < shape.batches * tile_rows * tile_columns; item += GROUPS_X) {
    const i64 above = item / tile_columns, batch = above / tile_rows;
    const i64 column = (item - above * tile_columns) * SIDE, row = (above - batch * tile_rows) * SIDE;
    const i64 begin = batch * shape.batch_step + row + along;
#define READ_TILE(FROM, CAST)                                                 \
  for (i32 across = LANE / SIDE; across < SIDE; across += LANES / SIDE) {     \
    if (row + along < shape.rows && column + across < shape.columns)          \
      tile[across * (SIDE + 1) + along] =                                     \
          CAST(LOAD(FROM, x, begin + (column + across) * shape.column_step)); \
  }
    BY_DTYPE(from, READ_TILE)
    BARRIER();
    for (i32 across = LANE / SIDE; across < SIDE; across += LANES / SIDE) {
      if (row + across < shape.rows && column + along < shape.columns)
        STORE(MADE, y, (batch * shape.rows + row + across) * shape.columns + column + along,
              tile[along * (SIDE + 1) + across]);
    }
    BARRIER();
  }
}

#ifdef TYPE

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

#endif

#else  // host

static_assert(static_cast<int>(DType::boolean) == CODE_b8 && static_cast<int>(DType::int64) == CODE_i64 &&
                  static_cast<int>(DType::float64) == CODE_f64,
              "a cast knows dtypes by their numbers");

const char* movedAs(DType dtype) {
  const size_t bytes = sizeOf(dtype);
  return bytes == 1 ? "u8" : bytes == 2 ? "u16" : bytes == 4 ? "u32" : "u64";
}

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
  // Small copies keep more lanes busy with one element each.
  const i64 atOnce =
      !factsOf(device).isProcessor && shape.count >= factsOf(device).units * lanesOf(device) * 32 ? 4 : 1;
  TurnedShape turned{};
  const bool turns = lanesOf(device) >= SIDE && isTurned(y, shape.x, turned);
  const bool casts = y.dtype != x.dtype;
  const Variant variant = casts ? Variant(y.dtype) : Variant().define("MOVED", movedAs(y.dtype));
  const auto from = static_cast<i32>(x.dtype);
  if (turns) {
    const i64 tiles =
        turned.batches * ((turned.rows + SIDE - 1) / SIDE) * ((turned.columns + SIDE - 1) / SIDE);
    KernelCall(device, "copy", casts ? "cast_turned" : "copy_turned", variant)
        .memory(y)
        .memory(x)
        .value(turned)
        .value(from)
        .run({std::min<i64>(tiles, i64{1} << 30), 1, 1});
    return;
  }
  KernelCall(device, "copy", casts ? "cast" : "copy", variant)
      .memory(y)
      .memory(x)
      .value(shape)
      .value(from)
      .runOver(shape.count, atOnce);
}

void fill(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  FillShape shape{elements(y), strided(y), {}, {}};
  shape.start = Number(launch.numbers ? launch.numbers[0] : 0, launch.integers ? launch.integers[0] : 0);
  const Variant variant = Variant(y.dtype);
  KernelCall(device, "copy", "fill", variant).memory(y).value(shape).runOver(shape.count);
}

void arange(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  FillShape shape{elements(y), strided(y), {}, {}};
  const bool isInteger = (kIntegers & bit(y.dtype)) != 0;
  shape.start = Number(isInteger ? 0 : launch.numbers[0], isInteger ? launch.integers[0] : 0);
  shape.step = Number(isInteger ? 0 : launch.numbers[1], isInteger ? launch.integers[1] : 0);
  const Variant variant = Variant(y.dtype);
  KernelCall(device, "copy", "arange", variant).memory(y).value(shape).runOver(shape.count);
}

const Kernel table[] = {
    {"copy", kAll, copy},
    {"fill", kAll, fill},
    {"arange", kNumeric, arange},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"copy", 1, {{numbers, {5, 70}}, {transposed, {5, 70}}}, {}, {}},
      {"copy", 1, {{numbers, {700}}, {indices, {700}, 90}}, {}, {}},
  };
}

KERNEL_TABLE(copy)

#endif
