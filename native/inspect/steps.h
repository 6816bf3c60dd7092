// How far an optimizer's step can move a parameter: whether its values need a look after it.
#pragma once

#include <string>

#include "../ops/optimize.h"

namespace descent::inspect {

// The most that an element of the parameter moved in the step that `optimizer` ("sgd":
// native/ops/optimize.cpp) has just made with `numbers` (KERNELS.md), when its elements were at most
// `before`; below 0: not known.
double mostMoved(const std::string& optimizer, const OptimizedParameter& one, double before,
                 const double* numbers);

}  // namespace descent::inspect
