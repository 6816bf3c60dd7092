// Memory: categories, statistics, limits, and the collector that is asked when it runs short.
#include "../device/allocator.h"
#include "../device/pinned.h"
#include "environment.h"
#include "typed_array.h"

namespace descent::binding {

namespace {

Category categoryAt(const CallInfo& call, size_t i) {
  const int64_t category = call.integer(i, "category");
  if (category < 0 || category >= kCategoryCount)
    throw Error("argument", call.name, "there is no category " + std::to_string(category));
  return static_cast<Category>(category);
}

napi_value setCategoryOf(const CallInfo& call) {
  return call.toNumber(static_cast<int>(setCategory(categoryAt(call, 0))));
}

napi_value retag(const CallInfo& call) {
  Block* block = static_cast<Block*>(call.tensor(0).storage().block());
  if (block->allocator) block->allocator->retag(block, categoryAt(call, 1));
  return nullptr;
}

napi_value memoryByCategory(const CallInfo& call) {
  const ArrayInfo into = readTypedArray(call.env(), call[0]);
  if (!into.holds(napi_float64_array, kCategoryCount)) {
    throw Error("argument", call.name,
                "needs a Float64Array of " + std::to_string(kCategoryCount) + " numbers");
  }
  double bytes[kCategoryCount] = {};
  for (Device* device : devicesInUse()) allocatorOf(device->describe().id).addBytesByCategory(bytes);
  std::copy(bytes, bytes + kCategoryCount, static_cast<double*>(into.data));
  return nullptr;
}

// For each device that holds memory, the CPU first: kind, index, bytes in use by category, the most that were
// ever in use, bytes held, the most there can be. Called once a step, so it makes nothing.
constexpr size_t kMemoryNumbers = 2 + kCategoryCount + 3;

struct KnownDevice {
  DeviceId id;
  Allocator* allocator;
  double bytes;
};

const std::vector<KnownDevice>& knownDevices() {
  static thread_local std::vector<KnownDevice> known;
  const std::vector<Device*> used = devicesInUse();
  if (known.size() == used.size()) return known;
  known.clear();
  for (Device* device : used) {
    const DeviceDescription description = device->describe();
    known.push_back(
        {description.id, &allocatorOf(description.id), static_cast<double>(description.memoryBytes)});
  }
  return known;
}

napi_value deviceMemory(const CallInfo& call) {
  const ArrayInfo into = readTypedArray(call.env(), call[0]);
  if (!into.holds(napi_float64_array, kMemoryNumbers))
    throw Error("argument", call.name,
                "needs a Float64Array of " + std::to_string(kMemoryNumbers) + " numbers a device");
  double* at = static_cast<double*>(into.data);
  const double* const end = at + into.length;
  int count = 0;
  for (const KnownDevice& device : knownDevices()) {
    const size_t held = device.allocator->reservedBytes();
    if ((held == 0 && !(device.id == DeviceId())) || at + kMemoryNumbers > end) continue;
    std::fill(at, at + kMemoryNumbers, 0.0);
    at[0] = static_cast<double>(device.id.kind);
    at[1] = device.id.index;
    device.allocator->addBytesByCategory(at + 2);
    const size_t limit = device.allocator->limit();
    at[2 + kCategoryCount] = static_cast<double>(device.allocator->peakBytes());
    at[3 + kCategoryCount] = static_cast<double>(held);
    at[4 + kCategoryCount] = limit > 0 ? static_cast<double>(limit) : device.bytes;
    at += kMemoryNumbers;
    ++count;
  }
  return call.toNumber(count);
}

napi_value memoryStats(const CallInfo& call) {
  napi_value record;
  napi_create_object(call.env(), &record);
  for (const auto& [name, value] : allocatorOf(call.device(0)).statistics()) {
    napi_set_named_property(call.env(), record, name.c_str(), call.toNumber(value));
  }
  return record;
}

// For each block: segment, address, bytes, bytes asked for, state (0 free, 1 in use, 2 freed while a stream
// may still be at work on it), category, of the small pool, site, step.
napi_value memorySnapshot(const CallInfo& call) {
  std::vector<double> numbers;
  double segment = 0;
  for (const std::vector<Block>& blocks : allocatorOf(call.device(0)).snapshot()) {
    for (const Block& block : blocks) {
      const double address = static_cast<double>(reinterpret_cast<uintptr_t>(block.memory.handle)) +
                             static_cast<double>(block.memory.offset);
      const double state = !block.isAllocated ? 0 : block.event ? 2 : 1;
      numbers.insert(numbers.end(), {segment, address, static_cast<double>(block.size),
                                     block.isAllocated ? static_cast<double>(block.requested) : 0, state,
                                     static_cast<double>(block.category), static_cast<double>(block.isSmall),
                                     static_cast<double>(block.site), static_cast<double>(block.step)});
    }
    segment++;
  }
  napi_value buffer, array;
  void* data = nullptr;
  check(call.environment,
        napi_create_arraybuffer(call.env(), numbers.size() * sizeof(double), &data, &buffer), call.name);
  std::copy(numbers.begin(), numbers.end(), static_cast<double*>(data));
  napi_create_typedarray(call.env(), napi_float64_array, numbers.size(), buffer, 0, &array);
  return array;
}

napi_value setStep(const CallInfo& call) {
  const int64_t step = call.integer(0, "step");
  if (step < 0) throw Error("argument", call.name, "a step must not be negative");
  allocationContext().step = static_cast<uint64_t>(step);
  return nullptr;
}

napi_value resetPeak(const CallInfo& call) {
  allocatorOf(call.device(0)).resetPeaks();
  return nullptr;
}

napi_value emptyCache(const CallInfo&) {
  for (Device* device : devicesInUse()) allocatorOf(device->describe().id).emptyCache();
  emptyPinnedCache();
  return nullptr;
}

napi_value setMemoryLimit(const CallInfo& call) {
  const double bytes = call.number(2, "bytes");
  if (!(bytes >= 0 && bytes < 1e18))
    throw Error("argument", call.name, "the limit must be a number of bytes, 0 for none");
  allocatorOf(call.device(0)).setLimit(static_cast<size_t>(bytes));
  return nullptr;
}

napi_value setCollector(const CallInfo& call) {
  napi_valuetype type = napi_undefined;
  napi_typeof(call.env(), call[0], &type);
  if (type != napi_function) call.failType("collect", "a function", call[0]);
  Environment* environment = &call.environment;
  if (environment->collector) napi_delete_reference(call.env(), environment->collector);
  check(*environment, napi_create_reference(call.env(), call[0], 1, &environment->collector), call.name);
  setPressureCallback([environment](bool full) { environment->collect(full); });
  return nullptr;
}

}  // namespace

void addMemoryFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "setCategory", setCategoryOf);
  addFunction(environment, exports, "retag", retag);
  addFunction(environment, exports, "memoryByCategory", memoryByCategory);
  addFunction(environment, exports, "deviceMemory", deviceMemory);
  addFunction(environment, exports, "memoryStats", memoryStats);
  addFunction(environment, exports, "memorySnapshot", memorySnapshot);
  addFunction(environment, exports, "setStep", setStep);
  addFunction(environment, exports, "resetPeak", resetPeak);
  addFunction(environment, exports, "emptyCache", emptyCache);
  addFunction(environment, exports, "setMemoryLimit", setMemoryLimit);
  addFunction(environment, exports, "setCollector", setCollector);
}

}  // namespace descent::binding
