// What concerns the whole process: errors, random numbers, the stop flag, devices and threads.
#include <cstring>

#include "../device/cpu/cpu.h"
#include "../ops/create.h"
#include "../ops/random.h"
#include "environment.h"
#include "typed_array.h"

namespace descent::binding {

namespace {

napi_value setErrorClass(const CallInfo& call) {
  napi_valuetype type = napi_undefined;
  napi_typeof(call.env(), call[0], &type);
  if (type != napi_function) call.failType("errorClass", "a class", call[0]);
  Environment& environment = call.environment;
  if (environment.errorClass) napi_delete_reference(call.env(), environment.errorClass);
  check(environment, napi_create_reference(call.env(), call[0], 1, &environment.errorClass), call.name);
  return nullptr;
}

napi_value attachControl(const CallInfo& call) {
  const ArrayInfo control = readTypedArray(call.env(), call[0]);
  if (!control.holds(napi_int32_array, 1)) call.failType("control", "an Int32Array", call[0]);
  Environment& environment = call.environment;
  if (environment.controlArray) napi_delete_reference(call.env(), environment.controlArray);
  check(environment, napi_create_reference(call.env(), call[0], 1, &environment.controlArray), call.name);
  static_assert(sizeof(std::atomic<int32_t>) == sizeof(int32_t), "the flag is shared with JavaScript");
  environment.control = static_cast<std::atomic<int32_t>*>(control.data);
  environment.hasBreakFlag = control.holds(napi_int32_array, kBreaksChanged + 1);
  return nullptr;
}

napi_value manualSeed(const CallInfo& call) {
  uint64_t seed = 0;
  bool isExact = false;
  if (napi_get_value_bigint_uint64(call.env(), call[0], &seed, &isExact) != napi_ok)
    call.failType("seed", "a bigint", call[0]);
  descent::setRandomState({seed, 0});
  return nullptr;
}

napi_value initialSeed(const CallInfo& call) {
  napi_value value;
  napi_create_bigint_uint64(call.env(), descent::randomState().seed, &value);
  return value;
}

napi_value getRandomState(const CallInfo& call) {
  napi_value buffer, array;
  void* data = nullptr;
  check(call.environment, napi_create_arraybuffer(call.env(), sizeof(RandomState), &data, &buffer),
        call.name);
  const RandomState state = descent::randomState();
  std::memcpy(data, &state, sizeof state);
  napi_create_typedarray(call.env(), napi_uint8_array, sizeof(RandomState), buffer, 0, &array);
  return array;
}

napi_value setRandomState(const CallInfo& call) {
  const ArrayInfo bytes = readTypedArray(call.env(), call[0]);
  if (!bytes.holds(napi_uint8_array, sizeof(RandomState)) || bytes.length != sizeof(RandomState)) {
    throw Error("argument", call.name, "the state must be what getRandomState gave");
  }
  RandomState state;
  std::memcpy(&state, bytes.data, sizeof state);
  descent::setRandomState(state);
  return nullptr;
}

// This thread feeds another: it draws random numbers of its own, and leaves the kernels' threads to the
// trainer.
napi_value becomeWorker(const CallInfo& call) {
  uint64_t seed = 0;
  bool isExact = false;
  if (napi_get_value_bigint_uint64(call.env(), call[0], &seed, &isExact) != napi_ok)
    call.failType("seed", "a bigint", call[0]);
  useOwnRandomState({seed, 0});
  cpu::useOneThreadHere();
  return nullptr;
}

napi_value setNumThreads(const CallInfo& call) {
  const int64_t count = call.integer(0, "count");
  if (count < 1 || count > 1024)
    throw Error("argument", call.name,
                "the number of threads must be within [1, 1024], got " + std::to_string(count));
  cpu::setNumThreads(static_cast<int>(count));
  return nullptr;
}

napi_value getNumThreads(const CallInfo& call) { return call.toNumber(cpu::numThreads()); }

napi_value cpuCapability(const CallInfo& call) { return call.toText(cpu::capabilityName()); }

napi_value setCpuCapability(const CallInfo& call) {
  cpu::setCapability(call.text(0, "name").c_str());
  return nullptr;
}

napi_value synchronize(const CallInfo&) {
  for (Device* device : devicesInUse()) device->synchronize();
  return nullptr;
}

// Waits for every device and gives what their kernels have found wrong, and devices that are lost, instead of
// throwing it: a debugger that has stopped asks.
napi_value pendingFaults(const CallInfo& call) {
  napi_env env = call.env();
  napi_value list;
  napi_create_array(env, &list);
  uint32_t next = 0;
  for (Device* device : devicesInUse()) {
    try {
      device->synchronize();
    } catch (const Error& error) {
      napi_value record;
      napi_create_object(env, &record);
      napi_set_named_property(env, record, "device", call.toText(nameOf(device->describe().id)));
      napi_set_named_property(env, record, "code", call.toText(error.code));
      napi_set_named_property(env, record, "op", call.toText(error.op));
      napi_set_named_property(env, record, "message", call.toText(error.what()));
      for (const auto& [key, fact] : error.facts) {
        if (key == "line") napi_set_named_property(env, record, "line", call.toText(fact));
      }
      napi_set_element(env, list, next++, record);
    }
  }
  return list;
}

napi_value setDefaultDevice(const CallInfo& call) {
  const DeviceId id = call.device(0);
  deviceOf(id);  // throws where there is none
  descent::setDefaultDevice(id);
  return nullptr;
}

// A record of the list that `devices` returns.
class DeviceRecord {
 public:
  explicit DeviceRecord(const CallInfo& call) : call_(call) { napi_create_object(call.env(), &record_); }

