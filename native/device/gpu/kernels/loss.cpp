// Cross entropy from class indices, forward and backward.
//
// With smoothing s, weights w and target t of row i, as in PyTorch:
//   loss_i = (1 - s) w_t (-logp_t) + s / C sum_c w_c (-logp_c);   mean divides the sum by the sum of the w_t.
// Each group adds up the losses of its rows; a second launch adds up the groups. Small batches are one group
// and one launch.
// VARIANTS TYPE: f32 f64 f16 bf16
#include "../kernel.h"

KERNEL_SOURCE

#include "../dialect/rows.h"

typedef struct {
  Rows rows;
  Number smoothing;
  i64 ignore_index;
  i64 x_row, x_step, logp_row, logp_step;  // strides; in the backward, x is dx
  i64 target_step, weight_step, loss_step;
  i32 reduction;                           // 0 none, 1 mean, 2 sum
  i32 has_weight, input_is_logp, is_wide;  // targets of 64 bits
} CrossEntropyShape;

#ifdef DESCENT_DIALECT

#include "../dialect/softmax.h"
#include "../dialect/sums.h"

ROW_REDUCTION(joined, T, a + b)
// Of the rows of a group, or of all: the losses, and the weights of their targets.
GROUP_REDUCTION(joinedLosses, TwoSums, joinTwoSums(a, b))

#define TARGET(row)                                                     \
  (shape.is_wide ? ((GLOBAL const i64*)target)[(row)*shape.target_step] \
                 : (i64)((GLOBAL const i32*)target)[(row)*shape.target_step])
#define WEIGHT(c) (shape.has_weight ? LOAD(TYPE, weight, (c)*shape.weight_step) : T(1))

DEVICE void storeLosses(GLOBAL S* loss, GLOBAL S* total, TwoSums all, i32 reduction) {
  const T weights = totalOf(all.second);
  STORE(TYPE, total, 0, weights);
  if (reduction == 1) STORE(TYPE, loss, 0, totalOf(all.first) / weights);
  if (reduction == 2) STORE(TYPE, loss, 0, totalOf(all.first));
}

KERNEL(crossEntropy)
(BUFFER(TYPE, loss), BUFFER(TYPE, total), BUFFER(TYPE, logp), BUFFER(TYPE, x), BUFFER(u8, target),
 BUFFER(TYPE, weight), BUFFER(u8, parts), FAULT, const CrossEntropyShape shape) {
  SHARED(Exponentials, shared_exponentials, LANES);
  SHARED(T, shared_sums, LANES);
  SHARED(TwoSums, shared_losses, LANES);
  OPEN(TYPE, loss);
  OPEN(TYPE, total);
  OPEN(TYPE, logp);
  OPEN(TYPE, x);
  OPEN(u8, target);
  OPEN(TYPE, weight);
  OPEN(u8, parts);
  const i32 slices = shape.rows.slices, across = shape.rows.across;
  const i32 which = ROW_OF_LANE(shape.rows), slice = SLICE_OF_LANE(shape.rows);
  const T smoothing = NUMBER(shape.smoothing), classes = T(shape.rows.size);
  TwoSums all = noSums();
  FOR_ROWS(first, shape.rows) {
    const i64 row = first + which;
    const i64 end = row < shape.rows.rows ? shape.rows.size : 0;
    GLOBAL const S* from = x + row * shape.x_row;
    // Barriers are outside of conditions: some compilers run what stands around one in an `if` twice.
    Exponentials sums = noExponentials();
    if (!shape.input_is_logp) {
      for (i64 k = slice; k < end; k += slices) sums = addTo(sums, LOAD(TYPE, from, k * shape.x_step));
    }
    sums = joinedExponentials(shared_exponentials, sums, which, slice, across, slices);
    const T largest = shape.input_is_logp ? T(0) : sums.largest;
    const T shift = shape.input_is_logp ? T(0) : log_(sums.sum);
    T others = T(0);
    if (!shape.input_is_logp || smoothing != T(0)) {
      for (i64 k = slice; k < end; k += slices) {
        const T value = LOAD(TYPE, from, k * shape.x_step) - largest - shift;
        if (!shape.input_is_logp) STORE(TYPE, logp, row * shape.logp_row + k * shape.logp_step, value);
        if (smoothing != T(0)) others -= WEIGHT(k) * value;
      }
    }
    others = joined(shared_sums, others, which, slice, across, slices);
    if (slice == 0 && row < shape.rows.rows) {
      const i64 wanted = TARGET(row);
      T one = T(0);
      if (wanted == shape.ignore_index) {
      } else if (wanted < 0 || wanted >= shape.rows.size) {
        RAISE_FAULT(wanted, row, shape.rows.size);
      } else {
        const T share = WEIGHT(wanted);
        one = (T(1) - smoothing) * share * -(LOAD(TYPE, from, wanted * shape.x_step) - largest - shift);
        if (smoothing != T(0)) one += smoothing / classes * others;
        all.second = addToSum(all.second, share);
      }
      all.first = addToSum(all.first, one);
      if (shape.reduction == 0) STORE(TYPE, loss, row * shape.loss_step, one);
    }
  }
  all = joinedLosses(shared_losses, all);
  if (LANE != 0) return;
  if (GROUPS_X == 1) {
    storeLosses(loss, total, all, shape.reduction);
  } else {
    ((GLOBAL TwoSums*)parts)[GROUP_X] = all;
  }
}

