// What the host sides of the two sources of attention share: how operands become a shape, and the choice of
// tiles. Stands inside their namespace.
#pragma once

constexpr i64 kFarthest = i64{1} << 23;  // between neighbours in a matrix: places in a tile fit 31 bits

// One call: its operands, with the matrices of the shape that they fill in.
struct Filled {
  const Operand* operand;
  Matrices AttentionShape::*matrices;
};

i64 ceilDivide(i64 a, i64 b) { return (a + b - 1) / b; }

// Leading dims, with neighbours joined that every operand steps through evenly.
struct LeadingDims {
  std::vector<i64> sizes;
  std::vector<std::vector<i64> > strides;  // of each, one for each operand
};
LeadingDims joinedDims(const std::vector<Filled>& filled, const Operand& q) {
  LeadingDims dims;
  for (int dim = 0; dim < q.dims - 2; ++dim) {
    const i64 size = q.sizes[dim];
    if (size == 1) continue;
    std::vector<i64> strides;
    bool joins = !dims.sizes.empty();
    for (size_t k = 0; k < filled.size(); ++k) {
      strides.push_back(filled[k].operand->strides[dim]);
      joins = joins && dims.strides.back()[k] == strides[k] * size;
    }
    if (joins) {
      dims.sizes.back() *= size;
      dims.strides.back() = strides;
    } else {
      dims.sizes.push_back(size);
      dims.strides.push_back(strides);
    }
  }
  while (dims.sizes.size() < 3) {
    dims.sizes.insert(dims.sizes.begin(), 1);
    dims.strides.insert(dims.strides.begin(), std::vector<i64>(filled.size(), 0));
  }
  return dims;
}

AttentionShape shapeOf(const Launch& launch, const Operand& q, const Operand& k, const Operand& v,
                       const Operand* mask) {
  AttentionShape shape{};
  shape.queries = q.sizes[q.dims - 2];
  shape.keys = k.sizes[q.dims - 2];
  shape.width = q.sizes[q.dims - 1];
  shape.value_width = v.sizes[q.dims - 1];
  shape.scale = Number(launch.numbers[0]);
  shape.is_causal = launch.integers[0] != 0;
  shape.mask_kind = !mask ? 0 : mask->dtype == DType::boolean ? 1 : 2;
  return shape;
}

// Which program, and how large its tiles are.
struct Tiling {
  Variant variant;
  i64 rows, panel;
};
Tiling tilingOf(const GpuDevice& device, DType dtype, i64 batches, i64 lines, i64 columns) {
  const i64 lanes = lanesOf(device), laneRows = lanes >= 256 ? 16 : lanes >= 64 ? 8 : 4;
  const i64 laneColumns = lanes / laneRows;
  const bool isDouble = dtype == DType::float64;
  const i64 widest = isDouble || lanes < 64 ? 4 : 8;
  i64 wide = 2;
  while (wide < widest && laneColumns * wide < columns) wide *= 2;
  // Where each program takes a second to compile, fewer of them.
  if (factsOf(device).isProcessor && wide == 4) wide = widest;
  // Large tiles load less, small ones keep more of the device busy.
  const i64 large = batches * ceilDivide(lines, laneRows * 4) * ceilDivide(columns, laneColumns * wide);
  const bool isLarge = !isDouble && large >= factsOf(device).units;
  Tiling tiling;
  tiling.variant = Variant(dtype);
  tiling.variant.define("MICRO", isLarge ? "4" : "2")
      .define("COLUMNS", wide == 2   ? "2"
                         : wide == 4 ? "4"
                                     : "8");
  tiling.rows = laneRows * (isLarge ? 4 : 2);
  tiling.panel = laneColumns * wide;
  return tiling;
}

// Runs `each(shape, moved)` for all batches at once, or for as many times as there are more leading dims than
// the kernels know; `moved` are the operands of that time, in the order of `filled`, and `done` how many
// batches were before.
template <class Each>
void overBatches(AttentionShape shape, const std::vector<Filled>& filled, const Operand& q, const char* op,
                 const Each& each) {
  LeadingDims dims = joinedDims(filled, q);
  const size_t outer = dims.sizes.size() - 3;
  shape.batches = 1;
  for (size_t dim = 0; dim < 3; ++dim) {
    shape.leading[dim] = dims.sizes[outer + dim];
    shape.batches *= shape.leading[dim];
  }
  for (size_t k = 0; k < filled.size(); ++k) {
    Matrices& matrices = shape.*filled[k].matrices;
    const Operand& operand = *filled[k].operand;
    for (size_t dim = 0; dim < 3; ++dim) matrices.leading[dim] = dims.strides[outer + dim][k];
    matrices.row = operand.strides[operand.dims - 2];
    matrices.column = operand.strides[operand.dims - 1];
    if (matrices.row >= kFarthest || matrices.column >= kFarthest)
      throw Error("argument", op, "rows lie too far apart in memory; make the tensors contiguous first");
  }
  i64 times = 1;
  for (size_t dim = 0; dim < outer; ++dim) times *= dims.sizes[dim];
  for (i64 time = 0; time < times; ++time) {
    std::vector<Memory> moved;
    for (size_t k = 0; k < filled.size(); ++k) {
      i64 left = time, place = 0;
      for (size_t dim = outer; dim-- > 0;) {
        place += left % dims.sizes[dim] * dims.strides[dim][k];
        left /= dims.sizes[dim];
      }
      moved.push_back(filled[k].operand->memory);
      moved.back().offset += static_cast<size_t>(place) * sizeOf(filled[k].operand->dtype);
    }
    each(shape, moved, time * shape.batches);
  }
}

Memory rowsFrom(const Operand& x, i64 rows) {
  Memory memory = x.memory;
  memory.offset += static_cast<size_t>(rows) * sizeOf(x.dtype);
  return memory;
}

void runTiles(KernelCall& call, AttentionShape shape, const Tiling& tiling, i64 lines, i64 columns) {
  shape.blocks = ceilDivide(lines, tiling.rows);
  shape.panels = ceilDivide(columns, tiling.panel);
  call.value(shape).run({std::min<i64>(shape.batches * shape.blocks * shape.panels, i64{1} << 30), 1, 1});
}
