// The CUDA devices of this machine.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../backend.h"

namespace descent::gpu::cuda {

struct Candidate {
  std::string name;                  // as far as it is known
  std::unique_ptr<Backend> backend;  // null where it cannot be used
  std::string reason;                // why not
};

// In the driver's order. Empty where there is no driver or no card: then `reason` says why, and what to do.
// Never throws. Nothing is taken from a card before it is used.
std::vector<Candidate> candidates(std::string& reason);

}  // namespace descent::gpu::cuda
