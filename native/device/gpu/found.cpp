// The GPUs of this process, found once.
#include "cuda/cuda.h"
#include "device.h"
#include "gpu.h"
#include "opencl/opencl.h"

namespace descent::gpu {

namespace {

// A back end's candidates, numbered in its order; those that cannot be used keep their number.
template <class Candidate>
void add(Found& all, DeviceKind kind, std::vector<Candidate> (*look)(std::string& reason)) {
  std::string reason;
  std::vector<Candidate> candidates = look(reason);
  int index = 0;
  for (Candidate& candidate : candidates) {
    if (!candidate.backend) {
      all.unusable.push_back({kind, index++, candidate.name, candidate.reason});
      continue;
    }
    const DeviceId id{kind, static_cast<uint8_t>(index++)};
    all.devices.push_back(new GpuDevice(id, std::move(candidate.backend)));
  }
  if (candidates.empty()) all.unusable.push_back({kind, -1, "", reason});
}

}  // namespace

const Found& found() {
  static const Found* const all = [] {
    auto* made = new Found;
    add(*made, DeviceKind::cuda, cuda::candidates);
    add(*made, DeviceKind::opencl, opencl::candidates);
    return made;
  }();
  return *all;
}

}  // namespace descent::gpu
