// The table that descriptions in a debugger are read from: a row of numbers for each tensor, so that whoever
// describes one reads an array and calls nothing.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "../tensor/tensor.h"

namespace descent::inspect {

// What stands where in a row; `factColumns` of engine/inspect/facts.ts has the same.
enum FactColumn {
  kSeen,     // the stop at which everything but the numbers was written; 0: none, or another tensor's
  kNumbers,  // the stop at which the statistics were written
  kDisposed,
  kCount,  // as in Statistics of engine/inspection.ts
  kNaNs,
  kPositiveInfinities,
  kNegativeInfinities,
  kZeroes,
  kLeast,
  kGreatest,
  kMean,
  kStd,
  kNorm,
  kIsSampled,
  kHasBins,
  kHasGrad,
  kGradNumbers,  // the stop at which the gradient's were written
  kGradNorm,
  kGradNaNs,
  kGradInfinities,
  kGradIsSampled,
  kGradFn,  // its name's number, from 1; 0: none
  kSite,
  kVersion,
  kStorage,
  kStorageBytes,
  kOffset,
  kIsContiguous,
  kIsLeaf,
  kCategory,
  kFirstStride,
  kFirstBin = kFirstStride + kMaxDims,
  kDType = kFirstBin + 16,
  kDeviceKind,
  kDeviceIndex,
  kRequiresGrad,
  kDims,
  kFirstSize,
  kFactColumns = kFirstSize + kMaxDims,
};
constexpr int kFactBins = 16;

// Numbers for names of gradient functions, in the order they were first met.
class Names {
 public:
  int numberOf(const std::string& name);
  const std::vector<std::string>& all() const { return names_; }

 private:
  std::unordered_map<std::string, int> numbers_;
  std::vector<std::string> names_;
};

// A tensor and its row. No tensor: a disposed one.
struct Fact {
  const Tensor* tensor;
  double* row;
};

struct Described {
  size_t withNumbers = 0;  // rows that have them, of those that can
  size_t without = 0;      // left out: the time was over
};

// Equal for tensors that share memory, from 1; given to a storage when it is first looked at.
uint32_t numberOf(const Storage& storage);

// Writes everything but the numbers into each row, as of stop `stop`. Changes nothing: a view whose base was
// changed since has the history that it was made with.
void writeFacts(const std::vector<Fact>& facts, double stop, Names& names);

// Writes the numbers of rows that have none of this stop, in about `milliseconds`: tensors that fit are
// looked at in full, small ones first, others by an even sample. Tensors that show the same elements are
// looked at once.
Described writeNumbers(const std::vector<Fact>& facts, double stop, double milliseconds);

// What kernels of the program have found wrong and nobody was told yet. It is told again where it would have
// been.
struct Fault {
  std::string device, code, op, message, line;
};
std::vector<Fault> faults();

}  // namespace descent::inspect
