// Tensor: a strided view of a storage, one pointer wide, with a place for what autograd knows of it.
#pragma once

#include <memory>

#include "dtype.h"
#include "geometry.h"
#include "ref.h"
#include "scalar.h"
#include "storage.h"

namespace descent {

// What autograd attaches to a tensor; defined there.
class AutogradMeta {
 public:
  virtual ~AutogradMeta() = default;
};

struct TensorImpl final : public RefCounted {
  Ref<Storage> storage;
  Geometry geometry;
  DType dtype = DType::float32;
  // A gradient flows to or through this tensor.
  bool requiresGrad = false;
  std::unique_ptr<AutogradMeta> autograd;
  // Of a view made while ops were recorded: the tensor whose memory it shows, and the storage's version when
  // its history was written. An in-place change of one must reach the history of the other.
  Ref<TensorImpl> viewBase;
  uint32_t viewVersion = 0;
  // A view made while nothing was recorded: it is no part of its base's history.
  bool isQuietView = false;
  // Made in inference mode: never part of a graph.
  bool isInference = false;

  // Its own, or that of a base which came to require one later.
  bool wantsGradient() const { return requiresGrad || (viewBase && viewBase->requiresGrad && !isQuietView); }
};

class Tensor {
 public:
  Tensor() = default;
  Tensor(Ref<Storage> storage, const Geometry& geometry, DType dtype);

  bool isDefined() const { return static_cast<bool>(impl_); }
  explicit operator bool() const { return isDefined(); }
  TensorImpl* impl() const { return impl_.get(); }
  explicit Tensor(TensorImpl* impl) : impl_(impl) {}
  bool isSame(const Tensor& other) const { return impl_ == other.impl_; }

  const Geometry& geometry() const { return impl_->geometry; }
  const Shape& shape() const { return impl_->geometry.shape; }
  int dims() const { return impl_->geometry.shape.dims; }
  int64_t size(int dim) const { return impl_->geometry.shape.sizes[dim < 0 ? dim + dims() : dim]; }
  int64_t numel() const { return impl_->geometry.shape.numel(); }
  DType dtype() const { return impl_->dtype; }
  DeviceId device() const { return impl_->storage->device; }
  bool isContiguous() const { return impl_->geometry.isContiguous(); }
  bool requiresGrad() const { return impl_->requiresGrad; }
  Storage& storage() const { return *impl_->storage; }
  uint32_t version() const { return impl_->storage->version; }
  void bumpVersion() const { impl_->storage->version++; }
  // Bytes from the start of the storage's memory to element 0.
  Memory memory() const;

  // The same elements seen through another geometry, unknown to autograd.
  Tensor alias(const Geometry& geometry) const { return Tensor(impl_->storage, geometry, impl_->dtype); }
  Tensor alias() const { return alias(impl_->geometry); }

 private:
  Ref<TensorImpl> impl_;
};

// A tensor or a plain number, as the operands of elementwise ops are.
struct Value {
  Tensor tensor;  // undefined: a number
  Scalar scalar;

  Value(const Tensor& tensor) : tensor(tensor) {}
  Value(const Scalar& scalar) : scalar(scalar) {}
  Value(int value) : scalar(value) {}
  Value(int64_t value) : scalar(value) {}
  Value(double value) : scalar(value) {}
  Value(bool value) : scalar(value) {}
  bool isTensor() const { return tensor.isDefined(); }
};

}  // namespace descent
