// Random numbers by counting, the same as the CPU's: a lane makes the four draws of one Philox block.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8
#include "../kernel.h"

KERNEL_SOURCE

typedef struct {
  i64 count;
  i64 seed;
  i64 counter;     // of the first block
  i64 skipped;     // draws of the first block that lie before element 0
  i64 low, range;  // randint: the first integer, and how many there are
  i64 threshold;   // bernoulli and dropout: of 2^32 draws, how many lie below p
  Number start, end;
} RandomShape;
typedef struct {
  Strided y, mask, x;
} DropoutShape;

#ifdef DESCENT_DIALECT

#include "../dialect/philox.h"

#define DOUBLE_f32 0
#define DOUBLE_f64 1
#define DOUBLE_f16 0
#define DOUBLE_bf16 0
#define IS_DOUBLE PASTE(DOUBLE, TYPE)

// Binary digits of a number just below 1: as many bits of a draw are taken, so that none is rounded up to 1.
#define DIGITS_f32 24
#define DIGITS_f16 11
#define DIGITS_bf16 8
#define DIGITS PASTE(DIGITS, TYPE)

// For each of this lane's elements: `index`, and its place `k` among the draws of the block.
#define EACH_BLOCK \
  for (i64 block = GROUP_X * LANES + LANE; block * 4 < shape.count + shape.skipped; block += GROUPS_X * LANES)
#define DRAWS(name, high) \
  u32 name[4];            \
  philox((u64)shape.seed, (u64)shape.counter + (u64)block, high, name)
#define EACH_DRAW                                                         \
  for (i64 k = 0, index = block * 4 - shape.skipped; k < 4; k++, index++) \
    if (index >= 0 && index < shape.count)

#if IS_FLOATING

KERNEL(uniform)(BUFFER(TYPE, y), const RandomShape shape) {
  OPEN(TYPE, y);
  const T start = NUMBER(shape.start), end = NUMBER(shape.end);
  EACH_BLOCK {
    DRAWS(bits, 0);
#if IS_DOUBLE
    DRAWS(more, 1);
#endif
    EACH_DRAW {
#if IS_DOUBLE
      const T fraction = T(((u64)bits[k] << 21) ^ (more[k] >> 11)) * T(1.1102230246251565e-16);
#else
      const T fraction = T(bits[k] >> (32 - DIGITS)) * (1.0f / (1u << DIGITS));
#endif
      STORE(TYPE, y, index, MULTIPLY_ADD(end - start, fraction, start));
      // Rounding may reach the end, which does not belong to it.
      if (LOAD(TYPE, y, index) >= end) STORE(TYPE, y, index, start);
    }
  }
}

// Box and Muller (1958), the cosine half.
KERNEL(normal)(BUFFER(TYPE, y), const RandomShape shape) {
  OPEN(TYPE, y);
  const T mean = NUMBER(shape.start), deviation = NUMBER(shape.end);
  EACH_BLOCK {
    DRAWS(bits, 0);
    DRAWS(more, 1);
    EACH_DRAW {
#if IS_DOUBLE
      const T u = (T(bits[k]) + T(0.5)) * T(2.3283064365386963e-10);
      const T angle = T(more[k]) * T(1.4629180792671596e-9);
      const T radius = sqrt_(T(-2) * log_(u)), cosine = cos_(angle);
#else
      const T radius = sqrt_(T(-2) * logOfDraw(bits[k])), cosine = cosOfDraw(more[k]);
#endif
      STORE(TYPE, y, index, MULTIPLY_ADD(deviation * radius, cosine, mean));
    }
  }
}

// y and mask are written, y = x mask / (1 - p); `start` is the factor.
KERNEL(dropout)
(BUFFER(TYPE, y), BUFFER(b8, mask), BUFFER(TYPE, x), const RandomShape shape, const DropoutShape places) {
  OPEN(TYPE, y);
  OPEN(b8, mask);
  OPEN(TYPE, x);
  const T factor = NUMBER(shape.start);
  EACH_BLOCK {
    DRAWS(bits, 0);
    EACH_DRAW {
      const bool isKept = (i64)bits[k] >= shape.threshold;
      STORE(b8, mask, placeOf(&places.mask, index), isKept);
      STORE(TYPE, y, placeOf(&places.y, index),
            isKept ? LOAD(TYPE, x, placeOf(&places.x, index)) * factor : T(0));
    }
  }
}

