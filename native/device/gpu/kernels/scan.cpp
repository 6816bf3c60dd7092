// Running sums, running products and linear recurrences along rows, kept in doubles where the device has
// them.
//
// Rows of few elements, or side by side in memory, are a lane's each. Others are run through tile by tile by
// a group, and where there are few rows, by a group for each piece of a row, after a first pass that joins
// every piece.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8
#include "../kernel.h"

KERNEL_SOURCE

#define SUM 0
#define PRODUCT 1
#define RECURRENCE 2

#define LANE_ELEMENTS 4  // consecutive elements of a tile that are one lane's
#define PIECE_TILES 16   // tiles in a piece

typedef struct {
  Strided y_rows, x_rows, a_rows;
  i64 rows, size, pieces;         // pieces: of a row
  i64 y_first, x_first, a_first;  // element 0 of a row, counted from the row's place
  i64 y_step, x_step, a_step;
  i32 kind, wants_totals;
} ScanShape;

#ifdef DESCENT_DIALECT

#include "../dialect/divide.h"
#include "../dialect/scan.h"

#if IS_FLOATING
typedef real Wide;
#else
typedef i64 Wide;
#endif

// What a stretch of a row does: y = value + factor * (y before it). Sums and products have no factor.
typedef struct {
  Wide factor, value;
} Stretch;
typedef Stretch stored_Stretch;

DEVICE Stretch nothing(i32 kind) {
  Stretch none;
  none.factor = (Wide)1;
  none.value = kind == PRODUCT ? (Wide)1 : (Wide)0;
  return none;
}

DEVICE Stretch joined(i32 kind, Stretch first, Stretch second) {
  Stretch both;
  both.factor = (Wide)1;
  if (kind == SUM) {
    both.value = first.value + second.value;
  } else if (kind == PRODUCT) {
    both.value = first.value * second.value;
  } else {
    both.factor = first.factor * second.factor;
    // `value` is what comes after zero: exact there, even where the factor has run over.
    both.value = first.value == (Wide)0 ? second.value : second.value + second.factor * first.value;
  }
  return both;
}

GROUP_SCAN(sumsOfLanes, Wide, a + b)
GROUP_SCAN(productsOfLanes, Wide, a* b)
GROUP_SCAN(recurrencesOfLanes, Stretch, joined(RECURRENCE, a, b))

KERNEL(scanRows)(BUFFER(TYPE, y), BUFFER(TYPE, x), BUFFER(TYPE, a), const ScanShape shape) {
  OPEN(TYPE, y);
  OPEN(TYPE, x);
  OPEN(TYPE, a);
  for (i64 row = GROUP_X * LANES + LANE; row < shape.rows; row += GROUPS_X * LANES) {
    const i64 to = placeOf(&shape.y_rows, row) + shape.y_first;
    const i64 from = placeOf(&shape.x_rows, row) + shape.x_first;
    const i64 factors = placeOf(&shape.a_rows, row) + shape.a_first;
    Wide value = nothing(shape.kind).value;
    for (i64 k = 0; k < shape.size; k++) {
      const Wide element = (Wide)LOAD(TYPE, x, from + k * shape.x_step);
      if (shape.kind == SUM) {
        value += element;
      } else if (shape.kind == PRODUCT) {
        value *= element;
      } else {
        // Nothing stands before the first, whatever a has there.
        value = k == 0 ? element : element + (Wide)LOAD(TYPE, a, factors + k * shape.a_step) * value;
      }
      STORE(TYPE, y, to + k * shape.y_step, T(value));
    }
  }
}

