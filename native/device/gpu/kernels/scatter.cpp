// Writing by index: scatter, scatterAdd, scatterMultiply, indexAdd, and the gradient of an embedding. No two
// lanes write one element, so that results are the same every time.
//
// Where the index is short, or differs for thousands of lines, a lane walks along the whole index of its
// line. Otherwise the index is sorted by what it names: what goes to one target lies side by side then, in
// the order of the index. Pieces of the sorted index are added up at the same time; a target that several
// pieces name is put together by a second launch.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8 ; INDEX: i32 i64
#include "../kernel.h"
#include "../sorting.h"

KERNEL_SOURCE

#define REPLACED 0
#define ADDED 1
#define MULTIPLIED 2

#define PIECE 32  // entries

// An item is one line across the index; it reads x and writes y along it.
typedef struct {
  Strided y_items, x_items, index_items;
  i64 items, count, size;  // count: of the index along the dim; size: of y
  i64 y_step, x_step, index_step;
  i64 inner;  // elements of the index in one step along the dim; 0: the index is a vector
  i32 kind, unused;
} WalkShape;
// Row k of the sorted entries holds those of item k, or all items have one row (entries_step is 0).
typedef struct {
  Strided y_items, x_items;
  i64 items, count, size, pieces;
  i64 y_step, x_step, entries_step;
  i32 kind, shift;  // an entry is target << shift | place along the index
  i32 is_scaled, unused;
} SortedShape;
typedef struct {
  Strided index_lines;
  i64 lines, count, size, index_step, inner;
  i64 skipped;  // a target that nothing goes to, or -1
  i32 shift, unused;
} EntriesShape;

#ifdef DESCENT_DIALECT

#include "../dialect/divide.h"

// Halves are added up in float.
#define PARTIAL_f32 f32
#define PARTIAL_f64 f64
#define PARTIAL_f16 f32
#define PARTIAL_bf16 f32
#define PARTIAL_i64 i64
#define PARTIAL_i32 i32
#define PARTIAL_i16 i16
#define PARTIAL_i8 i8
#define PARTIAL_u8 u8
#define PARTIAL_b8 b8
#define PARTIAL PASTE(PARTIAL, TYPE)

DEVICE T joined(i32 kind, T before, T value) {
  if (kind == ADDED) return T(before + value);
  if (kind == MULTIPLIED) return T(before * value);
  return value;
}

// The row-major place in the index of step n along a line.
DEVICE i64 positionOf(i64 line, i64 n, i64 count, i64 inner) {
  if (inner == 0) return n;
  const i64 outer = line / inner;
  return (outer * (count - 1) + n) * inner + line;
}

KERNEL(scatterWalk)(BUFFER(TYPE, y), BUFFER(TYPE, x), BUFFER(INDEX, index), FAULT, const WalkShape shape) {
  OPEN(TYPE, y);
  OPEN(TYPE, x);
  OPEN(INDEX, index);
  for (i64 item = GROUP_X * LANES + LANE; item < shape.items; item += GROUPS_X * LANES) {
    const i64 to = placeOf(&shape.y_items, item), from = placeOf(&shape.x_items, item);
    const i64 names = placeOf(&shape.index_items, item);
    for (i64 n = 0; n < shape.count; n++) {
      const i64 target = LOAD(INDEX, index, names + n * shape.index_step);
      if (target < 0 || target >= shape.size) {
        RAISE_FAULT(target, positionOf(item, n, shape.count, shape.inner), shape.size)
        continue;
      }
      const i64 place = to + target * shape.y_step;
      const T value = LOAD(TYPE, x, from + n * shape.x_step);
      STORE(TYPE, y, place, shape.kind == REPLACED ? value : joined(shape.kind, LOAD(TYPE, y, place), value));
    }
  }
}

// Targets out of range, and the one that is skipped, come last.
KERNEL(scatterEntries)(BUFFER(u64, entries), BUFFER(INDEX, index), FAULT, const EntriesShape shape) {
  OPEN(u64, entries);
  OPEN(INDEX, index);
  for (i64 k = GROUP_X * LANES + LANE; k < shape.lines * shape.count; k += GROUPS_X * LANES) {
    const i64 line = quotientOf(k, shape.count), n = k - line * shape.count;
    i64 target = LOAD(INDEX, index, placeOf(&shape.index_lines, line) + n * shape.index_step);
    if (target < 0 || target >= shape.size) {
      RAISE_FAULT(target, positionOf(line, n, shape.count, shape.inner), shape.size)
      target = shape.size;
    }
    if (target == shape.skipped) target = shape.size;
    entries[k] = (u64)target << shape.shift | (u64)n;
  }
}

