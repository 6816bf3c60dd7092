// The CUDA devices of this machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../backend.h"
#include "library.h"

namespace descent::gpu::cuda {

struct Candidate {
  std::string name;                  // as far as it is known
  std::unique_ptr<Backend> backend;  // null where it cannot be used
  std::string reason;                // why not
};

// In the driver's order. Empty where there is no driver or no card: then `reason` says why, and what to do.
// Never throws. Nothing is taken from a card before it is used.
std::vector<Candidate> candidates(std::string& reason);

// The back end of one card; `bus` is its place as NVML writes it.
std::unique_ptr<Backend> makeBackend(const Library& cuda, DeviceHandle device, const std::string& bus,
                                     const Facts& facts);

}  // namespace descent::gpu::cuda
