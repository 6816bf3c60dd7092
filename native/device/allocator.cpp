// The caching allocator: free lists by size, splitting, joining, limits, and what to do when memory runs
// short.
#include "allocator.h"

#include <algorithm>
#include <atomic>
#include <set>
#include <string>

#include "../tensor/error.h"
#include "small_bins.h"
#include "statistics.h"

namespace descent {

namespace {

constexpr size_t kUnit = SmallBins::kUnit;
constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kSmallLimit = kMiB;              // requests up to here are the small pool's
constexpr size_t kSmallSegment = 2 * kMiB;        // segments of the small pool
constexpr size_t kLargeSegment = 20 * kMiB;       // segments for requests below kOwnSegment
constexpr size_t kOwnSegment = 10 * kMiB;         // requests from here on get segments of their own,
constexpr size_t kOwnSegmentRounding = 2 * kMiB;  // rounded up to this
constexpr size_t kCollectAfter = 32 * kMiB;       // growth before a minor collection is asked for
constexpr size_t kFullCollectAfter = 128 * kMiB;  // growth before a full one is

// With -DDESCENT_PLAIN_MALLOC every block is a piece of memory of its own, of just the size asked for, so
// that a memory checker sees what reaches beyond it.
#ifdef DESCENT_PLAIN_MALLOC
constexpr bool kIsPooling = false;
#else
constexpr bool kIsPooling = true;
#endif

size_t roundUp(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

// Critical sections are tens of instructions and never block, so waiting is spinning.
class SpinLock {
 public:
  void lock() {
    while (flag_.exchange(true, std::memory_order_acquire)) {
      while (flag_.load(std::memory_order_relaxed)) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
      }
    }
  }
  void unlock() { flag_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> flag_{false};
};

class Guard {
 public:
  explicit Guard(SpinLock& lock) : lock_(lock) { lock_.lock(); }
  ~Guard() { lock_.unlock(); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  SpinLock& lock_;
};

struct BySize {
  bool operator()(const Block* a, const Block* b) const {
    return a->size != b->size ? a->size < b->size : a < b;
  }
};

thread_local AllocationContext context;
thread_local PressureCallback pressureCallback;
thread_local bool isCollecting = false;

bool collect(bool full) {
  if (!pressureCallback || isCollecting) return false;
  isCollecting = true;
  try {
    pressureCallback(full);
  } catch (...) {
    isCollecting = false;
    throw;
  }
  isCollecting = false;
  return true;
}

std::string bytesText(size_t bytes) {
  if (bytes < kMiB) return std::to_string(bytes) + " bytes";
  return std::to_string((bytes + kMiB / 2) / kMiB) + " MiB";
}

}  // namespace

AllocationContext& allocationContext() { return context; }

Category setCategory(Category category) {
  const Category before = context.category;
  context.category = category;
  return before;
}

void setPressureCallback(PressureCallback callback) { pressureCallback = std::move(callback); }

struct Allocator::State {
  SpinLock lock;
  SmallBins small;
  std::set<Block*> segments;  // the first block of each
  std::set<Block*, BySize> large;
  std::vector<Block*> spareBlocks;
  size_t made = 0;
  AllocatorStatistics statistics;
  double categoryBytes[kCategoryCount] = {};
  size_t limit = 0;
  // Read without the lock by the valve.
  std::atomic<size_t> allocated{0};
  std::atomic<size_t> reserved{0};
  std::atomic<size_t> afterMinor{0};
  std::atomic<size_t> afterFull{0};

  Block* newBlock() {
    if (spareBlocks.empty()) {
      constexpr int kBatch = 128;
      Block* batch = new Block[kBatch];  // block records live as long as the process
      made += kBatch;
      spareBlocks.reserve(made);  // so that free(), which may not throw, never grows it
      for (int index = 0; index < kBatch; ++index) spareBlocks.push_back(batch + index);
    }
    Block* block = spareBlocks.back();
    spareBlocks.pop_back();
    *block = Block{};
    return block;
  }

  void insertFree(Block* block) {
    if (block->isSmall) {
      small.insert(block);
    } else {
      large.insert(block);
    }
  }

  void removeFree(Block* block) {
    if (block->isSmall) {
      small.remove(block);
    } else {
      large.erase(block);
    }
  }

  static bool isSplit(const Block* block) { return block->previous || block->next; }

  // A free block of at least `size`, cut to size; null where there is none.
  Block* takeCached(size_t size, bool isSmall) {
    Block* block = nullptr;
    if (isSmall) {
      block = small.bestFit(size);
      if (!block) return nullptr;
    } else {
      Block key;
      key.size = size;
      auto found = large.lower_bound(&key);
      if (found == large.end()) {
        return nullptr;
      }
      // `key` compares by address among equals, so the block before may have this very size.
      if (found != large.begin() && (*std::prev(found))->size == size) --found;
      block = *found;
      // A very large block is not given away for a much smaller request.
      if (block->size >= 200 * kMiB && block->size - size > 20 * kMiB) return nullptr;
    }
    removeFree(block);
    const bool wasSplit = isSplit(block);
    if (wasSplit) statistics.inactiveSplit(isSmall, -static_cast<int64_t>(block->size));
    cut(block, size);
    return block;
  }

  void cut(Block* block, size_t size) {
    const size_t rest = block->size - size;
    const bool worthKeeping = block->isSmall ? rest >= kUnit : rest > kSmallLimit && block->size < 200 * kMiB;
    if (!worthKeeping) return;
    Block* remaining = newBlock();
    remaining->memory = block->memory;
    remaining->memory.offset += size;
    remaining->size = rest;
    remaining->allocator = block->allocator;
    remaining->isSmall = block->isSmall;
    remaining->previous = block;
    remaining->next = block->next;
    if (block->next) block->next->previous = remaining;
    block->next = remaining;
    block->size = size;
    insertFree(remaining);
    statistics.inactiveSplit(block->isSmall, static_cast<int64_t>(rest));
  }

  // Joins a free block that is in no list with its free neighbours.
  Block* join(Block* block) {
    Block* before = block->previous;
    if (before && !before->isAllocated) {
      removeFree(before);
      statistics.inactiveSplit(block->isSmall, -static_cast<int64_t>(before->size));
      before->size += block->size;
      before->next = block->next;
      if (block->next) block->next->previous = before;
      spareBlocks.push_back(block);
      block = before;
    }
    Block* after = block->next;
    if (after && !after->isAllocated) {
      removeFree(after);
      statistics.inactiveSplit(block->isSmall, -static_cast<int64_t>(after->size));
      block->size += after->size;
      block->next = after->next;
      if (after->next) after->next->previous = block;
      spareBlocks.push_back(after);
    }
    return block;
  }

  void handOut(Block* block, size_t requested) {
    block->isAllocated = true;
    block->requested = requested;
    block->category = context.category;
    block->site = context.site;
    block->module = context.module;
    block->step = context.step;
    categoryBytes[static_cast<int>(block->category)] += static_cast<double>(block->size);
    statistics.allocated(block->isSmall, block->size, requested);
    allocated.store(allocated.load(std::memory_order_relaxed) + block->size, std::memory_order_relaxed);
  }

  // Whether a segment of `bytes` more would stay within the limit.
  bool fits(size_t bytes) const {
    return limit == 0 || reserved.load(std::memory_order_relaxed) + bytes <= limit;
  }
};

Allocator::Allocator(Device& device) : device_(&device), state_(std::make_unique<State>()) {}
Allocator::~Allocator() = default;

Block* Allocator::allocate(size_t bytes) {
  State& state = *state_;
  constexpr size_t kMost = size_t{1} << 60;
  if (bytes > kMost) {
    throw Error("memory", "", "a tensor of " + std::to_string(bytes) + " bytes is more than any machine has.",
                {{"requested", std::to_string(bytes)}});
  }
  const size_t size = roundUp(std::max<size_t>(bytes, 1), kUnit);
  const bool isSmall = size <= kSmallLimit;
  const auto fromCache = [&]() -> Block* {
    if (!kIsPooling) return nullptr;
    Guard guard(state.lock);
    Block* block = state.takeCached(size, isSmall);
    if (block) state.handOut(block, bytes);
    return block;
  };
  if (Block* block = fromCache()) return block;

  // The valve: before the pool grows, garbage that the collector has not seen yet may give enough back.
  const size_t live = state.allocated.load(std::memory_order_relaxed);
  const auto hasGrown = [&](const std::atomic<size_t>& since, size_t least) {
    const size_t before = since.load(std::memory_order_relaxed);
    return live >= before + std::max(least, before / 2);
  };
  bool full = hasGrown(state.afterFull, kFullCollectAfter);
  if ((full || hasGrown(state.afterMinor, kCollectAfter)) && collect(full)) {
    const size_t now = state.allocated.load(std::memory_order_relaxed);
    state.afterMinor.store(now, std::memory_order_relaxed);
    if (full) state.afterFull.store(now, std::memory_order_relaxed);
    if (Block* block = fromCache()) return block;
  }

  const size_t segment = !kIsPooling          ? std::max<size_t>(bytes, 1)
                         : isSmall            ? kSmallSegment
                         : size < kOwnSegment ? kLargeSegment
                                              : roundUp(size, kOwnSegmentRounding);
  const auto fromDevice = [&]() -> Block* {
    {
      Guard guard(state.lock);
      if (!state.fits(segment)) return nullptr;
      state.reserved.fetch_add(segment, std::memory_order_relaxed);
    }
    const Memory memory = device_->allocate(segment);
    Guard guard(state.lock);
    if (memory.handle == nullptr) {
      state.reserved.fetch_sub(segment, std::memory_order_relaxed);
      return nullptr;
    }
    state.statistics.segment(isSmall, static_cast<int64_t>(segment));
    Block* block = state.newBlock();
    block->memory = memory;
    block->size = segment;
    block->allocator = this;
    block->isSmall = isSmall;
    state.segments.insert(block);
    if (kIsPooling) state.cut(block, size);
    state.handOut(block, bytes);
    return block;
  };
  if (Block* block = fromDevice()) return block;

  // Memory is short. Cheapest remedy first.
  {
    Guard guard(state.lock);
    ++state.statistics.retries;
  }
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (attempt > 0 && !collect(attempt == 2)) continue;
    if (Block* block = fromCache()) return block;
    emptyCache();
    if (Block* block = fromDevice()) return block;
  }

  size_t limit;
  {
    Guard guard(state.lock);
    ++state.statistics.outOfMemory;
    limit = state.limit;
  }
  const std::string where = nameOf(device_->describe().id);
  const std::string inUse = bytesText(allocatedBytes());
  throw Error("memory", "",
              "not enough memory on " + where + " for " + bytesText(bytes) + ": " + inUse + " are in use" +
                  (limit ? " of a limit of " + bytesText(limit) : "") +
                  ". Make the batch or the model smaller, or let go of tensors that are no longer needed.",
              {{"device", where},
               {"requested", std::to_string(bytes)},
               {"allocated", std::to_string(allocatedBytes())},
               {"reserved", std::to_string(reservedBytes())},
               {"limit", std::to_string(limit)}});
}

void Allocator::free(Block* block) noexcept {
  State& state = *state_;
  Guard guard(state.lock);
  block->isAllocated = false;
  state.categoryBytes[static_cast<int>(block->category)] -= static_cast<double>(block->size);
  state.statistics.freed(block->isSmall, block->size, block->requested);
  state.allocated.store(state.allocated.load(std::memory_order_relaxed) - block->size,
                        std::memory_order_relaxed);
  if (!kIsPooling) {
    state.statistics.segment(block->isSmall, -static_cast<int64_t>(block->size));
    state.reserved.fetch_sub(block->size, std::memory_order_relaxed);
    device_->release(block->memory, block->size);
    state.segments.erase(block);
    state.spareBlocks.push_back(block);
    return;
  }
  block = state.join(block);
  if (State::isSplit(block))
    state.statistics.inactiveSplit(block->isSmall, static_cast<int64_t>(block->size));
  state.insertFree(block);
}

void Allocator::retag(Block* block, Category category) {
  Guard guard(state_->lock);
  state_->categoryBytes[static_cast<int>(block->category)] -= static_cast<double>(block->size);
  state_->categoryBytes[static_cast<int>(category)] += static_cast<double>(block->size);
  block->category = category;
}

void Allocator::emptyCache() {
  State& state = *state_;
  device_->synchronize();
  std::vector<Block> whole;
  whole.reserve(64);
  {
    Guard guard(state.lock);
    const auto take = [&](Block* block) {
      state.removeFree(block);
      state.statistics.segment(block->isSmall, -static_cast<int64_t>(block->size));
      state.reserved.fetch_sub(block->size, std::memory_order_relaxed);
      whole.push_back(*block);
      state.segments.erase(block);
      state.spareBlocks.push_back(block);
    };
    while (Block* block = state.small.bestFit(kSmallSegment)) take(block);
    for (auto at = state.large.begin(); at != state.large.end();) {
      Block* block = *at++;
      if (!State::isSplit(block)) take(block);
    }
  }
  for (const Block& block : whole) device_->release(block.memory, block.size);
}

std::vector<std::vector<Block>> Allocator::snapshot() const {
  std::vector<std::vector<Block>> segments;
  Guard guard(state_->lock);
  for (const Block* first : state_->segments) {
    segments.emplace_back();
    for (const Block* block = first; block; block = block->next) segments.back().push_back(*block);
  }
  return segments;
}

void Allocator::setLimit(size_t bytes) {
  Guard guard(state_->lock);
  state_->limit = bytes;
}

size_t Allocator::limit() const {
  Guard guard(state_->lock);
  return state_->limit;
}

size_t Allocator::allocatedBytes() const { return state_->allocated.load(std::memory_order_relaxed); }

size_t Allocator::reservedBytes() const { return state_->reserved.load(std::memory_order_relaxed); }

void Allocator::addBytesByCategory(double into[kCategoryCount]) const {
  Guard guard(state_->lock);
  for (int index = 0; index < kCategoryCount; ++index) into[index] += state_->categoryBytes[index];
}

std::vector<std::pair<std::string, double>> Allocator::statistics() const {
  AllocatorStatistics copy;
  {
    Guard guard(state_->lock);
    copy = state_->statistics;
  }
  return copy.named();
}

void Allocator::resetPeaks() {
  Guard guard(state_->lock);
  state_->statistics.resetPeaks();
}

}  // namespace descent
