// Matrix products for float and double: blocks that fit the caches, panels packed only where that pays, tiles
// in registers.
//
// c^T = b^T a^T, so each product can be done with c's columns or c's rows along the vectors; whichever is
// estimated cheaper is taken. That lets a linear layer's x w^T run without packing w: w's elements are
// broadcast straight from its rows, and only the much smaller x is packed. The order of additions depends on
// the sizes and strides alone, never on the number of threads.
//
// Expected: as fast as PyTorch 2.13 (MKL, which uses AVX-512 here too) on a linear layer, 80 % of it on large
// squares. Measured in GFLOP/s on one core of an Intel Xeon with AVX-512, by processor time because the
// machine was busy, alternating with PyTorch (in brackets): x w^T of 32x784x128 151 (118), w's gradient
// 128x32x784 145 (165), 512^3 157 (169), 512^3 with a transposed 152 (167), 1024^3 144 (172).
#include "gemm.h"

#include "micro.h"
#include "pack.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kDepthBlock = 384;    // steps of k packed at once
constexpr int64_t kColumnBlock = 2048;  // columns of b packed at once
constexpr int64_t kRowBlock = 2048;     // rows of a packed at once
constexpr int64_t kRowsInCache = 112;   // rows of a that stay in the second-level cache while b's panels pass
constexpr double kSerialWork = 600e3;   // multiply-adds below this stay on one thread

// The product in the orientation chosen: columns of c are the vector dimension.
template <class T>
struct Job {
  Product<T> p;
  const T* rowBias;
  const T* columnBias;
  int rows;  // of a panel
};

int64_t panels(int64_t size, int64_t width) { return (size + width - 1) / width; }

// Panels of equal height rather than full ones and a rest: 32 rows are 11 + 11 + 10, not 14 + 14 + 4.
int panelRows(int64_t m) {
  const int64_t count = panels(m, kMaxRows);
  return static_cast<int>((m + count - 1) / count);
}

// Estimated cycles of doing `p` as it stands.
template <class T>
double cost(const Product<T>& p) {
  constexpr int lanes = kLanes<T>;
  const int rows = panelRows(p.m);
  const double rowPanels = static_cast<double>(panels(p.m, rows));
  const int64_t full = p.n / kMaxColumns<T>;
  const int64_t rest = p.n - full * kMaxColumns<T>;
  const double stepFull = most(4.0, static_cast<double>(rows));
  const double stepRest = rest == 0 ? 0 : rest > lanes ? stepFull : most(4.0, 0.5 * (rows + 1));
  double cycles = rowPanels * static_cast<double>(p.k) * (static_cast<double>(full) * stepFull + stepRest);
  if (p.bColumn != 1) cycles += 0.6 * static_cast<double>(p.k) * static_cast<double>(p.n);
  if (p.aRow != 1 && p.aColumn != 1) cycles += static_cast<double>(p.m) * static_cast<double>(p.k);
  if (p.cColumn != 1) cycles += 1.5 * static_cast<double>(p.m) * static_cast<double>(p.n);
  return cycles;
}

template <class T>
Product<T> transposed(const Product<T>& p) {
  Product<T> t = p;
  t.m = p.n;
  t.n = p.m;
  t.a = p.b;
  t.aRow = p.bColumn;
  t.aColumn = p.bRow;
  t.b = p.a;
  t.bRow = p.aColumn;
  t.bColumn = p.aRow;
  t.cRow = p.cColumn;
  t.cColumn = p.cRow;
  return t;
}

// A tile whose place in c is not a full one of contiguous columns is computed beside it and copied.
template <class T>
void writeTile(const T* from, int rows, int columns, int width, const Job<T>& job, T* c, bool accumulate) {
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      T& to = c[i * job.p.cRow + j * job.p.cColumn];
      to = accumulate ? to + from[i * width + j] : from[i * width + j];
    }
  }
}

// One block of the loops over k, rows and columns.
template <class T>
struct Block {
  int64_t firstRow, rows, firstColumn, columns, firstDepth, depth;
  const T* packedA;  // null: read in place
  const T* packedB;
  bool packsAllOfB;  // if not, only a last panel that does not fill its vectors is packed
};

template <class T>
int packedRowsOf(const Job<T>& job) {
  return (job.rows + 7) / 8 * 8;
}

template <class T>
const T* panelOfB(const Block<T>& block, int64_t panel) {
  return block.packedB + panel * kMaxColumns<T> * block.depth;
}

