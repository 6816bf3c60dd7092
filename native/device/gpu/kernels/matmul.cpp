// Matrix products in every numeric dtype: tiles in shared memory with a small block of results in each lane's
// registers, and one result a lane where the matrices are thin. Work is split over K where there would be too
// few groups for the device; a second launch adds the parts up in order.
// VARIANTS TYPE: f32 f16 bf16 ; MICRO: 4 8
// VARIANTS TYPE: f64 i64 i32 i16 i8 u8 ; MICRO: 4
#include "../device.h"
#include "../kernel.h"

KERNEL_SOURCE

#include "../dialect/tensorcore.h"

typedef struct {
  Strided y, a, b;  // the leading dims
  i64 batches, m, n, k;
  i64 y_row, y_column, a_row, a_column, b_row, b_column, bias_row, bias_column;
  i64 chunk;  // of K, of each of the splits; in the thin kernel the step from one of its elements to the next
  i64 tile_rows, tile_columns;
  i32 splits;  // 1: the results themselves are written, else parts of them
  i32 accumulate, has_bias;
  i32 split_first;  // thin: neighbouring lanes have parts of one result, not neighbouring columns
} MatmulShape;

#ifdef DESCENT_DIALECT

#include "../dialect/product.h"
#include "../dialect/tile.h"

#define TILE_ROWS (LANE_ROWS * MICRO)
#define TILE_COLUMNS (LANE_COLUMNS * MICRO)

// A result, or a part of one.
DEVICE void finish(GLOBAL S* y, GLOBAL const S* bias, const MatmulShape* shape, i64 place, i64 row,
                   i64 column, SUM sum) {
  const i64 at = place + row * shape->y_row + column * shape->y_column;
  if (shape->has_bias) sum += (SUM)LOAD(TYPE, bias, row * shape->bias_row + column * shape->bias_column);
  if (shape->accumulate) sum += (SUM)LOAD(TYPE, y, at);
  STORE(TYPE, y, at, T(sum));
}

// y = a b for a tile of y and a part of k; groups are numbered by column of tiles, row, batch, part.
KERNEL(matmul_tiled)
(BUFFER(TYPE, y), BUFFER(TYPE, a), BUFFER(TYPE, b), BUFFER(TYPE, bias), BUFFER(SUM, parts),
 const MatmulShape shape) {
  OPEN(TYPE, y);
  OPEN(TYPE, a);
  OPEN(TYPE, b);
  OPEN(TYPE, bias);
  OPEN(SUM, parts);
  SHARED(SUM, rows, DEPTH * PITCH(TILE_ROWS));
  SHARED(SUM, columns, DEPTH * PITCH(TILE_COLUMNS));
  const i32 lane_row = LANE / LANE_COLUMNS, lane_column = LANE % LANE_COLUMNS;
  const Walk over_a = walkOver(TILE_ROWS, shape.a_row, shape.a_column);
  const Walk over_b = walkOver(TILE_COLUMNS, shape.b_column, shape.b_row);
  const i64 items = shape.tile_rows * shape.tile_columns * shape.batches * shape.splits;
  for (i64 item = GROUP_X; item < items; item += GROUPS_X) {
    i64 rest = item / shape.tile_columns;
    const i64 first_column = (item - rest * shape.tile_columns) * TILE_COLUMNS;
    const i64 above = rest / shape.tile_rows;
    const i64 first_row = (rest - above * shape.tile_rows) * TILE_ROWS;
    const i64 split = above / shape.batches, batch = above - split * shape.batches;
    const i64 first_k = split * shape.chunk;
    const i64 end_k = first_k + shape.chunk < shape.k ? first_k + shape.chunk : shape.k;
    const i32 row_count = LEAST(TILE_ROWS, shape.m - first_row);
    const i32 column_count = LEAST(TILE_COLUMNS, shape.n - first_column);
    GLOBAL const S* from_a =
        a + placeOf(&shape.a, batch) + first_row * shape.a_row + first_k * shape.a_column;
    GLOBAL const S* from_b =
        b + placeOf(&shape.b, batch) + first_column * shape.b_column + first_k * shape.b_row;

    SUM sums[MICRO][MICRO];
    UNROLL for (i32 i = 0; i < MICRO; i++) { UNROLL for (i32 j = 0; j < MICRO; j++) sums[i][j] = 0; }
    SUM next_a[TILE_SHARE(TILE_ROWS)], next_b[TILE_SHARE(TILE_COLUMNS)];
    i32 depth = LEAST(DEPTH, end_k - first_k);
    FETCH(next_a, from_a, TILE_ROWS, over_a, row_count, depth)
    FETCH(next_b, from_b, TILE_COLUMNS, over_b, column_count, depth)
    for (i64 k = first_k; k < end_k; k += DEPTH) {
      PUT(rows, next_a, TILE_ROWS, over_a)
      PUT(columns, next_b, TILE_COLUMNS, over_b)
      BARRIER();
      // The next tile is on its way while this one is multiplied.
      if (k + DEPTH < end_k) {
        from_a += DEPTH * shape.a_column;
        from_b += DEPTH * shape.b_row;
        depth = LEAST(DEPTH, end_k - k - DEPTH);
        FETCH(next_a, from_a, TILE_ROWS, over_a, row_count, depth)
        FETCH(next_b, from_b, TILE_COLUMNS, over_b, column_count, depth)
      }
      MULTIPLY_TILES(sums, rows, TILE_ROWS, lane_row, columns, TILE_COLUMNS, lane_column)
      BARRIER();
    }

    const i64 place = placeOf(&shape.y, batch);
    UNROLL for (i32 i = 0; i < MICRO; i++) {
      const i32 row = LINE_OF(i, MICRO, lane_row, LANE_ROWS);
      UNROLL for (i32 j = 0; j < MICRO; j++) {
        const i32 column = LINE_OF(j, MICRO, lane_column, LANE_COLUMNS);
        if (row >= row_count || column >= column_count) continue;
        if (shape.splits > 1) {
          parts[(above * shape.m + first_row + row) * shape.n + first_column + column] = sums[i][j];
        } else {
          finish(y, bias, &shape, place, first_row + row, first_column + column, sums[i][j]);
        }
      }
    }
  }
}

