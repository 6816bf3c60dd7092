// Sorts rows of entries: tiles in shared memory by a bitonic network, then runs of tiles merged two by two
// until a row is one run. Every group of a merge writes one tile, whose place in the two runs it finds by
// bisection.
// VARIANTS ENTRY: u64 wide
#include "../kernel.h"
#include "../sorting.h"

KERNEL_SOURCE

#define TILE 1024  // entries

typedef struct {
  i64 rows, count;  // entries of a row
  i64 tiles;        // of a row
  i64 kept;         // of each tile
  i64 to_count;     // entries of a row in the result
  i32 block_shift;  // log2 of the entries of a row that a tile has room for: rows are sorted side by side
  i32 unused;
} TileShape;
typedef struct {
  i64 rows, count, tiles, run;  // entries of a run, a multiple of TILE
} MergeShape;

#ifdef DESCENT_DIALECT

#include "../dialect/divide.h"
#include "../dialect/entry.h"

#define IS_BEFORE(a, b) PASTE(isBefore, ENTRY)(a, b)

DEVICE void order(LOCAL STORED(ENTRY) * tile, i32 a, i32 b) {
  const STORED(ENTRY) first = tile[a], second = tile[b];
  if (IS_BEFORE(second, first)) {
    tile[a] = second;
    tile[b] = first;
  }
}

KERNEL(sortTiles)(BUFFER(ENTRY, from), BUFFER(ENTRY, to), const TileShape shape) {
  SHARED(STORED(ENTRY), tile, TILE);
  OPEN(ENTRY, from);
  OPEN(ENTRY, to);
  const i32 block = 1 << shape.block_shift;
  const i64 group_blocks = TILE >> shape.block_shift, blocks = shape.rows * shape.tiles;
  for (i64 first = GROUP_X * group_blocks; first < blocks; first += GROUPS_X * group_blocks) {
    for (i32 k = LANE; k < TILE; k += LANES) {
      const i64 at = first + (k >> shape.block_shift);
      const i64 row = quotientOf(at, shape.tiles);
      const i64 column = (at - row * shape.tiles) * block + (k & (block - 1));
      tile[k] = at < blocks && column < shape.count ? LOAD(ENTRY, from, row * shape.count + column)
                                                    : PASTE(last, ENTRY)();
    }
    BARRIER();
    for (i32 size = 2; size <= block; size *= 2) {
      // Two sorted halves, the second one read backwards, become two bitonic ones in order.
      const i32 half_size = size / 2;
      for (i32 k = LANE; k < TILE / 2; k += LANES) {
        const i32 begin = (k & ~(half_size - 1)) * 2, place = k & (half_size - 1);
        order(tile, begin + place, begin + size - 1 - place);
      }
      BARRIER();
      for (i32 step = size / 4; step > 0; step /= 2) {
        for (i32 k = LANE; k < TILE / 2; k += LANES) {
          const i32 place = (k & ~(step - 1)) * 2 + (k & (step - 1));
          order(tile, place, place + step);
        }
        BARRIER();
      }
    }
    for (i32 k = LANE; k < TILE; k += LANES) {
      const i64 at = first + (k >> shape.block_shift);
      const i64 row = quotientOf(at, shape.tiles), tile_of_row = at - row * shape.tiles;
      const i64 place = k & (block - 1);
      if (at < blocks && place < shape.kept && tile_of_row * block + place < shape.count)
        STORE(ENTRY, to, row * shape.to_count + tile_of_row * shape.kept + place, tile[k]);
    }
    BARRIER();
  }
}

