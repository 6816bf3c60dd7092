// Pins: tensors that somebody looks at from another thread while the one they belong to stands still.
//
// A pin keeps memory and how elements lie in it, never a tensor: tensors stay with their thread. A pin and
// the graph are strangers; what is shown of the graph was written down when the pin was made.
#pragma once

#include <memory>
#include <string>

#include "elements.h"

namespace descent::inspect {

struct Pin {
  Elements value;
  bool hasGrad = false;
  Elements grad;
  // Whatever the binding wrote down with the pin.
  std::string note;
};

constexpr size_t kMostPins = 256;
constexpr size_t kMostCopiedBytes = size_t{1} << 30;  // of all copies together

// The number of a new pin; `copies`: of the elements as they are now. Throws Error("memory") where there are
// too many.
int64_t addPin(const Tensor& x, bool copies, std::string note);
// Throws Error("argument") where there is none.
std::shared_ptr<const Pin> pinOf(int64_t number);
// False where there was none.
bool releasePin(int64_t number);

}  // namespace descent::inspect
