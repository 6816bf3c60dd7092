// Which build of the kernels runs on this CPU.
#pragma once

#include <vector>

#include "kernel.h"

namespace descent::cpu {

enum class Capability { portable, avx2, avx512 };

Capability capability();
// All kernels of the capability in use. A kernel has the same place in every build.
const std::vector<Kernel>& kernels();

}  // namespace descent::cpu
