// Every row of ops/elementwise.def on a GPU: the row's expression is put into one of three loops, for one,
// two or three inputs of any strides.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8
#include "../kernel.h"

KERNEL_SOURCE

#include "../dialect/divisor.h"

// The shape, with neighbouring dims joined where every operand allows; the output's strides come first.
typedef struct {
  i64 count;
  i64 sizes[MOST_DIMS];
  i64 strides[4][MOST_DIMS];
  Number constants[4];
  Number p0, p1;
  Divisor divisors[MOST_DIMS];  // by sizes, where all is narrow
  i32 dims;                     // 0: all operands are contiguous, or one repeated value
  i32 is_narrow;                // every place fits 31 bits
  i32 is_constant[4];
} Elementwise;

#ifdef DESCENT_DIALECT

DEVICE void placesOf(const Elementwise* shape, i64 index, i32 operands, i64* places) {
  for (i32 k = 0; k < operands; k++) places[k] = 0;
  if (shape->is_narrow) {
    u32 left = (u32)index;
    for (i32 dim = shape->dims - 1; dim >= 0; dim--) {
      const u32 size = (u32)shape->sizes[dim];
      const u32 next = dim > 0 ? DIVIDED(left, size, shape->divisors[dim]) : 0;
      const u32 position = left - next * size;
      for (i32 k = 0; k < operands; k++) places[k] += (i64)position * shape->strides[k][dim];
      left = next;
    }
    return;
  }
  for (i32 dim = shape->dims - 1; dim >= 0; dim--) {
    const i64 position = index % shape->sizes[dim];
    index /= shape->sizes[dim];
    for (i32 k = 0; k < operands; k++) places[k] += position * shape->strides[k][dim];
  }
}

// How many elements of contiguous operands a lane has under way at once: enough of them hide how long memory
// takes to answer. The lanes of all groups go through memory side by side. Each row's expression is there but
// once, in a loop: four of them are four times as much to compile.
#ifdef IS_PROCESSOR
#define AT_ONCE 1
#define IN_TURN
#define PICK(values) values[0]
#else
#define AT_ONCE 4
#define IN_TURN _Pragma("unroll 1")
#define PICK(values) (held < 2 ? (held == 0 ? values[0] : values[1]) : (held == 2 ? values[2] : values[3]))
#endif

#define ELEMENT(k, buffer) (shape.is_constant[k] ? NUMBER(shape.constants[k]) : LOAD(TYPE, buffer, places[k]))
#define FLAG(k, buffer) (shape.is_constant[k] ? shape.constants[k].integer != 0 : LOAD(b8, buffer, places[k]))

#define ROW_LOOP(OPERANDS, HOLD, READ, USE)                                                \
  const real p0 = REAL(shape.p0), p1 = REAL(shape.p1);                                     \
  const i64 step = GROUPS_X * LANES;                                                       \
  for (i64 first = GROUP_X * LANES + LANE; first < shape.count; first += AT_ONCE * step) { \
    i64 places[OPERANDS];                                                                  \
    HOLD;                                                                                  \
    if (shape.dims == 0) {                                                                 \
      UNROLL for (i32 u = 0; u < AT_ONCE; u++) {                                           \
        if (u > 0 && first + u * step >= shape.count) continue;                            \
        for (i32 k = 0; k < OPERANDS; k++) places[k] = first + u * step;                   \
        READ(u);                                                                           \
      }                                                                                    \
    }                                                                                      \
    IN_TURN for (i32 u = 0; u < AT_ONCE; u++) {                                            \
      if (u > 0 && first + u * step >= shape.count) continue;                              \
      if (shape.dims == 0) {                                                               \
        places[0] = first + u * step;                                                      \
      } else {                                                                             \
        placesOf(&shape, first + u * step, OPERANDS, places);                              \
        READ(0);                                                                           \
      }                                                                                    \
      const i32 held = shape.dims == 0 ? u : 0;                                            \
      USE;                                                                                 \
    }                                                                                      \
  }

#define READ_X(u) all_x[u] = ELEMENT(1, xs)
#define READ_AB(u)           \
  all_a[u] = ELEMENT(1, as); \
  all_b[u] = ELEMENT(2, bs)
