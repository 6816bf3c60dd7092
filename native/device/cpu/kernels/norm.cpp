// Batch normalisation, forward and backward, over x seen as [C, R...]: C channels, and all the values of
// each.
//
// Where channels are contiguous, as in [N, C], vectors run across channels and rows are read in order.
// Otherwise a channel's values are gathered and vectors run along them.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kChunk = 64;   // channels done together where they are contiguous
constexpr int64_t kTile = 2048;  // values of one channel gathered at a time

template <class T>
T& at(const Operand& x, int64_t c) {
  return pointerTo<T>(x)[c * x.strides[0]];
}

// Walks over chunks of channels. visit(values of x for `width` channels, of `rows` rows at most, ...)
struct Shape {
  int64_t channels, values;
  bool acrossChannels;
};

Shape shapeOf(const Operand& x) {
  Shape shape{x.sizes[0], 1, x.dims == 2 && x.strides[0] == 1 && x.sizes[0] > 1};
  for (int dim = 1; dim < x.dims; ++dim) shape.values *= x.sizes[dim];
  return shape;
}

// The values of channel c as an operand.
Operand channel(const Operand& x, int64_t c) {
  Operand one;
  one.memory = x.memory;
  one.memory.offset += static_cast<size_t>(c * x.strides[0] * bytesPerElement(x.dtype));
  one.dtype = x.dtype;
  one.dims = x.dims - 1;
  for (int dim = 1; dim < x.dims; ++dim) {
    one.sizes[dim - 1] = x.sizes[dim];
    one.strides[dim - 1] = x.strides[dim];
  }
  return one;
}

// Sums over the values of each of the `width` channels from `first` on: term(channel in the chunk, x, g) of
// two operands of one shape.
template <class T, class Term>
void sumChannels(const Operand& x, const Operand& g, const Shape& shape, int64_t first, int64_t width,
                 double* sums, const Term& term) {
  for (int64_t c = 0; c < width; ++c) sums[c] = 0;
  if (shape.acrossChannels && g.strides[0] == 1) {
    for (int64_t start = 0; start < shape.values; start += 128) {
      T part[kChunk] = {};
      const int64_t stop = least(shape.values, start + 128);
      for (int64_t r = start; r < stop; ++r) {
        const T* xs = pointerTo<T>(x) + first + r * x.strides[1];
        const T* gs = pointerTo<T>(g) + first + r * g.strides[1];
        DESCENT_VECTORIZE
        for (int64_t c = 0; c < width; ++c) part[c] += term(c, xs[c], gs[c]);
      }
      for (int64_t c = 0; c < width; ++c) sums[c] += static_cast<double>(part[c]);
    }
    return;
  }
  T xTile[kTile], gTile[kTile];
  for (int64_t c = 0; c < width; ++c) {
    const Operand xc = channel(x, first + c), gc = channel(g, first + c);
    for (int64_t start = 0; start < shape.values; start += kTile) {
      const int64_t count = least(kTile, shape.values - start);
      gatherRange(xc, start, count, xTile);
      gatherRange(gc, start, count, gTile);
      T lanes[16] = {};
      int64_t i = 0;
      for (; i + 16 <= count; i += 16) {
        for (int lane = 0; lane < 16; ++lane) lanes[lane] += term(c, xTile[i + lane], gTile[i + lane]);
      }
      for (; i < count; ++i) lanes[0] += term(c, xTile[i], gTile[i]);
      for (T lane : lanes) sums[c] += static_cast<double>(lane);
    }
  }
}

// to = map(channel in the chunk, x, g) for the values of the chunk's channels.
template <class T, class Map>
void mapChannels(const Operand& to, const Operand& x, const Operand& g, const Shape& shape, int64_t first,
                 int64_t width, const Map& map) {
  if (shape.acrossChannels && to.strides[0] == 1 && g.strides[0] == 1) {
    for (int64_t r = 0; r < shape.values; ++r) {
      const T* xs = pointerTo<T>(x) + first + r * x.strides[1];
      const T* gs = pointerTo<T>(g) + first + r * g.strides[1];
      T* ys = pointerTo<T>(to) + first + r * to.strides[1];
      DESCENT_VECTORIZE
      for (int64_t c = 0; c < width; ++c) ys[c] = map(c, xs[c], gs[c]);
    }
    return;
  }
  T xTile[kTile], gTile[kTile];
  for (int64_t c = 0; c < width; ++c) {
    const Operand xc = channel(x, first + c), gc = channel(g, first + c), toc = channel(to, first + c);
    for (int64_t start = 0; start < shape.values; start += kTile) {
      const int64_t count = least(kTile, shape.values - start);
      gatherRange(xc, start, count, xTile);
      gatherRange(gc, start, count, gTile);
      DESCENT_VECTORIZE
      for (int64_t i = 0; i < count; ++i) xTile[i] = map(c, xTile[i], gTile[i]);
      scatterRange(toc, start, count, xTile);
    }
  }
}

// body(first channel, channels) for chunks of channels.
template <class Body>
void forChunks(const Shape& shape, const Body& body) {
  const int64_t chunks = (shape.channels + kChunk - 1) / kChunk;
  parallel(chunks, most<int64_t>(1, kGrain / (kChunk * shape.values + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk)
      body(chunk * kChunk, least(kChunk, shape.channels - chunk * kChunk));
  });
}

