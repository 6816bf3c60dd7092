// What the graph calls in JavaScript: hooks on gradients, and the backward of a user's function.
#include <memory>

#include "../autograd/autograd.h"
#include "../autograd/function.h"
#include "../ops/ops.h"
#include "environment.h"
#include "reference.h"

namespace descent::binding {

namespace {

// Handles made while it lives end with it.
class Handles {
 public:
  explicit Handles(napi_env env) : env_(env) { napi_open_handle_scope(env, &scope_); }
  ~Handles() { napi_close_handle_scope(env_, scope_); }
  Handles(const Handles&) = delete;
  Handles& operator=(const Handles&) = delete;

 private:
  napi_env env_;
  napi_handle_scope scope_;
};

// A new Tensor of JavaScript over `tensor`; its fields are not yet read.
napi_value wrapped(const CallInfo& call, const Tensor& tensor) {
  napi_env env = call.env();
  napi_value factory, global, object;
  napi_get_reference_value(env, call.environment.tensorFactory, &factory);
  napi_get_global(env, &global);
  check(call.environment, napi_call_function(env, global, factory, 0, nullptr, &object), call.name);
  call.give(object, tensor);
  return object;
}

class JsHook final : public Hook {
 public:
  JsHook(Environment& environment, napi_value function, uint32_t number)
      : environment_(environment), function_(environment.references, function), number_(number) {
    environment.hooks[number] = this;
  }
  ~JsHook() override { environment_.hooks.erase(number_); }

  Tensor call(const Tensor& gradient) override {
    const CallInfo call(environment_, "registerHook", nullptr, 0);
    const Handles handles(call.env());
    // The hook may switch recording; backward goes on as it was.
    const GradModeGuard mode(gradMode);
    napi_value function = function_.get(), global, result;
    if (!function) {
      throw Error(
          "autograd", "registerHook",
          "a hook was collected, because its tensor was dropped and its graph was used up before; keep "
          "the tensor, or pass { retainGraph: true } to the first backward");
    }
    napi_value given = wrapped(call, gradient);
    napi_get_global(call.env(), &global);
    check(environment_, napi_call_function(call.env(), global, function, 1, &given, &result), call.name);
    napi_valuetype type = napi_undefined;
    napi_typeof(call.env(), result, &type);
    if (type == napi_undefined || type == napi_null) return {};
    return tensorOf(call, result, "what a hook returns");
  }
  bool isRemoved() const override { return isRemoved_; }
  void hold() override { function_.hold(); }
  void letGo() override { function_.letGo(); }
  void remove() { isRemoved_ = true; }

 private:
  Environment& environment_;
  JsReference function_;
  uint32_t number_;
  bool isRemoved_ = false;
};

napi_value addHookTo(const CallInfo& call) {
  const Tensor& x = call.tensor(0);
  const HookKind kind = call.boolean(2, "after") ? HookKind::afterAccumulation : HookKind::gradient;
  const uint32_t number = ++call.environment.lastHook;
  addHook(x, Ref<Hook>(new JsHook(call.environment, call[1], number)), kind);
  return call.toNumber(number);
}

napi_value removeHook(const CallInfo& call) {
  const auto found = call.environment.hooks.find(static_cast<uint32_t>(call.integer(0, "hook")));
  if (found != call.environment.hooks.end()) static_cast<JsHook*>(found->second)->remove();
  return nullptr;
}

// engine/function.ts, FunctionCall: { backward(gradients): gradients, mayBeDropped(): boolean }
class JsBackward final : public ForeignBackward {
 public:
  JsBackward(Environment& environment, napi_value object)
      : environment_(environment), object_(environment.references, object) {
    object_.hold();
  }
  ~JsBackward() override {
    if (isHeld_) object_.letGo();
  }

