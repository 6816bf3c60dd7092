// Statistics and histograms of many tensors: a launch for each, and what its groups found put together here.
#include "summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

#include "../tensor/error.h"
#include "sample.h"
#include "slate.h"

namespace descent::inspect {

namespace {

// A row of the kernel `summary`; device/KERNELS.md.
enum Column { kNaN, kPositive, kNegative, kZeros, kFinite, kMin, kMax, kMean, kSquares, kColumns };

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Jobs by device, in the order of the devices.
using JobsOfDevices = std::map<std::pair<int, int>, std::pair<DeviceId, std::vector<Job>>>;

std::vector<Job>& jobsOn(JobsOfDevices& all, DeviceId id) {
  auto& entry = all[{static_cast<int>(id.kind), id.index}];
  entry.first = id;
  return entry.second;
}

void run(const JobsOfDevices& all) {
  for (const auto& [key, entry] : all) runJobs(entry.first, entry.second);
}

Operand operandOf(const View& view) {
  Operand operand;
  operand.memory = view.memory;
  operand.dtype = view.dtype;
  operand.dims = view.geometry.shape.dims;
  for (int dim = 0; dim < operand.dims; ++dim) {
    operand.sizes[dim] = view.geometry.shape.sizes[dim];
    operand.strides[dim] = view.geometry.strides[dim];
  }
  return operand;
}

void launchOn(Device& device, const char* name, const Operand& results, const View& view,
              const Sample& sample, const double* numbers) {
  std::vector<Operand> operands{results, operandOf(view)};
  const int64_t integers[] = {sample.groups, sample.looked, sample.run, sample.spacing};
  Launch launch;
  launch.kernel = device.findKernel(name);
  if (launch.kernel < 0) throw Error("device", name, "is not available on " + nameOf(device.describe().id));
  launch.operands = &operands;
  launch.numbers = numbers;
  launch.integers = integers;
  device.launch(launch);
}

template <class Number>
void addRow(Summary& all, const Number* row) {
  const auto at = [&](Column column) { return static_cast<double>(row[column]); };
  Summary one;
  one.nan = static_cast<int64_t>(at(kNaN));
  one.positiveInfinity = static_cast<int64_t>(at(kPositive));
  one.negativeInfinity = static_cast<int64_t>(at(kNegative));
  one.zeros = static_cast<int64_t>(at(kZeros));
  one.finite = static_cast<int64_t>(at(kFinite));
  one.min = at(kMin);
  one.max = at(kMax);
  one.mean = at(kMean);
  one.squares = at(kSquares);
  all.add(one);
}

template <class Number>
void addRows(Summary& all, const void* results, int64_t groups) {
  const auto* rows = static_cast<const Number*>(results);
  for (int64_t group = 0; group < groups; ++group) addRow(all, rows + group * kColumns);
}

}  // namespace

Summary::Summary() : min(kNone), max(kNone), mean(kNone), squares(kNone) {}

// Moments join as Chan, Golub and LeVeque (1979) do.
void Summary::add(const Summary& other) {
  count += other.count;
  nan += other.nan;
  positiveInfinity += other.positiveInfinity;
  negativeInfinity += other.negativeInfinity;
  zeros += other.zeros;
  if (other.finite == 0) return;
  const auto before = static_cast<double>(finite), found = static_cast<double>(other.finite);
  finite += other.finite;
  if (before == 0) {
    min = other.min;
    max = other.max;
    mean = other.mean;
    squares = other.squares;
    return;
  }
  const double share = found / (before + found), apart = other.mean - mean;
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  mean += apart * share;
  squares += other.squares + apart * apart * before * share;
}

double Summary::std() const { return finite > 0 ? std::sqrt(squares / static_cast<double>(finite)) : kNone; }

double Summary::norm() const {
  return finite > 0 ? std::sqrt(squares + mean * mean * static_cast<double>(finite)) : 0;
}

void appendNumbers(const Summary& one, std::vector<double>& numbers) {
  for (const int64_t count : {one.count, one.nan, one.positiveInfinity, one.negativeInfinity, one.zeros})
    numbers.push_back(static_cast<double>(count));
  for (const double number : {one.min, one.max, one.mean, one.std(), one.norm()}) numbers.push_back(number);
  numbers.push_back(one.isSampled);
}

std::vector<Summary> summarize(const std::vector<View>& views, int64_t mostElements) {
  std::vector<Summary> summaries(views.size());
  JobsOfDevices jobs;
  for (size_t k = 0; k < views.size(); ++k) {
    const View& view = views[k];
    if (view.numel() == 0) continue;
    const Sample sample = sampleOf(view.numel(), mostElements);
    Summary& summary = summaries[k];
    summary.count = sample.looked;
    summary.isSampled = !sample.isAll();
    const DeviceId id = view.device;
    const DType wide = deviceOf(id).describe().hasFloat64 ? DType::float64 : DType::float32;
    Job job;
    job.bytes = static_cast<size_t>(sample.groups * kColumns) * sizeOf(wide);
    job.launch = [&view, sample, wide](Device& device, Memory results) {
      launchOn(device, "summary", resultsAt(results, wide, sample.groups, kColumns), view, sample, nullptr);
    };
    job.read = [&summary, sample, wide](const void* results) {
      wide == DType::float64 ? addRows<double>(summary, results, sample.groups)
                             : addRows<float>(summary, results, sample.groups);
    };
    jobsOn(jobs, id).push_back(std::move(job));
  }
  run(jobs);
  return summaries;
}

std::vector<Bins> bins(const std::vector<BinsAsk>& asks, int64_t mostElements) {
  std::vector<Bins> all(asks.size());
  JobsOfDevices jobs;
  for (size_t k = 0; k < asks.size(); ++k) {
    const BinsAsk& ask = asks[k];
    if (ask.bins < 1 || ask.bins > kMostBins) {
      throw Error("argument", "bins",
                  "the number of bins must be within [1, " + std::to_string(kMostBins) + "], got " +
                      std::to_string(ask.bins));
    }
    Bins& bins = all[k];
    bins.counts.assign(static_cast<size_t>(ask.bins), 0);
    if (ask.view.numel() == 0) continue;
    const Sample sample = sampleOf(ask.view.numel(), mostElements);
    bins.isSampled = !sample.isAll();
    Job job;
    job.bytes = static_cast<size_t>(sample.groups * (ask.bins + 2)) * sizeof(int64_t);
    job.launch = [&ask, sample](Device& device, Memory results) {
      const double numbers[] = {ask.from, ask.to, ask.to > ask.from ? ask.bins / (ask.to - ask.from) : 0};
      launchOn(device, "bins", resultsAt(results, DType::int64, sample.groups, ask.bins + 2), ask.view,
               sample, numbers);
    };
    job.read = [&bins, sample, columns = ask.bins + 2](const void* results) {
      const auto* rows = static_cast<const int64_t*>(results);
      for (int64_t group = 0; group < sample.groups; ++group, rows += columns) {
        for (size_t bin = 0; bin < bins.counts.size(); ++bin) bins.counts[bin] += rows[bin];
        bins.below += rows[columns - 2];
        bins.above += rows[columns - 1];
      }
    };
    jobsOn(jobs, ask.view.device).push_back(std::move(job));
  }
  run(jobs);
  return all;
}

}  // namespace descent::inspect
