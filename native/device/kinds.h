// The kinds of devices: each folder registers its own, so that nothing outside the folder names it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "device.h"

namespace descent {

// What a kind finds on this machine, in its order of preference.
struct FoundDevices {
  std::vector<Device*> usable;  // they live as long as the process
  std::vector<UnusableDevice> unusable;
};

using FindDevices = std::function<void(DeviceKind kind, FoundDevices& found)>;

// Registers a kind where it stands, at namespace scope in a source of the kind's own folder:
//   const RegisteredKind registered("quantum", 300, findDevices);
class RegisteredKind {
 public:
  // `name` is what users write: lower-case letters and digits, a letter first. Kinds with a lower rank come
  // first where devices are listed and where 'gpu' is looked for. `find` is called once, when somebody first
  // asks for a device other than the CPU; it throws nothing, and says why where there is none.
  RegisteredKind(const char* name, int rank, FindDevices find);
};

// The devices of all registered kinds, looked for anew: registry.cpp keeps them.
FoundDevices findDevices();

}  // namespace descent