#endif

KERNEL(bernoulli)(BUFFER(TYPE, y), const RandomShape shape) {
  OPEN(TYPE, y);
  EACH_BLOCK {
    DRAWS(bits, 0);
    EACH_DRAW { STORE(TYPE, y, index, T((i64)bits[k] < shape.threshold)); }
  }
}

// The high half of bits times range, so that what does not divide evenly is spread over the whole range
// (Lemire, 2019).
KERNEL(randint)(BUFFER(TYPE, y), const RandomShape shape) {
  OPEN(TYPE, y);
  EACH_BLOCK {
    DRAWS(bits, 0);
    DRAWS(more, 1);
    EACH_DRAW {
      const u64 wide = ((u64)bits[k] << 32) | more[k];
      STORE(TYPE, y, index, T((i64)((u64)shape.low + HIGH_U64(wide, (u64)shape.range))));
    }
  }
}

#else  // host

RandomShape shapeOf(const Launch& launch) {
  RandomShape shape{};
  const auto offset = static_cast<u64>(launch.integers[1]);
  shape.count = elements((*launch.operands)[0]);
  shape.seed = launch.integers[0];
  shape.counter = static_cast<i64>(offset / 4);
  shape.skipped = static_cast<i64>(offset % 4);
  return shape;
}

// Blocks that have a draw of the elements wanted.
i64 blocksOf(const RandomShape& shape) { return shape.count ? (shape.count + shape.skipped + 3) / 4 : 0; }

// Draws below it are those whose fraction of 2^32 is below p.
i64 thresholdOf(double p) {
  const i64 whole = static_cast<i64>(p * 0x1p32);
  return static_cast<double>(whole) < p * 0x1p32 ? whole + 1 : whole;
}

void draw(GpuDevice& device, const Launch& launch, const char* kernel, const RandomShape& shape) {
  const Operand& y = (*launch.operands)[0];
  KernelCall(device, "random", kernel, Variant(y.dtype)).memory(y).value(shape).runOver(blocksOf(shape));
}

void uniform(GpuDevice& device, const Launch& launch) {
  RandomShape shape = shapeOf(launch);
  shape.start = Number(launch.numbers[0], 0);
  shape.end = Number(launch.numbers[1], 0);
  draw(device, launch, "uniform", shape);
}

void normal(GpuDevice& device, const Launch& launch) {
  RandomShape shape = shapeOf(launch);
  shape.start = Number(launch.numbers[0], 0);
  shape.end = Number(launch.numbers[1], 0);
  draw(device, launch, "normal", shape);
}

void bernoulli(GpuDevice& device, const Launch& launch) {
  RandomShape shape = shapeOf(launch);
  shape.threshold = thresholdOf(launch.numbers[0]);
  draw(device, launch, "bernoulli", shape);
}

void randint(GpuDevice& device, const Launch& launch) {
  RandomShape shape = shapeOf(launch);
  shape.low = launch.integers[2];
  shape.range = static_cast<i64>(static_cast<u64>(launch.integers[3]) - static_cast<u64>(shape.low));
  draw(device, launch, "randint", shape);
}

void dropout(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  const Operand& mask = (*launch.operands)[1];
  const Operand& x = (*launch.operands)[2];
  const double p = launch.numbers[0];
  RandomShape shape = shapeOf(launch);
  shape.threshold = thresholdOf(p);
  shape.start = Number(p < 1 ? 1 / (1 - p) : 0, 0);
  const DropoutShape places{strided(y), strided(mask), strided(x)};
  KernelCall(device, "random", "dropout", Variant(y.dtype))
      .memory(y)
      .memory(mask)
      .memory(x)
      .value(shape)
      .value(places)
      .runOver(blocksOf(shape));
}

const Kernel table[] = {
    {"uniform", kFloating, uniform}, {"normal", kFloating, normal},   {"bernoulli", kAll, bernoulli},
    {"randint", kAll, randint},      {"dropout", kFloating, dropout},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"uniform", 1, {{numbers, {700}}}, {7, 12}, {-1, 1}},
      {"dropout", 2, {{numbers, {700}}, {flags, {700}}, {numbers, {700}}}, {7, 12}, {0.3}},
  };
}

KERNEL_TABLE(random)

#endif
