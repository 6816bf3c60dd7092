// Normalisation of rows: layers, groups and instances, by mean and deviation or by the root mean square.
//
// Sums run in vectors over tiles of a row and are joined in double. Gradients of weights are sums over rows:
// blocks of rows have a fixed size and are joined in order, so that threads do not change results.
#include "micro.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kTile = 2048;     // values of a row summed in T
constexpr int64_t kBlockRows = 64;  // rows whose share of the weights' gradients is summed in T

// Terms of sums are written once, for a vector of values and for one.
struct Many {
  template <class T>
  Vector<T> operator()(const T* from) const {
    return load(from);
  }
};
struct One {
  template <class T>
  T operator()(const T* from) const {
    return *from;
  }
};

// The sum of term(i, read) over [0, size).
template <class T, class Term>
inline double sumOf(int64_t size, const Term& term) {
  constexpr int lanes = kLanes<T>;
  double total = 0;
  for (int64_t start = 0; start < size; start += kTile) {
    const int64_t stop = least(size, start + kTile);
    Vector<T> sums[4] = {};
    int64_t i = start;
    for (; i + 4 * lanes <= stop; i += 4 * lanes) {
      for (int v = 0; v < 4; ++v) sums[v] += term(i + v * lanes, Many());
    }
    for (; i + lanes <= stop; i += lanes) sums[0] += term(i, Many());
    const Vector<T> all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    T rest = T(0);
    for (; i < stop; ++i) rest += term(i, One());
    T left[kLanes<T>];
    store(left, all);
    for (int width = lanes / 2; width > 0; width /= 2) {
      for (int lane = 0; lane < width; ++lane) left[lane] += left[lane + width];
    }
    total += static_cast<double>(left[0] + rest);
  }
  return total;
}

struct Sizes {
  int64_t rows, size, groups, channels, inner;
  bool isRms;
};

Sizes sizesOf(const Call& call) {
  const Operand& y = call.operands[0];
  const int64_t channels = call.integers[1];
  return {y.sizes[0], y.sizes[1], call.integers[0], channels, y.sizes[1] / channels, call.integers[2] != 0};
}

int64_t grainOf(const Sizes& sizes) { return most<int64_t>(1, kGrain / sizes.size); }

template <class T>
void forward(const Call& call) {
  const Sizes sizes = sizesOf(call);
  const double eps = call.numbers[0], count = static_cast<double>(sizes.size);
  const T* weights = call.integers[3] ? pointerTo<T>(call.operands[4]) : nullptr;
  const T* biases = call.integers[4] ? pointerTo<T>(call.operands[weights ? 5 : 4]) : nullptr;
  T* means = pointerTo<T>(call.operands[1]);
  T* inverses = pointerTo<T>(call.operands[2]);
  parallel(sizes.rows, grainOf(sizes), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T* x = pointerTo<T>(call.operands[3]) + row * sizes.size;
      T* y = pointerTo<T>(call.operands[0]) + row * sizes.size;
      T mean = T(0);
      if (!sizes.isRms) {
        mean =
            static_cast<T>(sumOf<T>(sizes.size, [&](int64_t i, auto read) { return read(x + i); }) / count);
      }
      const double squares = sumOf<T>(sizes.size, [&](int64_t i, auto read) {
        const auto apart = read(x + i) - mean;
        return apart * apart;
      });
      const T inverse = static_cast<T>(1 / sqrt_(squares / count + eps));
      means[row] = mean;
      inverses[row] = inverse;
      const int64_t first = row % sizes.groups * sizes.channels;
      if (sizes.inner == 1 && weights && biases) {
        const T* weight = weights + first;
        const T* bias = biases + first;
        DESCENT_VECTORIZE
        for (int64_t i = 0; i < sizes.size; ++i) y[i] = (x[i] - mean) * inverse * weight[i] + bias[i];
      } else if (sizes.inner == 1) {
        for (int64_t i = 0; i < sizes.size; ++i) {
          const T value = (x[i] - mean) * inverse * (weights ? weights[first + i] : T(1));
          y[i] = biases ? value + biases[first + i] : value;
        }
      } else {
        for (int64_t channel = 0; channel < sizes.channels; ++channel) {
          const T factor = weights ? inverse * weights[first + channel] : inverse;
          const T shift = biases ? biases[first + channel] : T(0);
          const int64_t at = channel * sizes.inner;
          DESCENT_VECTORIZE
          for (int64_t i = at; i < at + sizes.inner; ++i) y[i] = (x[i] - mean) * factor + shift;
        }
      }
    }
  });
}

