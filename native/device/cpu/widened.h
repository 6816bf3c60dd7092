// Runs kernels written for float32 on float16 and bfloat16.
#pragma once

#include "kernel.h"

namespace descent::cpu {

// Whether an operand is of half precision and the kernel does not take it.
bool needsWidening(const Kernel& kernel, const Launch& launch);
void runWidened(const Kernel& kernel, const Call& call);

}  // namespace descent::cpu
