// For programs with a TYPE: the storage type S, the number type T, T(x) as a cast, and the functions that
// expressions of ops/elementwise.def call. Comes after dialect.h.

// A module made by the build holds a source once for each variant.
#undef T
#undef NUMBER
#undef IS_FLOATING
#undef NAN_T
#undef INFINITY_T
#undef LOWEST_T
#undef HIGHEST_T

typedef STORED(TYPE) S;
typedef COMPUTED(TYPE) T;
#define T(x) ((COMPUTED(TYPE))(x))

// 1 for the number types that are floating, and for the signed ones.
#define FLOATING_f32 1
#define FLOATING_f64 1
#define FLOATING_f16 1
#define FLOATING_bf16 1
#define FLOATING_i8 0
#define FLOATING_u8 0
#define FLOATING_i16 0
#define FLOATING_i32 0
#define FLOATING_i64 0
#define FLOATING_b8 0
#define IS_FLOATING PASTE(FLOATING, TYPE)

#if IS_FLOATING

#define NAN_T T(NAN)
#define INFINITY_T T(INFINITY)
// The most that T(INFINITY) stands for in minima and maxima of T.
#define LOWEST_T (-INFINITY_T)
#define HIGHEST_T INFINITY_T

DEVICE bool isnan_(T x) { return x != x; }
DEVICE bool isinf_(T x) { return x == INFINITY_T || x == -INFINITY_T; }
DEVICE T abs_(T x) { return fabs(x); }
DEVICE T sqrt_(T x) { return sqrt(x); }
DEVICE T exp_(T x) { return exp(x); }
DEVICE T expm1_(T x) { return expm1(x); }
DEVICE T log_(T x) { return log(x); }
DEVICE T log1p_(T x) { return log1p(x); }
DEVICE T log2_(T x) { return log2(x); }
DEVICE T log10_(T x) { return log10(x); }
DEVICE T sin_(T x) { return sin(x); }
DEVICE T cos_(T x) { return cos(x); }
DEVICE T tan_(T x) { return tan(x); }
DEVICE T asin_(T x) { return asin(x); }
DEVICE T acos_(T x) { return acos(x); }
DEVICE T atan_(T x) { return atan(x); }
DEVICE T atan2_(T a, T b) { return atan2(a, b); }
DEVICE T sinh_(T x) { return sinh(x); }
DEVICE T cosh_(T x) { return cosh(x); }
// Exactly one far out: some devices stay an ulp below, which a factor of infinity or of a large x brings to
// light.
DEVICE T tanh_(T x) { return fabs(x) > T(sizeof(T) == 4 ? 9.1f : 19.1f) ? copysign(T(1), x) : tanh(x); }
DEVICE T erf_(T x) { return erf(x); }
DEVICE T sigmoid_(T x) { return T(1) / (T(1) + exp_(-x)); }
DEVICE T floor_(T x) { return floor(x); }
DEVICE T ceil_(T x) { return ceil(x); }
DEVICE T trunc_(T x) { return trunc(x); }
DEVICE T round_(T x) { return rint(x); }
DEVICE T pow_(T a, T b) { return pow(a, b); }
DEVICE T fmod_(T a, T b) { return fmod(a, b); }
DEVICE T truncDivide_(T a, T b) { return trunc(a / b); }
// From the exact remainder, as Python and PyTorch define it: floor(a / b) can be one too many after rounding.
DEVICE T floorDivide_(T a, T b) {
  if (b == T(0)) return a / b;
  const T r = fmod_(a, b);
  T quotient = (a - r) / b;
  if (r != T(0) && (r < T(0)) != (b < T(0))) quotient -= T(1);
  if (quotient == T(0)) return a / b * T(0);
  const T whole = floor_(quotient);
  return quotient - whole > T(0.5) ? whole + T(1) : whole;
}

#else

#define LOWEST_i8 (-128)
#define LOWEST_u8 0
#define LOWEST_i16 (-32768)
#define LOWEST_i32 (-2147483647 - 1)
#define LOWEST_i64 (-9223372036854775807L - 1L)
#define LOWEST_b8 0
#define HIGHEST_i8 127
#define HIGHEST_u8 255
#define HIGHEST_i16 32767
#define HIGHEST_i32 2147483647
#define HIGHEST_i64 9223372036854775807L
#define HIGHEST_b8 1
#define LOWEST_T T(PASTE(LOWEST, TYPE))
#define HIGHEST_T T(PASTE(HIGHEST, TYPE))

DEVICE bool isnan_(T x) { return false; }
DEVICE bool isinf_(T x) { return false; }
DEVICE T abs_(T x) { return x < T(0) ? T(-x) : x; }
DEVICE T floor_(T x) { return x; }
DEVICE T ceil_(T x) { return x; }
DEVICE T trunc_(T x) { return x; }
DEVICE T round_(T x) { return x; }
// Integers wrap; a negative exponent gives 0 unless the base is 1 or -1.
DEVICE T pow_(T a, T b) {
  if (b < T(0)) return a == T(1) ? T(1) : a == T(-1) ? ((i64)b & 1 ? T(-1) : T(1)) : T(0);
  u64 result = 1, base = (u64)(i64)a;
  for (u64 left = (u64)b; left != 0; left >>= 1) {
    if (left & 1) result *= base;
    base *= base;
  }
  return T((i64)result);
}
// 0 for a zero divisor, and no trap for the smallest number over -1.
DEVICE T fmod_(T a, T b) { return b == T(0) || (T(-1) < T(0) && b == T(-1)) ? T(0) : T((i64)a % (i64)b); }
DEVICE T truncDivide_(T a, T b) {
  if (b == T(0)) return T(0);
  if (T(-1) < T(0) && b == T(-1)) return T(0 - (u64)(i64)a);
  return T((i64)a / (i64)b);
}
DEVICE T floorDivide_(T a, T b) {
  const T quotient = truncDivide_(a, b);
  return b != T(0) && fmod_(a, b) != T(0) && (a < T(0)) != (b < T(0)) ? T(quotient - 1) : quotient;
}

#endif

// NaN wins in both.
DEVICE T min_(T a, T b) { return a < b || isnan_(a) ? a : b; }
DEVICE T max_(T a, T b) { return a > b || isnan_(a) ? a : b; }
DEVICE T remainder_(T a, T b) {
  const T r = fmod_(a, b);
  return r != T(0) && (r < T(0)) != (b < T(0)) ? T(r + b) : r;
}

// A number of a launch, in the number type.
#if IS_FLOATING
#define NUMBER(n) T(REAL(n))
#else
#define NUMBER(n) T((n).integer)
#endif