#define UNARY_ROW(name, EXPRESSION, OUTPUT)                                          \
  KERNEL(row_##name)(BUFFER(OUTPUT, y), BUFFER(TYPE, xs), const Elementwise shape) { \
    OPEN(OUTPUT, y);                                                                 \
    OPEN(TYPE, xs);                                                                  \
    ROW_LOOP(2, T all_x[AT_ONCE], READ_X, const T x = PICK(all_x);                   \
             STORE(OUTPUT, y, places[0], (EXPRESSION)))                              \
  }
#define BINARY_ROW(name, EXPRESSION, OUTPUT)                                                           \
  KERNEL(row_##name)(BUFFER(OUTPUT, y), BUFFER(TYPE, as), BUFFER(TYPE, bs), const Elementwise shape) { \
    OPEN(OUTPUT, y);                                                                                   \
    OPEN(TYPE, as);                                                                                    \
    OPEN(TYPE, bs);                                                                                    \
    ROW_LOOP(3, T all_a[AT_ONCE]; T all_b[AT_ONCE], READ_AB, const T a = PICK(all_a);                  \
             const T b = PICK(all_b); STORE(OUTPUT, y, places[0], (EXPRESSION)))                       \
  }
#define READ_ABC_TYPE(u)     \
  all_a[u] = ELEMENT(1, as); \
  all_b[u] = ELEMENT(2, bs); \
  all_c[u] = ELEMENT(3, cs)
#define READ_ABC_b8(u)       \
  all_a[u] = FLAG(1, as);    \
  all_b[u] = ELEMENT(2, bs); \
  all_c[u] = ELEMENT(3, cs)