// One result, or a part of one, a lane.
KERNEL(matmul_thin)
(BUFFER(TYPE, y), BUFFER(TYPE, a), BUFFER(TYPE, b), BUFFER(TYPE, bias), BUFFER(SUM, parts),
 const MatmulShape shape) {
  OPEN(TYPE, y);
  OPEN(TYPE, a);
  OPEN(TYPE, b);
  OPEN(TYPE, bias);
  OPEN(SUM, parts);
  const i64 results = shape.batches * shape.m * shape.n;
  for (i64 item = GROUP_X * LANES + LANE; item < results * shape.splits; item += GROUPS_X * LANES) {
    const i64 split = shape.split_first ? item % shape.splits : item / results;
    const i64 result = shape.split_first ? item / shape.splits : item - split * results;
    const i64 line = result / shape.n, column = result - line * shape.n;
    const i64 batch = line / shape.m, row = line - batch * shape.m;
    GLOBAL const S* from_a = a + placeOf(&shape.a, batch) + row * shape.a_row;
    GLOBAL const S* from_b = b + placeOf(&shape.b, batch) + column * shape.b_column;
    SUM sum = 0;
    for (i64 k = split; k < shape.k; k += shape.splits) {
      sum += (SUM)LOAD(TYPE, from_a, k * shape.a_column) * (SUM)LOAD(TYPE, from_b, k * shape.b_row);
    }
    if (shape.splits > 1) {
      parts[split * results + result] = sum;
    } else {
      finish(y, bias, &shape, placeOf(&shape.y, batch), row, column, sum);
    }
  }
}

KERNEL(matmul_join)(BUFFER(TYPE, y), BUFFER(TYPE, bias), BUFFER(SUM, parts), const MatmulShape shape) {
  OPEN(TYPE, y);
  OPEN(TYPE, bias);
  OPEN(SUM, parts);
  const i64 results = shape.batches * shape.m * shape.n;
  for (i64 result = GROUP_X * LANES + LANE; result < results; result += GROUPS_X * LANES) {
    const i64 line = result / shape.n, column = result - line * shape.n;
    const i64 batch = line / shape.m, row = line - batch * shape.m;
    SUM sum = parts[result];
    for (i32 split = 1; split < shape.splits; split++) sum += parts[split * results + result];
    finish(y, bias, &shape, placeOf(&shape.y, batch), row, column, sum);
  }
}

#else  // host

constexpr i64 kDepth = 16;
constexpr i64 kThin = 8;         // fewer rows or columns: one result a lane
constexpr i64 kLeastChunk = 64;  // of K, that is worth a part of its own

i64 ceilDivide(i64 a, i64 b) { return (a + b - 1) / b; }

i64 laneRows(i64 lanes) { return lanes >= 256 ? 16 : lanes >= 64 ? 8 : 4; }

// Whether places within a tile fit 31 bits.
bool isNarrow(const MatmulShape& shape) {
  return std::max({shape.a_row, shape.a_column, shape.b_row, shape.b_column}) < (i64{1} << 23);
}

MatmulShape shapeOf(const Launch& launch) {
  const std::vector<Operand>& operands = *launch.operands;
  const Operand &y = operands[0], &a = operands[1], &b = operands[2];
  const int rows = y.dims - 2, columns = y.dims - 1;
  MatmulShape shape{};
  shape.y = strided(y, 0, rows);
  shape.a = strided(a, 0, rows);
  shape.b = strided(b, 0, rows);
  shape.batches = 1;
  for (int dim = 0; dim < rows; ++dim) shape.batches *= y.sizes[dim];
  shape.m = y.sizes[rows];
  shape.n = y.sizes[columns];
  shape.k = a.sizes[columns];
  shape.y_row = y.strides[rows];
  shape.y_column = y.strides[columns];
  shape.a_row = a.strides[rows];
  shape.a_column = a.strides[columns];
  shape.b_row = b.strides[rows];
  shape.b_column = b.strides[columns];
  shape.accumulate = launch.integers[0] != 0;
  shape.has_bias = launch.integers[1] != 0;
  if (shape.has_bias) shape.bias_column = operands[3].strides[0];
  return shape;
}

