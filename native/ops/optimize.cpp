// One optimizer step over many parameters at once: one kernel call for all that are alike.
#include "optimize.h"

#include <cmath>

#include "../device/allocator.h"
#include "launch.h"

namespace descent {

namespace {

const Kernel sgdKernel{"sgdStep"};
const Kernel adamKernel{"adamStep"};

// Parameters that one kernel call can take.
struct Group {
  bool isFirst;
  DType dtype;
  DeviceId device;
  std::vector<OptimizedParameter*> members;
};

std::vector<Group> groupsOf(std::vector<OptimizedParameter>& parameters) {
  std::vector<Group> groups;
  for (OptimizedParameter& one : parameters) {
    const bool isFirst = one.states[0] && !one.states[0]->isDefined();
    const Tensor& parameter = one.parameter;
    Group* found = nullptr;
    for (Group& group : groups) {
      if (group.isFirst == isFirst && group.dtype == parameter.dtype() && group.device == parameter.device())
        found = &group;
    }
    if (!found) {
      groups.push_back({isFirst, parameter.dtype(), parameter.device(), {}});
      found = &groups.back();
    }
    found->members.push_back(&one);
  }
  return groups;
}

void makeState(const OptimizedParameter& one, Tensor& state, const char* op) {
  if (!state.isDefined()) {
    const Category before = setCategory(Category::optimizerState);
    try {
      state = emptyTensor(one.parameter.shape(), one.parameter.dtype(), one.parameter.device());
      fillWith(state, 0);
    } catch (...) {
      setCategory(before);
      throw;
    }
    setCategory(before);
  }
  if (state.shape() != one.parameter.shape() || state.dtype() != one.parameter.dtype() ||
      !state.isContiguous()) {
    throw Error("shape", op,
                "a state of " + state.shape().text() + " does not belong to a parameter of " +
                    one.parameter.shape().text());
  }
}

void runGroup(const Kernel& kernel, const Group& group, int states, const double* numbers,
              const int64_t* integers) {
  const int64_t count = static_cast<int64_t>(group.members.size());
  const Tensor squared = emptyTensor(Shape{count}, DType::float64, group.device);
  Launcher launcher(kernel, group.device);
  launcher.out(squared);
  // Kernels want order in memory; what is not is updated as a copy.
  std::vector<Tensor> parameters, gradients;
  for (OptimizedParameter* one : group.members) {
    if (one->gradient.shape() != one->parameter.shape() || one->gradient.dtype() != one->parameter.dtype()) {
      throw Error(
          "shape", kernel.name(),
          "a gradient does not have the shape and dtype of its parameter, " + one->parameter.shape().text());
    }
    parameters.push_back(asContiguous(one->parameter));
    gradients.push_back(asContiguous(one->gradient));
    launcher.in(parameters.back()).in(gradients.back());
    for (int k = 0; k < states; k++) launcher.in(*one->states[k]);
  }
  launcher.run(numbers, integers);
  std::vector<double> norms(group.members.size());
  deviceOf(group.device).copyToHost(norms.data(), squared.memory(), norms.size() * sizeof(double));
  for (size_t k = 0; k < norms.size(); k++) {
    OptimizedParameter& one = *group.members[k];
    *one.squaredNorm = norms[k];
    if (!parameters[k].isSame(one.parameter)) copyInto(one.parameter, parameters[k]);
    one.parameter.bumpVersion();
  }
}

}  // namespace

void sgdStep(std::vector<OptimizedParameter>& parameters, const SgdOptions& options) {
  const bool hasMomentum = options.momentum != 0 && !parameters.empty() && parameters[0].states[0];
  for (Group& group : groupsOf(parameters)) {
    if (hasMomentum) {
      for (OptimizedParameter* one : group.members) makeState(*one, *one->states[0], "sgdStep");
    }
    const double numbers[] = {options.lr, options.momentum, options.dampening, options.weightDecay};
    const int64_t integers[] = {static_cast<int64_t>(group.members.size()), hasMomentum, options.nesterov,
                                options.maximize, group.isFirst};
    runGroup(sgdKernel, group, hasMomentum ? 1 : 0, numbers, integers);
  }
}

void adamStep(std::vector<OptimizedParameter>& parameters, const AdamOptions& options) {
  const int states = options.amsgrad ? 3 : 2;
  for (Group& group : groupsOf(parameters)) {
    for (OptimizedParameter* one : group.members) {
      for (int k = 0; k < states; k++) makeState(*one, *one->states[k], "adamStep");
    }
    const double numbers[] = {options.lr,
                              options.beta1,
                              options.beta2,
                              options.eps,
                              options.weightDecay,
                              1 - std::pow(options.beta1, options.step),
                              1 - std::pow(options.beta2, options.step)};
    const int64_t integers[] = {static_cast<int64_t>(group.members.size()), options.amsgrad,
                                options.decoupled, options.maximize};
    runGroup(adamKernel, group, states, numbers, integers);
  }
}

}  // namespace descent
