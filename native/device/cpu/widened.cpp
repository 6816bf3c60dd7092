// Kernels that know float32 and not float16 or bfloat16, run on operands of those: operands are widened
// before and results rounded once afterwards, so that every kernel accumulates in float. Kernels worth it
// take them themselves (kernel.h).
#include "widened.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "../../tensor/error.h"
#include "capability.h"

namespace descent::cpu {

namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Bytes = std::unique_ptr<void, Free>;

Bytes allocate(size_t bytes) {
  Bytes memory(std::malloc(bytes + 64));
  if (!memory) throw Error("memory", "", "there is no memory for " + std::to_string(bytes) + " bytes");
  return memory;
}

// One operand in float32, in an order of memory like its own.
struct Widened {
  Operand original, copy;  // without the dims that repeat elements, in the order of memory
  size_t bytes = 0;
  Bytes memory, untouched;
};

void runCopy(const Operand& to, const Operand& from) {
  static const auto place =
      std::find_if(kernels().begin(), kernels().end(),
                   [](const Kernel& one) { return std::strcmp(one.name, "copy") == 0; }) -
      kernels().begin();
  const Kernel& kernel = kernels()[static_cast<size_t>(place)];
  const Operand operands[2] = {to, from};
  kernel.run(Call{operands, 2, 1, nullptr, nullptr}, kernel.data);
}

// Puts the operand's float32 copy in its place.
void widen(Operand& operand, Widened& widened) {
  int order[kMaxDims];
  int dims = 0;
  for (int dim = 0; dim < operand.dims; ++dim) {
    if (operand.strides[dim] != 0 || operand.sizes[dim] == 0) order[dims++] = dim;
  }
  std::stable_sort(order, order + dims,
                   [&](int a, int b) { return operand.strides[a] > operand.strides[b]; });
  widened.original = operand;
  widened.original.dims = dims;
  for (int dim = 0; dim < dims; ++dim) {
    widened.original.sizes[dim] = operand.sizes[order[dim]];
    widened.original.strides[dim] = operand.strides[order[dim]];
  }
  widened.copy = widened.original;
  widened.copy.dtype = DType::float32;
  int64_t count = 1;
  for (int dim = dims - 1; dim >= 0; --dim) {
    widened.copy.strides[dim] = count;
    operand.strides[order[dim]] = count;
    count *= widened.copy.sizes[dim];
  }
  widened.bytes = static_cast<size_t>(count) * sizeof(float);
  widened.memory = allocate(widened.bytes);
  widened.copy.memory.handle = widened.memory.get();
  widened.copy.memory.offset = 0;
  operand.memory = widened.copy.memory;
  operand.dtype = DType::float32;
  if (count > 0) runCopy(widened.copy, widened.original);
}

}  // namespace

bool needsWidening(const Kernel& kernel, const Launch& launch) {
  for (const Operand& operand : *launch.operands) {
    if (isHalf(operand.dtype)) return (kernel.dtypes >> static_cast<int>(operand.dtype) & 1) == 0;
  }
  return false;
}

void runWidened(const Kernel& kernel, const Call& call) {
  std::vector<Operand> operands(call.operands, call.operands + call.count);
  std::vector<Widened> copies(operands.size());
  for (size_t k = 0; k < operands.size(); ++k) {
    if (!isHalf(operands[k].dtype)) continue;
    if (operands[k].isConstant) {
      operands[k].dtype = DType::float32;
      continue;
    }
    widen(operands[k], copies[k]);
    // Some kernels change what they were given: a parameter, a running mean. Only what changed is written
    // back, for an input may share its memory with an output, or be read by others meanwhile.
    if (k < static_cast<size_t>(call.outputs)) continue;
    copies[k].untouched = allocate(copies[k].bytes);
    std::memcpy(copies[k].untouched.get(), copies[k].memory.get(), copies[k].bytes);
  }
  kernel.run(Call{operands.data(), call.count, call.outputs, call.numbers, call.integers}, kernel.data);
  for (size_t k = operands.size(); k-- > 0;) {
    const Widened& one = copies[k];
    if (!one.memory || one.bytes == 0) continue;
    if (one.untouched && std::memcmp(one.memory.get(), one.untouched.get(), one.bytes) == 0) continue;
    runCopy(one.original, one.copy);
  }
}

}  // namespace descent::cpu
