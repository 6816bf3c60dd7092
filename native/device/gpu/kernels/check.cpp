// What an op asks of the values it is given, looked at in the order of the queue: nobody waits for the
// answer.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8
#include "../kernel.h"

KERNEL_SOURCE

// `what` is a Check of device.h.
typedef struct {
  Strided x;
  i64 count, size;
  i32 what, unused;
} CheckShape;

#ifdef DESCENT_DIALECT

KERNEL(check)(BUFFER(TYPE, x), FAULT, const CheckShape shape) {
  OPEN(TYPE, x);
  for (i64 k = GROUP_X * LANES + LANE; k < shape.count; k += GROUPS_X * LANES) {
    const T value = LOAD(TYPE, x, placeOf(&shape.x, k));
    if (shape.what == CHECK_INDEX) {
      const i64 index = (i64)value;
      if (index < 0 || index >= shape.size) RAISE_FAULT(index, k, shape.size)
      continue;
    }
    const bool isRight = shape.what == CHECK_DIVISOR ? value != T(0)
                         : shape.what == CHECK_SCALE ? value >= T(0)
                                                     : value >= T(0) && value <= T(1);
    if (!isRight) RAISE_FAULT_OF(shape.what, BITS_OF_F32((f32)value), k, 0)
  }
}

#else  // host

void check(GpuDevice& device, const Launch& launch) {
  const Operand& x = (*launch.operands)[0];
  const CheckShape shape{strided(x), elements(x), launch.integers[1], static_cast<i32>(launch.integers[0]),
                         0};
  // Few lanes do: each looks at many.
  KernelCall(device, "check", "check", Variant(x.dtype))
      .memory(x)
      .faults()
      .value(shape)
      .runOver(shape.count, 8);
}

const Kernel table[] = {{"check", kAll, check}};

// Nothing to compare: it writes nothing, and the CPU has no such kernel.
std::vector<Trial> trials() { return {}; }

KERNEL_TABLE(check)

#endif