// y, mean, invstd; x, (gamma, beta), (runningMean, runningVar). n: eps, momentum; i: training, affine,
// hasRunning
template <class T>
void forward(const Call& call) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[3];
  const bool isTraining = call.integers[0] != 0, isAffine = call.integers[1] != 0,
             hasRunning = call.integers[2] != 0;
  const double eps = call.numbers[0], momentum = call.numbers[1];
  const Operand* gamma = isAffine ? &call.operands[4] : nullptr;
  const Operand* running = hasRunning ? &call.operands[isAffine ? 6 : 4] : nullptr;
  const Shape shape = shapeOf(x);
  const double count = static_cast<double>(shape.values);
  forChunks(shape, [&](int64_t first, int64_t width) {
    double sums[kChunk], squares[kChunk];
    T mean[kChunk], factor[kChunk], shift[kChunk];
    if (isTraining) {
      sumChannels<T>(x, x, shape, first, width, sums, [](int64_t, T value, T) { return value; });
      for (int64_t c = 0; c < width; ++c) mean[c] = static_cast<T>(sums[c] / count);
      // From the deviations, not from the squares: those lose everything when the mean is large.
      sumChannels<T>(x, x, shape, first, width, squares,
                     [&](int64_t c, T value, T) { return (value - mean[c]) * (value - mean[c]); });
    }
    for (int64_t c = 0; c < width; ++c) {
      double variance;
      if (isTraining) {
        variance = squares[c] / count;
        if (hasRunning) {
          T& runningMean = at<T>(running[0], first + c);
          T& runningVar = at<T>(running[1], first + c);
          const double unbiased = count > 1 ? squares[c] / (count - 1) : variance;
          runningMean =
              static_cast<T>((1 - momentum) * static_cast<double>(runningMean) + momentum * sums[c] / count);
          runningVar = static_cast<T>((1 - momentum) * static_cast<double>(runningVar) + momentum * unbiased);
        }
      } else {
        mean[c] = at<T>(running[0], first + c);
        variance = static_cast<double>(at<T>(running[1], first + c));
      }
      const T inverse = static_cast<T>(1 / sqrt_(variance + eps));
      at<T>(call.operands[1], first + c) = mean[c];
      at<T>(call.operands[2], first + c) = inverse;
      factor[c] = isAffine ? inverse * at<T>(gamma[0], first + c) : inverse;
      shift[c] = isAffine ? at<T>(gamma[1], first + c) : T(0);
    }
    mapChannels<T>(y, x, x, shape, first, width,
                   [&](int64_t c, T value, T) { return (value - mean[c]) * factor[c] + shift[c]; });
  });
}

// dx, dgamma, dbeta; g, x, mean, invstd, (gamma). i: training, affine
// With h = (x - mean) invstd: dbeta = sum g, dgamma = sum g h, and in training
// dx = gamma invstd (g - dbeta / R - h dgamma / R), because mean and invstd depend on x.
template <class T>
void backward(const Call& call) {
  const Operand& dx = call.operands[0];
  const Operand& g = call.operands[3];
  const Operand& x = call.operands[4];
  const bool isTraining = call.integers[0] != 0, isAffine = call.integers[1] != 0;
  const Shape shape = shapeOf(x);
  const double count = static_cast<double>(shape.values);
  forChunks(shape, [&](int64_t first, int64_t width) {
    double sums[kChunk], products[kChunk];
    T mean[kChunk], inverse[kChunk], ofG[kChunk], ofH[kChunk], constant[kChunk];
    for (int64_t c = 0; c < width; ++c) {
      mean[c] = at<T>(call.operands[5], first + c);
      inverse[c] = at<T>(call.operands[6], first + c);
    }
    sumChannels<T>(x, g, shape, first, width, sums, [](int64_t, T, T gradient) { return gradient; });
    sumChannels<T>(x, g, shape, first, width, products,
                   [&](int64_t c, T value, T gradient) { return (value - mean[c]) * gradient; });
    for (int64_t c = 0; c < width; ++c) {
      const double scaled = products[c] * static_cast<double>(inverse[c]);
      at<T>(call.operands[1], first + c) = static_cast<T>(scaled);
      at<T>(call.operands[2], first + c) = static_cast<T>(sums[c]);
      ofG[c] = isAffine ? inverse[c] * at<T>(call.operands[7], first + c) : inverse[c];
      ofH[c] = isTraining ? static_cast<T>(scaled / count * static_cast<double>(inverse[c])) : T(0);
      constant[c] = isTraining ? static_cast<T>(sums[c] / count) : T(0);
    }
    mapChannels<T>(dx, x, g, shape, first, width, [&](int64_t c, T value, T gradient) {
      return ofG[c] * (gradient - constant[c] - (value - mean[c]) * ofH[c]);
    });
  });
}

void batchNorm(const Call& call, const void*) {
  withFloating(call.operands[0].dtype, [&](auto zero) { forward<decltype(zero)>(call); });
}

void batchNormBackward(const Call& call, const void*) {
  withFloating(call.operands[0].dtype, [&](auto zero) { backward<decltype(zero)>(call); });
}

const Kernel kKernels[] = {
    {"batchNorm", kFloating, batchNorm, nullptr},
    {"batchNormBackward", kFloating, batchNormBackward, nullptr},
};

}  // namespace

extern const KernelTable normKernels;
const KernelTable normKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
