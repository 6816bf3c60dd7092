// Batch normalisation, forward and backward, over x seen as [C, R...]: C channels, and all the values of
// each.
//
// A channel is a row (dialect/rows.h). Where channels are few and long, several groups share each: one launch
// leaves what their chunks came to, and in the next every group joins the chunks of its channels and writes
// its own part of the result. Short channels need one launch.
// VARIANTS TYPE: f32 f64 f16 bf16
#include "../kernel.h"

KERNEL_SOURCE

#include "../dialect/rows.h"

typedef struct {
  Rows rows;
  Number eps, momentum;
  i64 channel[3];  // from channel to channel: of y and x, or of dx, g and x
  i64 steps[6];    // of the operands [C], in their order
  i32 is_training, is_affine, has_running, unused;
  Strided values[3];  // of one channel, as `channel`
} BatchNormShape;

#ifdef DESCENT_DIALECT

#include "../dialect/moments.h"
#include "../dialect/sums.h"

ROW_REDUCTION(joinedMoments, Moments, joinMoments(a, b))
ROW_REDUCTION(joinedSums, TwoSums, joinTwoSums(a, b))

#define BATCH_NORM_LANE                                                         \
  const i32 across = shape.rows.across, slices = shape.rows.slices;             \
  const i32 which = ROW_OF_LANE(shape.rows), slice = SLICE_OF_LANE(shape.rows); \
  const i64 begin = CHUNK_BEGIN(shape.rows) + slice, last = CHUNK_END(shape.rows);

#define X(k) LOAD(TYPE, from, placeOf(&shape->values[1], k))
DEVICE Moments momentsOfChunk(GLOBAL const S* from, const BatchNormShape* shape, i64 k, i64 end, i32 slices) {
  Moments moments = noMoments();
  for (; k + 3 * slices < end; k += 4 * slices) {
    moments = joinMoments(moments, momentsOfFour(X(k), X(k + slices), X(k + 2 * slices), X(k + 3 * slices)));
  }
  for (; k < end; k += slices) moments = joinMoments(moments, momentsOf(X(k)));
  return moments;
}
#undef X

KERNEL(batchNormMoments)(BUFFER(TYPE, x), BUFFER(u8, parts), const BatchNormShape shape) {
  SHARED(Moments, shared, LANES);
  OPEN(TYPE, x);
  OPEN(u8, parts);
  BATCH_NORM_LANE
  FOR_ROWS(first, shape.rows) {
    const i64 c = first + which;
    const i64 end = c < shape.rows.rows ? last : 0;
    Moments moments = momentsOfChunk(x + c * shape.channel[1], &shape, begin, end, slices);
    moments = joinedMoments(shared, moments, which, slice, across, slices);
    if (slice == 0 && c < shape.rows.rows) {
      ((GLOBAL Moments*)parts)[GROUP_Y * shape.rows.rows + c] = moments;
    }
  }
}

