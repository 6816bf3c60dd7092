// The GPUs of this process, found once: CUDA devices first, then OpenCL ones, which may be the same cards.
#pragma once

#include <string>
#include <vector>

#include "../device.h"

namespace descent::gpu {

struct Found {
  std::vector<Device*> devices;
  std::vector<UnusableDevice> unusable;
};

// Looks on the first call; never throws.
const Found& found();

}  // namespace descent::gpu
