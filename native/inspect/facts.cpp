// Fills the table of facts: what is known of each tensor at once, and its statistics as time allows.
#include "facts.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>

#include "../autograd/autograd.h"
#include "../autograd/node.h"
#include "../device/device.h"
#include "../tensor/error.h"
#include "summary.h"

namespace descent::inspect {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kSample = int64_t{1} << 18;  // elements of a tensor that is too large
constexpr int64_t kLeastSample = int64_t{1} << 12;
constexpr int64_t kBinSample = int64_t{1} << 14;  // a sparkline needs no more
constexpr int64_t kFewForBins = 8;                // elements that need no sparkline
constexpr size_t kBatch = 256;                    // tensors between two looks at the clock
constexpr double kBatchSeconds = 4e-3;

double secondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// What to look at, and the rows that want it: as a value, or as a gradient.
struct Candidate {
  View view;
  std::vector<double*> values, gradients;
  int64_t numel = 0;
};

bool isSame(const View& a, const View& b) {
  if (a.memory.handle != b.memory.handle || a.memory.offset != b.memory.offset || a.dtype != b.dtype)
    return false;
  if (a.geometry.shape != b.geometry.shape) return false;
  return std::equal(a.geometry.strides, a.geometry.strides + a.geometry.shape.dims, b.geometry.strides);
}

size_t hashOf(const View& view) {
  size_t hash = reinterpret_cast<size_t>(view.memory.handle) + view.memory.offset;
  const auto add = [&](int64_t number) {
    hash = (hash ^ static_cast<size_t>(number)) * 0x9e3779b97f4a7c15ull;
  };
  for (int dim = 0; dim < view.geometry.shape.dims; ++dim) {
    add(view.geometry.shape[dim]);
    add(view.geometry.strides[dim]);
  }
  return hash;
}

class Candidates {
 public:
  Candidate& of(const Tensor& tensor) {
    const View view(tensor);
    std::vector<size_t>& alike = byHash_[hashOf(view)];
    for (const size_t k : alike) {
      if (isSame(all[k].view, view)) return all[k];
    }
    alike.push_back(all.size());
    all.push_back({view, {}, {}, view.numel()});
    return all.back();
  }
  std::vector<Candidate> all;

