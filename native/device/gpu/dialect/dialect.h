// The C dialect GPU kernels are written in: the ten dtypes as storage and as numbers, and what kernels share.
// What each language calls by a name of its own is in language.h of its back end's folder, which stands
// before this; both stand before every kernel source. KERNELS.md says how a kernel is written with them.
//
// A program begins with #defines of the device: LANES, how many lanes every group has (a power of two), and
// HAS_FLOAT64 where doubles exist, IS_PROCESSOR where the device is the CPU itself; and of the variant: TYPE
// (f32, i64, ...), and what else its source names.

#define PASTE_AGAIN(a, b) a##_##b
#define PASTE(a, b) PASTE_AGAIN(a, b)

// Before a loop whose count is known where it is compiled, so that its arrays are registers. A processor has
// few of those, and its compiler takes seconds.
#ifdef IS_PROCESSOR
#define UNROLL
#else
#define UNROLL _Pragma("unroll")
#endif

typedef float f32;
#ifdef HAS_FLOAT64
typedef double f64;
#endif

// A tensor's memory as an argument, and its first element inside the kernel. An operand that is not there is
// a null pointer: look at a flag of the arguments, not at the opened pointer.
#define BUFFER(TYPE, name) GLOBAL STORED(TYPE) * name##_memory, const i64 name##_at
#define OPEN(TYPE, name) \
  GLOBAL STORED(TYPE)* const name = (GLOBAL STORED(TYPE)*)((GLOBAL u8*)name##_memory + name##_at)

// What an element is in memory, and as a number: halves are stored in 16 bits and computed in float.
#define STORED(TYPE) PASTE(stored, TYPE)
#define COMPUTED(TYPE) PASTE(computed, TYPE)
#define LOAD(TYPE, from, index) PASTE(load, TYPE)(from, index)
#define STORE(TYPE, to, index, value) PASTE(store, TYPE)(to, index, value)

#define PLAIN_TYPE(Type, name)                                                        \
  typedef Type stored_##name;                                                         \
  typedef Type computed_##name;                                                       \
  DEVICE Type load_##name(GLOBAL const Type* from, i64 index) { return from[index]; } \
  DEVICE void store_##name(GLOBAL Type* to, i64 index, Type value) { to[index] = value; }
PLAIN_TYPE(f32, f32)
#ifdef HAS_FLOAT64
PLAIN_TYPE(f64, f64)
#endif
PLAIN_TYPE(i8, i8)
PLAIN_TYPE(u8, u8)
PLAIN_TYPE(i16, i16)
PLAIN_TYPE(u16, u16)
PLAIN_TYPE(i32, i32)
PLAIN_TYPE(u32, u32)
PLAIN_TYPE(i64, i64)
PLAIN_TYPE(u64, u64)

typedef u8 stored_b8;
typedef bool computed_b8;
DEVICE bool load_b8(GLOBAL const u8* from, i64 index) { return from[index] != 0; }
DEVICE void store_b8(GLOBAL u8* to, i64 index, bool value) { to[index] = value ? 1 : 0; }

typedef u16 stored_f16;
typedef f32 computed_f16;
#ifdef F32_OF_F16
DEVICE f32 load_f16(GLOBAL const u16* from, i64 index) { return F32_OF_F16(from[index]); }
DEVICE void store_f16(GLOBAL u16* to, i64 index, f32 value) { to[index] = F16_OF_F32(value); }
#else
DEVICE f32 load_f16(GLOBAL const u16* from, i64 index) {
  const u32 bits = from[index], sign = (bits & 0x8000) << 16, exponent = (bits >> 10) & 31,
            fraction = bits & 0x3ff;
  if (exponent == 0) {
    const f32 tiny = (f32)fraction * 5.9604644775390625e-8f;  // 2^-24
    return sign ? -tiny : tiny;
  }
  return F32_OF_BITS(sign | ((exponent == 31 ? 255 : exponent + 112) << 23) | (fraction << 13));
}
// To the nearest, halves to even.
DEVICE void store_f16(GLOBAL u16* to, i64 index, f32 value) {
  const u32 bits = BITS_OF_F32(value), sign = (bits >> 16) & 0x8000, rest = bits & 0x7fffffff;
  u32 stored;
  if (rest > 0x7f800000) {
    stored = 0x7e00;
  } else if (rest >= 0x477ff000) {  // 65520 and above
    stored = 0x7c00;
  } else if (rest < 0x38800000) {  // below 2^-14: a multiple of 2^-24
    stored = (u32)rint(F32_OF_BITS(rest) * 16777216.0f);
  } else {
    stored = (rest - 0x38000000 + 0xfff + ((rest >> 13) & 1)) >> 13;
  }
  to[index] = (u16)(sign | stored);
}
#endif

typedef u16 stored_bf16;
typedef f32 computed_bf16;
DEVICE f32 load_bf16(GLOBAL const u16* from, i64 index) { return F32_OF_BITS((u32)from[index] << 16); }
// To the nearest, halves to even; NaN stays NaN.
DEVICE void store_bf16(GLOBAL u16* to, i64 index, f32 value) {
  const u32 bits = BITS_OF_F32(value);
  to[index] = value != value ? (u16)0x7fc0 : (u16)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// name(shared, value): the values of all lanes of a group joined in an order that never changes, the same
// result in every lane. COMBINE is an expression of a and b; `shared` has LANES elements. All lanes must call
// it.
#define GROUP_REDUCTION(name, Type, COMBINE)                            \
  DEVICE Type name(LOCAL Type* shared, Type value) {                    \
    const i32 lane = LANE;                                              \
    shared[lane] = value;                                               \
    for (i32 half_lanes = LANES / 2; half_lanes > 0; half_lanes /= 2) { \
      BARRIER();                                                        \
      if (lane < half_lanes) {                                          \
        const Type a = shared[lane], b = shared[lane + half_lanes];     \
        shared[lane] = (COMBINE);                                       \
      }                                                                 \
    }                                                                   \
    BARRIER();                                                          \
    const Type joined = shared[0];                                      \
    BARRIER();                                                          \
    return joined;                                                      \
  }

// A number of a launch, as the host packs it (kernel.h): whoever reads it takes what the device has.
typedef struct {
  i64 integer;
  i64 bits;  // of a double
  f32 single;
  i32 unused;
} Number;
#ifdef HAS_FLOAT64
typedef f64 real;
#define REAL(n) F64_OF_BITS((n).bits)
#else
typedef f32 real;
#define REAL(n) ((n).single)
#endif

// A bad index found by a kernel: the first of a queue is kept until the host looks. `fault` is the buffer
// that KernelCall::faults() passes, `launch` the number beside it.
typedef struct {
  i32 launch, what;
  i64 value, position, size;
} FaultRecord;
// `what` was wrong, a Check of device.h: an index if nothing else is said.
#define CHECK_INDEX 0
#define CHECK_PROBABILITY 1
#define CHECK_DIVISOR 2
#define CHECK_SCALE 3
#define FAULT GLOBAL FaultRecord *fault, const i32 launch
#define RAISE_FAULT(bad_value, bad_position, bad_size) \
  if (CLAIM(&fault->launch, 0, launch) == 0) {         \
    fault->value = (bad_value);                        \
    fault->position = (bad_position);                  \
    fault->size = (bad_size);                          \
  }
#define RAISE_FAULT_OF(wrong, bad_value, bad_position, bad_size) \
  if (CLAIM(&fault->launch, 0, launch) == 0) {                   \
    fault->what = (wrong);                                       \
    fault->value = (bad_value);                                  \
    fault->position = (bad_position);                            \
    fault->size = (bad_size);                                    \
  }

// A strided view of up to 12 dims; strides count elements. The host packs it with joined neighbours
// (packed.h).
#define MOST_DIMS 12
typedef struct {
  i64 sizes[MOST_DIMS];
  i64 strides[MOST_DIMS];
  i32 dims;
  i32 is_narrow;  // every size and place fits 31 bits
} Strided;

// The place, in elements, of row-major position `index`.
DEVICE i64 placeOf(const Strided* view, i64 index) {
  i64 place = 0;
  if (view->is_narrow) {
    u32 left = (u32)index;
    for (i32 dim = view->dims - 1; dim > 0; dim--) {
      const u32 size = (u32)view->sizes[dim];
      const u32 next = left / size;
      place += (i64)(left - next * size) * view->strides[dim];
      left = next;
    }
    return view->dims > 0 ? place + (i64)left * view->strides[0] : 0;
  }
  for (i32 dim = view->dims - 1; dim >= 0; dim--) {
    place += index % view->sizes[dim] * view->strides[dim];
    index /= view->sizes[dim];
  }
  return place;
}
