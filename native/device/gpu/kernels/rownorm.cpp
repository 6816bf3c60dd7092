// Normalisation of rows: layers, groups and instances, by mean and deviation or by the root mean square. The
// gradients of weights and biases are sums over rows, in a launch of their own that reads along the columns.
// VARIANTS TYPE: f32 f64 f16 bf16
#include "../kernel.h"

KERNEL_SOURCE

#include "../dialect/rows.h"

// All tensors are contiguous. Row m is of group m mod groups; its values are `channels` times `inner`.
typedef struct {
  Rows rows;
  Number eps;
  i64 groups, channels, inner;
  i32 is_rms, has_weight, has_bias, unused;
} RowNormShape;

#ifdef DESCENT_DIALECT

#include "../dialect/moments.h"
#include "../dialect/sums.h"

// Two numbers of a row.
typedef struct {
  T first, second;
} Pair;

DEVICE Pair joinPairs(Pair a, Pair b) {
  a.first += b.first;
  a.second += b.second;
  return a;
}

ROW_REDUCTION(joinedMoments, Moments, joinMoments(a, b))
ROW_REDUCTION(joinedPairs, Pair, joinPairs(a, b))
ROW_REDUCTION(joinedSums, TwoSums, joinTwoSums(a, b))

// Where the weight of value k of a row stands. Rows are far shorter than 2^31.
#define WEIGHT_AT(k) (first_weight + (shape.inner == 1 ? (k) : (i64)((u32)(k) / (u32)shape.inner)))

KERNEL(rowNorm)
(BUFFER(TYPE, y), BUFFER(TYPE, means), BUFFER(TYPE, inverses), BUFFER(TYPE, x), BUFFER(TYPE, weight),
 BUFFER(TYPE, bias), const RowNormShape shape) {
  SHARED(Moments, shared, LANES);
  OPEN(TYPE, y);
  OPEN(TYPE, means);
  OPEN(TYPE, inverses);
  OPEN(TYPE, x);
  OPEN(TYPE, weight);
  OPEN(TYPE, bias);
  const i32 slices = shape.rows.slices;
  const i32 which = ROW_OF_LANE(shape.rows), slice = SLICE_OF_LANE(shape.rows);
  FOR_ROWS(first, shape.rows) {
    const i64 row = first + which;
    const i64 end = row < shape.rows.rows ? shape.rows.size : 0;
    GLOBAL const S* from = x + row * shape.rows.size;
    Moments moments = noMoments();
    i64 k = slice;
    if (shape.is_rms) {
      for (; k < end; k += slices) {
        const T value = LOAD(TYPE, from, k);
        moments.squares += value * value;
      }
    } else {
      for (; k + 3 * slices < end; k += 4 * slices) {
        moments = joinMoments(
            moments, momentsOfFour(LOAD(TYPE, from, k), LOAD(TYPE, from, k + slices),
                                   LOAD(TYPE, from, k + 2 * slices), LOAD(TYPE, from, k + 3 * slices)));
      }
      for (; k < end; k += slices) moments = joinMoments(moments, momentsOf(LOAD(TYPE, from, k)));
    }
    // Joined around a mean of 0 where only the size is normalised: nothing but the squares is added up then.
    if (shape.is_rms) moments.count = T(1);
    moments = joinedMoments(shared, moments, which, slice, shape.rows.across, slices);
    const T mean = moments.mean;
    const T inverse = T(1) / sqrt_(moments.squares / T(shape.rows.size) + NUMBER(shape.eps));
    if (slice == 0 && end) {
      STORE(TYPE, means, row, mean);
      STORE(TYPE, inverses, row, inverse);
    }
    const i64 first_weight = shape.groups == 1 ? 0 : row % shape.groups * shape.channels;
    for (k = slice; k < end; k += slices) {
      T value = (LOAD(TYPE, from, k) - mean) * inverse;
      if (shape.has_weight) value *= LOAD(TYPE, weight, WEIGHT_AT(k));
      if (shape.has_bias) value += LOAD(TYPE, bias, WEIGHT_AT(k));
      STORE(TYPE, y, row * shape.rows.size + k, value);
    }
  }
}

