// The caching allocator every device uses, after PyTorch's: freed blocks are kept and reused, so that a
// training loop reaches a state in which it asks the system for nothing.
//
// Sizes are rounded up to 512 B. Requests of at most 1 MiB come out of 2 MiB segments (the small pool),
// larger ones out of 20 MiB segments, or out of segments of their own from 10 MiB on (the large pool). The
// best-fitting free block is taken, split where the rest is worth keeping, and joined with its free
// neighbours when it comes back.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../tensor/error.h"
#include "device.h"

namespace descent {

// What a block of memory is for. The order is that of memoryCategories in engine/protocol.ts.
enum class Category : uint8_t { parameter, gradient, optimizerState, activation, input, temporary };
constexpr int kCategoryCount = 6;

// Who is allocating, as far as it is known; each block carries it. One per thread.
struct AllocationContext {
  Category category = Category::temporary;
  uint32_t site = 0;           // the call site in the user's source; 0: not known (site.h)
  uint32_t module = 0;         // the module path; 0: outside any module
  uint64_t step = 0;           // optimizer steps finished when it was born
  const char* call = nullptr;  // what the user called, by its name there: "relu_"; lives for ever
};
AllocationContext& allocationContext();

// Blocks allocated from now on, on this thread, carry `category`; returns the one before.
Category setCategory(Category category);

class Allocator;

// A piece of device memory, in use from allocate() to free(). The caller may read every field and write none.
struct Block {
  Memory memory;
  size_t size = 0;                 // bytes, rounded up
  size_t requested = 0;            // bytes, as asked for
  Allocator* allocator = nullptr;  // null: memory that no allocator gave (borrowed.h)
  Category category = Category::temporary;
  bool isAllocated = false;
  bool isSmall = false;
  bool isPinned = false;         // memory of the host that copies overlap with (pinned.h)
  bool isUsedElsewhere = false;  // by the stream that it was not allocated for
  Stream stream = Stream::compute;
  void* event = nullptr;  // freed, and waiting for this
  uint32_t site = 0;
  uint32_t module = 0;
  uint64_t step = 0;
  // Neighbours in the same segment, by address; the segment's first block has no `previous`.
  Block* previous = nullptr;
  Block* next = nullptr;
  // Links of the free list of its size.
  Block* previousFree = nullptr;
  Block* nextFree = nullptr;
};

// Asked when memory runs short or has grown a lot: collects garbage so that blocks come back. `full` asks for
// everything that can be found, at any cost. Runs without any lock held; may call free().
using PressureCallback = std::function<void(bool full)>;
// Of this thread, because a JavaScript heap can only be collected by its own thread. An empty function
// removes it.
void setPressureCallback(PressureCallback callback);

class Allocator {
 public:
  explicit Allocator(Device& device);
  ~Allocator();

  // Memory of at least `bytes`, 512-byte aligned where the device's memory is; never null, also for 0 bytes.
  // Throws Error("memory", ...) when it cannot be had after the cache was emptied and garbage collected.
  //
  // It may be used in the order of `stream` at once, since whoever had it before was there too. Whoever uses
  // it in the other stream says so: it is then not given out again before that stream has come as far as it
  // was when the block was freed.
  Block* allocate(size_t bytes, Stream stream = Stream::compute);
  void usedIn(Block* block, Stream stream);
  void free(Block* block) noexcept;
  void retag(Block* block, Category category);

  // Gives every segment without a block in use back to the device.
  void emptyCache();
  // Most bytes the allocator may hold from the device; 0: no limit.
  void setLimit(size_t bytes);
  size_t limit() const;

  // Bytes in use, and bytes held from the device. Exact when this thread is the only one allocating.
  size_t allocatedBytes() const;
  size_t reservedBytes() const;
  void addBytesByCategory(double into[kCategoryCount]) const;
  // PyTorch's memory_stats names ("allocated_bytes.all.current") and their values.
  std::vector<std::pair<std::string, double>> statistics() const;
  // The most bytes in use since the start, or since resetPeaks().
  size_t peakBytes() const;
  void resetPeaks();

  // Every block of every segment as it is now, segment by segment, in the order of their addresses. For
  // people and tools: it looks at everything the allocator holds.
  std::vector<std::vector<Block>> snapshot() const;

  Device& device() { return *device_; }

 private:
  struct State;
  // Gives back what waited for a stream that has come far enough.
  void takeWaiting();
  Device* device_;
  std::unique_ptr<State> state_;
};

// Why there was no memory of `bytes`: what is in use, at which lines it was made, how the rest is cut up, and
// what to do.
Error shortage(Allocator& allocator, size_t bytes);

// The allocator of a device; throws Error("device", ...) where there is no such device.
Allocator& allocatorOf(DeviceId id);

}  // namespace descent
