// What an allocator knows: its segments, its free lists and its counters. allocator.cpp has the rules,
// guarded by `lock`; shortage.cpp tells why there was no memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>

#include "allocator.h"
#include "small_bins.h"
#include "statistics.h"

namespace descent {

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

struct Allocator::State {
  // Free blocks of the segments of one stream.
  struct Pool {
    SmallBins small;
    std::set<Block*, BySize> large;
  };

  SpinLock lock;
  Pool pools[kStreamCount];
  std::set<Block*> segments;  // the first block of each
  // Freed, but the other stream may still be at work on them: a list by nextFree.
  Block* waiting = nullptr;
  std::atomic<size_t> waitingCount{0};
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

  Pool& poolOf(Stream stream) { return pools[static_cast<int>(stream)]; }

  void insertFree(Block* block) {
    Pool& pool = poolOf(block->stream);
    if (block->isSmall) {
      pool.small.insert(block);
    } else {
      pool.large.insert(block);
    }
  }

  void removeFree(Block* block) {
    Pool& pool = poolOf(block->stream);
    if (block->isSmall) {
      pool.small.remove(block);
    } else {
      pool.large.erase(block);
    }
  }

  static bool isSplit(const Block* block) { return block->previous || block->next; }

  // A free block of at least `size`, cut to size; null where there is none.
  Block* takeCached(size_t size, bool isSmall, Stream stream) {
    Block* block = nullptr;
    std::set<Block*, BySize>& large = poolOf(stream).large;
    if (isSmall) {
      block = poolOf(stream).small.bestFit(size);
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
    remaining->stream = block->stream;
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

  // Among the free ones again.
  void putBack(Block* block) {
    block->isAllocated = false;
    block = join(block);
    if (isSplit(block)) statistics.inactiveSplit(block->isSmall, static_cast<int64_t>(block->size));
    insertFree(block);
  }

  // It is the caller's no more.
  void countFreed(Block* block) {
    categoryBytes[static_cast<int>(block->category)] -= static_cast<double>(block->size);
    statistics.freed(block->isSmall, block->size, block->requested);
    allocated.store(allocated.load(std::memory_order_relaxed) - block->size, std::memory_order_relaxed);
  }

  void addWaiting(Block* block) {
    block->nextFree = waiting;
    waiting = block;
    waitingCount.fetch_add(1, std::memory_order_relaxed);
  }

  void handOut(Block* block, size_t requested) {
    const AllocationContext& context = allocationContext();
    block->isAllocated = true;
    block->isUsedElsewhere = false;
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

}  // namespace descent
