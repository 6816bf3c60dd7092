// Reductions: y [K...] from x [K..., R...].
//
// Each output is made of the states of fixed blocks of its elements, merged in order, so that neither the
// number of threads nor who did which block can change a result. Inside a block, sums run in 32 lanes of the
// element's type and are joined in double.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kBlock = 4096;      // elements
constexpr int64_t kColumnRows = 128;  // rows summed in float before they go into the double sums
constexpr int kLanes = 32;

// What sums of T are kept in: within a block, and across blocks.
template <class T>
struct SumTypes {
  using Lane = int64_t;
  using Total = int64_t;
};
template <>
struct SumTypes<float> {
  using Lane = float;
  using Total = double;
};
template <>
struct SumTypes<double> {
  using Lane = double;
  using Total = double;
};

// Folds an array in kLanes lanes, so that the compiler can use vectors without reordering anything itself.
template <class Lane, class T, class Fold>
inline void foldLanes(Lane (&lanes)[kLanes], const T* x, int64_t count, const Fold& fold) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = fold(lanes[lane], x[i + lane]);
  }
  for (int lane = 0; i < count; ++i, ++lane) lanes[lane] = fold(lanes[lane], x[i]);
}

template <class T, class Map>
inline typename SumTypes<T>::Total sumOf(const T* x, int64_t count, const Map& map) {
  using Lane = typename SumTypes<T>::Lane;
  using Total = typename SumTypes<T>::Total;
  Lane lanes[kLanes] = {};
  foldLanes(lanes, x, count, [&](Lane sum, T value) { return sum + map(static_cast<Lane>(value)); });
  Total total = 0;
  for (Lane lane : lanes) total += static_cast<Total>(lane);
  return total;
}

template <class T>
inline T extremeOf(const T* x, int64_t count, bool largest) {
  T lanes[kLanes];
  for (T& lane : lanes) lane = x[0];
  if (largest) {
    foldLanes(lanes, x, count, [](T a, T b) { return max_(a, b); });
    for (T lane : lanes) lanes[0] = max_(lanes[0], lane);
  } else {
    foldLanes(lanes, x, count, [](T a, T b) { return min_(a, b); });
    for (T lane : lanes) lanes[0] = min_(lanes[0], lane);
  }
  return lanes[0];
}

// A reducer says what a block of at least one element adds to a State, how two states join, and what comes
// out of `count` elements. `first` is the index of x[0] among the reduced elements; `center` is what
// squaredDeviation subtracts.
template <class T>
struct Sum {
  using In = T;
  using Total = typename SumTypes<T>::Total;
  struct State {
    Total sum = 0;
  };
  static void add(State& state, const T* x, int64_t count, int64_t, double) {
    state.sum += sumOf(x, count, [](auto value) { return value; });
  }
  static void merge(State& state, const State& next) { state.sum += next.sum; }
  static Total finish(const State& state, int64_t) { return state.sum; }
};

template <class T>
struct Mean : Sum<T> {
  static double finish(const typename Sum<T>::State& state, int64_t count) {
    return state.sum / static_cast<double>(count);
  }
};

template <class T>
struct SquaredDeviation : Sum<T> {
  static void add(typename Sum<T>::State& state, const T* x, int64_t count, int64_t, double center) {
    const T m = static_cast<T>(center);
    state.sum += sumOf(x, count, [m](T value) { return (value - m) * (value - m); });
  }
};

template <class T>
struct Product {
  using In = T;
  struct State {
    T product = T(1);
  };
  static void add(State& state, const T* x, int64_t count, int64_t, double) {
    for (int64_t i = 0; i < count; ++i) state.product = static_cast<T>(state.product * x[i]);
  }
  static void merge(State& state, const State& next) {
    state.product = static_cast<T>(state.product * next.product);
  }
  static T finish(const State& state, int64_t) { return state.product; }
};