// What the backwards below read and write. With h = (x - mean) invstd and e = g weight:
// dx = invstd (e - mean(e) - h mean(e h)), without mean(e) for isRms; dweight = sum g h, dbias = sum g.
template <class T>
struct Backward {
  Sizes sizes;
  T *dx, *dWeight, *dBias;
  const T *g, *x, *means, *inverses, *weights;
  bool wantsParameters;
};

// One weight a value: a row's values and weights run side by side.
template <class T>
void backwardOfLayers(const Backward<T>& b) {
  const Sizes& sizes = b.sizes;
  const int64_t size = sizes.size;
  const double count = static_cast<double>(size);
  const int64_t blocks = (sizes.rows + kBlockRows - 1) / kBlockRows;
  T* shares = nullptr;  // of each block: dweight, then dbias
  if (b.wantsParameters)
    shares = static_cast<T*>(scratch(3, static_cast<size_t>(blocks * 2 * size) * sizeof(T)));
  parallel(blocks, most<int64_t>(1, kGrain / (kBlockRows * size)), [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      T* dWeight = b.wantsParameters ? shares + block * 2 * size : nullptr;
      T* dBias = dWeight + (dWeight ? size : 0);
      if (dWeight) __builtin_memset(dWeight, 0, static_cast<size_t>(2 * size) * sizeof(T));
      for (int64_t row = block * kBlockRows; row < least(sizes.rows, (block + 1) * kBlockRows); ++row) {
        const T* g = b.g + row * size;
        const T* x = b.x + row * size;
        const T* w = b.weights;
        T* dx = b.dx + row * size;
        const T mean = b.means[row], inverse = b.inverses[row];
        double sum, product;
        if (w) {
          sum = sumOf<T>(size, [&](int64_t i, auto read) { return read(g + i) * read(w + i); });
          product = sumOf<T>(
              size, [&](int64_t i, auto read) { return read(g + i) * read(w + i) * (read(x + i) - mean); });
        } else {
          sum = sumOf<T>(size, [&](int64_t i, auto read) { return read(g + i); });
          product = sumOf<T>(size, [&](int64_t i, auto read) { return read(g + i) * (read(x + i) - mean); });
        }
        const T constant = sizes.isRms ? T(0) : static_cast<T>(sum / count);
        const T slope = static_cast<T>(product / count * static_cast<double>(inverse));
        if (w && dWeight) {
          DESCENT_VECTORIZE
          for (int64_t i = 0; i < size; ++i) {
            const T h = (x[i] - mean) * inverse;
            dx[i] = inverse * (g[i] * w[i] - constant - h * slope);
            dWeight[i] += g[i] * h;
            dBias[i] += g[i];
          }
        } else {
          for (int64_t i = 0; i < size; ++i) {
            const T h = (x[i] - mean) * inverse;
            dx[i] = inverse * ((w ? g[i] * w[i] : g[i]) - constant - h * slope);
            if (dBias) dBias[i] += g[i];
          }
        }
      }
    }
  });
  if (!b.wantsParameters) return;
  parallel(size, most<int64_t>(16, kGrain / (2 * blocks)), [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += 64) {
      const int64_t width = least<int64_t>(64, end - first);
      double sums[2][64] = {};
      for (int64_t block = 0; block < blocks; ++block) {
        const T* share = shares + block * 2 * size + first;
        for (int64_t i = 0; i < width; ++i) {
          sums[0][i] += static_cast<double>(share[i]);
          sums[1][i] += static_cast<double>(share[size + i]);
        }
      }
      for (int64_t i = 0; i < width; ++i) {
        b.dWeight[first + i] = static_cast<T>(sums[0][i]);
        b.dBias[first + i] = static_cast<T>(sums[1][i]);
      }
    }
  });
}

