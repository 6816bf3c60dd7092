// Scaled dot product attention in blocks, forward and backward: scores exist for one block of queries and
// keys at a time, in the cache. Online softmax: Milakov and Gimelshein (2018); backward from the logarithm of
// each row's sum alone: Dao et al. (2022).
//
// Work is divided by heads and, forward, by blocks of queries; the order of additions depends on the sizes
// alone.
#include "gemm.h"
#include "micro.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kQueries = 64;  // of a block
constexpr int64_t kKeys = 128;

// One operand seen as matrices: element (row, column) of matrix `index`.
template <class T>
struct Matrices {
  const Operand* operand;
  int batchDims;
  int64_t row, column;  // strides

  Matrices(const Operand& x, int dims)
      : operand(&x), batchDims(dims), row(x.strides[dims]), column(x.strides[dims + 1]) {}
  T* of(int64_t index) const { return pointerTo<T>(*operand) + offsetOf(*operand, batchDims, index); }
};

struct Sizes {
  int batchDims;
  int64_t batches, queries, keys, width, valueWidth;
  bool isCausal;
};

Sizes sizesOf(const Call& call, const Operand& q, const Operand& k, const Operand& v) {
  Sizes sizes;
  sizes.batchDims = q.dims - 2;
  sizes.batches = 1;
  for (int dim = 0; dim < sizes.batchDims; ++dim) sizes.batches *= q.sizes[dim];
  sizes.queries = q.sizes[sizes.batchDims];
  sizes.keys = k.sizes[sizes.batchDims];
  sizes.width = q.sizes[sizes.batchDims + 1];
  sizes.valueWidth = v.sizes[sizes.batchDims + 1];
  sizes.isCausal = call.integers[0] != 0;
  return sizes;
}

// The mask of one matrix: nothing, bool, or numbers to add.
template <class T>
struct Mask {
  const T* added = nullptr;
  const bool* allowed = nullptr;
  int64_t row = 0, column = 0;

  Mask(const Operand* x, const Sizes& sizes, int64_t index) {
    if (!x) return;
    const int64_t offset = offsetOf(*x, sizes.batchDims, index);
    row = x->strides[sizes.batchDims];
    column = x->strides[sizes.batchDims + 1];
    if (x->dtype == DType::boolean) {
      allowed = pointerTo<bool>(*x) + offset;
    } else {
      added = pointerTo<T>(*x) + offset;
    }
  }
};

template <class T>
constexpr T kNever = -__builtin_inff();

// One row of scores, scaled and masked. What is beyond `limit` may not be looked at.
template <class T>
inline void maskRow(T* scores, int64_t count, int64_t limit, T scale, const Mask<T>& mask, int64_t query,
                    int64_t firstKey) {
  if (mask.added) {
    const T* added = mask.added + query * mask.row + firstKey * mask.column;
    for (int64_t i = 0; i < limit; ++i) scores[i] = scores[i] * scale + added[i * mask.column];
  } else if (mask.allowed) {
    const bool* allowed = mask.allowed + query * mask.row + firstKey * mask.column;
    for (int64_t i = 0; i < limit; ++i) scores[i] = allowed[i * mask.column] ? scores[i] * scale : kNever<T>;
  } else {
    DESCENT_VECTORIZE
    for (int64_t i = 0; i < limit; ++i) scores[i] *= scale;
  }
  for (int64_t i = limit; i < count; ++i) scores[i] = kNever<T>;
}

template <class T>
inline T largestOf(const T* x, int64_t count) {
  constexpr int lanes = kLanes<T>;
  T largest = kNever<T>;
  int64_t i = 0;
  if (count >= lanes) {
    Vector<T> best = load(x);
    auto isLost = best != best;  // NaN, which comparisons drop
    for (i = lanes; i + lanes <= count; i += lanes) {
      const Vector<T> next = load(x + i);
      isLost |= next != next;
      best = next > best ? next : best;
    }
    for (int lane = 0; lane < lanes; ++lane) {
      largest = max_(largest, best[lane]);
      if (isLost[lane]) largest = __builtin_nanf("");
    }
  }
  for (; i < count; ++i) largest = max_(largest, x[i]);
  return largest;
}

// x = e^(x - shift); their sum.
template <class T>
inline T exponentials(T* x, int64_t count, T shift) {
  DESCENT_VECTORIZE
  for (int64_t i = 0; i < count; ++i) x[i] = exp_(x[i] - shift);
  constexpr int lanes = kLanes<T>;
  Vector<T> sums = {};
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) sums += load(x + i);
  T sum = T(0);
  for (; i < count; ++i) sum += x[i];
  for (int lane = 0; lane < lanes; ++lane) sum += sums[lane];
  return sum;
}

