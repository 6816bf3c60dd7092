// Which elements of a tensor are looked at where it is too large for all of them, and in how many shares.
#pragma once

#include <cstdint>

namespace descent::inspect {

// Runs of `run` elements in row-major order, `spacing` apart: `looked` in all. As kernels get it.
struct Sample {
  int64_t groups = 1, looked = 0, run = 1, spacing = 1;
  bool isAll() const { return run == spacing; }
};

// At most about `most` of `numel` elements.
Sample sampleOf(int64_t numel, int64_t most);

}  // namespace descent::inspect
