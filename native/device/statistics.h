// What an allocator counts, under the names of PyTorch's memory_stats.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace descent {

// One quantity: its level, its highest level, and all that ever went up and down.
struct Gauge {
  int64_t current = 0;
  int64_t peak = 0;
  int64_t allocated = 0;
  int64_t freed = 0;

  void add(int64_t amount) {
    current += amount;
    if (current > peak) peak = current;
    if (amount > 0) {
      allocated += amount;
    } else {
      freed -= amount;
    }
  }
};

// Not thread safe: the allocator's lock guards it. A block is active while it is allocated, and after that
// while a stream may still be at work on it.
struct AllocatorStatistics {
  struct Pools {
    Gauge all, pool[2];  // small, large
    void add(bool isSmall, int64_t amount) {
      all.add(amount);
      pool[isSmall ? 0 : 1].add(amount);
    }
  };
  Pools allocation, segments, inactiveSplits;
  Pools allocatedBytes, reservedBytes, inactiveSplitBytes, requestedBytes;
  Pools active, activeBytes;
  int64_t retries = 0;
  int64_t outOfMemory = 0;

  void allocated(bool isSmall, size_t size, size_t requested) {
    allocation.add(isSmall, 1);
    allocatedBytes.add(isSmall, static_cast<int64_t>(size));
    requestedBytes.add(isSmall, static_cast<int64_t>(requested));
    active.add(isSmall, 1);
    activeBytes.add(isSmall, static_cast<int64_t>(size));
  }
  // Nobody's any more, and no stream's.
  void inactive(bool isSmall, size_t size) {
    active.add(isSmall, -1);
    activeBytes.add(isSmall, -static_cast<int64_t>(size));
  }
  void freed(bool isSmall, size_t size, size_t requested) {
    allocation.add(isSmall, -1);
    allocatedBytes.add(isSmall, -static_cast<int64_t>(size));
    requestedBytes.add(isSmall, -static_cast<int64_t>(requested));
  }
  // `bytes` below 0: a segment went back.
  void segment(bool isSmall, int64_t bytes) {
    segments.add(isSmall, bytes > 0 ? 1 : -1);
    reservedBytes.add(isSmall, bytes);
  }
  // A free piece of a segment that is partly in use came (bytes above 0) or went.
  void inactiveSplit(bool isSmall, int64_t bytes) {
    inactiveSplits.add(isSmall, bytes > 0 ? 1 : -1);
    inactiveSplitBytes.add(isSmall, bytes);
  }

  void resetPeaks();
  std::vector<std::pair<std::string, double>> named() const;
};

}  // namespace descent
