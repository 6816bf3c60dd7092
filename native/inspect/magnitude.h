// The largest absolute value of a tensor: infinity and NaN where it has such elements.
#pragma once

#include "../tensor/tensor.h"

namespace descent::inspect {

// NaN where an element is one, else the largest absolute value. Reads every element; on a GPU it waits. 0 for
// tensors that are not floating or have no elements. Takes no memory of the caching allocator.
double magnitudeOf(const Tensor& x);

// What is known without reading: no element of x is larger; below 0: nothing is.
inline double knownMagnitude(const Tensor& x) {
  const Storage& storage = x.storage();
  return storage.magnitudeVersion == storage.version ? storage.magnitude : -1;
}
// Keeps what was found out about x with its memory, where x is all of it.
void keepMagnitude(const Tensor& x, double magnitude);

}  // namespace descent::inspect
