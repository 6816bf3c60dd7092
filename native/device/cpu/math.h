// The functions that expressions of ops/elementwise.def may call, for every element type.
//
// float: written without branches or tables, so that the compiler turns a loop over them into vector code;
// within 2 ulp of the exact value (tanh 3), with IEEE results for NaN, infinities, zeros and subnormals.
// Polynomials are weighted least-squares fits, reweighted towards equal error, rounded to float. double, and
// rarer functions: the C library.
#pragma once

#include <cstdint>

namespace descent::cpu::DESCENT_CAPABILITY {

template <class T>
constexpr bool kIsFloating = false;
template <>
inline constexpr bool kIsFloating<float> = true;
template <>
inline constexpr bool kIsFloating<double> = true;

template <class T>
constexpr bool kIsSigned = T(-1) < T(0);

inline float floatOf(uint32_t bits) { return __builtin_bit_cast(float, bits); }
inline uint32_t bitsOf(float x) { return __builtin_bit_cast(uint32_t, x); }

template <class T>
inline bool isnan_(T x) {
  return x != x;
}
inline bool isinf_(float x) { return (bitsOf(x) & 0x7fffffffu) == 0x7f800000u; }
inline bool isinf_(double x) {
  return (__builtin_bit_cast(uint64_t, x) & 0x7fffffffffffffffull) == 0x7ff0000000000000ull;
}
template <class T>
inline bool isinf_(T) {
  return false;
}

template <class T>
inline T min_(T a, T b) {
  return a < b || isnan_(a) ? a : b;
}
template <class T>
inline T max_(T a, T b) {
  return a > b || isnan_(a) ? a : b;
}

inline float abs_(float x) { return __builtin_fabsf(x); }
inline double abs_(double x) { return __builtin_fabs(x); }
template <class T>
inline T abs_(T x) {
  return x < T(0) ? T(-x) : x;
}

inline float sqrt_(float x) { return __builtin_sqrtf(x); }
inline double sqrt_(double x) { return __builtin_sqrt(x); }

// e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2. n is read out of the bits of x / ln 2 + 1.5 2^23;
// 2^n is applied in two steps, so that results below the smallest normal number come out right.
inline float exp_(float x) {
  constexpr float kRound = 12582912.0f;
  float clamped = x > 89.0f ? 89.0f : x;
  clamped = clamped < -104.0f ? -104.0f : clamped;
  const float shifted = clamped * 1.44269504088896341f + kRound;
  const float n = shifted - kRound;
  const float r = (clamped - n * 0.693145751953125f) - n * 1.42860677e-6f;
  float p = 0.001381315873004496f;
  p = p * r + 0.00836941134184599f;
  p = p * r + 0.04166845604777336f;
  p = p * r + 0.16666515171527863f;
  p = p * r + 0.4999999403953552f;
  p = p * (r * r) + r + 1.0f;
  const int32_t exponent = static_cast<int32_t>(bitsOf(shifted)) - 0x4b400000;
  const int32_t half = exponent >> 1;
  const float first = floatOf(static_cast<uint32_t>(half + 127) << 23);
  const float second = floatOf(static_cast<uint32_t>(exponent - half + 127) << 23);
  return isnan_(x) ? x : p * first * second;
}
inline double exp_(double x) { return __builtin_exp(x); }

// ln x = e ln 2 + ln(1 + f) with 1 + f in [sqrt(1/2), sqrt(2)).
inline float log_(float x) {
  const bool tiny = x < 1.17549435e-38f;
  const float scaled = tiny ? x * 8388608.0f : x;
  const uint32_t bits = bitsOf(scaled) - 0x3f3504f3u;
  const int32_t exponent = static_cast<int32_t>(bits) >> 23;
  const float e = static_cast<float>(exponent) - (tiny ? 23.0f : 0.0f);
  const float f = floatOf((bits & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  float p = 0.06746601313352585f;
  p = p * f - 0.11675640940666199f;
  p = p * f + 0.11888174712657928f;
  p = p * f - 0.12405591458082199f;
  p = p * f + 0.14219550788402557f;
  p = p * f - 0.1666799634695053f;
  p = p * f + 0.2000211924314499f;
  p = p * f - 0.25000008940696716f;
  p = p * f + 0.3333331346511841f;
  const float square = f * f;
  float y = p * f * square + e * 1.42860677e-6f;
  y = y - 0.5f * square;
  y = (f + y) + e * 0.693145751953125f;
  y = x == 0.0f ? -__builtin_inff() : y;
  y = x < 0.0f ? __builtin_nanf("") : y;
  return x > 3.4028234e38f || isnan_(x) ? x : y;
}
inline double log_(double x) { return __builtin_log(x); }

// Exact for small x: the rounding error of 1 + x is put back (Kahan).
inline float log1p_(float x) {
  const float u = 1.0f + x;
  const float y = log_(u) + (x - (u - 1.0f)) / u;
  return u == 1.0f || isinf_(x) ? (x < -1.0f ? __builtin_nanf("") : x) : (u == 0.0f ? log_(u) : y);
}
inline double log1p_(double x) { return __builtin_log1p(x); }

// (e^x - 1) x / ln(e^x): the errors of both factors cancel (Kahan).
inline float expm1_(float x) {
  const float u = exp_(x);
  const float y = (u - 1.0f) * (x / log_(u));
  return u == 1.0f ? x : (x < -17.5f ? -1.0f : (isinf_(u) ? u : y));
}
inline double expm1_(double x) { return __builtin_expm1(x); }

inline float sigmoid_(float x) { return 1.0f / (1.0f + exp_(-x)); }
inline double sigmoid_(double x) { return 1.0 / (1.0 + exp_(-x)); }

inline float tanh_(float x) {
  const float a = abs_(x);
  const float z = a * a;
  float p = -0.005895161535590887f;
  p = p * z + 0.020795974880456924f;
  p = p * z - 0.053783830255270004f;
  p = p * z + 0.13331924378871918f;
  p = p * z - 0.33333298563957214f;
  const float small = a + a * (z * p);
  const float large = 1.0f - 2.0f / (exp_(a + a) + 1.0f);
  return __builtin_copysignf(a < 0.6f ? small : large, x);
}
inline double tanh_(double x) { return __builtin_tanh(x); }

// Below 1 a polynomial; above, 1 - exp(polynomial fitted to ln erfc).
inline float erf_(float x) {
  const float a = abs_(x);
  const float z = a * a;
  float p = 7.854009163565934e-05f;
  p = p * z - 0.0008010242017917335f;
  p = p * z + 0.005188333801925182f;
  p = p * z - 0.026853814721107483f;
  p = p * z + 0.1128358542919159f;
  p = p * z - 0.3761262595653534f;
  p = p * z + 0.12837916612625122f;
  const float small = a + a * p;
  const float t = a > 4.0f ? 4.0f : a;
  float q = -2.1697747797588818e-05f;
  q = q * t + 0.00044147425796836615f;
  q = q * t - 0.00420529255643487f;
  q = q * t + 0.025210361927747726f;
  q = q * t - 0.10842213034629822f;
  q = q * t - 0.633216381072998f;
  q = q * t - 1.1295803785324097f;
  q = q * t + 0.0001884712401079014f;
  const float large = 1.0f - exp_(q);
  return __builtin_copysignf(a < 1.0f || isnan_(x) ? small : large, x);
}
inline double erf_(double x) { return __builtin_erf(x); }

#define DESCENT_FROM_LIBRARY(name)                                 \
  inline float name##_(float x) { return __builtin_##name##f(x); } \
  inline double name##_(double x) { return __builtin_##name(x); }
DESCENT_FROM_LIBRARY(log2)
DESCENT_FROM_LIBRARY(log10)
DESCENT_FROM_LIBRARY(sin)
DESCENT_FROM_LIBRARY(cos)
DESCENT_FROM_LIBRARY(tan)
DESCENT_FROM_LIBRARY(asin)
DESCENT_FROM_LIBRARY(acos)
DESCENT_FROM_LIBRARY(atan)
DESCENT_FROM_LIBRARY(sinh)
DESCENT_FROM_LIBRARY(cosh)
DESCENT_FROM_LIBRARY(floor)
DESCENT_FROM_LIBRARY(ceil)
DESCENT_FROM_LIBRARY(trunc)
#undef DESCENT_FROM_LIBRARY

inline float round_(float x) { return __builtin_rintf(x); }
inline double round_(double x) { return __builtin_rint(x); }
inline float atan2_(float a, float b) { return __builtin_atan2f(a, b); }
inline double atan2_(double a, double b) { return __builtin_atan2(a, b); }

// Integers are whole already.
template <class T>
inline T floor_(T x) {
  return x;
}
template <class T>
inline T ceil_(T x) {
  return x;
}
template <class T>
inline T trunc_(T x) {
  return x;
}
template <class T>
inline T round_(T x) {
  return x;
}

inline float pow_(float a, float b) { return __builtin_powf(a, b); }
inline double pow_(double a, double b) { return __builtin_pow(a, b); }
// Integers wrap; a negative exponent gives 0 unless the base is 1 or -1.
template <class T>
inline T pow_(T a, T b) {
  if (kIsSigned<T> && b < T(0)) return a == T(1) ? T(1) : a == T(-1) ? (b & 1 ? T(-1) : T(1)) : T(0);
  int64_t result = 1, base = static_cast<int64_t>(a);
  for (uint64_t left = static_cast<uint64_t>(b); left != 0; left >>= 1) {
    if (left & 1) result *= base;
    base *= base;
  }
  return static_cast<T>(result);
}

inline float fmod_(float a, float b) { return __builtin_fmodf(a, b); }
inline double fmod_(double a, double b) { return __builtin_fmod(a, b); }
// Integers: 0 for a zero divisor, and no trap for the smallest number over -1.
template <class T>
inline T fmod_(T a, T b) {
  return b == T(0) || (kIsSigned<T> && b == T(-1)) ? T(0) : T(a % b);
}

template <class T>
inline T remainder_(T a, T b) {
  const T r = fmod_(a, b);
  return r != T(0) && (r < T(0)) != (b < T(0)) ? T(r + b) : r;
}

template <class T>
inline T truncDivide_(T a, T b) {
  if constexpr (kIsFloating<T>) {
    return trunc_(T(a / b));
  } else {
    if (b == T(0)) return T(0);
    if (kIsSigned<T> && b == T(-1)) return T(-a);
    return T(a / b);
  }
}

template <class T>
inline T floorDivide_(T a, T b) {
  if constexpr (kIsFloating<T>) {
    // From the exact remainder, as Python and PyTorch define it: floor(a / b) can be one too many after
    // rounding.
    if (b == T(0)) return a / b;
    const T r = fmod_(a, b);
    T quotient = (a - r) / b;
    if (r != T(0) && (r < T(0)) != (b < T(0))) quotient -= T(1);
    if (quotient == T(0)) return a / b * T(0);
    const T whole = floor_(quotient);
    return quotient - whole > T(0.5) ? whole + T(1) : whole;
  } else {
    const T quotient = truncDivide_(a, b);
    return b != T(0) && fmod_(a, b) != T(0) && (a < T(0)) != (b < T(0)) ? T(quotient - 1) : quotient;
  }
}

}  // namespace descent::cpu::DESCENT_CAPABILITY
