// The largest absolute value of a tensor, at the speed of reading it: as integers, floating-point numbers
// without their signs are in the order of their sizes, infinity above all numbers and NaN above infinity.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int kLanes = 64;
constexpr int64_t kTile = 4096;  // elements

// The largest of `count` numbers as bits without their signs; the sign bit of `most` is clear.
template <class Bits>
Bits largest(const Bits* values, int64_t count, Bits most) {
  constexpr Bits kNoSign = static_cast<Bits>(static_cast<Bits>(~Bits(0)) >> 1);
  Bits lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    DESCENT_VECTORIZE
    for (int lane = 0; lane < kLanes; ++lane) {
      const Bits value = static_cast<Bits>(values[i + lane] & kNoSign);
      lanes[lane] = lanes[lane] > value ? lanes[lane] : value;
    }
  }
  for (; i < count; ++i) {
    const Bits value = static_cast<Bits>(values[i] & kNoSign);
    most = most > value ? most : value;
  }
  for (const Bits lane : lanes) most = most > lane ? most : lane;
  return most;
}

template <class Bits>
int64_t largestOf(const Operand& x) {
  const int64_t count = elements(x);
  if (!isContiguous(x)) {
    auto* tile = static_cast<Bits*>(scratch(0, static_cast<size_t>(kTile) * sizeof(Bits)));
    Bits most = 0;
    for (int64_t begin = 0; begin < count; begin += kTile) {
      const int64_t size = least(kTile, count - begin);
      gatherRange(x, begin, size, tile);
      most = largest(tile, size, most);
    }
    return static_cast<int64_t>(most);
  }
  const Bits* values = pointerTo<Bits>(x);
  const int64_t block = 8 * kGrain;
  const int64_t blocks = (count + block - 1) / block;
  auto* parts = static_cast<Bits*>(scratch(1, static_cast<size_t>(blocks + 1) * sizeof(Bits)));
  parallel(blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k)
      parts[k] = largest(values + k * block, least(block, count - k * block), Bits(0));
  });
  Bits most = 0;
  for (int64_t k = 0; k < blocks; ++k) most = most > parts[k] ? most : parts[k];
  return static_cast<int64_t>(most);
}

// bits int64 []; x
void magnitude(const Call& call, const void*) {
  const Operand& x = call.operands[1];
  int64_t* bits = pointerTo<int64_t>(call.operands[0]);
  switch (bytesPerElement(x.dtype)) {
    case 2:
      *bits = largestOf<uint16_t>(x);
      return;
    case 4:
      *bits = largestOf<uint32_t>(x);
      return;
    default:
      *bits = largestOf<uint64_t>(x);
  }
}

const Kernel kKernels[] = {{"magnitude", kFloating | kHalves, magnitude, nullptr}};

}  // namespace

extern const KernelTable magnitudeKernels;
const KernelTable magnitudeKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
