// Integers that decide a shape, such as counts and the places of a mask, between the device and the host.
#include "host.h"

#include "../device/device.h"
#include "launch.h"
#include "ops.h"

namespace descent {

std::vector<int64_t> hostIntegers(const Tensor& x) {
  std::vector<int64_t> values(static_cast<size_t>(x.numel()));
  if (values.empty()) return values;
  const Tensor wide = asContiguous(castTo(copyTo(x, DeviceId()), DType::int64));
  deviceOf(DeviceId()).copyToHost(values.data(), wide.memory(), values.size() * sizeof(int64_t));
  return values;
}

Tensor tensorOf(const std::vector<int64_t>& values, DeviceId device) {
  const Tensor y = emptyTensor(Shape{static_cast<int64_t>(values.size())}, DType::int64, device);
  if (!values.empty())
    deviceOf(device).copyFromHost(y.memory(), values.data(), values.size() * sizeof(int64_t));
  return y;
}

Tensor placesOf(const Tensor& mask) {
  const Tensor dense = asContiguous(mask);
  const Tensor flat = dense.alias(Geometry{Shape{mask.numel()}, dense.geometry().offset});
  const Tensor places = ops::nonzero(flat);  // [count, 1]
  return places.alias(Geometry{Shape{places.size(0)}, places.geometry().offset});
}

}  // namespace descent
