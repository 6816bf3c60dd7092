// A CUDA driver with no card behind it that writes down what it is asked for and complains of what a real one
// would only answer with wrong numbers: compiled by the tests, named to the engine by DESCENT_CUDA_LIBRARY.
// Device memory is memory of the host; copies and events wait in their streams until somebody waits for them;
// kernels do nothing.
//
//   STAND_IN_FAIL=MemAlloc:3:2,*:40:719  the 3rd MemAlloc gives 2, the 40th call of any function 719
//   STAND_IN_MEMORY=BYTES                no more than this (16 GiB)
//   STAND_IN_VERSION=12040 STAND_IN_CAPABILITY=90 STAND_IN_DEVICES=1 STAND_IN_COMPUTE_MODE=0
//   STAND_IN_LOG=FILE                    at the end: calls of each function, what is still alive, the number
//   of complaints
// Complaints go to the standard error output.
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "device/gpu/cuda/library.h"

namespace descent::gpu::cuda {
struct ContextObject {
  int device;
};
struct EventObject {
  bool isPassed = true;
  StreamHandle stream = nullptr;
  int questions = 0;
};
struct StreamObject {
  std::deque<std::function<void()>> waiting;
};
struct FunctionObject {
  std::string name;
  std::vector<size_t> sizes;
  std::vector<bool> isWord;  // .u64: may be an address
  size_t sharedBytes = 0;
};
struct ModuleObject {
  std::map<std::string, FunctionObject> functions;
};
}  // namespace descent::gpu::cuda

using namespace descent::gpu::cuda;

