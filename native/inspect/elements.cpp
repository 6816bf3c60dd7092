// Elements of tensors to look at, and memory to look at them with.
#include "elements.h"

#include "../tensor/error.h"

namespace descent::inspect {

std::string mebibytes(size_t bytes) { return std::to_string((bytes + (1 << 20) - 1) >> 20) + " MiB"; }

size_t bytesOf(const Elements& x) { return static_cast<size_t>(x.shape().numel()) * sizeOf(x.dtype); }

void copyElements(const Elements& to, const Elements& from) {
  if (from.shape().numel() == 0) return;
  Device& device = deviceOf(from.device);
  std::vector<Operand> operands{to.operand(), from.operand()};
  Launch launch;
  launch.kernel = device.findKernel("copy");
  launch.operands = &operands;
  device.launch(launch);
}

RawMemory::RawMemory(DeviceId id, size_t bytes) : device_(deviceOf(id)), bytes_(bytes > 0 ? bytes : 1) {
  if (device_.hasRoomFor(bytes_)) memory_ = device_.allocate(bytes_);
  if (!memory_.handle) {
    throw Error("memory", "inspect",
                "there is no room for " + mebibytes(bytes) + " on " + nameOf(id) + " to look at the tensor");
  }
}

RawMemory::~RawMemory() { device_.release(memory_, bytes_); }

Operand Elements::operand() const {
  Operand operand;
  operand.memory = memory;
  operand.dtype = dtype;
  operand.dims = geometry.shape.dims;
  for (int dim = 0; dim < operand.dims; dim++) {
    operand.sizes[dim] = geometry.shape.sizes[dim];
    operand.strides[dim] = geometry.strides[dim];
  }
  return operand;
}

Elements elementsOf(const Tensor& x) {
  Elements elements;
  elements.device = x.device();
  elements.memory = x.memory();
  elements.geometry = x.geometry();
  elements.geometry.offset = 0;
  elements.dtype = x.dtype();
  elements.storage = Ref<Storage>(&x.storage());
  return elements;
}

Elements copyOf(const Elements& x) {
  Elements copied = x;
  copied.storage.reset();
  copied.geometry = Geometry(x.shape());
  const auto memory = std::make_shared<const RawMemory>(x.device, bytesOf(x));
  copied.copy = memory;
  copied.memory = memory->memory();
  copyElements(copied, x);
  return copied;
}

void readInto(const Elements& x, void* to) {
  Device& device = deviceOf(x.device);
  if (device.describe().hostCanRead) {
    Elements read = x;
    read.memory = Memory{to, 0};
    read.geometry = Geometry(x.shape());
    return copyElements(read, x);
  }
  const Elements ordered = x.geometry.isContiguous() ? x : copyOf(x);
  device.peek(to, ordered.memory, bytesOf(x));
}

Elements broughtTo(const Elements& x, DeviceId device) {
  if (x.device == device) return x;
  const size_t bytes = bytesOf(x);
  if (bytes > kMostBrought) {
    throw Error("memory", "inspect",
                "the tensors are on " + nameOf(device) + " and " + nameOf(x.device) + ", and " +
                    mebibytes(bytes) + " are too much to bring over: at most " + mebibytes(kMostBrought) +
                    " are, choose a part");
  }
  std::vector<char> host(bytes);
  readInto(x, host.data());
  Elements brought = x;
  brought.device = device;
  brought.storage.reset();
  brought.geometry = Geometry(x.shape());
  brought.copy = std::make_shared<const RawMemory>(device, bytes);
  brought.memory = brought.copy->memory();
  if (bytes > 0) deviceOf(device).copyFromHost(brought.memory, host.data(), bytes);
  return brought;
}

}  // namespace descent::inspect
