// The caching allocator: free lists by size, splitting, joining, limits, and what to do when memory runs
// short.
#include "allocator.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <utility>

#include "../tensor/error.h"
#include "pools.h"

namespace descent {

namespace {

size_t roundUp(size_t value, size_t unit) { return (value + unit - 1) / unit * unit; }

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

}  // namespace

AllocationContext& allocationContext() { return context; }

Category setCategory(Category category) {
  const Category before = context.category;
  context.category = category;
  return before;
}

void setPressureCallback(PressureCallback callback) { pressureCallback = std::move(callback); }

Allocator::Allocator(Device& device) : device_(&device), state_(std::make_unique<State>()) {}
Allocator::~Allocator() = default;

Block* Allocator::allocate(size_t bytes, Stream stream) {
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
    takeWaiting();
    Guard guard(state.lock);
    Block* block = state.takeCached(size, isSmall, stream);
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

  const size_t usual = !kIsPooling          ? std::max<size_t>(bytes, 1)
                       : isSmall            ? kSmallSegment
                       : size < kOwnSegment ? kLargeSegment
                                            : roundUp(size, kOwnSegmentRounding);
  const auto segmentOf = [&](size_t segment) -> Block* {
    Block* block;
    {
      Guard guard(state.lock);
      if (!state.fits(segment)) return nullptr;
      block = state.newBlock();
      state.reserved.fetch_add(segment, std::memory_order_relaxed);
    }
    const auto undo = [&] {
      Guard guard(state.lock);
      state.reserved.fetch_sub(segment, std::memory_order_relaxed);
      state.spareBlocks.push_back(block);
    };
    Memory memory;
    try {
      memory = device_->allocate(segment);
    } catch (...) {
      undo();
      throw;
    }
    if (memory.handle == nullptr) {
      undo();
      return nullptr;
    }
    Guard guard(state.lock);
    state.statistics.segment(isSmall, static_cast<int64_t>(segment));
    block->memory = memory;
    block->size = segment;
    block->allocator = this;
    block->isSmall = isSmall;
    block->stream = stream;
    state.segments.insert(block);
    if (kIsPooling) state.cut(block, size);
    state.handOut(block, bytes);
    return block;
  };
  // Where there is no room for a segment of the usual size there may be for what is asked for.
  const auto fromDevice = [&]() -> Block* {
    Block* block = segmentOf(usual);
    return block || !kIsPooling || size == usual ? block : segmentOf(size);
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
  {
    Guard guard(state.lock);
    ++state.statistics.outOfMemory;
  }
  throw shortage(*this, bytes);
}

void Allocator::usedIn(Block* block, Stream stream) {
  Guard guard(state_->lock);
  if (stream != block->stream) block->isUsedElsewhere = true;
}

void Allocator::free(Block* block) noexcept {
  State& state = *state_;
  if (block->isUsedElsewhere) {
    // Null: the device has no second stream, or is lost.
    block->event = device_->eventAfter(block->stream == Stream::copy ? Stream::compute : Stream::copy);
  }
  Guard guard(state.lock);
  state.countFreed(block);
  if (block->event) {
    state.addWaiting(block);
    return;
  }
  state.statistics.inactive(block->isSmall, block->size);
  if (!kIsPooling) {
    block->isAllocated = false;
    state.statistics.segment(block->isSmall, -static_cast<int64_t>(block->size));
    state.reserved.fetch_sub(block->size, std::memory_order_relaxed);
    device_->release(block->memory, block->size);
    state.segments.erase(block);
    state.spareBlocks.push_back(block);
    return;
  }
  state.putBack(block);
}

void Allocator::takeWaiting() {
  State& state = *state_;
  if (state.waitingCount.load(std::memory_order_relaxed) == 0) return;
  // The device is asked without the lock held: it has one of its own.
  Block* list;
  {
    Guard guard(state.lock);
    list = std::exchange(state.waiting, nullptr);
  }
  while (list) {
    Block* block = list;
    list = block->nextFree;
    const bool hasPassed = device_->hasPassed(block->event);
    if (hasPassed) device_->releaseEvent(std::exchange(block->event, nullptr));
    Guard guard(state.lock);
    state.waitingCount.fetch_sub(1, std::memory_order_relaxed);
    if (!hasPassed) {
      state.addWaiting(block);
      continue;
    }
    state.statistics.inactive(block->isSmall, block->size);
    state.putBack(block);
  }
}

void Allocator::retag(Block* block, Category category) {
  Guard guard(state_->lock);
  state_->categoryBytes[static_cast<int>(block->category)] -= static_cast<double>(block->size);
  state_->categoryBytes[static_cast<int>(category)] += static_cast<double>(block->size);
  block->category = category;
}

void Allocator::emptyCache() {
  State& state = *state_;
  device_->drain();
  takeWaiting();
  std::vector<Block> whole;
  {
    Guard guard(state.lock);
    whole.reserve(state.segments.size());
    for (auto at = state.segments.begin(); at != state.segments.end();) {
      Block* block = *at;
      if (block->isAllocated || State::isSplit(block)) {
        ++at;
        continue;
      }
      state.removeFree(block);
      state.statistics.segment(block->isSmall, -static_cast<int64_t>(block->size));
      state.reserved.fetch_sub(block->size, std::memory_order_relaxed);
      whole.push_back(*block);
      at = state.segments.erase(at);
      state.spareBlocks.push_back(block);
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

size_t Allocator::peakBytes() const {
  Guard guard(state_->lock);
  return static_cast<size_t>(state_->statistics.allocatedBytes.all.peak);
}

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
