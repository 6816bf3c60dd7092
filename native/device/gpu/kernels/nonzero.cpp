// The places of nonzero elements in row-major order: counted block by block, so that each block knows where
// to write.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8 b8
#include "../kernel.h"

KERNEL_SOURCE

#define BLOCK_ROUNDS 16  // elements of a block, in LANES

typedef struct {
  Strided x;
  i64 sizes[MOST_DIMS];  // of x, as the caller sees them
  i64 count, blocks;
  i32 dims, unused;
} NonzeroShape;

#ifdef DESCENT_DIALECT

#include "../dialect/scan.h"

GROUP_REDUCTION(sumOfLanes, i32, a + b)
GROUP_SCAN(sumUpToLane, i32, a + b)
GROUP_SCAN(placeUpToLane, i64, a + b)

KERNEL(countNonzero)(BUFFER(i64, counts), BUFFER(TYPE, x), const NonzeroShape shape) {
  SHARED(i32, shared, LANES);
  OPEN(i64, counts);
  OPEN(TYPE, x);
  for (i64 block = GROUP_X; block < shape.blocks; block += GROUPS_X) {
    i32 found = 0;
    for (i32 round = 0; round < BLOCK_ROUNDS; round++) {
      const i64 k = (block * BLOCK_ROUNDS + round) * LANES + LANE;
      if (k < shape.count && LOAD(TYPE, x, placeOf(&shape.x, k)) != T(0)) found++;
    }
    const i32 sum = sumOfLanes(shared, found);
    if (LANE == 0) counts[block] = sum;
  }
}

// Counts become the places where blocks begin. One group.
KERNEL(beginBlocks)(BUFFER(i64, counts), const i64 blocks) {
  SHARED(i64, shared, LANES);
  OPEN(i64, counts);
  i64 begin = 0;
  for (i64 first = 0; first < blocks; first += LANES) {
    const i64 block = first + LANE, found = block < blocks ? counts[block] : 0;
    const i64 end = begin + placeUpToLane(shared, found);
    begin += shared[LANES - 1];
    if (block < blocks) counts[block] = end - found;
  }
}

KERNEL(nonzero)(BUFFER(i64, y), BUFFER(i64, begins), BUFFER(TYPE, x), const NonzeroShape shape) {
  SHARED(i32, shared, LANES);
  OPEN(i64, y);
  OPEN(i64, begins);
  OPEN(TYPE, x);
  for (i64 block = GROUP_X; block < shape.blocks; block += GROUPS_X) {
    i64 begin = begins[block];
    for (i32 round = 0; round < BLOCK_ROUNDS; round++) {
      i64 k = (block * BLOCK_ROUNDS + round) * LANES + LANE;
      const i32 is_nonzero = k < shape.count && LOAD(TYPE, x, placeOf(&shape.x, k)) != T(0) ? 1 : 0;
      const i32 up_to_lane = sumUpToLane(shared, is_nonzero);
      GLOBAL i64* const to = y + (begin + up_to_lane - 1) * shape.dims;
      for (i32 dim = shape.dims - 1; is_nonzero && dim >= 0; dim--) {
        to[dim] = k % shape.sizes[dim];
        k /= shape.sizes[dim];
      }
      begin += shared[LANES - 1];
    }
  }
}

#else  // host

void nonzero(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  const Operand& x = (*launch.operands)[1];
  NonzeroShape shape{strided(x), {}, elements(x), 0, x.dims, 0};
  for (int dim = 0; dim < x.dims; ++dim) shape.sizes[dim] = x.sizes[dim];
  const i64 perBlock = BLOCK_ROUNDS * lanesOf(device);
  shape.blocks = (shape.count + perBlock - 1) / perBlock;
  const Grid grid{std::min<i64>(shape.blocks, i64{1} << 30), 1, 1};
  const Workspace counts(device, static_cast<size_t>(shape.blocks) * sizeof(i64));
  KernelCall(device, "nonzero", "countNonzero", Variant(x.dtype))
      .memory(counts.memory())
      .memory(x)
      .value(shape)
      .run(grid);
  KernelCall(device, "nonzero", "beginBlocks", Variant(x.dtype))
      .memory(counts.memory())
      .value(shape.blocks)
      .run({1, 1, 1});
  KernelCall(device, "nonzero", "nonzero", Variant(x.dtype))
      .memory(y)
      .memory(counts.memory())
      .memory(x)
      .value(shape)
      .run(grid);
}

const Kernel table[] = {
    {"nonzero", kAll, nonzero},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"nonzero", 1, {{indices, {350, 2}}, {positive, {5, 70}}}, {}, {}},
  };
}

KERNEL_TABLE(nonzero)

#endif
