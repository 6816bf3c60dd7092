// The devices of this process, each with its caching allocator. Adding a device adds one line to found().
#include <memory>

#include "../tensor/error.h"
#include "allocator.h"
#include "cpu/cpu.h"
#include "device.h"

namespace descent {

namespace {

struct Registry {
  std::vector<Device*> devices;
  std::vector<std::unique_ptr<Allocator>> allocators;
};

std::vector<Device*> found() { return {&cpu::device()}; }

Registry& registry() {
  // Never destroyed: blocks are freed by finalizers that may run after static destructors.
  static Registry* const instance = [] {
    auto* made = new Registry;
    made->devices = found();
    for (Device* device : made->devices) made->allocators.push_back(std::make_unique<Allocator>(*device));
    return made;
  }();
  return *instance;
}

size_t indexOf(DeviceId id) {
  static const DeviceId cpuId;
  if (id == cpuId) return 0;
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
  switch (id.kind) {
    case DeviceKind::cpu:
      return "cpu";
    case DeviceKind::cuda:
      return "cuda:" + std::to_string(id.index);
    case DeviceKind::opencl:
      return "opencl:" + std::to_string(id.index);
  }
  return "unknown";
}

const std::vector<Device*>& devices() { return registry().devices; }

Device& deviceOf(DeviceId id) { return *registry().devices[indexOf(id)]; }

Allocator& allocatorOf(DeviceId id) { return *registry().allocators[indexOf(id)]; }

}  // namespace descent
