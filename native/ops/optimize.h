// One optimizer step over many parameters at once.
#pragma once

#include <string>
#include <vector>

#include "../tensor/tensor.h"

namespace descent {

constexpr int kMostStates = 3;

// What belongs to one parameter; undefined states are made on the way.
struct OptimizedParameter {
  Tensor parameter;
  Tensor gradient;
  Tensor* states[kMostStates] = {};
  double* squaredNorm = nullptr;
};

struct OptimizerRule;
// By its name in JavaScript ("sgd"); throws where there is none.
const OptimizerRule& optimizerRule(const std::string& name);
// How many numbers its kernel wants, which KERNELS.md lists.
int numbersOf(const OptimizerRule& rule);

// Updates in place, with `states` states for each parameter; those that are undefined begin as zeros. Each
// squaredNorm receives the sum of squares of the gradient.
void optimizerStep(const OptimizerRule& rule, std::vector<OptimizedParameter>& parameters, int states,
                   const double* numbers);
// The norms alone; sets nothing else.
void squaredNorms(std::vector<OptimizedParameter>& parameters);

}  // namespace descent
