// What forwards are written with: new tensors, and kernels called on them.
#pragma once

#include "op.h"

namespace descent {

Tensor emptyTensor(const Shape& shape, DType dtype, DeviceId device);
// One value everywhere. Derivatives and forwards say which device: the default one may be another.
Tensor filledTensor(const Shape& shape, DType dtype, DeviceId device, const Scalar& value);
// The integers start, start + step, ..., `count` of them, as int64.
Tensor countedTensor(int64_t count, int64_t start, int64_t step, DeviceId device);
// The elements in order, x itself where they are; unknown to autograd, as all here.
Tensor contiguousCopy(const Tensor& x);
Tensor asContiguous(const Tensor& x);
// x in another dtype, x itself where it has it.
Tensor castTo(const Tensor& x, DType dtype);
// The elements in order on another device, x itself where it lies there; what comes to the CPU is waited for.
Tensor copyTo(const Tensor& x, DeviceId device);
// Reads one element; waits for the device.
Scalar readScalar(const Tensor& x);
// Converts and broadcasts; shapes must fit.
void copyInto(const Tensor& to, const Tensor& from);
void fillWith(const Tensor& to, const Scalar& value);

// With `dim` in the last place, for kernels that work along it; a scalar as a vector of one.
Geometry dimLast(const Geometry& x, int dim);

// Gathers the operands of one kernel call, outputs first.
class Launcher {
 public:
  Launcher(const Kernel& kernel, DeviceId device);
  ~Launcher();
  Launcher(const Launcher&) = delete;
  Launcher& operator=(const Launcher&) = delete;

  Launcher& out(const Tensor& tensor);
  Launcher& out(const Tensor& tensor, const Geometry& geometry);
  Launcher& in(const Tensor& tensor);
  Launcher& in(const Tensor& tensor, const Geometry& geometry);
  // Broadcast to a shape it broadcasts to.
  Launcher& in(const Tensor& tensor, const Shape& shape);
  Launcher& constant(const Scalar& scalar, DType dtype, const Shape& shape);
  void run(const double* numbers = nullptr, const int64_t* integers = nullptr);

 private:
  Operand& add(DType dtype);
  const Kernel& kernel_;
  DeviceId id_;
  std::vector<Operand>& operands_;
  int outputs_ = 0;
};

// One wording for what many ops refuse.
void requireFloating(const Call& call, const Tensor& x);
// A result goes in place into a tensor of its kind or a higher one: bool < integers < floating.
void requireWritable(const char* op, DType target, DType result);
void requireSameDevice(const Call& call, const Tensor& a, const Tensor& b);
// A scalar on the CPU, which goes with tensors of every device, as a plain number would.
bool isHostScalar(const Tensor& x);
void requireIndices(const Call& call, const Tensor& index);
// Has every element looked at without waiting for the device; false on the CPU, where the caller looks at
// once.
bool checksLater(const Tensor& x, Check what, int64_t size = 0);

}  // namespace descent
