// The self-test on first use: before a kernel source runs for the first time on a device, its trials run
// there and on the CPU. A device that computes otherwise is refused. What passed is remembered on disk, by
// device, driver and sources. DESCENT_GPU_SELF_TEST=0 switches it off.
#include "selftest.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "../cpu/cpu.h"
#include "device.h"
#include "program_cache.h"

namespace descent::gpu {

namespace {

constexpr size_t kGuard = 4096;  // bytes behind each operand that nobody may write
constexpr unsigned char kGuardByte = 0x5a;
constexpr double kTolerance = 3e-4;  // of 1, or of the number where that is more

DType dtypeOf(piece::Kind kind) {
  switch (kind) {
    case piece::doubles:
      return DType::float64;
    case piece::indices:
      return DType::int64;
    case piece::flags:
      return DType::boolean;
    default:
      return DType::float32;
  }
}

int64_t elementsOf(const Piece& piece) {
  int64_t count = 1;
  for (size_t dim = piece.kind == piece::repeated ? 1 : 0; dim < piece.sizes.size(); ++dim)
    count *= piece.sizes[dim];
  return count;
}

// The same on every machine: a walk by a fixed step through a range.
std::vector<unsigned char> contentsOf(const Piece& piece, size_t which) {
  const int64_t count = elementsOf(piece);
  std::vector<unsigned char> bytes(static_cast<size_t>(count) * sizeOf(dtypeOf(piece.kind)));
  for (int64_t k = 0; k < count; ++k) {
    const auto walk = static_cast<uint32_t>(static_cast<uint32_t>(k + 1) * 2654435761u + which * 40503u);
    const float unit = static_cast<float>(walk >> 8) / 16777216.0f;
    unsigned char* at = bytes.data() + static_cast<size_t>(k) * sizeOf(dtypeOf(piece.kind));
    if (piece.kind == piece::indices) {
      const auto index = static_cast<int64_t>(walk >> 16) % piece.bound;
      std::memcpy(at, &index, sizeof index);
    } else if (piece.kind == piece::doubles) {
      std::memset(at, 0, sizeof(double));
    } else if (piece.kind == piece::flags) {
      *at = walk >> 31;
    } else {
      const float number = piece.kind == piece::positive ? unit + 0.5f : 2 * unit - 1;
      std::memcpy(at, &number, sizeof number);
    }
  }
  return bytes;
}

Operand operandOf(const Piece& piece, Memory memory) {
  Operand operand;
  operand.memory = memory;
  operand.dtype = dtypeOf(piece.kind);
  operand.dims = static_cast<int>(piece.sizes.size());
  int64_t step = 1;
  for (int dim = operand.dims - 1; dim >= 0; --dim) {
    operand.sizes[dim] = piece.sizes[static_cast<size_t>(dim)];
    operand.strides[dim] = step;
    step *= operand.sizes[dim];
  }
  if (piece.kind == piece::repeated) operand.strides[0] = 0;
  if (piece.kind == piece::transposed) {
    const int last = operand.dims - 1;
    operand.strides[last] = operand.sizes[last - 1];
    operand.strides[last - 1] = 1;
  }
  return operand;
}

double numberAt(const std::vector<unsigned char>& bytes, DType dtype, int64_t k) {
  const unsigned char* at = bytes.data() + static_cast<size_t>(k) * sizeOf(dtype);
  if (dtype == DType::boolean) return *at;
  if (dtype == DType::int64) {
    int64_t value;
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
  }
  if (dtype == DType::float64) {
    double value;
    std::memcpy(&value, at, sizeof value);
    return value;
  }
  float value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

bool isClose(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  return a == b || std::fabs(a - b) <= kTolerance * std::max(1.0, std::fabs(b));
}

// Memory of a device for the length of a trial: not the allocator's, whose figures are the program's own.
class TrialMemory {
 public:
  TrialMemory(Device& device, size_t bytes)
      : device_(device), bytes_(bytes), memory_(device.allocate(bytes)) {
    if (!memory_.handle) throw Error("memory", "", "there is no memory for a trial");
  }
  ~TrialMemory() { device_.release(memory_, bytes_); }
  TrialMemory(const TrialMemory&) = delete;
  TrialMemory& operator=(const TrialMemory&) = delete;
  Memory memory() const { return memory_; }

 private:
  Device& device_;
  size_t bytes_;
  Memory memory_;
};

// What all operands hold after the launch.
std::vector<std::vector<unsigned char>> resultsOf(Device& device, const Trial& trial) {
  std::vector<std::unique_ptr<TrialMemory>> memories;
  std::vector<Operand> operands;
  std::vector<std::vector<unsigned char>> contents;
  for (const Piece& piece : trial.pieces) {
    contents.push_back(contentsOf(piece, contents.size()));
    contents.back().resize(contents.back().size() + kGuard, kGuardByte);
    memories.push_back(std::make_unique<TrialMemory>(device, contents.back().size()));
    operands.push_back(operandOf(piece, memories.back()->memory()));
    device.copyFromHost(operands.back().memory, contents.back().data(), contents.back().size());
  }
  Launch launch;
  launch.kernel = device.findKernel(trial.kernel);
  if (launch.kernel < 0)
    throw Error("internal", trial.kernel,
                "is tried, and there is no such kernel on " + nameOf(device.describe().id));
  launch.outputs = trial.outputs;
  std::vector<Operand> given = operands;
  launch.operands = &given;
  launch.numbers = trial.numbers.data();
  launch.integers = trial.integers.data();
  device.launch(launch);
  for (size_t k = 0; k < contents.size(); ++k)
    device.copyToHost(contents[k].data(), operands[k].memory, contents[k].size());
  return contents;
}

std::string text(double number) {
  char written[32];
  std::snprintf(written, sizeof written, "%.6g", number);
  return written;
}

// Empty: both devices agree.
std::string differenceIn(Device& device, const Trial& trial) {
  const auto got = resultsOf(device, trial), wanted = resultsOf(cpu::device(), trial);
  for (size_t k = 0; k < got.size(); ++k) {
    const DType dtype = dtypeOf(trial.pieces[k].kind);
    for (size_t at = got[k].size() - kGuard; at < got[k].size(); ++at) {
      if (got[k][at] != kGuardByte) return "it writes beyond the end of its operand " + std::to_string(k);
    }
    for (int64_t at = 0; at < elementsOf(trial.pieces[k]); ++at) {
      const double mine = numberAt(got[k], dtype, at), right = numberAt(wanted[k], dtype, at);
      if (!isClose(mine, right))
        return "element " + std::to_string(at) + " is " + text(mine) + ", and " + text(right) + " on the CPU";
    }
  }
  return "";
}

}  // namespace

// Under the lock, before the first launch of a kernel of `source`.
void GpuDevice::testSource(const char* source) {
  const auto setAll = [&](bool isTested) {
    for (size_t k = 0; k < gpu::kernels().size(); ++k) {
      if (std::strcmp(sourceOf(static_cast<int>(k)), source) == 0) isTested_[k] = isTested;
    }
  };
  setAll(true);  // the trials launch such kernels
  const std::string key = std::string("self-test|") + source + "|" + facts().driver + "|" +
                          std::to_string(lanes_) + "|" + backend_->language() + sourceText("dialect") +
                          sourceText("typed") + sourceText(source);
  if (!readCached(key).empty()) return;
  for (const Trial& trial : trialsOf(source)) {
    std::string difference;
    try {
      difference = differenceIn(*this, trial);
    } catch (const Error& error) {
      setAll(false);
      if (error.code != "memory") throw;
      return;  // there is no room for it now
    }
    if (difference.empty()) continue;
    lost_ = nameOf(id_) + " (" + facts().name + ") computes " + trial.kernel + " wrongly: " + difference +
            ". It is not used; use the CPU, or update the driver.";
    throw DeviceLost(lost_);
  }
  writeCached(key, "right", 5);
}

}  // namespace descent::gpu
