// The native half of a JavaScript Tensor, and the memory all of them live in. A pointer that JavaScript hands
// in is believed only when it lies in that memory, so no wrong object can crash the process.
#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

#include "../tensor/tensor.h"

namespace descent::binding {

class HandlePool;

struct Handle {
  static constexpr uint32_t kAlive = 0x7e25041d;
  uint32_t mark = 0;
  bool isDisposed = false;
  Tensor tensor;
  uint32_t slot = 0;  // its place among all handles of the pool
  HandlePool* pool = nullptr;
  Handle* nextFree = nullptr;
};

class HandlePool {
 public:
  Handle* make(const Tensor& tensor);
  void free(Handle* handle) noexcept;
  bool contains(const void* pointer) const;
  int64_t alive() const { return alive_; }
  // Places of handles, in use or not.
  size_t slots() const { return order_.size() * kPerChunk; }
  // Null where none in use has this slot.
  const Handle* at(int64_t slot) const {
    if (slot < 0 || static_cast<size_t>(slot) >= slots()) return nullptr;
    const auto place = static_cast<size_t>(slot);
    const Handle* handle = order_[place / kPerChunk] + place % kPerChunk;
    return handle->mark == Handle::kAlive ? handle : nullptr;
  }
  // visit(handle) for all in use, disposed ones too.
  template <class Visit>
  void forEach(const Visit& visit) const {
    for (Handle* chunk : order_) {
      for (size_t k = 0; k < kPerChunk; k++) {
        if (chunk[k].mark == Handle::kAlive) visit(chunk[k]);
      }
    }
  }
  // Rows of facts by slot (inspect/facts.h), `columns` apart, of `slots` handles: a new handle's says
  // nothing.
  void attachRows(double* rows, size_t columns, size_t slots) {
    rows_ = rows;
    columns_ = columns;
    rowCount_ = slots;
  }

 private:
  static constexpr size_t kChunkBytes = 1 << 16;
  static uintptr_t chunkOf(const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer) & ~uintptr_t(kChunkBytes - 1);
  }
  void grow();
  static constexpr size_t kPerChunk = kChunkBytes / sizeof(Handle);

  std::unordered_set<uintptr_t> chunks_;
  std::vector<Handle*> order_;
  double* rows_ = nullptr;
  size_t columns_ = 0, rowCount_ = 0;
  mutable uintptr_t lastChunk_ = 0;
  Handle* free_ = nullptr;
  int64_t alive_ = 0;
};

}  // namespace descent::binding