// A result that is stored by columns is the transposed product stored by rows: yᵀ = bᵀ aᵀ.
bool isTurned(const MatmulShape& shape) { return shape.y_row == 1 && shape.y_column != 1; }
void turn(MatmulShape& shape) {
  std::swap(shape.a, shape.b);
  std::swap(shape.m, shape.n);
  std::swap(shape.y_row, shape.y_column);
  std::swap(shape.a_row, shape.b_column);
  std::swap(shape.a_column, shape.b_row);
  std::swap(shape.bias_row, shape.bias_column);
}

struct MatrixOperands {
  DType dtype;
  Memory y, a, b, bias;
};

// y from the parts of its sums, in their order.
void joinParts(GpuDevice& device, const MatmulShape& shape, const MatrixOperands& x, const Memory& parts) {
  Variant variant(x.dtype);
  KernelCall call(device, "matmul", "matmul_join", variant.define("MICRO", "4"));
  call.memory(x.y);
  shape.has_bias ? call.memory(x.bias) : call.none();
  call.memory(parts).value(shape).runOver(shape.batches * shape.m * shape.n);
}

void multiplyTiled(GpuDevice& device, MatmulShape shape, const MatrixOperands& x) {
  const i64 results = shape.batches * shape.m * shape.n;
  const i64 lanes = lanesOf(device), units = factsOf(device).units;
  const bool isThin = shape.m < kThin || shape.n < kThin || !isNarrow(shape);
  const auto tilesOf = [&](i64 micro) {
    const i64 rows = laneRows(lanes);
    shape.tile_rows = ceilDivide(shape.m, rows * micro);
    shape.tile_columns = ceilDivide(shape.n, lanes / rows * micro);
    return shape.tile_rows * shape.tile_columns * shape.batches;
  };
  // Large tiles load less, small ones keep more of the device busy.
  const bool mayBeLarge =
      x.dtype == DType::float32 || x.dtype == DType::float16 || x.dtype == DType::bfloat16;
  const bool isLarge = mayBeLarge && lanes >= 64 && !isThin && tilesOf(8) >= units;
  const i64 tiles = tilesOf(isLarge ? 8 : 4);
  i64 splits = 1;
  if (isThin) {
    splits = std::min({ceilDivide(2 * units * lanes, results), shape.k / kLeastChunk, i64{256}});
    shape.split_first = shape.a_column == 1 && shape.b_row == 1;
  } else {
    splits = std::min({2 * units / tiles, shape.k / kLeastChunk, i64{64}});
  }
  splits = std::max<i64>(splits, 1);
  shape.chunk = ceilDivide(ceilDivide(shape.k, splits), kDepth) * kDepth;
  if (!isThin) splits = std::max<i64>(ceilDivide(shape.k, std::max<i64>(shape.chunk, 1)), 1);
  shape.splits = static_cast<i32>(splits);

  Variant variant(x.dtype);
  variant.define("MICRO", isLarge ? "8" : "4");
  const size_t wide = x.dtype == DType::float64 || x.dtype == DType::int64 ? 8 : 4;
  const Workspace parts(device, splits > 1 ? static_cast<size_t>(splits * results) * wide : 0);
  {
    KernelCall call(device, "matmul", isThin ? "matmul_thin" : "matmul_tiled", variant);
    call.memory(x.y).memory(x.a).memory(x.b);
    shape.has_bias ? call.memory(x.bias) : call.none();
    splits > 1 ? call.memory(parts.memory()) : call.none();
    call.value(shape);
    if (isThin) {
      call.runOver(results * splits);
    } else {
      call.run({std::min<i64>(tiles * splits, i64{1} << 30), 1, 1});
    }
  }
  if (splits > 1) joinParts(device, shape, x, parts.memory());
}

#include "products.h"

void matmul(GpuDevice& device, const Launch& launch) {
  const std::vector<Operand>& operands = *launch.operands;
  MatmulShape shape = shapeOf(launch);
  MatrixOperands x{operands[0].dtype, operands[0].memory, operands[1].memory, operands[2].memory, {}};
  if (shape.has_bias) x.bias = operands[3].memory;
  if (isTurned(shape)) {
    turn(shape);
    std::swap(x.a, x.b);
  }
  if (shape.batches * shape.m * shape.n == 0) return;
  if (!multiplyFast(device, shape, x)) multiplyTiled(device, shape, x);
}

const Kernel table[] = {
    {"matmul", kNumeric, matmul},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"matmul", 1, {{numbers, {70, 75}}, {numbers, {70, 90}}, {transposed, {90, 75}}}, {0, 0}, {}},
      {"matmul",
       1,
       {{numbers, {2, 3, 20}}, {numbers, {2, 3, 40}}, {numbers, {2, 40, 20}}, {numbers, {20}}},
       {0, 1},
       {}},
  };
}

KERNEL_TABLE(matmul)

#endif