 private:
  std::unordered_map<size_t, std::vector<size_t>> byHash_;
};

// What looking costs, learned while it is done, by tensor and by element.
struct Price {
  double perTensor = 4e-6, perElement = 0.7e-9;
  double of(int64_t elements) const { return perTensor + perElement * static_cast<double>(elements); }
  void learn(double seconds, size_t tensors, int64_t elements) {
    const double expected =
        static_cast<double>(tensors) * perTensor + perElement * static_cast<double>(elements);
    // One slow look, such as the first, which compiles, says little.
    const double wrong = std::clamp(seconds / expected, 0.5, 2.0);
    perElement = std::clamp(perElement * (0.7 + 0.3 * wrong), 1e-12, 20e-9);
  }
};
Price& priceOf(const View& view) {
  static Price cpu, others;
  return view.device.kind == DeviceKind::cpu ? cpu : others;
}

void writeSummary(double* row, const Summary& summary, double stop) {
  row[kCount] = static_cast<double>(summary.count);
  row[kNaNs] = static_cast<double>(summary.nan);
  row[kPositiveInfinities] = static_cast<double>(summary.positiveInfinity);
  row[kNegativeInfinities] = static_cast<double>(summary.negativeInfinity);
  row[kZeroes] = static_cast<double>(summary.zeros);
  row[kLeast] = summary.min;
  row[kGreatest] = summary.max;
  row[kMean] = summary.mean;
  row[kStd] = summary.std();
  row[kNorm] = summary.norm();
  row[kIsSampled] = summary.isSampled;
  row[kHasBins] = 0;
  row[kNumbers] = stop;
}

void writeGradient(double* row, const Summary& summary, double stop) {
  row[kGradNorm] = summary.norm();
  row[kGradNaNs] = static_cast<double>(summary.nan);
  row[kGradInfinities] = static_cast<double>(summary.positiveInfinity + summary.negativeInfinity);
  row[kGradIsSampled] = summary.isSampled;
  row[kGradNumbers] = stop;
}

// Looks at [first, end) of the candidates, at most `most` elements of each.
void look(const std::vector<Candidate*>& candidates, size_t first, size_t end, int64_t most, double stop) {
  const Clock::time_point start = Clock::now();
  std::vector<View> views;
  int64_t elements = 0;
  for (size_t k = first; k < end; ++k) {
    views.push_back(candidates[k]->view);
    elements += std::min(candidates[k]->numel, most);
  }
  const std::vector<Summary> summaries = summarize(views, most);
  std::vector<BinsAsk> asks;
  std::vector<const Candidate*> asking;
  for (size_t k = first; k < end; ++k) {
    const Candidate& candidate = *candidates[k];
    const Summary& summary = summaries[k - first];
    for (double* row : candidate.values) writeSummary(row, summary, stop);
    for (double* row : candidate.gradients) writeGradient(row, summary, stop);
    const bool hasSpread = summary.finite >= kFewForBins && summary.min < summary.max;
    if (candidate.values.empty() || !hasSpread || candidate.view.dtype == DType::boolean) continue;
    asks.push_back({candidate.view, summary.min, summary.max, kFactBins});
    asking.push_back(&candidate);
  }
  const std::vector<Bins> all = bins(asks, std::min(most, kBinSample));
  for (size_t k = 0; k < all.size(); ++k) {
    for (double* row : asking[k]->values) {
      row[kHasBins] = 1;
      for (int bin = 0; bin < kFactBins; ++bin)
        row[kFirstBin + bin] = static_cast<double>(all[k].counts[static_cast<size_t>(bin)]);
    }
  }
  priceOf(views[0]).learn(secondsSince(start), views.size(), elements);
}

// The first look at a device compiles, which nobody's time is taken for.
void warmUp(const Candidates& candidates) {
  static auto* const warm = new std::vector<DeviceId>;
  for (const Candidate& one : candidates.all) {
    const DeviceId id = one.view.device;
    if (id.kind == DeviceKind::cpu || one.numel == 0) continue;
    if (std::find(warm->begin(), warm->end(), id) != warm->end()) continue;
    warm->push_back(id);
    summarize({one.view}, kLeastSample);
    bins({{one.view, 0, 1, kFactBins}}, kLeastSample);
  }
}

// As many elements of each as the time allows.
int64_t sampleFor(const std::vector<Candidate*>& candidates, double seconds) {
  int64_t most = kSample;
  for (; most > kLeastSample; most /= 2) {
    double cost = 0;
    for (const Candidate* one : candidates) cost += priceOf(one->view).of(std::min(one->numel, most));
    if (cost <= seconds) break;
  }
  return most;
}

}  // namespace

int Names::numberOf(const std::string& name) {
  if (name.empty()) return 0;
  const auto [found, isNew] = numbers_.emplace(name, static_cast<int>(names_.size()) + 1);
  if (isNew) names_.push_back(name);
  return found->second;
}

uint32_t numberOf(const Storage& storage) {
  static std::atomic<uint32_t> last{0};
  uint32_t number = storage.number.load();
  if (number != 0) return number;
  const uint32_t fresh = ++last;
  return storage.number.compare_exchange_strong(number, fresh) ? fresh : number;
}

