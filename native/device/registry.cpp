// The devices of this process, each with its caching allocator. Adding a device adds one line to found().
#include <atomic>

#include "../tensor/error.h"
#include "allocator.h"
#include "cpu/cpu.h"
#include "device.h"
#include "gpu/gpu.h"

namespace descent {

namespace {

std::atomic<bool> areDevicesFound{false};

struct Registry {
  std::vector<Device*> devices;
  std::vector<Allocator*> allocators;
};

std::vector<Device*> found() {
  std::vector<Device*> all = {&cpu::device()};
  for (Device* device : gpu::found().devices) all.push_back(device);
  return all;
}

// The CPU's own, there before anything is looked for: drivers take time to load, and most programs need none.
Allocator& cpuAllocator() {
  static Allocator* const instance = new Allocator(cpu::device());
  return *instance;
}

Registry& registry() {
  // Never destroyed: blocks are freed by finalizers that may run after static destructors.
  static Registry* const instance = [] {
    auto* made = new Registry;
    made->devices = found();
    for (Device* device : made->devices) {
      const bool isCpu = device == &cpu::device();
      made->allocators.push_back(isCpu ? &cpuAllocator() : new Allocator(*device));
    }
    areDevicesFound.store(true);
    return made;
  }();
  return *instance;
}

size_t indexOf(DeviceId id) {
  const Registry& known = registry();
  std::string names;
  for (size_t index = 0; index < known.devices.size(); ++index) {
    const DeviceId other = known.devices[index]->describe().id;
    if (other == id) return index;
    names += (index ? ", " : "") + nameOf(other);
  }
  throw Error("device", "", "there is no device '" + nameOf(id) + "' here; found: " + names + ".",
              {{"device", nameOf(id)}, {"found", names}});
}

}  // namespace

std::string nameOf(DeviceId id) {
  const std::string kind = kDeviceKinds[static_cast<int>(id.kind)];
  return id.kind == DeviceKind::cpu ? kind : kind + ":" + std::to_string(id.index);
}

const std::vector<Device*>& devices() { return registry().devices; }

const std::vector<UnusableDevice>& unusableDevices() { return gpu::found().unusable; }

std::vector<Device*> devicesInUse() {
  return areDevicesFound.load() ? devices() : std::vector<Device*>{&cpu::device()};
}

Device& deviceOf(DeviceId id) { return id == DeviceId() ? cpu::device() : *registry().devices[indexOf(id)]; }

Allocator& allocatorOf(DeviceId id) {
  return id == DeviceId() ? cpuAllocator() : *registry().allocators[indexOf(id)];
}

}  // namespace descent
