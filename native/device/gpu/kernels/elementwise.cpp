// Every row of ops/elementwise.def on a GPU: the row's expression is put into one of three loops, for one, two or three
// inputs of any strides.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8
#include "../kernel.h"

KERNEL_SOURCE

// The shape, with neighbouring dims joined where every operand allows; the output's strides come first.
typedef struct {
  i64 count;
  i64 sizes[MOST_DIMS];
  i64 strides[4][MOST_DIMS];
  i32 dims;       // 0: all operands are contiguous, or one repeated value
  i32 is_narrow;  // every place fits 31 bits
  i32 is_constant[4];
  Number constants[4];
  Number p0, p1;
} Elementwise;

#ifdef DESCENT_DIALECT

DEVICE void placesOf(const Elementwise* shape, i64 index, i32 operands, i64* places) {
  for (i32 k = 0; k < operands; k++) places[k] = 0;
  if (shape->is_narrow) {
    u32 left = (u32)index;
    for (i32 dim = shape->dims - 1; dim >= 0; dim--) {
      const u32 size = (u32)shape->sizes[dim];
      const u32 next = dim > 0 ? left / size : 0;
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

#define ELEMENT(k, buffer) \
  (shape.is_constant[k] ? NUMBER(shape.constants[k]) : LOAD(TYPE, buffer, places[k]))
#define FLAG(k, buffer) \
  (shape.is_constant[k] ? shape.constants[k].integer != 0 : LOAD(b8, buffer, places[k]))

#define ROW_LOOP(OPERANDS, READ, STORE_RESULT)                                                            \
  const real p0 = REAL(shape.p0), p1 = REAL(shape.p1);                                                    \
  for (i64 index = GROUP_X * LANES + LANE; index < shape.count; index += GROUPS_X * LANES) {              \
    i64 places[OPERANDS];                                                                                 \
    if (shape.dims == 0) {                                                                                \
      for (i32 k = 0; k < OPERANDS; k++) places[k] = index;                                               \
    } else {                                                                                              \
      placesOf(&shape, index, OPERANDS, places);                                                          \
    }                                                                                                     \
    READ;                                                                                                 \
    STORE_RESULT;                                                                                         \
  }

#define UNARY_ROW(name, EXPRESSION, OUTPUT)                                                        \
  KERNEL(row_##name)(BUFFER(OUTPUT, y), BUFFER(TYPE, xs), const Elementwise shape) {                     \
    OPEN(OUTPUT, y);                                                                               \
    OPEN(TYPE, xs);                                                                                \
    ROW_LOOP(2, const T x = ELEMENT(1, xs), STORE(OUTPUT, y, places[0], (EXPRESSION)))             \
  }
#define BINARY_ROW(name, EXPRESSION, OUTPUT)                                                          \
  KERNEL(row_##name)(BUFFER(OUTPUT, y), BUFFER(TYPE, as), BUFFER(TYPE, bs), const Elementwise shape) {      \
    OPEN(OUTPUT, y);                                                                                  \
    OPEN(TYPE, as);                                                                                   \
    OPEN(TYPE, bs);                                                                                   \
    ROW_LOOP(3, const T a = ELEMENT(1, as); const T b = ELEMENT(2, bs),                               \
             STORE(OUTPUT, y, places[0], (EXPRESSION)))                                               \
  }
#define TERNARY_ROW(name, EXPRESSION, FIRST, READ_FIRST)                                              \
  KERNEL(row_##name)(BUFFER(TYPE, y), BUFFER(FIRST, as), BUFFER(TYPE, bs), BUFFER(TYPE, cs),                \
               const Elementwise shape) {                                                             \
    OPEN(TYPE, y);                                                                                    \
    OPEN(FIRST, as);                                                                                  \
    OPEN(TYPE, bs);                                                                                   \
    OPEN(TYPE, cs);                                                                                   \
    ROW_LOOP(4, READ_FIRST; const T b = ELEMENT(2, bs); const T c = ELEMENT(3, cs),                   \
             STORE(TYPE, y, places[0], (EXPRESSION)))                                                 \
  }

// An OpenCL program holds one row, a CUDA module (ROW_ALL) every row that T can have.
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
#define READ_FIRST_FLOATING const T a = ELEMENT(1, as)
#define READ_FIRST_FLOATONLY READ_FIRST_FLOATING
#define READ_FIRST_NUMERIC READ_FIRST_FLOATING
#define READ_FIRST_SELECT const bool a = FLAG(1, as)
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

// What the row computes in. Numbers may come in a wider dtype than the tensors beside them, and what is compared
// or selected by has another one than the result.
DType typeOf(const std::vector<Operand>& operands, bool isComparison) {
  if (!isComparison) return operands[0].dtype;
  return operands[1].isConstant ? operands.back().dtype : operands[1].dtype;
}

// Drops dims of size 1 and joins neighbours that every operand steps through evenly.
Elementwise shapeOf(const std::vector<Operand>& operands) {
  Elementwise shape{};
  const int count = static_cast<int>(operands.size());
  shape.count = elements(operands[0]);
  i64 reach = shape.count;
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
      reach = std::max(reach, size * strides[k]);
    }
    const int at = joins ? shape.dims - 1 : shape.dims++;
    shape.sizes[at] = joins ? shape.sizes[at] * size : size;
    for (int k = 0; k < count; ++k) shape.strides[k][at] = strides[k];
  }
  if (shape.dims == 0) {
    shape.dims = 1;
    shape.sizes[0] = 1;
  }
  shape.is_narrow = shape.count < (i64{1} << 31);
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
  call.value(shape).runOver(shape.count);
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
#define FIRST_FLOATING "TYPE, const T a = ELEMENT(1, as)"
#define FIRST_FLOATONLY FIRST_FLOATING
#define FIRST_NUMERIC FIRST_FLOATING
#define FIRST_SELECT "b8, const bool a = FLAG(1, as)"
#define DTYPES_FLOATING kFloating
#define DTYPES_FLOATONLY kFloating
#define DTYPES_NUMERIC kAll
#define DTYPES_SIGNED kAll
#define DTYPES_DIVIDE kAll
#define DTYPES_COMPARE kAll
#define DTYPES_SELECT kAll

#define UNARY(row, PARAMETERS, RULE, EXPRESSION, ...)                                           \
  struct Row_##row {                                                                            \
    static constexpr const char* name = "row_" #row;                                                   \
    static constexpr int params = PARAMS_##PARAMETERS;                                          \
    static constexpr bool isComparison = IS_COMPARISON_##RULE;                                  \
    static constexpr const char* text =                                                         \
        "#define ROW UNARY_ROW(" #row ", " #EXPRESSION ", " OUTPUT_##RULE ")\n";                \
  };
#define BINARY(row, PARAMETERS, RULE, EXPRESSION, ...)                                          \
  struct Row_##row {                                                                            \
    static constexpr const char* name = "row_" #row;                                                   \
    static constexpr int params = PARAMS_##PARAMETERS;                                          \
    static constexpr bool isComparison = IS_COMPARISON_##RULE;                                  \
    static constexpr const char* text =                                                         \
        "#define ROW BINARY_ROW(" #row ", " #EXPRESSION ", " OUTPUT_##RULE ")\n";               \
  };
#define TERNARY(row, PARAMETERS, RULE, EXPRESSION, ...)                                         \
  struct Row_##row {                                                                            \
    static constexpr const char* name = "row_" #row;                                                   \
    static constexpr int params = PARAMS_##PARAMETERS;                                          \
    static constexpr bool isComparison = IS_COMPARISON_##RULE;                                  \
    static constexpr const char* text =                                                         \
        "#define ROW TERNARY_ROW(" #row ", " #EXPRESSION ", " FIRST_##RULE ")\n";               \
  };
#include "../../../ops/elementwise.def"

const Kernel table[] = {
#define UNARY(row, PARAMETERS, RULE, ...) {#row, DTYPES_##RULE, runRow<Row_##row>},
#define BINARY(row, PARAMETERS, RULE, ...) {#row, DTYPES_##RULE, runRow<Row_##row>},
#define TERNARY(row, PARAMETERS, RULE, ...) {#row, DTYPES_##RULE, runRow<Row_##row>},
#include "../../../ops/elementwise.def"
};

KERNEL_TABLE(elementwise)

#endif
