// Division by a number that the host knows: a product and a shift instead of a division, for numbers below
// 2^31 (Granlund and Montgomery, 1994). Processors divide as fast.
typedef struct {
  u32 factor;
  i32 shift;
} Divisor;

#ifdef DESCENT_DIALECT

#ifdef IS_PROCESSOR
#define DIVIDED(number, size, divisor) ((number) / (size))
#else
#define DIVIDED(number, size, divisor) ((HIGH_U32(number, (divisor).factor) + (number)) >> (divisor).shift)
#endif

#else

inline Divisor divisorOf(i64 size) {
  Divisor divisor{};
  while ((i64{1} << divisor.shift) < size) ++divisor.shift;
  const u64 above = (u64{1} << divisor.shift) - static_cast<u64>(size);
  divisor.factor = static_cast<u32>((above << 32) / static_cast<u64>(size) + 1);
  return divisor;
}

#endif
