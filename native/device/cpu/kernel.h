// How the CPU device calls its kernels, and what a kernel may call. Nothing here has a body: this header is
// shared by builds for different instruction sets, and an inline function compiled for AVX could be the copy
// the linker keeps for all of them.
#pragma once

#include "../device.h"

namespace descent::cpu {

// A Launch without its containers.
struct Call {
  const Operand* operands;
  int count;    // of operands
  int outputs;  // how many of them, at the front
  const double* numbers;
  const int64_t* integers;
};

struct Kernel {
  const char* name;
  // Bit k: supported for DType k, of the first input (of the output where there is no input). A kernel of
  // float32 need not know float16 and bfloat16: without their bits it gets such operands as float32 copies.
  uint32_t dtypes;
  void (*run)(const Call& call, const void* data);
  const void* data;  // handed to run
};

struct KernelTable {
  const Kernel* kernels;
  int count;
};

// The tables of each build, ended by null. They are constants, so nothing of a build runs before it is
// chosen.
namespace portable {
extern const KernelTable* const kernelTables[];
}
namespace avx2 {
extern const KernelTable* const kernelTables[];
}
namespace avx512 {
extern const KernelTable* const kernelTables[];
}

// Runs body(context, begin, end) over [0, count) in pieces of about `grain`, on several threads where that
// pays. Pieces do not depend on the number of threads. Nested calls run on the caller alone. What a
// body throws ends the job and is thrown by parallelRange, on the caller's thread.
using RangeBody = void (*)(void* context, int64_t begin, int64_t end);
void parallelRange(int64_t count, int64_t grain, RangeBody body, void* context);

// Scratch memory of this thread, 64-byte aligned, valid until the next call with the same slot on this
// thread.
constexpr int kScratchSlots = 6;
void* scratch(int slot, size_t bytes);

// Throws Error("index"): `value` at `position` of `what` is outside [0, size).
[[noreturn]] void throwBadIndex(const char* op, int64_t value, int64_t position, int64_t size);

}  // namespace descent::cpu