// One weight a channel of several values, or several groups.
template <class T>
void backwardOfChannels(const Backward<T>& b) {
  const Sizes& sizes = b.sizes;
  const int64_t channels = sizes.channels, inner = sizes.inner;
  const double count = static_cast<double>(sizes.size);
  // Of each row and channel: the sums of g, and of g h.
  double* sums =
      static_cast<double*>(scratch(3, static_cast<size_t>(sizes.rows * channels * 2) * sizeof(double)));
  parallel(sizes.rows, grainOf(sizes), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const T mean = b.means[row], inverse = b.inverses[row];
      const T* weights = b.weights ? b.weights + row % sizes.groups * channels : nullptr;
      double* own = sums + row * channels * 2;
      double sum = 0, product = 0;
      for (int64_t channel = 0; channel < channels; ++channel) {
        const T* g = b.g + row * sizes.size + channel * inner;
        const T* x = b.x + row * sizes.size + channel * inner;
        const double ofG = sumOf<T>(inner, [&](int64_t i, auto read) { return read(g + i); });
        const double ofGH =
            sumOf<T>(inner, [&](int64_t i, auto read) { return read(g + i) * (read(x + i) - mean); }) *
            static_cast<double>(inverse);
        own[2 * channel] = ofG;
        own[2 * channel + 1] = ofGH;
        const double weight = weights ? static_cast<double>(weights[channel]) : 1;
        sum += weight * ofG;
        product += weight * ofGH;
      }
      const T constant = sizes.isRms ? T(0) : static_cast<T>(sum / count);
      const T slope = static_cast<T>(product / count);
      for (int64_t channel = 0; channel < channels; ++channel) {
        const int64_t at = row * sizes.size + channel * inner;
        const T weight = weights ? weights[channel] : T(1);
        const T* g = b.g + at;
        const T* x = b.x + at;
        T* dx = b.dx + at;
        DESCENT_VECTORIZE
        for (int64_t i = 0; i < inner; ++i) {
          const T h = (x[i] - mean) * inverse;
          dx[i] = inverse * (g[i] * weight - constant - h * slope);
        }
      }
    }
  });
  if (!b.wantsParameters) return;
  for (int64_t index = 0; index < sizes.groups * channels; ++index) {
    const int64_t group = index / channels, channel = index % channels;
    double ofG = 0, ofGH = 0;
    for (int64_t row = group; row < sizes.rows; row += sizes.groups) {
      ofG += sums[(row * channels + channel) * 2];
      ofGH += sums[(row * channels + channel) * 2 + 1];
    }
    b.dBias[index] = static_cast<T>(ofG);
    b.dWeight[index] = static_cast<T>(ofGH);
  }
}

template <class T>
void backward(const Call& call) {
  const Operand* x = call.operands;
  const bool hasWeight = call.integers[3] != 0;
  const Backward<T> b{sizesOf(call),        pointerTo<T>(x[0]), pointerTo<T>(x[1]),
                      pointerTo<T>(x[2]),   pointerTo<T>(x[3]), pointerTo<T>(x[4]),
                      pointerTo<T>(x[5]),   pointerTo<T>(x[6]), hasWeight ? pointerTo<T>(x[7]) : nullptr,
                      call.integers[4] != 0};
  if (b.sizes.inner == 1 && b.sizes.groups == 1) return backwardOfLayers(b);
  backwardOfChannels(b);
}

void rowNorm(const Call& call, const void*) {
  call.operands[0].dtype == DType::float32 ? forward<float>(call) : forward<double>(call);
}

void rowNormBackward(const Call& call, const void*) {
  call.operands[0].dtype == DType::float32 ? backward<float>(call) : backward<double>(call);
}

constexpr uint32_t kSupported = bit(DType::float32) | bit(DType::float64);
const Kernel kKernels[] = {
    {"rowNorm", kSupported, rowNorm, nullptr},
    {"rowNormBackward", kSupported, rowNormBackward, nullptr},
};

}  // namespace

extern const KernelTable rowNormKernels;
const KernelTable rowNormKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
