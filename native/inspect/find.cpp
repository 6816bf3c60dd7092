// Searches and statistics piece by piece.
#include "find.h"

#include <algorithm>

#include "../tensor/error.h"
#include "pieces.h"

namespace descent::inspect {

namespace {

constexpr int64_t kSearched = int64_t{1} << 24;    // elements at a time, so that an early hit ends it
constexpr int64_t kSubtracted = int64_t{1} << 20;  // 8 MiB of differences
constexpr int64_t kShares = 256;
constexpr int64_t kMostSearched = int64_t{1} << 34;  // seconds

int64_t seekIn(const Elements& x, Sought what, int64_t first, double number) {
  Device& device = deviceOf(x.device);
  const int64_t groups = std::clamp<int64_t>(x.shape().numel() / 4096, 1, kShares);
  std::vector<int64_t> places(static_cast<size_t>(groups));
  const size_t bytes = places.size() * sizeof(int64_t);
  const bool hostCanRead = device.describe().hostCanRead;
  std::optional<RawMemory> there;
  if (!hostCanRead) there.emplace(x.device, bytes);
  Operand results;
  results.memory = hostCanRead ? Memory{places.data(), 0} : there->memory();
  results.dtype = DType::int64;
  results.dims = 1;
  results.sizes[0] = groups;
  results.strides[0] = 1;
  std::vector<Operand> operands{results, x.operand()};
  const int64_t integers[] = {static_cast<int64_t>(what), first};
  Launch launch;
  launch.kernel = device.findKernel("seek");
  launch.operands = &operands;
  launch.integers = integers;
  launch.numbers = &number;
  device.launch(launch);
  if (!hostCanRead) device.peek(places.data(), results.memory, bytes);
  const int64_t least = *std::min_element(places.begin(), places.end());
  return least == INT64_MAX ? -1 : least;
}

// Pieces to look at so that they have about `mostElements` together: every how many-th.
int64_t stepOf(const Pieces& pieces, int64_t numel, int64_t mostElements) {
  if (numel <= mostElements) return 1;
  const int64_t wanted = std::max<int64_t>(1, mostElements / kSubtracted);
  return std::max<int64_t>(1, pieces.count() / wanted);
}

// Each element once: dims along which elements repeat (expanded ones) have their first index only. The first
// place of what is sought is the same.
Elements withoutRepeats(const Elements& x) {
  Elements once = x;
  for (int dim = 0; dim < x.shape().dims; dim++) {
    if (x.geometry.strides[dim] == 0 && x.shape()[dim] > 1) once.geometry.shape.sizes[dim] = 1;
  }
  return once;
}

// A row-major place in one shape as one in another of the same number of dims.
int64_t placeIn(const Shape& shape, const Shape& from, int64_t place) {
  int64_t other = 0, step = 1;
  for (int dim = shape.dims - 1; dim >= 0; dim--) {
    other += place % from[dim] * step;
    place /= from[dim];
    step *= shape[dim];
  }
  return other;
}

// The elements of one index of a dim.
Elements select(const Elements& x, int dim, int64_t index) {
  Elements part = x;
  part.geometry = Geometry();
  for (int k = 0; k < x.shape().dims; k++) {
    if (k == dim) continue;
    part.geometry.strides[part.geometry.shape.dims] = x.geometry.strides[k];
    part.geometry.shape.push(x.shape()[k]);
  }
  part.memory.offset += static_cast<size_t>(index * x.geometry.strides[dim]) * sizeOf(x.dtype);
  return part;
}

}  // namespace

int64_t findElement(const Elements& x, const Elements* minus, Sought what, int64_t first, double number) {
  const bool hasFractions = isFloating(x.dtype) || (minus && isFloating(minus->dtype));
  if (what != Sought::equal && !hasFractions) return -1;
  if (first == 0 && !minus) {
    const Elements once = withoutRepeats(x);
    if (once.shape() != x.shape()) {
      const int64_t place = findElement(once, nullptr, what, 0, number);
      return place < 0 ? -1 : placeIn(x.shape(), once.shape(), place);
    }
  }
  if (x.shape().numel() - first > kMostSearched) {
    throw Error("argument", "inspect",
                "a search looks at no more than " + std::to_string(kMostSearched) + " elements, here are " +
                    std::to_string(x.shape().numel()));
  }
  Pieces pieces(x, minus, minus ? kSubtracted : kSearched);
  for (int64_t k = 0; k < pieces.count(); k++) {
    const int64_t begin = pieces.first(k), length = pieces.length(k);
    if (first >= begin + length) continue;
    const int64_t found = seekIn(pieces.at(k), what, std::max<int64_t>(0, first - begin), number);
    if (found >= 0) return begin + found;
  }
  return -1;
}

Summary extremesOf(const Elements& x, const Elements* minus) {
  return statisticsOf(minus ? x : withoutRepeats(x), minus, kMostSearched);
}

Summary statisticsOf(const Elements& x, const Elements* minus, int64_t mostElements) {
  if (!minus) return summarize({View(x)}, mostElements)[0];
  Pieces pieces(x, minus, kSubtracted);
  const int64_t step = stepOf(pieces, x.shape().numel(), mostElements);
  Summary all;
  for (int64_t k = 0; k < pieces.count(); k += step) all.add(summarize({View(pieces.at(k))})[0]);
  all.isSampled = step > 1;
  return all;
}

Bins histogramOf(const Elements& x, const Elements* minus, double from, double to, int count,
                 int64_t mostElements) {
  BinsAsk ask;
  ask.from = from;
  ask.to = to;
  ask.bins = count;
  if (!minus) {
    ask.view = View(x);
    return bins({ask}, mostElements)[0];
  }
  Pieces pieces(x, minus, kSubtracted);
  const int64_t step = stepOf(pieces, x.shape().numel(), mostElements);
  Bins all;
  all.counts.assign(static_cast<size_t>(count), 0);
  for (int64_t k = 0; k < pieces.count(); k += step) {
    const Elements piece = pieces.at(k);
    ask.view = View(piece);
    const Bins one = bins({ask})[0];
    for (size_t bin = 0; bin < all.counts.size(); bin++) all.counts[bin] += one.counts[bin];
    all.below += one.below;
    all.above += one.above;
  }
  all.isSampled = step > 1;
  return all;
}

std::vector<Summary> channelsOf(const Elements& x, const Elements* minus, int dim, int64_t first,
                                int64_t count, int64_t mostElements) {
  if (dim < 0 || dim >= x.shape().dims) {
    throw Error("argument", "inspect", "there is no dim " + std::to_string(dim) + " in " + x.shape().text());
  }
  const int64_t end = std::min(first + count, x.shape()[dim]);
  const int64_t most = std::max<int64_t>(1 << 12, mostElements / std::max<int64_t>(1, end - first));
  std::vector<View> views;
  std::vector<Summary> summaries;
  for (int64_t index = first; index < end; index++) {
    const Elements channel = select(x, dim, index);
    if (!minus) {
      views.emplace_back(channel);
      continue;
    }
    const Elements other = select(*minus, dim, index);
    summaries.push_back(statisticsOf(channel, &other, most));
  }
  return minus ? summaries : summarize(views, most);
}

}  // namespace descent::inspect
