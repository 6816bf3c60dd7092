// Pins: tensors that somebody looks at from another thread while the one they belong to stands still.
//
// A pin keeps memory and how elements lie in it, never a tensor: tensors stay with their thread. A pin and
// the graph are strangers; what is shown of the graph was written down when the pin was made.
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
// The same elements in order in memory of their own.
Elements copyOf(const Elements& x);

struct Pin {
  Elements value;
  bool hasGrad = false;
  Elements grad;
  // Whatever the binding wrote down with the pin.
  std::string note;
};

constexpr size_t kMostPins = 256;
constexpr size_t kMostCopiedBytes = size_t{1} << 30;  // of all copies together

// The number of a new pin; `copies`: of the elements as they are now. Throws Error("memory") where there are
// too many.
int64_t addPin(const Tensor& x, bool copies, std::string note);
// Throws Error("argument") where there is none.
std::shared_ptr<const Pin> pinOf(int64_t number);
// False where there was none.
bool releasePin(int64_t number);

}  // namespace descent::inspect
