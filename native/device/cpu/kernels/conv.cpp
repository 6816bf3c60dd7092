// Convolutions as matrix products: tiles of the image are unfolded into columns that fit the second-level
// cache, and the product of gemm.h does the rest. 1x1 kernels need no unfolding; depthwise ones have a file
// of their own.
//
// Expected: as fast as PyTorch 2.13 (oneDNN), or not more than half slower; steps of 2 stay just outside that
// on one thread (1.4 to 1.6 of its time). Measured on one core of an Intel
// Xeon with AVX-512, by processor time because the machine was busy, forward and backward, batch 32, in ms,
// PyTorch in brackets: 3x3 16 to 32 channels 28x28 6.3 (7.4), 64 to 64 14x14 11.6 (8.6), with steps of 2 to
// 128 8.2 (5.7), 1x1 64 to 128 14x14 2.7 (6.4), depthwise 64 28x28 6.4 (14), 256 to 256 7x7 45 (32).
//
// Work is cut by the sizes alone, never by the number of threads, and what several pieces add up is joined in
// order.
#include "conv.h"

#include "gemm.h"
#include "unfold.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kColumnBytes =
    1024 * 1024;  // of unfolded columns at once: they stay in the second-level cache
constexpr int kWeightSlot = 4, kPartialSlot = 5;
constexpr int64_t kTasks = 16;         // pieces that a large call has at least
constexpr int64_t kWideTile = 192;     // small images are unfolded together, to about so many pixels
constexpr double kSerialWork = 400e3;  // multiply-adds below this stay on one thread

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

// y [outs, pixels] = w * columns + bias
template <class T>
void multiplyColumns(const Convolution& s, const T* columns, int64_t step, int64_t pixels, bool isUnfolded,
                     const T* w, const T* bias, T* y, int64_t yStep) {
  Product<T> product;
  product.m = pixels;
  product.n = s.outs;
  product.k = s.columns();
  product.a = columns;
  product.aRow = 1;
  product.aColumn = step;
  product.b = w;
  product.bRow = 1;
  product.bColumn = s.columns();
  product.c = y;
  product.cRow = 1;
  product.cColumn = yStep;
  product.accumulate = false;
  product.bias = bias;
  product.staysInPlace = isUnfolded;
  multiply(product);
}

// How many images are unfolded side by side: those of few pixels would leave much of a tile empty.
template <class T>
int64_t imagesOf(const Convolution& s) {
  const int64_t pixels = s.outPixels();
  const int64_t bytes = most<int64_t>(1, s.columns() * pixels * static_cast<int64_t>(sizeof(T)));
  const int64_t fitting = least(kWideTile / pixels, 2 * kColumnBytes / bytes);
  return most<int64_t>(1,
                       least(fitting + (pixels * fitting < kWideTile / 2), s.batch * s.groups * 2 / kTasks));
}

// y = w * x + bias, several small images at a time
template <class T>
void convolveTogether(const Convolution& s, int64_t together, const T* x, const T* w, const T* bias, T* y) {
  const int64_t pixels = s.outPixels(), blocks = pieces(s.batch, together), tasks = blocks * s.groups;
  parallel(tasks, grainOf(s, tasks), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t group = task % s.groups, first = task / s.groups * together;
      const int64_t count = least(together, s.batch - first), step = stepOf<T>(count * pixels);
      const Columns<T> columns = columnsFor<T>(s, s.columns(), step);
      T* beside = static_cast<T*>(scratch(kPartialSlot, static_cast<size_t>(s.outs * step) * sizeof(T)));
      for (int64_t k = 0; k < count; ++k) {
        const T* image = x + ((first + k) * s.groups + group) * s.channels * s.pixels();
        unfold(s, image, s.channels, 0, pixels, columns.values + k * pixels, step, columns.plane);
      }
      multiplyColumns(s, columns.values, step, count * pixels, true, w + group * s.outs * s.columns(),
                      bias ? bias + group * s.outs : nullptr, beside, step);
      for (int64_t k = 0; k < count; ++k) {
        T* to = y + ((first + k) * s.groups + group) * s.outs * pixels;
        for (int64_t out = 0; out < s.outs; ++out)
          copyRun(beside + out * step + k * pixels, pixels, to + out * pixels);
      }
    }
  });
}

