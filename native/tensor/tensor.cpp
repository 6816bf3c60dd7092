// Tensor: a strided view of a storage, one pointer wide.
#include "tensor.h"

namespace descent {

Tensor::Tensor(Ref<Storage> storage, const Geometry& geometry, DType dtype) : impl_(new TensorImpl()) {
  impl_->storage = std::move(storage);
  impl_->geometry = geometry;
  impl_->dtype = dtype;
}

Memory Tensor::memory() const {
  Memory memory = impl_->storage->memory;
  memory.offset += static_cast<size_t>(impl_->geometry.offset) * sizeOf(impl_->dtype);
  return memory;
}

}  // namespace descent