// With h = (x - mean) invstd and e = g weight: dx = invstd (e - mean(e) - h mean(e h)), without mean(e) for
// isRms.
KERNEL(rowNormBackward)
(BUFFER(TYPE, dx), BUFFER(TYPE, g), BUFFER(TYPE, x), BUFFER(TYPE, means), BUFFER(TYPE, inverses),
 BUFFER(TYPE, weight), const RowNormShape shape) {
  SHARED(Pair, shared, LANES);
  OPEN(TYPE, dx);
  OPEN(TYPE, g);
  OPEN(TYPE, x);
  OPEN(TYPE, means);
  OPEN(TYPE, inverses);
  OPEN(TYPE, weight);
  const i32 slices = shape.rows.slices;
  const i32 which = ROW_OF_LANE(shape.rows), slice = SLICE_OF_LANE(shape.rows);
  FOR_ROWS(first, shape.rows) {
    const i64 row = first + which, at = row * shape.rows.size;
    const i64 end = row < shape.rows.rows ? shape.rows.size : 0;
    const T mean = end ? LOAD(TYPE, means, row) : T(0), inverse = end ? LOAD(TYPE, inverses, row) : T(0);
    const i64 first_weight = shape.groups == 1 ? 0 : row % shape.groups * shape.channels;
    Pair sums;
    sums.first = T(0);
    sums.second = T(0);
    for (i64 k = slice; k < end; k += slices) {
      T e = LOAD(TYPE, g, at + k);
      if (shape.has_weight) e *= LOAD(TYPE, weight, WEIGHT_AT(k));
      sums.first += e;
      sums.second += e * (LOAD(TYPE, x, at + k) - mean);
    }
    sums = joinedPairs(shared, sums, which, slice, shape.rows.across, slices);
    const T middle = shape.is_rms ? T(0) : sums.first / T(shape.rows.size);
    const T slope = sums.second / T(shape.rows.size) * inverse;
    for (i64 k = slice; k < end; k += slices) {
      T e = LOAD(TYPE, g, at + k);
      if (shape.has_weight) e *= LOAD(TYPE, weight, WEIGHT_AT(k));
      const T h = (LOAD(TYPE, x, at + k) - mean) * inverse;
      STORE(TYPE, dx, at + k, inverse * (e - middle - h * slope));
    }
  }
}

// Here a row of the table is a weight: its values are those it was multiplied with, in every row of its
// group. dweight = sum g h, dbias = sum g
KERNEL(rowNormWeights)
(BUFFER(TYPE, dweight), BUFFER(TYPE, dbias), BUFFER(TYPE, g), BUFFER(TYPE, x), BUFFER(TYPE, means),
 BUFFER(TYPE, inverses), BUFFER(u8, parts), const RowNormShape shape) {
  SHARED(TwoSums, shared, LANES);
  OPEN(TYPE, dweight);
  OPEN(TYPE, dbias);
  OPEN(TYPE, g);
  OPEN(TYPE, x);
  OPEN(TYPE, means);
  OPEN(TYPE, inverses);
  OPEN(u8, parts);
  const i32 slices = shape.rows.slices;
  const i32 which = ROW_OF_LANE(shape.rows), slice = SLICE_OF_LANE(shape.rows);
  FOR_ROWS(first, shape.rows) {
    const i64 index = first + which;
    const i64 end = index < shape.rows.rows ? CHUNK_END(shape.rows) : 0;
    const i64 group = index / shape.channels, channel = index % shape.channels;
    TwoSums sums = noSums();
    for (i64 k = CHUNK_BEGIN(shape.rows) + slice; k < end; k += slices) {
      const i64 turn = shape.inner == 1 ? k : k / shape.inner;
      const i64 row = group + turn * shape.groups;
      const i64 at = (row * shape.channels + channel) * shape.inner + (k - turn * shape.inner);
      const T gk = LOAD(TYPE, g, at);
      const T h = (LOAD(TYPE, x, at) - LOAD(TYPE, means, row)) * LOAD(TYPE, inverses, row);
      sums.first = addToSum(sums.first, gk * h);
      sums.second = addToSum(sums.second, gk);
    }
    sums = joinedSums(shared, sums, which, slice, shape.rows.across, slices);
    if (slice != 0 || index >= shape.rows.rows) continue;
    if (shape.rows.chunks > 1) {
      ((GLOBAL TwoSums*)parts)[GROUP_Y * shape.rows.rows + index] = sums;
    } else {
      STORE(TYPE, dweight, index, totalOf(sums.first));
      STORE(TYPE, dbias, index, totalOf(sums.second));
    }
  }
}