namespace {

// Device memory has addresses of its own, and no address twice: what was freed is known by it.
constexpr size_t kArena = size_t{1} << 40;
constexpr size_t kPage = 4096;

std::string setting(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

struct Rule {
  std::string name;
  long at;
  Status status;
};

struct State {
  std::recursive_mutex lock;
  std::map<std::string, long> calls;
  long all = 0, launches = 0, complaints = 0;
  std::vector<Rule> rules;
  size_t memory = std::stoull(setting("STAND_IN_MEMORY", "17179869184")), used = 0;
  char* arena = static_cast<char*>(
      mmap(nullptr, kArena, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  size_t nextPlace = 0;
  std::map<Address, size_t> allocations;
  std::map<void*, size_t> hostMemory;
  std::set<ContextObject*> contexts;
  std::set<StreamObject*> streams;
  std::set<EventObject*> events;
  std::set<FunctionObject*> functions;
  std::vector<std::unique_ptr<ModuleObject>> modules;
  bool isStarted = false;

  State() {
    const std::string fail = setting("STAND_IN_FAIL", "");
    for (size_t at = 0; at < fail.size();) {
      const size_t end = std::min(fail.find(',', at), fail.size());
      const std::string part = fail.substr(at, end - at);
      const size_t first = part.find(':'), second = part.find(':', first + 1);
      rules.push_back({part.substr(0, first), std::stol(part.substr(first + 1)),
                       static_cast<Status>(std::stol(part.substr(second + 1)))});
      at = end + 1;
    }
  }
  ~State() {
    const std::string log = setting("STAND_IN_LOG", "");
    FILE* file = log.empty() ? nullptr : std::fopen(log.c_str(), "w");
    if (!file) return;
    for (const auto& [name, count] : calls) std::fprintf(file, "%s %ld\n", name.c_str(), count);
    std::fprintf(file, "alive:Memory %zu\nalive:bytes %zu\n", allocations.size(), used);
    std::fprintf(file, "alive:HostMemory %zu\nalive:Event %zu\n", hostMemory.size(), events.size());
    std::fprintf(file, "all %ld\ncomplaints %ld\n", all, complaints);
    std::fclose(file);
  }

  void complain(const std::string& sentence) {
    ++complaints;
    std::fprintf(stderr, "stand-in: %s\n", sentence.c_str());
  }

  bool isDevice(Address address) const {
    return address >= reinterpret_cast<Address>(arena) && address < reinterpret_cast<Address>(arena) + kArena;
  }
  // Whether all of it lies in one piece of memory that is allocated.
  bool isAlive(Address address, size_t bytes) const {
    auto next = allocations.upper_bound(address);
    if (next == allocations.begin()) return false;
    --next;
    return address + bytes <= next->first + next->second;
  }

  void work(StreamObject* stream) {
    while (!stream->waiting.empty()) {
      const auto next = std::move(stream->waiting.front());
      stream->waiting.pop_front();
      next();
    }
  }
  void workAll() {
    for (StreamObject* stream : streams) work(stream);
  }
};

State& state() {
  static State instance;
  return instance;
}

thread_local ContextObject* current = nullptr;

// One call: counted, and failing where the environment says so.
struct Call {
  State& now = state();
  std::lock_guard<std::recursive_mutex> guard{now.lock};
  Status status = kSuccess;
  explicit Call(const char* name, bool needsStart = true) {
    ++now.all;
    const long count = ++now.calls[name];
    for (const Rule& rule : now.rules) {
      if (rule.name == "*" ? rule.at == now.all : rule.name == name && rule.at == count) status = rule.status;
    }
    if (needsStart && !now.isStarted) now.complain(std::string(name) + " comes before Init");
  }
  // For functions that work on the calling thread's context.
  Call(const char* name, ContextObject* context) : Call(name) {
    if (!context) now.complain(std::string(name) + " is called on a thread that has no context");
  }
  void stream(StreamObject* stream) {
    if (!now.streams.count(stream)) now.complain("a stream is used that does not exist");
  }
  void event(EventObject* event) {
    if (!now.events.count(event)) now.complain("an event is used that does not exist");
  }
  void memory(Address address, size_t bytes, const char* what) {
    if (!now.isAlive(address, bytes))
      now.complain(std::string(what) + " of " + std::to_string(bytes) +
                   " bytes outside of what is allocated");
  }
};

// The kernels of a PTX text: what they are called, and how many bytes each argument has.
bool read(const std::string& ptx, ModuleObject& module) {
  static const std::string kEntry = ".entry ";
  for (size_t at = ptx.find(kEntry); at != std::string::npos; at = ptx.find(kEntry, at)) {
    at += kEntry.size();
    const size_t open = ptx.find_first_of("({", at), close = ptx.find(')', at);
    if (open == std::string::npos) return false;
    FunctionObject function;
    function.name = ptx.substr(at, ptx.find_first_of(" \n({", at) - at);
    if (ptx[open] == '(') {
      if (close == std::string::npos) return false;
      const std::string list = ptx.substr(open, close - open);
      for (size_t param = list.find(".param"); param != std::string::npos;
           param = list.find(".param", param)) {
        const size_t end = std::min(list.find(".param", param + 1), list.size());
        const std::string text = list.substr(param, end - param);
        size_t bytes = 0;
        for (const char* type : {".u64", ".s64", ".b64", ".f64"})
          bytes = text.find(type) != std::string::npos ? 8 : bytes;
        for (const char* type : {".u32", ".s32", ".b32", ".f32"})
          bytes = text.find(type) != std::string::npos ? 4 : bytes;
        const size_t count = text.find('[');
        if (text.find(".b8") != std::string::npos && count != std::string::npos)
          bytes = std::stoull(text.substr(count + 1));
        if (bytes == 0) return false;
        function.sizes.push_back(bytes);
        function.isWord.push_back(bytes == 8 && count == std::string::npos);
        param = end;
      }
    }
    module.functions[function.name] = function;
  }
  return !module.functions.empty();
}

}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default"))) Status
#define FAIL_AS_TOLD \
  if (call.status != kSuccess) return call.status

EXPORTED cuInit(uint32_t) {
  Call call("Init", false);
  FAIL_AS_TOLD;
  call.now.isStarted = true;
  return kSuccess;
}
EXPORTED cuDriverGetVersion(int32_t* version) {
  Call call("DriverGetVersion");
  FAIL_AS_TOLD;
  *version = std::stoi(setting("STAND_IN_VERSION", "12040"));
  return kSuccess;
}
EXPORTED cuGetErrorName(Status status, const char** name) {
  static thread_local std::string text;
  text = status == kOutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_NUMBER_" + std::to_string(status);
  *name = text.c_str();
  return kSuccess;
}
EXPORTED cuGetErrorString(Status, const char** words) {
  *words = "as the stand-in was told";
  return kSuccess;
}
EXPORTED cuDeviceGetCount(int32_t* count) {
  Call call("DeviceGetCount");
  FAIL_AS_TOLD;
  *count = std::stoi(setting("STAND_IN_DEVICES", "1"));
  return kSuccess;
}
EXPORTED cuDeviceGet(DeviceHandle* device, int32_t index) {
  Call call("DeviceGet");
  FAIL_AS_TOLD;
  *device = index;
  return kSuccess;
}
EXPORTED cuDeviceGetName(char* name, int32_t size, DeviceHandle) {
  Call call("DeviceGetName");
  FAIL_AS_TOLD;
  std::snprintf(name, static_cast<size_t>(size), "Stand-in");
  return kSuccess;
}
EXPORTED cuDeviceGetAttribute(int32_t* value, int32_t what, DeviceHandle) {
  Call call("DeviceGetAttribute");
  FAIL_AS_TOLD;
  const int capability = std::stoi(setting("STAND_IN_CAPABILITY", "90"));
  *value = what == kMaxThreadsPerBlock        ? 1024
           : what == kMaxSharedMemoryPerBlock ? 48 << 10
           : what == kMultiprocessorCount     ? 108
           : what == kComputeMode             ? std::stoi(setting("STAND_IN_COMPUTE_MODE", "0"))
           : what == kComputeCapabilityMajor  ? capability / 10
           : what == kComputeCapabilityMinor  ? capability % 10
                                              : 0;
  return kSuccess;
}
EXPORTED cuDeviceTotalMem_v2(size_t* bytes, DeviceHandle) {
  Call call("DeviceTotalMem");
  FAIL_AS_TOLD;
  *bytes = call.now.memory;
  return kSuccess;
}
EXPORTED cuDevicePrimaryCtxRetain(Context* context, DeviceHandle device) {
  Call call("DevicePrimaryCtxRetain");
  FAIL_AS_TOLD;
  *context = new ContextObject{device};
  call.now.contexts.insert(*context);
  return kSuccess;
}
EXPORTED cuCtxSetCurrent(Context context) {
  Call call("CtxSetCurrent");
  FAIL_AS_TOLD;
  if (!call.now.contexts.count(context)) call.now.complain("a context is used that does not exist");
  current = context;
  return kSuccess;
}
EXPORTED cuStreamCreate(StreamHandle* stream, uint32_t) {
  Call call("StreamCreate", current);
  FAIL_AS_TOLD;
  *stream = new StreamObject;
  call.now.streams.insert(*stream);
  return kSuccess;
}
EXPORTED cuStreamSynchronize(StreamHandle stream) {
  Call call("StreamSynchronize", current);
  FAIL_AS_TOLD;
  call.stream(stream);
  call.now.work(stream);
  return kSuccess;
}
EXPORTED cuStreamWaitEvent(StreamHandle stream, Event event, uint32_t) {
  Call call("StreamWaitEvent", current);
  FAIL_AS_TOLD;
  call.stream(stream);
  call.event(event);
  StreamObject* other = event->stream;
  if (other && other != stream) stream->waiting.push_back([other] { state().work(other); });
  return kSuccess;
}
EXPORTED cuEventCreate(Event* event, uint32_t) {
  Call call("EventCreate", current);
  FAIL_AS_TOLD;
  *event = new EventObject;
  call.now.events.insert(*event);
  return kSuccess;
}
EXPORTED cuEventRecord(Event event, StreamHandle stream) {
  Call call("EventRecord", current);
  FAIL_AS_TOLD;
  call.event(event);
  call.stream(stream);
  event->isPassed = false;
  event->stream = stream;
  event->questions = 0;
  stream->waiting.push_back([event] {
    if (state().events.count(event)) event->isPassed = true;
  });
  return kSuccess;
}
EXPORTED cuEventQuery(Event event) {
  Call call("EventQuery", current);
  FAIL_AS_TOLD;
  call.event(event);
  // Whoever asks twice is told that it has passed.
  if (!event->isPassed && event->questions++ > 0) call.now.work(event->stream);
  return event->isPassed ? kSuccess : kNotReady;
}
EXPORTED cuEventSynchronize(Event event) {
  Call call("EventSynchronize", current);
  FAIL_AS_TOLD;
  call.event(event);
  if (!event->isPassed) call.now.work(event->stream);
  return kSuccess;
}
EXPORTED cuEventDestroy_v2(Event event) {
  Call call("EventDestroy", current);
  call.event(event);
  call.now.events.erase(event);
  return call.status;
}
EXPORTED cuMemAlloc_v2(Address* address, size_t bytes) {
  Call call("MemAlloc", current);
  FAIL_AS_TOLD;
  State& now = call.now;
  if (bytes == 0) now.complain("memory of no bytes is asked for");
  if (now.used + bytes > now.memory) return kOutOfMemory;
  const size_t pages = (bytes + kPage - 1) / kPage * kPage;
  char* place = now.arena + now.nextPlace;
  now.nextPlace += pages + kPage;
  if (now.nextPlace > kArena || mprotect(place, pages, PROT_READ | PROT_WRITE) != 0) return kOutOfMemory;
  *address = reinterpret_cast<Address>(place);
  now.allocations[*address] = bytes;
  now.used += bytes;
  return kSuccess;
}
EXPORTED cuMemFree_v2(Address address) {
  Call call("MemFree", current);
  State& now = call.now;
  const auto found = now.allocations.find(address);
  if (found == now.allocations.end()) {
    now.complain("memory is freed that is not allocated");
    return call.status;
  }
  now.workAll();
  const size_t pages = (found->second + kPage - 1) / kPage * kPage;
  mmap(reinterpret_cast<void*>(address), pages, PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  now.used -= found->second;
  now.allocations.erase(found);
  return call.status;
}
EXPORTED cuMemHostAlloc(void** memory, size_t bytes, uint32_t) {
  Call call("MemHostAlloc", current);
  FAIL_AS_TOLD;
  *memory = std::malloc(bytes);
  call.now.hostMemory[*memory] = bytes;
  return kSuccess;
}
EXPORTED cuMemFreeHost(void* memory) {
  Call call("MemFreeHost", current);
  call.now.workAll();
  if (call.now.hostMemory.erase(memory)) {
    std::free(memory);
  } else {
    call.now.complain("pinned memory is freed that is not allocated");
  }
  return call.status;
}
EXPORTED cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, StreamHandle stream) {
  Call call("MemcpyHtoDAsync", current);
  FAIL_AS_TOLD;
  call.stream(stream);
  call.memory(to, bytes, "a copy from the host");
  auto next = call.now.hostMemory.upper_bound(const_cast<void*>(from));
  const bool isPinned = next != call.now.hostMemory.begin() &&
                        static_cast<const char*>(from) + bytes <=
                            static_cast<char*>(std::prev(next)->first) + std::prev(next)->second;
  if (!isPinned)
    call.now.complain("a copy from memory that is not pinned would wait for the kernels before it");
  stream->waiting.push_back([=] { std::memcpy(reinterpret_cast<void*>(to), from, bytes); });
  return kSuccess;
}
EXPORTED cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, StreamHandle stream) {
  Call call("MemcpyDtoHAsync", current);
  FAIL_AS_TOLD;
  call.stream(stream);
  call.memory(from, bytes, "a copy to the host");
  stream->waiting.push_back([=] { std::memcpy(to, reinterpret_cast<void*>(from), bytes); });
  return kSuccess;
}
EXPORTED cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, StreamHandle stream) {
  Call call("MemcpyDtoDAsync", current);
  FAIL_AS_TOLD;
  call.stream(stream);
  call.memory(to, bytes, "a copy to the device");
  call.memory(from, bytes, "a copy within the device");
  stream->waiting.push_back(
      [=] { std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes); });
  return kSuccess;
}
EXPORTED cuModuleLoadDataEx(Module* module, const void* image, uint32_t, const int32_t*, void**) {
  Call call("ModuleLoadDataEx", current);
  FAIL_AS_TOLD;
  auto made = std::make_unique<ModuleObject>();
  if (!read(static_cast<const char*>(image), *made)) {
    call.now.complain("a module is not PTX, or has no kernel");
    return kInvalidPtx;
  }
  for (auto& [name, function] : made->functions) call.now.functions.insert(&function);
  *module = made.get();
  call.now.modules.push_back(std::move(made));
  return kSuccess;
}
EXPORTED cuModuleGetFunction(Function* function, Module module, const char* name) {
  Call call("ModuleGetFunction", current);
  FAIL_AS_TOLD;
  const auto found = module->functions.find(name);
  if (found == module->functions.end()) {
    call.now.complain(std::string("a module has no kernel ") + name);
    return kNotFound;
  }
  *function = &found->second;
  return kSuccess;
}
EXPORTED cuFuncGetParamInfo(Function function, size_t index, size_t* offset, size_t* size) {
  // Not one of the calls that fail: a driver that lacks it is as good.
  std::lock_guard<std::recursive_mutex> guard(state().lock);
  if (index >= function->sizes.size()) return 1;
  *offset = 0;
  *size = function->sizes[index];
  return kSuccess;
}
EXPORTED cuFuncSetAttribute(Function function, int32_t, int32_t bytes) {
  Call call("FuncSetAttribute", current);
  FAIL_AS_TOLD;
  function->sharedBytes = static_cast<size_t>(bytes);
  return kSuccess;
}
EXPORTED cuLaunchKernel(Function function, uint32_t x, uint32_t y, uint32_t z, uint32_t lanes,
                        uint32_t lanesY, uint32_t lanesZ, uint32_t sharedBytes, StreamHandle stream,
                        void** arguments, void** extra) {
  Call call("LaunchKernel", current);
  FAIL_AS_TOLD;
  State& now = call.now;
  ++now.launches;
  call.stream(stream);
  if (!now.functions.count(function)) {
    now.complain("a kernel is launched that does not exist");
    return kSuccess;
  }
  const std::string name = "the launch of " + function->name;
  if (x == 0 || y == 0 || z == 0 || y > 65535 || z > 65535 || x > 2147483647u)
    now.complain(name + " has a grid that CUDA does not take");
  if (lanes == 0 || lanes * lanesY * lanesZ > 1024)
    now.complain(name + " has groups that CUDA does not take");
  if (sharedBytes > std::max<size_t>(48 << 10, function->sharedBytes))
    now.complain(name + " wants more shared memory than it said");
  if (extra) now.complain(name + " passes its arguments in two ways");
  for (size_t k = 0; k < function->sizes.size(); ++k) {
    if (!arguments[k]) {
      now.complain(name + " has no argument " + std::to_string(k));
      break;
    }
    Address address = 0;
    if (!function->isWord[k]) continue;
    std::memcpy(&address, arguments[k], sizeof address);
    if (now.isDevice(address) && !now.isAlive(address, 1))
      now.complain(name + " is given memory that was freed, as argument " + std::to_string(k));
  }
  return kSuccess;
}