template <class T, bool kLargest>
struct Extreme {
  using In = T;
  struct State {
    T value = T(0);
    bool isSet = false;
  };
  static void add(State& state, const T* x, int64_t count, int64_t, double) {
    merge(state, State{extremeOf(x, count, kLargest), true});
  }
  static void merge(State& state, const State& next) {
    if (!next.isSet) return;
    state.value = !state.isSet ? next.value
                  : kLargest   ? max_(state.value, next.value)
                               : min_(state.value, next.value);
    state.isSet = true;
  }
  static T finish(const State& state, int64_t) { return state.value; }
};

template <class T, bool kLargest>
struct IndexOfExtreme {
  using In = T;
  struct State {
    T value = T(0);
    int64_t index = -1;
  };
  static void add(State& state, const T* x, int64_t count, int64_t first, double) {
    const T extreme = extremeOf(x, count, kLargest);
    int64_t at = 0;
    while (at + 1 < count && (isnan_(extreme) ? !isnan_(x[at]) : x[at] != extreme)) ++at;
    merge(state, State{extreme, first + at});
  }
  static void merge(State& state, const State& next) {
    if (next.index < 0) return;
    const bool isBetter =
        state.index < 0 ||
        (!isnan_(state.value) &&
         (isnan_(next.value) || (kLargest ? next.value > state.value : next.value < state.value)));
    if (isBetter) state = next;
  }
  static int64_t finish(const State& state, int64_t) { return state.index; }
};
template <class T>
using Amax = Extreme<T, true>;
template <class T>
using Amin = Extreme<T, false>;
template <class T>
using Argmax = IndexOfExtreme<T, true>;
template <class T>
using Argmin = IndexOfExtreme<T, false>;

template <class T>
struct Any {
  using In = T;
  struct State {
    bool found = false;
  };
  static void add(State& state, const T* x, int64_t count, int64_t, double) {
    for (int64_t i = 0; i < count; ++i) state.found |= x[i] != T(0);
  }
  static void merge(State& state, const State& next) { state.found |= next.found; }
  static bool finish(const State& state, int64_t) { return state.found; }
};

template <class T>
struct All {
  using In = T;
  struct State {
    bool holds = true;
  };
  static void add(State& state, const T* x, int64_t count, int64_t, double) {
    for (int64_t i = 0; i < count; ++i) state.holds &= x[i] != T(0);
  }
  static void merge(State& state, const State& next) { state.holds &= next.holds; }
  static bool finish(const State& state, int64_t) { return state.holds; }
};

// ln sum e^x = m + ln sum e^(x - m), where m is the largest x, and 0 where that is infinite.
template <class T>
struct LogSumExp {
  using In = T;
  struct State {
    T largest = -static_cast<T>(__builtin_inf());
    double sum = 0;
  };
  static T shift(T largest) { return isinf_(largest) ? T(0) : largest; }
  static void add(State& state, const T* x, int64_t count, int64_t, double) {
    State next;
    next.largest = extremeOf(x, count, true);
    const T m = shift(next.largest);
    next.sum = sumOf(x, count, [m](T value) { return exp_(value - m); });
    merge(state, next);
  }
  static void merge(State& state, const State& next) {
    const T largest = max_(state.largest, next.largest);
    const double m = static_cast<double>(shift(largest));
    const double mine = state.sum == 0 ? 0 : state.sum * exp_(static_cast<double>(shift(state.largest)) - m);
    const double others = next.sum == 0 ? 0 : next.sum * exp_(static_cast<double>(shift(next.largest)) - m);
    state.largest = largest;
    state.sum = mine + others;
  }
  static double finish(const State& state, int64_t) {
    return static_cast<double>(shift(state.largest)) + log_(state.sum);
  }
};

// The dims [from, to) of an operand as an operand of its own.
Operand part(const Operand& x, int from, int to) {
  Operand result;
  result.memory = x.memory;
  result.dtype = x.dtype;
  result.dims = to - from;
  for (int dim = from; dim < to; ++dim) {
    result.sizes[dim - from] = x.sizes[dim];
    result.strides[dim - from] = x.strides[dim];
  }
  return result;
}

