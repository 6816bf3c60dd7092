// Optimizer steps over all parameters in one call.
#include <algorithm>
#include <limits>

#include "../autograd/autograd.h"
#include "../inspect/magnitude.h"
#include "../inspect/steps.h"
#include "../ops/optimize.h"
#include "environment.h"
#include "typed_array.h"

namespace descent::binding {

namespace {

struct Doubles {
  double* values;
  size_t count;
};

Doubles doubles(const CallInfo& call, size_t i, const char* what, size_t least) {
  const ArrayInfo array = readTypedArray(call.env(), call[i]);
  if (!array.holds(napi_float64_array, least)) {
    throw Error("argument", call.name,
                std::string(what) + " must be a Float64Array of " + std::to_string(least) + " numbers");
  }
  return {static_cast<double*>(array.data), array.length};
}

// The states of one kind, one a parameter: a Tensor that is not wrapped yet gets the state made for it.
class States {
 public:
  States(const CallInfo& call, napi_value list, const char* what, size_t count)
      : call_(call), array_(list), tensors_(count), isNew_(count) {
    uint32_t length = 0;
    if (napi_get_array_length(call.env(), array_, &length) != napi_ok || length < count)
      call.failType(what, "an array with one tensor a parameter", array_);
    for (size_t k = 0; k < count; k++) {
      napi_value object;
      check(call.environment, napi_get_element(call.env(), array_, static_cast<uint32_t>(k), &object),
            call.name);
      void* data = nullptr;
      isNew_[k] = napi_unwrap(call.env(), object, &data) != napi_ok;
      if (!isNew_[k]) tensors_[k] = tensorOf(call, object, what);
    }
  }
  Tensor* at(size_t k) { return &tensors_[k]; }
  // Hands the states that were made to their objects.
  void finish() {
    for (size_t k = 0; k < tensors_.size(); k++) {
      if (!isNew_[k] || !tensors_[k].isDefined()) continue;
      napi_value object;
      check(call_.environment, napi_get_element(call_.env(), array_, static_cast<uint32_t>(k), &object),
            call_.name);
      call_.give(object, tensors_[k]);
    }
  }

 private:
  const CallInfo& call_;
  napi_value array_;
  std::vector<Tensor> tensors_;
  std::vector<bool> isNew_;
};

// Those parameters that have a gradient; the squared norm of the others is -1, because NaN is a norm too.
std::vector<OptimizedParameter> withGradients(const std::vector<Tensor>& parameters, const Doubles& norms,
                                              std::vector<States>& states) {
  std::vector<OptimizedParameter> chosen;
  for (size_t k = 0; k < parameters.size(); k++) {
    norms.values[k] = -1;
    const Tensor gradient = gradOf(parameters[k]);
    if (!gradient.isDefined()) continue;
    norms.values[k] = 0;
    OptimizedParameter one;
    one.parameter = parameters[k];
    one.gradient = gradient;
    one.squaredNorm = norms.values + k;
    for (size_t s = 0; s < states.size(); s++) one.states[s] = states[s].at(k);
    chosen.push_back(one);
  }
  return chosen;
}

// Keeps what a device works out, and the array call[at] that it goes into.
void keepNorms(const CallInfo& call, size_t at, std::vector<NormsOnDevice>& later) {
  for (NormsOnDevice& norms : later) {
    napi_ref array;
    check(call.environment, napi_create_reference(call.env(), call[at], 1, &array), call.name);
    call.environment.norms.push_back({array, std::move(norms)});
  }
}

// What a watch for NaN wants to know of a step: most need no look at the parameters (inspect/steps.h).
class StepWatch {
 public:
  StepWatch(Watch& watch, const std::vector<OptimizedParameter>& chosen) : watch_(watch) {
    if (!watch.isArmed()) return;
    for (const OptimizedParameter& one : chosen)
      updates_.push_back({one.parameter, one.gradient, inspect::knownMagnitude(one.parameter), -1});
  }
  void afterStep(const CallInfo& call, const std::vector<OptimizedParameter>& chosen, const double* numbers) {
    if (!watch_.isArmed()) return;
    const std::string optimizer = call.text(0, "the optimizer");
    for (size_t k = 0; k < updates_.size(); k++)
      updates_[k].most = inspect::mostMoved(optimizer, chosen[k], updates_[k].before, numbers);
    inspect::Hit hit;
    if (!watch_.afterStep(updates_, &hit)) return;
    hit.op = optimizer;
    // The parameter as the user knows it, by its place among those that were given.
    const std::vector<Tensor> parameters = call.tensors(1, "params");
    uint32_t place = 0;
    while (place < parameters.size() && !parameters[place].isSame(hit.outputs[0])) place++;
    napi_value object;
    check(call.environment, napi_get_element(call.env(), call[1], place, &object), call.name);
    watch_.tell(hit, {object}, {"parameter", "gradient"}, {object});
  }

