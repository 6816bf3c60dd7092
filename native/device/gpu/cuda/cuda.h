// The CUDA devices of this machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../backend.h"
#include "library.h"

namespace descent::gpu::cuda {

// The back end of one card; `bus` is its place as NVML writes it, `capability` 90 for compute capability 9.0.
std::unique_ptr<Backend> makeBackend(const Library& cuda, DeviceHandle device, const std::string& bus,
                                     int capability, const Facts& facts);

}  // namespace descent::gpu::cuda
