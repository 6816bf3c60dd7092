// Convolutions as matrix products: tiles of the image are unfolded into columns that fit the second-level
// cache, and the product of gemm.h does the rest. 1x1 kernels need no unfolding; depthwise ones have a file
// of their own.
//
// Work is cut by the sizes alone, never by the number of threads, and what several pieces add up is joined in
// order.
#include "conv.h"

#include "gemm.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kColumnBytes = 256 * 1024;  // of unfolded columns at once
constexpr int64_t kTileStep = 32;             // tiles are multiples of this many pixels
constexpr int64_t kTasks = 16;                // pieces that a large call has at least
constexpr double kSerialWork = 400e3;         // multiply-adds below this stay on one thread
constexpr int kColumnSlot = 3, kWeightSlot = 4, kPartialSlot = 5;

int64_t rounded(int64_t value, int64_t step) { return (value + step - 1) / step * step; }
int64_t pieces(int64_t value, int64_t step) { return (value + step - 1) / step; }

// Pixels of y's plane that are unfolded at once.
template <class T>
int64_t tileOf(const Convolution& s, int64_t columns, int64_t tasks) {
  const int64_t pixels = s.outPixels();
  const int64_t fitting = kColumnBytes / (most<int64_t>(1, columns) * static_cast<int64_t>(sizeof(T)));
  int64_t tile = most<int64_t>(2 * kTileStep, fitting / kTileStep * kTileStep);
  if (tasks < kTasks) tile = least(tile, most(kTileStep, rounded(pieces(pixels * tasks, kTasks), kTileStep)));
  // Tiles of about one size rather than a small last one.
  const int64_t count = pieces(pixels, tile);
  return least(pixels, rounded(pieces(pixels, count), kTileStep));
}

int64_t grainOf(const Convolution& s, int64_t tasks) { return s.work() < kSerialWork ? tasks : 1; }

// What stands where a kernel's tap meets pixels [begin, end) of y's plane: one row of end - begin values for
// each of `channels` channels and each tap, `step` apart.
template <class T>
void unfold(const Convolution& s, const T* image, int64_t channels, int64_t begin, int64_t end, T* to,
            int64_t step) {
  for (int64_t channel = 0; channel < channels; ++channel) {
    const T* plane = image + channel * s.pixels();
    for (int64_t tap = 0; tap < s.taps(); ++tap) {
      T* row = to + (channel * s.taps() + tap) * step;
      const int64_t down = tap / s.kernel[1] * s.dilation[0] - s.padding[0];
      const int64_t right = tap % s.kernel[1] * s.dilation[1] - s.padding[1];
      // The columns j for which 0 <= j * stride + right < width.
      const int64_t lowest = right >= 0 ? 0 : (-right + s.stride[1] - 1) / s.stride[1];
      const int64_t beyond = s.size[1] - right;
      const int64_t highest = beyond <= 0 ? 0 : (beyond + s.stride[1] - 1) / s.stride[1];
      int64_t i = begin / s.out[1], j = begin % s.out[1];
      for (int64_t at = begin; at < end; ++i, j = 0) {
        const int64_t run = least(s.out[1] - j, end - at);
        const int64_t line = i * s.stride[0] + down;
        T* values = row + (at - begin) - j;
        at += run;
        if (line < 0 || line >= s.size[0]) {
          for (int64_t k = j; k < j + run; ++k) values[k] = T(0);
          continue;
        }
        const T* from = plane + line * s.size[1] + right;
        const int64_t low = least(most(j, lowest), j + run), high = most(least(j + run, highest), low);
        for (int64_t k = j; k < low; ++k) values[k] = T(0);
        if (s.stride[1] == 1) {
          __builtin_memcpy(values + low, from + low, static_cast<size_t>(high - low) * sizeof(T));
        } else {
          for (int64_t k = low; k < high; ++k) values[k] = from[k * s.stride[1]];
        }
        for (int64_t k = high; k < j + run; ++k) values[k] = T(0);
      }
    }
  }
}

