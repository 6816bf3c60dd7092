// An OpenCL loader that stands before the real one and misbehaves as its environment says: compiled by the
// tests, named to the engine by DESCENT_OPENCL_LIBRARY. Every function of opencl/library.h is here, taken
// from its list.
//
// - STAND_IN_FAIL=Finish:3:-5,*:40:-30: the 3rd Finish gives -5, the 40th call of any function -30.
// - STAND_IN_LOST=20:-2: from the 20th enqueued thing on the queue gives -2, for ever.
// - STAND_IN_MEMORY=BYTES: no more than this in buffers; with STAND_IN_LAZY=1 found out at first use.
// - STAND_IN_NO=platform|device|compiler|doubles
// - STAND_IN_LANES=16: of one work group, at most.
// - STAND_IN_SLOW=copies|kernels: those that nobody waits for begin some milliseconds late.
// - STAND_IN_WRONG=TEXT: what kernels with TEXT in their name write is spoilt.
// - STAND_IN_LOG=FILE: at the end, calls of each function and objects not released.
#include <dlfcn.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <vector>

#include "device/gpu/opencl/library.h"

using namespace descent::gpu::opencl;

namespace {

enum class Name {
#define FUNCTION(name, Result, PARAMETERS) name,
  DESCENT_OPENCL_FUNCTIONS(FUNCTION)
#undef FUNCTION
      count
};
constexpr const char* kNames[] = {
#define FUNCTION(name, Result, PARAMETERS) #name,
    DESCENT_OPENCL_FUNCTIONS(FUNCTION)
#undef FUNCTION
};
constexpr int kCount = static_cast<int>(Name::count);

struct Rule {
  std::string name;
  long at;
  int32_t status;
};

struct KernelState {
  std::string name;
  Buffer output = nullptr;
  int64_t offset = 0;
};

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

struct State {
  std::recursive_mutex lock;
  void* real[kCount] = {};
  long calls[kCount] = {};
  long all = 0, enqueued = 0;
  std::vector<Rule> rules;
  long lostFrom = 0;
  int32_t lostStatus = 0;
  size_t memory = 0, used = 0;
  bool isLazy = false;
  std::string no, wrong, slow;
  Event (*createUserEvent)(Context, int32_t*) = nullptr;
  int32_t (*setUserEventStatus)(Event, int32_t) = nullptr;
  Context context = nullptr;
  size_t lanes = 0;
  std::map<void*, size_t> buffers;  // bytes
  std::map<void*, KernelState> kernels;
  std::map<std::string, long> alive;

  State() {
    const std::string named = setting("STAND_IN_REAL");
    void* library = dlopen(named.empty() ? "libOpenCL.so.1" : named.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      std::fprintf(stderr, "stand-in: %s\n", dlerror());
      std::abort();
    }
    for (int k = 0; k < kCount; ++k) real[k] = dlsym(library, (std::string("cl") + kNames[k]).c_str());
    std::string fail = setting("STAND_IN_FAIL");
    for (size_t at = 0; at < fail.size();) {
      const size_t end = std::min(fail.find(',', at), fail.size());
      const std::string part = fail.substr(at, end - at);
      const size_t first = part.find(':'), second = part.find(':', first + 1);
      rules.push_back({part.substr(0, first), std::stol(part.substr(first + 1)),
                       static_cast<int32_t>(std::stol(part.substr(second + 1)))});
      at = end + 1;
    }
    const std::string lost = setting("STAND_IN_LOST");
    if (!lost.empty()) {
      lostFrom = std::stol(lost);
      lostStatus = static_cast<int32_t>(std::stol(lost.substr(lost.find(':') + 1)));
    }
    if (!setting("STAND_IN_MEMORY").empty()) memory = std::stoull(setting("STAND_IN_MEMORY"));
    createUserEvent = reinterpret_cast<decltype(createUserEvent)>(dlsym(library, "clCreateUserEvent"));
    setUserEventStatus =
        reinterpret_cast<decltype(setUserEventStatus)>(dlsym(library, "clSetUserEventStatus"));
    slow = setting("STAND_IN_SLOW");
    isLazy = setting("STAND_IN_LAZY") == "1";
    no = setting("STAND_IN_NO");
    wrong = setting("STAND_IN_WRONG");
    if (!setting("STAND_IN_LANES").empty()) lanes = std::stoull(setting("STAND_IN_LANES"));
  }
  ~State() {
    const std::string log = setting("STAND_IN_LOG");
    FILE* file = log.empty() ? nullptr : std::fopen(log.c_str(), "w");
    if (!file) return;
    for (int k = 0; k < kCount; ++k) std::fprintf(file, "%s %ld\n", kNames[k], calls[k]);
    for (const auto& [kind, count] : alive) std::fprintf(file, "alive:%s %ld\n", kind.c_str(), count);
    std::fclose(file);
  }

