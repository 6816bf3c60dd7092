// Names the allocator's counters as PyTorch's memory_stats does.
#include "statistics.h"

namespace descent {

namespace {

void append(std::vector<std::pair<std::string, double>>& into, const std::string& metric,
            const AllocatorStatistics::Pools& pools) {
  const std::pair<const char*, const Gauge*> rows[] = {
      {"all", &pools.all}, {"small_pool", &pools.pool[0]}, {"large_pool", &pools.pool[1]}};
  for (const auto& [pool, gauge] : rows) {
    const std::string prefix = metric + "." + pool + ".";
    into.emplace_back(prefix + "current", static_cast<double>(gauge->current));
    into.emplace_back(prefix + "peak", static_cast<double>(gauge->peak));
    into.emplace_back(prefix + "allocated", static_cast<double>(gauge->allocated));
    into.emplace_back(prefix + "freed", static_cast<double>(gauge->freed));
  }
}

}  // namespace

void AllocatorStatistics::resetPeaks() {
  for (Pools* pools : {&allocation, &segments, &inactiveSplits, &allocatedBytes, &reservedBytes,
                       &inactiveSplitBytes, &requestedBytes, &active, &activeBytes}) {
    for (Gauge* gauge : {&pools->all, &pools->pool[0], &pools->pool[1]}) gauge->peak = gauge->current;
  }
}

std::vector<std::pair<std::string, double>> AllocatorStatistics::named() const {
  std::vector<std::pair<std::string, double>> result;
  append(result, "allocation", allocation);
  append(result, "segment", segments);
  append(result, "active", active);
  append(result, "inactive_split", inactiveSplits);
  append(result, "allocated_bytes", allocatedBytes);
  append(result, "reserved_bytes", reservedBytes);
  append(result, "active_bytes", activeBytes);
  append(result, "inactive_split_bytes", inactiveSplitBytes);
  append(result, "requested_bytes", requestedBytes);
  result.emplace_back("num_alloc_retries", static_cast<double>(retries));
  result.emplace_back("num_ooms", static_cast<double>(outOfMemory));
  return result;
}

}  // namespace descent
