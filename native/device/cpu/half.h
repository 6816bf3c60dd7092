// float16 and bfloat16: how they are stored, and their way to float and back (to nearest, ties to even, as
// PyTorch rounds). Nothing computes in them: loops widen them to float and round the result once.
#pragma once

#include <cstdint>

#include "../../tensor/dtype.h"
#include "math.h"

namespace descent::cpu::DESCENT_CAPABILITY {

// Without branches, so that the compiler turns a loop over them into vector code.
inline float floatOfHalf(uint16_t half) {
  const uint32_t magnitude = (half & 0x7fffu) << 13;
  // The exponent's bias changes by a product, which is exact and brings subnormal numbers into place too.
  const uint32_t finite = bitsOf(floatOf(magnitude) * 0x1p112f);
  const uint32_t bits = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : finite;
  return floatOf(bits | (half & 0x8000u) << 16);
}

inline uint16_t halfOfFloat(float x) {
  const uint32_t sign = bitsOf(x) & 0x80000000u;
  const uint32_t magnitude = bitsOf(x) ^ sign;
  // What follows the digits kept is added so that a carry rounds up; it may carry into infinity.
  const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // Below 2^-14 the sum with 0.5 has its last digit where float16 has it.
  const uint32_t subnormal = bitsOf(floatOf(magnitude) + 0.5f) - bitsOf(0.5f);
  const uint32_t huge = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
  const uint32_t bits = magnitude >= 0x47800000u ? huge : magnitude < 0x38800000u ? subnormal : normal;
  return static_cast<uint16_t>(bits | sign >> 16);
}

inline float floatOfBrain(uint16_t brain) { return floatOf(uint32_t{brain} << 16); }

inline uint16_t brainOfFloat(float x) {
  const uint32_t bits = bitsOf(x);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

// An element of each. They become float by themselves, and come from float by assignment or when asked to: a
// local variable of them would lose digits unseen.
struct Half {
  uint16_t bits;
  Half() = default;
  explicit Half(float x) : bits(halfOfFloat(x)) {}
  operator float() const { return floatOfHalf(bits); }
  Half& operator=(float x) { return bits = halfOfFloat(x), *this; }
};

struct BFloat16 {
  uint16_t bits;
  BFloat16() = default;
  explicit BFloat16(float x) : bits(brainOfFloat(x)) {}
  operator float() const { return floatOfBrain(bits); }
  BFloat16& operator=(float x) { return bits = brainOfFloat(x), *this; }
};

// What sums and intermediate results over elements of T are kept in.
template <class T>
struct AccumulateType {
  using Type = T;
};
template <>
struct AccumulateType<Half> {
  using Type = float;
};
template <>
struct AccumulateType<BFloat16> {
  using Type = float;
};
template <class T>
using Accumulate = typename AccumulateType<T>::Type;

// As isHalf of dtype.h, in this build's namespace.
constexpr bool isHalfType(DType dtype) { return dtype == DType::float16 || dtype == DType::bfloat16; }

// What a kernel computes in for elements of a dtype.
constexpr DType widened(DType dtype) { return isHalfType(dtype) ? DType::float32 : dtype; }

// What elements that are only moved may be taken for.
constexpr DType movedAs(DType dtype) { return isHalfType(dtype) ? DType::int16 : dtype; }

// `count` elements as float, and back. The arrays do not overlap.
void widen(DType dtype, const void* from, int64_t count, float* to);
void narrow(DType dtype, const float* from, int64_t count, void* to);

}  // namespace descent::cpu::DESCENT_CAPABILITY
