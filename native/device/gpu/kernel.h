// What the host side of a kernel source is written with: its table of kernels, and launches of the kernels in
// its device side. KERNELS.md in this folder shows a whole one.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "../allocator.h"
#include "../device.h"
#include "backend.h"
#include "selftest.h"

namespace descent::gpu {

class GpuDevice;

using i8 = int8_t;
using u8 = uint8_t;
using i16 = int16_t;
using u16 = uint16_t;
using i32 = int32_t;
using u32 = uint32_t;
using i64 = int64_t;
using u64 = uint64_t;
using f32 = float;

// One kernel of KERNELS.md (the one beside device.h) on a GPU: `run` enqueues what it takes, as often as it
// likes. It waits for nothing.
struct Kernel {
  const char* name;
  // Bit k: supported for DType k, of the first input (of the output where there is no input). float64 counts
  // only on devices that have it.
  uint32_t dtypes;
  void (*run)(GpuDevice& device, const Launch& launch);
};
struct KernelTable {
  const Kernel* kernels;
  int count;
  std::vector<Trial> (*trials)();
};

constexpr uint32_t bit(DType dtype) { return uint32_t{1} << static_cast<int>(dtype); }
constexpr uint32_t kFloating =
    bit(DType::float32) | bit(DType::float64) | bit(DType::float16) | bit(DType::bfloat16);
constexpr uint32_t kIntegers =
    bit(DType::int64) | bit(DType::int32) | bit(DType::int16) | bit(DType::int8) | bit(DType::uint8);
constexpr uint32_t kNumeric = kFloating | kIntegers;
constexpr uint32_t kAll = kNumeric | bit(DType::boolean);

// "f32", "i64", "b8": what the dialect calls a dtype.
const char* typeName(DType dtype);

// The twins of the dialect's structs.
struct Number {
  i64 integer = 0;
  i64 bits = 0;
  f32 single = 0;
  i32 unused = 0;
  Number() = default;
  explicit Number(double number) : Number(number, static_cast<i64>(number)) {}
  Number(double number, i64 integer) : integer(integer), single(static_cast<f32>(number)) {
    std::memcpy(&bits, &number, sizeof bits);
  }
};
constexpr int MOST_DIMS = 12;
struct Strided {
  i64 sizes[MOST_DIMS] = {};
  i64 strides[MOST_DIMS] = {};
  i32 dims = 0;
  i32 is_narrow = 0;
};
// As it is, dimension by dimension.
Strided strided(const Operand& operand);
// Dims [from, to) of it.
Strided strided(const Operand& operand, int from, int to);

inline i64 elements(const Operand& operand) {
  i64 count = 1;
  for (int dim = 0; dim < operand.dims; ++dim) count *= operand.sizes[dim];
  return count;
}
bool isContiguous(const Operand& operand);

// One choice of types for a source, in the order of the source's VARIANTS line. Names and values are
// literals.
class Variant {
 public:
  static constexpr int kMost = 4;
  Variant() = default;
  explicit Variant(DType type) { define("TYPE", type); }
  Variant& define(const char* name, const char* value) {
    names_[count_] = name;
    values_[count_++] = value;
    return *this;
  }
  Variant& define(const char* name, DType type) { return define(name, typeName(type)); }
  // Text that comes before the source, for sources that are completed at run time; lives for ever.
  Variant& begin(const char* text) {
    beginning_ = text;
    return *this;
  }
  std::string suffix() const;       // "f32_i64"
  std::string definitions() const;  // "#define TYPE f32\n..."
  bool operator==(const Variant& other) const;
  // Whether it defines TYPE, so that S, T and their functions exist.
  bool hasType() const;

 private:
  friend struct KernelKeyHash;
  int count_ = 0;
  const char* names_[kMost] = {};
  const char* values_[kMost] = {};
  const char* beginning_ = nullptr;
};

// Device memory for the length of one run(): work space between the launches of a kernel. The next user of
// the memory comes later in the same queue.
class Workspace {
 public:
  Workspace(GpuDevice& device, size_t bytes);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  // `at` bytes from its start.
  Memory memory(size_t at = 0) const;

 private:
  Block* block_;
};

// A launch of one kernel in the device side of a source: its arguments in the order of its declaration.
class KernelCall {
 public:
  // `source` is the name of the file without its ending.
  KernelCall(GpuDevice& device, const char* source, const char* kernel, const Variant& variant);
  ~KernelCall();
  KernelCall(const KernelCall&) = delete;
  KernelCall& operator=(const KernelCall&) = delete;

  // For BUFFER(TYPE, name).
  KernelCall& memory(const Memory& memory);
  KernelCall& memory(const Operand& operand) { return memory(operand.memory); }
  KernelCall& none();
  // For FAULT: a bad index is reported as one of the op that is running, at its line.
  KernelCall& faults();
  // A struct or a number, as the dialect declares it.
  template <class Value>
  KernelCall& value(const Value& value) {
    static_assert(std::is_trivially_copyable_v<Value>, "arguments are bytes");
    arguments_.addBytes(&value, sizeof value);
    return *this;
  }

  // Only for a back end's own sources, which know their device: groups of their own size, and shared memory
  // beyond what the kernel declares.
  KernelCall& group(i64 lanes, size_t sharedBytes = 0);

  void run(const Grid& groups);
  // As many groups as it takes for each of `lanes` items to have a lane (with at most `perLane` items a
  // lane).
  void runOver(i64 items, i64 perLane = 1);

 private:
  GpuDevice& device_;
  const char* source_;
  const char* kernel_;
  Variant variant_;
  ArgumentList& arguments_;
  i64 lanes_ = 0;  // 0: the device's
  size_t sharedBytes_ = 0;
};

// What kernels may ask of the device.
i64 lanesOf(const GpuDevice& device);  // of every group; a power of two
const Facts& factsOf(const GpuDevice& device);
bool hasFloat64(const GpuDevice& device);
// Whether the device's back end has a source of its own of this name, and the device can run it.
bool hasOwnSource(GpuDevice& device, const char* source);
// Runs another kernel of the table by its name, on operands of its own.
void runKernel(GpuDevice& device, const char* name, int outputs, std::vector<Operand> operands,
               const double* numbers = nullptr, const int64_t* integers = nullptr);

}  // namespace descent::gpu

// What stands between the sides of a source: arguments declared between KERNEL_SOURCE and the device side are
// known to both; KERNEL_TABLE(name) ends the file `name`.cpp and hands out its `table` and `trials`.
#define KERNEL_SOURCE      \
  namespace descent::gpu { \
  namespace {
#define KERNEL_TABLE(name)                                                                           \
  }                                                                                                  \
  extern const KernelTable name##Kernels;                                                            \
  const KernelTable name##Kernels = {table, static_cast<int>(sizeof table / sizeof *table), trials}; \
  }
