// The addon: what `native` in engine/native.ts is. Loaded once a JavaScript environment (the main thread,
// each worker).
#include <atomic>

#include "../device/allocator.h"
#include "../device/device.h"
#include "../device/site.h"
#include "../device/unpack.h"
#include "environment.h"
#include "guard.h"

namespace descent::binding {

namespace {

struct NamedFunction {
  Environment* environment;
  const char* name;
  Function function;
};

napi_value callFunction(napi_env env, napi_callback_info info) {
  constexpr size_t kMost = 8;
  size_t count = kMost;
  napi_value values[kMost];
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, values, nullptr, &data);
  const NamedFunction& named = *static_cast<NamedFunction*>(data);
  const SiteScope scope(0, named.name);
  return guarded(*named.environment, named.name, [&] {
    named.environment->calls++;
    if (named.environment->sites.isAlways()) siteHere();
    const napi_value result = named.function(CallInfo(*named.environment, named.name, values, count));
    if (named.environment->watch.isArmed()) named.environment->watch.afterCall();
    return result;
  });
}

std::atomic<int> environments{0};

void forget(void* data) {
  // A driver's threads must have nothing left to do when its libraries are taken apart. A main thread that
  // leaves by process.exit does not come here: engine/exit.ts waits then.
  if (environments.fetch_sub(1) == 1) {
    for (Device* device : devicesInUse()) device->drain();
  }
  // The collector of this thread's heap goes with it. The environment itself stays: the collector's last
  // finalizers come after this.
  Environment* environment = static_cast<Environment*>(data);
  environment->collector = nullptr;
  environment->control = nullptr;
  setPressureCallback({});
  setUnpacker({});
  environment->sites.close();
  environment->watch.close();
  environment->references.close();
  environment->handles.attachRows(nullptr, 0, 0);
}

napi_value initialize(napi_env env, napi_value exports) {
  auto* environment = new Environment(env);
  environments.fetch_add(1);
  napi_add_env_cleanup_hook(env, forget, environment);
  return guarded(*environment, "descent", [&] {
    napi_value description;
    napi_get_reference_value(env, environment->descriptionArray, &description);
    napi_set_named_property(env, exports, "description", description);
    addOps(*environment, exports);
    addTensorFunctions(*environment, exports);
    addAutogradFunctions(*environment, exports);
    addFunctionFunctions(*environment, exports);
    addSiteFunctions(*environment, exports);
    addWatchFunctions(*environment, exports);
    addUnpackingFunctions(*environment, exports);
    addOptimizerFunctions(*environment, exports);
    addInspectFunctions(*environment, exports);
    addMemoryFunctions(*environment, exports);
    addByteFunctions(*environment, exports);
    addPinnedFunctions(*environment, exports);
    addSharingFunctions(*environment, exports);
    addPinFunctions(*environment, exports);
    addAnswerFunctions(*environment, exports);
    addProcessFunctions(*environment, exports);
    return exports;
  });
}

}  // namespace

void addFunction(Environment& environment, napi_value object, const char* name, Function function) {
  auto* named = new NamedFunction{&environment, name, function};
  napi_value value;
  napi_create_function(environment.env, name, NAPI_AUTO_LENGTH, callFunction, named, &value);
  napi_set_named_property(environment.env, object, name, value);
}

}  // namespace descent::binding

NAPI_MODULE_INIT() { return descent::binding::initialize(env, exports); }
