// The CPU as a Device: memory from the operating system, kernels from the build that fits, everything done on
// return.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <unordered_map>

#include "capability.h"
#include "cpu.h"
#include "widened.h"

namespace descent::cpu {

namespace {

constexpr size_t kHugePage = size_t{2} << 20;

std::string processorName() {
  std::string name = "CPU";
  if (FILE* file = std::fopen("/proc/cpuinfo", "r")) {
    char line[512];
    while (std::fgets(line, sizeof line, file)) {
      if (std::strncmp(line, "model name", 10) != 0) continue;
      if (const char* colon = std::strchr(line, ':')) {
        name = colon + 2;
        while (!name.empty() && (name.back() == '\n' || name.back() == ' ')) name.pop_back();
      }
      break;
    }
    std::fclose(file);
  }
  return name;
}

char* address(Memory memory) { return static_cast<char*>(memory.handle) + memory.offset; }

class CpuDevice final : public Device {
 public:
  CpuDevice() {
    for (const Kernel& kernel : kernels()) numbers_.emplace(kernel.name, static_cast<int>(numbers_.size()));
  }

  // Straight from the system, so that release() really gives it back. Aligned to huge pages: a training loop
  // touches all of a segment, and one fault for 2 MiB is cheaper than 512.
  Memory allocate(size_t bytes) override {
    Memory memory;
#ifdef DESCENT_PLAIN_MALLOC
    if (posix_memalign(&memory.handle, 64, bytes) != 0) memory.handle = nullptr;
    return memory;
#endif
    const size_t padded = bytes + kHugePage;
    void* start = mmap(nullptr, padded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return memory;
    const auto first = reinterpret_cast<uintptr_t>(start);
    const uintptr_t aligned = (first + kHugePage - 1) / kHugePage * kHugePage;
    if (aligned > first) munmap(start, aligned - first);
    const size_t tail = first + padded - (aligned + bytes);
    if (tail > 0) munmap(reinterpret_cast<void*>(aligned + bytes), tail);
#ifdef MADV_HUGEPAGE
    madvise(reinterpret_cast<void*>(aligned), bytes, MADV_HUGEPAGE);
#endif
    memory.handle = reinterpret_cast<void*>(aligned);
    return memory;
  }

  void release(Memory memory, size_t bytes) override {
#ifdef DESCENT_PLAIN_MALLOC
    return std::free(memory.handle);
#endif
    munmap(memory.handle, bytes);
  }

  bool hasRoomFor(size_t bytes) const override {
    unsigned long long kibibytes = 0;
    if (FILE* file = std::fopen("/proc/meminfo", "r")) {
      char line[256];
      while (std::fgets(line, sizeof line, file)) {
        if (std::sscanf(line, "MemAvailable: %llu kB", &kibibytes) == 1) break;
      }
      std::fclose(file);
    }
    return kibibytes == 0 || bytes / 1024 < kibibytes;
  }

  void copyFromHost(Memory to, const void* from, size_t bytes) override {
    if (bytes) std::memcpy(address(to), from, bytes);
  }
  void copyToHost(void* to, Memory from, size_t bytes) override {
    if (bytes) std::memcpy(to, address(from), bytes);
  }
  void copyWithin(Memory to, Memory from, size_t bytes) override {
    if (bytes) std::memmove(address(to), address(from), bytes);
  }

  int findKernel(const char* name) const override {
    const auto found = numbers_.find(name);
    return found == numbers_.end() ? -1 : found->second;
  }

  void launch(const Launch& launch) override {
    const Kernel& kernel = kernels()[static_cast<size_t>(launch.kernel)];
    const Call call{launch.operands->data(), static_cast<int>(launch.operands->size()), launch.outputs,
                    launch.numbers, launch.integers};
    if (needsWidening(kernel, launch)) return runWidened(kernel, call);
    kernel.run(call, kernel.data);
  }

  bool supports(int kernel, DType dtype) const override {
    const DType computed = isHalf(dtype) ? DType::float32 : dtype;
    return kernel >= 0 && (kernels()[static_cast<size_t>(kernel)].dtypes >> static_cast<int>(computed) & 1);
  }

  void synchronize() override {}

  DeviceDescription describe() const override {
    DeviceDescription description;
    const int count = numThreads();
    description.name = processorName_ + ", " + capabilityName() + ", " + std::to_string(count) +
                       (count == 1 ? " thread" : " threads");
    description.backend = "cpu";
    description.memoryBytes =
        static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    description.maxAllocationBytes = description.memoryBytes;
    return description;
  }

 private:
  std::unordered_map<std::string, int> numbers_;
  std::string processorName_ = processorName();
};

}  // namespace

Device& device() {
  static CpuDevice* const instance = new CpuDevice;
  return *instance;
}

}  // namespace descent::cpu
