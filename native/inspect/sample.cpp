// Which elements of a tensor are looked at where it is too large for all of them.
#include "sample.h"

#include <algorithm>
#include <numeric>

namespace descent::inspect {

namespace {

constexpr int64_t kRun = 256;                    // a few cache lines, and a group of lanes on a GPU
constexpr int64_t kPerGroup = int64_t{1} << 16;  // elements
constexpr int64_t kMostGroups = int64_t{1} << 12;

}  // namespace

Sample sampleOf(int64_t numel, int64_t most) {
  Sample sample;
  sample.looked = numel;
  const int64_t runs = std::max<int64_t>(most / kRun, 2);
  if (numel > most && numel > 2 * runs * kRun) {
    sample.run = kRun;
    sample.looked = runs * kRun;
    // No multiple of the size of a dim, or each run would show the same columns of a matrix.
    sample.spacing = (numel - kRun) / (runs - 1);
    while (sample.spacing > kRun + 1 && std::gcd(sample.spacing, numel) > 1) --sample.spacing;
  }
  sample.groups = std::clamp<int64_t>((sample.looked + kPerGroup - 1) / kPerGroup, 1, kMostGroups);
  return sample;
}

}  // namespace descent::inspect
