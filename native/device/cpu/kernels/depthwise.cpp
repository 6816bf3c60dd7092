// Depthwise convolutions (one input channel a group): no sum over channels, so memory is the limit and not
// arithmetic. Each plane is copied once into one with its padding around it, and rows are summed tap by tap
// in registers.
#include "conv.h"
#include "micro.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int kPlaneSlot = 3, kOffsetSlot = 4, kRowSlot = 5;

// A plane with room around it, in which the value for tap k at place (i, j) lies at lines[i * rowStep +
// offset k + j].
template <class T>
struct Padded {
  T* values;
  int64_t* offsets;  // of the taps
  int64_t width;     // of a line
  int64_t rowStep;   // from one row of results to the next
};

// Room for `lines` lines of `width`, all zero, and for the offsets; one vector more may be read behind the
// end.
template <class T>
Padded<T> makePadded(int64_t lines, int64_t width, int64_t taps) {
  Padded<T> plane;
  const int64_t count = lines * width + kLanes<T>;
  plane.values = static_cast<T*>(scratch(kPlaneSlot, static_cast<size_t>(count) * sizeof(T)));
  plane.offsets = static_cast<int64_t*>(scratch(kOffsetSlot, static_cast<size_t>(taps) * sizeof(int64_t)));
  plane.width = width;
  for (int64_t i = 0; i < count; ++i) plane.values[i] = T(0);
  return plane;
}

// x as y's pixels see it. With a step of 2 along the rows, even and odd columns lie apart, so that a row of
// results reads neighbours.
template <class T>
Padded<T> paddedInput(const Convolution& s, const T* x) {
  const int64_t phases = s.stride[1];
  const int64_t lines = (s.out[0] - 1) * s.stride[0] + s.dilation[0] * (s.kernel[0] - 1) + 1;
  const int64_t width = s.out[1] + s.dilation[1] * (s.kernel[1] - 1) / phases + kLanes<T>;
  Padded<T> plane = makePadded<T>(lines * phases, width, s.taps());
  plane.rowStep = s.stride[0] * phases * width;
  for (int64_t line = 0; line < lines; ++line) {
    const int64_t i = line - s.padding[0];
    if (i < 0 || i >= s.size[0]) continue;
    for (int64_t phase = 0; phase < phases; ++phase) {
      T* to = plane.values + (line * phases + phase) * width;
      const int64_t shift = phase - s.padding[1];  // column q holds x's column q * phases + shift
      const int64_t low = shift >= 0 ? 0 : (-shift + phases - 1) / phases;
      const int64_t beyond = s.size[1] - shift;
      const int64_t high = least(width, beyond <= 0 ? 0 : (beyond + phases - 1) / phases);
      const T* from = x + i * s.size[1] + shift;
      for (int64_t q = low; q < high; ++q) to[q] = from[q * phases];
    }
  }
  for (int64_t tap = 0; tap < s.taps(); ++tap) {
    const int64_t down = tap / s.kernel[1] * s.dilation[0], right = tap % s.kernel[1] * s.dilation[1];
    plane.offsets[tap] = (down * phases + right % phases) * width + right / phases;
  }
  return plane;
}

// g with zeros between its elements where steps are larger than 1, as dx's pixels see it.
template <class T>
Padded<T> paddedGradient(const Convolution& s, const T* g) {
  const int64_t reach[2] = {s.dilation[0] * (s.kernel[0] - 1), s.dilation[1] * (s.kernel[1] - 1)};
  const int64_t lines = s.size[0] + reach[0], width = s.size[1] + reach[1] + kLanes<T>;
  Padded<T> plane = makePadded<T>(lines, width, s.taps());
  plane.rowStep = width;
  for (int64_t i = 0; i < s.out[0]; ++i) {
    const int64_t line = i * s.stride[0] - s.padding[0] + reach[0];
    if (line < 0 || line >= lines) continue;
    for (int64_t j = 0; j < s.out[1]; ++j) {
      const int64_t column = j * s.stride[1] - s.padding[1] + reach[1];
      if (column >= 0 && column < width) plane.values[line * width + column] = g[i * s.out[1] + j];
    }
  }
  for (int64_t tap = 0; tap < s.taps(); ++tap) {
    const int64_t down = tap / s.kernel[1] * s.dilation[0], right = tap % s.kernel[1] * s.dilation[1];
    plane.offsets[tap] = (reach[0] - down) * width + reach[1] - right;
  }
  return plane;
}

// to [rows, columns] = start + the sum over taps of w[tap] * plane at the tap; added to `to` itself with
// `adds`.
template <class T>
void sumTaps(const Padded<T>& plane, const T* w, int64_t taps, int64_t rows, int64_t columns, T start,
             bool adds, T* to) {
  constexpr int lanes = kLanes<T>;
  for (int64_t i = 0; i < rows; ++i, to += columns) {
    const T* line = plane.values + i * plane.rowStep;
    for (int64_t j = 0; j < columns; j += lanes) {
      Vector<T> sum = Vector<T>{} + start;
      for (int64_t tap = 0; tap < taps; ++tap) sum += w[tap] * load(line + plane.offsets[tap] + j);
      if (j + lanes <= columns) {
        store(to + j, adds ? load(to + j) + sum : sum);
      } else {
        for (int64_t k = 0; j + k < columns; ++k) to[j + k] = adds ? to[j + k] + sum[k] : sum[k];
      }
    }
  }
}