// Row panels [rowBegin, rowEnd) times column panels [columnBegin, columnEnd) of the block.
template <class T>
void multiplyBlock(const Job<T>& job, const Block<T>& block, int64_t rowBegin, int64_t rowEnd,
                   int64_t columnBegin, int64_t columnEnd) {
  constexpr int lanes = kLanes<T>;
  constexpr int full = kMaxColumns<T>;
  const Product<T>& p = job.p;
  alignas(64) T beside[kMaxRows * full];
  const int64_t group = most<int64_t>(1, kRowsInCache / job.rows);
  for (int64_t firstPanel = rowBegin; firstPanel < rowEnd; firstPanel += group) {
    const int64_t lastPanel = least(rowEnd, firstPanel + group);
    for (int64_t columnPanel = columnBegin; columnPanel < columnEnd; ++columnPanel) {
      const int64_t column = columnPanel * full;
      const int columns = static_cast<int>(least<int64_t>(full, block.columns - column));
      const int vectors = columns > lanes ? 2 : 1;
      const int width = vectors * lanes;
      Tile<T> tile;
      tile.depth = block.depth;
      const bool isPacked = block.packsAllOfB || columns != width;
      tile.b = isPacked ? panelOfB(block, columnPanel)
                        : p.b + block.firstDepth * p.bRow + block.firstColumn + column;
      tile.bDepth = isPacked ? width : p.bRow;
      for (int64_t rowPanel = firstPanel; rowPanel < lastPanel; ++rowPanel) {
        const int64_t row = rowPanel * job.rows;
        const int rows = static_cast<int>(least<int64_t>(job.rows, block.rows - row));
        if (block.packedA) {
          tile.a = block.packedA + rowPanel * packedRowsOf(job) * block.depth;
          tile.aRow = 1;
          tile.aDepth = packedRowsOf(job);
        } else {
          tile.a = p.a + (block.firstRow + row) * p.aRow + block.firstDepth * p.aColumn;
          tile.aRow = p.aRow;
          tile.aDepth = p.aColumn;
        }
        const bool isFirst = block.firstDepth == 0;
        const bool accumulate = p.accumulate || !isFirst;
        tile.rowBias = isFirst && job.rowBias ? job.rowBias + block.firstRow + row : nullptr;
        tile.columnBias = isFirst && job.columnBias ? job.columnBias + block.firstColumn + column : nullptr;
        T* c = p.c + (block.firstRow + row) * p.cRow + (block.firstColumn + column) * p.cColumn;
        const bool inPlace = p.cColumn == 1 && columns == width;
        tile.c = inPlace ? c : beside;
        tile.cRow = inPlace ? p.cRow : width;
        tile.accumulate = inPlace && accumulate;
        kTileKernels<T>.of[rows - 1][vectors - 1][tile.aRow == 1](tile);
        if (!inPlace) writeTile(beside, rows, columns, width, job, c, accumulate);
      }
    }
  }
}

template <class T>
void run(const Job<T>& job) {
  constexpr int full = kMaxColumns<T>;
  const Product<T>& p = job.p;
  const double work = static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  const bool isSerial = work < kSerialWork;
  // Reading in place costs nothing but cache misses; those of rows at a multiple of 4 KiB, which all fall
  // into one set of the cache, are as dear as packing, and so is reading a large matrix again for each panel
  // of the other.
  const bool aligned4k = (p.aRow * static_cast<int64_t>(sizeof(T))) % 2048 == 0;
  const bool mayPack = !p.staysInPlace;
  const bool packA =
      (p.aRow != 1 && p.aColumn != 1) ||
      (mayPack && ((p.n > 4 * full && p.m * p.k > 64 * 1024) || (p.aRow != 1 && aligned4k && p.n > full) ||
                   (p.aRow == 1 && p.k > 512 && p.n > full)));
  const bool packB = p.bColumn != 1 || (mayPack && p.m > 4 * kMaxRows && p.k > 64 && p.n * p.k > 32 * 1024);
  const bool isBlocked = (packA || packB) && p.k > 2 * kDepthBlock && p.n > full;
  const int64_t depthBlock =
      isBlocked ? kDepthBlock : most<int64_t>(1, p.k);  // with k of 0, one pass that writes zeros
  const int packedRows = packedRowsOf(job);
  for (int64_t firstColumn = 0; firstColumn < p.n; firstColumn += kColumnBlock) {
    for (int64_t firstDepth = 0; firstDepth < p.k || firstDepth == 0; firstDepth += depthBlock) {
      for (int64_t firstRow = 0; firstRow < p.m; firstRow += kRowBlock) {
        Block<T> block;
        block.firstRow = firstRow;
        block.rows = least(kRowBlock, p.m - firstRow);
        block.firstColumn = firstColumn;
        block.columns = least(kColumnBlock, p.n - firstColumn);
        block.firstDepth = firstDepth;
        block.depth = least(depthBlock, p.k - firstDepth);
        const int64_t rowPanels = panels(block.rows, job.rows);
        const int64_t columnPanels = panels(block.columns, full);
        block.packedA = nullptr;
        block.packedB = nullptr;
        T* intoA = nullptr;
        T* intoB = nullptr;
        if (packA) {
          intoA = static_cast<T*>(
              scratch(0, static_cast<size_t>(rowPanels * packedRows * block.depth) * sizeof(T)));
          block.packedA = intoA;
        }
        block.packsAllOfB = packB;
        if (packB || block.columns % kLanes<T> != 0) {
          intoB =
              static_cast<T*>(scratch(1, static_cast<size_t>(columnPanels * full * block.depth) * sizeof(T)));
          block.packedB = intoB;
        }
        const int64_t panelsOfA = packA ? rowPanels : 0;
        const int64_t panelsOfB = !intoB || firstRow != 0 ? 0 : packB ? columnPanels : 1;
        parallel(panelsOfA + panelsOfB, isSerial ? panelsOfA + panelsOfB : 1,
                 [&](int64_t begin, int64_t end) {
                   for (int64_t index = begin; index < end; ++index) {
                     if (index < panelsOfA) {
                       const int64_t row = index * job.rows;
                       packPanel(p.a + (firstRow + row) * p.aRow + firstDepth * p.aColumn, p.aRow, p.aColumn,
                                 static_cast<int>(least<int64_t>(job.rows, block.rows - row)), block.depth,
                                 packedRows, intoA + index * packedRows * block.depth);
                     } else {
                       const int64_t panel = columnPanels - panelsOfB + index - panelsOfA;
                       const int64_t column = panel * full;
                       const int columns = static_cast<int>(least<int64_t>(full, block.columns - column));
                       const int width = columns > kLanes<T> ? full : kLanes<T>;
                       packPanel(p.b + firstDepth * p.bRow + (firstColumn + column) * p.bColumn, p.bColumn,
                                 p.bRow, columns, block.depth, width, intoB + panel * full * block.depth);
                     }
                   }
                 });
        // Along the dimension with more panels, so that every thread has about as many.
        const bool byRows = rowPanels >= columnPanels;
        const int64_t count = byRows ? rowPanels : columnPanels;
        parallel(count, isSerial ? count : 1, [&](int64_t begin, int64_t end) {
          multiplyBlock(job, block, byRows ? begin : 0, byRows ? end : rowPanels, byRows ? 0 : begin,
                        byRows ? columnPanels : end);
        });
      }
    }
  }
}

