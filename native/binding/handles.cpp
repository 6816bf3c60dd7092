// The native halves of JavaScript Tensors, in chunks that begin at a multiple of their size.
#include "handles.h"

#include <new>

namespace descent::binding {

void HandlePool::grow() {
  // Handles live as long as the process: the collector may hand one back very late.
  void* chunk = ::operator new(kChunkBytes, std::align_val_t(kChunkBytes));
  chunks_.insert(reinterpret_cast<uintptr_t>(chunk));
  Handle* handles = static_cast<Handle*>(chunk);
  const auto first = static_cast<uint32_t>(slots());
  order_.push_back(handles);
  for (size_t k = 0; k < kPerChunk; k++) {
    Handle* handle = new (handles + k) Handle();
    handle->slot = first + static_cast<uint32_t>(k);
    handle->pool = this;
    handle->nextFree = free_;
    free_ = handle;
  }
}

Handle* HandlePool::make(const Tensor& tensor) {
  if (!free_) grow();
  Handle* handle = free_;
  free_ = handle->nextFree;
  handle->mark = Handle::kAlive;
  handle->isDisposed = false;
  handle->tensor = tensor;
  if (handle->slot < rowCount_) rows_[handle->slot * columns_] = 0;
  alive_++;
  return handle;
}

void HandlePool::free(Handle* handle) noexcept {
  handle->mark = 0;
  handle->tensor = Tensor();
  handle->nextFree = free_;
  free_ = handle;
  alive_--;
}

bool HandlePool::contains(const void* pointer) const {
  const uintptr_t chunk = chunkOf(pointer);
  if (chunk != lastChunk_) {
    if (chunks_.count(chunk) == 0) return false;
    lastChunk_ = chunk;
  }
  const size_t offset = reinterpret_cast<uintptr_t>(pointer) - chunk;
  return offset % sizeof(Handle) == 0 && offset / sizeof(Handle) < kPerChunk &&
         static_cast<const Handle*>(pointer)->mark == Handle::kAlive;
}

}  // namespace descent::binding
