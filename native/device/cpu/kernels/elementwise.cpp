// Runs a loop over arrays on operands of any strides. Each row of elementwise.def is compiled once for each
// dtype, as a loop over contiguous arrays; everything else is done by the three ways here to feed it:
//   flat   all operands contiguous (or one repeated value): the loop runs on the memory as it is
//   rows   inner dimension long and contiguous or repeated, as with a bias: the loop runs once a row
//   tiles  anything else: inputs are gathered into tiles that stay in the first-level cache, results
//   scattered from one
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int kMaxOperands = 4;
constexpr int64_t kTile = 1024;   // elements
constexpr int64_t kLongRow = 32;  // elements

struct Plan {
  int count;  // operands
  int dims;
  int64_t sizes[kMaxDims];
  int64_t strides[kMaxOperands][kMaxDims];  // bytes
  char* base[kMaxOperands];
  int64_t width[kMaxOperands];  // bytes of an element
  DType halves[kMaxOperands];   // float16 or bfloat16 where the loop wants float instead, else bool
  bool hasHalves;
  uint64_t constant[kMaxOperands];  // storage of the values that are constants
};

void storeConstant(const Operand& operand, void* to) {
  if (isHalfType(operand.dtype)) {
    const float number = static_cast<float>(operand.number);
    return narrow(operand.dtype, &number, 1, to);
  }
  withAny(operand.dtype, [&](auto zero) {
    using T = decltype(zero);
    if constexpr (kIsFloating<T>) {
      *static_cast<T*>(to) = static_cast<T>(operand.number);
    } else {
      *static_cast<T*>(to) = static_cast<T>(operand.integer);
    }
  });
}

// Drops dimensions of size 1 and joins neighbours that every operand steps through evenly.
void makePlan(const Operand* operands, int count, Plan& plan) {
  plan.count = count;
  plan.dims = 0;
  plan.hasHalves = false;
  const Operand& shape = operands[0];
  for (int k = 0; k < count; ++k) {
    plan.width[k] = bytesPerElement(operands[k].dtype);
    if (operands[k].isConstant) {
      storeConstant(operands[k], &plan.constant[k]);
      plan.base[k] = reinterpret_cast<char*>(&plan.constant[k]);
    } else {
      plan.base[k] = bytesOf(operands[k]);
    }
  }
  for (int dim = 0; dim < shape.dims; ++dim) {
    if (shape.sizes[dim] == 1) continue;
    int64_t strides[kMaxOperands];
    bool joins = plan.dims > 0;
    for (int k = 0; k < count; ++k) {
      strides[k] = operands[k].isConstant ? 0 : operands[k].strides[dim] * plan.width[k];
      if (joins && plan.strides[k][plan.dims - 1] != strides[k] * shape.sizes[dim]) joins = false;
    }
    const int at = joins ? plan.dims - 1 : plan.dims++;
    plan.sizes[at] = joins ? plan.sizes[at] * shape.sizes[dim] : shape.sizes[dim];
    for (int k = 0; k < count; ++k) plan.strides[k][at] = strides[k];
  }
  if (plan.dims == 0) {
    plan.dims = 1;
    plan.sizes[0] = 1;
    for (int k = 0; k < count; ++k) plan.strides[k][0] = operands[k].isConstant ? 0 : plan.width[k];
  }
}

template <class T>
void repeatValue(const char* value, int64_t count, char* to) {
  const T x = *reinterpret_cast<const T*>(value);
  T* y = reinterpret_cast<T*>(to);
  for (int64_t i = 0; i < count; ++i) y[i] = x;
}

void repeat(int64_t width, const char* value, int64_t count, char* to) {
  switch (width) {
    case 1:
      return repeatValue<uint8_t>(value, count, to);
    case 2:
      return repeatValue<uint16_t>(value, count, to);
    case 4:
      return repeatValue<uint32_t>(value, count, to);
    default:
      return repeatValue<uint64_t>(value, count, to);
  }
}

// One run of `count` elements between a strided place and an array.
template <class T, bool kGather>
void moveRun(char* strided, int64_t stride, int64_t count, char* dense) {
  T* array = reinterpret_cast<T*>(dense);
  if (stride == static_cast<int64_t>(sizeof(T))) {
    if (kGather) {
      __builtin_memcpy(array, strided, static_cast<size_t>(count) * sizeof(T));
    } else {
      __builtin_memcpy(strided, array, static_cast<size_t>(count) * sizeof(T));
    }
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    T& element = *reinterpret_cast<T*>(strided + i * stride);
    if (kGather) {
      array[i] = element;
    } else {
      element = array[i];
    }
  }
}

