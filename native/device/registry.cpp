// The devices of this process, each with its caching allocator.
#include <atomic>

#include "../tensor/error.h"
#include "allocator.h"
#include "cpu/cpu.h"
#include "device.h"
#include "kinds.h"

namespace descent {

namespace {

std::atomic<bool> areDevicesFound{false};

struct Registry {
  std::vector<Device*> devices;
  std::vector<Allocator*> allocators;
  std::vector<UnusableDevice> unusable;
};

// The CPU's own, there before anything is looked for: drivers take time to load, and most programs need none.
Allocator& cpuAllocator() {
  static Allocator* const instance = new Allocator(cpu::device());
  return *instance;
}

Registry& registry() {
  // Never destroyed: blocks are freed by finalizers that may run after static destructors.
  static Registry* const instance = [] {
    auto* made = new Registry;
    made->devices = {&cpu::device()};
    made->allocators = {&cpuAllocator()};
    FoundDevices found = findDevices();
    for (Device* device : found.usable) {
      made->devices.push_back(device);
      made->allocators.push_back(new Allocator(*device));
    }
    made->unusable = std::move(found.unusable);
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

const std::vector<Device*>& devices() { return registry().devices; }

const std::vector<UnusableDevice>& unusableDevices() { return registry().unusable; }

std::vector<Device*> devicesInUse() {
  return areDevicesFound.load() ? devices() : std::vector<Device*>{&cpu::device()};
}

Device& deviceOf(DeviceId id) { return id == DeviceId() ? cpu::device() : *registry().devices[indexOf(id)]; }

Allocator& allocatorOf(DeviceId id) {
  return id == DeviceId() ? cpuAllocator() : *registry().allocators[indexOf(id)];
}

}  // namespace descent