  std::vector<Tensor> call(FunctionNode& node, const std::vector<Tensor>& gradients,
                           bool createGraph) override {
    const CallInfo call(environment_, "backward", nullptr, 0);
    napi_env env = call.env();
    const Handles handles(env);
    const GradModeGuard mode(gradMode);
    Running running{environment_, {&node, createGraph}, environment_.runningFunction};
    environment_.runningFunction = &running.now;
    napi_value list, null;
    napi_create_array(env, &list);
    napi_get_null(env, &null);
    for (size_t k = 0; k < gradients.size(); k++) {
      napi_set_element(env, list, static_cast<uint32_t>(k),
                       gradients[k].isDefined() ? wrapped(call, gradients[k]) : null);
    }
    napi_value result = method(node.name(), "backward", 1, &list);
    uint32_t length = 0;
    if (napi_get_array_length(env, result, &length) != napi_ok)
      call.failType("what backward returns", "an array", result);
    std::vector<Tensor> got;
    for (uint32_t k = 0; k < length; k++) {
      napi_value element;
      check(environment_, napi_get_element(env, result, k, &element), call.name);
      const CallInfo single(environment_, "backward", &element, 1);
      got.push_back(single.optionalTensor(0, "a gradient that backward returns"));
    }
    return got;
  }

  void graphUsed() override {
    if (!isHeld_) return;
    const Handles handles(environment_.env);
    bool mayBeDropped = false;
    napi_get_value_bool(environment_.env, method("", "mayBeDropped", 0, nullptr), &mayBeDropped);
    if (!mayBeDropped) return;
    isHeld_ = false;
    object_.letGo();
  }

 private:
  struct Running {
    Environment& environment;
    RunningFunction now;
    RunningFunction* before;
    ~Running() { environment.runningFunction = before; }
  };

  napi_value method(const std::string& op, const char* name, size_t count, const napi_value* arguments) {
    napi_env env = environment_.env;
    napi_value object = object_.get(), function, result;
    if (!object) {
      throw Error("autograd", op,
                  "its graph was used up and its outputs were dropped, so its context is gone; pass "
                  "{ retainGraph: true } to the first backward");
    }
    check(environment_, napi_get_named_property(env, object, name, &function), name);
    check(environment_, napi_call_function(env, object, function, count, arguments, &result), name);
    return result;
  }

