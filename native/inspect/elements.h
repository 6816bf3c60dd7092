// What is looked at: elements of a tensor as they lie in memory, and what keeps that memory.
#pragma once

#include <memory>
#include <string>

#include "../device/device.h"
#include "../tensor/tensor.h"

namespace descent::inspect {

// Memory straight from the device: what is taken for looking is in nobody's statistics.
class RawMemory {
 public:
  // Throws Error("memory") where there is no room.
  RawMemory(DeviceId id, size_t bytes);
  ~RawMemory();
  RawMemory(const RawMemory&) = delete;
  RawMemory& operator=(const RawMemory&) = delete;
  Memory memory() const { return memory_; }

 private:
  Device& device_;
  Memory memory_;
  size_t bytes_;
};

// Elements to look at, and what keeps them: the tensor's storage, or a copy.
struct Elements {
  DeviceId device;
  Memory memory;  // of element 0: the geometry's offset is in it
  Geometry geometry;
  DType dtype = DType::float32;
  Ref<Storage> storage;
  std::shared_ptr<const RawMemory> copy;

  const Shape& shape() const { return geometry.shape; }
  // As a kernel sees them.
  Operand operand() const;
};

Elements elementsOf(const Tensor& x);
size_t bytesOf(const Elements& x);
// The same elements in order in memory of their own.
Elements copyOf(const Elements& x);
// Enqueued: both have one shape and device.
void copyElements(const Elements& to, const Elements& from);
// The elements in order in memory of the host, bytesOf(x) of it; waits for the device.
void readInto(const Elements& x, void* to);

// x itself where it lies on the device; else a copy there, which throws Error("memory") beyond kMostBrought.
constexpr size_t kMostBrought = size_t{256} << 20;
Elements broughtTo(const Elements& x, DeviceId device);

std::string mebibytes(size_t bytes);

}  // namespace descent::inspect
