// Why there was no memory, for people: what is in use and where it was made, how the rest is cut up, what to
// do.
#include <algorithm>
#include <map>
#include <string>

#include "pools.h"
#include "site.h"

namespace descent {

namespace {

constexpr size_t kShown = 3;  // lines in the sentence

std::string bytesText(size_t bytes) {
  if (bytes < kMiB) return std::to_string(bytes) + " bytes";
  const size_t tenths = (bytes * 10 + kMiB / 2) / kMiB;
  if (tenths >= 1000 || tenths % 10 == 0) return std::to_string((tenths + 5) / 10) + " MiB";
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

// What was allocated at one line.
struct Made {
  uint32_t site = 0;
  size_t bytes = 0, count = 0;
};

struct Picture {
  std::vector<Made> lines;  // largest first; those that are not known last
  size_t byCategory[kCategoryCount] = {};
  size_t unknown = 0;  // bytes whose line is not known
  size_t freeBytes = 0, largestFree = 0;
};

Picture pictureOf(const Allocator& allocator) {
  Picture picture;
  std::map<uint32_t, Made> bySite;
  for (const std::vector<Block>& segment : allocator.snapshot()) {
    for (const Block& block : segment) {
      if (!block.isAllocated) {
        picture.freeBytes += block.size;
        picture.largestFree = std::max(picture.largestFree, block.size);
        continue;
      }
      picture.byCategory[static_cast<int>(block.category)] += block.size;
      if (block.site == 0) {
        picture.unknown += block.size;
        continue;
      }
      Made& made = bySite[block.site];
      made.site = block.site;
      made.bytes += block.size;
      ++made.count;
    }
  }
  for (const auto& [site, made] : bySite) picture.lines.push_back(made);
  std::sort(picture.lines.begin(), picture.lines.end(),
            [](const Made& a, const Made& b) { return a.bytes > b.bytes; });
  return picture;
}

const char* adviceFor(const Picture& picture) {
  const size_t* most = std::max_element(picture.byCategory, picture.byCategory + kCategoryCount);
  switch (static_cast<Category>(most - picture.byCategory)) {
    case Category::activation:
      return "Make the batch smaller, and run what needs no gradients under noGrad().";
    case Category::parameter:
    case Category::gradient:
    case Category::optimizerState:
      return "Make the model smaller, or take an optimizer that keeps less for each parameter.";
    default:
      return "Make the batch or the model smaller, or let go of tensors that are no longer needed.";
  }
}

}  // namespace

Error shortage(Allocator& allocator, size_t bytes) {
  const DeviceDescription device = allocator.device().describe();
  const std::string where = nameOf(device.id);
  const size_t inUse = allocator.allocatedBytes(), limit = allocator.limit();
  if (device.maxAllocationBytes && bytes > device.maxAllocationBytes) {
    return Error("memory", "",
                 where + " gives at most " + bytesText(device.maxAllocationBytes) +
                     " in one piece, and a tensor of " + bytesText(bytes) +
                     " was asked for. Split it into smaller ones, or keep it on the CPU.",
                 {{"device", where}, {"requested", std::to_string(bytes)}});
  }
  const Picture picture = pictureOf(allocator);
  std::string text = "not enough memory on " + where + " for " + bytesText(bytes) + ": " + bytesText(inUse) +
                     " are in use" + (limit ? " of a limit of " + bytesText(limit) : "") + ".";
  std::string made, sites;
  for (size_t k = 0; k < picture.lines.size(); ++k) {
    const Made& line = picture.lines[k];
    const std::string place = textOfSite(line.site);
    if (place.empty()) continue;
    sites += place + " " + std::to_string(line.bytes) + " " + std::to_string(line.count) + "\n";
    if (k < kShown)
      made += (made.empty() ? "" : ", ") + place + " (" + bytesText(line.bytes) + " in " +
              std::to_string(line.count) + (line.count == 1 ? " piece)" : " pieces)");
  }
  if (!made.empty()) text += " Most was made at " + made + ".";
  if (picture.unknown > inUse / 2 && picture.unknown > kMiB)
    text += " Set DESCENT_CALL_SITES=1 to see the lines of all.";
  const bool isCutUp = picture.freeBytes >= bytes && picture.largestFree < bytes;
  if (isCutUp)
    text += " " + bytesText(picture.freeBytes) + " are free, but in pieces of at most " +
            bytesText(picture.largestFree) + ": tensors whose sizes repeat leave fewer of those.";
  text += std::string(" ") + adviceFor(picture);
  return Error("memory", "", text,
               {{"device", where},
                {"requested", std::to_string(bytes)},
                {"allocated", std::to_string(inUse)},
                {"reserved", std::to_string(allocator.reservedBytes())},
                {"limit", std::to_string(limit)},
                {"free", std::to_string(picture.freeBytes)},
                {"largestFree", std::to_string(picture.largestFree)},
                {"lines", sites}});
}

}  // namespace descent