// How many of the first `diagonal` entries of two merged runs are of the left one.
DEVICE i64 splitAt(GLOBAL const STORED(ENTRY) * left, i64 left_size, GLOBAL const STORED(ENTRY) * right,
                   i64 right_size, i64 diagonal) {
  i64 low = diagonal > right_size ? diagonal - right_size : 0;
  i64 high = diagonal < left_size ? diagonal : left_size;
  while (low < high) {
    const i64 middle = (low + high) / 2;
    if (IS_BEFORE(left[middle], right[diagonal - 1 - middle])) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// How many of a sorted run in shared memory stand before an entry.
DEVICE i32 countBefore(LOCAL const STORED(ENTRY) * run, i32 size, STORED(ENTRY) entry) {
  i32 low = 0, high = size;
  while (low < high) {
    const i32 middle = (low + high) / 2;
    if (IS_BEFORE(run[middle], entry)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

KERNEL(mergeRuns)(BUFFER(ENTRY, from), BUFFER(ENTRY, to), const MergeShape shape) {
  SHARED(STORED(ENTRY), tile, TILE);
  SHARED(i64, splits, 2);
  OPEN(ENTRY, from);
  OPEN(ENTRY, to);
  for (i64 at = GROUP_X; at < shape.rows * shape.tiles; at += GROUPS_X) {
    const i64 row = quotientOf(at, shape.tiles), first = (at - row * shape.tiles) * TILE;
    const i64 pair = quotientOf(first, 2 * shape.run) * (2 * shape.run), rest = shape.count - pair;
    const i64 left_size = rest < shape.run ? rest : shape.run;
    const i64 right_size = rest - left_size < shape.run ? rest - left_size : shape.run;
    GLOBAL const STORED(ENTRY)* const left = from + row * shape.count + pair;
    GLOBAL const STORED(ENTRY)* const right = left + left_size;
    const i64 begin = first - pair, whole = left_size + right_size;
    const i64 end = begin + TILE < whole ? begin + TILE : whole;
    if (LANE < 2) splits[LANE] = splitAt(left, left_size, right, right_size, LANE == 0 ? begin : end);
    BARRIER();
    const i64 left_begin = splits[0], right_begin = begin - left_begin;
    const i32 size = (i32)(end - begin), lefts = (i32)(splits[1] - left_begin);
    for (i32 k = LANE; k < size; k += LANES)
      tile[k] = k < lefts ? left[left_begin + k] : right[right_begin + k - lefts];
    BARRIER();
    for (i32 k = LANE; k < size; k += LANES) {
      const STORED(ENTRY) entry = tile[k];
      const i32 place = k < lefts ? k + countBefore(tile + lefts, size - lefts, entry)
                                  : k - lefts + countBefore(tile, lefts, entry);
      STORE(ENTRY, to, row * shape.count + first + place, entry);
    }
    BARRIER();
  }
}

#else  // host

constexpr i64 kMostGroups = i64{1} << 30;
static_assert(TILE == kSortedInPlace);

i64 tilesOf(i64 count) { return (count + TILE - 1) / TILE; }

// Tiles sorted, with `kept` entries of each; gives how many a row has then.
i64 sortTiles(GpuDevice& device, EntryKind kind, Memory from, Memory to, i64 rows, i64 count, i64 kept) {
  TileShape shape{};
  shape.rows = rows;
  shape.count = count;
  shape.tiles = tilesOf(count);
  while ((i64{1} << shape.block_shift) < std::min<i64>(count, TILE)) ++shape.block_shift;
  const i64 last = count - (shape.tiles - 1) * TILE;
  shape.kept = std::min(kept, std::min<i64>(count, TILE));
  shape.to_count = (shape.tiles - 1) * shape.kept + std::min(kept, last);
  const i64 groupBlocks = TILE >> shape.block_shift, blocks = rows * shape.tiles;
  KernelCall(device, "merge", "sortTiles", Variant().define("ENTRY", nameOf(kind)))
      .memory(from)
      .memory(to)
      .value(shape)
      .run({std::min((blocks + groupBlocks - 1) / groupBlocks, kMostGroups), 1, 1});
  return shape.to_count;
}

}  // namespace

EntryKind entriesFor(DType dtype) {
  return dtype == DType::float64 || dtype == DType::int64 ? EntryKind::wide : EntryKind::narrow;
}

Memory sortEntries(GpuDevice& device, EntryKind kind, Memory entries, Memory room, i64 rows, i64 count) {
  sortTiles(device, kind, entries, entries, rows, count, TILE);
  for (i64 run = TILE; run < count; run *= 2) {
    const MergeShape shape{rows, count, tilesOf(count), run};
    KernelCall(device, "merge", "mergeRuns", Variant().define("ENTRY", nameOf(kind)))
        .memory(entries)
        .memory(room)
        .value(shape)
        .run({std::min(rows * shape.tiles, kMostGroups), 1, 1});
    std::swap(entries, room);
  }
  return entries;
}

Memory sortFirst(GpuDevice& device, EntryKind kind, Memory entries, Memory room, i64 rows, i64& count,
                 i64 kept) {
  // The best of all are among the best of each tile: each round leaves less than half.
  while (count > TILE && kept <= TILE / 4) {
    count = sortTiles(device, kind, entries, room, rows, count, kept);
    std::swap(entries, room);
  }
  return sortEntries(device, kind, entries, room, rows, count);
}

}  // namespace descent::gpu

#endif