  void set(const char* key, napi_value value) { napi_set_named_property(call_.env(), record_, key, value); }
  void set(const char* key, const std::string& text) { set(key, call_.toText(text)); }
  void setNumber(const char* key, double number) { set(key, call_.toNumber(number)); }
  void setFlag(const char* key, bool flag) { set(key, call_.toBoolean(flag)); }
  void setList(const char* key, const std::vector<std::string>& texts) {
    napi_value list;
    napi_create_array(call_.env(), &list);
    for (size_t k = 0; k < texts.size(); ++k)
      napi_set_element(call_.env(), list, static_cast<uint32_t>(k), call_.toText(texts[k]));
    set(key, list);
  }
  void fill(const DeviceDescription& device) {
    set("name", nameOf(device.id));
    set("kind", deviceKinds()[static_cast<size_t>(device.id.kind)]);
    setNumber("index", device.id.index);
    set("description", device.name);
    set("backend", device.backend);
    setNumber("memoryBytes", static_cast<double>(device.memoryBytes));
    setNumber("maxAllocationBytes", static_cast<double>(device.maxAllocationBytes));
    setFlag("hasFloat64", device.hasFloat64);
    setFlag("isProcessor", device.isProcessor);
    setList("abilities", device.abilities);
    napi_value null;
    napi_get_null(call_.env(), &null);
    setFlag("usable", true);
    set("reason", null);
  }
  void fill(const UnusableDevice& device) {
    DeviceDescription known;
    known.id = {device.kind, static_cast<uint8_t>(device.index < 0 ? 0 : device.index)};
    known.name = device.name;
    known.hasFloat64 = false;
    known.isProcessor = false;
    fill(known);
    if (device.index < 0) set("name", deviceKinds()[static_cast<size_t>(device.kind)]);
    setNumber("index", device.index);
    setFlag("usable", false);
    set("reason", device.reason);
  }
  napi_value value() const { return record_; }

 private:
  const CallInfo& call_;
  napi_value record_;
};

// What every kind is called; looks for no driver.
napi_value listDeviceKinds(const CallInfo& call) {
  napi_value list;
  napi_create_array(call.env(), &list);
  uint32_t next = 0;
  for (const std::string& kind : deviceKinds()) napi_set_element(call.env(), list, next++, call.toText(kind));
  return list;
}

// Those that can be used, then the others.
napi_value listDevices(const CallInfo& call) {
  napi_value list;
  napi_create_array(call.env(), &list);
  uint32_t next = 0;
  const auto add = [&](const auto& device) {
    DeviceRecord record(call);
    record.fill(device);
    napi_set_element(call.env(), list, next++, record.value());
  };
  for (Device* device : devices()) add(device->describe());
  for (const UnusableDevice& device : unusableDevices()) add(device);
  return list;
}

napi_value sampleDevices(const CallInfo& call) {
  napi_env env = call.env();
  napi_value list;
  napi_create_array(env, &list);
  uint32_t next = 0;
  for (Device* device : devicesInUse()) {
    const DeviceSample sample = device->sample();
    napi_value record;
    napi_create_object(env, &record);
    napi_set_named_property(env, record, "name", call.toText(nameOf(device->describe().id)));
    const std::pair<const char*, double> figures[] = {{"utilisation", sample.utilisation},
                                                      {"celsius", sample.celsius},
                                                      {"watts", sample.watts},
                                                      {"mostWatts", sample.mostWatts},
                                                      {"memoryUsed", sample.memoryUsed}};
    for (const auto& [name, figure] : figures) {
      napi_value value;
      napi_get_null(env, &value);
      napi_set_named_property(env, record, name, figure < 0 ? value : call.toNumber(figure));
    }
    napi_set_element(env, list, next++, record);
  }
  return list;
}

}  // namespace

void addProcessFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "setErrorClass", setErrorClass);
  addFunction(environment, exports, "attachControl", attachControl);
  addFunction(environment, exports, "manualSeed", manualSeed);
  addFunction(environment, exports, "initialSeed", initialSeed);
  addFunction(environment, exports, "getRandomState", getRandomState);
  addFunction(environment, exports, "setRandomState", setRandomState);
  addFunction(environment, exports, "becomeWorker", becomeWorker);
  addFunction(environment, exports, "setNumThreads", setNumThreads);
  addFunction(environment, exports, "getNumThreads", getNumThreads);
  addFunction(environment, exports, "cpuCapability", cpuCapability);
  addFunction(environment, exports, "setCpuCapability", setCpuCapability);
  addFunction(environment, exports, "synchronize", synchronize);
  addFunction(environment, exports, "pendingFaults", pendingFaults);
  addFunction(environment, exports, "setDefaultDevice", setDefaultDevice);
  addFunction(environment, exports, "deviceKinds", listDeviceKinds);
  addFunction(environment, exports, "devices", listDevices);
  addFunction(environment, exports, "deviceSamples", sampleDevices);
}

}  // namespace descent::binding
