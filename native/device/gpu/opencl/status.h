// What an OpenCL function gave back, in words.
#pragma once

#include <cstdint>
#include <string>

namespace descent::gpu::opencl {

// "clFinish failed with -5, the device is out of resources, or a kernel failed on it"
std::string failure(const char* call, int32_t status);

}  // namespace descent::gpu::opencl