// Blocks [begin, end) of the elements of `x`, added to `state` in order.
template <class Reducer>
void addBlocks(const Operand& x, bool isDense, int64_t count, int64_t begin, int64_t end, double center,
               typename Reducer::State& state) {
  using T = typename Reducer::In;
  alignas(64) char tile[kBlock * sizeof(T)];
  for (int64_t block = begin; block < end; ++block) {
    const int64_t first = block * kBlock;
    const int64_t size = least(kBlock, count - first);
    const T* from = pointerTo<T>(x) + first;
    if (!isDense) {
      gatherRange(x, first, size, tile);
      from = reinterpret_cast<const T*>(tile);
    }
    typename Reducer::State one;
    Reducer::add(one, from, size, first, center);
    Reducer::merge(state, one);
  }
}

template <class Reducer, class Out>
void reduceEach(const Operand& y, const Operand& x, const Operand* centers, int kept) {
  using State = typename Reducer::State;
  using T = typename Reducer::In;
  const Operand inner = part(x, kept, x.dims);
  const int64_t outputs = elements(y);
  const int64_t count = elements(inner);
  const bool isDense = isContiguous(inner);
  const int64_t blocks = (count + kBlock - 1) / kBlock;
  const auto one = [&](int64_t index) {
    Operand from = inner;
    from.memory.offset += static_cast<size_t>(offsetOf(x, kept, index)) * sizeof(T);
    return from;
  };
  const auto centerOf = [&](int64_t index) {
    return centers ? static_cast<double>(pointerTo<T>(*centers)[offsetOf(*centers, kept, index)]) : 0.0;
  };
  const auto write = [&](int64_t index, const State& state) {
    pointerTo<Out>(y)[offsetOf(y, kept, index)] = static_cast<Out>(Reducer::finish(state, count));
  };
  // Few long sums: threads share the blocks of each. Otherwise each sum is one thread's.
  if (outputs < 16 && blocks >= 8) {
    auto* states = static_cast<State*>(scratch(0, static_cast<size_t>(blocks) * sizeof(State)));
    for (int64_t index = 0; index < outputs; ++index) {
      const Operand from = one(index);
      const double center = centerOf(index);
      parallel(blocks, 4, [&](int64_t begin, int64_t end) {
        for (int64_t block = begin; block < end; ++block) {
          State state;
          addBlocks<Reducer>(from, isDense, count, block, block + 1, center, state);
          states[block] = state;
        }
      });
      State total;
      for (int64_t block = 0; block < blocks; ++block) Reducer::merge(total, states[block]);
      write(index, total);
    }
    return;
  }
  parallel(outputs, most<int64_t>(1, kGrain / (count + 1)), [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      State state;
      addBlocks<Reducer>(one(index), isDense, count, 0, blocks, centerOf(index), state);
      write(index, state);
    }
  });
}

// Sums over the rows of a matrix whose columns are contiguous, as of a bias's gradient: whole rows are added
// at once. y [C], x [C, R] with strides [1, step].
template <class T>
void sumColumns(const Operand& y, const Operand& x, double factor) {
  constexpr int64_t kChunk = 64;  // columns
  const int64_t columns = x.sizes[0], rows = x.sizes[1], step = x.strides[1];
  const T* from = pointerTo<T>(x);
  T* to = pointerTo<T>(y);
  const int64_t chunks = (columns + kChunk - 1) / kChunk;
  parallel(chunks, most<int64_t>(1, kGrain / (rows * kChunk)), [&](int64_t begin, int64_t end) {
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      const int64_t first = chunk * kChunk;
      const int64_t width = least(kChunk, columns - first);
      double total[kChunk] = {};
      for (int64_t row = 0; row < rows; row += kColumnRows) {
        const int64_t stop = least(rows, row + kColumnRows);
        T sum[kChunk] = {};
        if (width == kChunk) {
          for (int64_t r = row; r < stop; ++r) {
            const T* values = from + r * step + first;
            for (int64_t c = 0; c < kChunk; ++c) sum[c] += values[c];
          }
        } else {
          for (int64_t r = row; r < stop; ++r) {
            const T* values = from + r * step + first;
            for (int64_t c = 0; c < width; ++c) sum[c] += values[c];
          }
        }
        for (int64_t c = 0; c < kChunk; ++c) total[c] += static_cast<double>(sum[c]);
      }
      for (int64_t c = 0; c < width; ++c) to[(first + c) * y.strides[0]] = static_cast<T>(total[c] * factor);
    }
  });
}

