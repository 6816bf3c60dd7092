// Device memory that results are written to before they are read: taken from the device itself, so that no
// figure of the allocator moves, and kept for the next time.
#pragma once

#include <functional>
#include <vector>

#include "../device/device.h"

namespace descent::inspect {

// What one launch writes: `bytes` for it, and the launch itself, given where its results go.
struct Job {
  size_t bytes = 0;
  std::function<void(Device& device, Memory results)> launch;
  std::function<void(const void* results)> read;
};

// Enqueues all jobs of a device, waits once, and reads them. One at a time in the process.
void runJobs(DeviceId id, const std::vector<Job>& jobs);

// Where a kernel writes `rows` by `columns` results, one after another.
Operand resultsAt(Memory memory, DType dtype, int64_t rows, int64_t columns);

}  // namespace descent::inspect