 private:
  Watch& watch_;
  std::vector<inspect::Watch::Update> updates_;
};

napi_value runStep(const CallInfo& call) {
  call.environment.beforeOp(call.name);
  const OptimizerRule& rule = optimizerRule(call.text(0, "the optimizer"));
  const std::vector<Tensor> parameters = call.tensors(1, "params");
  uint32_t kinds = 0;
  if (napi_get_array_length(call.env(), call[2], &kinds) != napi_ok || kinds > kMostStates)
    call.failType("states", "an array of at most three arrays of tensors", call[2]);
  std::vector<States> states;
  states.reserve(kinds);
  for (uint32_t k = 0; k < kinds; k++) {
    napi_value list;
    check(call.environment, napi_get_element(call.env(), call[2], k, &list), call.name);
    states.emplace_back(call, list, "states", parameters.size());
  }
  const double* numbers = doubles(call, 3, "numbers", static_cast<size_t>(numbersOf(rule))).values;
  const Doubles norms = doubles(call, 4, "squaredNorms", parameters.size());
  std::vector<OptimizedParameter> chosen = withGradients(parameters, norms, states);
  StepWatch watched(call.environment.watch, chosen);
  std::vector<NormsOnDevice> later;
  optimizerStep(rule, chosen, static_cast<int>(kinds), numbers,
                call.boolean(5, "wantsNorms") ? &later : nullptr);
  keepNorms(call, 4, later);
  for (States& each : states) each.finish();
  watched.afterStep(call, chosen, numbers);
  return nullptr;
}

napi_value gradientNorms(const CallInfo& call) {
  const std::vector<Tensor> parameters = call.tensors(0, "params");
  const Doubles norms = doubles(call, 1, "squaredNorms", parameters.size());
  std::vector<States> none;
  std::vector<OptimizedParameter> chosen = withGradients(parameters, norms, none);
  std::vector<NormsOnDevice> later;
  squaredNorms(chosen, &later);
  keepNorms(call, 1, later);
  return nullptr;
}

// Tensors of one device and dtype, as the engine makes sure of; checked all the same.
std::vector<Tensor> alike(const CallInfo& call) {
  const std::vector<Tensor> tensors = call.tensors(0);
  for (const Tensor& tensor : tensors) {
    const bool isFull = tensor.dtype() == DType::float32 || tensor.dtype() == DType::float64;
    if (!isFull || tensor.dtype() != tensors[0].dtype() || tensor.device() != tensors[0].device())
      throw Error("argument", call.name, "the tensors must be of one device, and all float32 or all float64");
  }
  if (tensors.empty()) throw Error("argument", call.name, "there are no tensors");
  return tensors;
}

napi_value normOfAll(const CallInfo& call) {
  call.environment.beforeOp(call.name);
  call.give(call[1], totalNorm(alike(call)));
  return nullptr;
}

napi_value clipAll(const CallInfo& call) {
  call.environment.beforeOp(call.name);
  const std::vector<Tensor> tensors = alike(call);
  const Tensor& norm = call.tensor(1, "the norm");
  bool fits = norm.numel() == 1 && norm.dtype() == tensors[0].dtype() && norm.device() == tensors[0].device();
  for (const Tensor& tensor : tensors) fits = fits && tensor.isContiguous();
  if (!fits)
    throw Error("argument", call.name, "the tensors must be contiguous, the norm one number like theirs");
  // Made smaller, if anything: what is known of them holds on.
  std::vector<double> known;
  for (const Tensor& tensor : tensors) known.push_back(inspect::knownMagnitude(tensor));
  clipByNorm(tensors, norm, call.number(2, "the bound"));
  const bool isFinite = std::all_of(known.begin(), known.end(), [](double most) {
    return most >= 0 && most < std::numeric_limits<double>::infinity();
  });
  for (size_t k = 0; isFinite && k < tensors.size(); k++) inspect::keepMagnitude(tensors[k], known[k]);
  return nullptr;
}

napi_value readPendingNorms(const CallInfo& call) {
  const std::vector<PendingNorms> pending = std::move(call.environment.norms);
  call.environment.norms.clear();
  for (const PendingNorms& each : pending) {
    napi_delete_reference(call.env(), each.array);
    readNorms(each.norms);
  }
  return nullptr;
}

}  // namespace

void addOptimizerFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "optimizerStep", runStep);
  addFunction(environment, exports, "gradientNorms", gradientNorms);
  addFunction(environment, exports, "readNorms", readPendingNorms);
  addFunction(environment, exports, "totalNorm", normOfAll);
  addFunction(environment, exports, "clipByNorm", clipAll);
}

}  // namespace descent::binding
