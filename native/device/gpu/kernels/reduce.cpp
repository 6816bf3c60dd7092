// Reductions: y [K...] from x [K..., R...], each element of y from R elements of x.
//
// Few long sums are cut into chunks (GROUP_Y), whose states a second launch joins. All sizes follow from the
// shape alone, and states are merged as trees, so that results are the same each time.
//
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8 ; REDUCTION: sum prod amax amin argmax argmin
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8 ; REDUCTION: someTrue allTrue
// VARIANTS TYPE: f32 f64 f16 bf16 ; REDUCTION: mean logsumexp squaredDeviation
#include "../kernel.h"

KERNEL_SOURCE

#include "../dialect/rows.h"

typedef struct {
  Rows rows;  // a row is what becomes one element of y
  Strided y, x, reduced, center;
} ReduceShape;

#ifdef DESCENT_DIALECT

#if IS_FLOATING
#include "../dialect/sums.h"
#endif

#define KIND_sum 1
#define KIND_mean 2
#define KIND_squaredDeviation 3
#define KIND_prod 4
#define KIND_amax 5
#define KIND_amin 6
#define KIND_someTrue 7
#define KIND_allTrue 8
#define KIND_argmax 9
#define KIND_argmin 10
#define KIND_logsumexp 11
#define KIND PASTE(KIND, REDUCTION)
#define IS_SUM (KIND <= KIND_squaredDeviation)
#define IS_ARGUMENT (KIND == KIND_argmax || KIND == KIND_argmin)

#undef OUT
#undef EMPTY
#if IS_ARGUMENT || (KIND == KIND_sum && !IS_FLOATING)
#define OUT i64
#elif KIND == KIND_someTrue || KIND == KIND_allTrue
#define OUT b8
#else
#define OUT TYPE
#endif

#if IS_FLOATING
typedef T Total;
#else
typedef i64 Total;
#endif

// What some of the elements come to: `rest` is what rounding took from a sum, the place of an extreme value,
// or the sum of the exponentials.
#if IS_SUM && IS_FLOATING
typedef Sum State;
#else
typedef struct {
  Total value;
#if IS_ARGUMENT
  i64 rest;
#else
  Total rest;
#endif
} State;
#endif

#if KIND == KIND_prod || KIND == KIND_allTrue
#define EMPTY 1
#elif KIND == KIND_amax || KIND == KIND_argmax || KIND == KIND_logsumexp
#define EMPTY LOWEST_T
#elif KIND == KIND_amin || KIND == KIND_argmin
#define EMPTY HIGHEST_T
#else
#define EMPTY 0
#endif

DEVICE bool isBetter(Total a, Total b) {
#if KIND == KIND_amin || KIND == KIND_argmin || KIND == KIND_allTrue
  return a < b || (a != a && b == b);
#else
  return a > b || (a != a && b == b);
#endif
}

#if KIND == KIND_logsumexp
DEVICE T shiftFor(T largest) { return isinf_(largest) ? T(0) : largest; }
#endif

// Merges are in any order: of equal values the first in place counts, whoever finds it.
DEVICE State merge(State a, State b) {
#if IS_SUM && IS_FLOATING
  a = joinSums(a, b);
#elif IS_SUM
  a.value += b.value;
#elif KIND == KIND_prod
  a.value *= b.value;
#elif IS_ARGUMENT
  if (b.rest < 0) return a;
  if (a.rest < 0 || isBetter(b.value, a.value)) return b;
  if (b.rest < a.rest && !isBetter(a.value, b.value)) return b;
#elif KIND == KIND_logsumexp
  // ln sum e^x = m + ln sum e^(x - m), m the largest x, and 0 where that is infinite
  const T largest = max_(a.value, b.value), m = shiftFor(largest);
  const T mine = a.rest == T(0) ? T(0) : a.rest * exp_(shiftFor(a.value) - m);
  const T others = b.rest == T(0) ? T(0) : b.rest * exp_(shiftFor(b.value) - m);
  a.value = largest;
  a.rest = mine + others;
#else
  if (isBetter(b.value, a.value)) a.value = b.value;
#endif
  return a;
}