void writeFacts(const std::vector<Fact>& facts, double stop, Names& names) {
  for (const Fact& fact : facts) {
    double* row = fact.row;
    row[kSeen] = stop;
    row[kDisposed] = fact.tensor == nullptr;
    if (!fact.tensor) continue;
    const Tensor& x = *fact.tensor;
    const GradMeta* meta = findMeta(x);
    const Node* made = meta ? meta->gradFn.get() : nullptr;
    row[kHasGrad] = meta && meta->grad.isDefined();
    row[kGradFn] = made ? names.numberOf(made->name()) : 0;
    row[kSite] = siteOf(x);
    row[kDType] = static_cast<double>(x.dtype());
    row[kDeviceKind] = static_cast<double>(x.device().kind);
    row[kDeviceIndex] = x.device().index;
    row[kRequiresGrad] = x.requiresGrad();
    row[kDims] = x.dims();
    row[kVersion] = x.version();
    row[kStorage] = numberOf(x.storage());
    row[kStorageBytes] = static_cast<double>(x.storage().bytes);
    row[kOffset] = static_cast<double>(x.geometry().offset);
    row[kIsContiguous] = x.isContiguous();
    row[kIsLeaf] = made == nullptr;
    row[kCategory] = static_cast<double>(static_cast<const Block*>(x.storage().block())->category);
    for (int dim = 0; dim < x.dims(); ++dim)
      row[kFirstStride + dim] = static_cast<double>(x.geometry().strides[dim]);
    for (int dim = 0; dim < x.dims(); ++dim) row[kFirstSize + dim] = static_cast<double>(x.size(dim));
  }
}

Described writeNumbers(const std::vector<Fact>& facts, double stop, double milliseconds) {
  const double budget = milliseconds / 1000;
  Described described;
  Candidates candidates;
  for (const Fact& fact : facts) {
    if (!fact.tensor) continue;
    described.withNumbers++;
    if (fact.row[kNumbers] != stop) candidates.of(*fact.tensor).values.push_back(fact.row);
    const GradMeta* meta = findMeta(*fact.tensor);
    if (meta && meta->grad.isDefined() && fact.row[kGradNumbers] != stop)
      candidates.of(meta->grad).gradients.push_back(fact.row);
  }
  warmUp(candidates);
  const Clock::time_point start = Clock::now();
  // A batch is of one device, so that it waits once, and has one price.
  std::vector<Candidate*> order;
  for (Candidate& one : candidates.all) order.push_back(&one);
  std::stable_sort(order.begin(), order.end(), [](const Candidate* a, const Candidate* b) {
    const DeviceId p = a->view.device, q = b->view.device;
    const int64_t left = std::min(a->numel, kSample), right = std::min(b->numel, kSample);
    if (left != right) return left < right;
    return std::pair(p.kind, p.index) < std::pair(q.kind, q.index);
  });
  const int64_t most = sampleFor(order, budget - secondsSince(start));
  size_t next = 0;
  while (next < order.size() && secondsSince(start) < budget) {
    const DeviceId device = order[next]->view.device;
    double cost = 0;
    size_t end = next;
    do cost += priceOf(order[end]->view).of(std::min(order[end]->numel, most));
    while (++end < order.size() && end - next < kBatch && cost < kBatchSeconds &&
           order[end]->view.device == device);
    look(order, next, end, most, stop);
    next = end;
  }
  for (size_t k = next; k < order.size(); ++k) described.without += order[k]->values.size();
  described.withNumbers -= described.without;
  // What is left of the time goes to whole tensors.
  std::vector<Candidate*> sampled;
  for (size_t k = 0; k < next; ++k) {
    if (order[k]->numel > most) sampled.push_back(order[k]);
  }
  std::stable_sort(sampled.begin(), sampled.end(),
                   [](const Candidate* a, const Candidate* b) { return a->numel < b->numel; });
  for (size_t k = 0; k < sampled.size(); ++k) {
    const double left = budget - secondsSince(start);
    if (priceOf(sampled[k]->view).of(sampled[k]->numel) > left) break;
    look(sampled, k, k + 1, kAllElements, stop);
  }
  return described;
}

std::vector<Fault> faults() {
  std::vector<Fault> found;
  for (Device* device : devicesInUse()) {
    try {
      device->synchronize();
    } catch (const Error& error) {
      Fault fault{nameOf(device->describe().id), error.code, error.op, error.what(), ""};
      for (const auto& [key, fact] : error.facts) {
        if (key == "line") fault.line = fact;
      }
      found.push_back(fault);
      device->tellAgain(error);
    }
  }
  return found;
}

}  // namespace descent::inspect