  Environment& environment_;
  JsReference object_;
  bool isHeld_ = true;
};

FunctionNode& pendingAt(const CallInfo& call, size_t i) {
  const auto found = call.environment.functions.find(static_cast<uint32_t>(call.integer(i, "call")));
  if (found == call.environment.functions.end())
    throw Error("internal", call.name, "no such call of a function is running");
  return static_cast<FunctionNode&>(*found->second);
}

napi_value beginFunction(const CallInfo& call) {
  call.environment.beforeOp(call.name);
  Ref<FunctionNode> node(new FunctionNode(call.text(0, "name")));
  uint32_t length = 0;
  napi_get_array_length(call.env(), call[1], &length);
  for (uint32_t k = 0; k < length; k++) {
    napi_value element;
    check(call.environment, napi_get_element(call.env(), call[1], k, &element), call.name);
    const CallInfo single(call.environment, call.name, &element, 1);
    node->addArgument(single.optionalTensor(0, "an argument"));
  }
  const uint32_t number = ++call.environment.lastFunction;
  call.environment.functions[number] = Ref<Node>(node.get());
  return call.toNumber(number);
}

napi_value abandonFunction(const CallInfo& call) {
  call.environment.functions.erase(static_cast<uint32_t>(call.integer(0, "call")));
  return nullptr;
}

// (call, object, inputs, results, kinds, saved, materializes, outs): gives for each result whether it is a
// new tensor, in its place in `outs`.
napi_value finishFunction(const CallInfo& call) {
  enum Kind : int64_t { differentiable, plain, changed };
  napi_env env = call.env();
  FunctionNode& node = pendingAt(call, 0);
  const Ref<Node> keep(&node);
  call.environment.functions.erase(static_cast<uint32_t>(call.integer(0, "call")));
  const std::vector<Tensor> inputs = call.tensors(2, "inputs");
  const bool isWanted = gradMode && node.isWanted();
  uint32_t length = 0;
  napi_get_array_length(env, call[3], &length);
  std::vector<FunctionNode::Result> results;
  napi_value fresh;
  napi_create_array(env, &fresh);
  for (uint32_t k = 0; k < length; k++) {
    napi_value element, kindValue;
    check(call.environment, napi_get_element(env, call[3], k, &element), call.name);
    check(call.environment, napi_get_element(env, call[4], k, &kindValue), call.name);
    const CallInfo single(call.environment, call.name, &element, 1);
    const int64_t kind = integerOf(call, kindValue, "kind");
    FunctionNode::Result result;
    result.tensor = single.optionalTensor(0, "a result");
    bool isFresh = false;
    if (result.tensor.isDefined()) {
      bool isInput = false;
      for (const Tensor& input : inputs) isInput = isInput || input.isSame(result.tensor);
      result.isChanged = kind == changed && isInput;
      result.isDifferentiable = isWanted && kind != plain && isFloating(result.tensor.dtype());
      // An argument handed through keeps its own history, and what has none must not get one from elsewhere.
      isFresh = !result.isChanged && (isInput || (!result.isDifferentiable && result.tensor.requiresGrad()));
      if (isFresh) {
        // Shows the argument's memory without its history, so a change in place is refused while ops are
        // recorded.
        const Tensor shown = result.tensor;
        result.tensor = shown.alias();
        result.tensor.impl()->viewBase =
            shown.impl()->viewBase ? shown.impl()->viewBase : Ref<TensorImpl>(shown.impl());
        result.tensor.impl()->isQuietView = true;
        napi_value out;
        check(call.environment, napi_get_element(env, call[7], k, &out), call.name);
        call.give(out, result.tensor);
      }
    }
    napi_set_element(env, fresh, k, call.toBoolean(isFresh));
    results.push_back(result);
  }
  if (isWanted) {
    std::vector<Tensor> saved;
    napi_get_array_length(env, call[5], &length);
    for (uint32_t k = 0; k < length; k++) {
      napi_value element;
      check(call.environment, napi_get_element(env, call[5], k, &element), call.name);
      const CallInfo single(call.environment, call.name, &element, 1);
      saved.push_back(single.optionalTensor(0, "a saved tensor"));
    }
    node.finish(results, saved, Ref<ForeignBackward>(new JsBackward(call.environment, call[1])),
                call.boolean(6, "materializes"));
  }
  return fresh;
}

// Wraps what the running backward saved into new Tensors.
napi_value savedOfFunction(const CallInfo& call) {
  const RunningFunction* running = call.environment.runningFunction;
  if (!running) throw Error("autograd", "savedTensors", "they can be read in backward only");
  napi_value list, null;
  napi_create_array(call.env(), &list);
  napi_get_null(call.env(), &null);
  uint32_t next = 0;
  for (const Tensor& tensor : static_cast<FunctionNode*>(running->node)->unpackSaved(running->createGraph)) {
    napi_set_element(call.env(), list, next++, tensor.isDefined() ? wrapped(call, tensor) : null);
  }
  return list;
}

napi_value setTensorFactory(const CallInfo& call) {
  check(call.environment, napi_create_reference(call.env(), call[0], 1, &call.environment.tensorFactory),
        call.name);
  return nullptr;
}

napi_value setAnomaly(const CallInfo& call) {
  anomaly.isOn = call.boolean(0, "isOn");
  anomaly.checksNaN = call.boolean(1, "checksNaN");
  return nullptr;
}

napi_value wantsGradientOf(const CallInfo& call) {
  return call.toBoolean(call.tensor(0).impl()->wantsGradient());
}

}  // namespace

void addFunctionFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "addHook", addHookTo);
  addFunction(environment, exports, "removeHook", removeHook);
  addFunction(environment, exports, "beginFunction", beginFunction);
  addFunction(environment, exports, "abandonFunction", abandonFunction);
  addFunction(environment, exports, "finishFunction", finishFunction);
  addFunction(environment, exports, "savedOfFunction", savedOfFunction);
  addFunction(environment, exports, "setTensorFactory", setTensorFactory);
  addFunction(environment, exports, "setAnomaly", setAnomaly);
  addFunction(environment, exports, "wantsGradient", wantsGradientOf);
}

}  // namespace descent::binding