// y = w * x + bias
template <class T>
void convolve(const Convolution& s, const T* x, const T* w, const T* bias, T* y) {
  const bool unfolds = !s.isPointwise();
  const int64_t pixels = s.outPixels(), columns = s.columns();
  const int64_t tile = tileOf<T>(s, columns, s.batch * s.groups);
  const int64_t tiles = pieces(pixels, tile), tasks = s.batch * s.groups * tiles;
  parallel(tasks, grainOf(s, tasks), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task % tiles * tile, last = least(pixels, first + tile);
      const int64_t image = task / tiles, group = image % s.groups;
      const T* from = x + image * s.channels * s.pixels();
      const int64_t step = unfolds ? rounded(last - first, kTileStep) : pixels;
      if (unfolds) {
        T* to = static_cast<T*>(scratch(kColumnSlot, static_cast<size_t>(columns * step) * sizeof(T)));
        unfold(s, from, s.channels, first, last, to, step);
        from = to;
      } else {
        from += first;
      }
      Product<T> product;
      product.m = last - first;
      product.n = s.outs;
      product.k = columns;
      product.a = from;
      product.aRow = 1;
      product.aColumn = step;
      product.b = w + group * s.outs * columns;
      product.bRow = 1;
      product.bColumn = columns;
      product.c = y + image * s.outs * pixels + first;
      product.cRow = 1;
      product.cColumn = pixels;
      product.accumulate = false;
      product.bias = bias ? bias + group * s.outs : nullptr;
      multiply(product);
    }
  });
}

// Adds rows of columns to where unfold would have read them.
template <class T>
void fold(const Convolution& s, const T* from, int64_t channels, int64_t begin, int64_t end, int64_t step,
          T* image) {
  for (int64_t channel = 0; channel < channels; ++channel) {
    T* plane = image + channel * s.pixels();
    for (int64_t tap = 0; tap < s.taps(); ++tap) {
      const T* row = from + (channel * s.taps() + tap) * step;
      const int64_t down = tap / s.kernel[1] * s.dilation[0] - s.padding[0];
      const int64_t right = tap % s.kernel[1] * s.dilation[1] - s.padding[1];
      for (int64_t at = begin; at < end;) {
        const int64_t i = at / s.out[1], j = at % s.out[1];
        const int64_t run = least(s.out[1] - j, end - at);
        const int64_t line = i * s.stride[0] + down;
        if (line >= 0 && line < s.size[0]) {
          T* to = plane + line * s.size[1] + right;
          const T* values = row + (at - begin) - j;
          // The columns j for which 0 <= j * stride + right < width.
          const int64_t low = most(j, right >= 0 ? 0 : (-right + s.stride[1] - 1) / s.stride[1]);
          const int64_t beyond = s.size[1] - right;
          const int64_t high = least(j + run, beyond <= 0 ? 0 : (beyond + s.stride[1] - 1) / s.stride[1]);
          for (int64_t k = low; k < high; ++k) to[k * s.stride[1]] += values[k];
        }
        at += run;
      }
    }
  }
}

// With steps of 1 the input's gradient is the convolution of g with the kernel turned round.
template <class T>
void convolveTurned(const Convolution& s, const T* g, const T* w, const T* bias, T* dx) {
  Convolution turned = s;
  turned.channels = s.outs;
  turned.outs = s.channels;
  for (int k = 0; k < 2; ++k) {
    turned.size[k] = s.out[k];
    turned.out[k] = s.size[k];
    turned.padding[k] = s.dilation[k] * (s.kernel[k] - 1) - s.padding[k];
  }
  const int64_t taps = s.taps(), columns = s.columns();
  T* weight =
      static_cast<T*>(scratch(kWeightSlot, static_cast<size_t>(s.groups * s.outs * columns) * sizeof(T)));
  for (int64_t group = 0; group < s.groups; ++group) {
    for (int64_t channel = 0; channel < s.channels; ++channel) {
      for (int64_t out = 0; out < s.outs; ++out) {
        const T* from = w + (group * s.outs + out) * columns + channel * taps;
        T* to = weight + ((group * s.channels + channel) * s.outs + out) * taps;
        for (int64_t tap = 0; tap < taps; ++tap) to[tap] = from[taps - 1 - tap];
      }
    }
  }
  convolve(turned, g, weight, bias, dx);
}

