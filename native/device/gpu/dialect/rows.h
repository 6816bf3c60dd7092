// Rows of a matrix shared out to the lanes of groups, for both sides of a source: a group's lanes are a table
// of `across` rows side by side and `slices` lanes for each row. Where a row is contiguous its lanes are
// neighbours; where neighbours in memory are of different rows (`is_columns`), neighbouring lanes have
// neighbouring rows. Either way neighbours read neighbours.

typedef struct {
  i64 rows, size;      // how many, and elements of one
  i64 chunks, chunk;   // how many groups share a row (GROUP_Y), and the elements of each
  i32 across, slices;  // powers of two; their product is LANES
  i32 is_columns, unused;
} Rows;

#ifdef DESCENT_DIALECT

// Which of the group's rows the lane works on, and which of the row's lanes it is.
#define ROW_OF_LANE(table) ((table).is_columns ? LANE % (table).across : LANE / (table).slices)
#define SLICE_OF_LANE(table) ((table).is_columns ? LANE / (table).across : LANE % (table).slices)
// Blocks of rows: any number of groups is right. `first` is the first row of the group's block.
#define FOR_ROWS(first, table) \
  for (i64 first = GROUP_X * (table).across; first < (table).rows; first += GROUPS_X * (table).across)

// The elements of a row that the group has, from `begin` on.
#define CHUNK_BEGIN(table) (GROUP_Y * (table).chunk)
#define CHUNK_END(table) \
  ((table).size < (GROUP_Y + 1) * (table).chunk ? (table).size : (GROUP_Y + 1) * (table).chunk)

// name(shared, value, which, slice, across, slices): the values of a row's lanes joined in an order that
// never changes, the same result in each of them. COMBINE is an expression of a and b; `shared` has LANES
// elements. All lanes of the group must call it.
#define ROW_REDUCTION(name, Type, COMBINE)                                                         \
  DEVICE Type name(LOCAL Type* shared, Type value, i32 which, i32 slice, i32 across, i32 slices) { \
    const i32 own = slice * across + which;                                                        \
    shared[own] = value;                                                                           \
    for (i32 half_slices = slices / 2; half_slices > 0; half_slices /= 2) {                        \
      BARRIER();                                                                                   \
      if (slice < half_slices) {                                                                   \
        const Type a = shared[own], b = shared[own + half_slices * across];                        \
        shared[own] = (COMBINE);                                                                   \
      }                                                                                            \
    }                                                                                              \
    BARRIER();                                                                                     \
    value = shared[which];                                                                         \
    BARRIER();                                                                                     \
    return value;                                                                                  \
  }

#endif

#ifndef DESCENT_DIALECT

constexpr i64 kRowsTogether = 32;    // neighbouring rows that one group reads at a time: a memory transaction
constexpr i64 kLeastPerLane = 16;    // elements of a chunk that a lane has at least
constexpr i64 kGroupsWanted = 1024;  // more do not make a device busier

[[maybe_unused]] i64 powerOfTwoFrom(i64 least) {
  i64 power = 1;
  while (power < least) power *= 2;
  return power;
}

// How `rows` rows of `size` elements are shared out.
[[maybe_unused]] Rows shareRows(const GpuDevice& device, i64 rows, i64 size, bool isColumns) {
  const i64 lanes = lanesOf(device);
  Rows table{rows, size, 1, size, 1, 1, isColumns, 0};
  if (isColumns) {
    const i64 most = std::max<i64>(1, lanes / std::min(kRowsTogether, powerOfTwoFrom(rows)));
    table.slices = static_cast<i32>(std::min(most, powerOfTwoFrom((size + 7) / 8)));
  } else {
    table.slices = static_cast<i32>(std::min(lanes, powerOfTwoFrom((size + 3) / 4)));
  }
  table.across = static_cast<i32>(lanes / table.slices);
  return table;
}

[[maybe_unused]] i64 groupsFor(const Rows& table) { return (table.rows + table.across - 1) / table.across; }

// Few long rows: as many groups for each as keep the device busy.
[[maybe_unused]] Rows inChunks(Rows table) {
  table.chunks = std::max<i64>(
      1, std::min(table.size / (table.slices * kLeastPerLane), kGroupsWanted / groupsFor(table)));
  table.chunk = (table.size + table.chunks - 1) / table.chunks;
  return table;
}

[[maybe_unused]] Grid gridFor(const Rows& table) { return {groupsFor(table), table.chunks, 1}; }

// For the second launch, which joins what the chunks of each row came to: side by side, chunk by chunk.
[[maybe_unused]] Rows joinChunks(const GpuDevice& device, const Rows& table) {
  Rows joined = shareRows(device, table.rows, table.chunks, true);
  joined.size = table.size;
  joined.chunks = table.chunks;
  return joined;
}

// Whether neighbours in memory are neighbours among the rows, rather than in one: `between` are the strides
// from row to row, `within` those along one.
[[maybe_unused]] bool areColumns(const Strided& between, const Strided& within) {
  if (within.dims == 0 || between.dims == 0) return within.dims == 0;
  return between.strides[between.dims - 1] < within.strides[within.dims - 1];
}

#endif
