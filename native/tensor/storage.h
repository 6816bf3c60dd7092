// The memory below one or more tensors, with the version counter all its views share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "place.h"
#include "ref.h"

namespace descent {

class Storage final : public RefCounted {
 public:
  using Free = void (*)(void* block) noexcept;

  // `block` is the allocator's and goes back through `free`; this layer does not look inside.
  Storage(DeviceId device, Memory memory, size_t bytes, void* block, Free free)
      : memory(memory), bytes(bytes), device(device), block_(block), free_(free) {
    liveBytes_.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed);
  }

  const Memory memory;
  const size_t bytes;
  const DeviceId device;
  // Grows with each in-place change; whoever saved a value compares.
  uint32_t version = 0;
  // Somebody's gradient needs a value that lies here; then changes leave behind who made the last one.
  bool isSaved = false;
  uint32_t changedAt = 0;           // the call site, 0 where it is not known
  const char* changedBy = nullptr;  // the op, a text that lives for ever
  // What a debugger calls it by; 0: nobody has asked yet.
  mutable std::atomic<uint32_t> number{0};

  // What a watch for NaN and infinities knows (inspect/watch.h): no element is larger than `magnitude` at
  // `magnitudeVersion`; below 0: not known. `toldBy`: the watch that told somebody of what is in here.
  double magnitude = -1;
  uint32_t magnitudeVersion = 0;
  uint32_t toldBy = 0;

  void* block() const { return block_; }

  // Bytes below all tensors of the process.
  static int64_t liveBytes() { return liveBytes_.load(std::memory_order_relaxed); }

 private:
  ~Storage() override {
    liveBytes_.fetch_sub(static_cast<int64_t>(bytes), std::memory_order_relaxed);
    free_(block_);
  }

  static inline std::atomic<int64_t> liveBytes_{0};
  void* block_;
  Free free_;
};

}  // namespace descent
