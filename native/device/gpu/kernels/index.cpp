// Picking by index: whole slices (indexSelect, embeddings) and single elements (gather). Elements are moved
// as they are, so that four widths stand for all dtypes.
// VARIANTS MOVED: u8 u16 u32 u64 ; INDEX: i32 i64
#include "../kernel.h"

KERNEL_SOURCE

// y [A, N, B...] from x [A, D, B...] at index [N]; a slice is what B... spans.
typedef struct {
  Strided y_slice, x_slice;
  i64 leading, picked, size, slice;  // A, N, D, elements of a slice
  i64 y_leading, x_leading, y_step, x_step, index_step;
  i32 lanes_shift;  // log2 of how many lanes share a slice
  i32 unused;
} SelectShape;
// y and index of one shape; x with a stride of 0 along the dim that is indexed.
typedef struct {
  Strided y, x, index;
  i64 count, size, step;  // the size and the step of x along the dim
} GatherShape;

#ifdef DESCENT_DIALECT

#include "../dialect/divide.h"

KERNEL(indexSelect)
(BUFFER(MOVED, y), BUFFER(MOVED, x), BUFFER(INDEX, index), FAULT, const SelectShape shape) {
  OPEN(MOVED, y);
  OPEN(MOVED, x);
  OPEN(INDEX, index);
  const i64 slice_lanes = (i64)1 << shape.lanes_shift, group_slices = LANES >> shape.lanes_shift;
  const i64 slices = shape.leading * shape.picked;
  for (i64 slice = GROUP_X * group_slices + (LANE >> shape.lanes_shift); slice < slices;
       slice += GROUPS_X * group_slices) {
    const i64 a = quotientOf(slice, shape.picked), n = slice - a * shape.picked;
    const i64 chosen = LOAD(INDEX, index, n * shape.index_step);
    if (chosen < 0 || chosen >= shape.size) {
      RAISE_FAULT(chosen, n, shape.size)
      continue;
    }
    const i64 to = a * shape.y_leading + n * shape.y_step;
    const i64 from = a * shape.x_leading + chosen * shape.x_step;
    for (i64 k = GROUP_Y * slice_lanes + (LANE & (slice_lanes - 1)); k < shape.slice;
         k += GROUPS_Y * slice_lanes) {
      STORE(MOVED, y, to + placeOf(&shape.y_slice, k), LOAD(MOVED, x, from + placeOf(&shape.x_slice, k)));
    }
  }
}

KERNEL(gather)(BUFFER(MOVED, y), BUFFER(MOVED, x), BUFFER(INDEX, index), FAULT, const GatherShape shape) {
  OPEN(MOVED, y);
  OPEN(MOVED, x);
  OPEN(INDEX, index);
  for (i64 k = GROUP_X * LANES + LANE; k < shape.count; k += GROUPS_X * LANES) {
    const i64 chosen = LOAD(INDEX, index, placeOf(&shape.index, k));
    if (chosen < 0 || chosen >= shape.size) {
      RAISE_FAULT(chosen, k, shape.size)
      continue;
    }
    STORE(MOVED, y, placeOf(&shape.y, k), LOAD(MOVED, x, placeOf(&shape.x, k) + chosen * shape.step));
  }
}

#else  // host

const char* movedAs(size_t bytes) {
  switch (bytes) {
    case 1:
      return "u8";
    case 2:
      return "u16";
    case 4:
      return "u32";
    default:
      return "u64";
  }
}

Variant variantFor(size_t bytes, const Operand& index) {
  return Variant().define("MOVED", movedAs(bytes)).define("INDEX", index.dtype);
}

// Takes two elements for one where everything about the copy is even; true if it did.
bool widen(const Operand& y, const Operand& x, size_t bytes, SelectShape& shape) {
  const auto isDense = [&](const Strided& slice) { return slice.dims == 1 && slice.strides[0] == 1; };
  const bool isEven =
      ((shape.slice | shape.y_leading | shape.x_leading | shape.y_step | shape.x_step) & 1) == 0;
  const bool isAligned = (y.memory.offset | x.memory.offset) % (2 * bytes) == 0;
  if (bytes >= 8 || !isEven || !isAligned || !isDense(shape.y_slice) || !isDense(shape.x_slice)) return false;
  for (i64* value : {&shape.slice, &shape.y_leading, &shape.x_leading, &shape.y_step, &shape.x_step,
                     &shape.y_slice.sizes[0], &shape.x_slice.sizes[0]})
    *value /= 2;
  return true;
}

void indexSelect(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  const Operand& x = (*launch.operands)[1];
  const Operand& index = (*launch.operands)[2];
  SelectShape shape{};
  shape.y_slice = strided(y, 2, y.dims);
  shape.x_slice = strided(x, 2, x.dims);
  shape.leading = y.sizes[0];
  shape.picked = y.sizes[1];
  shape.size = x.sizes[1];
  shape.slice = 1;
  for (int dim = 2; dim < y.dims; ++dim) shape.slice *= y.sizes[dim];
  // A stride along a single slice says nothing.
  shape.y_leading = shape.leading > 1 ? y.strides[0] : 0;
  shape.x_leading = shape.leading > 1 ? x.strides[0] : 0;
  shape.y_step = y.strides[1];
  shape.x_step = x.strides[1];
  shape.index_step = index.strides[0];
  size_t bytes = sizeOf(y.dtype);
  while (widen(y, x, bytes, shape)) bytes *= 2;
  const i64 lanes = lanesOf(device);
  while ((i64{1} << shape.lanes_shift) < std::min(shape.slice, lanes)) ++shape.lanes_shift;
  const i64 sliceLanes = i64{1} << shape.lanes_shift, slices = shape.leading * shape.picked;
  const i64 groupSlices = lanes / sliceLanes;
  const Grid grid{std::min<i64>((slices + groupSlices - 1) / groupSlices, i64{1} << 30),
                  std::min<i64>((shape.slice + sliceLanes - 1) / sliceLanes, 65535), 1};
  KernelCall(device, "index", "indexSelect", variantFor(bytes, index))
      .memory(y)
      .memory(x)
      .memory(index)
      .faults()
      .value(shape)
      .run(grid);
}

void gather(GpuDevice& device, const Launch& launch) {
  const Operand& y = (*launch.operands)[0];
  const Operand& x = (*launch.operands)[1];
  const Operand& index = (*launch.operands)[2];
  const int64_t dim = launch.integers[0];
  Operand others = x;
  for (int k = 0; k < x.dims; ++k) others.sizes[k] = index.sizes[k];
  others.strides[dim] = 0;
  const GatherShape shape{strided(y),  strided(others), strided(index),
                          elements(y), x.sizes[dim],    x.strides[dim]};
  KernelCall(device, "index", "gather", variantFor(sizeOf(y.dtype), index))
      .memory(y)
      .memory(x)
      .memory(index)
      .faults()
      .value(shape)
      .runOver(shape.count);
}

const Kernel table[] = {
    {"indexSelect", kAll, indexSelect},
    {"gather", kAll, gather},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"indexSelect", 1, {{numbers, {2, 9, 30}}, {numbers, {2, 7, 30}}, {indices, {9}, 7}}, {}, {}},
      {"gather", 1, {{numbers, {4, 9}}, {numbers, {4, 7}}, {indices, {4, 9}, 7}}, {1}, {}},
  };
}

KERNEL_TABLE(index)

#endif
