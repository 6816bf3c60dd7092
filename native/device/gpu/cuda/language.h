// The words of the dialect in CUDA C++.

typedef signed char i8;
typedef unsigned char u8;
typedef short i16;
typedef unsigned short u16;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
#define GLOBAL
#define LOCAL
#define SHARED(Type, name, count) __shared__ Type name[count] __attribute__((aligned(16)))
#define TABLE static __constant__ const
#define DEVICE static __device__ __forceinline__
#define KERNEL(name) extern "C" __global__ void __launch_bounds__(LANES) PASTE(name, VARIANT)
#define BARRIER() __syncthreads()
#define LANE ((i32)threadIdx.x)
#define GROUP_X ((i64)blockIdx.x)
#define GROUP_Y ((i64)blockIdx.y)
#define GROUP_Z ((i64)blockIdx.z)
#define GROUPS_X ((i64)gridDim.x)
#define GROUPS_Y ((i64)gridDim.y)
#define CLAIM(place, expected, value) atomicCAS((int*)(place), expected, value)
#define COUNT(place) atomicAdd((int*)(place), 1)
#define BITS_OF_F32(x) __float_as_uint(x)
#define F32_OF_BITS(x) __uint_as_float(x)
#define BITS_OF_F64(x) ((u64)__double_as_longlong(x))
#define F64_OF_BITS(x) __longlong_as_double((i64)(x))
#define HIGH_U32(a, b) __umulhi((u32)(a), (u32)(b))
#define HIGH_U64(a, b) __umul64hi((u64)(a), (u64)(b))
#define MULTIPLY_ADD(a, b, c) fma(a, b, c)
#ifndef INFINITY
#define INFINITY __int_as_float(0x7f800000)
#endif
#ifndef NAN
#define NAN __int_as_float(0x7fffffff)
#endif

DEVICE float f32_of_f16(u16 bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}
DEVICE u16 f16_of_f32(float value) {
  u16 bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}
#define F32_OF_F16(bits) f32_of_f16(bits)
#define F16_OF_F32(value) f16_of_f32(value)