  // What this call has to give, 0: what the real one does.
  int32_t statusFor(Name name) {
    const int k = static_cast<int>(name);
    ++all;
    ++calls[k];
    for (const Rule& rule : rules) {
      if (rule.name == "*" ? all == rule.at : rule.name == kNames[k] && calls[k] == rule.at)
        return rule.status;
    }
    const bool isQueued = std::strncmp(kNames[k], "Enqueue", 7) == 0;
    if (isQueued) ++enqueued;
    const bool usesQueue = isQueued || name == Name::Finish || name == Name::Flush;
    return usesQueue && lostFrom > 0 && enqueued >= lostFrom ? lostStatus : 0;
  }
};

State& state() {
  static State instance;
  return instance;
}

template <Name name>
auto* real() {
#define FUNCTION(other, Result, PARAMETERS)                                              \
  if constexpr (name == Name::other)                                                     \
    return reinterpret_cast<Result(*) PARAMETERS>(state().real[static_cast<int>(name)]); \
  else
  DESCENT_OPENCL_FUNCTIONS(FUNCTION)
#undef FUNCTION
  return static_cast<void*>(nullptr);
}

// Answers of its own to GetDeviceInfo; false: the real one's.
bool ownAnswer(uint32_t what, size_t size, void* value, size_t* needed) {
  const auto give = [&](auto number) {
    if (needed) *needed = sizeof number;
    if (value && size >= sizeof number) std::memcpy(value, &number, sizeof number);
    return true;
  };
  // A driver that does not keep programs by itself, as PoCL below does.
  if (what == kDeviceVersion) {
    static const char version[] = "OpenCL 3.0 of the stand-in";
    if (needed) *needed = sizeof version;
    if (value && size >= sizeof version) std::memcpy(value, version, sizeof version);
    return true;
  }
  const State& now = state();
  if (what == kDeviceCompilerAvailable && now.no == "compiler") return give(uint32_t{0});
  if (what == kDeviceDoubleConfig && now.no == "doubles") return give(uint64_t{0});
  if (what == kDeviceMaxWorkGroupSize && now.lanes) return give(now.lanes);
  if (what == kDeviceGlobalMemSize && now.memory) return give(uint64_t{now.memory});
  return false;
}

bool isOver(size_t bytes) {
  const State& now = state();
  return now.memory && now.used + bytes > now.memory;
}

// Spoils the first number that the kernel wrote: its first two arguments are a buffer and a place in it.
void spoil(Queue queue, const KernelState& kernel) {
  if (!kernel.output) return;
  uint32_t bits = 0;
  const size_t at = static_cast<size_t>(kernel.offset);
  real<Name::EnqueueReadBuffer>()(queue, kernel.output, 1, at, sizeof bits, &bits, 0, nullptr, nullptr);
  bits ^= 0x40404040u;
  real<Name::EnqueueWriteBuffer>()(queue, kernel.output, 1, at, sizeof bits, &bits, 0, nullptr, nullptr);
}

// An event that passes a little later; whoever is told to wait for it begins then.
Event lateEvent() {
  State& now = state();
  int32_t status = 0;
  Event event = now.createUserEvent(now.context, &status);
  std::thread([&now, event] {
    std::this_thread::sleep_for(std::chrono::milliseconds(15));
    now.setUserEventStatus(event, 0);
  }).detach();
  return event;
}

template <Name name, class Result, class... Arguments>
Result call(Arguments... arguments) {
  State& now = state();
  // Held while the real one runs: what the tests look at is the order of calls.
  std::lock_guard<std::recursive_mutex> guard(now.lock);
  const auto all = std::tie(arguments...);
  constexpr size_t kLast = sizeof...(Arguments) - 1;
  const auto failed = [&](int32_t status) -> Result {
    if constexpr (std::is_same_v<Result, int32_t>) {
      return status;
    } else {
      if (std::get<kLast>(all)) *std::get<kLast>(all) = status;
      return nullptr;
    }
  };
  if (const int32_t status = now.statusFor(name)) return failed(status);

  if constexpr (name == Name::GetPlatformIDs) {
    if (now.no == "platform") return kPlatformNotFound;
  } else if constexpr (name == Name::GetDeviceIDs) {
    if (now.no == "device") return kDeviceNotFound;
  } else if constexpr (name == Name::GetDeviceInfo) {
    if (ownAnswer(std::get<1>(all), std::get<2>(all), std::get<3>(all), std::get<4>(all))) return kSuccess;
  } else if constexpr (name == Name::CreateBuffer) {
    if (!now.isLazy && isOver(std::get<2>(all))) return failed(kMemoryObjectAllocationFailure);
  } else if constexpr (name == Name::EnqueueMigrateMemObjects) {
    if (now.isLazy && isOver(0)) return kOutOfResources;
  } else if constexpr (name == Name::SetKernelArg) {
    const auto found = now.kernels.find(std::get<0>(all));
    if (found != now.kernels.end() && std::get<3>(all)) {
      if (std::get<1>(all) == 0 && std::get<2>(all) == sizeof(Buffer))
        std::memcpy(&found->second.output, std::get<3>(all), sizeof(Buffer));
      if (std::get<1>(all) == 1 && std::get<2>(all) == sizeof(int64_t))
        std::memcpy(&found->second.offset, std::get<3>(all), sizeof(int64_t));
    }
  }

  if constexpr (name == Name::EnqueueWriteBuffer || name == Name::EnqueueNDRangeKernel) {
    if (now.slow == (name == Name::EnqueueWriteBuffer ? "copies" : "kernels")) {
      bool isWaitedFor = false;
      if constexpr (name == Name::EnqueueWriteBuffer) isWaitedFor = std::get<2>(all) != 0;
      if (!isWaitedFor) {
        const Event late = lateEvent();
        std::get<kLast - 2>(all) = 1;
        std::get<kLast - 1>(all) = &late;
        return real<name>()(arguments...);
      }
    }
  }

  const Result result = real<name>()(arguments...);

  if constexpr (name == Name::EnqueueNDRangeKernel) {
    const auto found = now.kernels.find(std::get<1>(all));
    if (result == kSuccess && !now.wrong.empty() && found != now.kernels.end() &&
        found->second.name.find(now.wrong) != std::string::npos)
      spoil(std::get<0>(all), found->second);
  } else if constexpr (name == Name::CreateContext) {
    now.context = result;
  } else if constexpr (name == Name::CreateKernel) {
    if (result) now.kernels[result].name = std::get<1>(all);
  } else if constexpr (name == Name::CreateBuffer) {
    if (result) now.used += now.buffers[result] = std::get<2>(all);
  } else if constexpr (name == Name::ReleaseMemObject) {
    const auto found = now.buffers.find(std::get<0>(all));
    if (found != now.buffers.end()) {
      now.used -= found->second;
      now.buffers.erase(found);
    }
  }
  constexpr std::string_view kName = kNames[static_cast<int>(name)];
  if constexpr (std::is_pointer_v<Result> && name != Name::EnqueueMapBuffer) {
    if (result) ++now.alive[std::string(kName.substr(6, kName.find("With") - 6))];  // "Create"
  } else if constexpr (kName.substr(0, 7) == "Release") {
    if (result == kSuccess)
      --now.alive[kName == "ReleaseMemObject" ? "Buffer" : std::string(kName.substr(7))];
  }
  return result;
}

template <Name name, class Signature>
struct Entry;
template <Name name, class Result, class... Arguments>
struct Entry<name, Result(Arguments...)> {
  static void* address() { return reinterpret_cast<void*>(&call<name, Result, Arguments...>); }
};

}  // namespace

// Each exported function is chosen when the library is loaded: that needs no names for its parameters.
#define FUNCTION(name, Result, PARAMETERS)                                                     \
  extern "C" void* resolve##name() { return Entry<Name::name, Result PARAMETERS>::address(); } \
  extern "C" __attribute__((visibility("default"))) Result cl##name PARAMETERS                 \
      __attribute__((ifunc("resolve" #name)));
DESCENT_OPENCL_FUNCTIONS(FUNCTION)
#undef FUNCTION
