// Resizing of planes, one dim after the other in thought: each place of the output is a sum over a few places
// of each dim of the input, with weights that are tabulated first. Operands are y [planes, out...], x
// [planes, size...], contiguous. Formulas: PyTorch's documentation of interpolate; the cubic is Keys (1981)
// with a = -0.75.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

enum Mode { kNearest, kNearestExact, kLinear, kCubic };
constexpr int kMostTaps = 4;

// What one place of the output is made of along one dim.
struct Taps {
  int64_t places[kMostTaps];
  double weights[kMostTaps];
};

// Places and weights of the outputs along one dim.
struct Dim {
  int64_t size, out;
  int count;
  const Taps* taps;
};

double floorOf(double x) { return __builtin_floor(x); }

// The distance of two outputs, in inputs: as the caller gave it, else as the sizes have it.
double scaleOf(int64_t size, int64_t out, bool alignCorners, double given) {
  if (alignCorners) return out > 1 ? static_cast<double>(size - 1) / static_cast<double>(out - 1) : 0;
  return given > 0 ? 1 / given : static_cast<double>(size) / static_cast<double>(out);
}

void linearTaps(double at, int64_t size, Taps* taps) {
  at = most(at, 0.0);
  const int64_t place = least(static_cast<int64_t>(at), size - 1);
  const double beyond = least(most(at - static_cast<double>(place), 0.0), 1.0);
  taps->places[0] = place;
  taps->places[1] = least(place + 1, size - 1);
  taps->weights[0] = 1 - beyond;
  taps->weights[1] = beyond;
}

