// Images unfolded into columns and folded back: one row for each channel and tap of a kernel, one column for
// each pixel of the output, so that a convolution is a matrix product.
#pragma once

#include "conv.h"

namespace descent::cpu::DESCENT_CAPABILITY {

constexpr int64_t kTileStep = 32;  // tiles are multiples of this many pixels
constexpr int kColumnSlot = 3;

inline int64_t rounded(int64_t value, int64_t step) { return (value + step - 1) / step * step; }

// From one row of columns to the next; a multiple of 2 KiB would put them all into one set of the cache.
template <class T>
inline int64_t stepOf(int64_t pixels) {
  const int64_t step = rounded(pixels, kTileStep);
  return step * static_cast<int64_t>(sizeof(T)) % 2048 == 0 ? step + kTileStep : step;
}

// Runs are mostly shorter than a call of memcpy takes; the pieces of a run may overlap.
template <class T>
inline void copyRun(const T* from, int64_t count, T* to) {
  if (count >= 16) {
    for (int64_t k = 0; k + 16 <= count; k += 16) __builtin_memcpy(to + k, from + k, 16 * sizeof(T));
    __builtin_memcpy(to + count - 16, from + count - 16, 16 * sizeof(T));
  } else if (count >= 8) {
    __builtin_memcpy(to, from, 8 * sizeof(T));
    __builtin_memcpy(to + count - 8, from + count - 8, 8 * sizeof(T));
  } else if (count >= 4) {
    __builtin_memcpy(to, from, 4 * sizeof(T));
    __builtin_memcpy(to + count - 4, from + count - 4, 4 * sizeof(T));
  } else {
    for (int64_t k = 0; k < count; ++k) to[k] = from[k];
  }
}

// The part of a plane that output lines [first, last] see, with the padding around it.
struct Around {
  int64_t width, lines;
  bool pays;  // for kernels that see each place several times
};
inline Around aroundOf(const Convolution& s, int64_t first, int64_t last) {
  Around around;
  around.width = (s.out[1] - 1) * s.stride[1] + s.dilation[1] * (s.kernel[1] - 1) + 1;
  around.lines = (last - first) * s.stride[0] + s.dilation[0] * (s.kernel[0] - 1) + 1;
  around.pays = s.taps() > 1 && around.width <= 4 * s.size[1] + 64 && around.lines <= 4 * s.size[0] + 64;
  return around;
}

// unfold for such kernels: each channel is copied once into `plane` [lines, width], in which no tap meets an
// edge.
template <class T>
inline void unfoldAround(const Convolution& s, const Around& around, const T* image, int64_t channels,
                         int64_t begin, int64_t end, T* to, int64_t step, T* plane) {
  const int64_t width = around.width, firstLine = begin / s.out[1] * s.stride[0] - s.padding[0];
  const int64_t low = most<int64_t>(0, s.padding[1]);
  const int64_t high = most(low, least(width, s.size[1] + s.padding[1]));
  for (int64_t i = 0; i < around.lines * width; ++i) plane[i] = T(0);
  for (int64_t channel = 0; channel < channels; ++channel) {
    for (int64_t i = most<int64_t>(0, -firstLine); i < least(around.lines, s.size[0] - firstLine); ++i) {
      const T* line = image + channel * s.pixels() + (firstLine + i) * s.size[1] - s.padding[1];
      copyRun(line + low, high - low, plane + i * width + low);
    }
    for (int64_t tap = 0; tap < s.taps(); ++tap) {
      T* values = to + (channel * s.taps() + tap) * step;
      const T* from = plane + tap / s.kernel[1] * s.dilation[0] * width + tap % s.kernel[1] * s.dilation[1];
      int64_t j = begin % s.out[1];
      for (int64_t at = begin; at < end; j = 0, from += s.stride[0] * width) {
        const int64_t run = least(s.out[1] - j, end - at);
        if (s.stride[1] == 1) {
          copyRun(from + j, run, values);
        } else {
          for (int64_t k = 0; k < run; ++k) values[k] = from[(j + k) * s.stride[1]];
        }
        at += run;
        values += run;
      }
    }
  }
}

// What stands where a kernel's tap meets pixels [begin, end) of y's plane: one row of end - begin values for
// each of `channels` channels and each tap, `step` apart.
template <class T>
inline void unfold(const Convolution& s, const T* image, int64_t channels, int64_t begin, int64_t end, T* to,
                   int64_t step, T* plane) {
  const Around around = aroundOf(s, begin / s.out[1], (end - 1) / s.out[1]);
  if (around.pays) return unfoldAround(s, around, image, channels, begin, end, to, step, plane);
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
          copyRun(from + low, high - low, values + low);
        } else {
          for (int64_t k = low; k < high; ++k) values[k] = from[k * s.stride[1]];
        }
        for (int64_t k = high; k < j + run; ++k) values[k] = T(0);
      }
    }
  }
}

// Room for columns, and behind them for a plane with what is around it.
template <class T>
struct Columns {
  T* values;
  T* plane;
};
template <class T>
inline Columns<T> columnsFor(const Convolution& s, int64_t rows, int64_t step) {
  const Around around = aroundOf(s, 0, s.out[0] - 1);
  const int64_t count = rows * step + (around.pays ? around.lines * around.width : 0);
  T* values = static_cast<T*>(scratch(kColumnSlot, static_cast<size_t>(count) * sizeof(T)));
  return {values, values + rows * step};
}

// Adds rows of columns to where unfold would have read them.
template <class T>
inline void fold(const Convolution& s, const T* from, int64_t channels, int64_t begin, int64_t end,
                 int64_t step, T* image) {
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

}  // namespace descent::cpu::DESCENT_CAPABILITY
