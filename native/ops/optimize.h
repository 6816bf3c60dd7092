// One optimizer step over many parameters at once.
#pragma once

#include <vector>

#include "../tensor/tensor.h"

namespace descent {

struct SgdOptions {
  double lr, momentum, dampening, weightDecay;
  bool nesterov, maximize;
};

struct AdamOptions {
  double lr, beta1, beta2, eps, weightDecay, step;
  bool amsgrad, decoupled, maximize;
};

// What belongs to one parameter; undefined states are made on the way.
struct OptimizedParameter {
  Tensor parameter;
  Tensor gradient;
  Tensor* states[3] = {nullptr, nullptr, nullptr};
  double* squaredNorm = nullptr;
};

// Updates in place. Each state that is undefined becomes the first one; each squaredNorm receives the sum of
// squares of the gradient.
void sgdStep(std::vector<OptimizedParameter>& parameters, const SgdOptions& options);
void adamStep(std::vector<OptimizedParameter>& parameters, const AdamOptions& options);

}  // namespace descent
