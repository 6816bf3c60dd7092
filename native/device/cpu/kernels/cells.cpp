// What a picture of part of a tensor shows: a rectangle, several elements to a cell where there are more than
// cells, of which some are looked at; and the first element of a kind.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr double kNaN = __builtin_nan("");
constexpr double kInfinity = __builtin_inf();
enum By { kFirst, kMean, kMin, kMax, kAbsmax };

struct Picture {
  int64_t by, cellRows, cellColumns, lookRows, lookColumns;
  int64_t rows, columns;  // elements
  int64_t across, down;   // cells
  int64_t rowStep, columnStep;
};

// The places 0, size / count, 2 size / count, ... rounded down, without a division for each.
struct Spread {
  int64_t whole, rest, count;
  int64_t place = 0, over = 0;
  Spread(int64_t size, int64_t count) : whole(size / count), rest(size % count), count(count) {}
  void next() {
    place += whole;
    over += rest;
    if (over >= count) {
      over -= count;
      ++place;
    }
  }
};

double numberOf(float x) { return static_cast<double>(x); }
double numberOf(double x) { return x; }
double numberOf(Half x) { return static_cast<double>(static_cast<float>(x)); }
double numberOf(BFloat16 x) { return static_cast<double>(static_cast<float>(x)); }
template <class T>
double numberOf(T x) {
  return static_cast<double>(x);
}

// One cell of numbers: `at(row, column)` gives an element.
template <class At>
double cellOf(const Picture& p, int64_t row, int64_t column, uint8_t& flags, const At& at) {
  const int64_t height = least(p.cellRows, p.rows - row), width = least(p.cellColumns, p.columns - column);
  const int64_t lookRows = least(p.lookRows, height), lookColumns = least(p.lookColumns, width);
  int64_t finite = 0;
  double sum = 0, best = 0, first = 0;
  Spread down(height, lookRows);
  for (int64_t i = 0; i < lookRows; ++i, down.next()) {
    Spread along(width, lookColumns);
    for (int64_t j = 0; j < lookColumns; ++j, along.next()) {
      const double value = at(row + down.place, column + along.place);
      if (i == 0 && j == 0) first = value;
      if (value != value) {
        flags |= 1;
      } else if (value == kInfinity) {
        flags |= 2;
      } else if (value == -kInfinity) {
        flags |= 4;
      } else {
        const double size = p.by == kAbsmax && value < 0 ? -value : value;
        sum += size;
        if (finite == 0 || (p.by == kMin ? size < best : size > best)) best = size;
        ++finite;
      }
    }
  }
  if (p.by == kFirst) return first;
  if (finite == 0) return flags & 1 ? kNaN : flags & 2 ? kInfinity : -kInfinity;
  return p.by == kMean ? sum / static_cast<double>(finite) : best;
}

template <class At>
int64_t exactCellOf(const Picture& p, int64_t row, int64_t column, const At& at) {
  const int64_t height = least(p.cellRows, p.rows - row), width = least(p.cellColumns, p.columns - column);
  const int64_t lookRows = least(p.lookRows, height), lookColumns = least(p.lookColumns, width);
  int64_t best = 0;
  Spread down(height, lookRows);
  for (int64_t i = 0; i < lookRows; ++i, down.next()) {
    Spread along(width, lookColumns);
    for (int64_t j = 0; j < lookColumns; ++j, along.next()) {
      int64_t value = at(row + down.place, column + along.place);
      if (p.by == kFirst) return value;
      if (p.by == kAbsmax && value < 0) value = -value;
      if ((i == 0 && j == 0) || (p.by == kMin ? value < best : value > best)) best = value;
    }
  }
  return best;
}

template <class T>
void withStored(DType dtype, const T& visit) {
  if (dtype == DType::float16) return visit(Half());
  if (dtype == DType::bfloat16) return visit(BFloat16());
  withAny(dtype, visit);
}

// An element of a dtype that is only known when it runs: of the tensor that is subtracted.
struct Subtracted {
  const char* memory = nullptr;
  DType dtype = DType::float32;
  int64_t rowStep = 0, columnStep = 0;