KERNEL(batchNorm)
(BUFFER(TYPE, y), BUFFER(TYPE, means), BUFFER(TYPE, inverses), BUFFER(TYPE, x), BUFFER(TYPE, gamma),
 BUFFER(TYPE, beta), BUFFER(TYPE, runningMean), BUFFER(TYPE, runningVar), BUFFER(u8, parts),
 const BatchNormShape shape) {
  SHARED(Moments, shared, LANES);
  OPEN(TYPE, y);
  OPEN(TYPE, means);
  OPEN(TYPE, inverses);
  OPEN(TYPE, x);
  OPEN(TYPE, gamma);
  OPEN(TYPE, beta);
  OPEN(TYPE, runningMean);
  OPEN(TYPE, runningVar);
  OPEN(u8, parts);
  BATCH_NORM_LANE
  FOR_ROWS(first, shape.rows) {
    const i64 c = first + which;
    const bool is_there = c < shape.rows.rows;
    const i64 end = is_there ? last : 0;
    GLOBAL const S* from = x + c * shape.channel[1];
    Moments moments = noMoments();
    if (shape.is_training && shape.rows.chunks == 1)
      moments = momentsOfChunk(from, &shape, begin, end, slices);
    if (shape.is_training && shape.rows.chunks > 1 && is_there) {
      for (i64 chunk = slice; chunk < shape.rows.chunks; chunk += slices) {
        moments = joinMoments(moments, ((GLOBAL const Moments*)parts)[chunk * shape.rows.rows + c]);
      }
    }
    // Always: some compilers run what stands around a barrier in an `if` twice.
    moments = joinedMoments(shared, moments, which, slice, across, slices);
    if (!is_there) continue;
    T mean, variance;
    if (shape.is_training) {
      mean = moments.mean;
      variance = moments.squares / moments.count;
      if (shape.has_running && slice == 0 && GROUP_Y == 0) {
        const T momentum = NUMBER(shape.momentum), keep = T(1) - momentum;
        const T unbiased = moments.count > T(1) ? moments.squares / (moments.count - T(1)) : variance;
        const i64 at_mean = c * shape.steps[4], at_var = c * shape.steps[5];
        STORE(TYPE, runningMean, at_mean, keep * LOAD(TYPE, runningMean, at_mean) + momentum * mean);
        STORE(TYPE, runningVar, at_var, keep * LOAD(TYPE, runningVar, at_var) + momentum * unbiased);
      }
    } else {
      mean = LOAD(TYPE, runningMean, c * shape.steps[4]);
      variance = LOAD(TYPE, runningVar, c * shape.steps[5]);
    }
    const T inverse = T(1) / sqrt_(variance + NUMBER(shape.eps));
    if (slice == 0 && GROUP_Y == 0) {
      STORE(TYPE, means, c * shape.steps[0], mean);
      STORE(TYPE, inverses, c * shape.steps[1], inverse);
    }
    const T factor = shape.is_affine ? inverse * LOAD(TYPE, gamma, c * shape.steps[2]) : inverse;
    const T shift = shape.is_affine ? LOAD(TYPE, beta, c * shape.steps[3]) : T(0);
    GLOBAL S* to = y + c * shape.channel[0];
    for (i64 k = begin; k < end; k += slices) {
      const T value = (LOAD(TYPE, from, placeOf(&shape.values[1], k)) - mean) * factor + shift;
      STORE(TYPE, to, placeOf(&shape.values[0], k), value);
    }
  }
}

// The sums of g and of g (x - mean).
DEVICE TwoSums sumsOfChunk(GLOBAL const S* gs, GLOBAL const S* xs, const BatchNormShape* shape, T mean, i64 k,
                           i64 end, i32 slices) {
  TwoSums sums = noSums();
  for (; k < end; k += slices) {
    const T g = LOAD(TYPE, gs, placeOf(&shape->values[1], k));
    const T x = LOAD(TYPE, xs, placeOf(&shape->values[2], k));
    sums.first = addToSum(sums.first, g);
    sums.second = addToSum(sums.second, g * (x - mean));
  }
  return sums;
}

KERNEL(batchNormSums)
(BUFFER(TYPE, g), BUFFER(TYPE, x), BUFFER(TYPE, means), BUFFER(u8, parts), const BatchNormShape shape) {
  SHARED(TwoSums, shared, LANES);
  OPEN(TYPE, g);
  OPEN(TYPE, x);
  OPEN(TYPE, means);
  OPEN(u8, parts);
  BATCH_NORM_LANE
  FOR_ROWS(first, shape.rows) {
    const i64 c = first + which;
    const i64 end = c < shape.rows.rows ? last : 0;
    const T mean = end ? LOAD(TYPE, means, c * shape.steps[2]) : T(0);
    TwoSums sums =
        sumsOfChunk(g + c * shape.channel[1], x + c * shape.channel[2], &shape, mean, begin, end, slices);
    sums = joinedSums(shared, sums, which, slice, across, slices);
    if (slice == 0 && c < shape.rows.rows) ((GLOBAL TwoSums*)parts)[GROUP_Y * shape.rows.rows + c] = sums;
  }
}