#define TERNARY_ROW(name, EXPRESSION, FIRST, READ)                                                    \
  KERNEL(row_##name)                                                                                  \
  (BUFFER(TYPE, y), BUFFER(FIRST, as), BUFFER(TYPE, bs), BUFFER(TYPE, cs), const Elementwise shape) { \
    OPEN(TYPE, y);                                                                                    \
    OPEN(FIRST, as);                                                                                  \
    OPEN(TYPE, bs);                                                                                   \
    OPEN(TYPE, cs);                                                                                   \
    ROW_LOOP(4, COMPUTED(FIRST) all_a[AT_ONCE]; T all_b[AT_ONCE];                                     \
             T all_c[AT_ONCE], READ, const COMPUTED(FIRST) a = PICK(all_a); const T b = PICK(all_b);  \
             const T c = PICK(all_c); STORE(TYPE, y, places[0], (EXPRESSION)))                        \
  }

// A program that is compiled where it runs holds one row, one made by the build (ROW_ALL) every row that T
// can have.
#ifdef ROW
ROW
#endif
#ifdef ROW_ALL
#if IS_FLOATING
#define ROW_OF_FLOATING(...) __VA_ARGS__
#else
#define ROW_OF_FLOATING(...)
#endif
#define ROW_OF_FLOATONLY(...) ROW_OF_FLOATING(__VA_ARGS__)
#define ROW_OF_NUMERIC(...) __VA_ARGS__
#define ROW_OF_SIGNED(...) __VA_ARGS__
#define ROW_OF_DIVIDE(...) __VA_ARGS__
#define ROW_OF_COMPARE(...) __VA_ARGS__
#define ROW_OF_SELECT(...) __VA_ARGS__
#define WRITTEN_FLOATING TYPE
#define WRITTEN_FLOATONLY TYPE
#define WRITTEN_NUMERIC TYPE
#define WRITTEN_SIGNED TYPE
#define WRITTEN_DIVIDE TYPE
#define WRITTEN_COMPARE b8
#define FIRST_TYPE_FLOATING TYPE
#define FIRST_TYPE_FLOATONLY TYPE
#define FIRST_TYPE_NUMERIC TYPE
#define FIRST_TYPE_SELECT b8
#define READ_FIRST_FLOATING READ_ABC_TYPE
#define READ_FIRST_FLOATONLY READ_FIRST_FLOATING
#define READ_FIRST_NUMERIC READ_FIRST_FLOATING
#define READ_FIRST_SELECT READ_ABC_b8
#define UNARY(row, PARAMETERS, RULE, EXPRESSION, ...) \
  ROW_OF_##RULE(UNARY_ROW(row, EXPRESSION, WRITTEN_##RULE))
#define BINARY(row, PARAMETERS, RULE, EXPRESSION, ...) \
  ROW_OF_##RULE(BINARY_ROW(row, EXPRESSION, WRITTEN_##RULE))
#define TERNARY(row, PARAMETERS, RULE, EXPRESSION, ...) \
  ROW_OF_##RULE(TERNARY_ROW(row, EXPRESSION, FIRST_TYPE_##RULE, READ_FIRST_##RULE))
#include "../../../ops/elementwise.def"
#endif

#else  // host

// What a constant is once its dtype holds it: halves have 11 or 8 binary digits.
double heldBy(DType dtype, double number) {
  const bool isShort = dtype == DType::bfloat16;
  if (!isHalf(dtype) || !std::isfinite(number) || number == 0) return number;
  const int exponent = std::max(std::ilogb(number), isShort ? -126 : -14);
  const double step = std::ldexp(1.0, exponent - (isShort ? 7 : 10));
  const double rounded = std::nearbyint(static_cast<float>(number) / step) * step;
  return std::abs(rounded) < std::ldexp(1.0, isShort ? 128 : 16) ? rounded : rounded * HUGE_VAL;
}

// What the row computes in. Numbers may come in a wider dtype than the tensors beside them, and what is
// compared or selected by has another one than the result.
DType typeOf(const std::vector<Operand>& operands, bool isComparison) {
  if (!isComparison) return operands[0].dtype;
  return operands[1].isConstant ? operands.back().dtype : operands[1].dtype;
}

// Drops dims of size 1 and joins neighbours that every operand steps through evenly.
Elementwise shapeOf(const std::vector<Operand>& operands) {
  Elementwise shape{};
  const int count = static_cast<int>(operands.size());
  shape.count = elements(operands[0]);
  i64 reach[4] = {};  // the farthest place
  bool isFlat = true;
  for (int k = 0; k < count; ++k) {
    shape.is_constant[k] = operands[static_cast<size_t>(k)].isConstant;
    const Operand& operand = operands[static_cast<size_t>(k)];
    shape.constants[k] = Number(heldBy(operand.dtype, operand.number), operand.integer);
    if (!shape.is_constant[k]) isFlat = isFlat && isContiguous(operands[static_cast<size_t>(k)]);
  }
  if (isFlat) return shape;
  for (int dim = 0; dim < operands[0].dims; ++dim) {
    const i64 size = operands[0].sizes[dim];
    if (size == 1) continue;
    bool joins = shape.dims > 0;
    i64 strides[4];
    for (int k = 0; k < count; ++k) {
      strides[k] = shape.is_constant[k] ? 0 : operands[static_cast<size_t>(k)].strides[dim];
      joins = joins && shape.strides[k][shape.dims - 1] == strides[k] * size;
      reach[k] += (size - 1) * strides[k];
    }
    const int at = joins ? shape.dims - 1 : shape.dims++;
    shape.sizes[at] = joins ? shape.sizes[at] * size : size;
    for (int k = 0; k < count; ++k) shape.strides[k][at] = strides[k];
  }
  if (shape.dims == 0) {
    shape.dims = 1;
    shape.sizes[0] = 1;
  }
  shape.is_narrow = std::max({shape.count, reach[0], reach[1], reach[2], reach[3]}) < (i64{1} << 31);
  for (int dim = 0; dim < shape.dims; ++dim)
    if (shape.is_narrow) shape.divisors[dim] = divisorOf(shape.sizes[dim]);
  return shape;
}

template <class Row>
void runRow(GpuDevice& device, const Launch& launch) {
  const std::vector<Operand>& operands = *launch.operands;
  Elementwise shape = shapeOf(operands);
  if (shape.count == 0) return;
  if (Row::params > 0) shape.p0 = Number(launch.numbers[0]);
  if (Row::params > 1) shape.p1 = Number(launch.numbers[1]);
  Variant variant(typeOf(operands, Row::isComparison));
  variant.begin(Row::text);
  KernelCall call(device, "elementwise", Row::name, variant);
  for (const Operand& operand : operands) {
    if (operand.isConstant) {
      call.none();
    } else {
      call.memory(operand);
    }
  }
  // Several elements a lane (AT_ONCE) where there are enough of them for all lanes.
  const i64 once = factsOf(device).isProcessor ? 1 : 4;
  const bool isLong = shape.count >= factsOf(device).units * lanesOf(device) * 8 * once;
  call.value(shape).runOver(shape.count, isLong ? once : 1);
}

#define PARAMS_NONE 0
#define PARAMS_P1(...) 1
#define PARAMS_P2(...) 2
#define OUTPUT_FLOATING "TYPE"
#define OUTPUT_FLOATONLY "TYPE"
#define OUTPUT_NUMERIC "TYPE"
#define OUTPUT_SIGNED "TYPE"
#define OUTPUT_DIVIDE "TYPE"
#define OUTPUT_COMPARE "b8"
#define IS_COMPARISON_FLOATING false
#define IS_COMPARISON_FLOATONLY false
#define IS_COMPARISON_NUMERIC false
#define IS_COMPARISON_SIGNED false
#define IS_COMPARISON_DIVIDE false
#define IS_COMPARISON_SELECT false
#define IS_COMPARISON_COMPARE true
#define FIRST_FLOATING "TYPE, READ_ABC_TYPE"
#define FIRST_FLOATONLY FIRST_FLOATING
#define FIRST_NUMERIC FIRST_FLOATING
#define FIRST_SELECT "b8, READ_ABC_b8"
#define DTYPES_FLOATING kFloating
#define DTYPES_FLOATONLY kFloating
#define DTYPES_NUMERIC kAll
#define DTYPES_SIGNED kAll
#define DTYPES_DIVIDE kAll
#define DTYPES_COMPARE kAll
#define DTYPES_SELECT kAll

#define UNARY(row, PARAMETERS, RULE, EXPRESSION, ...)                            \
  struct Row_##row {                                                             \
    static constexpr const char* name = "row_" #row;                             \
    static constexpr int params = PARAMS_##PARAMETERS;                           \
    static constexpr bool isComparison = IS_COMPARISON_##RULE;                   \
    static constexpr const char* text =                                          \
        "#define ROW UNARY_ROW(" #row ", " #EXPRESSION ", " OUTPUT_##RULE ")\n"; \
  };
