// The few functions of NVML that are used; types and numbers are those of its stable C interface.
#include "nvml.h"

#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <unordered_map>

#include "../shared_library.h"

namespace descent::gpu::cuda {

namespace {

using Card = struct NvmlDeviceObject*;
struct Utilisation {
  uint32_t gpu, memory;  // percent
};
struct MemoryInfo {
  uint64_t total, free, used;
};
constexpr uint32_t kTemperatureOfChip = 0;

struct Nvml {
#define DESCENT_NVML_FUNCTIONS(FUNCTION)                                                        \
  FUNCTION(Init, "nvmlInit_v2", ())                                                             \
  FUNCTION(SystemGetDriverVersion, "nvmlSystemGetDriverVersion", (char*, uint32_t))             \
  FUNCTION(DeviceGetHandleByPciBusId, "nvmlDeviceGetHandleByPciBusId_v2", (const char*, Card*)) \
  FUNCTION(DeviceGetUtilizationRates, "nvmlDeviceGetUtilizationRates", (Card, Utilisation*))    \
  FUNCTION(DeviceGetTemperature, "nvmlDeviceGetTemperature", (Card, uint32_t, uint32_t*))       \
  FUNCTION(DeviceGetPowerUsage, "nvmlDeviceGetPowerUsage", (Card, uint32_t*))                   \
  FUNCTION(DeviceGetEnforcedPowerLimit, "nvmlDeviceGetEnforcedPowerLimit", (Card, uint32_t*))   \
  FUNCTION(DeviceGetMemoryInfo, "nvmlDeviceGetMemoryInfo", (Card, MemoryInfo*))
#define FUNCTION(name, symbol, PARAMETERS) int(*name) PARAMETERS = nullptr;
  DESCENT_NVML_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

// Null where it is not there or does not start.
const Nvml* nvml() {
  static const Nvml* const loaded = []() -> const Nvml* {
#if defined(_WIN32)
    const std::initializer_list<const char*> usual = {"nvml.dll"};
#else
    const std::initializer_list<const char*> usual = {"libnvidia-ml.so.1"};
#endif
    std::string problem;
    void* handle = openLibrary(std::getenv("DESCENT_NVML_LIBRARY"), usual, problem);
    if (!handle) return nullptr;
    static Nvml made;
    bool isWhole = true;
#define FUNCTION(name, symbol, PARAMETERS)                                     \
  made.name = reinterpret_cast<int(*) PARAMETERS>(findSymbol(handle, symbol)); \
  isWhole = isWhole && made.name;
    DESCENT_NVML_FUNCTIONS(FUNCTION)
#undef FUNCTION
    return isWhole && made.Init() == 0 ? &made : nullptr;
  }();
  return loaded;
}

// Null where there is none; looked up once.
Card cardAt(const Nvml& library, const std::string& bus) {
  static std::mutex lock;
  static std::unordered_map<std::string, Card> cards;
  std::lock_guard<std::mutex> guard(lock);
  const auto known = cards.find(bus);
  if (known != cards.end()) return known->second;
  Card card = nullptr;
  if (library.DeviceGetHandleByPciBusId(bus.c_str(), &card) != 0) card = nullptr;
  cards.emplace(bus, card);
  return card;
}

}  // namespace

std::string nvmlDriverVersion() {
  const Nvml* library = nvml();
  char text[96] = "";
  return library && library->SystemGetDriverVersion(text, sizeof text - 1) == 0 ? text : "";
}

DeviceSample sampleCard(const std::string& bus) {
  DeviceSample sample;
  const Nvml* library = nvml();
  Card card = library ? cardAt(*library, bus) : nullptr;
  if (!card) return sample;
  Utilisation busy{};
  MemoryInfo memory{};
  uint32_t number = 0;
  if (library->DeviceGetUtilizationRates(card, &busy) == 0) sample.utilisation = busy.gpu / 100.0;
  if (library->DeviceGetTemperature(card, kTemperatureOfChip, &number) == 0) sample.celsius = number;
  if (library->DeviceGetPowerUsage(card, &number) == 0) sample.watts = number / 1000.0;
  if (library->DeviceGetEnforcedPowerLimit(card, &number) == 0) sample.mostWatts = number / 1000.0;
  if (library->DeviceGetMemoryInfo(card, &memory) == 0) sample.memoryUsed = static_cast<double>(memory.used);
  return sample;
}

}  // namespace descent::gpu::cuda