void cubicTaps(double at, int64_t size, Taps* taps) {
  const double a = -0.75;
  const int64_t place = least(static_cast<int64_t>(floorOf(at)), size - 1);
  const double beyond = least(most(at - static_cast<double>(place), 0.0), 1.0);
  const auto near = [a](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [a](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  taps->weights[0] = far(beyond + 1);
  taps->weights[1] = near(beyond);
  taps->weights[2] = near(1 - beyond);
  taps->weights[3] = far(2 - beyond);
  for (int k = 0; k < 4; ++k) taps->places[k] = least(most<int64_t>(place - 1 + k, 0), size - 1);
}

// The nearest place. In float for every dtype, as PyTorch has it: places at the border between two inputs
// depend on it; so they do on its short cuts for images of one or of twice the size, whatever scale was
// given.
int64_t nearestPlace(int64_t index, int64_t size, int64_t out, Mode mode, bool isImage, double given) {
  if (isImage && mode == kNearest && out == size) return index;
  if (isImage && mode == kNearest && out == 2 * size) return index / 2;
  const float scale =
      given > 0 ? static_cast<float>(1 / given) : static_cast<float>(size) / static_cast<float>(out);
  const float at = (static_cast<float>(index) + (mode == kNearestExact ? 0.5f : 0.0f)) * scale;
  return least(static_cast<int64_t>(__builtin_floorf(at)), size - 1);
}

Dim dimOf(int slot, int64_t size, int64_t out, Mode mode, bool alignCorners, bool isImage, double given) {
  Taps* taps = static_cast<Taps*>(scratch(slot, static_cast<size_t>(out) * sizeof(Taps)));
  const double scale = scaleOf(size, out, alignCorners, given);
  for (int64_t i = 0; i < out; ++i) {
    if (mode == kNearest || mode == kNearestExact) {
      taps[i].places[0] = nearestPlace(i, size, out, mode, isImage, given);
      taps[i].weights[0] = 1;
      continue;
    }
    const double place = static_cast<double>(i);
    const double at = alignCorners ? place * scale : scale * (place + 0.5) - 0.5;
    if (mode == kCubic) {
      cubicTaps(at, size, &taps[i]);
    } else {
      linearTaps(size == out ? place : at, size, &taps[i]);
    }
  }
  return {size, out, mode == kCubic ? 4 : mode == kLinear ? 2 : 1, taps};
}

struct Resampling {
  Dim lines, columns;
  int64_t planes;
  int64_t grain() const {
    const int64_t each = lines.size * columns.size + lines.out * columns.out * lines.count * columns.count;
    return most<int64_t>(1, kGrain / most<int64_t>(1, each));
  }
};

// n: the scales given, 0 for none; i: mode, alignCorners, whether lines are resampled at all
Resampling resamplingOf(const Operand& y, const Operand& x, const Call& call) {
  const Mode mode = static_cast<Mode>(call.integers[0]);
  const bool alignCorners = call.integers[1] != 0, isImage = call.integers[2] != 0;
  const Mode down = isImage ? mode : kNearest;
  return {dimOf(3, x.sizes[1], y.sizes[1], down, alignCorners, isImage, call.numbers[0]),
          dimOf(4, x.sizes[2], y.sizes[2], mode, alignCorners, isImage, call.numbers[1]), x.sizes[0]};
}

// y; x
void resample(const Call& call, const void*) {
  const Operand *y = &call.operands[0], *x = &call.operands[1];
  const Resampling r = resamplingOf(*y, *x, call);
  const auto run = [&](auto zero, auto one) {
    using T = decltype(zero);
    using Sum = decltype(one);
    parallel(r.planes, r.grain(), [&](int64_t begin, int64_t end) {
      for (int64_t plane = begin; plane < end; ++plane) {
        const T* from = pointerTo<T>(*x) + plane * r.lines.size * r.columns.size;
        T* to = pointerTo<T>(*y) + plane * r.lines.out * r.columns.out;
        for (int64_t i = 0; i < r.lines.out; ++i) {
          const Taps& down = r.lines.taps[i];
          for (int64_t j = 0; j < r.columns.out; ++j) {
            const Taps& right = r.columns.taps[j];
            if (r.columns.count == 1 && r.lines.count == 1) {
              *to++ = from[down.places[0] * r.columns.size + right.places[0]];
              continue;
            }
            Sum sum = Sum(0);
            for (int a = 0; a < r.lines.count; ++a) {
              const T* line = from + down.places[a] * r.columns.size;
              Sum inner = Sum(0);
              for (int b = 0; b < r.columns.count; ++b)
                inner += static_cast<Sum>(right.weights[b]) * static_cast<Sum>(line[right.places[b]]);
              sum += static_cast<Sum>(down.weights[a]) * inner;
            }
            *to++ = static_cast<T>(sum);
          }
        }
      }
    });
  };
  if (x->dtype == DType::float32) return run(float(), float());
  if (x->dtype == DType::float64) return run(double(), double());
  if (x->dtype == DType::uint8) return run(uint8_t(), float());
}

// dx; g
void resampleBackward(const Call& call, const void*) {
  const Operand *dx = &call.operands[0], *g = &call.operands[1];
  const Resampling r = resamplingOf(*g, *dx, call);
  withFloating(g->dtype, [&](auto zero) {
    using T = decltype(zero);
    parallel(r.planes, r.grain(), [&](int64_t begin, int64_t end) {
      for (int64_t plane = begin; plane < end; ++plane) {
        const T* from = pointerTo<T>(*g) + plane * r.lines.out * r.columns.out;
        T* to = pointerTo<T>(*dx) + plane * r.lines.size * r.columns.size;
        for (int64_t i = 0; i < r.lines.size * r.columns.size; ++i) to[i] = T(0);
        for (int64_t i = 0; i < r.lines.out; ++i) {
          const Taps& down = r.lines.taps[i];
          for (int64_t j = 0; j < r.columns.out; ++j) {
            const Taps& right = r.columns.taps[j];
            const T value = *from++;
            for (int a = 0; a < r.lines.count; ++a) {
              T* line = to + down.places[a] * r.columns.size;
              const T share = static_cast<T>(down.weights[a]) * value;
              for (int b = 0; b < r.columns.count; ++b)
                line[right.places[b]] += static_cast<T>(right.weights[b]) * share;
            }
          }
        }
      }
    });
  });
}

const Kernel kKernels[] = {
    {"resample", kFloating | bit(DType::uint8), resample, nullptr},
    {"resampleBackward", kFloating, resampleBackward, nullptr},
};

}  // namespace

extern const KernelTable resampleKernels;
const KernelTable resampleKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
