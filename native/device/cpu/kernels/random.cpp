// Random numbers by counting: element k of a draw is a function of (seed, offset + k) alone, so that it does
// not matter how many threads or which device make it. Philox 4x32-10: Salmon, Moraes, Dror, Shaw, 'Parallel
// random numbers: as easy as 1, 2, 3' (2011).
//
// The counter is (offset + k) / 4 in its low 64 bits, the lane of the result (offset + k) % 4. Draws that
// need more than 32 bits take the same lane of a second block, whose counter has 1 in its high half.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kGroups = 256;  // blocks of four made at a time

// Binary digits of a number just below 1.
constexpr int digitsOf(float) { return 24; }
constexpr int digitsOf(Half) { return 11; }
constexpr int digitsOf(BFloat16) { return 8; }

struct Stream {
  uint64_t seed, offset;
};

Stream streamOf(const Call& call) {
  return {static_cast<uint64_t>(call.integers[0]), static_cast<uint64_t>(call.integers[1])};
}

// to[4 g + lane] for `groups` counters from `counter` on.
void philox(uint64_t seed, uint64_t counter, uint32_t high, int64_t groups, uint32_t* to) {
  const uint32_t firstKey0 = static_cast<uint32_t>(seed), firstKey1 = static_cast<uint32_t>(seed >> 32);
  DESCENT_VECTORIZE
  for (int64_t g = 0; g < groups; ++g) {
    const uint64_t position = counter + static_cast<uint64_t>(g);
    uint32_t c0 = static_cast<uint32_t>(position), c1 = static_cast<uint32_t>(position >> 32), c2 = high,
             c3 = 0;
    uint32_t key0 = firstKey0, key1 = firstKey1;
    for (int round = 0; round < 10; ++round) {
      const uint64_t product0 = uint64_t{0xD2511F53} * c0;
      const uint64_t product1 = uint64_t{0xCD9E8D57} * c2;
      c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ key0;
      c1 = static_cast<uint32_t>(product1);
      c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ key1;
      c3 = static_cast<uint32_t>(product0);
      key0 += 0x9E3779B9;
      key1 += 0xBB67AE85;
    }
    to[4 * g] = c0;
    to[4 * g + 1] = c1;
    to[4 * g + 2] = c2;
    to[4 * g + 3] = c3;
  }
}

// make(first element, elements, bits, more bits) for pieces of [0, count); `more` only where the draw is
// wide.
template <class Make>
void draw(const Stream& stream, int64_t count, bool isWide, const Make& make) {
  parallel(count, kGrain / 4, [&](int64_t begin, int64_t end) {
    uint32_t bits[4 * kGroups], more[4 * kGroups];
    int64_t at = begin;
    while (at < end) {
      const uint64_t position = stream.offset + static_cast<uint64_t>(at);
      const int64_t lane = static_cast<int64_t>(position % 4);
      const int64_t size = least(4 * kGroups - lane, end - at);
      const int64_t groups = (lane + size + 3) / 4;
      philox(stream.seed, position / 4, 0, groups, bits);
      if (isWide) philox(stream.seed, position / 4, 1, groups, more);
      make(at, size, bits + lane, more + lane);
      at += size;
    }
  });
}

inline uint64_t highProduct(uint64_t a, uint64_t b) {
  return static_cast<uint64_t>((static_cast<unsigned __int128>(a) * b) >> 64);
}

