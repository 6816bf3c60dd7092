// Softmax of contiguous rows.
#pragma once

#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

constexpr int kRowLanes = 16;

template <class T>
inline T sumRow(const T* x, int64_t size) {
  T lanes[kRowLanes] = {};
  int64_t i = 0;
  for (; i + kRowLanes <= size; i += kRowLanes) {
    for (int lane = 0; lane < kRowLanes; ++lane) lanes[lane] += x[i + lane];
  }
  T sum = T(0);
  for (; i < size; ++i) sum += x[i];
  for (T lane : lanes) sum += lane;
  return sum;
}

template <class T>
inline T largestOfRow(const T* x, int64_t size) {
  T largest = x[0];
  if (size >= kRowLanes) {
    T lanes[kRowLanes];
    for (int lane = 0; lane < kRowLanes; ++lane) lanes[lane] = x[lane];
    for (int64_t i = kRowLanes; i + kRowLanes <= size; i += kRowLanes) {
      for (int lane = 0; lane < kRowLanes; ++lane) lanes[lane] = max_(lanes[lane], x[i + lane]);
    }
    for (T lane : lanes) largest = max_(largest, lane);
  }
  for (int64_t i = size / kRowLanes * kRowLanes; i < size; ++i) largest = max_(largest, x[i]);
  return largest;
}

// y = softmax or log-softmax of `count` rows of x; `exponentials` is room for as many elements, and may be y
// unless kLog.
template <class T, bool kLog>
inline void softmaxRows(const T* x, T* y, T* exponentials, int64_t count, int64_t size) {
  if (size == 0) return;  // the largest of no elements is nowhere
  for (int64_t row = 0; row < count; ++row) {
    const T* from = x + row * size;
    T* to = y + row * size;
    const T largest = largestOfRow(from, size);
    DESCENT_VECTORIZE
    for (int64_t i = 0; i < size; ++i) to[i] = from[i] - largest;
  }
  const int64_t total = count * size;
  DESCENT_VECTORIZE
  for (int64_t i = 0; i < total; ++i) exponentials[i] = exp_(y[i]);
  for (int64_t row = 0; row < count; ++row) {
    T* to = y + row * size;
    const T sum = sumRow(exponentials + row * size, size);
    if (kLog) {
      const T shift = log_(sum);
      DESCENT_VECTORIZE
      for (int64_t i = 0; i < size; ++i) to[i] -= shift;
    } else {
      const T factor = T(1) / sum;
      DESCENT_VECTORIZE
      for (int64_t i = 0; i < size; ++i) to[i] *= factor;
    }
  }
}

}  // namespace descent::cpu::DESCENT_CAPABILITY