// dw[0 .. count) += the sum over pixels of g (rows of `width`, zeros behind their ends) * plane at taps from
// `first` on.
template <class T, int kCount>
void sumPixels(const Padded<T>& plane, int64_t first, const T* g, int64_t width, int64_t rows, T* dw) {
  constexpr int lanes = kLanes<T>;
  Vector<T> sums[kCount] = {};
  for (int64_t i = 0; i < rows; ++i) {
    const T* line = plane.values + i * plane.rowStep;
    for (int64_t j = 0; j < width; j += lanes) {
      const Vector<T> values = load(g + i * width + j);
      for (int tap = 0; tap < kCount; ++tap)
        sums[tap] += values * load(line + plane.offsets[first + tap] + j);
    }
  }
  for (int tap = 0; tap < kCount; ++tap) {
    T sum = T(0);
    for (int lane = 0; lane < lanes; ++lane) sum += sums[tap][lane];
    dw[tap] += sum;
  }
}

int64_t grainOf(const Convolution& s, int64_t perTask) {
  return most<int64_t>(1, 64 * 1024 / most<int64_t>(1, perTask * s.outs * s.taps()));
}

}  // namespace

template <class T>
void depthwise(const Convolution& s, const T* x, const T* w, const T* bias, T* y) {
  parallel(s.batch * s.groups, grainOf(s, s.outPixels()), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const Padded<T> plane = paddedInput(s, x + task * s.pixels());
      for (int64_t k = 0; k < s.outs; ++k) {
        const int64_t out = task % s.groups * s.outs + k;
        sumTaps(plane, w + out * s.taps(), s.taps(), s.out[0], s.out[1], bias ? bias[out] : T(0), false,
                y + (task * s.outs + k) * s.outPixels());
      }
    }
  });
}

template <class T>
void depthwiseInput(const Convolution& s, const T* g, const T* w, const T* bias, T* dx) {
  parallel(s.batch * s.groups, grainOf(s, s.pixels()), [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t group = task % s.groups;
      for (int64_t k = 0; k < s.outs; ++k) {
        const Padded<T> plane = paddedGradient(s, g + (task * s.outs + k) * s.outPixels());
        sumTaps(plane, w + (group * s.outs + k) * s.taps(), s.taps(), s.size[0], s.size[1],
                bias && k == 0 ? bias[group] : T(0), k > 0, dx + task * s.pixels());
      }
    }
  });
}

template <class T>
void depthwiseWeight(const Convolution& s, const T* g, const T* x, T* dw) {
  constexpr int lanes = kLanes<T>;
  const int64_t width = (s.out[1] + lanes - 1) / lanes * lanes;
  parallel(s.groups, grainOf(s, s.batch * s.outPixels()), [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      T* to = dw + group * s.outs * s.taps();
      for (int64_t k = 0; k < s.outs * s.taps(); ++k) to[k] = T(0);
      T* rows = static_cast<T*>(scratch(kRowSlot, static_cast<size_t>(s.out[0] * width) * sizeof(T)));
      for (int64_t image = 0; image < s.batch; ++image) {
        const int64_t task = image * s.groups + group;
        const Padded<T> plane = paddedInput(s, x + task * s.pixels());
        for (int64_t k = 0; k < s.outs; ++k) {
          const T* from = g + (task * s.outs + k) * s.outPixels();
          for (int64_t i = 0; i < s.out[0]; ++i) {
            for (int64_t j = 0; j < width; ++j)
              rows[i * width + j] = j < s.out[1] ? from[i * s.out[1] + j] : T(0);
          }
          int64_t tap = 0;
          for (; tap + 3 <= s.taps(); tap += 3)
            sumPixels<T, 3>(plane, tap, rows, width, s.out[0], to + k * s.taps() + tap);
          for (; tap < s.taps(); ++tap)
            sumPixels<T, 1>(plane, tap, rows, width, s.out[0], to + k * s.taps() + tap);
        }
      }
    }
  });
}

#define DESCENT_DEPTHWISE(T)                                                             \
  template void depthwise<T>(const Convolution&, const T*, const T*, const T*, T*);      \
  template void depthwiseInput<T>(const Convolution&, const T*, const T*, const T*, T*); \
  template void depthwiseWeight<T>(const Convolution&, const T*, const T*, T*);
DESCENT_DEPTHWISE(float)
DESCENT_DEPTHWISE(double)
#undef DESCENT_DEPTHWISE

}  // namespace descent::cpu::DESCENT_CAPABILITY
