// Sorting rows, and finding the first few or the middle of each: elements become entries in the same order
// (dialect/entry.h), which merge.cpp sorts.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8
#include "../kernel.h"
#include "../sorting.h"

KERNEL_SOURCE

// A batch of rows of x, from `first` on.
typedef struct {
  Strided rows;
  i64 first, count, size, step;
  i32 is_descending, unused;
} RowsShape;
// What is taken of them: `taken` elements of each.
typedef struct {
  Strided x_rows, values_rows, indices_rows;
  i64 first, count, size, x_step;  // size: entries of a row
  i64 taken, values_step, indices_step;
} PickShape;
typedef struct {
  i64 count, width, run;  // rows, elements of a row, rows of a run
} OrderShape;

#ifdef DESCENT_DIALECT

#include "../dialect/divide.h"
#include "../dialect/entry.h"

#define IS_WIDE_f32 0
#define IS_WIDE_f64 1
#define IS_WIDE_f16 0
#define IS_WIDE_bf16 0
#define IS_WIDE_i64 1
#define IS_WIDE_i32 0
#define IS_WIDE_i16 0
#define IS_WIDE_i8 0
#define IS_WIDE_u8 0
#define IS_WIDE_b8 0
#undef ENTRY
#undef BITS_OF
#if PASTE(IS_WIDE, TYPE)
#define ENTRY wide
#define BITS_OF(x) BITS_OF_F64(x)
typedef u64 Key;
#else
#define ENTRY u64
#define BITS_OF(x) BITS_OF_F32(x)
typedef u32 Key;
#endif

// Larger for larger x; one key for both zeros, and the largest for every NaN.
DEVICE Key keyOf(T x) {
  const Key sign = (Key)1 << (8 * sizeof(Key) - 1);
#if IS_FLOATING
  if (isnan_(x)) return (Key) ~(Key)0;
  if (x == T(0)) return sign;
  const Key bits = BITS_OF(x);
  return bits & sign ? (Key)~bits : (Key)(bits | sign);
#else
  return (Key)(i64)x ^ sign;
#endif
}

KERNEL(entriesOf)(BUFFER(ENTRY, entries), BUFFER(TYPE, x), const RowsShape shape) {
  OPEN(ENTRY, entries);
  OPEN(TYPE, x);
  const Key flip = shape.is_descending ? (Key) ~(Key)0 : (Key)0;
  for (i64 k = GROUP_X * LANES + LANE; k < shape.count * shape.size; k += GROUPS_X * LANES) {
    const i64 row = quotientOf(k, shape.size), column = k - row * shape.size;
    const T value = LOAD(TYPE, x, placeOf(&shape.rows, shape.first + row) + column * shape.step);
    STORE(ENTRY, entries, k, PASTE(entry, ENTRY)((Key)(keyOf(value) ^ flip), column));
  }
}

DEVICE void take(GLOBAL S* values, GLOBAL i64* indices, GLOBAL const S* x, const PickShape* shape, i64 row,
                 i64 column, STORED(ENTRY) entry) {
  const i64 index = PASTE(placeOf, ENTRY)(entry);
  indices[placeOf(&shape->indices_rows, shape->first + row) + column * shape->indices_step] = index;
  values[placeOf(&shape->values_rows, shape->first + row) + column * shape->values_step] =
      x[placeOf(&shape->x_rows, shape->first + row) + index * shape->x_step];
}

// The first of each row.
KERNEL(takeFirst)
(BUFFER(TYPE, values), BUFFER(i64, indices), BUFFER(ENTRY, entries), BUFFER(TYPE, x), const PickShape shape) {
  OPEN(TYPE, values);
  OPEN(i64, indices);
  OPEN(ENTRY, entries);
  OPEN(TYPE, x);
  for (i64 k = GROUP_X * LANES + LANE; k < shape.count * shape.taken; k += GROUPS_X * LANES) {
    const i64 row = quotientOf(k, shape.taken), column = k - row * shape.taken;
    take(values, indices, x, &shape, row, column, LOAD(ENTRY, entries, row * shape.size + column));
  }
}

// The lower middle of each row, or the first NaN where there is one: they stand last, in their order.
KERNEL(takeMiddle)
(BUFFER(TYPE, values), BUFFER(i64, indices), BUFFER(ENTRY, entries), BUFFER(TYPE, x), const PickShape shape) {
  OPEN(TYPE, values);
  OPEN(i64, indices);
  OPEN(ENTRY, entries);
  OPEN(TYPE, x);
  for (i64 row = GROUP_X * LANES + LANE; row < shape.count; row += GROUPS_X * LANES) {
    i64 middle = (shape.size - 1) / 2;
#if IS_FLOATING
    const u64 nan = (Key) ~(Key)0;
    i64 low = 0, high = shape.size;
    while (low < high) {
      const i64 half_way = (low + high) / 2;
      if (PASTE(keyOf, ENTRY)(LOAD(ENTRY, entries, row * shape.size + half_way)) == nan) {
        high = half_way;
      } else {
        low = half_way + 1;
      }
    }
    if (low < shape.size) middle = low;
#endif
    take(values, indices, x, &shape, row, 0, LOAD(ENTRY, entries, row * shape.size + middle));
  }
}

// Whether row a of x comes behind row b, by their first elements that differ.
DEVICE bool isBehind(GLOBAL const S* x, i64 width, i64 a, i64 b) {
  for (i64 k = 0; k < width; k++) {
    const Key first = keyOf(LOAD(TYPE, x, a * width + k)), second = keyOf(LOAD(TYPE, x, b * width + k));
    if (first != second) return first > second;
  }
  return false;
}