KERNEL(rowNormChunks)(BUFFER(TYPE, dweight), BUFFER(TYPE, dbias), BUFFER(u8, parts), const Rows rows) {
  SHARED(TwoSums, shared, LANES);
  OPEN(TYPE, dweight);
  OPEN(TYPE, dbias);
  OPEN(u8, parts);
  const i32 which = ROW_OF_LANE(rows), slice = SLICE_OF_LANE(rows);
  FOR_ROWS(first, rows) {
    const i64 index = first + which;
    TwoSums sums = noSums();
    if (index < rows.rows) {
      for (i64 chunk = slice; chunk < rows.chunks; chunk += rows.slices) {
        sums = joinTwoSums(sums, ((GLOBAL const TwoSums*)parts)[chunk * rows.rows + index]);
      }
    }
    sums = joinedSums(shared, sums, which, slice, rows.across, rows.slices);
    if (slice != 0 || index >= rows.rows) continue;
    STORE(TYPE, dweight, index, totalOf(sums.first));
    STORE(TYPE, dbias, index, totalOf(sums.second));
  }
}

#else  // host

constexpr size_t kSumsBytes = 32;  // the largest TwoSums

RowNormShape shapeOf(const GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  RowNormShape shape{};
  shape.rows = shareRows(device, y.sizes[0], y.sizes[1], false);
  shape.groups = launch.integers[0];
  shape.channels = launch.integers[1];
  shape.inner = y.sizes[1] / std::max<i64>(1, shape.channels);
  shape.is_rms = launch.integers[2] != 0;
  shape.has_weight = launch.integers[3] != 0;
  return shape;
}

// y, mean, invstd; x, (weight), (bias)
void rowNorm(GpuDevice& device, const Launch& launch) {
  const std::vector<Operand>& operands = *launch.operands;
  if (elements(operands[0]) == 0) return;
  RowNormShape shape = shapeOf(device, launch);
  shape.eps = Number(launch.numbers[0]);
  shape.has_bias = launch.integers[4] != 0;
  KernelCall call(device, "rownorm", "rowNorm", Variant(operands[3].dtype));
  for (size_t k = 0; k < 4; ++k) call.memory(operands[k]);
  size_t next = 4;
  for (const bool has : {shape.has_weight != 0, shape.has_bias != 0}) {
    if (has) {
      call.memory(operands[next++]);
    } else {
      call.none();
    }
  }
  call.value(shape).run({groupsFor(shape.rows), 1, 1});
}

// dx, dweight, dbias; g, x, mean, invstd, (weight)
void rowNormBackward(GpuDevice& device, const Launch& launch) {
  const std::vector<Operand>& operands = *launch.operands;
  if (elements(operands[0]) == 0) return;
  RowNormShape shape = shapeOf(device, launch);
  const Variant variant(operands[4].dtype);
  KernelCall call(device, "rownorm", "rowNormBackward", variant);
  call.memory(operands[0]).memory(operands[3]).memory(operands[4]).memory(operands[5]).memory(operands[6]);
  if (shape.has_weight) {
    call.memory(operands[7]);
  } else {
    call.none();
  }
  call.value(shape).run({groupsFor(shape.rows), 1, 1});
  if (!launch.integers[4]) return;

  const i64 weights = shape.groups * shape.channels;
  const i64 size = shape.rows.rows / shape.groups * shape.inner;
  shape.rows = inChunks(shareRows(device, weights, size, shape.inner == 1));
  const Workspace parts(device, static_cast<size_t>(shape.rows.chunks * weights) * kSumsBytes);
  KernelCall(device, "rownorm", "rowNormWeights", variant)
      .memory(operands[1])
      .memory(operands[2])
      .memory(operands[3])
      .memory(operands[4])
      .memory(operands[5])
      .memory(operands[6])
      .memory(parts.memory())
      .value(shape)
      .run(gridFor(shape.rows));
  if (shape.rows.chunks == 1) return;
  const Rows chunks = joinChunks(device, shape.rows);
  KernelCall(device, "rownorm", "rowNormChunks", variant)
      .memory(operands[1])
      .memory(operands[2])
      .memory(parts.memory())
      .value(chunks)
      .run({groupsFor(chunks), 1, 1});
}

const Kernel table[] = {
    {"rowNorm", kFloating, rowNorm},
    {"rowNormBackward", kFloating, rowNormBackward},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"rowNorm",
       3,
       {{numbers, {5, 70}},
        {numbers, {5}},
        {numbers, {5}},
        {numbers, {5, 70}},
        {numbers, {70}},
        {numbers, {70}}},
       {1, 70, 0, 1, 1},
       {1e-5}},
  };
}

KERNEL_TABLE(rownorm)

#endif
