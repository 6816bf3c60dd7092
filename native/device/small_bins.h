// The free lists of the allocator's small pool.
#pragma once

#include "allocator.h"

namespace descent {

// Free blocks up to 2 MiB, one list for each multiple of 512 B, and a two-level bitmap to find the first list
// that is not empty: the best fit in a few instructions.
class SmallBins {
 public:
  static constexpr size_t kUnit = 512;

  void insert(Block* block) {
    const size_t bin = block->size / kUnit;
    block->previousFree = nullptr;
    block->nextFree = heads_[bin];
    if (heads_[bin]) heads_[bin]->previousFree = block;
    heads_[bin] = block;
    words_[bin / 64] |= uint64_t{1} << bin % 64;
    summary_[bin / 4096] |= uint64_t{1} << bin / 64 % 64;
  }

  void remove(Block* block) {
    const size_t bin = block->size / kUnit;
    if (block->nextFree) block->nextFree->previousFree = block->previousFree;
    if (block->previousFree) {
      block->previousFree->nextFree = block->nextFree;
    } else {
      heads_[bin] = block->nextFree;
      if (!heads_[bin]) {
        words_[bin / 64] &= ~(uint64_t{1} << bin % 64);
        if (!words_[bin / 64]) summary_[bin / 4096] &= ~(uint64_t{1} << bin / 64 % 64);
      }
    }
  }

  Block* bestFit(size_t size) const {
    const size_t bin = size / kUnit;
    size_t word = bin / 64;
    const uint64_t here = words_[word] & (~uint64_t{0} << bin % 64);
    if (here) return heads_[word * 64 + static_cast<size_t>(__builtin_ctzll(here))];
    ++word;
    for (size_t level = word / 64; level < 2; ++level) {
      uint64_t candidates = summary_[level];
      if (level == word / 64) candidates &= ~uint64_t{0} << word % 64;
      if (!candidates) continue;
      word = level * 64 + static_cast<size_t>(__builtin_ctzll(candidates));
      return heads_[word * 64 + static_cast<size_t>(__builtin_ctzll(words_[word]))];
    }
    return nullptr;
  }

 private:
  Block* heads_[8192] = {};
  uint64_t words_[128] = {};
  uint64_t summary_[2] = {};
};

}  // namespace descent
