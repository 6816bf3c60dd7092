// Arrays of float16 and bfloat16 to float and back.
#include "../half.h"

#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

void widen(DType dtype, const void* from, int64_t count, float* __restrict to) {
  const uint16_t* __restrict x = static_cast<const uint16_t*>(from);
  if (dtype == DType::float16) {
    DESCENT_VECTORIZE
    for (int64_t i = 0; i < count; ++i) to[i] = floatOfHalf(x[i]);
  } else {
    DESCENT_VECTORIZE
    for (int64_t i = 0; i < count; ++i) to[i] = floatOfBrain(x[i]);
  }
}

void narrow(DType dtype, const float* __restrict from, int64_t count, void* to) {
  uint16_t* __restrict y = static_cast<uint16_t*>(to);
  if (dtype == DType::float16) {
    DESCENT_VECTORIZE
    for (int64_t i = 0; i < count; ++i) y[i] = halfOfFloat(from[i]);
  } else {
    DESCENT_VECTORIZE
    for (int64_t i = 0; i < count; ++i) y[i] = brainOfFloat(from[i]);
  }
}

}  // namespace descent::cpu::DESCENT_CAPABILITY
