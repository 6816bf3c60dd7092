// What every device offers: raw memory, copies, named kernels, a queue to wait for, a description.
//
// Adding a device is one folder beside cpu/ that implements Device and registers its kind (kinds.h). Nothing
// above this layer knows which devices exist; nothing below it knows what a tensor is used for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../tensor/dtype.h"
#include "../tensor/error.h"
#include "../tensor/place.h"

namespace descent {

std::string nameOf(DeviceId id);  // "cpu", "cuda:0", "opencl:1"
// What each DeviceKind is called: "cpu", then the registered kinds in the order of their ranks.
const std::vector<std::string>& deviceKinds();

// A strided view of device memory as a kernel sees it. Sizes and strides count elements; a stride
// of 0 repeats an element (broadcasting); negative strides do not occur.
struct Operand {
  Memory memory;
  DType dtype = DType::float32;
  int dims = 0;
  int64_t sizes[kMaxDims];
  int64_t strides[kMaxDims];
  // An input that is one number: memory is unused, strides are 0, the value is here (integral types
  // read `integer`, floating types `number`).
  bool isConstant = false;
  double number = 0;
  int64_t integer = 0;
};

// One call of a named kernel. `operands` holds the outputs first, then the inputs; KERNELS.md beside this
// file lists for each kernel what stands where.
struct Launch {
  int kernel = -1;  // from Device::findKernel
  int outputs = 1;
  std::vector<Operand>* operands = nullptr;
  const double* numbers = nullptr;
  const int64_t* integers = nullptr;
  uint32_t site = 0;  // the call site that enqueued it, for faults found later; 0: not known
};

// What the kernel `check` asks of every element of a tensor. An asynchronous device finds what is wrong when
// its turn comes, and says so when somebody waits for it; on the CPU ops look themselves.
enum class Check : int64_t {
  index = 0,        // within [0, size)
  probability = 1,  // within [0, 1]
  divisor = 2,      // not 0
  scale = 3,        // not negative
};

struct DeviceDescription {
  DeviceId id;
  std::string name;     // "Intel Xeon, AVX-512, 2 threads"
  std::string backend;  // "cpu", "cuda driver 580.65", ...
  uint64_t memoryBytes = 0;
  uint64_t maxAllocationBytes = 0;
  bool hasFloat64 = true;
  bool hasFloat16 = false;
  bool isAsynchronous = false;
  bool hostCanRead = true;  // memory handles are host pointers
  bool isProcessor = true;  // the CPU itself, or a driver that computes on it
  // What else a user may want to know of it, in a few words each: "matrix products by cuBLASLt 13.1".
  std::vector<std::string> abilities;
};

// A device, or a whole kind of them, that cannot be used, and why.
struct UnusableDevice {
  DeviceKind kind;
  int index;         // -1: all of that kind
  std::string name;  // "" for a kind
  std::string reason;
};

// What a device is doing now; -1: not known. Memory is that of all processes.
struct DeviceSample {
  double utilisation = -1;  // 0..1
  double celsius = -1;
  double watts = -1, mostWatts = -1;
  double memoryUsed = -1;  // bytes
};

class Device {
 public:
  virtual ~Device() = default;

  // Raw memory, at least 64-byte aligned; returns a null handle when there is none left. Called by the
  // caching allocator only.
  virtual Memory allocate(size_t bytes) = 0;
  virtual void release(Memory memory, size_t bytes) = 0;
  // False where so much would be given and then be missing: the memory of a host is promised before it is
  // there.
  virtual bool hasRoomFor(size_t /*bytes*/) const { return true; }

  // Ordered with the kernels of the device's queue. copyToHost returns when the bytes are there.
  virtual void copyFromHost(Memory to, const void* from, size_t bytes) = 0;
  virtual void copyToHost(void* to, Memory from, size_t bytes) = 0;
  // As copyToHost, for somebody who only looks: what kernels have found wrong is still told to the program.
  virtual void peek(void* to, Memory from, size_t bytes) { copyToHost(to, from, bytes); }
  virtual void copyWithin(Memory to, Memory from, size_t bytes) = 0;

  // The number of a kernel, or -1 where this device has none of that name; asked once per op.
  virtual int findKernel(const char* name) const = 0;
  // Enqueues; an asynchronous device returns at once. Preconditions (dtypes supported, shapes agree) are the
  // caller's: ops refuse before they dispatch.
  virtual void launch(const Launch& launch) = 0;
  virtual bool supports(int kernel, DType dtype) const = 0;

  virtual void synchronize() = 0;
  // Waits too, whatever comes of it: what there is to tell is told by the next call that can.
  virtual void drain() noexcept {}
  // What synchronize() or a copy threw, for somebody who only looked: it is thrown once more where the
  // program waits next.
  virtual void tellAgain(const Error&) {}

  // A device with two streams copies from and to pinned memory beside its kernels: nothing orders the streams
  // but events, and the memory stays as it is until an event after the copy has passed. Devices without leave
  // these as they are.
  virtual bool hasCopyStream() const { return false; }
  virtual void copyFromPinned(Memory to, const void* from, size_t bytes) { copyFromHost(to, from, bytes); }
  // An event passes when what is in `stream` by now is done. Null: it has passed.
  virtual void* eventAfter(Stream) noexcept { return nullptr; }
  virtual void waitInStream(Stream, void* /*event*/) {}
  virtual bool hasPassed(void* /*event*/) noexcept { return true; }
  virtual void waitForEvent(void* /*event*/) {}
  virtual void releaseEvent(void* /*event*/) noexcept {}
  // Memory that copies overlap with; null where there is none.
  virtual void* allocateHost(size_t) { return nullptr; }
  virtual void releaseHost(void*) noexcept {}
  virtual DeviceDescription describe() const = 0;
  virtual DeviceSample sample() const { return {}; }
};

// Devices of this process: the CPU, which is always there, then the others by the ranks of their kinds.
const std::vector<Device*>& devices();
const std::vector<UnusableDevice>& unusableDevices();
// Those that can hold anything yet: looks for no driver.
std::vector<Device*> devicesInUse();
Device& deviceOf(DeviceId id);  // throws Error("device", ...) naming those that exist

}  // namespace descent
