// Which device a piece of memory is on: data only, so that tensors need not know what a device does.
#pragma once

#include <cstddef>
#include <cstdint>

namespace descent {

constexpr int kMaxDims = 12;

// As `deviceKinds` of engine/deviceNames.ts has them.
enum class DeviceKind : uint8_t { cpu = 0, cuda = 1, opencl = 2 };
constexpr const char* kDeviceKinds[] = {"cpu", "cuda", "opencl"};

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

// One piece of device memory. `handle` means whatever the device says it means: a pointer on the
// CPU and with CUDA, a cl_mem with OpenCL; only the device that made it may look inside.
struct Memory {
  void* handle = nullptr;
  size_t offset = 0;  // bytes from the start of what `handle` names
};

}  // namespace descent