// `count` elements from the row-major position `begin` on.
template <class T, bool kGather>
void moveRange(char* base, int dims, const int64_t* sizes, const int64_t* strides, int64_t begin,
               int64_t count, char* dense) {
  int64_t position[kMaxDims];
  char* at = base;
  for (int dim = dims - 1; dim >= 0; --dim) {
    position[dim] = begin % sizes[dim];
    begin /= sizes[dim];
    at += position[dim] * strides[dim];
  }
  const int last = dims - 1;
  while (count > 0) {
    const int64_t run = least(count, sizes[last] - position[last]);
    moveRun<T, kGather>(at, strides[last], run, dense);
    dense += run * static_cast<int64_t>(sizeof(T));
    count -= run;
    at += (sizes[last] - position[last]) * strides[last];
    position[last] = 0;
    at -= sizes[last] * strides[last];
    for (int dim = last - 1; dim >= 0; --dim) {
      at += strides[dim];
      if (++position[dim] < sizes[dim]) break;
      at -= sizes[dim] * strides[dim];
      position[dim] = 0;
    }
  }
}

template <bool kGather>
void move(int64_t width, char* base, int dims, const int64_t* sizes, const int64_t* strides, int64_t begin,
          int64_t count, char* dense) {
  switch (width) {
    case 1:
      return moveRange<uint8_t, kGather>(base, dims, sizes, strides, begin, count, dense);
    case 2:
      return moveRange<uint16_t, kGather>(base, dims, sizes, strides, begin, count, dense);
    case 4:
      return moveRange<uint32_t, kGather>(base, dims, sizes, strides, begin, count, dense);
    default:
      return moveRange<uint64_t, kGather>(base, dims, sizes, strides, begin, count, dense);
  }
}

template <bool kGather>
void moveOperand(const Operand& operand, int64_t begin, int64_t count, char* dense) {
  const int64_t width = bytesPerElement(operand.dtype);
  if (isContiguous(operand)) {
    char* at = bytesOf(operand) + begin * width;
    __builtin_memcpy(kGather ? dense : at, kGather ? at : dense, static_cast<size_t>(count * width));
    return;
  }
  Plan plan;
  makePlan(&operand, 1, plan);
  move<kGather>(width, plan.base[0], plan.dims, plan.sizes, plan.strides[0], begin, count, dense);
}

using Tiles = char[kMaxOperands][kTile * 8];

// `count` elements where each operand steps by its width or not at all.
void runRow(const Plan& plan, char* const* bases, const int64_t* strides, int64_t count, ElementwiseLoop loop,
            const double* numbers, Tiles& tiles) {
  const void* inputs[kMaxOperands];
  bool repeats = false;
  for (int k = 1; k < plan.count; ++k) {
    inputs[k - 1] = bases[k];
    if (strides[k] != 0) continue;
    repeats = true;
    repeat(plan.width[k], bases[k], least(count, kTile), tiles[k]);
    inputs[k - 1] = tiles[k];
  }
  if (!repeats) return loop(bases[0], inputs, count, numbers);
  for (int64_t done = 0; done < count; done += kTile) {
    for (int k = 1; k < plan.count; ++k) {
      if (strides[k] != 0) inputs[k - 1] = bases[k] + done * plan.width[k];
    }
    loop(bases[0] + done * plan.width[0], inputs, least(count - done, kTile), numbers);
  }
}

void runFlat(const Plan& plan, ElementwiseLoop loop, const double* numbers, int64_t grain) {
  parallel(plan.sizes[0], grain, [&](int64_t begin, int64_t end) {
    alignas(64) Tiles tiles;
    char* bases[kMaxOperands];
    int64_t strides[kMaxOperands];
    for (int k = 0; k < plan.count; ++k) {
      strides[k] = plan.strides[k][0];
      bases[k] = plan.base[k] + begin * strides[k];
    }
    runRow(plan, bases, strides, end - begin, loop, numbers, tiles);
  });
}

void runRows(const Plan& plan, ElementwiseLoop loop, const double* numbers, int64_t grain) {
  const int last = plan.dims - 1;
  const int64_t inner = plan.sizes[last];
  int64_t rows = 1;
  for (int dim = 0; dim < last; ++dim) rows *= plan.sizes[dim];
  parallel(rows, most<int64_t>(1, grain / inner), [&](int64_t begin, int64_t end) {
    alignas(64) Tiles tiles;
    char* bases[kMaxOperands];
    int64_t strides[kMaxOperands];
    int64_t position[kMaxDims];
    int64_t left = begin;
    for (int dim = last - 1; dim >= 0; --dim) {
      position[dim] = left % plan.sizes[dim];
      left /= plan.sizes[dim];
    }
    for (int k = 0; k < plan.count; ++k) {
      strides[k] = plan.strides[k][last];
      bases[k] = plan.base[k];
      for (int dim = 0; dim < last; ++dim) bases[k] += position[dim] * plan.strides[k][dim];
    }
    for (int64_t row = begin; row < end; ++row) {
      runRow(plan, bases, strides, inner, loop, numbers, tiles);
      for (int dim = last - 1; dim >= 0; --dim) {
        for (int k = 0; k < plan.count; ++k) bases[k] += plan.strides[k][dim];
        if (++position[dim] < plan.sizes[dim]) break;
        for (int k = 0; k < plan.count; ++k) bases[k] -= plan.sizes[dim] * plan.strides[k][dim];
        position[dim] = 0;
      }
    }
  });
}

