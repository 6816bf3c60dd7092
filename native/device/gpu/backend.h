// What a thin back end, a folder beside this file, offers to GpuDevice: raw memory, copies, programs, a
// queue. It knows nothing of tensors, dtypes or which kernels there are, and nobody but its folder knows of
// it: it registers itself (RegisteredBackend, below). Calls come one at a time, under the device's lock.
//
// Every function but release() may throw: Error("device", "", sentence) for a call that the driver refused,
// DeviceLost where the device will not answer any more.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "../../tensor/error.h"
#include "../../tensor/place.h"
#include "../device.h"
#include "../kinds.h"

namespace descent::gpu {

struct DeviceLost : Error {
  explicit DeviceLost(const std::string& sentence) : Error("device", "", sentence) {}
};

// What the device is and can do, read from it once.
struct Facts {
  std::string name;     // "NVIDIA H200"
  std::string backend;  // "CUDA 13.0, driver 580.65", "OpenCL 1.2, PoCL 3.1"
  std::string driver;   // everything that a compiled program depends on, for the cache on disk
  uint64_t memoryBytes = 0;
  uint64_t maxAllocationBytes = 0;
  size_t sharedBytes = 0;  // of one group
  int64_t mostLanes = 0;   // of one group
  int units = 1;           // compute units or multiprocessors
  bool hasFloat64 = false;
  bool isProcessor = false;  // the driver computes on the CPU
  // What else a user may want to know, in a few words each: "matrix products by cuBLASLt 13.1".
  std::vector<std::string> abilities;
};

// A program is a kernel source with one choice of types. A back end whose driver has a compiler compiles its
// text; one with code made at build time looks it up by source and variant.
struct ProgramSource {
  std::string source;   // "softmax": the file in kernels/
  std::string variant;  // "f32", "f32_i64"
  std::string text;     // language() of the back end, the dialect, the device side of the source
};

// A text that embed.mjs put into the addon: "softmax" is the device side of kernels/softmax.cpp, "dialect"
// dialect/dialect.h, "NAME/language" the language.h of the folder NAME. Null where there is none.
const char* sourceText(const std::string& source);

// Groups of the launch, in three dimensions; each has Limits::lanes lanes.
struct Grid {
  int64_t x = 1, y = 1, z = 1;
};

// The arguments of one launch, in order.
class ArgumentList {
 public:
  struct Item {
    bool isMemory;
    void* handle;  // memory: null for an operand that is not there
    size_t at;     // bytes: where they begin, and how many they are
    size_t size;
  };

  void clear() {
    items_.clear();
    used_ = 0;
  }
  void addMemory(void* handle) { items_.push_back({true, handle, 0, 0}); }
  void addBytes(const void* bytes, size_t size) {
    const size_t at = (used_ + 15) / 16 * 16;
    if (bytes_.size() < at + size) bytes_.resize(at + size + 1024);
    std::memcpy(bytes_.data() + at, bytes, size);
    items_.push_back({false, nullptr, at, size});
    used_ = at + size;
  }
  const std::vector<Item>& items() const { return items_; }
  // Good until the next addBytes().
  const void* bytesOf(const Item& item) const { return bytes_.data() + item.at; }

 private:
  std::vector<Item> items_;
  std::vector<unsigned char> bytes_;
  size_t used_ = 0;
};

// A batch of matrix products for a library of the device's vendor: y [m, n] = a [m, k] b [k, n] (+ bias [n])
// (+ y), added up in float32. Rows of y are contiguous; steps count elements.
enum class MatrixNumber { float32, float16, bfloat16 };
struct LibraryProduct {
  MatrixNumber number = MatrixNumber::float32;
  bool allowsTf32 = false;  // float32 may be rounded to 10 bits of fraction before it is multiplied
  bool accumulates = false, hasBias = false;
  Memory y, a, b, bias;
  int64_t batches = 1, m = 0, n = 0, k = 0;
  int64_t yRow = 0, aRow = 0, aColumn = 0, bRow = 0, bColumn = 0;
  int64_t yBatch = 0, aBatch = 0, bBatch = 0;
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual const Facts& facts() const = 0;
  // What its language calls the words of the dialect: the text of its folder's language.h, which
  // sourceText("NAME/language") has. Every program begins with it.
  virtual const char* language() const = 0;

