// The thread pool of the kernels: workers that spin for a moment after a job and then sleep, so that a fork
// between two kernels of one training step costs about a microsecond.
//
// One job runs at a time. A second JavaScript thread that arrives meanwhile runs its own job alone, which is
// what it would get from an oversubscribed machine anyway.
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <set>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#ifdef __linux__
#include <sched.h>
#endif

#include "../../tensor/error.h"
#include "cpu.h"
#include "kernel.h"

namespace descent::cpu {

namespace {

constexpr int kMaxThreads = 256;
constexpr int kSpins = 4000;  // about 50 us of pauses: longer than the gap between two kernels of a step

inline void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

thread_local bool insideJob = false;

class Pool {
 public:
  void run(int threads, int64_t count, int64_t piece, RangeBody body, void* context) {
    if (busy_.exchange(true, std::memory_order_acquire)) {
      body(context, 0, count);
      return;
    }
    ensureWorkers(threads - 1);
    count_ = count;
    piece_ = piece;
    body_ = body;
    context_ = context;
    helpers_.store(threads - 1, std::memory_order_relaxed);
    next_.store(0, std::memory_order_relaxed);
    open_.store(true);
    epoch_.fetch_add(1);
    if (sleeping_.load() > 0) {
      std::lock_guard<std::mutex> lock(mutex_);
      wake_.notify_all();
    }
    insideJob = true;
    takePieces();
    insideJob = false;
    open_.store(false);
    // A worker that the system has put aside in the middle of its piece needs this processor more than we do.
    for (int spins = 0; active_.load() != 0; ++spins) spins < kSpins ? pause() : std::this_thread::yield();
    std::exception_ptr failure;
    std::swap(failure, failure_);
    busy_.store(false, std::memory_order_release);
    if (failure) std::rethrow_exception(failure);
  }

 private:
  void takePieces() noexcept {
    try {
      for (;;) {
        const int64_t begin = next_.fetch_add(piece_, std::memory_order_relaxed);
        if (begin >= count_) return;
        const int64_t end = begin + piece_ < count_ ? begin + piece_ : count_;
        body_(context_, begin, end);
      }
    } catch (...) {
      // The caller throws it again; the others find no pieces left.
      std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      next_.store(count_, std::memory_order_relaxed);
    }
  }

  // A worker counts itself active before it looks whether the job is open, and the caller closes the job
  // before it looks whether anyone is active: in the one total order of these four accesses, no worker can be
  // left inside a closed job.
  void work() {
    insideJob = true;
    uint64_t seen = 0;
    for (;;) {
      int spins = 0;
      while (epoch_.load(std::memory_order_acquire) == seen) {
        if (++spins < kSpins) {
          pause();
          continue;
        }
        std::unique_lock<std::mutex> lock(mutex_);
        sleeping_.fetch_add(1);
        wake_.wait(lock, [&] { return epoch_.load() != seen; });
        sleeping_.fetch_sub(1);
      }
      seen = epoch_.load();
      active_.fetch_add(1);
      if (open_.load() && helpers_.fetch_sub(1) > 0) takePieces();
      active_.fetch_sub(1);
    }
  }

  void ensureWorkers(int wanted) {
    while (workers_ < wanted) {
      try {
        std::thread([this] { work(); }).detach();
      } catch (const std::system_error&) {
        return;  // no more threads to be had: the caller does the work
      }
      ++workers_;
    }
  }

