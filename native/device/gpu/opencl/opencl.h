// The OpenCL devices of this machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../backend.h"
#include "library.h"

namespace descent::gpu::opencl {

struct Candidate {
  std::string name;                  // as far as it is known
  std::unique_ptr<Backend> backend;  // null where it cannot be used
  std::string reason;                // why not
};

// Throws where the driver refuses it a context or a queue.
std::unique_ptr<Backend> makeBackend(const Library& cl, Platform platform, DeviceHandle device, Facts facts);

// Real GPUs first, then processors. Empty where there is no loader or no device: then `reason` says why, and
// what to do. Never throws.
std::vector<Candidate> candidates(std::string& reason);

}  // namespace descent::gpu::opencl