// The elements of input k for a tile; through `raw` where they are widened.
void gatherTile(const Plan& plan, int k, int64_t at, int64_t count, char* to) {
  const bool isWidened = plan.hasHalves && isHalfType(plan.halves[k]);
  char raw[kTile * 2];
  move<true>(plan.width[k], plan.base[k], plan.dims, plan.sizes, plan.strides[k], at, count,
             isWidened ? raw : to);
  if (isWidened) widen(plan.halves[k], raw, count, reinterpret_cast<float*>(to));
}

void scatterTile(const Plan& plan, int64_t at, int64_t count, char* from) {
  const bool isWidened = plan.hasHalves && isHalfType(plan.halves[0]);
  char raw[kTile * 2];
  if (isWidened) narrow(plan.halves[0], reinterpret_cast<const float*>(from), count, raw);
  move<false>(plan.width[0], plan.base[0], plan.dims, plan.sizes, plan.strides[0], at, count,
              isWidened ? raw : from);
}

void runTiles(const Plan& plan, int64_t total, ElementwiseLoop loop, const double* numbers, int64_t grain) {
  parallel(total, least<int64_t>(grain, 4 * kTile), [&](int64_t begin, int64_t end) {
    alignas(64) Tiles tiles;
    for (int64_t at = begin; at < end; at += kTile) {
      const int64_t count = least(kTile, end - at);
      const void* inputs[kMaxOperands];
      for (int k = 1; k < plan.count; ++k) {
        gatherTile(plan, k, at, count, tiles[k]);
        inputs[k - 1] = tiles[k];
      }
      loop(tiles[0], inputs, count, numbers);
      scatterTile(plan, at, count, tiles[0]);
    }
  });
}

}  // namespace

bool isContiguous(const Operand& operand) {
  int64_t expected = 1;
  for (int dim = operand.dims - 1; dim >= 0; --dim) {
    if (operand.sizes[dim] == 1) continue;
    if (operand.strides[dim] != expected) return false;
    expected *= operand.sizes[dim];
  }
  return true;
}

void gatherRange(const Operand& operand, int64_t begin, int64_t count, void* to) {
  if (count > 0) moveOperand<true>(operand, begin, count, static_cast<char*>(to));
}

void scatterRange(const Operand& operand, int64_t begin, int64_t count, const void* from) {
  if (count > 0) moveOperand<false>(operand, begin, count, static_cast<char*>(const_cast<void*>(from)));
}

void runElementwise(const Operand* operands, int count, ElementwiseLoop loop, const double* numbers,
                    int64_t grain, bool widens) {
  const int64_t total = elements(operands[0]);
  if (total == 0) return;
  Plan plan;
  makePlan(operands, count, plan);
  for (int k = 0; widens && k < count; ++k) {
    plan.halves[k] = isHalfType(operands[k].dtype) ? operands[k].dtype : DType::boolean;
    if (isHalfType(operands[k].dtype)) plan.hasHalves = true;
  }
  if (plan.hasHalves) return runTiles(plan, total, loop, numbers, grain);
  const int last = plan.dims - 1;
  bool even = plan.strides[0][last] == plan.width[0];
  for (int k = 1; k < count; ++k) {
    const int64_t stride = plan.strides[k][last];
    if (stride != 0 && stride != plan.width[k]) even = false;
  }
  if (even && plan.dims == 1) return runFlat(plan, loop, numbers, grain);
  if (even && plan.sizes[last] >= kLongRow) return runRows(plan, loop, numbers, grain);
  runTiles(plan, total, loop, numbers, grain);
}

void elementwise(const Call& call, const void* data) {
  const auto& row = *static_cast<const ElementwiseRow*>(data);
  const ElementwiseLoop loop = row.loops[static_cast<int>(widened(call.operands[call.count - 1].dtype))];
  runElementwise(call.operands, call.count, loop, call.numbers, row.grain);
}

}  // namespace descent::cpu::DESCENT_CAPABILITY
