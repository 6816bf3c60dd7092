// Launches for somebody who looks: many enqueued, waited for once, their results read.
#include "slate.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "../tensor/error.h"

namespace descent::inspect {

namespace {

constexpr size_t kMostBytes = size_t{8} << 20;  // of results before somebody waits
constexpr size_t kAlignment = 64;

size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

struct Slate {
  Memory memory;
  size_t bytes = 0;
  std::vector<char> host;
};

std::mutex lock;

// Never destroyed: at the end of a process devices go in an order of their own.
Slate& slateOf(DeviceId id) {
  static auto* const slates = new std::map<std::pair<int, int>, Slate>;
  return (*slates)[{static_cast<int>(id.kind), id.index}];
}

void reserve(Slate& slate, Device& device, size_t bytes) {
  if (slate.bytes >= bytes) return;
  if (slate.memory.handle) device.release(slate.memory, slate.bytes);
  slate = Slate();
  slate.memory = device.allocate(bytes);
  if (!slate.memory.handle) {
    throw Error("memory", "",
                "there is no memory left on " + nameOf(device.describe().id) + " to look at a tensor with");
  }
  slate.bytes = bytes;
}

}  // namespace

void runJobs(DeviceId id, const std::vector<Job>& jobs) {
  const std::lock_guard<std::mutex> guard(lock);
  Device& device = deviceOf(id);
  Slate& slate = slateOf(id);
  for (size_t first = 0; first < jobs.size();) {
    size_t bytes = 0, end = first;
    do bytes += aligned(jobs[end++].bytes);
    while (end < jobs.size() && bytes + jobs[end].bytes <= kMostBytes);
    reserve(slate, device, std::max(bytes, size_t{1} << 16));
    size_t at = 0;
    for (size_t k = first; k < end; at += aligned(jobs[k++].bytes)) {
      Memory results = slate.memory;
      results.offset += at;
      jobs[k].launch(device, results);
    }
    if (slate.host.size() < bytes) slate.host.resize(bytes);
    device.peek(slate.host.data(), slate.memory, bytes);
    at = 0;
    for (size_t k = first; k < end; at += aligned(jobs[k++].bytes)) jobs[k].read(slate.host.data() + at);
    first = end;
  }
}

Operand resultsAt(Memory memory, DType dtype, int64_t rows, int64_t columns) {
  Operand results;
  results.memory = memory;
  results.dtype = dtype;
  results.dims = 2;
  results.sizes[0] = rows;
  results.sizes[1] = columns;
  results.strides[0] = columns;
  results.strides[1] = 1;
  return results;
}

}  // namespace descent::inspect
