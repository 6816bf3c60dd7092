// What somebody who looks at a tensor wants to know of it: counts, extremes and moments of its finite
// elements, and how they are spread over bins. A debugger launches these while a program stands still, for
// many tensors at a time: one program for all dtypes, and no work space.
//
// Both work on a sample: runs of `run` elements in row-major order, `spacing` apart; all elements where both
// are equal.
// VARIANTS WIDE: f64 f32
#include "../kernel.h"

KERNEL_SOURCE

// As a row of y, whose numbers are float32 on a device without doubles; native/inspect/summary.cpp has the
// same.
#define COLUMNS 9
#define MOST_BINS 2048

typedef struct {
  Strided x;
  i64 looked, run, spacing, perGroup;
  Number from, to, perUnit;
  i32 dtype, bins;
} SummaryShape;

#ifdef DESCENT_DIALECT

#include "../dialect/element.h"

DEVICE i64 placeOfSample(const SummaryShape* shape, i64 k) {
  return placeOf(&shape->x,
                 shape->run == shape->spacing ? k : k / shape->run * shape->spacing + k % shape->run);
}

typedef struct {
  W least, greatest, mean, squares;  // squares: the sum of (x - mean)^2
  i32 nan, positive, negative, zeros, finite, unused;
} Looked;

// Moments as Chan, Golub and LeVeque (1979) join them.
DEVICE Looked joinLooked(Looked a, Looked b) {
  if (b.finite > 0) {
    if (a.finite == 0) {
      a.least = b.least;
      a.greatest = b.greatest;
      a.mean = b.mean;
      a.squares = b.squares;
    } else {
      const W share = (W)b.finite / ((W)a.finite + (W)b.finite), apart = b.mean - a.mean;
      a.mean += apart * share;
      a.squares += b.squares + apart * apart * ((W)a.finite * share);
      a.least = b.least < a.least ? b.least : a.least;
      a.greatest = b.greatest > a.greatest ? b.greatest : a.greatest;
    }
  }
  a.nan += b.nan;
  a.positive += b.positive;
  a.negative += b.negative;
  a.zeros += b.zeros;
  a.finite += b.finite;
  return a;
}

GROUP_REDUCTION(lookedOfLanes, Looked, joinLooked(a, b))

KERNEL(summary)(BUFFER(WIDE, y), BUFFER(u8, x), const SummaryShape shape) {
  SHARED(Looked, shared, LANES);
  OPEN(WIDE, y);
  OPEN(u8, x);
  const i64 begin = GROUP_X * shape.perGroup;
  const i64 end = begin + shape.perGroup < shape.looked ? begin + shape.perGroup : shape.looked;
  Looked mine;
  mine.nan = mine.positive = mine.negative = mine.zeros = mine.finite = mine.unused = 0;
  mine.least = mine.greatest = mine.mean = mine.squares = (W)0;
  // Sums about the first finite number: what the others share with it does not drown how they differ.
  W origin = (W)0, sum = (W)0, squares = (W)0;
  for (i64 k = begin + LANE; k < end; k += LANES) {
    const W value = numberAt(x, shape.dtype, placeOfSample(&shape, k));
    if (value == (W)0) mine.zeros++;
    if (isFiniteNumber(value)) {
      if (mine.finite == 0) mine.least = mine.greatest = origin = value;
      const W apart = value - origin;
      sum += apart;
      squares += apart * apart;
      mine.least = value < mine.least ? value : mine.least;
      mine.greatest = value > mine.greatest ? value : mine.greatest;
      mine.finite++;
    } else if (value != value) {
      mine.nan++;
    } else if (value > (W)0) {
      mine.positive++;
    } else {
      mine.negative++;
    }
  }
  if (mine.finite > 0) {
    const W mean = sum / (W)mine.finite, rest = squares - sum * mean;
    mine.mean = origin + mean;
    mine.squares = rest > (W)0 ? rest : (W)0;
  }
  const Looked all = lookedOfLanes(shared, mine);
  if (LANE == 0) {
    GLOBAL W* const row = y + GROUP_X * COLUMNS;
    row[0] = (W)all.nan;
    row[1] = (W)all.positive;
    row[2] = (W)all.negative;
    row[3] = (W)all.zeros;
    row[4] = (W)all.finite;
    row[5] = all.least;
    row[6] = all.greatest;
    row[7] = all.mean;
    row[8] = all.squares;
  }
}

// Counting is the one atomic that gives the same in any order.
KERNEL(bins)(BUFFER(i64, y), BUFFER(u8, x), const SummaryShape shape) {
  SHARED(i32, counts, MOST_BINS + 2);
  OPEN(i64, y);
  OPEN(u8, x);
  for (i32 bin = LANE; bin < shape.bins + 2; bin += LANES) counts[bin] = 0;
  BARRIER();
  const i64 begin = GROUP_X * shape.perGroup;
  const i64 end = begin + shape.perGroup < shape.looked ? begin + shape.perGroup : shape.looked;
#ifdef HAS_FLOAT64
  const W from = F64_OF_BITS(shape.from.bits), to = F64_OF_BITS(shape.to.bits),
          perUnit = F64_OF_BITS(shape.perUnit.bits);
#else
  const W from = shape.from.single, to = shape.to.single, perUnit = shape.perUnit.single;
#endif
  for (i64 k = begin + LANE; k < end; k += LANES) {
    const W value = numberAt(x, shape.dtype, placeOfSample(&shape, k));
    if (!isFiniteNumber(value)) continue;
    i32 place = value < from ? shape.bins : shape.bins + 1;
    if (value >= from && value <= to) {
      const W at = (value - from) * perUnit;
      place = at < (W)shape.bins ? (i32)at : shape.bins - 1;
    }
    COUNT(&counts[place]);
  }
  BARRIER();
  for (i32 bin = LANE; bin < shape.bins + 2; bin += LANES) y[GROUP_X * (shape.bins + 2) + bin] = counts[bin];
}

#else  // host

SummaryShape summaryShape(const Launch& launch) {
  const Operand& x = (*launch.operands)[1];
  const int64_t* integers = launch.integers;
  SummaryShape shape{};
  shape.x = strided(x);
  shape.looked = integers[1];
  shape.run = integers[2];
  shape.spacing = integers[3];
  shape.perGroup = (integers[1] + integers[0] - 1) / integers[0];
  shape.dtype = static_cast<i32>(x.dtype);
  return shape;
}

Variant wide(GpuDevice& device) {
  return Variant().define("WIDE", hasFloat64(device) ? DType::float64 : DType::float32);
}

void summary(GpuDevice& device, const Launch& launch) {
  KernelCall(device, "summary", "summary", wide(device))
      .memory((*launch.operands)[0])
      .memory((*launch.operands)[1])
      .value(summaryShape(launch))
      .run({launch.integers[0], 1, 1});
}

void bins(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  SummaryShape shape = summaryShape(launch);
  shape.from = Number(launch.numbers[0]);
  shape.to = Number(launch.numbers[1]);
  shape.perUnit = Number(launch.numbers[2]);
  shape.bins = static_cast<i32>(y.sizes[1]) - 2;
  KernelCall(device, "summary", "bins", wide(device))
      .memory(y)
      .memory((*launch.operands)[1])
      .value(shape)
      .run({launch.integers[0], 1, 1});
}

const Kernel table[] = {
    {"summary", kAll, summary},
    {"bins", kAll, bins},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"bins", 1, {{indices, {2, 18}}, {transposed, {9, 70}}}, {2, 630, 1, 1}, {-0.5, 0.5, 16}},
  };
}

KERNEL_TABLE(summary)

#endif