// The last entry of each target is what stays.
KERNEL(scatterLast)(BUFFER(TYPE, y), BUFFER(TYPE, x), BUFFER(u64, entries), const SortedShape shape) {
  OPEN(TYPE, y);
  OPEN(TYPE, x);
  OPEN(u64, entries);
  for (i64 k = GROUP_X * LANES + LANE; k < shape.items * shape.count; k += GROUPS_X * LANES) {
    const i64 n = quotientOf(k, shape.items), item = k - n * shape.items;
    GLOBAL const u64* const sorted = entries + item * shape.entries_step;
    const u64 entry = sorted[n];
    const i64 target = (i64)(entry >> shape.shift);
    if (target >= shape.size || (n + 1 < shape.count && (i64)(sorted[n + 1] >> shape.shift) == target))
      continue;
    const i64 place = (i64)(entry & (((u64)1 << shape.shift) - 1));
    STORE(TYPE, y, placeOf(&shape.y_items, item) + target * shape.y_step,
          LOAD(TYPE, x, placeOf(&shape.x_items, item) + place * shape.x_step));
  }
}

// What one target gets, all of it.
DEVICE void finish(GLOBAL S* y, i64 place, const SortedShape* shape, T sum, i64 count) {
#if IS_FLOATING
  if (shape->is_scaled) sum = sum * (T(1) / T(count));
#endif
  STORE(TYPE, y, place, joined(shape->kind, LOAD(TYPE, y, place), sum));
}

// Joins what each target gets from one piece. Where other pieces go on with the target, the part is kept:
// `begun` for the target that a piece ends in, `continued` for one that it begins in the middle of.
KERNEL(scatterPieces)
(BUFFER(TYPE, y), BUFFER(TYPE, x), BUFFER(u64, entries), BUFFER(PARTIAL, begun), BUFFER(PARTIAL, continued),
 const SortedShape shape) {
  OPEN(TYPE, y);
  OPEN(TYPE, x);
  OPEN(u64, entries);
  OPEN(PARTIAL, begun);
  OPEN(PARTIAL, continued);
  const u64 mask = ((u64)1 << shape.shift) - 1;
  for (i64 k = GROUP_X * LANES + LANE; k < shape.items * shape.pieces; k += GROUPS_X * LANES) {
    const i64 piece = quotientOf(k, shape.items), item = k - piece * shape.items;
    GLOBAL const u64* const sorted = entries + item * shape.entries_step;
    const i64 to = placeOf(&shape.y_items, item), from = placeOf(&shape.x_items, item);
    const i64 begin = piece * PIECE;
    const i64 end = begin + PIECE < shape.count ? begin + PIECE : shape.count;
    i64 target = (i64)(sorted[begin] >> shape.shift), first = begin;
    bool is_continued = begin > 0 && (i64)(sorted[begin - 1] >> shape.shift) == target;
    T sum = T(0);
    for (i64 n = begin; n < end; n++) {
      if (target >= shape.size) break;
      const u64 entry = sorted[n];
      const T value = LOAD(TYPE, x, from + (i64)(entry & mask) * shape.x_step);
      sum = n == first ? value : joined(shape.kind, sum, value);
      const i64 next = n + 1 < shape.count ? (i64)(sorted[n + 1] >> shape.shift) : -1;
      if (next == target && n + 1 < end) continue;
      if (is_continued) {
        STORE(PARTIAL, continued, k, sum);
      } else if (next == target) {
        STORE(PARTIAL, begun, k, sum);
      } else {
        finish(y, to + target * shape.y_step, &shape, sum, n + 1 - first);
      }
      target = next;
      first = n + 1;
      is_continued = false;
    }
  }
}

