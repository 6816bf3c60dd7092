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
#include "cuda_state.h"

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