  std::atomic<bool> busy_{false};
  std::atomic<bool> open_{false};
  std::atomic<int> active_{0};
  std::atomic<int> helpers_{0};
  std::atomic<int> sleeping_{0};
  alignas(64) std::atomic<uint64_t> epoch_{0};
  alignas(64) std::atomic<int64_t> next_{0};
  int64_t count_ = 0;
  int64_t piece_ = 0;
  RangeBody body_ = nullptr;
  void* context_ = nullptr;
  std::exception_ptr failure_;
  int workers_ = 0;
  std::mutex mutex_;
  std::condition_variable wake_;
};

Pool& pool() {
  static Pool* const instance = new Pool;  // never destroyed: its threads are detached
  return *instance;
}

#ifdef __linux__
// Whole CPUs that the control group grants, or 0 for no limit.
int cgroupLimit() {
  int limit = 0;
  if (FILE* file = std::fopen("/sys/fs/cgroup/cpu.max", "r")) {
    long long quota = 0, period = 0;
    if (std::fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0)
      limit = static_cast<int>((quota + period - 1) / period);
    std::fclose(file);
  }
  return limit;
}

int physicalCores() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
  std::set<std::string> cores;
  for (int index = 0; index < CPU_SETSIZE; ++index) {
    if (!CPU_ISSET(index, &allowed)) continue;
    const std::string path =
        "/sys/devices/system/cpu/cpu" + std::to_string(index) + "/topology/thread_siblings_list";
    std::string siblings = std::to_string(index);
    if (FILE* file = std::fopen(path.c_str(), "r")) {
      char line[256];
      if (std::fgets(line, sizeof line, file)) siblings = line;
      std::fclose(file);
    }
    cores.insert(siblings);
  }
  const int limit = cgroupLimit();
  const int count = static_cast<int>(cores.size());
  return limit > 0 && limit < count ? limit : count;
}
#else
int physicalCores() { return 0; }
#endif

int defaultThreads() {
  if (const char* text = std::getenv("DESCENT_NUM_THREADS")) {
    const int wanted = std::atoi(text);
    if (wanted >= 1) return wanted < kMaxThreads ? wanted : kMaxThreads;
  }
  int count = physicalCores();
  if (count < 1) count = static_cast<int>(std::thread::hardware_concurrency());
  if (count < 1) count = 1;
  return count < kMaxThreads ? count : kMaxThreads;
}

std::atomic<int> threads{0};

}  // namespace

int numThreads() {
  int count = threads.load(std::memory_order_relaxed);
  if (count == 0) {
    count = defaultThreads();
    threads.store(count, std::memory_order_relaxed);
  }
  return count;
}

void setNumThreads(int count) {
  if (count < 1 || count > kMaxThreads) {
    throw Error("argument", "setNumThreads",
                "the number of threads must be from 1 to " + std::to_string(kMaxThreads) + ", not " +
                    std::to_string(count) + ".",
                {{"count", std::to_string(count)}});
  }
  threads.store(count, std::memory_order_relaxed);
}

void useOneThreadHere() { insideJob = true; }

void parallelRange(int64_t count, int64_t grain, RangeBody body, void* context) {
  if (count <= 0) return;
  if (grain < 1) grain = 1;
  const int64_t pieces = (count + grain - 1) / grain;
  const int64_t available = numThreads();
  if (pieces <= 1 || available <= 1 || insideJob) {
    body(context, 0, count);
    return;
  }
  const int used = static_cast<int>(pieces < available ? pieces : available);
  // A few pieces a thread even out a machine that is busy with other things; whole grains keep results the
  // same.
  int64_t perPiece = pieces / (used * 4);
  if (perPiece < 1) perPiece = 1;
  pool().run(used, count, perPiece * grain, body, context);
}

void* scratch(int slot, size_t bytes) {
  struct Buffer {
    void* memory = nullptr;
    size_t bytes = 0;
    ~Buffer() { std::free(memory); }
  };
  static thread_local Buffer buffers[kScratchSlots];
  Buffer& buffer = buffers[slot];
  if (buffer.bytes < bytes) {
    std::free(buffer.memory);
    buffer.bytes = (bytes + bytes / 2 + 4095) / 4096 * 4096;
    buffer.memory = std::aligned_alloc(4096, buffer.bytes);
    if (buffer.memory == nullptr) {
      buffer.bytes = 0;
      throw Error("memory", "",
                  "not enough memory for a kernel's working space of " + std::to_string(bytes) + " bytes.");
    }
  }
  return buffer.memory;
}

void throwBadIndex(const char* op, int64_t value, int64_t position, int64_t size) {
  throw Error("index", op,
              "index " + std::to_string(value) + " at position " + std::to_string(position) +
                  " is outside [0, " + std::to_string(size) + ").",
              {{"index", std::to_string(value)},
               {"position", std::to_string(position)},
               {"size", std::to_string(size)}});
}

}  // namespace descent::cpu
