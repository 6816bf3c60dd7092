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
  HandlePool* pool = nullptr;
  Handle* nextFree = nullptr;
};

class HandlePool {
 public:
  Handle* make(const Tensor& tensor);
  void free(Handle* handle) noexcept;
  bool contains(const void* pointer) const;
  int64_t alive() const { return alive_; }

 private:
  static constexpr size_t kChunkBytes = 1 << 16;
  static uintptr_t chunkOf(const void* pointer) {
    return reinterpret_cast<uintptr_t>(pointer) & ~uintptr_t(kChunkBytes - 1);
  }
  void grow();

  std::unordered_set<uintptr_t> chunks_;
  mutable uintptr_t lastChunk_ = 0;
  Handle* free_ = nullptr;
  int64_t alive_ = 0;
};

}  // namespace descent::binding