#define BINARY(row, PARAMETERS, RULE, EXPRESSION, ...)                            \
  struct Row_##row {                                                              \
    static constexpr const char* name = "row_" #row;                              \
    static constexpr int params = PARAMS_##PARAMETERS;                            \
    static constexpr bool isComparison = IS_COMPARISON_##RULE;                    \
    static constexpr const char* text =                                           \
        "#define ROW BINARY_ROW(" #row ", " #EXPRESSION ", " OUTPUT_##RULE ")\n"; \
  };
#define TERNARY(row, PARAMETERS, RULE, EXPRESSION, ...)                           \
  struct Row_##row {                                                              \
    static constexpr const char* name = "row_" #row;                              \
    static constexpr int params = PARAMS_##PARAMETERS;                            \
    static constexpr bool isComparison = IS_COMPARISON_##RULE;                    \
    static constexpr const char* text =                                           \
        "#define ROW TERNARY_ROW(" #row ", " #EXPRESSION ", " FIRST_##RULE ")\n"; \
  };
#include "../../../ops/elementwise.def"

const Kernel table[] = {
#define UNARY(row, PARAMETERS, RULE, ...) {#row, DTYPES_##RULE, runRow<Row_##row>},
#define BINARY(row, PARAMETERS, RULE, ...) {#row, DTYPES_##RULE, runRow<Row_##row>},
#define TERNARY(row, PARAMETERS, RULE, ...) {#row, DTYPES_##RULE, runRow<Row_##row>},
#include "../../../ops/elementwise.def"
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"mul", 1, {{numbers, {6, 70}}, {transposed, {6, 70}}, {repeated, {6, 70}}}, {}, {}},
      {"tanh", 1, {{numbers, {500}}, {numbers, {500}}}, {}, {}},
  };
}

KERNEL_TABLE(elementwise)

#endif
