// What somebody who looks at a tensor wants to know of it: counts, extremes and moments of its finite
// elements, and how they are spread over bins. For a debugger: nothing that trains calls these.
//
// Both work on a sample: runs of `run` elements in row-major order, `spacing` apart; all elements where both
// are equal. Groups are fixed shares of the sample, so that results do not depend on the number of threads. A
// gigabyte of float32 in order takes a processor a quarter of a second in all (AVX-512).
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kTile = 2048;  // elements at a time: they stay in the cache for the second look
constexpr int kLanes = 16;

// The sample, as both kernels get it in `integers`.
struct Sample {
  int64_t groups, looked, run, spacing;
  int64_t perGroup() const { return (looked + groups - 1) / groups; }
};

Sample sampleOf(const Call& call) {
  return {call.integers[0], call.integers[1], call.integers[2], call.integers[3]};
}

// visit(values, count) for the elements [begin, end) of the sample, some at a time, as T.
template <class T, class Visit>
void forTiles(const Operand& x, const Sample& sample, int64_t begin, int64_t end, const Visit& visit) {
  const bool isDense = isContiguous(x), isHalf = isHalfType(x.dtype);
  const int64_t width = bytesPerElement(x.dtype);
  alignas(64) char gathered[kTile * sizeof(double)];
  alignas(64) float widened[kTile];
  for (int64_t k = begin; k < end;) {
    const int64_t within = k % sample.run, place = k / sample.run * sample.spacing + within;
    const bool isAll = sample.run == sample.spacing;
    const int64_t left = isAll ? end - k : least(end - k, sample.run - within);
    const int64_t count = least(kTile, left);
    const void* values = bytesOf(x) + place * width;
    if (!isDense) {
      gatherRange(x, place, count, gathered);
      values = gathered;
    }
    if (isHalf) {
      widen(x.dtype, values, count, widened);
      values = widened;
    }
    visit(static_cast<const T*>(values), count);
    k += count;
  }
}

template <class Visit>
void withElement(DType dtype, const Visit& visit) {
  if (isHalfType(dtype)) return visit(float());
  withAny(dtype, visit);
}

// The place of each number in a row of `summary`; native/inspect/summary.cpp has the same.
enum Column { kNaN, kPositive, kNegative, kZeros, kFinite, kMin, kMax, kMean, kSquares, kColumns };

// Eight elements in double, as the compiler's own vectors: not every compiler turns loops over lanes of two
// widths into vector code.
typedef double Wide __attribute__((vector_size(64)));
typedef int32_t Places __attribute__((vector_size(32)));
using Mask = decltype(Wide() == Wide());

// What fills the last eight is `filling`.
template <class T>
inline Wide loadEight(const T* x, int64_t left, double filling) {
  Wide wide;
  if constexpr (sizeof(T) > 1) {
    if (left >= 8) {
      typedef T Eight __attribute__((vector_size(8 * sizeof(T))));
      Eight values;
      __builtin_memcpy(&values, x, sizeof values);
      return __builtin_convertvector(values, Wide);
    }
  }
  for (int lane = 0; lane < 8; ++lane) wide[lane] = lane < left ? static_cast<double>(x[lane]) : filling;
  return wide;
}

inline Wide everywhere(double x) { return Wide{x, x, x, x, x, x, x, x}; }

template <class V>
inline double sumOfLanes(const V& lanes) {
  double sum = 0;
  for (int lane = 0; lane < 8; ++lane) sum += static_cast<double>(lanes[lane]);
  return sum;
}