template <class T>
void product(int64_t m, int64_t n, int64_t k, const T* a, int64_t aRow, int64_t aColumn, const T* b,
             int64_t bRow, int64_t bColumn, T* c, int64_t cRow, int64_t cColumn, bool accumulate) {
  multiply(Product<T>{m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, cColumn, accumulate, nullptr});
}

// How many keys of a block from firstKey on the query may look at.
inline int64_t limitOf(const Sizes& sizes, int64_t query, int64_t firstKey, int64_t count) {
  return sizes.isCausal ? most<int64_t>(0, least(count, query - firstKey + 1)) : count;
}

template <class T>
void forward(const Call& call) {
  const Operand* x = call.operands;
  const Sizes sizes = sizesOf(call, x[2], x[3], x[4]);
  const Matrices<T> o(x[0], sizes.batchDims), q(x[2], sizes.batchDims), k(x[3], sizes.batchDims),
      v(x[4], sizes.batchDims);
  const Operand* masks = call.integers[1] ? &x[5] : nullptr;
  const T scale = static_cast<T>(call.numbers[0]);
  T* logarithms = pointerTo<T>(x[1]);
  const int64_t blocks = (sizes.queries + kQueries - 1) / kQueries;
  const double work = static_cast<double>(least(kQueries, sizes.queries)) * static_cast<double>(sizes.keys) *
                      static_cast<double>(sizes.width + sizes.valueWidth + 16);
  parallel(sizes.batches * blocks, most<int64_t>(1, static_cast<int64_t>(200e3 / (work + 1))),
           [&](int64_t begin, int64_t end) {
             const int64_t width = sizes.valueWidth;
             T* scores =
                 static_cast<T*>(scratch(3, static_cast<size_t>(kQueries * (kKeys + width + 2)) * sizeof(T)));
             T* sum = scores + kQueries * kKeys;  // of p v, by row
             T* largest = sum + kQueries * width;
             T* total = largest + kQueries;
             for (int64_t piece = begin; piece < end; ++piece) {
               const int64_t index = piece / blocks, first = piece % blocks * kQueries;
               const int64_t rows = least(kQueries, sizes.queries - first);
               const Mask<T> mask(masks, sizes, index);
               for (int64_t row = 0; row < rows; ++row) {
                 largest[row] = kNever<T>;
                 total[row] = T(0);
               }
               const int64_t reach = sizes.isCausal ? least(sizes.keys, first + rows) : sizes.keys;
               for (int64_t key = 0; key < reach; key += kKeys) {
                 const int64_t count = least(kKeys, reach - key);
                 product<T>(rows, count, sizes.width, q.of(index) + first * q.row, q.row, q.column,
                            k.of(index) + key * k.row, k.column, k.row, scores, count, 1, false);
                 for (int64_t row = 0; row < rows; ++row) {
                   T* line = scores + row * count;
                   const int64_t limit = limitOf(sizes, first + row, key, count);
                   maskRow(line, count, limit, scale, mask, first + row, key);
                   const T before = largest[row];
                   const T now = max_(before, largestOf(line, limit));
                   if (now == kNever<T>) {  // nothing to look at so far
                     for (int64_t i = 0; i < count; ++i) line[i] = T(0);
                     if (key == 0) continue;
                   } else {
                     largest[row] = now;
                     const T share = exp_(before - now);
                     total[row] = total[row] * share + exponentials(line, count, now);
                     if (key == 0 || share == T(1)) continue;
                     T* to = sum + row * width;
                     DESCENT_VECTORIZE
                     for (int64_t i = 0; i < width; ++i) to[i] *= share;
                   }
                 }
                 product<T>(rows, width, count, scores, count, 1, v.of(index) + key * v.row, v.row, v.column,
                            sum, width, 1, key > 0);
               }
               T* to = o.of(index) + first * o.row;
               for (int64_t row = 0; row < rows; ++row) {
                 const bool isBlind = total[row] == T(0);
                 const T share = isBlind ? T(0) : T(1) / total[row];
                 for (int64_t i = 0; i < width; ++i)
                   to[row * o.row + i * o.column] = isBlind ? T(0) : sum[row * width + i] * share;
                 logarithms[index * sizes.queries + first + row] =
                     isBlind ? -kNever<T> : largest[row] + log_(total[row]);
               }
             }
           });
}

