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

// Norms that a device has not worked out yet, and where they go.
struct NormsOnDevice {
  Tensor squared;
  std::vector<double*> into;
};

struct OptimizerRule;
// By its name in JavaScript ("sgd"); throws where there is none.
const OptimizerRule& optimizerRule(const std::string& name);
// How many numbers its kernel wants, which KERNELS.md lists.
int numbersOf(const OptimizerRule& rule);

// Updates in place, with `states` states for each parameter; those that are undefined begin as zeros. Each
// squaredNorm receives the sum of squares of the gradient: at once on the CPU; those of other devices go to
// `later`, which readNorms() waits for, or are not read where that is null.
void optimizerStep(const OptimizerRule& rule, std::vector<OptimizedParameter>& parameters, int states,
                   const double* numbers, std::vector<NormsOnDevice>* later);
// The norms alone; sets nothing else.
void squaredNorms(std::vector<OptimizedParameter>& parameters, std::vector<NormsOnDevice>* later);
void readNorms(const NormsOnDevice& norms);

// The norm of all as one vector, and all times what brings it down to `most`, in place: on their device,
// without waiting for it. Of one device and dtype, float32 or float64; those that are clipped are contiguous.
Tensor totalNorm(const std::vector<Tensor>& tensors);
void clipByNorm(const std::vector<Tensor>& tensors, const Tensor& norm, double most);

}  // namespace descent