// With h = (x - mean) invstd: dbeta = sum g, dgamma = sum g h, and in training
// dx = gamma invstd (g - dbeta / R - h dgamma / R), because mean and invstd depend on x.
KERNEL(batchNormBackward)
(BUFFER(TYPE, dx), BUFFER(TYPE, dgamma), BUFFER(TYPE, dbeta), BUFFER(TYPE, g), BUFFER(TYPE, x),
 BUFFER(TYPE, means), BUFFER(TYPE, inverses), BUFFER(TYPE, gamma), BUFFER(u8, parts),
 const BatchNormShape shape) {
  SHARED(TwoSums, shared, LANES);
  OPEN(TYPE, dx);
  OPEN(TYPE, dgamma);
  OPEN(TYPE, dbeta);
  OPEN(TYPE, g);
  OPEN(TYPE, x);
  OPEN(TYPE, means);
  OPEN(TYPE, inverses);
  OPEN(TYPE, gamma);
  OPEN(u8, parts);
  BATCH_NORM_LANE
  FOR_ROWS(first, shape.rows) {
    const i64 c = first + which;
    const bool is_there = c < shape.rows.rows;
    const i64 end = is_there ? last : 0;
    GLOBAL const S* gs = g + c * shape.channel[1];
    GLOBAL const S* xs = x + c * shape.channel[2];
    const T mean = is_there ? LOAD(TYPE, means, c * shape.steps[2]) : T(0);
    TwoSums sums = noSums();
    if (shape.rows.chunks == 1) {
      sums = sumsOfChunk(gs, xs, &shape, mean, begin, end, slices);
    } else if (is_there) {
      for (i64 chunk = slice; chunk < shape.rows.chunks; chunk += slices) {
        sums = joinTwoSums(sums, ((GLOBAL const TwoSums*)parts)[chunk * shape.rows.rows + c]);
      }
    }
    sums = joinedSums(shared, sums, which, slice, across, slices);
    if (!is_there) continue;
    const T inverse = LOAD(TYPE, inverses, c * shape.steps[3]);
    const T sum = totalOf(sums.first), product = totalOf(sums.second) * inverse;
    if (slice == 0 && GROUP_Y == 0) {
      STORE(TYPE, dgamma, c * shape.steps[0], product);
      STORE(TYPE, dbeta, c * shape.steps[1], sum);
    }
    const T count = T(shape.rows.size);
    const T of_g = shape.is_affine ? inverse * LOAD(TYPE, gamma, c * shape.steps[4]) : inverse;
    const T of_h = shape.is_training ? product / count * inverse : T(0);
    const T middle = shape.is_training ? sum / count : T(0);
    GLOBAL S* to = dx + c * shape.channel[0];
    for (i64 k = begin; k < end; k += slices) {
      const T gk = LOAD(TYPE, gs, placeOf(&shape.values[1], k));
      const T xk = LOAD(TYPE, xs, placeOf(&shape.values[2], k));
      STORE(TYPE, to, placeOf(&shape.values[0], k), of_g * (gk - middle - (xk - mean) * of_h));
    }
  }
}

#else  // host

constexpr size_t kMomentsBytes = 24, kSumsBytes = 32;  // the largest of each

i64 valuesOf(const Operand& x) {
  i64 count = 1;
  for (int dim = 1; dim < x.dims; ++dim) count *= x.sizes[dim];
  return count;
}

// `tensors` are seen as [C, R...]; the last one decides how lanes are shared out.
BatchNormShape shapeOf(const GpuDevice& device, const std::vector<const Operand*>& tensors) {
  BatchNormShape shape{};
  for (size_t k = 0; k < tensors.size(); ++k) {
    shape.channel[k] = tensors[k]->strides[0];
    shape.values[k] = strided(*tensors[k], 1, tensors[k]->dims);
  }
  const Operand& x = *tensors.back();
  const bool isColumns = areColumns(strided(x, 0, 1), shape.values[tensors.size() - 1]);
  shape.rows = inChunks(shareRows(device, x.sizes[0], valuesOf(x), isColumns));
  return shape;
}