// Rounded once, whatever the instruction set: every device has the same numbers.
inline float multiplyAdd(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
inline double multiplyAdd(double a, double b, double c) { return __builtin_fma(a, b, c); }

// In [0, 1), every value a multiple of the spacing just below 1 in T, so that none is rounded up to 1.
template <class T>
inline Accumulate<T> fraction(uint32_t bits, uint32_t more) {
  if constexpr (sizeof(T) == 8) {
    return static_cast<double>((uint64_t{bits} << 21) ^ (more >> 11)) * 0x1p-53;
  } else {
    constexpr int kDigits = digitsOf(T());
    return static_cast<float>(bits >> (32 - kDigits)) * (1.0f / (uint32_t{1} << kDigits));
  }
}

template <class T>
void uniformAs(const Call& call) {
  using C = Accumulate<T>;
  const Operand& y = call.operands[0];
  const C low = static_cast<C>(call.numbers[0]), high = static_cast<C>(call.numbers[1]);
  T* to = pointerTo<T>(y);
  draw(streamOf(call), elements(y), sizeof(T) == 8,
       [&](int64_t first, int64_t count, const uint32_t* a, const uint32_t* b) {
         for (int64_t i = 0; i < count; ++i) {
           const C x = multiplyAdd(high - low, fraction<T>(a[i], sizeof(T) == 8 ? b[i] : 0), low);
           to[first + i] = x;
           // Rounding may reach the end, which does not belong to it.
           if (static_cast<C>(to[first + i]) >= high) to[first + i] = low;
         }
       });
}

void uniform(const Call& call, const void*) {
  switch (call.operands[0].dtype) {
    case DType::float16:
      return uniformAs<Half>(call);
    case DType::bfloat16:
      return uniformAs<BFloat16>(call);
    case DType::float32:
      return uniformAs<float>(call);
    default:
      return uniformAs<double>(call);
  }
}

// Box and Muller (1958), the cosine half.
void normal(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  withFloating(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    const double mean = call.numbers[0], deviation = call.numbers[1];
    T* to = pointerTo<T>(y);
    draw(streamOf(call), elements(y), true,
         [&](int64_t first, int64_t count, const uint32_t* a, const uint32_t* b) {
           for (int64_t i = 0; i < count; ++i) {
             const double u = (static_cast<double>(a[i]) + 0.5) * 0x1p-32;
             const double angle = static_cast<double>(b[i]) * (6.283185307179586 * 0x1p-32);
             const double radius = deviation * sqrt_(-2.0 * log_(u));
             to[first + i] = static_cast<T>(multiplyAdd(radius, cos_(angle), mean));
           }
         });
  });
}

void bernoulli(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const double p = call.numbers[0];
  withAny(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    T* to = pointerTo<T>(y);
    draw(streamOf(call), elements(y), false,
         [&](int64_t first, int64_t count, const uint32_t* a, const uint32_t*) {
           for (int64_t i = 0; i < count; ++i) to[first + i] = T(static_cast<double>(a[i]) * 0x1p-32 < p);
         });
  });
}

// Integers in [low, high): the high half of bits times range, so that what does not divide evenly is spread
// over the whole range (Lemire, 2019).
void randint(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const int64_t low = call.integers[2];
  const uint64_t range = static_cast<uint64_t>(call.integers[3]) - static_cast<uint64_t>(low);
  withAny(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    T* to = pointerTo<T>(y);
    draw(streamOf(call), elements(y), true,
         [&](int64_t first, int64_t count, const uint32_t* a, const uint32_t* b) {
           for (int64_t i = 0; i < count; ++i) {
             const uint64_t bits = (uint64_t{a[i]} << 32) | b[i];
             to[first + i] =
                 static_cast<T>(static_cast<int64_t>(static_cast<uint64_t>(low) + highProduct(bits, range)));
           }
         });
  });
}

// y, mask; x. n: p; i: seed, offset
void dropout(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& mask = call.operands[1];
  const Operand& x = call.operands[2];
  const double p = call.numbers[0];
  withFloating(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T scale = p < 1 ? static_cast<T>(1 / (1 - p)) : T(0);
    const bool xDense = isContiguous(x), yDense = isContiguous(y), maskDense = isContiguous(mask);
    draw(streamOf(call), elements(x), false,
         [&](int64_t first, int64_t count, const uint32_t* a, const uint32_t*) {
           T values[4 * kGroups], results[4 * kGroups];
           bool kept[4 * kGroups];
           const T* from = pointerTo<T>(x) + first;
           T* to = yDense ? pointerTo<T>(y) + first : results;
           bool* keep = maskDense ? pointerTo<bool>(mask) + first : kept;
           if (!xDense) {
             gatherRange(x, first, count, values);
             from = values;
           }
           for (int64_t i = 0; i < count; ++i) {
             keep[i] = static_cast<double>(a[i]) * 0x1p-32 >= p;
             to[i] = keep[i] ? from[i] * scale : T(0);
           }
           if (!yDense) scatterRange(y, first, count, to);
           if (!maskDense) scatterRange(mask, first, count, keep);
         });
  });
}

const Kernel kKernels[] = {
    {"uniform", kFloating | kHalves, uniform, nullptr},
    {"normal", kFloating, normal, nullptr},
    {"bernoulli", kAll, bernoulli, nullptr},
    {"randint", kAll, randint, nullptr},
    {"dropout", kFloating, dropout, nullptr},
};

}  // namespace

extern const KernelTable randomKernels;
const KernelTable randomKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