DEVICE State add(State state, T x, i64 index, T center) {
#if KIND == KIND_logsumexp
  if (x > state.value || x != x) {
    const T before = state.rest == T(0) ? T(0) : state.rest * exp_(shiftFor(state.value) - shiftFor(x));
    state.rest = before + exp_(x - shiftFor(x));
    state.value = x;
  } else {
    state.rest += exp_(x - shiftFor(state.value));
  }
  return state;
#else
  State one;
  one.rest = 0;
#if KIND == KIND_squaredDeviation
  one.value = (x - center) * (x - center);
#elif KIND == KIND_someTrue || KIND == KIND_allTrue
  one.value = x != T(0) ? 1 : 0;
#else
  one.value = x;
#endif
#if IS_ARGUMENT
  one.rest = index;
#endif
  return merge(state, one);
#endif
}

DEVICE COMPUTED(OUT) finish(State state, i64 count) {
#if IS_SUM && IS_FLOATING
  return KIND == KIND_mean ? totalOf(state) / T(count) : totalOf(state);
#elif IS_ARGUMENT
  return state.rest;
#elif KIND == KIND_logsumexp
  return shiftFor(state.value) + log_(state.rest);
#else
  return (COMPUTED(OUT))state.value;
#endif
}

ROW_REDUCTION(joined, State, merge(a, b))

KERNEL(reduce)
(BUFFER(OUT, y), BUFFER(TYPE, x), BUFFER(TYPE, center), BUFFER(u8, parts), const ReduceShape shape) {
  SHARED(State, shared, LANES);
  OPEN(OUT, y);
  OPEN(TYPE, x);
  OPEN(TYPE, center);
  OPEN(u8, parts);
  const i32 slices = shape.rows.slices;
  const i32 which = ROW_OF_LANE(shape.rows), slice = SLICE_OF_LANE(shape.rows);
  const i64 begin = CHUNK_BEGIN(shape.rows), end = CHUNK_END(shape.rows);
  FOR_ROWS(first, shape.rows) {
    const i64 index = first + which;
    State state;
    state.value = EMPTY;
    state.rest = IS_ARGUMENT ? -1 : 0;
    if (index < shape.rows.rows) {
      GLOBAL const S* from = x + placeOf(&shape.x, index);
      T middle = T(0);
#if KIND == KIND_squaredDeviation
      middle = LOAD(TYPE, center, placeOf(&shape.center, index));
#endif
      i64 k = begin + slice;
      for (; k + 3 * slices < end; k += 4 * slices) {
        const T x0 = LOAD(TYPE, from, placeOf(&shape.reduced, k));
        const T x1 = LOAD(TYPE, from, placeOf(&shape.reduced, k + slices));
        const T x2 = LOAD(TYPE, from, placeOf(&shape.reduced, k + 2 * slices));
        const T x3 = LOAD(TYPE, from, placeOf(&shape.reduced, k + 3 * slices));
        state = add(state, x0, k, middle);
        state = add(state, x1, k + slices, middle);
        state = add(state, x2, k + 2 * slices, middle);
        state = add(state, x3, k + 3 * slices, middle);
      }
      for (; k < end; k += slices)
        state = add(state, LOAD(TYPE, from, placeOf(&shape.reduced, k)), k, middle);
    }
    state = joined(shared, state, which, slice, shape.rows.across, slices);
    if (slice == 0 && index < shape.rows.rows) {
      if (shape.rows.chunks > 1) {
        ((GLOBAL State*)parts)[GROUP_Y * shape.rows.rows + index] = state;
      } else {
        STORE(OUT, y, placeOf(&shape.y, index), finish(state, shape.rows.size));
      }
    }
  }
}

