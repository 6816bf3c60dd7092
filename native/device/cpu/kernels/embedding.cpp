// The gradient of an embedding: rows added up by index.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

template <class T>
int64_t indexAt(const void* index, int64_t n) {
  return static_cast<int64_t>(static_cast<const T*>(index)[n]);
}

// y [V, D]; g [N, D], index [N]. Each thread has rows of y of its own and goes through the whole index, so
// that sums are in the order of the index.
template <class T>
void backward(const Call& call) {
  const Operand& y = call.operands[0];
  const Operand& index = call.operands[2];
  const int64_t rows = y.sizes[0], size = y.sizes[1], count = index.sizes[0];
  const int64_t padding = call.integers[0];
  const bool isScaled = call.integers[1] != 0;
  const auto read = index.dtype == DType::int64 ? indexAt<int64_t> : indexAt<int32_t>;
  const void* indices = bytesOf(index);
  int64_t* counts = nullptr;
  if (isScaled) {
    counts = static_cast<int64_t*>(scratch(4, static_cast<size_t>(rows + 1) * sizeof(int64_t)));
    __builtin_memset(counts, 0, static_cast<size_t>(rows) * sizeof(int64_t));
  }
  for (int64_t n = 0; n < count; ++n) {
    const int64_t at = read(indices, n);
    if (at < 0 || at >= rows) throwBadIndex("embedding", at, n, rows);
    if (isScaled) ++counts[at];
  }
  const int64_t grain = most<int64_t>((rows + 15) / 16, kGrain / (size + 1));
  parallel(rows, grain, [&](int64_t begin, int64_t end) {
    T* target = pointerTo<T>(y);
    const T* gradients = pointerTo<T>(call.operands[1]);
    __builtin_memset(target + begin * size, 0, static_cast<size_t>((end - begin) * size) * sizeof(T));
    for (int64_t n = 0; n < count; ++n) {
      const int64_t at = read(indices, n);
      if (at < begin || at >= end || at == padding) continue;
      T* to = target + at * size;
      const T* from = gradients + n * size;
      if (isScaled) {
        const T share = T(1) / static_cast<T>(counts[at]);
        DESCENT_VECTORIZE
        for (int64_t i = 0; i < size; ++i) to[i] += from[i] * share;
      } else {
        DESCENT_VECTORIZE
        for (int64_t i = 0; i < size; ++i) to[i] += from[i];
      }
    }
  });
}

void embeddingBackward(const Call& call, const void*) {
  call.operands[0].dtype == DType::float32 ? backward<float>(call) : backward<double>(call);
}

const Kernel kKernels[] = {
    {"embeddingBackward", bit(DType::float32) | bit(DType::float64), embeddingBackward, nullptr}};

}  // namespace

extern const KernelTable embeddingKernels;
const KernelTable embeddingKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
