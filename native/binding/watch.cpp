// Tells JavaScript what a watch found, with the tensors as the user knows them.
#include "watch.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "../device/allocator.h"
#include "../device/site.h"
#include "../inspect/pins.h"
#include "arguments.h"
#include "environment.h"

namespace descent::binding {

namespace {

const char* nameOf(inspect::Hit::What what) {
  switch (what) {
    case inspect::Hit::What::nan:
      return "NaN";
    case inspect::Hit::What::infinity:
      return "Inf";
    case inspect::Hit::What::written:
      return "written";
    case inspect::Hit::What::allocated:
      return "allocated";
    case inspect::Hit::What::activation:
      return "activation";
  }
  return "";
}

const char* nameOf(inspect::Hit::Phase phase) {
  switch (phase) {
    case inspect::Hit::Phase::forward:
      return "forward";
    case inspect::Hit::Phase::backward:
      return "backward";
    case inspect::Hit::Phase::step:
      return "step";
  }
  return "";
}

// (report): called with what engine/breaks/watch.ts calls a NativeHit.
napi_value setWatcher(const CallInfo& call) {
  call.environment.watch.setFunction(call[0]);
  return nullptr;
}

bool isActivation(const Op& op) {
  for (const char* name : {"relu", "relu6", "sigmoid", "tanh", "hardtanh", "hardsigmoid"}) {
    if (std::strcmp(op.name, name) == 0) return true;
  }
  return false;
}

// (nan, infinity, written, pins, activations): storages that are written to, of tensors and of pins.
napi_value armWatch(const CallInfo& call) {
  inspect::Watch::Wanted wanted;
  wanted.nan = call.boolean(0, "nan");
  wanted.infinity = call.boolean(1, "infinity");
  for (const Tensor& tensor : call.tensors(2, "written"))
    wanted.written.push_back(Ref<Storage>(&tensor.storage()));
  const ArgumentRow row{"pins", ArgumentRow::Kind::integers, true, "", {}, true};
  const Argument pins = readArgument(call, call[3], row);
  for (const int64_t pin : pins.lists->integers) wanted.written.push_back(inspect::pinOf(pin)->value.storage);
  wanted.activations = call.boolean(4, "activations");
  call.environment.watch.arm(std::move(wanted));
  return nullptr;
}

napi_value watchLine(const CallInfo& call) {
  call.environment.watch.watchLine(static_cast<uint32_t>(call.integer(0, "site")));
  return nullptr;
}

}  // namespace

void Watch::setFunction(napi_value function) {
  napi_create_reference(environment_.env, function, 1, &function_);
}

void Watch::close() {
  arm({});
  function_ = nullptr;
}

bool Watch::afterOp(const CallInfo& call, const Op& op, const Arguments& args, const Tensor* made, int count,
                    bool isInPlace) {
  // By far the most often.
  if (areKnownFinite(made, count) && !wanted().activations && wanted().lines.empty() && !hasWritten())
    return false;
  const std::vector<Tensor> outs(made, made + count);
  inspect::Hit hit;
  if (wanted().activations && !outs.empty() && isActivation(op)) {
    hit.what = inspect::Hit::What::activation;
    hit.op = call.name;
    tell(hit, {}, {}, {call[0]});
    hit = {};
  }
  if (!inspect::Watch::afterOp(op, call.name, args, outs, isInPlace, &hit) && !wasWritten(&hit)) return false;
  const size_t first = isInPlace ? 0 : outs.size();
  std::vector<napi_value> inputs, outputs;
  std::vector<std::string> names;
  for (int i = 0; i < args.count; i++) {
    const Argument& argument = args.items[i];
    const napi_value value = call[first + static_cast<size_t>(i)];
    const std::string& name = op.arguments[static_cast<size_t>(i)].name;
    if (argument.isTensor()) {
      inputs.push_back(value);
      names.push_back(name);
    } else if (argument.kind == Argument::Kind::tensors) {
      for (uint32_t k = 0; k < argument.lists->tensors.size(); k++) {
        napi_value element = nullptr;
        napi_get_element(call.env(), value, k, &element);
        inputs.push_back(element);
        names.push_back(name + "[" + std::to_string(k) + "]");
      }
    }
  }
  for (size_t k = 0; k < outs.size(); k++) {
    if (outs[k].isDefined()) outputs.push_back(call[k]);
  }
  tell(hit, inputs, names, outputs);
  return true;
}

bool Watch::afterValues(const Tensor& x, napi_value object) {
  inspect::Hit hit;
  if (!inspect::Watch::afterValues(x, &hit)) return false;
  tell(hit, {}, {}, {object});
  environment_.describe(0, x);
  return true;
}

uint32_t Watch::siteNow() {
  const CallSites::When before = environment_.sites.setWhen(CallSites::When::always);
  const uint32_t site = siteHere();
  environment_.sites.setWhen(before);
  return site;
}

void Watch::changed() {
  if (!function_ || isTelling_) return;
  napi_env env = environment_.env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value function, global, null, result;
  napi_get_null(env, &null);
  napi_get_reference_value(env, function_, &function);
  napi_get_global(env, &global);
  napi_call_function(env, global, function, 1, &null, &result);
  napi_close_handle_scope(env, scope);
}

void Watch::afterCall() {
  inspect::Hit hit;
  if (wasWritten(&hit)) tell(hit);
}

napi_value Watch::tensors(const std::vector<Tensor>& tensors, const std::vector<napi_value>& own) {
  napi_env env = environment_.env;
  napi_value list, factory, global;
  napi_create_array(env, &list);
  napi_get_reference_value(env, environment_.tensorFactory, &factory);
  napi_get_global(env, &global);
  const size_t count = std::max(tensors.size(), own.size());
  for (size_t k = 0; k < count; k++) {
    napi_value object = nullptr;
    if (k < own.size()) {
      object = own[k];
    } else {
      if (napi_call_function(env, global, factory, 0, nullptr, &object) != napi_ok) break;
      CallInfo(environment_, "watch", nullptr, 0).give(object, tensors[k]);
    }
    napi_set_element(env, list, static_cast<uint32_t>(k), object);
  }
  return list;
}

void Watch::tell(const inspect::Hit& hit, const std::vector<napi_value>& inputs,
                 const std::vector<std::string>& names, const std::vector<napi_value>& outputs) {
  napi_env env = environment_.env;
  bool isPending = false;
  if (!function_ || isTelling_ || napi_is_exception_pending(env, &isPending) != napi_ok || isPending) return;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  isTelling_ = true;
  OpWatcher* const ops = opWatcher;
  GradientWatcher* const gradients = gradientWatcher;
  const GradModeGuard mode(gradMode);
  opWatcher = nullptr;
  gradientWatcher = nullptr;

  const CallInfo call(environment_, "watch", nullptr, 0);
  napi_value told, function, global, result, list;
  napi_create_object(env, &told);
  const auto set = [&](const char* key, napi_value value) { napi_set_named_property(env, told, key, value); };
  set("what", call.toText(nameOf(hit.what)));
  set("phase", call.toText(nameOf(hit.phase)));
  set("created", call.toBoolean(hit.isCreated));
  set("given", call.toBoolean(hit.isGiven));
  set("op", call.toText(hit.op));
  set("inner", call.toText(hit.inner));
  set("culprit", call.toNumber(hit.culprit));
  set("cameIn", call.toBoolean(hit.cameIn));
  set("watched", call.toNumber(hit.parameter));
  // A gradient's is that of the forward call, where that is known.
  const bool isGradient = hit.phase == inspect::Hit::Phase::backward;
  set("site", call.toNumber(hit.site || isGradient ? hit.site : siteNow()));
  const Tensor from = hit.culprit >= 0 && static_cast<size_t>(hit.culprit) < hit.inputs.size()
                          ? hit.inputs[static_cast<size_t>(hit.culprit)]
                          : Tensor();
  const Block* block = from.isDefined() ? static_cast<const Block*>(from.storage().block()) : nullptr;
  set("madeAt", call.toNumber(from.isDefined() ? siteOf(from) : 0));
  set("category", call.toNumber(block ? static_cast<int>(block->category) : -1));
  napi_create_array(env, &list);
  for (size_t k = 0; k < names.size(); k++)
    napi_set_element(env, list, static_cast<uint32_t>(k), call.toText(names[k]));
  set("names", list);
  set("inputs", tensors(hit.inputs, inputs));
  set("outputs", tensors(hit.outputs, outputs));
  napi_get_reference_value(env, function_, &function);
  napi_get_global(env, &global);
  napi_call_function(env, global, function, 1, &told, &result);

  // Disarmed meanwhile: stays so.
  opWatcher = inspect::Watch::isArmed() ? (ops ? ops : this) : nullptr;
  gradientWatcher = wanted().nan || wanted().infinity ? (gradients ? gradients : this) : nullptr;
  isTelling_ = false;
  if (napi_is_exception_pending(env, &isPending) == napi_ok && isPending) {
    napi_value ignored;
    napi_get_and_clear_last_exception(env, &ignored);
  }
  napi_close_handle_scope(env, scope);
}

void addWatchFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "setWatcher", setWatcher);
  addFunction(environment, exports, "armWatch", armWatch);
  addFunction(environment, exports, "watchLine", watchLine);
}

}  // namespace descent::binding
