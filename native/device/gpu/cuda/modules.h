// The CUDA modules made at build time (compile.mjs): a file for each kernel source, found beside the addon or
// in the folder that DESCENT_CUDA_MODULES names.
#pragma once

#include <cstdint>
#include <string>

namespace descent::gpu::cuda {

// A kernel of a source as PTX, ready for the driver; empty where there is no such module or no such kernel in
// it. Throws Error("device", ...) for a file that is broken.
std::string ptxOf(const std::string& source, const std::string& symbol);
// Whether there is a module for a source that this card can run: `capability` is 90 for 9.0.
bool hasModule(const std::string& source, int capability);
// The folder with any modules in it; empty where there are none.
std::string modulesFolder();

// The PTX version that every usual module wants, 63 for 6.3; 0 where there are no modules.
int ptxVersionWanted();
// The highest PTX version that a driver takes; driverVersion is 12040 for CUDA 12.4.
int ptxVersionOf(int driverVersion);
// The first CUDA version whose driver takes it: "10.0".
std::string cudaVersionFor(int ptxVersion);

}  // namespace descent::gpu::cuda
