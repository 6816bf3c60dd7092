// One step of an optimizer over all its parameters, eight of them a launch, and the squared norms of their
// gradients, which the same pass over the gradients gives: each group leaves its part of a norm in a table,
// one more launch adds up the parts.
//
// A kernel cannot be handed a list of addresses in OpenCL 1.2, so that parameters are arguments; their number
// in a launch is what 1 KiB of arguments holds.
// VARIANTS TYPE: f32 f64 f16 bf16 ; RULE: norms clip sgd sgdMomentum adam amsgrad adagrad adadelta nadam radam
// VARIANTS TYPE: f32 f64 f16 bf16 ; RULE: rmsprop rmspropCentered rmspropMomentum rmspropBoth
#include "../kernel.h"

KERNEL_SOURCE

#define TOGETHER 8  // parameters of a launch

typedef struct {
  i64 numbers[10];  // as KERNELS.md lists them, in the bits of T, and what follows from them
  i64 sizes[TOGETHER];
  i64 first_part;            // the launch's place in the table of parts
  i32 groups[TOGETHER + 1];  // the first group of each parameter, and the end
  i32 first;                 // the launch's first parameter
  i32 is_first;
  i32 unused;
} OptimizerShape;

// Which parts belong to a parameter's norm.
typedef struct {
  i64 first, count;
} Parts;

#ifdef DESCENT_DIALECT

#include "../dialect/optimizers.h"
#include "../dialect/sums.h"