// Puts targets together that several pieces name: the piece that begins with one goes through those behind
// it.
KERNEL(scatterRest)
(BUFFER(TYPE, y), BUFFER(u64, entries), BUFFER(PARTIAL, begun), BUFFER(PARTIAL, continued),
 const SortedShape shape) {
  OPEN(TYPE, y);
  OPEN(u64, entries);
  OPEN(PARTIAL, begun);
  OPEN(PARTIAL, continued);
  for (i64 k = GROUP_X * LANES + LANE; k < shape.items * (shape.pieces - 1); k += GROUPS_X * LANES) {
    const i64 piece = quotientOf(k, shape.items), item = k - piece * shape.items;
    GLOBAL const u64* const sorted = entries + item * shape.entries_step;
    const i64 begin = piece * PIECE;
    i64 end = begin + PIECE;
    const i64 target = (i64)(sorted[end - 1] >> shape.shift);
    if (target >= shape.size || (i64)(sorted[end] >> shape.shift) != target) continue;
    // One that began in an earlier piece is put together from there.
    if ((i64)(sorted[begin] >> shape.shift) == target &&
        (begin > 0 && (i64)(sorted[begin - 1] >> shape.shift) == target))
      continue;
    T sum = LOAD(PARTIAL, begun, k);
    i64 at = k, first = end;
    while (first > begin && (i64)(sorted[first - 1] >> shape.shift) == target) first--;
    while (end < shape.count && (i64)(sorted[end] >> shape.shift) == target) {
      at += shape.items;
      sum = joined(shape.kind, sum, LOAD(PARTIAL, continued, at));
      i64 last = end + PIECE < shape.count ? end + PIECE : shape.count;
      // Within its last piece the target ends somewhere.
      if ((i64)(sorted[last - 1] >> shape.shift) != target) {
        while ((i64)(sorted[last - 1] >> shape.shift) != target) last--;
        end = last;
        break;
      }
      end = last;
    }
    finish(y, placeOf(&shape.y_items, item) + target * shape.y_step, &shape, sum, end - first);
  }
}

#else  // host

constexpr i64 kShortIndex = 64;
constexpr i64 kManyLines = 16384;

// A scatter as the kernels see it: `shared`: every item has the same index, a vector.
struct Problem {
  const Operand& y;
  const Operand& x;
  const Operand& index;
  Strided yItems, xItems, indexItems;
  i64 items, count, size, yStep, xStep, indexStep, inner;
  bool isShared;
  i32 kind;
  i64 skipped = -1;
  bool isScaled = false;
};

int bitsFor(i64 largest) {
  int bits = 1;
  while (bits < 63 && (largest >> bits) != 0) ++bits;
  return bits;
}

void walk(GpuDevice& device, const Problem& it) {
  const WalkShape shape{it.yItems, it.xItems, it.indexItems, it.items, it.count, it.size,
                        it.yStep,  it.xStep,  it.indexStep,  it.inner, it.kind,  0};
  KernelCall(device, "scatter", "scatterWalk", Variant(it.y.dtype).define("INDEX", it.index.dtype))
      .memory(it.y)
      .memory(it.x)
      .memory(it.index)
      .faults()
      .value(shape)
      .runOver(it.items);
}

void runSorted(GpuDevice& device, const Problem& it) {
  const i64 lines = it.isShared ? 1 : it.items;
  const int shift = bitsFor(it.count);
  const Variant variant = Variant(it.y.dtype).define("INDEX", it.index.dtype);
  const size_t bytes = static_cast<size_t>(lines * it.count) * sizeof(u64);
  const Workspace entries(device, bytes), room(device, it.count > kSortedInPlace ? bytes : 0);
  const EntriesShape naming{it.isShared ? Strided{} : it.indexItems,
                            lines,
                            it.count,
                            it.size,
                            it.indexStep,
                            it.inner,
                            it.skipped,
                            shift,
                            0};
  KernelCall(device, "scatter", "scatterEntries", variant)
      .memory(entries.memory())
      .memory(it.index)
      .faults()
      .value(naming)
      .runOver(lines * it.count);
  const Memory sorted =
      sortEntries(device, EntryKind::narrow, entries.memory(), room.memory(), lines, it.count);

  const i64 pieces = (it.count + PIECE - 1) / PIECE;
  const SortedShape shape{it.yItems, it.xItems, it.items,
                          it.count,  it.size,   pieces,
                          it.yStep,  it.xStep,  it.isShared ? 0 : it.count,
                          it.kind,   shift,     it.isScaled,
                          0};
  if (it.kind == REPLACED) {
    KernelCall(device, "scatter", "scatterLast", variant)
        .memory(it.y)
        .memory(it.x)
        .memory(sorted)
        .value(shape)
        .runOver(it.items * it.count);
    return;
  }
  const size_t partials =
      pieces > 1 ? static_cast<size_t>(it.items * pieces) * std::max<size_t>(sizeOf(it.y.dtype), 4) : 0;
  const Workspace begun(device, partials), continued(device, partials);
  KernelCall(device, "scatter", "scatterPieces", variant)
      .memory(it.y)
      .memory(it.x)
      .memory(sorted)
      .memory(begun.memory())
      .memory(continued.memory())
      .value(shape)
      .runOver(it.items * pieces);
  if (pieces == 1) return;
  KernelCall(device, "scatter", "scatterRest", variant)
      .memory(it.y)
      .memory(sorted)
      .memory(begun.memory())
      .memory(continued.memory())
      .value(shape)
      .runOver(it.items * (pieces - 1));
}

