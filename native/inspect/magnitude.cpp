// The largest absolute value of a tensor, by one kernel on the CPU and two on other devices.
#include "magnitude.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "../device/allocator.h"
#include "../ops/launch.h"

namespace descent::inspect {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

const Kernel magnitudeKernel{"magnitude"};
const Kernel greatestKernel{"amax"};
const Kernel leastKernel{"amin"};

// A number of the host as a tensor, which does not own it.
void keepNothing(void*) noexcept {}

template <class To, class From>
To sameBits(From from) {
  static_assert(sizeof(To) == sizeof(From), "bits of one width");
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

double half(uint16_t bits) {
  if (bits > 0x7c00) return kNaN;
  if (bits == 0x7c00) return kInfinity;
  const int exponent = bits >> 10, digits = bits & 0x3ff;
  return exponent == 0 ? std::ldexp(digits, -24) : std::ldexp(digits | 0x400, exponent - 25);
}

double numberOf(DType dtype, int64_t bits) {
  switch (dtype) {
    case DType::float16:
      return half(static_cast<uint16_t>(bits));
    case DType::bfloat16:
      return static_cast<double>(sameBits<float>(static_cast<uint32_t>(bits) << 16));
    case DType::float32:
      return static_cast<double>(sameBits<float>(static_cast<uint32_t>(bits)));
    default:
      return sameBits<double>(bits);
  }
}

double onHost(const Tensor& x) {
  int64_t bits = 0;
  Block block;  // of no allocator
  const Tensor y(new Storage(DeviceId(), Memory{&bits, 0}, sizeof bits, &block, keepNothing),
                 Geometry(Shape{}), DType::int64);
  Launcher(magnitudeKernel, DeviceId()).out(y).in(x).run();
  return numberOf(x.dtype(), bits);
}

// Two numbers on a device, in memory of their own for as long as the process lives.
Tensor pairOn(DeviceId device, DType dtype) {
  static thread_local Tensor pairs[3][16];
  Tensor& pair = pairs[static_cast<int>(device.kind)][device.index % 16];
  constexpr size_t kBytes = 64;
  if (!pair.isDefined() || pair.device() != device) {
    const Memory memory = deviceOf(device).allocate(kBytes);
    if (!memory.handle)
      throw Error("memory", "", "there is no memory on " + nameOf(device) + " to look at it");
    pair = Tensor(new Storage(device, memory, kBytes, new Block, keepNothing), Geometry(Shape{2}), dtype);
  }
  return Tensor(Ref<Storage>(&pair.storage()), Geometry(Shape{2}), dtype);
}

double onDevice(const Tensor& x) {
  const Tensor pair = pairOn(x.device(), x.dtype());
  Geometry first{Shape{}}, second{Shape{}};
  second.offset = 1;
  const int64_t kept = 0;
  Launcher(greatestKernel, x.device()).out(pair, first).in(x).run(nullptr, &kept);
  Launcher(leastKernel, x.device()).out(pair, second).in(x).run(nullptr, &kept);
  uint64_t bytes[2] = {};
  const size_t size = sizeOf(x.dtype());
  deviceOf(x.device()).copyToHost(bytes, pair.memory(), 2 * size);
  double found[2];
  for (int k = 0; k < 2; k++) {
    int64_t bits = 0;
    std::memcpy(&bits, reinterpret_cast<const char*>(bytes) + static_cast<size_t>(k) * size, size);
    const int64_t noSign = static_cast<int64_t>((uint64_t{1} << (8 * size - 1)) - 1);
    found[k] = numberOf(x.dtype(), bits & noSign);
  }
  return std::isnan(found[0]) || std::isnan(found[1]) ? kNaN : std::max(found[0], found[1]);
}

}  // namespace

double magnitudeOf(const Tensor& x) {
  if (!isFloating(x.dtype()) || x.numel() == 0) return 0;
  return x.device() == DeviceId() ? onHost(x) : onDevice(x);
}

void keepMagnitude(const Tensor& x, double magnitude) {
  Storage& storage = x.storage();
  const bool isAll =
      static_cast<size_t>(x.numel()) * sizeOf(x.dtype()) == storage.bytes && !x.geometry().repeatsElements();
  if (!isAll) return;
  storage.magnitude = magnitude;
  storage.magnitudeVersion = storage.version;
}

}  // namespace descent::inspect