  // Null where there is none left. At least 64-byte aligned.
  virtual Memory allocate(size_t bytes) = 0;
  virtual void release(Memory memory) noexcept = 0;

  // In the order of the queue. `from` of copyFromHost may be changed as soon as it returns, unless it is
  // pinned memory; copyToHost returns when the bytes are there.
  virtual void copyFromHost(Memory to, const void* from, size_t bytes) = 0;
  virtual void copyToHost(void* to, Memory from, size_t bytes) = 0;
  virtual void copyWithin(Memory to, Memory from, size_t bytes) = 0;

  // A kernel of a program, compiled on the first call; good as long as the process. Throws with the
  // compiler's words where it does not compile.
  virtual void* kernel(const ProgramSource& program, const char* name) = 0;
  // `sharedBytes`: of the group's memory beyond what the kernel itself declares; only for the back end's
  // own sources.
  virtual void enqueue(void* kernel, const Grid& grid, int64_t lanes, const ArgumentList& arguments,
                       size_t sharedBytes) = 0;
  // Whether it has code for a source of its own folder, which no other back end knows.
  virtual bool hasProgram(const std::string& /*source*/) const { return false; }

  // A library for matrix products, found at run time: its name ("cuBLASLt 13.1"), or nothing.
  virtual std::string matrixLibrary() { return ""; }
  // Enqueues it; false: the library has nothing for such a product, and nothing was enqueued.
  virtual bool multiply(const LibraryProduct&) { return false; }

  // Waits for everything enqueued, in both queues.
  virtual void synchronize() = 0;

  // A second queue, Stream::copy, for copies between the device and pinned memory (allocateHost) that run
  // beside the kernels: nothing orders them but events, and the pinned memory must stay as it is until an
  // event recorded after them has passed. A back end without one leaves these functions as they are: copies
  // are then in the one queue, and done when they return.
  virtual bool hasCopyQueue() const { return false; }
  virtual void copyFromPinned(Memory to, const void* from, size_t bytes) { copyFromHost(to, from, bytes); }
  virtual void copyToPinned(void* to, Memory from, size_t bytes) { copyToHost(to, from, bytes); }

  // An event passes when what was enqueued in `stream` before it is done; each is released once. Null:
  // passed.
  virtual void* recordEvent(Stream) { return nullptr; }
  // What is enqueued in `stream` from now on begins after the event.
  virtual void waitInStream(Stream, void* /*event*/) {}
  virtual bool hasPassed(void* /*event*/) { return true; }
  // The host waits.
  virtual void waitForEvent(void* /*event*/) {}
  virtual void releaseEvent(void* /*event*/) noexcept {}

  // Memory of the host that copies from and to the device overlap with; null where there is none left.
  virtual void* allocateHost(size_t bytes) = 0;
  virtual void releaseHost(void* memory) noexcept = 0;

  // What the card is doing now.
  virtual DeviceSample sample() const { return {}; }
};

// One device of a back end.
struct Candidate {
  std::string name;                  // as far as it is known
  std::unique_ptr<Backend> backend;  // null where it cannot be used
  std::string reason;                // why not
};

// Looks for devices, in the order of preference. Where there is none at all, `reason` says why, and what to
// do. Nothing is taken from a card before it is used.
using FindCandidates = std::vector<Candidate> (*)(std::string& reason);

// Registers a back end where it stands, at namespace scope in a source of its folder; name and rank are those
// of RegisteredKind. What knows one vendor's cards best has rank 100, what runs on everything 200.
struct RegisteredBackend : RegisteredKind {
  RegisteredBackend(const char* name, int rank, FindCandidates find);
};

}  // namespace descent::gpu
