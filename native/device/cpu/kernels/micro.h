// The micro-kernels of the matrix product: a tile of C that stays in registers while k runs.
//
// A tile has up to kMaxRows rows and one or two vectors of columns. Each step of k loads the vectors of B's
// row and multiplies them by one element of A after another, broadcast from memory. With AVX-512 that is 28
// sums, 2 vectors of B and broadcasts folded into the multiply-add, so the two FMA units are the limit, not
// the loads.
#pragma once

#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

#if defined(__AVX512F__)
constexpr int kVectorBytes = 64;
constexpr int kMaxRows = 14;
#elif defined(__AVX2__)
constexpr int kVectorBytes = 32;
constexpr int kMaxRows = 6;
#elif defined(__aarch64__)
constexpr int kVectorBytes = 16;
constexpr int kMaxRows = 8;
#else
constexpr int kVectorBytes = 16;
constexpr int kMaxRows = 4;
#endif

template <class T>
struct VectorOf {
  typedef T Type __attribute__((vector_size(kVectorBytes), aligned(sizeof(T)), may_alias));
};
template <class T>
using Vector = typename VectorOf<T>::Type;
template <class T>
constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));
template <class T>
constexpr int kMaxColumns = 2 * kLanes<T>;

template <class T>
inline Vector<T> load(const T* from) {
  return *reinterpret_cast<const Vector<T>*>(from);
}
template <class T>
inline void store(T* to, Vector<T> x) {
  *reinterpret_cast<Vector<T>*>(to) = x;
}

// One tile: c (rows x vectors * lanes) = start + a (rows x depth) * b (depth x vectors * lanes), where start
// is c itself (accumulate) or 0, plus rowBias[row] and columnBias[column] where they are given.
template <class T>
struct Tile {
  int64_t depth;
  const T* a;
  int64_t aRow, aDepth;  // strides of a; one of them is 1
  const T* b;
  int64_t bDepth;  // stride of b's rows; its columns are contiguous
  T* c;
  int64_t cRow;  // stride of c's rows; its columns are contiguous
  bool accumulate;
  const T* rowBias;
  const T* columnBias;
};

// Makes the compiler forget where a value came from, so that it keeps it in a register instead of deriving it
// again.
inline void keep(int64_t& value) {
#ifdef __GNUC__
  asm("" : "+r"(value));
#endif
}

// The bytes from row 0 of a to row `kRow`, as base + index * {1, 2, 4, 8} of few registers: with one pointer
// a row, x86 would run out of them. Rows 9 and up count from a second base.
struct RowSteps {
  int64_t one, three, five, seven;
};
template <int kRow>
inline const char* rowAddress(const char* base, const char* ninth, const RowSteps& steps) {
  if constexpr (kRow >= 9) return rowAddress<kRow - 9>(ninth, ninth, steps);
  if constexpr (kRow == 0) return base;
  if constexpr (kRow == 1) return base + steps.one;
  if constexpr (kRow == 2) return base + steps.one * 2;
  if constexpr (kRow == 3) return base + steps.three;
  if constexpr (kRow == 4) return base + steps.one * 4;
  if constexpr (kRow == 5) return base + steps.five;
  if constexpr (kRow == 6) return base + steps.three * 2;
  if constexpr (kRow == 7) return base + steps.seven;
  return base + steps.one * 8;
}

// One step of k for rows kRow and up.
template <class T, int kRows, int kVectors, bool kUnitRow, int kRow = 0>
inline void multiplyRows(Vector<T> (&sum)[kRows][kVectors], const Vector<T> (&b)[kVectors], const char* a,
                         const char* ninth, const RowSteps& steps) {
  if constexpr (kRow < kRows) {
    const char* at =
        kUnitRow ? a + kRow * static_cast<int64_t>(sizeof(T)) : rowAddress<kRow>(a, ninth, steps);
    const T x = *reinterpret_cast<const T*>(at);
    for (int v = 0; v < kVectors; ++v) sum[kRow][v] += x * b[v];
    multiplyRows<T, kRows, kVectors, kUnitRow, kRow + 1>(sum, b, a, ninth, steps);
  }
}

template <class T, int kRows, int kVectors, bool kUnitRow>
void multiplyTile(const Tile<T>& tile) {
  constexpr int lanes = kLanes<T>;
  Vector<T> sum[kRows][kVectors];
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) sum[row][v] = Vector<T>{};
  }
  // c is on its way into the cache while k runs.
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) __builtin_prefetch(tile.c + row * tile.cRow + v * lanes, 1);
  }
  const char* a = reinterpret_cast<const char*>(tile.a);
  const T* b = tile.b;
  int64_t aStep = tile.aDepth * static_cast<int64_t>(sizeof(T));
  int64_t bStep = tile.bDepth;
  RowSteps steps{};
  int64_t toNinth = 0;
  if constexpr (!kUnitRow) {
    aStep = sizeof(T);
    steps.one = tile.aRow * static_cast<int64_t>(sizeof(T));
    steps.three = steps.one * 3;
    steps.five = steps.one * 5;
    steps.seven = steps.one * 7;
    toNinth = steps.one * 9;
    keep(steps.three);
    keep(steps.five);
    keep(steps.seven);
  }
  const char* ninth = a + toNinth;
  for (int64_t k = tile.depth; k > 0; --k) {
    Vector<T> row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = load(b + v * lanes);
    multiplyRows<T, kRows, kVectors, kUnitRow>(sum, row, a, ninth, steps);
    a += aStep;
    ninth += aStep;
    b += bStep;
  }
#pragma GCC unroll 16
  for (int row = 0; row < kRows; ++row) {
    T* c = tile.c + row * tile.cRow;
#pragma GCC unroll 2
    for (int v = 0; v < kVectors; ++v) {
      Vector<T> x = sum[row][v];
      if (tile.accumulate) x += load(c + v * lanes);
      if (tile.rowBias) x += tile.rowBias[row];
      if (tile.columnBias) x += load(tile.columnBias + v * lanes);
      store(c + v * lanes, x);
    }
  }
}

template <class T>
using TileKernel = void (*)(const Tile<T>&);

// By rows - 1, vectors - 1, and whether a's rows are contiguous with each other (aRow == 1).
template <class T>
struct TileKernels {
  TileKernel<T> of[kMaxRows][2][2];
};

template <class T, int kRows>
constexpr void addTileKernels(TileKernels<T>& all) {
  if constexpr (kRows > 0) {
    all.of[kRows - 1][0][0] = multiplyTile<T, kRows, 1, false>;
    all.of[kRows - 1][0][1] = multiplyTile<T, kRows, 1, true>;
    all.of[kRows - 1][1][0] = multiplyTile<T, kRows, 2, false>;
    all.of[kRows - 1][1][1] = multiplyTile<T, kRows, 2, true>;
    addTileKernels<T, kRows - 1>(all);
  }
}

template <class T>
constexpr TileKernels<T> makeTileKernels() {
  TileKernels<T> all{};
  addTileKernels<T, kMaxRows>(all);
  return all;
}

template <class T>
inline constexpr TileKernels<T> kTileKernels = makeTileKernels<T>();

}  // namespace descent::cpu::DESCENT_CAPABILITY
