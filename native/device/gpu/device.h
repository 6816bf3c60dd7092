// A GPU as a Device: the kernels of kernels/ on the queue of a back end, with the faults they leave behind.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "kernel.h"

namespace descent::gpu {

struct KernelKey {
  const char* source;
  const char* kernel;
  Variant variant;
  bool operator==(const KernelKey& other) const {
    return source == other.source && kernel == other.kernel && variant == other.variant;
  }
};
struct KernelKeyHash {
  size_t operator()(const KernelKey& key) const;
};

// Faster ways to a matrix product than the tiled kernel, in the order of preference; kernels/products.h.
enum class ProductPath { library, tensorCores, tiled };
struct ProductPaths {
  static constexpr int kTypes = 3;  // float32, float16, bfloat16
  bool isChecked[kTypes][2] = {};
  bool isTrusted[kTypes][2] = {};  // gave what the tiled kernel gives
  std::string refusal;             // why the last one was not trusted
};

class GpuDevice final : public Device {
 public:
  GpuDevice(DeviceId id, std::unique_ptr<Backend> backend);
  ~GpuDevice() override;

  Memory allocate(size_t bytes) override;
  void release(Memory memory, size_t bytes) override;
  void copyFromHost(Memory to, const void* from, size_t bytes) override;
  void copyToHost(void* to, Memory from, size_t bytes) override;
  void peek(void* to, Memory from, size_t bytes) override;
  void copyWithin(Memory to, Memory from, size_t bytes) override;
  int findKernel(const char* name) const override;
  void launch(const Launch& launch) override;
  bool supports(int kernel, DType dtype) const override;
  // Throws what a kernel has found since the last time: Error("index") with the op and line that enqueued it.
  void synchronize() override;
  void drain() noexcept override;
  void tellAgain(const Error& error) override;
  bool hasCopyStream() const override;
  void copyFromPinned(Memory to, const void* from, size_t bytes) override;
  void* eventAfter(Stream stream) noexcept override;
  void waitInStream(Stream stream, void* event) override;
  bool hasPassed(void* event) noexcept override;
  void waitForEvent(void* event) override;
  void releaseEvent(void* event) noexcept override;
  void* allocateHost(size_t bytes) override;
  void releaseHost(void* memory) noexcept override;
  DeviceDescription describe() const override;
  DeviceSample sample() const override { return backend_->sample(); }

  DeviceId id() const { return id_; }
  const Facts& facts() const { return backend_->facts(); }
  i64 lanes() const { return lanes_; }
  Backend& backend() { return *backend_; }
  ProductPaths& productPaths() { return productPaths_; }

 private:
  friend class KernelCall;
  struct Enqueued {
    int kernel = -1;
    const char* call = nullptr;
    uint32_t site = 0;
  };

  void enqueue(const char* source, const char* kernel, const Variant& variant, const Grid& groups, i64 lanes,
               const ArgumentList& arguments, size_t sharedBytes);
  void* find(const KernelKey& key);
  // Runs it under the lock; remembers when the device is lost.
  template <class Action>
  auto guarded(const Action& action) -> decltype(action()) {
    std::lock_guard<std::recursive_mutex> guard(lock_);
    requireAlive();
    try {
      return action();
    } catch (const DeviceLost& lost) {
      markLost(lost);
    }
  }
  [[noreturn]] void markLost(const DeviceLost& lost);
  void requireAlive() const;
  void reportFault();
  static std::string productsOf(Backend& backend, const ProductPaths& paths);
  void testSource(const char* source);

  DeviceId id_;
  std::unique_ptr<Backend> backend_;
  i64 lanes_;
  bool isBlocking_;             // DESCENT_LAUNCH_BLOCKING
  std::vector<bool> isTested_;  // by kernel: no self-test is due (selftest.cpp)
  std::string lost_;            // why the device does not answer any more; empty: it does
  // Calls of one device come one at a time; a kernel may run others.
  mutable std::recursive_mutex lock_;
  // By the addresses of their names: the same name at two addresses is looked up twice.
  std::unordered_map<KernelKey, void*, KernelKeyHash> kernels_;
  std::vector<std::unique_ptr<ArgumentList>> argumentLists_;
  size_t depth_ = 0;
  Memory fault_;                   // a FaultRecord
  std::unique_ptr<Error> told_;    // thrown already, to somebody who only looked
  bool mayFault_ = false;          // a kernel that can find a fault was enqueued since the last look
  std::vector<Enqueued> history_;  // of those, by the number of the launch; the last is the running one
  bool keepsLaunch_ = false;       // the last of them has a kernel that can find one
  ProductPaths productPaths_;
};

// The tables of all sources, and the text of each.
const std::vector<Kernel>& kernels();
// The source that has it in its table.
const char* sourceOf(int kernel);
// What its self-test launches.
std::vector<Trial> trialsOf(const std::string& source);

}  // namespace descent::gpu
