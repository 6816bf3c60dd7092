// Values moved or made without arithmetic: copy (with casts), fill, arange.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8 ; FROM: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8
#include "../kernel.h"

KERNEL_SOURCE

typedef struct {
  i64 count;
  Strided y, x;
} CopyShape;
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

KERNEL(copy)(BUFFER(TYPE, y), BUFFER(FROM, x), const CopyShape shape) {
  OPEN(TYPE, y);
  OPEN(FROM, x);
  for (i64 index = GROUP_X * LANES + LANE; index < shape.count; index += GROUPS_X * LANES) {
    STORE(TYPE, y, placeOf(&shape.y, index), CAST(LOAD(FROM, x, placeOf(&shape.x, index))));
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

void copy(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  const Operand& x = (*launch.operands)[1];
  const CopyShape shape{elements(y), strided(y), strided(x)};
  const Variant variant = Variant(y.dtype).define("FROM", x.dtype);
  KernelCall(device, "copy", "copy", variant).memory(y).memory(x).value(shape).runOver(shape.count);
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