KERNEL(crossEntropyTotal)
(BUFFER(TYPE, loss), BUFFER(TYPE, total), BUFFER(u8, parts), const i64 groups, const i32 reduction) {
  SHARED(TwoSums, shared, LANES);
  OPEN(TYPE, loss);
  OPEN(TYPE, total);
  OPEN(u8, parts);
  TwoSums all = noSums();
  for (i64 k = LANE; k < groups; k += LANES) all = joinTwoSums(all, ((GLOBAL const TwoSums*)parts)[k]);
  all = joinedLosses(shared, all);
  if (LANE == 0) storeLosses(loss, total, all, reduction);
}

// d loss_i / d logp_c = -((1 - s) w_t [c = t] + s / C w_c), and through log-softmax dx = dlogp - e^logp sum
// dlogp.
KERNEL(crossEntropyBackward)
(BUFFER(TYPE, dx), BUFFER(TYPE, g), BUFFER(TYPE, logp), BUFFER(u8, target), BUFFER(TYPE, total),
 BUFFER(TYPE, weight), FAULT, const CrossEntropyShape shape) {
  SHARED(T, shared, LANES);
  OPEN(TYPE, dx);
  OPEN(TYPE, g);
  OPEN(TYPE, logp);
  OPEN(u8, target);
  OPEN(TYPE, total);
  OPEN(TYPE, weight);
  const i32 slices = shape.rows.slices;
  const i32 which = ROW_OF_LANE(shape.rows), slice = SLICE_OF_LANE(shape.rows);
  const T smoothing = NUMBER(shape.smoothing), spread = smoothing / T(shape.rows.size);
  T all_weights = T(0);
  const i64 weights = shape.has_weight && smoothing != T(0) ? shape.rows.size : 0;
  for (i64 c = LANE; c < weights; c += LANES) all_weights += WEIGHT(c);
  all_weights = joined(shared, all_weights, 0, LANE, 1, LANES);
  if (!shape.has_weight) all_weights = T(shape.rows.size);
  FOR_ROWS(first, shape.rows) {
    const i64 row = first + which;
    if (row >= shape.rows.rows) continue;
    const i64 wanted = TARGET(row);
    const bool is_bad = wanted < 0 || wanted >= shape.rows.size;
    if (is_bad && wanted != shape.ignore_index && slice == 0) RAISE_FAULT(wanted, row, shape.rows.size);
    T scale = LOAD(TYPE, g, row * shape.loss_step);
    if (shape.reduction == 1) scale /= LOAD(TYPE, total, 0);
    const bool counts = !is_bad && wanted != shape.ignore_index;
    const T picked = counts ? (T(1) - smoothing) * WEIGHT(wanted) : T(0);
    const T factor = scale * (picked + (smoothing == T(0) ? T(0) : spread * all_weights));
    for (i64 c = slice; c < shape.rows.size; c += slices) {
      T value = T(0);
      if (counts) {
        if (!shape.input_is_logp) {
          value = exp_(LOAD(TYPE, logp, row * shape.logp_row + c * shape.logp_step)) * factor;
        }
        if (smoothing != T(0)) value -= scale * spread * WEIGHT(c);
        if (c == wanted) value -= scale * picked;
      }
      STORE(TYPE, dx, row * shape.x_row + c * shape.x_step, value);
    }
  }
}

