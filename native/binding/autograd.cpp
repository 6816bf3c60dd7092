// Gradients: asked for, read and set from JavaScript.
#include "../autograd/autograd.h"

#include "../ops/launch.h"
#include "../ops/ops.h"
#include "arguments.h"
#include "environment.h"

namespace descent::binding {

namespace {

std::vector<Tensor> optionalTensors(const CallInfo& call, size_t i, const char* what) {
  napi_value array = call[i];
  uint32_t length = 0;
  if (napi_get_array_length(call.env(), array, &length) != napi_ok) call.failType(what, "an array", array);
  std::vector<Tensor> tensors;
  for (uint32_t k = 0; k < length; k++) {
    napi_value element;
    check(call.environment, napi_get_element(call.env(), array, k, &element), call.name);
    const CallInfo single(call.environment, call.name, &element, 1);
    tensors.push_back(single.optionalTensor(0, what));
  }
  return tensors;
}

napi_value isLeafOf(const CallInfo& call) { return call.toBoolean(isLeaf(call.tensor(0))); }

napi_value gradFnNameOf(const CallInfo& call) {
  const std::string name = gradFnName(call.tensor(0));
  napi_value null;
  napi_get_null(call.env(), &null);
  return name.empty() ? null : call.toText(name);
}

// [name or null, input, name or null, input, ...]
napi_value nextFunctionsOf(const CallInfo& call) {
  const ArgumentRow row{"path", ArgumentRow::Kind::integers, true, "", {}, true};
  const Argument path = readArgument(call, call[1], row);
  napi_value list, null;
  napi_create_array(call.env(), &list);
  napi_get_null(call.env(), &null);
  uint32_t at = 0;
  for (const auto& [name, index] : nextFunctions(call.tensor(0), path.lists->integers)) {
    napi_set_element(call.env(), list, at++, name.empty() ? null : call.toText(name));
    napi_set_element(call.env(), list, at++, call.toNumber(index));
  }
  return list;
}

napi_value siteOfTensor(const CallInfo& call) { return call.toNumber(siteOf(call.tensor(0))); }

napi_value setLabelOf(const CallInfo& call) {
  setLabel(call.tensor(0), call.text(1, "label"));
  return nullptr;
}

napi_value setRequiresGradOf(const CallInfo& call) {
  setRequiresGrad(call.tensor(0), call.boolean(1, "value"));
  call.environment.describe(0, call.tensor(0));
  return nullptr;
}

napi_value getGrad(const CallInfo& call) {
  const Tensor grad = gradOf(call.tensor(1));
  if (grad.isDefined()) call.give(call[0], grad);
  return call.toBoolean(grad.isDefined());
}

napi_value setGradOf(const CallInfo& call) {
  setGrad(call.tensor(0), call.optionalTensor(1, "grad"));
  return nullptr;
}

napi_value retainGradOf(const CallInfo& call) {
  retainGrad(call.tensor(0));
  return nullptr;
}

// A backward in which JavaScript runs: the mode is the pass's then, whoever waits elsewhere.
class Pass {
 public:
  explicit Pass(Environment& environment) : environment_(environment) { environment_.passes++; }
  ~Pass() { environment_.passes--; }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;

