// What forwards are written with: new tensors, and kernels called on them.
#include "launch.h"

#include <algorithm>
#include <vector>

#include "../device/allocator.h"
#include "../device/pinned.h"

namespace descent {

namespace {

// Kernels are called from within calls (a cast inside a sum), so each depth has operands of its own.
struct OperandPool {
  std::vector<Operand> operands[16];
  int depth = 0;
};
thread_local OperandPool pool;

std::vector<Operand>& takeOperands() {
  if (pool.depth == 16) throw Error("internal", "", "kernel calls are nested too deeply");
  std::vector<Operand>& operands = pool.operands[pool.depth++];
  operands.clear();
  return operands;
}

void freeBlock(void* block) noexcept {
  Block* known = static_cast<Block*>(block);
  known->allocator->free(known);
}

// The last guard: a kernel that got memory of another device would read whatever stands there.
void requireOn(DeviceId device, const Tensor& tensor, const Kernel& kernel) {
  if (tensor.device() == device) return;
  const char* call = allocationContext().call;
  throw Error("device", call ? call : kernel.name(),
              "tensors are on different devices, " + nameOf(device) + " and " + nameOf(tensor.device()));
}

void setGeometry(Operand& operand, const Tensor& tensor, const Geometry& geometry) {
  operand.memory = tensor.storage().memory;
  operand.memory.offset += static_cast<size_t>(geometry.offset) * sizeOf(tensor.dtype());
  operand.dims = geometry.shape.dims;
  for (int dim = 0; dim < operand.dims; dim++) {
    operand.sizes[dim] = geometry.shape.sizes[dim];
    operand.strides[dim] = geometry.strides[dim];
  }
}

const Kernel copyKernel{"copy"};
const Kernel fillKernel{"fill"};
const Kernel arangeKernel{"arange"};
const Kernel checkKernel{"check"};

// Between two devices of which neither is the CPU, a piece at a time through memory of the host.
void copyThroughHost(const Tensor& to, const Tensor& from, size_t bytes) {
  constexpr size_t kPiece = size_t{4} << 20;
  std::vector<uint8_t> piece(std::min(bytes, kPiece));
  for (size_t at = 0; at < bytes; at += piece.size()) {
    const size_t length = std::min(piece.size(), bytes - at);
    Memory source = from.memory(), target = to.memory();
    source.offset += at;
    target.offset += at;
    deviceOf(from.device()).copyToHost(piece.data(), source, length);
    deviceOf(to.device()).copyFromHost(target, piece.data(), length);
  }
}

uint8_t* hostBytes(const Tensor& x) { return static_cast<uint8_t*>(x.memory().handle) + x.memory().offset; }

}  // namespace

Tensor emptyTensor(const Shape& shape, DType dtype, DeviceId device) {
  const size_t bytes = static_cast<size_t>(shape.numel()) * sizeOf(dtype);
  Block* block = allocatorOf(device).allocate(bytes);
  return Tensor(new Storage(device, block->memory, bytes, block, freeBlock), Geometry(shape), dtype);
}

Tensor filledTensor(const Shape& shape, DType dtype, DeviceId device, const Scalar& value) {
  const Tensor y = emptyTensor(shape, dtype, device);
  fillWith(y, value);
  return y;
}

Tensor countedTensor(int64_t count, int64_t start, int64_t step, DeviceId device) {
  const Tensor y = emptyTensor(Shape{count}, DType::int64, device);
  const double numbers[] = {static_cast<double>(start), static_cast<double>(step)};
  const int64_t integers[] = {start, step};
  if (count > 0) Launcher(arangeKernel, device).out(y).run(numbers, integers);
  return y;
}

Tensor contiguousCopy(const Tensor& x) {
  Tensor y = emptyTensor(x.shape(), x.dtype(), x.device());
  copyInto(y, x);
  return y;
}

Tensor asContiguous(const Tensor& x) { return x.isContiguous() ? x : contiguousCopy(x); }

Tensor castTo(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = emptyTensor(x.shape(), dtype, x.device());
  copyInto(y, x);
  return y;
}

Tensor copyTo(const Tensor& x, DeviceId device) {
  if (x.device() == device) return x;
  const Tensor from = asContiguous(x);
  const size_t bytes = static_cast<size_t>(x.numel()) * sizeOf(x.dtype());
  if (bytes > 0 && x.device() == DeviceId()) {
    const size_t offset = static_cast<size_t>(from.geometry().offset) * sizeOf(x.dtype());
    return Tensor(upload(from.storage(), offset, bytes, device, /*waits=*/true), Geometry(x.shape()),
                  x.dtype());
  }
  const Tensor y = emptyTensor(x.shape(), x.dtype(), device);
  if (bytes == 0) return y;
  if (device == DeviceId()) {
    deviceOf(x.device()).copyToHost(hostBytes(y), from.memory(), bytes);
  } else {
    copyThroughHost(y, from, bytes);
  }
  return y;
}

void copyInto(const Tensor& to, const Tensor& from) {
  if (to.numel() == 0) return;
  Launcher(copyKernel, to.device()).out(to).in(from, to.shape()).run();
}

void fillWith(const Tensor& to, const Scalar& value) {
  if (to.numel() == 0) return;
  Launcher(fillKernel, to.device()).out(to).run(&value.number, &value.integer);
}

Scalar readScalar(const Tensor& x) {
  if (x.device() != DeviceId()) {
    // As it is: whatever conversion it takes, the host can do.
    Geometry single{Shape{}};
    single.offset = x.geometry().offset;
    return readScalar(copyTo(x.alias(single), DeviceId()));
  }
  const bool isWide = !isFloating(x.dtype());
  if (x.dtype() != DType::float64 && x.dtype() != DType::int64) {
    const Scalar wide = readScalar(castTo(x, isWide ? DType::int64 : DType::float64));
    return x.dtype() == DType::boolean ? Scalar(wide.integer != 0) : wide;
  }
  if (isWide) {
    int64_t value = 0;
    deviceOf(x.device()).copyToHost(&value, x.memory(), sizeof value);
    return Scalar(value);
  }
  double value = 0;
  deviceOf(x.device()).copyToHost(&value, x.memory(), sizeof value);
  return Scalar(value);
}

Geometry dimLast(const Geometry& x, int dim) {
  Geometry moved = x;
  const int last = x.shape.dims - 1;
  if (last >= 0) {
    std::swap(moved.shape[dim], moved.shape[last]);
    std::swap(moved.strides[dim], moved.strides[last]);
  } else {
    moved.shape.push(1);
    moved.strides[0] = 1;
  }
  return moved;
}

Launcher::Launcher(const Kernel& kernel, DeviceId device)
    : kernel_(kernel), id_(device), operands_(takeOperands()) {}

Launcher::~Launcher() { pool.depth--; }

Operand& Launcher::add(DType dtype) {
  operands_.emplace_back();
  operands_.back().dtype = dtype;
  return operands_.back();
}

Launcher& Launcher::out(const Tensor& tensor) { return out(tensor, tensor.geometry()); }

Launcher& Launcher::out(const Tensor& tensor, const Geometry& geometry) {
  requireOn(id_, tensor, kernel_);
  setGeometry(add(tensor.dtype()), tensor, geometry);
  outputs_++;
  return *this;
}

Launcher& Launcher::in(const Tensor& tensor) { return in(tensor, tensor.geometry()); }

Launcher& Launcher::in(const Tensor& tensor, const Geometry& geometry) {
  requireOn(id_, tensor, kernel_);
  setGeometry(add(tensor.dtype()), tensor, geometry);
  return *this;
}

Launcher& Launcher::in(const Tensor& tensor, const Shape& shape) {
  if (tensor.shape() == shape) return in(tensor);
  return in(tensor, tensor.geometry().expandedTo(shape));
}

Launcher& Launcher::constant(const Scalar& scalar, DType dtype, const Shape& shape) {
  Operand& operand = add(dtype);
  operand.isConstant = true;
  operand.number = scalar.number;
  operand.integer = scalar.integer;
  operand.dims = shape.dims;
  for (int dim = 0; dim < shape.dims; dim++) {
    operand.sizes[dim] = shape.sizes[dim];
    operand.strides[dim] = 0;
  }
  return *this;
}

void Launcher::run(const double* numbers, const int64_t* integers) {
  Device& device = deviceOf(id_);
  Launch launch;
  launch.kernel = kernel_.on(device, id_);
  launch.outputs = outputs_;
  launch.operands = &operands_;
  launch.numbers = numbers;
  launch.integers = integers;
  launch.site = allocationContext().site;
  device.launch(launch);
}

void requireWritable(const char* op, DType target, DType result) {
  const bool fits =
      isFloating(target) || (!isFloating(result) && (target != DType::boolean || result == target));
  if (fits) return;
  throw Error("dtype", op,
              std::string("cannot write ") + nameOf(result) + " in place into " + nameOf(target));
}

void requireFloating(const Call& call, const Tensor& x) {
  if (isFloating(x.dtype())) return;
  call.fail("dtype", std::string("needs a floating-point tensor, got ") + nameOf(x.dtype()),
            {{"dtype", nameOf(x.dtype())}});
}

void requireSameDevice(const Call& call, const Tensor& a, const Tensor& b) {
  if (a.device() == b.device()) return;
  call.fail("device",
            "tensors are on different devices, " + nameOf(a.device()) + " and " + nameOf(b.device()));
}

bool checksLater(const Tensor& x, Check what, int64_t size) {
  if (x.device() == DeviceId()) return false;
  const int64_t integers[] = {static_cast<int64_t>(what), size};
  if (x.numel() > 0) Launcher(checkKernel, x.device()).in(x).run(nullptr, integers);
  return true;
}

bool isHostScalar(const Tensor& x) { return x.dims() == 0 && x.device() == DeviceId(); }

void requireIndices(const Call& call, const Tensor& index) {
  if (index.dtype() == DType::int64 || index.dtype() == DType::int32) return;
  call.fail("dtype", std::string("indices must be int64 or int32, got ") + nameOf(index.dtype()));
}

}  // namespace descent