// With p = e^(s - lse): dv = pᵀ g; ds = p (g vᵀ - delta) scale with delta = the sum of g o; dq = ds k, dk =
// dsᵀ q.
template <class T>
void backward(const Call& call) {
  const Operand* x = call.operands;
  const Sizes sizes = sizesOf(call, x[7], x[8], x[9]);
  const int dims = sizes.batchDims;
  const Matrices<T> dq(x[0], dims), dk(x[1], dims), dv(x[2], dims), g(x[4], dims), o(x[5], dims),
      q(x[7], dims), k(x[8], dims), v(x[9], dims);
  const Operand* masks = call.integers[1] ? &x[10] : nullptr;
  const T scale = static_cast<T>(call.numbers[0]);
  const int64_t width = sizes.valueWidth;
  parallel(sizes.batches, 1, [&](int64_t begin, int64_t end) {
    T* p = static_cast<T*>(scratch(3, static_cast<size_t>(2 * kQueries * kKeys) * sizeof(T)));
    T* ds = p + kQueries * kKeys;
    for (int64_t index = begin; index < end; ++index) {
      const Mask<T> mask(masks, sizes, index);
      const T* logarithms = pointerTo<T>(x[6]) + index * sizes.queries;
      T* delta = pointerTo<T>(x[3]) + index * sizes.queries;
      for (int64_t row = 0; row < sizes.queries; ++row) {
        const T* gs = g.of(index) + row * g.row;
        const T* os = o.of(index) + row * o.row;
        T sum = T(0);
        for (int64_t i = 0; i < width; ++i) sum += gs[i * g.column] * os[i * o.column];
        delta[row] = sum;
      }
      for (int64_t key = 0; key < sizes.keys; key += kKeys) {
        const int64_t count = least(kKeys, sizes.keys - key);
        bool isFirst = true;
        const int64_t start = sizes.isCausal ? key / kQueries * kQueries : 0;
        for (int64_t first = start; first < sizes.queries; first += kQueries) {
          const int64_t rows = least(kQueries, sizes.queries - first);
          const T* qs = q.of(index) + first * q.row;
          const T* ks = k.of(index) + key * k.row;
          const T* gs = g.of(index) + first * g.row;
          product<T>(rows, count, sizes.width, qs, q.row, q.column, ks, k.column, k.row, p, count, 1, false);
          product<T>(rows, count, width, gs, g.row, g.column, v.of(index) + key * v.row, v.column, v.row, ds,
                     count, 1, false);
          for (int64_t row = 0; row < rows; ++row) {
            T* ps = p + row * count;
            T* slopes = ds + row * count;
            const int64_t limit = limitOf(sizes, first + row, key, count);
            maskRow(ps, count, limit, scale, mask, first + row, key);
            const T logarithm = logarithms[first + row], own = delta[first + row];
            DESCENT_VECTORIZE
            for (int64_t i = 0; i < count; ++i) {
              ps[i] = exp_(ps[i] - logarithm);
              slopes[i] = ps[i] * (slopes[i] - own) * scale;
            }
          }
          product<T>(count, width, rows, p, 1, count, gs, g.row, g.column, dv.of(index) + key * dv.row,
                     dv.row, dv.column, !isFirst);
          product<T>(count, sizes.width, rows, ds, 1, count, qs, q.row, q.column, dk.of(index) + key * dk.row,
                     dk.row, dk.column, !isFirst);
          product<T>(rows, sizes.width, count, ds, count, 1, ks, k.row, k.column,
                     dq.of(index) + first * dq.row, dq.row, dq.column, key > 0);
          isFirst = false;
        }
        if (!isFirst) continue;
        // No query may look at these keys.
        for (int64_t row = key; row < key + count; ++row) {
          for (int64_t i = 0; i < width; ++i) dv.of(index)[row * dv.row + i * dv.column] = T(0);
          for (int64_t i = 0; i < sizes.width; ++i) dk.of(index)[row * dk.row + i * dk.column] = T(0);
        }
      }
    }
  });
}

void attention(const Call& call, const void*) {
  call.operands[0].dtype == DType::float32 ? forward<float>(call) : forward<double>(call);
}

void attentionBackward(const Call& call, const void*) {
  call.operands[0].dtype == DType::float32 ? backward<float>(call) : backward<double>(call);
}

constexpr uint32_t kSupported = bit(DType::float32) | bit(DType::float64);
const Kernel kKernels[] = {
    {"attention", kSupported, attention, nullptr},
    {"attentionBackward", kSupported, attentionBackward, nullptr},
};

}  // namespace

extern const KernelTable attentionKernels;
const KernelTable attentionKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
