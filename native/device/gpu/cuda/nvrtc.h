// NVRTC, the compiler that an installed CUDA SDK brings: for kernels that no module holds. Loaded at run
// time; the file that DESCENT_NVRTC_LIBRARY names, or the system's.
#pragma once

#include <string>

#include "../backend.h"

namespace descent::gpu::cuda {

// Null where it is there; else why it is not.
const char* nvrtcObjection();
// The program's kernels, named NAME_VARIANT, as the driver takes them. Throws with the compiler's words.
std::string compileByNvrtc(const ProgramSource& program, int capability);

}  // namespace descent::gpu::cuda