// `totals`: with wants_totals what each piece does, and nothing else is written; otherwise what comes before
// each piece.
KERNEL(scanPieces)
(BUFFER(TYPE, y), BUFFER(TYPE, x), BUFFER(TYPE, a), BUFFER(Stretch, totals), const ScanShape shape) {
  SHARED(Wide, values, LANES * LANE_ELEMENTS);
  SHARED(Wide, factors, LANES * LANE_ELEMENTS);
  SHARED(Stretch, stretches, LANES);
  SHARED(Wide, shared, LANES);
  OPEN(TYPE, y);
  OPEN(TYPE, x);
  OPEN(TYPE, a);
  OPEN(Stretch, totals);
  const i32 kind = shape.kind;
  const i64 piece_size = shape.pieces == 1 ? shape.size : PIECE_TILES * LANES * LANE_ELEMENTS;
  for (i64 at = GROUP_X; at < shape.rows * shape.pieces; at += GROUPS_X) {
    const i64 row = quotientOf(at, shape.pieces), begin = (at - row * shape.pieces) * piece_size;
    const i64 end = begin + piece_size < shape.size ? begin + piece_size : shape.size;
    const i64 to = placeOf(&shape.y_rows, row) + shape.y_first;
    const i64 from = placeOf(&shape.x_rows, row) + shape.x_first;
    const i64 factors_from = placeOf(&shape.a_rows, row) + shape.a_first;
    Stretch before = nothing(kind);
    if (shape.pieces > 1 && !shape.wants_totals) before = totals[at];
    for (i64 tile = begin; tile < end; tile += LANES * LANE_ELEMENTS) {
      for (i32 k = LANE; k < LANES * LANE_ELEMENTS; k += LANES) {
        const bool is_inside = tile + k < end;
        values[k] = is_inside ? (Wide)LOAD(TYPE, x, from + (tile + k) * shape.x_step) : nothing(kind).value;
        if (kind == RECURRENCE) {
          // Nothing stands before the first, whatever a has there.
          factors[k] = !is_inside      ? (Wide)1
                       : tile + k == 0 ? (Wide)0
                                       : (Wide)LOAD(TYPE, a, factors_from + (tile + k) * shape.a_step);
        }
      }
      BARRIER();
      const i32 first = LANE * LANE_ELEMENTS;
      Stretch mine = nothing(kind);
      for (i32 k = first; k < first + LANE_ELEMENTS; k++) {
        if (kind == SUM) {
          mine.value += values[k];
        } else if (kind == PRODUCT) {
          mine.value *= values[k];
        } else {
          mine.value = values[k] + factors[k] * mine.value;
          mine.factor *= factors[k];
        }
      }
      Stretch up_to_lane = nothing(kind), whole = nothing(kind);
      if (kind == RECURRENCE) {
        recurrencesOfLanes(stretches, mine);
        if (LANE > 0) up_to_lane = stretches[LANE - 1];
        whole = stretches[LANES - 1];
      } else {
        if (kind == SUM) {
          sumsOfLanes(shared, mine.value);
        } else {
          productsOfLanes(shared, mine.value);
        }
        if (LANE > 0) up_to_lane.value = shared[LANE - 1];
        whole.value = shared[LANES - 1];
      }
      Wide value = joined(kind, before, up_to_lane).value;
      before = joined(kind, before, whole);
      for (i32 k = first; k < first + LANE_ELEMENTS; k++) {
        if (kind == SUM) {
          value += values[k];
        } else if (kind == PRODUCT) {
          value *= values[k];
        } else {
          value = tile + k == 0 ? values[k] : values[k] + factors[k] * value;
        }
        values[k] = value;
      }
      BARRIER();
      if (!shape.wants_totals) {
        for (i32 k = LANE; k < LANES * LANE_ELEMENTS; k += LANES) {
          if (tile + k < end) STORE(TYPE, y, to + (tile + k) * shape.y_step, T(values[k]));
        }
      }
      BARRIER();
    }
    if (shape.wants_totals && LANE == 0) totals[at] = before;
  }
}