  template <class Result>
  Result at(int64_t row, int64_t column) const {
    const int64_t place = row * rowStep + column * columnStep;
    Result result = 0;
    withStored(dtype, [&](auto zero) {
      using T = decltype(zero);
      const T value = reinterpret_cast<const T*>(memory)[place];
      if constexpr (__is_class(T)) {
        result = static_cast<Result>(static_cast<float>(value));
      } else {
        result = static_cast<Result>(value);
      }
    });
    return result;
  }
};

template <class T>
void fill(const Picture& p, bool isExact, const T* x, const Subtracted& minus, int64_t* y, uint8_t* flags) {
  const int64_t looked = p.lookRows * p.lookColumns;
  const bool hasMinus = minus.memory != nullptr;
  // Cell by cell along memory.
  const bool isTurned = p.rowStep < p.columnStep;
  parallel(p.down * p.across, most<int64_t>(64, kGrain / looked), [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      const int64_t cell = isTurned ? k % p.down * p.across + k / p.down : k;
      const int64_t row = cell / p.across * p.cellRows, column = cell % p.across * p.cellColumns;
      if constexpr (!kIsFloating<T> && !__is_class(T)) {
        if (isExact) {
          y[cell] = exactCellOf(p, row, column, [&](int64_t i, int64_t j) {
            const int64_t value = static_cast<int64_t>(x[i * p.rowStep + j * p.columnStep]);
            return hasMinus ? value - minus.at<int64_t>(i, j) : value;
          });
          flags[cell] = 0;
          continue;
        }
      }
      uint8_t seen = 0;
      const double value = cellOf(p, row, column, seen, [&](int64_t i, int64_t j) {
        const double number = numberOf(x[i * p.rowStep + j * p.columnStep]);
        return hasMinus ? number - minus.at<double>(i, j) : number;
      });
      __builtin_memcpy(y + cell, &value, sizeof value);
      flags[cell] = seen;
    }
  });
}

void cells(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[2];
  const int64_t* i = call.integers;
  const Picture p{i[0],       i[1],       i[2],       i[3],         i[4],        x.sizes[0],
                  x.sizes[1], y.sizes[1], y.sizes[0], x.strides[0], x.strides[1]};
  Subtracted minus;
  if (i[6] != 0) {
    const Operand& other = call.operands[3];
    minus = {bytesOf(other), other.dtype, other.strides[0], other.strides[1]};
  }
  withStored(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    fill(p, i[5] != 0, pointerTo<T>(x), minus, pointerTo<int64_t>(y), pointerTo<uint8_t>(call.operands[1]));
  });
}

// Whether an element is what is looked for.
enum What { kIsNaN, kIsInfinite, kIsNonFinite, kIsEqual };
bool isWanted(int64_t what, double value, double wanted) {
  if (what == kIsEqual) return value == wanted;
  const bool isNaN = value != value, isInfinite = value == kInfinity || value == -kInfinity;
  return (what != kIsInfinite && isNaN) || (what != kIsNaN && isInfinite);
}

constexpr int64_t kTile = 4096;

// y [G]: of each of G even shares of the elements from `first` on the place of the first wanted one.
void seek(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[1];
  const int64_t what = call.integers[0], first = call.integers[1], groups = y.sizes[0];
  const int64_t count = elements(x) - first, share = (count + groups - 1) / groups;
  const double wanted = call.numbers[0];
  int64_t* const to = pointerTo<int64_t>(y);
  parallel(groups, 1, [&](int64_t begin, int64_t end) {
    char tile[kTile * sizeof(double)];
    for (int64_t group = begin; group < end; ++group) {
      const int64_t stop = first + least(count, (group + 1) * share);
      int64_t found = INT64_MAX;
      for (int64_t at = first + group * share; at < stop && found == INT64_MAX; at += kTile) {
        const int64_t length = least(kTile, stop - at);
        gatherRange(x, at, length, tile);
        withStored(x.dtype, [&](auto zero) {
          using T = decltype(zero);
          const T* values = reinterpret_cast<const T*>(tile);
          for (int64_t k = 0; k < length && found == INT64_MAX; ++k) {
            if (isWanted(what, numberOf(values[k]), wanted)) found = at + k;
          }
        });
      }
      to[group] = found;
    }
  });
}

const Kernel kKernels[] = {
    {"cells", kAll | kHalves, cells, nullptr},
    {"seek", kAll | kHalves, seek, nullptr},
};

}  // namespace

extern const KernelTable cellsKernels;
const KernelTable cellsKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
