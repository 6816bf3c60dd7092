// Optimizer steps over all parameters in one call.
#include <cmath>
#include <limits>

#include "../autograd/autograd.h"
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
  States(const CallInfo& call, size_t i, const char* what, size_t count)
      : call_(call), array_(call[i]), tensors_(count), isNew_(count) {
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
                                              std::vector<States*> states) {
  std::vector<OptimizedParameter> chosen;
  for (size_t k = 0; k < parameters.size(); k++) {
    norms.values[k] = -1;
    const Tensor gradient = gradOf(parameters[k]);
    if (!gradient.isDefined()) continue;
    OptimizedParameter one;
    one.parameter = parameters[k];
    one.gradient = gradient;
    one.squaredNorm = norms.values + k;
    for (size_t s = 0; s < states.size(); s++) one.states[s] = states[s]->at(k);
    chosen.push_back(one);
  }
  return chosen;
}

napi_value runSgd(const CallInfo& call) {
  call.environment.beforeOp(call.name);
  const std::vector<Tensor> parameters = call.tensors(0, "params");
  const double* hyper = doubles(call, 2, "hyper", 6).values;
  const Doubles norms = doubles(call, 3, "squaredNorms", parameters.size());
  const SgdOptions options{hyper[0], hyper[1], hyper[2], hyper[3], hyper[4] != 0, hyper[5] != 0};
  if (call.isMissing(1)) {
    std::vector<OptimizedParameter> chosen = withGradients(parameters, norms, {});
    sgdStep(chosen, options);
    return nullptr;
  }
  States buffers(call, 1, "buffers", parameters.size());
  std::vector<OptimizedParameter> chosen = withGradients(parameters, norms, {&buffers});
  sgdStep(chosen, options);
  buffers.finish();
  return nullptr;
}

napi_value runAdam(const CallInfo& call) {
  call.environment.beforeOp(call.name);
  const std::vector<Tensor> parameters = call.tensors(0, "params");
  const double* hyper = doubles(call, 4, "hyper", 9).values;
  const Doubles norms = doubles(call, 5, "squaredNorms", parameters.size());
  const AdamOptions options{hyper[0], hyper[1],      hyper[2],      hyper[3],     hyper[4],
                            hyper[5], hyper[6] != 0, hyper[7] != 0, hyper[8] != 0};
  if (options.amsgrad && call.isMissing(3)) throw Error("argument", call.name, "amsgrad needs maxExpAvgSq");
  States averages(call, 1, "expAvg", parameters.size());
  States squares(call, 2, "expAvgSq", parameters.size());
  const size_t maxima = options.amsgrad ? 3 : 2;
  States largest(call, maxima, "maxExpAvgSq", parameters.size());
  std::vector<States*> states = {&averages, &squares};
  if (options.amsgrad) states.push_back(&largest);
  std::vector<OptimizedParameter> chosen = withGradients(parameters, norms, states);
  adamStep(chosen, options);
  for (States* state : states) state->finish();
  return nullptr;
}

}  // namespace

void addOptimizerFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "sgdStep", runSgd);
  addFunction(environment, exports, "adamStep", runAdam);
}

}  // namespace descent::binding
