// The OpenCL devices of this machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../backend.h"
#include "library.h"

namespace descent::gpu::opencl {

// Throws where the driver refuses it a context or a queue.
std::unique_ptr<Backend> makeBackend(const Library& cl, Platform platform, DeviceHandle device, Facts facts);

}  // namespace descent::gpu::opencl
