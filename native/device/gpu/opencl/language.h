// The words of the dialect in OpenCL C 1.2. Halves are converted by the dialect: PoCL 3.1 rounds wrongly in
// vload_half and vstore_half, and neither is faster than memory.

#ifdef HAS_FLOAT64
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
typedef char i8;
typedef uchar u8;
typedef short i16;
typedef ushort u16;
typedef int i32;
typedef uint u32;
typedef long i64;
typedef ulong u64;
#define GLOBAL __global
#define LOCAL __local
#define SHARED(Type, name, count) __local Type name[count] __attribute__((aligned(16)))
#define TABLE __constant
#define DEVICE static inline
#define KERNEL(name) __kernel __attribute__((reqd_work_group_size(LANES, 1, 1))) void name
#define BARRIER() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)
#define LANE ((i32)get_local_id(0))
#define GROUP_X ((i64)get_group_id(0))
#define GROUP_Y ((i64)get_group_id(1))
#define GROUP_Z ((i64)get_group_id(2))
#define GROUPS_X ((i64)get_num_groups(0))
#define GROUPS_Y ((i64)get_num_groups(1))
#define CLAIM(place, expected, value) atomic_cmpxchg((volatile __global int*)(place), expected, value)
#define COUNT(place) atomic_inc((volatile __local int*)(place))
#define BITS_OF_F32(x) as_uint(x)
#define F32_OF_BITS(x) as_float(x)
#define BITS_OF_F64(x) as_ulong(x)
#define F64_OF_BITS(x) as_double(x)
#define HIGH_U32(a, b) mul_hi((u32)(a), (u32)(b))
#define HIGH_U64(a, b) mul_hi((u64)(a), (u64)(b))
#define MULTIPLY_ADD(a, b, c) fma(a, b, c)