// dx = w^T * g + bias
template <class T>
void convolveInput(const Convolution& s, const T* g, const T* w, const T* bias, T* dx) {
  if (s.stride[0] == 1 && s.stride[1] == 1) return convolveTurned(s, g, w, bias, dx);
  const int64_t pixels = s.outPixels(), columns = s.columns(), taps = s.taps();
  // Pieces of an image: as many of its channels as make columns of the size wanted.
  const int64_t fitting = kColumnBytes / (most<int64_t>(1, taps * pixels) * static_cast<int64_t>(sizeof(T)));
  int64_t each = most<int64_t>(1, least(fitting, s.channels));
  each = least(each, most<int64_t>(pieces(s.batch * s.groups * s.channels, kTasks), 8));
  const int64_t chunks = pieces(s.channels, each), tasks = s.batch * s.groups * chunks;
  const int64_t tile = tileOf<T>(s, least(each, s.channels) * taps, kTasks);
  parallel(tasks, grainOf(s, tasks), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t channel = task % chunks * each, count = least(each, s.channels - channel);
      const int64_t image = task / chunks, group = image % s.groups;
      T* to = dx + (image * s.channels + channel) * s.pixels();
      for (int64_t k = 0; k < count; ++k) {
        const T start = bias ? bias[group * s.channels + channel + k] : T(0);
        for (int64_t i = 0; i < s.pixels(); ++i) to[k * s.pixels() + i] = start;
      }
      for (int64_t first = 0; first < pixels; first += tile) {
        const int64_t last = least(pixels, first + tile), step = rounded(last - first, kTileStep);
        T* unfolded =
            static_cast<T*>(scratch(kColumnSlot, static_cast<size_t>(count * taps * step) * sizeof(T)));
        Product<T> product;
        product.m = count * taps;
        product.n = last - first;
        product.k = s.outs;
        product.a = w + group * s.outs * columns + channel * taps;
        product.aRow = 1;
        product.aColumn = columns;
        product.b = g + image * s.outs * pixels + first;
        product.bRow = pixels;
        product.bColumn = 1;
        product.c = unfolded;
        product.cRow = step;
        product.cColumn = 1;
        product.accumulate = false;
        product.bias = nullptr;
        multiply(product);
        fold(s, unfolded, count, first, last, step, to);
      }
    }
  });
}

// dw = the sum over images of g * unfolded x^T
template <class T>
void convolveWeight(const Convolution& s, const T* g, const T* x, T* dw) {
  const int64_t pixels = s.outPixels(), columns = s.columns(), taps = s.taps();
  const int64_t all = s.groups * s.outs * columns;
  // Small weights: a sum for each block of images, added up at the end. Large ones: blocks of channels.
  const int64_t blocks = all <= 256 * 1024 ? least(s.batch, kTasks) : 1;
  const int64_t perBlock = pieces(s.batch, most<int64_t>(1, blocks));
  const int64_t wanted = most<int64_t>(1, kTasks / most<int64_t>(1, blocks * s.groups));
  const int64_t each =
      most(pieces(s.channels, wanted), least<int64_t>(s.channels, pieces(2 * kTileStep, taps)));
  const int64_t chunks = pieces(s.channels, each), tasks = blocks * s.groups * chunks;
  const int64_t tile = tileOf<T>(s, each * taps, kTasks);
  T* sums = blocks == 1
                ? dw
                : static_cast<T*>(scratch(kPartialSlot, static_cast<size_t>(blocks * all) * sizeof(T)));
  parallel(tasks, grainOf(s, tasks), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t channel = task % chunks * each, count = least(each, s.channels - channel);
      const int64_t group = task / chunks % s.groups, block = task / chunks / s.groups;
      const int64_t lastImage = least(s.batch, (block + 1) * perBlock);
      T* sum = sums + block * all + group * s.outs * columns + channel * taps;
      bool isFirst = true;
      for (int64_t image = block * perBlock; image < lastImage; ++image) {
        const T* from = x + ((image * s.groups + group) * s.channels + channel) * s.pixels();
        for (int64_t first = 0; first < pixels; first += tile) {
          const int64_t last = least(pixels, first + tile);
          int64_t step = pixels;
          const T* unfolded = from + first;
          if (!s.isPointwise()) {
            step = rounded(last - first, kTileStep);
            T* to =
                static_cast<T*>(scratch(kColumnSlot, static_cast<size_t>(count * taps * step) * sizeof(T)));
            unfold(s, from, count, first, last, to, step);
            unfolded = to;
          }
          Product<T> product;
          product.m = s.outs;
          product.n = count * taps;
          product.k = last - first;
          product.a = g + (image * s.groups + group) * s.outs * pixels + first;
          product.aRow = pixels;
          product.aColumn = 1;
          product.b = unfolded;
          product.bRow = 1;
          product.bColumn = step;
          product.c = sum;
          product.cRow = columns;
          product.cColumn = 1;
          product.accumulate = !isFirst;
          product.bias = nullptr;
          multiply(product);
          isFirst = false;
        }
      }
      if (isFirst) {  // a block without images
        for (int64_t out = 0; out < s.outs; ++out) {
          for (int64_t k = 0; k < count * taps; ++k) sum[out * columns + k] = T(0);
        }
      }
    }
  });
  if (blocks == 1) return;
  parallel(all, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) dw[i] = sums[i];
    for (int64_t block = 1; block < blocks; ++block) {
      for (int64_t i = begin; i < end; ++i) dw[i] += sums[block * all + i];
    }
  });
}

