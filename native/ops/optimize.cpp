// One optimizer step over many parameters at once: one kernel call for all that are alike.
#include "optimize.h"

#include "../device/allocator.h"
#include "launch.h"

namespace descent {

// Another optimizer is a row here, a kernel, and a class in engine/optim.
struct OptimizerRule {
  const char* name;
  int numbers;
  Kernel kernel;
};

namespace {

const OptimizerRule rules[] = {
    {"sgd", 6, Kernel{"sgdStep"}},           {"adam", 8, Kernel{"adamStep"}},
    {"rmsprop", 7, Kernel{"rmspropStep"}},   {"adagrad", 4, Kernel{"adagradStep"}},
    {"adadelta", 5, Kernel{"adadeltaStep"}}, {"nadam", 9, Kernel{"nadamStep"}},
    {"radam", 8, Kernel{"radamStep"}},
};

const Kernel normsKernel{"norms"};
const Kernel totalNormKernel{"totalNorm"};
const Kernel clipByNormKernel{"clipByNorm"};

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

void requireTogether(const Tensor& parameter, const Tensor& other, const char* what, const char* op) {
  if (other.device() == parameter.device()) return;
  throw Error("device", op,
              std::string(what) + " is on " + nameOf(other.device()) + " and its parameter on " +
                  nameOf(parameter.device()) +
                  "; move the model before the optimizer's first step, or load the optimizer's state again");
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
  requireTogether(one.parameter, state, "a state", op);
  if (state.shape() != one.parameter.shape() || state.dtype() != one.parameter.dtype() ||
      !state.isContiguous()) {
    throw Error("shape", op,
                "a state of " + state.shape().text() + " does not belong to a parameter of " +
                    one.parameter.shape().text());
  }
}

// The parameters of one call, as its kernel takes them: in order in memory. What is not is updated as a copy.
void runGroup(const Kernel& kernel, const Group& group, int states, bool isUpdate, const double* numbers,
              std::vector<NormsOnDevice>* later) {
  const int64_t count = static_cast<int64_t>(group.members.size());
  const Tensor squared = emptyTensor(Shape{count}, DType::float64, group.device);
  Launcher launcher(kernel, group.device);
  launcher.out(squared);
  std::vector<Tensor> parameters, gradients;
  for (OptimizedParameter* one : group.members) {
    gradients.push_back(asContiguous(one->gradient));
    if (isUpdate) {
      if (one->gradient.shape() != one->parameter.shape() ||
          one->gradient.dtype() != one->parameter.dtype()) {
        throw Error("shape", kernel.name(),
                    "a gradient does not have the shape and dtype of its parameter, " +
                        one->parameter.shape().text());
      }
      requireTogether(one->parameter, one->gradient, "a gradient", kernel.name());
      parameters.push_back(asContiguous(one->parameter));
      launcher.in(parameters.back());
    }
    launcher.in(gradients.back());
    for (int k = 0; k < states; k++) launcher.in(*one->states[k]);
  }
  const int64_t integers[] = {count, states, group.isFirst};
  launcher.run(numbers, integers);
  NormsOnDevice norms{squared, {}};
  for (OptimizedParameter* one : group.members) norms.into.push_back(one->squaredNorm);
  // Nobody waits for a device that works on its own.
  if (group.device.kind == DeviceKind::cpu) {
    readNorms(norms);
  } else if (later) {
    later->push_back(std::move(norms));
  }
  for (size_t k = 0; isUpdate && k < parameters.size(); k++) {
    OptimizedParameter& one = *group.members[k];
    if (!parameters[k].isSame(one.parameter)) copyInto(one.parameter, parameters[k]);
    noteChange(one.parameter, kernel.name());
  }
}

}  // namespace

const OptimizerRule& optimizerRule(const std::string& name) {
  for (const OptimizerRule& rule : rules) {
    if (name == rule.name) return rule;
  }
  throw Error("argument", "optimizerStep", "there is no optimizer '" + name + "'");
}

int numbersOf(const OptimizerRule& rule) { return rule.numbers; }

void optimizerStep(const OptimizerRule& rule, std::vector<OptimizedParameter>& parameters, int states,
                   const double* numbers, std::vector<NormsOnDevice>* later) {
  for (Group& group : groupsOf(parameters)) {
    for (OptimizedParameter* one : group.members) {
      for (int k = 0; k < states; k++) makeState(*one, *one->states[k], rule.kernel.name());
    }
    runGroup(rule.kernel, group, states, true, numbers, later);
  }
}

void squaredNorms(std::vector<OptimizedParameter>& parameters, std::vector<NormsOnDevice>* later) {
  for (Group& group : groupsOf(parameters)) runGroup(normsKernel, group, 0, false, nullptr, later);
}

Tensor totalNorm(const std::vector<Tensor>& tensors) {
  const Tensor y = emptyTensor(Shape{}, tensors[0].dtype(), tensors[0].device());
  Launcher launcher(totalNormKernel, y.device());
  launcher.out(y);
  std::vector<Tensor> inOrder;
  for (const Tensor& tensor : tensors) {
    inOrder.push_back(asContiguous(tensor));
    launcher.in(inOrder.back());
  }
  launcher.run();
  return y;
}

void clipByNorm(const std::vector<Tensor>& tensors, const Tensor& norm, double most) {
  Launcher launcher(clipByNormKernel, norm.device());
  for (const Tensor& tensor : tensors) launcher.out(tensor);
  launcher.in(norm).run(&most);
  for (const Tensor& tensor : tensors) noteChange(tensor, clipByNormKernel.name());
}

void readNorms(const NormsOnDevice& norms) {
  std::vector<double> values(norms.into.size());
  deviceOf(norms.squared.device())
      .copyToHost(values.data(), norms.squared.memory(), values.size() * sizeof(double));
  for (size_t k = 0; k < values.size(); k++) *norms.into[k] = values[k];
}

}  // namespace descent
