// Kernels that move or make values without arithmetic: copy (with casts), fill, arange.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

// As a C cast, but small integers go through int32, so that a value out of range wraps instead of being
// undefined.
template <class To, class From>
inline To cast(From x) {
  if constexpr (kIsFloating<From> && !kIsFloating<To> && sizeof(To) < 4) {
    return sizeof(To) == 1 && To(2) == To(1) ? To(x != From(0)) : static_cast<To>(static_cast<int32_t>(x));
  } else {
    return static_cast<To>(x);
  }
}

template <class To, class From>
struct Cast {
  static void loop(void* to, const void* const* inputs, int64_t count, const double*) {
    const From* x = static_cast<const From*>(inputs[0]);
    To* y = static_cast<To*>(to);
    DESCENT_VECTORIZE
    for (int64_t i = 0; i < count; ++i) y[i] = cast<To>(x[i]);
  }
};

template <class T>
struct Cast<T, T> {
  static void loop(void* to, const void* const* inputs, int64_t count, const double*) {
    if (to != inputs[0]) __builtin_memmove(to, inputs[0], static_cast<size_t>(count) * sizeof(T));
  }
};

// float16 and bfloat16 are cast by way of float, as PyTorch does.
void runCast(const Operand* operands) {
  const DType y = operands[0].dtype, x = operands[1].dtype;
  const DType to = y == x ? movedAs(y) : widened(y), from = y == x ? movedAs(x) : widened(x);
  ElementwiseLoop loop = nullptr;
  withAny(to, [&](auto a) { withAny(from, [&](auto b) { loop = Cast<decltype(a), decltype(b)>::loop; }); });
  runElementwise(operands, 2, loop, nullptr, 2 * kGrain, y != x);
}

// A transposed matrix: copied in square blocks, so that both sides use whole cache lines.
template <class T>
void copyTransposed(const Operand& y, const Operand& x) {
  constexpr int64_t kBlock = 16;
  const int64_t rows = y.sizes[0], columns = y.sizes[1];
  const int64_t yStep = y.strides[0], xStep = x.strides[1];
  T* to = pointerTo<T>(y);
  const T* from = pointerTo<T>(x);
  const int64_t blocks = (rows + kBlock - 1) / kBlock;
  parallel(blocks, most<int64_t>(1, kGrain / (kBlock * columns)), [&](int64_t begin, int64_t end) {
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kBlock, last = least(rows, first + kBlock);
      for (int64_t column = 0; column < columns; column += kBlock) {
        const int64_t stop = least(columns, column + kBlock);
        for (int64_t i = first; i < last; ++i) {
          for (int64_t j = column; j < stop; ++j) to[i * yStep + j] = from[i + j * xStep];
        }
      }
    }
  });
}

// y, x: one shape, any two dtypes.
void copy(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[1];
  if (y.dims == 2 && y.dtype == x.dtype && !x.isConstant && y.strides[1] == 1 && x.strides[0] == 1 &&
      x.strides[1] != 1 && y.sizes[0] > 1 && y.sizes[1] > 1) {
    withAny(movedAs(y.dtype), [&](auto zero) { copyTransposed<decltype(zero)>(y, x); });
    return;
  }
  runCast(call.operands);
}

void fill(const Call& call, const void*) {
  Operand operands[2] = {call.operands[0], call.operands[0]};
  operands[1].isConstant = true;
  operands[1].number = call.numbers ? call.numbers[0] : 0;
  operands[1].integer = call.integers ? call.integers[0] : 0;
  runCast(operands);
}

// y [N] = start + index * step, in double or int64.
void arange(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const int64_t stride = y.strides[0];
  withAny(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    T* to = pointerTo<T>(y);
    if constexpr (kIsFloating<T>) {
      const double start = call.numbers[0], step = call.numbers[1];
      for (int64_t i = 0; i < y.sizes[0]; ++i)
        to[i * stride] = static_cast<T>(start + static_cast<double>(i) * step);
    } else {
      const int64_t start = call.integers[0], step = call.integers[1];
      for (int64_t i = 0; i < y.sizes[0]; ++i) to[i * stride] = static_cast<T>(start + i * step);
    }
  });
}

const Kernel kKernels[] = {
    {"copy", kAll | kHalves, copy, nullptr},
    {"fill", kAll | kHalves, fill, nullptr},
    {"arange", kAll, arange, nullptr},
};

}  // namespace

extern const KernelTable copyKernels;
const KernelTable copyKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
