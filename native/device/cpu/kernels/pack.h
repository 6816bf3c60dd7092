// Copies parts of a matrix into panels: `lanes` elements of one step of k side by side, then those of the
// next step, so that a micro-kernel reads memory in order.
#pragma once

#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

typedef float Eight __attribute__((vector_size(32), aligned(4), may_alias));

// to[k * width + lane] = from[lane * stride + k] for 8 lanes and 8 steps of k: an 8x8 transposition in
// registers.
inline void transposeEight(const float* const* from, int64_t k, float* to, int64_t width) {
  Eight r[8], s[8];
  for (int i = 0; i < 8; ++i) r[i] = *reinterpret_cast<const Eight*>(from[i] + k);
  for (int i = 0; i < 8; i += 2) {
    s[i] = __builtin_shufflevector(r[i], r[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    s[i + 1] = __builtin_shufflevector(r[i], r[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
  for (int i = 0; i < 8; i += 4) {
    for (int j = 0; j < 2; ++j) {
      r[i + 2 * j] = __builtin_shufflevector(s[i + j], s[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      r[i + 2 * j + 1] = __builtin_shufflevector(s[i + j], s[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
  }
  for (int i = 0; i < 4; ++i) {
    *reinterpret_cast<Eight*>(to + i * width) =
        __builtin_shufflevector(r[i], r[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    *reinterpret_cast<Eight*>(to + (i + 4) * width) =
        __builtin_shufflevector(r[i], r[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
}

// Copies `lanes` elements, an even number, and not one more: what follows may be another thread's panel.
template <class T>
inline void copyLanes(const T* from, int lanes, T* to) {
  int lane = 0;
  for (; lane + 8 <= lanes; lane += 8) __builtin_memcpy(to + lane, from + lane, 8 * sizeof(T));
  for (; lane < lanes; lane += 2) __builtin_memcpy(to + lane, from + lane, 2 * sizeof(T));
}

// to[k * width + lane] = from[lane * laneStride + k * depthStride]; lanes from `lanes` to `width` become 0
// (with contiguous depth they may become copies of the last lane: whoever reads them throws them away).
template <class T>
inline void packPanel(const T* from, int64_t laneStride, int64_t depthStride, int lanes, int64_t depth,
                      int width, T* to) {
  if (laneStride == 1) {
    if (lanes == width) {
      for (int64_t k = 0; k < depth; ++k) copyLanes(from + k * depthStride, width, to + k * width);
      return;
    }
    for (int64_t k = 0; k < depth; ++k) {
      const T* row = from + k * depthStride;
      T* out = to + k * width;
      const int whole = lanes & ~7;
      copyLanes(row, whole, out);
      for (int lane = whole; lane < lanes; ++lane) out[lane] = row[lane];
      for (int lane = lanes; lane < width; ++lane) out[lane] = T(0);
    }
    return;
  }
  if constexpr (sizeof(T) == 4) {
    if (depthStride == 1 && width % 8 == 0) {
      for (int first = 0; first < width; first += 8) {
        const float* rows[8];
        for (int i = 0; i < 8; ++i) rows[i] = from + least(first + i, lanes - 1) * laneStride;
        int64_t k = 0;
        for (; k + 8 <= depth; k += 8) transposeEight(rows, k, to + k * width + first, width);
        for (; k < depth; ++k) {
          for (int i = 0; i < 8; ++i) to[k * width + first + i] = rows[i][k];
        }
      }
      return;
    }
  }
  for (int64_t k = 0; k < depth; ++k) {
    T* out = to + k * width;
    for (int lane = 0; lane < lanes; ++lane) out[lane] = from[lane * laneStride + k * depthStride];
    for (int lane = lanes; lane < width; ++lane) out[lane] = T(0);
  }
}

}  // namespace descent::cpu::DESCENT_CAPABILITY
