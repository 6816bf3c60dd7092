// The GPUs of this process, found once: CUDA devices first, then OpenCL ones that are not the same cards.
#pragma once

#include <string>
#include <vector>

#include "../device.h"

namespace descent::gpu {

// A device, or a whole back end, that cannot be used, and why.
struct Unusable {
  DeviceKind kind;
  int index;         // -1: the back end itself
  std::string name;  // "" for a back end
  std::string reason;
};

struct Found {
  std::vector<Device*> devices;
  std::vector<Unusable> unusable;
};

// Looks on the first call; never throws.
const Found& found();

}  // namespace descent::gpu
