// What nvcc's own headers bring and the dialect uses, for clang without those headers: compile.mjs puts it
// before every source that clang compiles. The mathematical functions are those of libdevice.
#pragma once

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...) __attribute__((launch_bounds(__VA_ARGS__)))
#define DEVICE_FUNCTION static __device__ __forceinline__

struct uint3;
struct dim3;
#include <__clang_cuda_builtin_vars.h>
#include <__clang_cuda_libdevice_declares.h>

#define ONE_ARGUMENT(name)                                          \
  DEVICE_FUNCTION float name(float x) { return __nv_##name##f(x); } \
  DEVICE_FUNCTION double name(double x) { return __nv_##name(x); }
ONE_ARGUMENT(fabs)
ONE_ARGUMENT(sqrt)
ONE_ARGUMENT(rsqrt)
ONE_ARGUMENT(exp)
ONE_ARGUMENT(exp2)
ONE_ARGUMENT(expm1)
ONE_ARGUMENT(log)
ONE_ARGUMENT(log1p)
ONE_ARGUMENT(log2)
ONE_ARGUMENT(log10)
ONE_ARGUMENT(sin)
ONE_ARGUMENT(cos)
ONE_ARGUMENT(tan)
ONE_ARGUMENT(asin)
ONE_ARGUMENT(acos)
ONE_ARGUMENT(atan)
ONE_ARGUMENT(sinh)
ONE_ARGUMENT(cosh)
ONE_ARGUMENT(tanh)
ONE_ARGUMENT(erf)
ONE_ARGUMENT(floor)
ONE_ARGUMENT(ceil)
ONE_ARGUMENT(trunc)
ONE_ARGUMENT(rint)
#undef ONE_ARGUMENT
#define TWO_ARGUMENTS(name)                                                     \
  DEVICE_FUNCTION float name(float a, float b) { return __nv_##name##f(a, b); } \
  DEVICE_FUNCTION double name(double a, double b) { return __nv_##name(a, b); }
TWO_ARGUMENTS(atan2)
TWO_ARGUMENTS(pow)
TWO_ARGUMENTS(fmod)
TWO_ARGUMENTS(fmin)
TWO_ARGUMENTS(fmax)
#undef TWO_ARGUMENTS
// Integers in one of them become double, as in C++.
DEVICE_FUNCTION float fma(float a, float b, float c) { return __nv_fmaf(a, b, c); }
DEVICE_FUNCTION double fma(double a, double b, double c) { return __nv_fma(a, b, c); }

DEVICE_FUNCTION int atomicCAS(int* place, int expected, int value) {
  return __nvvm_atom_cas_gen_i(place, expected, value);
}
DEVICE_FUNCTION unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
DEVICE_FUNCTION float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
DEVICE_FUNCTION float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
DEVICE_FUNCTION long long __double_as_longlong(double x) { return __builtin_bit_cast(long long, x); }
DEVICE_FUNCTION double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }
DEVICE_FUNCTION unsigned __umulhi(unsigned a, unsigned b) { return __nv_umulhi(a, b); }
DEVICE_FUNCTION unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return __nv_umul64hi(a, b);
}
#undef DEVICE_FUNCTION
