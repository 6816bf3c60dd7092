// Which device a piece of memory is on: data only, so that tensors need not know what a device does.
#pragma once

#include <cstddef>
#include <cstdint>

namespace descent {

constexpr int kMaxDims = 12;

// The CPU, or one of the kinds that folders of the device layer register: a place in its deviceKinds().
enum class DeviceKind : uint8_t { cpu = 0 };
constexpr int kMostDeviceKinds = 16;  // a build has no more of them

struct DeviceId {
  DeviceKind kind = DeviceKind::cpu;
  uint8_t index = 0;
  bool operator==(const DeviceId& other) const { return kind == other.kind && index == other.index; }
  bool operator!=(const DeviceId& other) const { return !(*this == other); }
};

// What a device works through in order: kernels, and beside them copies from and to pinned memory of the
// host.
enum class Stream : uint8_t { compute = 0, copy = 1 };
constexpr int kStreamCount = 2;

// One piece of device memory. `handle` means whatever the device says it means, on the CPU a pointer; only
// the device that made it may look inside.
struct Memory {
  void* handle = nullptr;
  size_t offset = 0;  // bytes from the start of what `handle` names
};

}  // namespace descent
