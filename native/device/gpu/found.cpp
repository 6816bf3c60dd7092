// The GPUs of this process, found once.
#include "device.h"
#include "gpu.h"
#include "opencl/opencl.h"

namespace descent::gpu {

namespace {

void addOpenCl(Found& all) {
  std::string reason;
  std::vector<opencl::Candidate> candidates = opencl::candidates(reason);
  int index = 0;
  for (opencl::Candidate& candidate : candidates) {
    if (!candidate.backend) {
      all.unusable.push_back({DeviceKind::opencl, index++, candidate.name, candidate.reason});
      continue;
    }
    const DeviceId id{DeviceKind::opencl, static_cast<uint8_t>(index++)};
    all.devices.push_back(new GpuDevice(id, std::move(candidate.backend)));
  }
  if (candidates.empty()) all.unusable.push_back({DeviceKind::opencl, -1, "", reason});
}

}  // namespace

const Found& found() {
  static const Found* const all = [] {
    auto* made = new Found;
    addOpenCl(*made);
    return made;
  }();
  return *all;
}

}  // namespace descent::gpu