 private:
  Environment& environment_;
};

napi_value detachOf(const CallInfo& call) {
  detachInPlace(call.tensor(0));
  return nullptr;
}

napi_value runBackward(const CallInfo& call) {
  call.environment.beforeOp("backward");
  const Pass pass(call.environment);
  const BackwardOptions options{call.boolean(2, "retainGraph"), call.boolean(3, "createGraph")};
  const std::vector<Tensor> roots = call.tensors(0), gradients = optionalTensors(call, 1, "grads");
  if (call.isMissing(4)) {
    backward(roots, gradients, options);
  } else {
    const std::vector<Tensor> inputs = call.tensors(4, "inputs");
    backward(roots, gradients, options, &inputs);
  }
  return nullptr;
}

napi_value grad(const CallInfo& call) {
  call.environment.beforeOp("grad");
  const Pass pass(call.environment);
  const std::vector<Tensor> inputs = call.tensors(2, "inputs");
  const bool allowUnused = call.boolean(6, "allowUnused");
  const std::vector<Tensor> gradients =
      gradientsOf(call.tensors(1, "outputs"), inputs, optionalTensors(call, 3, "grads"),
                  {call.boolean(4, "retainGraph"), call.boolean(5, "createGraph")});
  napi_value reached;
  napi_create_array(call.env(), &reached);
  for (size_t k = 0; k < gradients.size(); k++) {
    const bool isReached = gradients[k].isDefined();
    if (!isReached && !allowUnused) {
      throw Error("autograd", "grad",
                  "input " + std::to_string(k) +
                      " was not used for the outputs; pass { allowUnused: true } if that is meant");
    }
    const uint32_t index = static_cast<uint32_t>(k);
    napi_set_element(call.env(), reached, index, call.toBoolean(isReached));
    if (!isReached) continue;
    napi_value out;
    check(call.environment, napi_get_element(call.env(), call[0], index, &out), call.name);
    call.give(out, gradients[k]);
  }
  return reached;
}

napi_value setGradEnabled(const CallInfo& call) {
  const bool before = gradMode;
  gradMode = call.boolean(0, "enabled");
  return call.toBoolean(before);
}

napi_value isGradEnabled(const CallInfo& call) {
  call.environment.readModes();
  return call.toBoolean(gradMode);
}

napi_value setInferenceMode(const CallInfo& call) {
  const bool before = inferenceMode;
  inferenceMode = call.boolean(0, "infers");
  return call.toBoolean(before);
}

napi_value isInferenceOf(const CallInfo& call) { return call.toBoolean(call.tensor(0).impl()->isInference); }

napi_value setModeReader(const CallInfo& call) {
  check(call.environment, napi_create_reference(call.env(), call[0], 1, &call.environment.modeReader),
        call.name);
  return nullptr;
}

napi_value setReadsModes(const CallInfo& call) {
  call.environment.readsModes = call.boolean(0, "reads");
  return nullptr;
}

napi_value zeroGrad(const CallInfo& call) {
  const bool setToNone = call.boolean(1, "setToNone");
  for (const Tensor& parameter : call.tensors(0, "params")) {
    const Tensor gradient = gradOf(parameter);
    if (!gradient.isDefined()) continue;
    if (setToNone) {
      setGrad(parameter, Tensor());
    } else {
      fillWith(gradient, 0);
      noteChange(gradient, "zeroGrad");
    }
  }
  return nullptr;
}

}  // namespace

void addAutogradFunctions(Environment& environment, napi_value exports) {
  installAutograd();
  addFunction(environment, exports, "isLeaf", isLeafOf);
  addFunction(environment, exports, "gradFnName", gradFnNameOf);
  addFunction(environment, exports, "nextFunctions", nextFunctionsOf);
  addFunction(environment, exports, "siteOf", siteOfTensor);
  addFunction(environment, exports, "setLabel", setLabelOf);
  addFunction(environment, exports, "setRequiresGrad", setRequiresGradOf);
  addFunction(environment, exports, "getGrad", getGrad);
  addFunction(environment, exports, "setGrad", setGradOf);
  addFunction(environment, exports, "retainGrad", retainGradOf);
  addFunction(environment, exports, "detachInPlace", detachOf);
  addFunction(environment, exports, "backward", runBackward);
  addFunction(environment, exports, "grad", grad);
  addFunction(environment, exports, "setGradEnabled", setGradEnabled);
  addFunction(environment, exports, "isGradEnabled", isGradEnabled);
  addFunction(environment, exports, "setInferenceMode", setInferenceMode);
  addFunction(environment, exports, "isInference", isInferenceOf);
  addFunction(environment, exports, "setModeReader", setModeReader);
  addFunction(environment, exports, "readModes", setReadsModes);
  addFunction(environment, exports, "zeroGrad", zeroGrad);
}

}  // namespace descent::binding
