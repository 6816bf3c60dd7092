// softmax and logSoftmax over the last dim, and their backwards. Also what crossEntropy shares with them.
//
// Rows are taken a few at a time: their exponentials are one long loop, so that rows of ten classes are as
// fast per element as rows of a thousand.
#include "softmax.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kChunk = 4096;  // elements of rows taken together

struct Rows {
  int64_t count, size;  // rows, and elements of one
};

Rows rowsOf(const Operand& x) {
  Rows rows{1, x.dims ? x.sizes[x.dims - 1] : 1};
  for (int dim = 0; dim + 1 < x.dims; ++dim) rows.count *= x.sizes[dim];
  return rows;
}

// body(first element, first row, rows) for chunks of whole rows.
template <class Body>
void forRows(const Rows& rows, const Body& body) {
  const int64_t together = most<int64_t>(1, kChunk / most<int64_t>(1, rows.size));
  const int64_t chunks = (rows.count + together - 1) / together;
  parallel(chunks, most<int64_t>(1, kGrain / 4 / (together * rows.size + 1)),
           [&](int64_t begin, int64_t end) {
             for (int64_t chunk = begin; chunk < end; ++chunk) {
               const int64_t first = chunk * together;
               body(first * rows.size, least(together, rows.count - first));
             }
           });
}

// `count` elements of x from `first` on as an array: in place, or gathered into scratch memory.
template <class T>
const T* elementsOf(const Operand& x, bool isDense, int64_t first, int64_t count, int slot) {
  if (isDense) return pointerTo<T>(x) + first;
  T* copy = static_cast<T*>(scratch(slot, static_cast<size_t>(count) * sizeof(T)));
  gatherRange(x, first, count, copy);
  return copy;
}

template <class T>
T* roomFor(const Operand& y, bool isDense, int64_t first, int64_t count, int slot) {
  if (isDense) return pointerTo<T>(y) + first;
  return static_cast<T*>(scratch(slot, static_cast<size_t>(count) * sizeof(T)));
}

template <class T, bool kLog>
void forward(const Operand& y, const Operand& x) {
  const Rows rows = rowsOf(x);
  if (rows.count * rows.size == 0) return;
  const bool xDense = isContiguous(x), yDense = isContiguous(y);
  forRows(rows, [&](int64_t first, int64_t count) {
    const int64_t total = count * rows.size;
    const T* from = elementsOf<T>(x, xDense, first, total, 0);
    T* to = roomFor<T>(y, yDense, first, total, 1);
    T* exponentials = kLog ? static_cast<T*>(scratch(2, static_cast<size_t>(total) * sizeof(T))) : to;
    softmaxRows<T, kLog>(from, to, exponentials, count, rows.size);
    if (!yDense) scatterRange(y, first, total, to);
  });
}

template <class T, bool kLog>
void backward(const Operand& dx, const Operand& g, const Operand& y) {
  const Rows rows = rowsOf(y);
  if (rows.count * rows.size == 0) return;
  const bool gDense = isContiguous(g), yDense = isContiguous(y), dxDense = isContiguous(dx);
  forRows(rows, [&](int64_t first, int64_t count) {
    const int64_t total = count * rows.size;
    const T* gs = elementsOf<T>(g, gDense, first, total, 0);
    const T* ys = elementsOf<T>(y, yDense, first, total, 1);
    T* to = roomFor<T>(dx, dxDense, first, total, 2);
    for (int64_t row = 0; row < count; ++row) {
      const T* gr = gs + row * rows.size;
      const T* yr = ys + row * rows.size;
      T* out = to + row * rows.size;
      if (kLog) {
        // y = x - ln sum e^x, so dx = g - e^y sum g
        const T sum = sumRow(gr, rows.size);
        DESCENT_VECTORIZE
        for (int64_t i = 0; i < rows.size; ++i) out[i] = gr[i] - exp_(yr[i]) * sum;
      } else {
        // dx = y (g - sum g y)
        T lanes[kRowLanes] = {};
        int64_t i = 0;
        for (; i + kRowLanes <= rows.size; i += kRowLanes) {
          for (int lane = 0; lane < kRowLanes; ++lane) lanes[lane] += gr[i + lane] * yr[i + lane];
        }
        T sum = T(0);
        for (; i < rows.size; ++i) sum += gr[i] * yr[i];
        for (T lane : lanes) sum += lane;
        DESCENT_VECTORIZE
        for (i = 0; i < rows.size; ++i) out[i] = yr[i] * (gr[i] - sum);
      }
    }
    if (!dxDense) scatterRange(dx, first, total, to);
  });
}

template <bool kLog>
void runForward(const Call& call, const void*) {
  withFloating(call.operands[0].dtype,
               [&](auto zero) { forward<decltype(zero), kLog>(call.operands[0], call.operands[1]); });
}

template <bool kLog>
void runBackward(const Call& call, const void*) {
  withFloating(call.operands[0].dtype, [&](auto zero) {
    backward<decltype(zero), kLog>(call.operands[0], call.operands[1], call.operands[2]);
  });
}

const Kernel kKernels[] = {
    {"softmax", kFloating, runForward<false>, nullptr},
    {"logSoftmax", kFloating, runForward<true>, nullptr},
    {"softmaxBackward", kFloating, runBackward<false>, nullptr},
    {"logSoftmaxBackward", kFloating, runBackward<true>, nullptr},
};

}  // namespace

extern const KernelTable softmaxKernels;
const KernelTable softmaxKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