template <class T>
bool sumByColumns(const Operand& y, const Operand& x, int kept, bool isMean) {
  if (kept != 1 || x.dims != 2 || x.strides[0] != 1 || x.strides[1] == 1 || x.sizes[0] < 8 || x.sizes[1] == 0)
    return false;
  sumColumns<T>(y, x, isMean ? 1.0 / static_cast<double>(x.sizes[1]) : 1.0);
  return true;
}

void sum(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[1];
  const int kept = static_cast<int>(call.integers[0]);
  withAny(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (kIsFloating<T>) {
      if (!sumByColumns<T>(y, x, kept, false)) reduceEach<Sum<T>, T>(y, x, nullptr, kept);
    } else {
      reduceEach<Sum<T>, int64_t>(y, x, nullptr, kept);
    }
  });
}

void mean(const Call& call, const void*) {
  const int kept = static_cast<int>(call.integers[0]);
  withFloating(call.operands[1].dtype, [&](auto zero) {
    using T = decltype(zero);
    if (!sumByColumns<T>(call.operands[0], call.operands[1], kept, true))
      reduceEach<Mean<T>, T>(call.operands[0], call.operands[1], nullptr, kept);
  });
}

void squaredDeviation(const Call& call, const void*) {
  withFloating(call.operands[1].dtype, [&](auto zero) {
    using T = decltype(zero);
    reduceEach<SquaredDeviation<T>, T>(call.operands[0], call.operands[1], &call.operands[2],
                                       static_cast<int>(call.integers[0]));
  });
}

void logsumexp(const Call& call, const void*) {
  withFloating(call.operands[1].dtype, [&](auto zero) {
    using T = decltype(zero);
    reduceEach<LogSumExp<T>, T>(call.operands[0], call.operands[1], nullptr,
                                static_cast<int>(call.integers[0]));
  });
}

// Reducers for any dtype; Out is void where the result has the dtype of x.
template <template <class> class Reducer, class Out>
void reduceAny(const Call& call, const void*) {
  withAny(call.operands[1].dtype, [&](auto zero) {
    using T = decltype(zero);
    const int kept = static_cast<int>(call.integers[0]);
    if constexpr (__is_same(Out, void)) {
      reduceEach<Reducer<T>, T>(call.operands[0], call.operands[1], nullptr, kept);
    } else {
      reduceEach<Reducer<T>, Out>(call.operands[0], call.operands[1], nullptr, kept);
    }
  });
}

const Kernel kKernels[] = {
    {"sum", kAll, sum, nullptr},
    {"mean", kFloating, mean, nullptr},
    {"squaredDeviation", kFloating, squaredDeviation, nullptr},
    {"logsumexp", kFloating, logsumexp, nullptr},
    {"prod", kAll, reduceAny<Product, void>, nullptr},
    {"amax", kAll, reduceAny<Amax, void>, nullptr},
    {"amin", kAll, reduceAny<Amin, void>, nullptr},
    {"argmax", kAll, reduceAny<Argmax, int64_t>, nullptr},
    {"argmin", kAll, reduceAny<Argmin, int64_t>, nullptr},
    {"any", kAll, reduceAny<Any, bool>, nullptr},
    {"all", kAll, reduceAny<All, bool>, nullptr},
};

}  // namespace

extern const KernelTable reduceKernels;
const KernelTable reduceKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
