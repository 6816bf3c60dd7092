// Which build of the kernels runs on this CPU.
#pragma once

#include "kernel.h"

namespace descent::cpu {

enum class Capability { portable, avx2, avx512 };

Capability capability();
const KernelTable& kernels();  // of the capability in use

}  // namespace descent::cpu