#else  // host

constexpr i64 kMostGroups = 1024;
constexpr i64 kBlocksOfOneGroup = 4;  // blocks of rows that are not worth a second launch
constexpr size_t kSumsBytes = 32;     // the largest TwoSums

// Of x and logp [N, C], the target [N], and the loss or its gradient.
CrossEntropyShape shapeOf(const GpuDevice& device, const Launch& launch, const Operand& x,
                          const Operand& logp, const Operand& target, const Operand& loss) {
  CrossEntropyShape shape{};
  shape.rows = shareRows(device, x.sizes[0], x.sizes[1], areColumns(strided(x, 0, 1), strided(x, 1, 2)));
  shape.smoothing = Number(launch.numbers[0]);
  shape.ignore_index = launch.integers[0];
  shape.reduction = static_cast<i32>(launch.integers[1]);
  shape.has_weight = launch.integers[2] != 0;
  shape.input_is_logp = launch.integers[3] != 0;
  shape.is_wide = target.dtype == DType::int64;
  shape.x_row = x.strides[0];
  shape.x_step = x.strides[1];
  if (!shape.input_is_logp) {
    shape.logp_row = logp.strides[0];
    shape.logp_step = logp.strides[1];
  }
  shape.target_step = target.strides[0];
  shape.loss_step = shape.reduction == 0 ? loss.strides[0] : 0;
  if (shape.has_weight) shape.weight_step = (*launch.operands)[5].strides[0];
  return shape;
}

void addWeight(KernelCall& call, const Launch& launch, bool hasWeight) {
  if (hasWeight) {
    call.memory((*launch.operands)[5]);
  } else {
    call.none();
  }
}

// loss, total, logp; x, target, (weight)
void crossEntropy(GpuDevice& device, const Launch& launch) {
  const std::vector<Operand>& operands = *launch.operands;
  const CrossEntropyShape shape = shapeOf(device, launch, operands[3], operands[2], operands[4], operands[0]);
  const i64 blocks = groupsFor(shape.rows);
  const i64 groups = blocks <= kBlocksOfOneGroup ? 1 : std::min(blocks, kMostGroups);
  const Workspace parts(device, static_cast<size_t>(groups) * kSumsBytes);
  KernelCall call(device, "loss", "crossEntropy", Variant(operands[3].dtype));
  call.memory(operands[0]).memory(operands[1]).memory(operands[2]).memory(operands[3]).memory(operands[4]);
  addWeight(call, launch, shape.has_weight != 0);
  call.memory(parts.memory()).faults().value(shape).run({groups, 1, 1});
  if (groups == 1) return;
  KernelCall(device, "loss", "crossEntropyTotal", Variant(operands[3].dtype))
      .memory(operands[0])
      .memory(operands[1])
      .memory(parts.memory())
      .value(groups)
      .value(shape.reduction)
      .run({1, 1, 1});
}

// dx; g, logp, target, total, (weight)
void crossEntropyBackward(GpuDevice& device, const Launch& launch) {
  const std::vector<Operand>& operands = *launch.operands;
  const CrossEntropyShape shape = shapeOf(device, launch, operands[0], operands[2], operands[3], operands[1]);
  KernelCall call(device, "loss", "crossEntropyBackward", Variant(operands[0].dtype));
  for (size_t k = 0; k < 5; ++k) call.memory(operands[k]);
  addWeight(call, launch, shape.has_weight != 0);
  call.faults().value(shape).run({groupsFor(shape.rows), 1, 1});
}

const Kernel table[] = {
    {"crossEntropy", kFloating, crossEntropy},
    {"crossEntropyBackward", kFloating, crossEntropyBackward},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"crossEntropy",
       3,
       {{numbers, {}}, {numbers, {}}, {numbers, {7, 10}}, {numbers, {7, 10}}, {indices, {7}, 10}},
       {-100, 1, 0, 0},
       {0.1}},
      {"crossEntropyBackward",
       1,
       {{numbers, {7, 10}}, {numbers, {}}, {numbers, {7, 10}}, {indices, {7}, 10}, {positive, {}}},
       {-100, 1, 0, 0},
       {0.1}},
  };
}

KERNEL_TABLE(loss)

#endif
