// What new tensors have in common: the options dtype, device and requiresGrad.
#pragma once

#include "launch.h"

namespace descent {

struct TensorOptions {
  DType dtype;
  DeviceId device;
  bool requiresGrad;
};

// Reads dtype and device from arguments i and i + 1, and requiresGrad from i + 2 where there is one.
TensorOptions optionsOf(const Call& call, int i, DType otherwise);
// Puts the finished tensor into output 0.
void finishCreation(Call& call, const Tensor& y, const TensorOptions& options);
// Where this thread makes tensors that are not told where: the CPU, until it is set.
DeviceId defaultDevice();
void setDefaultDevice(DeviceId device);
// "cpu", "cuda:0", "gpu" (the first device that is not the CPU).
DeviceId parseDevice(const char* op, const std::string& name);

}  // namespace descent
