// Along the last dim: running sums and products, and linear recurrences, each row by one thread and kept in
// double. Over all elements: where they are not zero.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kBlock = 4096;  // elements

template <bool kFloats>
struct WideType {
  using Type = int64_t;
};
template <>
struct WideType<true> {
  using Type = double;
};
// What running values of T are kept in.
template <class T>
using Wide = typename WideType<kIsFloating<T>>::Type;

// body(row) for each row of the last dim of y.
template <class Body>
void forRows(const Operand& y, const Body& body) {
  const int64_t size = y.sizes[y.dims - 1];
  const int64_t rows = elements(y) / most<int64_t>(1, size);
  parallel(rows, most<int64_t>(1, kGrain / (size + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) body(row);
  });
}

// One row of an operand, from its first or from its last element on.
template <class T>
struct Row {
  T* at;
  int64_t step;
  Row(const Operand& x, int64_t row, bool isReverse)
      : at(pointerTo<T>(x) + offsetOf(x, x.dims - 1, row)), step(x.strides[x.dims - 1]) {
    if (!isReverse) return;
    at += (x.sizes[x.dims - 1] - 1) * step;
    step = -step;
  }
  T& operator[](int64_t k) const { return at[k * step]; }
};

struct Add {
  template <class W>
  static W join(W a, W b) {
    return a + b;
  }
};
struct Multiply {
  template <class W>
  static W join(W a, W b) {
    return a * b;
  }
};

// Rows that lie side by side, one element apart, as those along a dim that is not the last: kLanes of them
// step by step, so that whole cache lines are used.
template <class Join, int kStart, class T>
void runSideBySide(const Operand& y, const Operand& x, bool isReverse) {
  constexpr int64_t kLanes = 64;
  const int64_t width = y.sizes[y.dims - 2], size = y.sizes[y.dims - 1];
  const int64_t chunks = (width + kLanes - 1) / kLanes;
  const int64_t groups = elements(y) / most<int64_t>(1, width * size);
  parallel(groups * chunks, most<int64_t>(1, kGrain / (size * kLanes)), [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      const int64_t first = chunk % chunks * kLanes;
      const int64_t lanes = least(kLanes, width - first);
      const int64_t row = chunk / chunks * width + first;
      const Row<T> to(y, row, isReverse), from(x, row, isReverse);
      Wide<T> values[kLanes];
      for (Wide<T>& value : values) value = kStart;
      for (int64_t k = 0; k < size; ++k) {
        const T* source = &from[k];
        T* target = &to[k];
        DESCENT_VECTORIZE
        for (int64_t lane = 0; lane < lanes; ++lane) {
          values[lane] = Join::join(values[lane], static_cast<Wide<T>>(source[lane]));
          target[lane] = static_cast<T>(values[lane]);
        }
      }
    }
  });
}

bool liesSideBySide(const Operand& x) {
  return x.dims >= 2 && x.strides[x.dims - 2] == 1 && x.sizes[x.dims - 2] >= 8 && x.strides[x.dims - 1] != 1;
}

// y, x: [rows..., N]
template <class Join, int kStart>
void running(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[1];
  const bool isReverse = call.integers[0] != 0;
  const int64_t size = y.sizes[y.dims - 1];
  withAny(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    if (liesSideBySide(x) && liesSideBySide(y)) return runSideBySide<Join, kStart, T>(y, x, isReverse);
    forRows(y, [&](int64_t row) {
      const Row<T> to(y, row, isReverse), from(x, row, isReverse);
      Wide<T> value = kStart;
      for (int64_t k = 0; k < size; ++k) {
        value = Join::join(value, static_cast<Wide<T>>(from[k]));
        to[k] = static_cast<T>(value);
      }
    });
  });
}

// y[k] = b[k] + a[k] y[k - 1]; y, a, b: [rows..., N]
void recurrence(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const bool isReverse = call.integers[0] != 0;
  const int64_t size = y.sizes[y.dims - 1];
  withFloating(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    forRows(y, [&](int64_t row) {
      const Row<T> to(y, row, isReverse), a(call.operands[1], row, isReverse),
          b(call.operands[2], row, isReverse);
      double value = 0;
      for (int64_t k = 0; k < size; ++k) {
        // Nothing stands before the first, whatever a has there.
        value = k == 0 ? static_cast<double>(b[k])
                       : static_cast<double>(b[k]) + static_cast<double>(a[k]) * value;
        to[k] = static_cast<T>(value);
      }
    });
  });
}

// visit(place) for the nonzero ones among elements [first, first + size) of x.
template <class T, class Visit>
void eachNonzero(const Operand& x, bool isDense, int64_t first, int64_t size, const Visit& visit) {
  alignas(64) char tile[kBlock * sizeof(T)];
  const T* from = pointerTo<T>(x) + first;
  if (!isDense) {
    gatherRange(x, first, size, tile);
    from = reinterpret_cast<const T*>(tile);
  }
  for (int64_t i = 0; i < size; ++i) {
    if (from[i] != T(0)) visit(first + i);
  }
}

// y int64 [count, dims] contiguous, x with `count` nonzero elements: counted block by block first, so that
// each block knows where to write.
void nonzero(const Call& call, const void*) {
  const Operand& x = call.operands[1];
  int64_t* to = pointerTo<int64_t>(call.operands[0]);
  const int64_t count = elements(x);
  const int64_t blocks = (count + kBlock - 1) / kBlock;
  const bool isDense = isContiguous(x);
  auto* starts = static_cast<int64_t*>(scratch(0, static_cast<size_t>(blocks + 1) * sizeof(int64_t)));
  withAny(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    const auto forBlocks = [&](const auto& visitBlock) {
      parallel(blocks, 4, [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; ++block)
          visitBlock(block, block * kBlock, least(kBlock, count - block * kBlock));
      });
    };
    forBlocks([&](int64_t block, int64_t first, int64_t size) {
      int64_t found = 0;
      eachNonzero<T>(x, isDense, first, size, [&](int64_t) { ++found; });
      starts[block] = found;
    });
    int64_t total = 0;
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t found = starts[block];
      starts[block] = total;
      total += found;
    }
    forBlocks([&](int64_t block, int64_t first, int64_t size) {
      int64_t* next = to + starts[block] * x.dims;
      eachNonzero<T>(x, isDense, first, size, [&](int64_t place) {
        for (int dim = x.dims - 1; dim >= 0; --dim) {
          next[dim] = place % x.sizes[dim];
          place /= x.sizes[dim];
        }
        next += x.dims;
      });
    });
  });
}

const Kernel kKernels[] = {
    {"cumsum", kAll, running<Add, 0>, nullptr},
    {"cumprod", kAll, running<Multiply, 1>, nullptr},
    {"recurrence", kFloating, recurrence, nullptr},
    {"nonzero", kAll, nonzero, nullptr},
};

}  // namespace

extern const KernelTable scanKernels;
const KernelTable scanKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