void run(GpuDevice& device, const Problem& it) {
  if (it.items == 0 || it.count == 0) return;
  // An entry is one number of 64 bits.
  const bool isSortable = bitsFor(it.size) + bitsFor(it.count) <= 64;
  // Walking rounds halves at each step.
  const bool isExact = it.kind == REPLACED || !isHalf(it.y.dtype);
  const bool isQuick = it.count <= kShortIndex || (!it.isShared && it.items >= kManyLines);
  if (!isSortable || (isExact && isQuick)) {
    walk(device, it);
  } else {
    runSorted(device, it);
  }
}

// All dims of an operand but one, with the sizes of another.
Strided without(const Operand& operand, const Operand& sizes, int dim) {
  Operand rest = operand;
  rest.dims = 0;
  for (int k = 0; k < operand.dims; ++k) {
    if (k == dim) continue;
    rest.sizes[rest.dims] = sizes.sizes[k];
    rest.strides[rest.dims++] = operand.strides[k];
  }
  return strided(rest);
}

template <i32 kind>
void scatter(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  const Operand& x = (*launch.operands)[1];
  const Operand& index = (*launch.operands)[2];
  const int dim = static_cast<int>(launch.integers[0]);
  i64 items = 1, inner = 1;
  bool isShared = true;
  for (int k = 0; k < index.dims; ++k) {
    if (k == dim) continue;
    items *= index.sizes[k];
    if (k > dim) inner *= index.sizes[k];
    isShared = isShared && (index.sizes[k] == 1 || index.strides[k] == 0);
  }
  run(device, {y, x, index, without(y, index, dim), without(x, index, dim), without(index, index, dim), items,
               index.sizes[dim], y.sizes[dim], y.strides[dim], x.strides[dim], index.strides[dim], inner,
               isShared, kind});
}

// y [A, D, B...] += x [A, N, B...] at index [N]
void indexAdd(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  const Operand& x = (*launch.operands)[1];
  const Operand& index = (*launch.operands)[2];
  i64 items = 1;
  for (int k = 0; k < x.dims; ++k) items *= k == 1 ? 1 : x.sizes[k];
  Strided none;
  run(device, {y, x, index, without(y, x, 1), without(x, x, 1), none, items, x.sizes[1], y.sizes[1],
               y.strides[1], x.strides[1], index.strides[0], 0, true, ADDED});
}

// y [V, D] = rows of g [N, D] added up at index [N]
void embeddingBackward(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  const Operand& g = (*launch.operands)[1];
  const Operand& index = (*launch.operands)[2];
  const double zero = 0;
  const int64_t none = 0;
  if (elements(y) == 0) return;
  runKernel(device, "fill", 1, {y}, &zero, &none);
  if (index.sizes[0] == 0) return;
  const i64 size = g.sizes[1];
  runSorted(device, {y,
                     g,
                     index,
                     strided(y, 1, 2),
                     strided(g, 1, 2),
                     {},
                     size,
                     index.sizes[0],
                     y.sizes[0],
                     size,
                     size,
                     1,
                     0,
                     true,
                     ADDED,
                     launch.integers[0],
                     launch.integers[1] != 0});
}

const Kernel table[] = {
    {"scatter", kAll, scatter<REPLACED>},
    {"scatterAdd", kAll, scatter<ADDED>},
    {"scatterMultiply", kAll, scatter<MULTIPLIED>},
    {"indexAdd", kAll, indexAdd},
    {"embeddingBackward", kFloating, embeddingBackward},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"scatterAdd", 1, {{numbers, {4, 7}}, {numbers, {4, 9}}, {indices, {4, 9}, 7}}, {1}, {}},
      {"embeddingBackward", 1, {{numbers, {7, 30}}, {numbers, {9, 30}}, {indices, {9}, 7}}, {-1, 0}, {}},
  };
}

KERNEL_TABLE(scatter)

#endif
