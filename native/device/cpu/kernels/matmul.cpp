// The kernel `matmul`: batches of matrix products in every numeric dtype.
#include "gemm.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

// Integers: no blocking, whole rows of y at a time.
template <class T>
void multiply(const Product<T>& p) {
  for (int64_t i = 0; i < p.m; ++i) {
    T* row = p.c + i * p.cRow;
    for (int64_t j = 0; j < p.n; ++j) {
      T& to = row[j * p.cColumn];
      to = static_cast<T>((p.accumulate ? to : T(0)) + (p.bias ? p.bias[j] : T(0)));
    }
    for (int64_t k = 0; k < p.k; ++k) {
      const T x = p.a[i * p.aRow + k * p.aColumn];
      const T* from = p.b + k * p.bRow;
      for (int64_t j = 0; j < p.n; ++j) row[j * p.cColumn] += x * from[j * p.bColumn];
    }
  }
}

template <class T>
void multiplyBatches(const Call& call) {
  const Operand& y = call.operands[0];
  const Operand& a = call.operands[1];
  const Operand& b = call.operands[2];
  const int batchDims = y.dims - 2;
  int64_t batches = 1;
  for (int dim = 0; dim < batchDims; ++dim) batches *= y.sizes[dim];
  Product<T> first;
  first.m = y.sizes[batchDims];
  first.n = y.sizes[batchDims + 1];
  first.k = a.sizes[batchDims + 1];
  if (batches == 0 || first.m == 0 || first.n == 0) return;
  first.a = pointerTo<T>(a);
  first.aRow = a.strides[batchDims];
  first.aColumn = a.strides[batchDims + 1];
  first.b = pointerTo<T>(b);
  first.bRow = b.strides[batchDims];
  first.bColumn = b.strides[batchDims + 1];
  first.c = pointerTo<T>(y);
  first.cRow = y.strides[batchDims];
  first.cColumn = y.strides[batchDims + 1];
  first.accumulate = call.integers[0] != 0;
  first.bias = nullptr;
  if (call.integers[1] != 0) {
    const Operand& bias = call.operands[3];
    first.bias = pointerTo<T>(bias);
    if (!isContiguous(bias)) {
      T* copy = static_cast<T*>(scratch(3, static_cast<size_t>(first.n) * sizeof(T)));
      gatherRange(bias, 0, first.n, copy);
      first.bias = copy;
    }
  }
  if (batches == 1) return multiply(first);

  const auto one = [&](int64_t index) {
    Product<T> product = first;
    product.a += offsetOf(a, batchDims, index);
    product.b += offsetOf(b, batchDims, index);
    product.c += offsetOf(y, batchDims, index);
    multiply(product);
  };
  // Many products: one thread each. Few: all threads on each in turn.
  if (batches < 8) {
    for (int64_t index = 0; index < batches; ++index) one(index);
    return;
  }
  const double work =
      static_cast<double>(first.m) * static_cast<double>(first.n) * static_cast<double>(first.k);
  const int64_t grain = most<int64_t>(1, static_cast<int64_t>(200e3 / (work + 1)));
  parallel(batches, grain, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) one(index);
  });
}

// y [B..., M, N] = a [B..., M, K] b [B..., K, N] (+ bias [N]) (+ y)
void matmul(const Call& call, const void*) {
  switch (call.operands[0].dtype) {
    case DType::float32:
      return multiplyBatches<float>(call);
    case DType::float64:
      return multiplyBatches<double>(call);
    case DType::uint8:
      return multiplyBatches<uint8_t>(call);
    case DType::int8:
      return multiplyBatches<int8_t>(call);
    case DType::int16:
      return multiplyBatches<int16_t>(call);
    case DType::int32:
      return multiplyBatches<int32_t>(call);
    case DType::int64:
      return multiplyBatches<int64_t>(call);
    default:
      return;
  }
}

const Kernel kKernels[] = {{"matmul", kAll & ~bit(DType::boolean), matmul, nullptr}};

}  // namespace

extern const KernelTable matmulKernels;
const KernelTable matmulKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