// Runs of row numbers merged two by two: each number finds its place by bisection in the other run. Of equal
// rows those of the left run come first.
KERNEL(mergeRows)(BUFFER(i64, to), BUFFER(i64, from), BUFFER(TYPE, x), const OrderShape shape) {
  OPEN(i64, to);
  OPEN(i64, from);
  OPEN(TYPE, x);
  for (i64 k = GROUP_X * LANES + LANE; k < shape.count; k += GROUPS_X * LANES) {
    const i64 pair = quotientOf(k, 2 * shape.run) * (2 * shape.run), right = pair + shape.run;
    const bool is_left = k < right;
    const i64 end = right + shape.run < shape.count ? right + shape.run : shape.count;
    const i64 row = from[k], begin = is_left ? right : pair;
    i64 low = begin, high = is_left ? end : right;
    while (low < high) {
      const i64 middle = (low + high) / 2;
      const bool is_first = is_left ? isBehind(x, shape.width, row, from[middle])
                                    : !isBehind(x, shape.width, from[middle], row);
      if (is_first) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    to[pair + (k - (is_left ? pair : right)) + (low - begin)] = row;
  }
}

#else  // host

// Entries of as many rows at a time as fit.
constexpr i64 kMostEntries = i64{1} << 26;

// body(first, rows) for batches of the rows of x.
template <class Body>
void forBatches(const Operand& x, const Body& body) {
  const i64 size = x.sizes[x.dims - 1], rows = elements(x) / size;
  const i64 batch = std::max<i64>(1, kMostEntries / size);
  for (i64 first = 0; first < rows; first += batch) body(first, std::min(batch, rows - first));
}

Memory enterRows(GpuDevice& device, const Workspace& room, const Operand& x, i64 first, i64 rows,
                 bool isDescending) {
  const int last = x.dims - 1;
  const RowsShape shape{strided(x, 0, last), first, rows, x.sizes[last], x.strides[last], isDescending, 0};
  KernelCall(device, "sort", "entriesOf", Variant(x.dtype))
      .memory(room.memory())
      .memory(x)
      .value(shape)
      .runOver(rows * shape.size);
  return room.memory();
}

void takeRows(GpuDevice& device, const char* kernel, const Launch& launch, Memory entries, i64 first,
              i64 rows, i64 size) {
  const Operand& values = (*launch.operands)[0];
  const Operand& indices = (*launch.operands)[1];
  const Operand& x = (*launch.operands)[2];
  const int last = x.dims - 1;
  const PickShape shape{strided(x, 0, last),
                        strided(values, 0, last),
                        strided(indices, 0, last),
                        first,
                        rows,
                        size,
                        x.strides[last],
                        values.sizes[last],
                        values.strides[last],
                        indices.strides[last]};
  KernelCall(device, "sort", kernel, Variant(x.dtype))
      .memory(values)
      .memory(indices)
      .memory(entries)
      .memory(x)
      .value(shape)
      .runOver(rows * shape.taken);
}

void takeSorted(GpuDevice& device, const Launch& launch, const char* kernel, bool isDescending, i64 kept) {
  const Operand& x = (*launch.operands)[2];
  const EntryKind kind = entriesFor(x.dtype);
  forBatches(x, [&](i64 first, i64 rows) {
    i64 size = x.sizes[x.dims - 1];
    const size_t bytes = static_cast<size_t>(rows * size) * bytesOf(kind);
    const Workspace one(device, bytes), other(device, size > kSortedInPlace ? bytes : 0);
    const Memory entries = enterRows(device, one, x, first, rows, isDescending);
    const Memory sorted = sortFirst(device, kind, entries, other.memory(), rows, size, kept);
    takeRows(device, kernel, launch, sorted, first, rows, size);
  });
}

void sort(GpuDevice& device, const Launch& launch) {
  const Operand& x = (*launch.operands)[2];
  takeSorted(device, launch, "takeFirst", launch.integers[0] != 0, x.sizes[x.dims - 1]);
}

void topk(GpuDevice& device, const Launch& launch) {
  const Operand& values = (*launch.operands)[0];
  takeSorted(device, launch, "takeFirst", launch.integers[0] != 0, values.sizes[values.dims - 1]);
}

void median(GpuDevice& device, const Launch& launch) {
  const Operand& x = (*launch.operands)[2];
  takeSorted(device, launch, "takeMiddle", false, x.sizes[x.dims - 1]);
}

void sortRows(GpuDevice& device, const Launch& launch) {
  Operand order = (*launch.operands)[0];
  const Operand& x = (*launch.operands)[1];
  OrderShape shape{x.sizes[0], x.sizes[1], 1};
  const Workspace room(device, static_cast<size_t>(shape.count) * sizeof(i64));
  Operand other = order;
  other.memory = room.memory();
  // The last merge writes the result.
  for (i64 run = 1; run < shape.count; run *= 2) std::swap(order.memory, other.memory);
  const double numbers[] = {0, 1};
  const int64_t integers[] = {0, 1};
  runKernel(device, "arange", 1, {order}, numbers, integers);
  for (; shape.run < shape.count; shape.run *= 2) {
    KernelCall(device, "sort", "mergeRows", Variant(x.dtype))
        .memory(other)
        .memory(order)
        .memory(x)
        .value(shape)
        .runOver(shape.count);
    std::swap(order.memory, other.memory);
  }
}

const Kernel table[] = {
    {"sort", kAll, sort},
    {"topk", kAll, topk},
    {"median", kAll, median},
    {"sortRows", kAll, sortRows},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"sort", 2, {{numbers, {3, 300}}, {indices, {3, 300}}, {numbers, {3, 300}}}, {0}, {}},
  };
}

KERNEL_TABLE(sort)

#endif