// The states of all chunks of each element of y.
KERNEL(reduceChunks)(BUFFER(OUT, y), BUFFER(u8, parts), const ReduceShape shape) {
  SHARED(State, shared, LANES);
  OPEN(OUT, y);
  OPEN(u8, parts);
  const i32 which = ROW_OF_LANE(shape.rows), slice = SLICE_OF_LANE(shape.rows);
  FOR_ROWS(first, shape.rows) {
    const i64 index = first + which;
    State state;
    state.value = EMPTY;
    state.rest = IS_ARGUMENT ? -1 : 0;
    if (index < shape.rows.rows) {
      for (i64 chunk = slice; chunk < shape.rows.chunks; chunk += shape.rows.slices) {
        state = merge(state, ((GLOBAL const State*)parts)[chunk * shape.rows.rows + index]);
      }
    }
    state = joined(shared, state, which, slice, shape.rows.across, shape.rows.slices);
    if (slice == 0 && index < shape.rows.rows) {
      STORE(OUT, y, placeOf(&shape.y, index), finish(state, shape.rows.size));
    }
  }
}

#else  // host

constexpr size_t kStateBytes = 16;  // the largest State

void reduce(GpuDevice& device, const Launch& launch, const char* reduction, const Operand* center) {
  const Operand& y = (*launch.operands)[0];
  const Operand& x = (*launch.operands)[1];
  const int kept = static_cast<int>(launch.integers[0]);
  const i64 outputs = elements(y);
  if (outputs == 0) return;
  i64 size = 1;
  for (int dim = kept; dim < x.dims; ++dim) size *= x.sizes[dim];
  ReduceShape shape{};
  shape.y = strided(y);
  shape.x = strided(x, 0, kept);
  shape.reduced = strided(x, kept, x.dims);
  if (center) shape.center = strided(*center);
  shape.rows = inChunks(shareRows(device, outputs, size, areColumns(shape.x, shape.reduced)));

  const Variant variant = Variant(x.dtype).define("REDUCTION", reduction);
  KernelCall call(device, "reduce", "reduce", variant);
  call.memory(y).memory(x);
  if (center) {
    call.memory(*center);
  } else {
    call.none();
  }
  if (shape.rows.chunks == 1) {
    call.none().value(shape).run(gridFor(shape.rows));
    return;
  }
  const Workspace parts(device, static_cast<size_t>(shape.rows.chunks * outputs) * kStateBytes);
  call.memory(parts.memory()).value(shape).run(gridFor(shape.rows));
  shape.rows = joinChunks(device, shape.rows);
  KernelCall(device, "reduce", "reduceChunks", variant)
      .memory(y)
      .memory(parts.memory())
      .value(shape)
      .run({groupsFor(shape.rows), 1, 1});
}

#define REDUCTION(name, variant) \
  void name(GpuDevice& device, const Launch& launch) { reduce(device, launch, #variant, nullptr); }
REDUCTION(sum, sum)
REDUCTION(prod, prod)
REDUCTION(amax, amax)
REDUCTION(amin, amin)
REDUCTION(any, someTrue)  // "any" and "all" are macros in some OpenCL C compilers
REDUCTION(all, allTrue)
REDUCTION(mean, mean)
REDUCTION(logsumexp, logsumexp)
REDUCTION(argmax, argmax)
REDUCTION(argmin, argmin)
void squaredDeviation(GpuDevice& device, const Launch& launch) {
  reduce(device, launch, "squaredDeviation", &(*launch.operands)[2]);
}

const Kernel table[] = {
    {"sum", kAll, sum},
    {"prod", kAll, prod},
    {"amax", kAll, amax},
    {"amin", kAll, amin},
    {"any", kAll, any},
    {"all", kAll, all},
    {"argmax", kAll, argmax},
    {"argmin", kAll, argmin},
    {"mean", kFloating, mean},
    {"logsumexp", kFloating, logsumexp},
    {"squaredDeviation", kFloating, squaredDeviation},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"sum", 1, {{numbers, {3}}, {numbers, {3, 700}}}, {1}, {}},
      {"amax", 1, {{numbers, {}}, {transposed, {9, 70}}}, {0}, {}},
      {"argmax", 1, {{indices, {5}}, {numbers, {5, 70}}}, {1}, {}},
  };
}

KERNEL_TABLE(reduce)

#endif
