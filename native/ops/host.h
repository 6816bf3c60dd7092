// Integers that decide a shape, such as counts and the places of a mask, between the device and the host.
#pragma once

#include <vector>

#include "../tensor/tensor.h"

namespace descent {

// All elements of an integral or bool tensor, in order; waits for the device.
std::vector<int64_t> hostIntegers(const Tensor& x);
// An int64 vector.
Tensor tensorOf(const std::vector<int64_t>& values, DeviceId device);
// The flat places at which a bool tensor holds, in order; waits for the device.
Tensor placesOf(const Tensor& mask);

}  // namespace descent
