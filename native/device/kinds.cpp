// The table of the kinds of devices, numbered in the order of their ranks: the same in every run of a build.
#include "kinds.h"

#include <algorithm>
#include <cctype>

#include "../tensor/error.h"

namespace descent {

namespace {

struct Kind {
  std::string name;
  int rank;
  FindDevices find;
};

// Filled while the addon is loaded, in an order that nobody knows; made by whoever comes first.
std::vector<Kind>& registered() {
  static auto* const all = new std::vector<Kind>;
  return *all;
}

bool isName(const std::string& text) {
  const auto is = [](int (*what)(int), char letter) { return what(static_cast<unsigned char>(letter)) != 0; };
  return !text.empty() && is(std::islower, text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [&](char letter) { return is(std::islower, letter) || is(std::isdigit, letter); });
}

// Kind k + 1 is the k-th: number 0 is the CPU's.
const std::vector<Kind>& kinds() {
  static const auto* const sorted = [] {
    auto* all = new std::vector<Kind>(registered());
    std::sort(all->begin(), all->end(), [](const Kind& a, const Kind& b) {
      return a.rank != b.rank ? a.rank < b.rank : a.name < b.name;
    });
    if (all->size() >= kMostDeviceKinds)
      throw Error("internal", "", "there are more kinds of devices than kMostDeviceKinds allows");
    for (const Kind& kind : *all) {
      const auto same = [&](const Kind& other) { return other.name == kind.name; };
      if (!isName(kind.name) || kind.name == "cpu" || kind.name == "gpu" ||
          std::count_if(all->begin(), all->end(), same) > 1) {
        throw Error("internal", "",
                    "no kind of devices can be called '" + kind.name +
                        "': it is taken, or has other characters than lower-case letters and digits");
      }
    }
    return all;
  }();
  return *sorted;
}

}  // namespace

RegisteredKind::RegisteredKind(const char* name, int rank, FindDevices find) {
  registered().push_back({name, rank, std::move(find)});
}

FoundDevices findDevices() {
  FoundDevices found;
  int number = 0;
  for (const Kind& kind : kinds()) kind.find(static_cast<DeviceKind>(++number), found);
  return found;
}

const std::vector<std::string>& deviceKinds() {
  static const auto* const names = [] {
    auto* all = new std::vector<std::string>{"cpu"};
    for (const Kind& kind : kinds()) all->push_back(kind.name);
    return all;
  }();
  return *names;
}

std::string nameOf(DeviceId id) {
  if (id.kind == DeviceKind::cpu) return "cpu";
  const auto kind = static_cast<size_t>(id.kind);
  return (kind < deviceKinds().size() ? deviceKinds()[kind] : "device") + ":" + std::to_string(id.index);
}

}  // namespace descent