// The stride of a dimension of size 1 means nothing; 1 suits every path.
template <class T>
Product<T> normalized(Product<T> p) {
  if (p.m == 1) p.aRow = p.cRow = 1;
  if (p.n == 1) p.bColumn = p.cColumn = 1;
  if (p.k == 1) p.aColumn = p.bRow = 1;
  return p;
}

template <class T>
T dot(const T* a, const T* b, int64_t count) {
  constexpr int lanes = kLanes<T>;
  Vector<T> sums[4] = {};
  int64_t i = 0;
  for (; i + 4 * lanes <= count; i += 4 * lanes) {
    for (int v = 0; v < 4; ++v) sums[v] += load(a + i + v * lanes) * load(b + i + v * lanes);
  }
  const Vector<T> all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  T sum = T(0);
  for (; i < count; ++i) sum += a[i] * b[i];
  for (int lane = 0; lane < lanes; ++lane) sum += all[lane];
  return sum;
}

// A matrix with contiguous rows times a vector: one dot product a row. False where the product is not of that
// kind.
template <class T>
bool multiplyVector(const Product<T>& product) {
  if (product.m != 1 && product.n != 1) return false;
  const bool isRow = product.n != 1;  // a vector times a matrix
  const Product<T> p = isRow ? transposed(product) : product;
  if (p.aColumn != 1 || p.bRow != 1 || p.k < 4 * kLanes<T>) return false;
  parallel(p.m, most<int64_t>(1, 2 * kGrain / p.k), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      T& c = p.c[row * p.cRow];
      const T start = (p.accumulate ? c : T(0)) + (p.bias ? p.bias[isRow ? row : 0] : T(0));
      c = start + dot(p.a + row * p.aRow, p.b, p.k);
    }
  });
  return true;
}

template <class T>
void multiplyMatrices(const Product<T>& product) {
  if (multiplyVector(product)) return;
  const Product<T> other = transposed(product);
  const bool swap = cost(other) < cost(product);
  Job<T> job;
  job.p = swap ? other : product;
  job.rowBias = swap ? product.bias : nullptr;
  job.columnBias = nullptr;
  job.rows = panelRows(job.p.m);
  if (product.bias && !swap) {
    // Read by whole vectors, so it needs room behind its end.
    const int64_t padded = panels(product.n, kLanes<T>) * kLanes<T>;
    T* copy = static_cast<T*>(scratch(2, static_cast<size_t>(padded) * sizeof(T)));
    for (int64_t i = 0; i < padded; ++i) copy[i] = i < product.n ? product.bias[i] : T(0);
    job.columnBias = copy;
  }
  run(job);
}

}  // namespace

void multiply(const Product<float>& product) { multiplyMatrices(normalized(product)); }
void multiply(const Product<double>& product) { multiplyMatrices(normalized(product)); }

}  // namespace descent::cpu::DESCENT_CAPABILITY
