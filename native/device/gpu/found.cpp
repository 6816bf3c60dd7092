// What a back end finds, as devices.
#include "device.h"

namespace descent::gpu {

namespace {

// The candidates, numbered in their order; those that cannot be used keep their number.
void add(DeviceKind kind, FindCandidates find, FoundDevices& found) {
  std::string reason;
  std::vector<Candidate> candidates;
  try {
    candidates = find(reason);
  } catch (const std::exception& error) {
    reason = error.what();
  }
  int index = 0;
  for (Candidate& candidate : candidates) {
    if (!candidate.backend) {
      found.unusable.push_back({kind, index++, candidate.name, candidate.reason});
      continue;
    }
    const DeviceId id{kind, static_cast<uint8_t>(index++)};
    found.usable.push_back(new GpuDevice(id, std::move(candidate.backend)));
  }
  if (candidates.empty()) found.unusable.push_back({kind, -1, "", reason});
}

}  // namespace

RegisteredBackend::RegisteredBackend(const char* name, int rank, FindCandidates find)
    : RegisteredKind(name, rank, [find](DeviceKind kind, FoundDevices& found) { add(kind, find, found); }) {}

}  // namespace descent::gpu