// What each piece does becomes what comes before it. A group for each row.
KERNEL(scanTotals)(BUFFER(Stretch, totals), const ScanShape shape) {
  SHARED(Stretch, stretches, LANES);
  SHARED(Wide, shared, LANES);
  OPEN(Stretch, totals);
  for (i64 row = GROUP_X; row < shape.rows; row += GROUPS_X) {
    GLOBAL Stretch* const pieces = totals + row * shape.pieces;
    Stretch before = nothing(shape.kind);
    for (i64 first = 0; first < shape.pieces; first += LANES) {
      const i64 k = first + LANE;
      const Stretch mine = k < shape.pieces ? pieces[k] : nothing(shape.kind);
      Stretch up_to_lane = nothing(shape.kind), whole = nothing(shape.kind);
      if (shape.kind == RECURRENCE) {
        recurrencesOfLanes(stretches, mine);
        if (LANE > 0) up_to_lane = stretches[LANE - 1];
        whole = stretches[LANES - 1];
      } else {
        if (shape.kind == SUM) {
          sumsOfLanes(shared, mine.value);
        } else {
          productsOfLanes(shared, mine.value);
        }
        if (LANE > 0) up_to_lane.value = shared[LANE - 1];
        whole.value = shared[LANES - 1];
      }
      if (k < shape.pieces) pieces[k] = joined(shape.kind, before, up_to_lane);
      before = joined(shape.kind, before, whole);
      BARRIER();
    }
  }
}

#else  // host

constexpr i64 kShortRow = 32;
constexpr i64 kManyRows = 256;
constexpr size_t kStretchBytes = 16;

// Along the last dim of y and x; a null where there is none.
void scan(GpuDevice& device, const Operand& y, const Operand& x, const Operand* a, i32 kind, bool isReverse) {
  const int last = y.dims - 1;
  ScanShape shape{};
  shape.kind = kind;
  shape.size = y.sizes[last];
  shape.rows = elements(y) / std::max<i64>(1, shape.size);
  shape.pieces = 1;
  const auto describe = [&](const Operand& operand, Strided& rows, i64& first, i64& step) {
    rows = strided(operand, 0, last);
    step = operand.strides[last];
    if (!isReverse) return;
    first = (shape.size - 1) * step;
    step = -step;
  };
  describe(y, shape.y_rows, shape.y_first, shape.y_step);
  describe(x, shape.x_rows, shape.x_first, shape.x_step);
  if (a) describe(*a, shape.a_rows, shape.a_first, shape.a_step);
  if (shape.rows == 0 || shape.size == 0) return;
  const auto call = [&](KernelCall&& with) -> KernelCall& {
    with.memory(y).memory(x);
    return a ? with.memory(*a) : with.none();
  };
  const bool isSideBySide = last > 0 && y.strides[last] != 1;
  if (shape.size <= kShortRow || (isSideBySide && shape.rows >= kManyRows)) {
    call(KernelCall(device, "scan", "scanRows", Variant(y.dtype))).value(shape).runOver(shape.rows);
    return;
  }
  const i64 piece = PIECE_TILES * LANE_ELEMENTS * lanesOf(device);
  if (shape.rows < kManyRows && shape.size > piece) shape.pieces = (shape.size + piece - 1) / piece;
  const Grid grid{std::min<i64>(shape.rows * shape.pieces, i64{1} << 30), 1, 1};
  const Workspace totals(device, static_cast<size_t>(shape.rows * shape.pieces) * kStretchBytes);
  if (shape.pieces > 1) {
    shape.wants_totals = 1;
    call(KernelCall(device, "scan", "scanPieces", Variant(y.dtype)))
        .memory(totals.memory())
        .value(shape)
        .run(grid);
    KernelCall(device, "scan", "scanTotals", Variant(y.dtype))
        .memory(totals.memory())
        .value(shape)
        .run({shape.rows, 1, 1});
    shape.wants_totals = 0;
  }
  call(KernelCall(device, "scan", "scanPieces", Variant(y.dtype)))
      .memory(totals.memory())
      .value(shape)
      .run(grid);
}

template <i32 kind>
void running(GpuDevice& device, const Launch& launch) {
  scan(device, (*launch.operands)[0], (*launch.operands)[1], nullptr, kind, launch.integers[0] != 0);
}

void recurrence(GpuDevice& device, const Launch& launch) {
  const Operand& a = (*launch.operands)[1];
  scan(device, (*launch.operands)[0], (*launch.operands)[2], &a, RECURRENCE, launch.integers[0] != 0);
}

const Kernel table[] = {
    {"cumsum", kAll, running<SUM>},
    {"cumprod", kAll, running<PRODUCT>},
    {"recurrence", kFloating, recurrence},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"cumsum", 1, {{numbers, {3, 700}}, {numbers, {3, 700}}}, {0}, {}},
  };
}

KERNEL_TABLE(scan)

#endif
