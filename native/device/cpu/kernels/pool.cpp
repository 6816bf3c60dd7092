// Pooling: means and largest elements of windows, and their gradients. Operands are planes: y [planes,
// out...], x [planes, size...], all contiguous.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

// What one place of the output sees of one dim of the input, and how many places count in a mean.
struct Window {
  int64_t start, end, count;
};

// Where windows lie along one dim. Adaptive windows share the input out among the outputs; they have no
// kernel.
struct Windows {
  int64_t size, out, kernel, stride, padding, dilation;

  Window at(int64_t index, bool countsPadding) const {
    if (kernel == 0) {
      const int64_t start = index * size / out, end = ((index + 1) * size + out - 1) / out;
      return {start, end, end - start};
    }
    const int64_t begin = index * stride - padding;
    const int64_t stop = least(begin + kernel, size + padding);
    const int64_t start = most<int64_t>(begin, 0), end = least(stop, size);
    return {start, end, countsPadding ? stop - begin : end - start};
  }

  // The first place inside, and the one to stop before, of a window with holes.
  Window spread(int64_t index) const {
    if (kernel == 0) return at(index, false);
    int64_t start = index * stride - padding;
    const int64_t end = least(start + (kernel - 1) * dilation + 1, size);
    if (start < 0) start += (-start + dilation - 1) / dilation * dilation;
    return {start, end, 0};
  }
};

struct Pooling {
  Windows dim[2];
  int64_t planes;

  int64_t pixels() const { return dim[0].size * dim[1].size; }
  int64_t outPixels() const { return dim[0].out * dim[1].out; }
  int64_t grain() const { return most<int64_t>(1, kGrain / most<int64_t>(1, pixels() + outPixels())); }
};

// i: kernel, stride, padding, dilation (pairs); a kernel of 0 for adaptive windows
Pooling poolingOf(const Operand& y, const Operand& x, const int64_t* integers) {
  Pooling pooling;
  pooling.planes = x.sizes[0];
  for (int k = 0; k < 2; ++k) {
    pooling.dim[k] = {x.sizes[1 + k],  y.sizes[1 + k],  integers[k],
                      integers[2 + k], integers[4 + k], integers[6 + k]};
  }
  return pooling;
}

// Calls body(place of y, window of lines, window of columns, what the sum is divided by) for each place.
template <class Body>
void forMeans(const Pooling& p, const int64_t* integers, const Body& body) {
  const bool countsPadding = integers[8] != 0;
  for (int64_t i = 0; i < p.dim[0].out; ++i) {
    const Window lines = p.dim[0].at(i, countsPadding);
    for (int64_t j = 0; j < p.dim[1].out; ++j) {
      const Window columns = p.dim[1].at(j, countsPadding);
      const int64_t divisor = integers[9] != 0 ? integers[9] : lines.count * columns.count;
      body(i * p.dim[1].out + j, lines, columns, divisor);
    }
  }
}

bool isEmpty(const Window& lines, const Window& columns) {
  return lines.start >= lines.end || columns.start >= columns.end;
}

// y; x
void averagePool(const Call& call, const void*) {
  const Operand *y = &call.operands[0], *x = &call.operands[1];
  const Pooling p = poolingOf(*y, *x, call.integers);
  const auto pool = [&](auto zero) {
    using T = decltype(zero);
    parallel(p.planes, p.grain(), [&](int64_t begin, int64_t end) {
      for (int64_t plane = begin; plane < end; ++plane) {
        const T* from = pointerTo<T>(*x) + plane * p.pixels();
        T* to = pointerTo<T>(*y) + plane * p.outPixels();
        forMeans(p, call.integers,
                 [&](int64_t place, const Window& lines, const Window& columns, int64_t divisor) {
                   T sum = T(0);
                   for (int64_t i = lines.start; i < lines.end; ++i) {
                     const T* line = from + i * p.dim[1].size;
                     for (int64_t j = columns.start; j < columns.end; ++j) sum += line[j];
                   }
                   to[place] = isEmpty(lines, columns) ? T(0) : static_cast<T>(sum / static_cast<T>(divisor));
                 });
      }
    });
  };
  if (x->dtype == DType::int64) return pool(int64_t());
  withFloating(x->dtype, pool);
}