// y = w * x + bias
template <class T>
void convolve(const Convolution& s, const T* x, const T* w, const T* bias, T* y) {
  const bool unfolds = !s.isPointwise();
  const int64_t pixels = s.outPixels(), columns = s.columns();
  const int64_t together = unfolds ? imagesOf<T>(s) : 1;
  if (together > 1) return convolveTogether(s, together, x, w, bias, y);
  const int64_t tile = tileOf<T>(s, columns, s.batch * s.groups);
  const int64_t tiles = pieces(pixels, tile), tasks = s.batch * s.groups * tiles;
  parallel(tasks, grainOf(s, tasks), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t first = task % tiles * tile, last = least(pixels, first + tile);
      const int64_t image = task / tiles, group = image % s.groups;
      const T* from = x + image * s.channels * s.pixels();
      const int64_t step = unfolds ? stepOf<T>(last - first) : pixels;
      if (unfolds) {
        const Columns<T> room = columnsFor<T>(s, columns, step);
        unfold(s, from, s.channels, first, last, room.values, step, room.plane);
        from = room.values;
      } else {
        from += first;
      }
      multiplyColumns(s, from, step, last - first, unfolds, w + group * s.outs * columns,
                      bias ? bias + group * s.outs : nullptr, y + image * s.outs * pixels + first, pixels);
    }
  });
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
        const int64_t last = least(pixels, first + tile), step = stepOf<T>(last - first);
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

// dw = the sum over images of g * unfolded x^T. Sums are kept turned, [columns, outs], because then the tiles
// of the product are whole vectors and it is g that is packed, the smaller of the two.
template <class T>
void convolveWeight(const Convolution& s, const T* g, const T* x, T* dw) {
  const int64_t pixels = s.outPixels(), columns = s.columns(), taps = s.taps();
  const int64_t all = s.groups * s.outs * columns;
  // Small weights: a sum for each block of images, added up at the end. Large ones: blocks of channels.
  const int64_t blocks = all <= 256 * 1024 ? least(s.batch, kTasks) : 1;
  const int64_t perBlock = pieces(s.batch, blocks);
  const int64_t wanted = most<int64_t>(1, kTasks / (blocks * s.groups));
  const int64_t each = most(pieces(s.channels, wanted), least(s.channels, pieces(2 * kTileStep, taps)));
  const int64_t chunks = pieces(s.channels, each), tasks = blocks * s.groups * chunks;
  const int64_t tile = tileOf<T>(s, each * taps, kTasks);
  T* sums = static_cast<T*>(scratch(kPartialSlot, static_cast<size_t>(blocks * all) * sizeof(T)));
  parallel(tasks, grainOf(s, tasks), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t channel = task % chunks * each, count = least(each, s.channels - channel);
      const int64_t group = task / chunks % s.groups, block = task / chunks / s.groups;
      const int64_t firstImage = block * perBlock, lastImage = least(s.batch, firstImage + perBlock);
      T* sum = sums + block * all + (group * columns + channel * taps) * s.outs;
      if (firstImage >= lastImage) {
        for (int64_t k = 0; k < count * taps * s.outs; ++k) sum[k] = T(0);
      }
      for (int64_t image = firstImage; image < lastImage; ++image) {
        const T* from = x + ((image * s.groups + group) * s.channels + channel) * s.pixels();
        for (int64_t first = 0; first < pixels; first += tile) {
          const int64_t last = least(pixels, first + tile);
          int64_t step = pixels;
          const T* unfolded = from + first;
          if (!s.isPointwise()) {
            step = stepOf<T>(last - first);
            const Columns<T> room = columnsFor<T>(s, count * taps, step);
            unfold(s, from, count, first, last, room.values, step, room.plane);
            unfolded = room.values;
          }
          Product<T> product;
          product.m = count * taps;
          product.n = s.outs;
          product.k = last - first;
          product.a = unfolded;
          product.aRow = step;
          product.aColumn = 1;
          product.b = g + (image * s.groups + group) * s.outs * pixels + first;
          product.bRow = 1;
          product.bColumn = pixels;
          product.c = sum;
          product.cRow = s.outs;
          product.cColumn = 1;
          product.accumulate = image > firstImage || first > 0;
          product.bias = nullptr;
          product.staysInPlace = true;
          multiply(product);
        }
      }
    }
  });
  parallel(all, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t block = 1; block < blocks; ++block) {
      for (int64_t i = begin; i < end; ++i) sums[i] += sums[block * all + i];
    }
  });
  // Turned back in squares, so that both sides are read and written by whole lines of the cache.
  parallel(s.groups * s.outs, most<int64_t>(16, kGrain / columns), [&](int64_t begin, int64_t end) {
    for (int64_t firstOut = begin; firstOut < end;) {
      const int64_t group = firstOut / s.outs;
      const int64_t lastOut = least(least(end, (group + 1) * s.outs), firstOut + 16);
      const T* from = sums + group * columns * s.outs - group * s.outs;
      for (int64_t first = 0; first < columns; first += 16) {
        for (int64_t out = firstOut; out < lastOut; ++out) {
          for (int64_t k = first; k < least(first + 16, columns); ++k)
            dw[out * columns + k] = from[k * s.outs + out];
        }
      }
      firstOut = lastOut;
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