// A tensor of each parameter, and the one of the group's parameter.
#define EIGHT(name)                                                                           \
  BUFFER(TYPE, name##0), BUFFER(TYPE, name##1), BUFFER(TYPE, name##2), BUFFER(TYPE, name##3), \
      BUFFER(TYPE, name##4), BUFFER(TYPE, name##5), BUFFER(TYPE, name##6), BUFFER(TYPE, name##7)
#define PICK_CASE(name, k)            \
  if (own == k) {                     \
    name##_memory = name##k##_memory; \
    name##_at = name##k##_at;         \
  }
#define PICK(name)                          \
  GLOBAL S* name##_memory = name##0_memory; \
  i64 name##_at = name##0_at;               \
  PICK_CASE(name, 1)                        \
  PICK_CASE(name, 2)                        \
  PICK_CASE(name, 3)                        \
  PICK_CASE(name, 4)                        \
  PICK_CASE(name, 5)                        \
  PICK_CASE(name, 6)                        \
  PICK_CASE(name, 7)                        \
  OPEN(TYPE, name);

#if CHOSEN == IS_clip

// Number 0 is the most that the norm of all may be.
KERNEL(clipByNorm)(EIGHT(gradient), BUFFER(TYPE, norm), const OptimizerShape shape) {
  i32 own = 0;
  while (own + 1 < TOGETHER && GROUP_X >= shape.groups[own + 1]) own++;
  PICK(gradient)
  OPEN(TYPE, norm);
  T factor = N(0) / (LOAD(TYPE, norm, 0) + T(1e-6));
  if (factor > T(1)) factor = T(1);
  const i64 groups = shape.groups[own + 1] - shape.groups[own], group = GROUP_X - shape.groups[own];
  for (i64 k = group * LANES + LANE; k < shape.sizes[own]; k += groups * LANES) {
    STORE(TYPE, gradient, k, LOAD(TYPE, gradient, k) * factor);
  }
}

#else

GROUP_REDUCTION(joined, Sum, joinSums(a, b))

KERNEL(optimizerStep)
(
#if CHOSEN != IS_norms
    EIGHT(parameter),
#endif
    EIGHT(gradient),
#if STATES > 0
    EIGHT(first),
#endif
#if STATES > 1
    EIGHT(second),
#endif
#if STATES > 2
    EIGHT(third),
#endif
    BUFFER(u8, owners), BUFFER(u8, parts), const OptimizerShape shape) {
  SHARED(Sum, shared, LANES);
  i32 own = 0;
  while (own + 1 < TOGETHER && GROUP_X >= shape.groups[own + 1]) own++;
  OPEN(u8, owners);
  OPEN(u8, parts);
#if CHOSEN != IS_norms
  PICK(parameter)
#endif
  PICK(gradient)
#if STATES > 0
  PICK(first)
#endif
#if STATES > 1
  PICK(second)
#endif
#if STATES > 2
  PICK(third)
#endif
  const i64 groups = shape.groups[own + 1] - shape.groups[own], group = GROUP_X - shape.groups[own];
  Sum sum = noSum();
  for (i64 k = group * LANES + LANE; k < shape.sizes[own]; k += groups * LANES) {
    const T g = LOAD(TYPE, gradient, k);
    sum = addToSum(sum, g * g);
#if CHOSEN != IS_norms
    T w = LOAD(TYPE, parameter, k);
#endif
#if STATES > 0
    T a = LOAD(TYPE, first, k);
#endif
#if STATES > 1
    T b = LOAD(TYPE, second, k);
#endif
#if STATES > 2
    T c = LOAD(TYPE, third, k);
#endif
    UPDATE
#if CHOSEN != IS_norms
    STORE(TYPE, parameter, k, w);
#endif
#if STATES > 0
    STORE(TYPE, first, k, a);
#endif
#if STATES > 1
    STORE(TYPE, second, k, b);
#endif
#if STATES > 2
    STORE(TYPE, third, k, c);
#endif
  }
  sum = joined(shared, sum);
  if (LANE != 0) return;
  ((GLOBAL Sum*)parts)[shape.first_part + GROUP_X] = sum;
  if (group == 0) {
    Parts all;
    all.first = shape.first_part + GROUP_X;
    all.count = groups;
    ((GLOBAL Parts*)owners)[shape.first + own] = all;
  }
}

// The bits of a float64 of the same value, also where there are no doubles.
DEVICE i64 bitsOfDouble(T value) {
#if PASTE(DOUBLE, TYPE)
  return (i64)BITS_OF_F64(value);
#else
  const u64 bits = BITS_OF_F32(value), sign = bits >> 31 << 63;
  u64 exponent = (bits >> 23) & 255, fraction = bits & 0x7fffff;
  if (exponent == 255) return (i64)(sign | ((u64)0x7ff << 52) | (fraction << 29));
  if (exponent == 0) {
    if (fraction == 0) return (i64)sign;
    exponent = 1;
    while (!(fraction & 0x800000)) {
      fraction <<= 1;
      exponent--;
    }
    fraction &= 0x7fffff;
  }
  return (i64)(sign | ((exponent + 896) << 52) | (fraction << 29));
#endif
}

// A group for each parameter.
KERNEL(optimizerNorms)(BUFFER(i64, squared), BUFFER(u8, owners), BUFFER(u8, parts)) {
  SHARED(Sum, shared, LANES);
  OPEN(i64, squared);
  OPEN(u8, owners);
  OPEN(u8, parts);
  const Parts own = ((GLOBAL const Parts*)owners)[GROUP_X];
  Sum sum = noSum();
  for (i64 k = LANE; k < own.count; k += LANES)
    sum = joinSums(sum, ((GLOBAL const Sum*)parts)[own.first + k]);
  sum = joined(shared, sum);
  if (LANE == 0) squared[GROUP_X] = bitsOfDouble(totalOf(sum));
}

// One group: the root of all parts.
KERNEL(totalNorm)(BUFFER(TYPE, y), BUFFER(u8, parts), const i64 count) {
  SHARED(Sum, shared, LANES);
  OPEN(TYPE, y);
  OPEN(u8, parts);
  Sum sum = noSum();
  for (i64 k = LANE; k < count; k += LANES) sum = joinSums(sum, ((GLOBAL const Sum*)parts)[k]);
  sum = joined(shared, sum);
  if (LANE == 0) STORE(TYPE, y, 0, sqrt_(totalOf(sum)));
}

#endif

#else  // host

constexpr i64 kMostGroups = 1024;  // for one parameter
constexpr i64 kPerLane = 8;        // elements that a lane has at least, where there are so many
constexpr size_t kSumBytes = 16;   // the largest Sum

i64 groupsOf(const GpuDevice& device, const Operand& x) {
  const i64 perGroup = lanesOf(device) * kPerLane;
  return std::max<i64>(1, std::min(kMostGroups, (elements(x) + perGroup - 1) / perGroup));
}

// The numbers as the kernels read them.
void setNumbers(OptimizerShape& shape, DType dtype, const std::vector<double>& numbers) {
  for (size_t k = 0; k < numbers.size(); ++k) {
    if (dtype == DType::float64) {
      std::memcpy(&shape.numbers[k], &numbers[k], sizeof(double));
    } else {
      const float single = static_cast<float>(numbers[k]);
      std::memcpy(&shape.numbers[k], &single, sizeof single);
    }
  }
}

// Launches over all parameters, a few at a time. Parameter p has the operands from `begin + p * stride` on;
// what comes behind them in a launch is added by `finish`.
template <class Finish>
void forParameters(GpuDevice& device, const Launch& launch, const char* kernel, const Variant& variant,
                   OptimizerShape shape, size_t begin, size_t parameters, size_t stride,
                   const Finish& finish) {
  const std::vector<Operand>& operands = *launch.operands;
  for (size_t first = 0; first < parameters; first += TOGETHER) {
    const size_t count = std::min<size_t>(TOGETHER, parameters - first);
    shape.first = static_cast<i32>(first);
    for (size_t k = 0; k < TOGETHER; ++k) {
      shape.sizes[k] = 0;
      shape.groups[k + 1] = shape.groups[k];
      if (k >= count) continue;
      const Operand& x = operands[begin + (first + k) * stride];
      shape.sizes[k] = elements(x);
      shape.groups[k + 1] += static_cast<i32>(groupsOf(device, x));
    }
    KernelCall call(device, "optimizer", kernel, variant);
    for (size_t which = 0; which < stride; ++which) {
      for (size_t k = 0; k < TOGETHER; ++k) {
        if (k < count) {
          call.memory(operands[begin + (first + k) * stride + which]);
        } else {
          call.none();
        }
      }
    }
    finish(call);
    call.value(shape).run({shape.groups[TOGETHER], 1, 1});
    shape.first_part += shape.groups[TOGETHER];
  }
}

// The result, then the tensors of each parameter.
void step(GpuDevice& device, const Launch& launch, const char* rule, const std::vector<double>& numbers,
          bool isFirst, size_t stride, bool wantsTotal = false) {
  const std::vector<Operand>& operands = *launch.operands;
  if (operands.size() == 1) return;
  const size_t parameters = (operands.size() - 1) / stride;
  const DType dtype = operands[1].dtype;
  i64 parts = 0;
  for (size_t p = 0; p < parameters; ++p) parts += groupsOf(device, operands[1 + p * stride]);
  const size_t ownersBytes = parameters * sizeof(Parts);
  const Workspace work(device, ownersBytes + static_cast<size_t>(parts) * kSumBytes);
  const Memory owners = work.memory(), table = work.memory(ownersBytes);
  OptimizerShape shape{};
  setNumbers(shape, dtype, numbers);
  shape.is_first = isFirst;
  const Variant variant = Variant(dtype).define("RULE", rule);
  forParameters(device, launch, "optimizerStep", variant, shape, 1, parameters, stride,
                [&](KernelCall& call) { call.memory(owners).memory(table); });
  if (wantsTotal) {
    KernelCall(device, "optimizer", "totalNorm", variant)
        .memory(operands[0])
        .memory(table)
        .value(parts)
        .run({1, 1, 1});
    return;
  }
  KernelCall(device, "optimizer", "optimizerNorms", variant)
      .memory(operands[0])
      .memory(owners)
      .memory(table)
      .run({static_cast<i64>(parameters), 1, 1});
}

int64_t statesOf(const Launch& launch) { return launch.integers[1]; }
double signOf(double maximize) { return maximize != 0 ? -1 : 1; }

// What the kernels get: differences from 1 are taken in double, as on the CPU.
std::vector<double> numbersOf(const Launch& launch, size_t count) {
  return {launch.numbers, launch.numbers + count};
}

void run(GpuDevice& device, const Launch& launch, const char* rule, const std::vector<double>& numbers) {
  step(device, launch, rule, numbers, launch.integers[2] != 0, 2 + static_cast<size_t>(statesOf(launch)));
}

void sgdStep(GpuDevice& device, const Launch& launch) {
  std::vector<double> n = numbersOf(launch, 6);
  n[2] = 1 - n[2];
  n[5] = signOf(n[5]);
  run(device, launch, statesOf(launch) == 0 ? "sgd" : "sgdMomentum", n);
}

void adamStep(GpuDevice& device, const Launch& launch) {
  std::vector<double> n = numbersOf(launch, 8);
  n[4] = signOf(n[4]);
  n.push_back(1 - n[0]);
  n.push_back(1 - n[1]);
  run(device, launch, statesOf(launch) == 2 ? "adam" : "amsgrad", n);
}

void rmspropStep(GpuDevice& device, const Launch& launch) {
  std::vector<double> n = numbersOf(launch, 7);
  n[6] = signOf(n[6]);
  n.push_back(1 - n[1]);
  const bool isCentered = n[5] != 0;
  run(device, launch,
      statesOf(launch) == 1   ? "rmsprop"
      : statesOf(launch) == 3 ? "rmspropBoth"
      : isCentered            ? "rmspropCentered"
                              : "rmspropMomentum",
      n);
}

void adagradStep(GpuDevice& device, const Launch& launch) {
  std::vector<double> n = numbersOf(launch, 4);
  n[3] = signOf(n[3]);
  run(device, launch, "adagrad", n);
}

void adadeltaStep(GpuDevice& device, const Launch& launch) {
  std::vector<double> n = numbersOf(launch, 5);
  n[4] = signOf(n[4]);
  n.push_back(1 - n[1]);
  run(device, launch, "adadelta", n);
}

// nadam and radam: the first number serves as its difference from 1 alone.
void runWithMean(GpuDevice& device, const Launch& launch, const char* rule, size_t count) {
  std::vector<double> n = numbersOf(launch, count);
  n.resize(10);
  n[0] = 1 - n[0];
  n[4] = signOf(n[4]);
  n[9] = 1 - n[1];
  run(device, launch, rule, n);
}
void nadamStep(GpuDevice& device, const Launch& launch) { runWithMean(device, launch, "nadam", 9); }
void radamStep(GpuDevice& device, const Launch& launch) { runWithMean(device, launch, "radam", 8); }

void norms(GpuDevice& device, const Launch& launch) { step(device, launch, "norms", {}, false, 1); }
void totalNorm(GpuDevice& device, const Launch& launch) { step(device, launch, "norms", {}, false, 1, true); }

// The tensors, then their norm.
void clipByNorm(GpuDevice& device, const Launch& launch) {
  const Operand& norm = launch.operands->back();
  OptimizerShape shape{};
  setNumbers(shape, norm.dtype, {launch.numbers[0]});
  forParameters(device, launch, "clipByNorm", Variant(norm.dtype).define("RULE", "clip"), shape, 0,
                launch.operands->size() - 1, 1, [&](KernelCall& call) { call.memory(norm); });
}

const Kernel table[] = {
    {"sgdStep", kFloating, sgdStep},           {"adamStep", kFloating, adamStep},
    {"rmspropStep", kFloating, rmspropStep},   {"adagradStep", kFloating, adagradStep},
    {"adadeltaStep", kFloating, adadeltaStep}, {"nadamStep", kFloating, nadamStep},
    {"radamStep", kFloating, radamStep},       {"norms", kFloating, norms},
    {"totalNorm", kFloating, totalNorm},       {"clipByNorm", kFloating, clipByNorm},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"sgdStep",
       1,
       {{doubles, {1}}, {numbers, {700}}, {numbers, {700}}, {numbers, {700}}},
       {1, 1, 0},
       {0.1, 0.9, 0, 0.01, 0, 0}},
      {"adamStep",
       1,
       {{doubles, {1}}, {numbers, {70}}, {numbers, {70}}, {positive, {70}}, {positive, {70}}},
       {1, 2, 0},
       {0.9, 0.999, 1e-8, 0, 0, 0.99, 0.01, 0.5}},
  };
}

KERNEL_TABLE(optimizer)

#endif