void addIf(KernelCall& call, const Operand* operand) {
  if (operand) {
    call.memory(*operand);
  } else {
    call.none();
  }
}

i64 stepOf(const Operand* channels) { return channels ? channels->strides[0] : 0; }

// y, mean, invstd; x, (gamma, beta), (runningMean, runningVar)
void batchNorm(GpuDevice& device, const Launch& launch) {
  const std::vector<Operand>& operands = *launch.operands;
  const Operand* next = &operands[4];
  const Operand* own[6] = {&operands[1], &operands[2], nullptr, nullptr, nullptr, nullptr};
  if (launch.integers[1]) {
    own[2] = next++;
    own[3] = next++;
  }
  if (launch.integers[2]) {
    own[4] = next++;
    own[5] = next++;
  }
  BatchNormShape shape = shapeOf(device, {&operands[0], &operands[3]});
  if (shape.rows.rows == 0) return;
  for (int k = 0; k < 6; ++k) shape.steps[k] = stepOf(own[k]);
  shape.eps = Number(launch.numbers[0]);
  shape.momentum = Number(launch.numbers[1]);
  shape.is_training = launch.integers[0] != 0;
  shape.is_affine = launch.integers[1] != 0;
  shape.has_running = launch.integers[2] != 0;
  const Variant variant(operands[3].dtype);
  const Workspace parts(device, static_cast<size_t>(shape.rows.chunks * shape.rows.rows) * kMomentsBytes);
  if (shape.is_training && shape.rows.chunks > 1) {
    KernelCall(device, "norm", "batchNormMoments", variant)
        .memory(operands[3])
        .memory(parts.memory())
        .value(shape)
        .run(gridFor(shape.rows));
  }
  KernelCall call(device, "norm", "batchNorm", variant);
  call.memory(operands[0]).memory(operands[1]).memory(operands[2]).memory(operands[3]);
  for (int k = 2; k < 6; ++k) addIf(call, own[k]);
  call.memory(parts.memory()).value(shape).run(gridFor(shape.rows));
}

// dx, dgamma, dbeta; g, x, mean, invstd, (gamma)
void batchNormBackward(GpuDevice& device, const Launch& launch) {
  const std::vector<Operand>& operands = *launch.operands;
  const Operand* gamma = launch.integers[1] ? &operands[7] : nullptr;
  const Operand* own[5] = {&operands[1], &operands[2], &operands[5], &operands[6], gamma};
  BatchNormShape shape = shapeOf(device, {&operands[0], &operands[3], &operands[4]});
  if (shape.rows.rows == 0) return;
  for (int k = 0; k < 5; ++k) shape.steps[k] = stepOf(own[k]);
  shape.is_training = launch.integers[0] != 0;
  shape.is_affine = launch.integers[1] != 0;
  const Variant variant(operands[4].dtype);
  const Workspace parts(device, static_cast<size_t>(shape.rows.chunks * shape.rows.rows) * kSumsBytes);
  if (shape.rows.chunks > 1) {
    KernelCall(device, "norm", "batchNormSums", variant)
        .memory(operands[3])
        .memory(operands[4])
        .memory(operands[5])
        .memory(parts.memory())
        .value(shape)
        .run(gridFor(shape.rows));
  }
  KernelCall call(device, "norm", "batchNormBackward", variant);
  for (size_t k = 0; k < 7; ++k) call.memory(operands[k]);
  addIf(call, gamma);
  call.memory(parts.memory()).value(shape).run(gridFor(shape.rows));
}

const Kernel table[] = {
    {"batchNorm", kFloating, batchNorm},
    {"batchNormBackward", kFloating, batchNormBackward},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"batchNorm",
       3,
       {{numbers, {3, 4, 50}}, {numbers, {3}}, {numbers, {3}}, {numbers, {3, 4, 50}}},
       {1, 0, 0},
       {1e-5, 0.1}},
  };
}

KERNEL_TABLE(norm)

#endif