// dx; g
void averagePoolBackward(const Call& call, const void*) {
  const Operand *dx = &call.operands[0], *g = &call.operands[1];
  const Pooling p = poolingOf(*g, *dx, call.integers);
  withFloating(g->dtype, [&](auto zero) {
    using T = decltype(zero);
    parallel(p.planes, p.grain(), [&](int64_t begin, int64_t end) {
      for (int64_t plane = begin; plane < end; ++plane) {
        const T* from = pointerTo<T>(*g) + plane * p.outPixels();
        T* to = pointerTo<T>(*dx) + plane * p.pixels();
        for (int64_t i = 0; i < p.pixels(); ++i) to[i] = T(0);
        forMeans(p, call.integers,
                 [&](int64_t place, const Window& lines, const Window& columns, int64_t divisor) {
                   if (isEmpty(lines, columns)) return;
                   const T share = from[place] / static_cast<T>(divisor);
                   for (int64_t i = lines.start; i < lines.end; ++i) {
                     T* line = to + i * p.dim[1].size;
                     for (int64_t j = columns.start; j < columns.end; ++j) line[j] += share;
                   }
                 });
      }
    });
  });
}

template <class T>
constexpr T lowest() {
  if constexpr (T(0.5) != T(0)) return -static_cast<T>(__builtin_inf());
  if constexpr (T(-1) > T(0)) return T(0);
  return static_cast<T>(uint64_t{1} << (8 * sizeof(T) - 1));
}

// y, index (int64, within the plane); x. The first of equals wins, and NaN, the last of them, over all.
void maxPool(const Call& call, const void*) {
  const Operand *y = &call.operands[0], *index = &call.operands[1], *x = &call.operands[2];
  const Pooling p = poolingOf(*y, *x, call.integers);
  withAny(x->dtype, [&](auto zero) {
    using T = decltype(zero);
    parallel(p.planes, p.grain(), [&](int64_t begin, int64_t end) {
      for (int64_t plane = begin; plane < end; ++plane) {
        const T* from = pointerTo<T>(*x) + plane * p.pixels();
        T* to = pointerTo<T>(*y) + plane * p.outPixels();
        int64_t* places = pointerTo<int64_t>(*index) + plane * p.outPixels();
        for (int64_t i = 0; i < p.dim[0].out; ++i) {
          const Window lines = p.dim[0].spread(i);
          for (int64_t j = 0; j < p.dim[1].out; ++j) {
            const Window columns = p.dim[1].spread(j);
            T largest = lowest<T>();
            // A window in the padding alone has its place outside the plane.
            int64_t place =
                isEmpty(lines, columns) ? p.pixels() : lines.start * p.dim[1].size + columns.start;
            for (int64_t line = lines.start; line < lines.end; line += p.dim[0].dilation) {
              for (int64_t column = columns.start; column < columns.end; column += p.dim[1].dilation) {
                const T value = from[line * p.dim[1].size + column];
                if (value > largest || value != value) {
                  largest = value;
                  place = line * p.dim[1].size + column;
                }
              }
            }
            *to++ = largest;
            *places++ = place;
          }
        }
      }
    });
  });
}

// dx; g, index
void maxPoolBackward(const Call& call, const void*) {
  const Operand *dx = &call.operands[0], *g = &call.operands[1], *index = &call.operands[2];
  const int64_t planes = dx->sizes[0], pixels = dx->sizes[1] * dx->sizes[2], outs = g->sizes[1] * g->sizes[2];
  withFloating(g->dtype, [&](auto zero) {
    using T = decltype(zero);
    parallel(planes, most<int64_t>(1, kGrain / most<int64_t>(1, pixels + outs)),
             [&](int64_t begin, int64_t end) {
               for (int64_t plane = begin; plane < end; ++plane) {
                 T* to = pointerTo<T>(*dx) + plane * pixels;
                 for (int64_t i = 0; i < pixels; ++i) to[i] = T(0);
                 const T* from = pointerTo<T>(*g) + plane * outs;
                 const int64_t* places = pointerTo<int64_t>(*index) + plane * outs;
                 for (int64_t i = 0; i < outs; ++i) {
                   if (places[i] < pixels) to[places[i]] += from[i];
                 }
               }
             });
  });
}

const Kernel kKernels[] = {
    {"averagePool", kFloating | bit(DType::int64), averagePool, nullptr},
    {"averagePoolBackward", kFloating, averagePoolBackward, nullptr},
    {"maxPool", kAll & ~bit(DType::boolean), maxPool, nullptr},
    {"maxPoolBackward", kFloating, maxPoolBackward, nullptr},
};

}  // namespace

extern const KernelTable poolKernels;
const KernelTable poolKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
