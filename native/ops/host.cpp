// Integers that decide a shape, such as counts and the places of a mask, between the device and the host.
#include "host.h"

#include "../device/device.h"
#include "launch.h"

namespace descent {

std::vector<int64_t> hostIntegers(const Tensor& x) {
  std::vector<int64_t> values(static_cast<size_t>(x.numel()));
  if (values.empty()) return values;
  const Tensor wide = asContiguous(castTo(x, DType::int64));
  deviceOf(x.device()).copyToHost(values.data(), wide.memory(), values.size() * sizeof(int64_t));
  return values;
}

Tensor tensorOf(const std::vector<int64_t>& values, DeviceId device) {
  const Tensor y = emptyTensor(Shape{static_cast<int64_t>(values.size())}, DType::int64, device);
  if (!values.empty())
    deviceOf(device).copyFromHost(y.memory(), values.data(), values.size() * sizeof(int64_t));
  return y;
}

std::vector<int64_t> placesOf(const Tensor& mask) {
  std::vector<uint8_t> bytes(static_cast<size_t>(mask.numel()));
  if (!bytes.empty()) {
    const Tensor dense = asContiguous(mask);
    deviceOf(mask.device()).copyToHost(bytes.data(), dense.memory(), bytes.size());
  }
  std::vector<int64_t> places;
  for (size_t k = 0; k < bytes.size(); k++) {
    if (bytes[k]) places.push_back(static_cast<int64_t>(k));
  }
  return places;
}

}  // namespace descent