// Integers: as written.
template <class T>
void convolveDirectly(const Convolution& s, const T* x, const T* w, const T* bias, T* y) {
  const int64_t tasks = s.batch * s.groups * s.outs;
  parallel(tasks, grainOf(s, tasks), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t out = task % (s.groups * s.outs);
      const T* image = x + task / s.outs * s.channels * s.pixels();
      for (int64_t pixel = 0; pixel < s.outPixels(); ++pixel) {
        T sum = bias ? bias[out] : T(0);
        for (int64_t k = 0; k < s.columns(); ++k) {
          const int64_t tap = k % s.taps();
          const int64_t i = pixel / s.out[1] * s.stride[0] - s.padding[0] + tap / s.kernel[1] * s.dilation[0];
          const int64_t j = pixel % s.out[1] * s.stride[1] - s.padding[1] + tap % s.kernel[1] * s.dilation[1];
          if (i < 0 || j < 0 || i >= s.size[0] || j >= s.size[1]) continue;
          const T product =
              static_cast<T>(image[k / s.taps() * s.pixels() + i * s.size[1] + j] * w[out * s.columns() + k]);
          sum = static_cast<T>(sum + product);
        }
        y[task * s.outPixels() + pixel] = sum;
      }
    }
  });
}

template <class T>
const T* biasOf(const Call& call) {
  return call.integers[7] != 0 ? pointerTo<T>(call.operands[3]) : nullptr;
}

template <class T>
void convolveIntegers(const Convolution& s, const Call& call) {
  const Operand* o = call.operands;
  convolveDirectly(s, pointerTo<T>(o[1]), pointerTo<T>(o[2]), biasOf<T>(call), pointerTo<T>(o[0]));
}

// y [N, K, out...]; x [N, C, size...], w [K, C / groups, kernel...], then bias [K]
void convolution(const Call& call, const void*) {
  const Operand* o = call.operands;
  const Convolution s = convolutionOf(o[0], o[1], o[2], call.integers);
  switch (o[0].dtype) {
    case DType::uint8:
      return convolveIntegers<uint8_t>(s, call);
    case DType::int8:
      return convolveIntegers<int8_t>(s, call);
    case DType::int16:
      return convolveIntegers<int16_t>(s, call);
    case DType::int32:
      return convolveIntegers<int32_t>(s, call);
    case DType::int64:
      return convolveIntegers<int64_t>(s, call);
    default:
      break;
  }
  withFloating(o[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *x = pointerTo<T>(o[1]), *w = pointerTo<T>(o[2]), *bias = biasOf<T>(call);
    T* y = pointerTo<T>(o[0]);
    s.isDepthwise() ? depthwise(s, x, w, bias, y) : convolve(s, x, w, bias, y);
  });
}

// dx; g, w, then a bias [C], which makes it a transposed convolution
void convolutionInput(const Call& call, const void*) {
  const Operand* o = call.operands;
  const Convolution s = convolutionOf(o[1], o[0], o[2], call.integers);
  withFloating(o[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *g = pointerTo<T>(o[1]), *w = pointerTo<T>(o[2]), *bias = biasOf<T>(call);
    T* dx = pointerTo<T>(o[0]);
    s.isDepthwise() ? depthwiseInput(s, g, w, bias, dx) : convolveInput(s, g, w, bias, dx);
  });
}

// dw; g, x
void convolutionWeight(const Call& call, const void*) {
  const Operand* o = call.operands;
  const Convolution s = convolutionOf(o[1], o[2], o[0], call.integers);
  withFloating(o[0].dtype, [&](auto zero) {
    using T = decltype(zero);
    const T *g = pointerTo<T>(o[1]), *x = pointerTo<T>(o[2]);
    T* dw = pointerTo<T>(o[0]);
    s.isDepthwise() ? depthwiseWeight(s, g, x, dw) : convolveWeight(s, g, x, dw);
  });
}

constexpr uint32_t kIntegers =
    bit(DType::uint8) | bit(DType::int8) | bit(DType::int16) | bit(DType::int32) | bit(DType::int64);
const Kernel kKernels[] = {
    {"convolution", kFloating | kIntegers, convolution, nullptr},
    {"convolutionInput", kFloating, convolutionInput, nullptr},
    {"convolutionWeight", kFloating, convolutionWeight, nullptr},
};

}  // namespace

Convolution convolutionOf(const Operand& y, const Operand& x, const Operand& w, const int64_t* integers) {
  Convolution s;
  s.groups = integers[6];
  s.batch = x.sizes[0];
  s.channels = w.sizes[1];
  s.outs = w.sizes[0] / s.groups;
  for (int k = 0; k < 2; ++k) {
    s.size[k] = x.sizes[2 + k];
    s.out[k] = y.sizes[2 + k];
    s.kernel[k] = w.sizes[2 + k];
    s.stride[k] = integers[k];
    s.padding[k] = integers[2 + k];
    s.dilation[k] = integers[4 + k];
  }
  return s;
}

extern const KernelTable convolutionKernels;
const KernelTable convolutionKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