// Adds what `count` elements come to. Sums run about one of the elements: the sum of squares is as large as
// its distance from the mean then, so that little is lost. Moments join as Chan, Golub and LeVeque (1979) do.
template <class T>
void addTile(const T* x, int64_t count, double* row) {
  double origin = 0;
  for (int64_t k = 0; k < count; ++k) {
    origin = static_cast<double>(x[k]);
    if (origin - origin == 0) break;
  }
  if (origin - origin != 0) origin = 0;
  const Wide origins = everywhere(origin), none = everywhere(0);
  Wide low = origins, high = origins, sums = none, squares = none;
  Mask zeros = none != none, finite = zeros;  // -1 for each
  const double filling = __builtin_nan("");
  for (int64_t k = 0; k < count; k += 8) {
    const Wide values = loadEight(x + k, count - k, filling);
    const Mask counts = values - values == none;
    const Wide kept = counts ? values : origins, apart = kept - origins;
    finite += counts;
    zeros += values == none;
    low = kept < low ? kept : low;
    high = kept > high ? kept : high;
    sums += apart;
    squares += apart * apart;
  }
  const double found = -sumOfLanes(finite);
  row[kZeros] -= sumOfLanes(zeros);
  if (found < static_cast<double>(count)) {
    Mask nan = none != none, positive = nan, negative = nan;
    for (int64_t k = 0; k < count; k += 8) {
      const Wide values = loadEight(x + k, count - k, 0);
      nan += values != values;
      positive += values == everywhere(__builtin_inf());
      negative += values == everywhere(-__builtin_inf());
    }
    row[kNaN] -= sumOfLanes(nan);
    row[kPositive] -= sumOfLanes(positive);
    row[kNegative] -= sumOfLanes(negative);
  }
  if (found == 0) return;
  for (int lane = 1; lane < 8; ++lane) {
    low[0] = low[lane] < low[0] ? low[lane] : low[0];
    high[0] = high[lane] > high[0] ? high[lane] : high[0];
  }
  const double sum = sumOfLanes(sums), squared = sumOfLanes(squares) - sum * sum / found;
  const double before = row[kFinite], share = found / (before + found);
  const double between = origin + sum / found - row[kMean];
  row[kMin] = before == 0 || low[0] < row[kMin] ? low[0] : row[kMin];
  row[kMax] = before == 0 || high[0] > row[kMax] ? high[0] : row[kMax];
  row[kMean] += between * share;
  row[kSquares] += (squared > 0 ? squared : 0) + between * between * before * share;
  row[kFinite] = before + found;
}

// y [groups, kColumns] float64; x. i: groups, looked, run, spacing
void summary(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[1];
  const Sample sample = sampleOf(call);
  withElement(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    parallel(sample.groups, 1, [&](int64_t begin, int64_t end) {
      for (int64_t group = begin; group < end; ++group) {
        double row[kColumns] = {};
        const int64_t first = group * sample.perGroup();
        forTiles<T>(x, sample, first, least(sample.looked, first + sample.perGroup()),
                    [&](const T* values, int64_t count) { addTile(values, count, row); });
        for (int column = 0; column < kColumns; ++column)
          pointerTo<double>(y)[group * kColumns + column] = row[column];
      }
    });
  });
}

constexpr int kMostBins = 2048;

// Several tables, so that an element does not wait for the one before it in the same bin; the last place
// takes what is not finite.
template <class T>
void countGroup(const Operand& x, const Sample& sample, int64_t begin, int64_t end, const double* numbers,
                int most, int64_t* counts) {
  constexpr int kTables = 4;
  int32_t tables[kTables][kMostBins + 3];
  for (auto& table : tables) {
    for (int bin = 0; bin < most + 3; ++bin) table[bin] = 0;
  }
  const double filling = __builtin_nan("");
  const Wide from = everywhere(numbers[0]), to = everywhere(numbers[1]), perUnit = everywhere(numbers[2]);
  const Wide last = everywhere(most - 1), below = everywhere(most), above = everywhere(most + 1),
             nowhere = everywhere(most + 2), none = everywhere(0);
  forTiles<T>(x, sample, begin, end, [&](const T* values, int64_t count) {
    for (int64_t k = 0; k < count; k += 8) {
      const Wide value = loadEight(values + k, count - k, filling);
      // Where bins are next to nothing wide, their number per unit is infinite.
      const Wide at = (value - from) * perUnit, within = at < last ? at : last;
      const Wide outside = value < from ? below : above;
      const Wide place = (value >= from) & (value <= to) ? within : outside;
      const Places places = __builtin_convertvector(value - value == none ? place : nowhere, Places);
      for (int lane = 0; lane < 8; ++lane) tables[lane % kTables][places[lane]] += 1;
    }
  });
  for (int bin = 0; bin < most + 2; ++bin) {
    counts[bin] = 0;
    for (const auto& table : tables) counts[bin] += table[bin];
  }
}

// y [groups, bins + 2] int64: how many of each bin, below and above; x. n: from, to, bins / (to - from);
// i: groups, looked, run, spacing
void bins(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[1];
  const Sample sample = sampleOf(call);
  const int64_t most = y.sizes[1] - 2;
  withElement(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    parallel(sample.groups, 1, [&](int64_t begin, int64_t end) {
      for (int64_t group = begin; group < end; ++group) {
        int64_t* counts = pointerTo<int64_t>(y) + group * (most + 2);
        const int64_t first = group * sample.perGroup();
        countGroup<T>(x, sample, first, least(sample.looked, first + sample.perGroup()), call.numbers,
                      static_cast<int>(most), counts);
      }
    });
  });
}

const Kernel kKernels[] = {
    {"summary", kAll | kHalves, summary, nullptr},
    {"bins", kAll | kHalves, bins, nullptr},
};

}  // namespace

extern const KernelTable summaryKernels;
const KernelTable summaryKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
