// OpenCL as a back end: one context and one in-order queue a device, buffers, programs compiled where they
// run.
#include <algorithm>
#include <unordered_map>

#include "library.h"
#include "opencl.h"

namespace descent::gpu::opencl {

namespace {

const char* wordsFor(int32_t status) {
  switch (status) {
    case kDeviceNotFound:
      return "no device was found";
    case kDeviceNotAvailable:
      return "the device is not available";
    case kMemoryObjectAllocationFailure:
      return "memory could not be had";
    case kOutOfResources:
      return "the device is out of resources, or a kernel failed on it";
    case kOutOfHostMemory:
      return "the host is out of memory";
    case kBuildProgramFailure:
      return "a kernel could not be compiled";
    case kPlatformNotFound:
      return "no OpenCL driver is installed";
    default:
      return "the driver refused it";
  }
}

std::string failure(const char* call, int32_t status) {
  return std::string("cl") + call + " failed with " + std::to_string(status) + ", " + wordsFor(status);
}

std::string deviceText(const Library& cl, DeviceHandle device, uint32_t what) {
  size_t size = 0;
  if (cl.GetDeviceInfo(device, what, 0, nullptr, &size) != kSuccess || size == 0) return "";
  std::string text(size, '\0');
  if (cl.GetDeviceInfo(device, what, size, text.data(), nullptr) != kSuccess) return "";
  while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.pop_back();
  return text;
}

template <class Number>
Number deviceNumber(const Library& cl, DeviceHandle device, uint32_t what) {
  Number value{};
  cl.GetDeviceInfo(device, what, sizeof value, &value, nullptr);
  return value;
}

class OpenClBackend final : public Backend {
 public:
  OpenClBackend(const Library& cl, Platform platform, DeviceHandle device, Facts facts)
      : cl_(cl), device_(device), facts_(std::move(facts)) {
    const intptr_t properties[] = {0x1084, reinterpret_cast<intptr_t>(platform), 0};  // CL_CONTEXT_PLATFORM
    int32_t status = kSuccess;
    context_ = cl.CreateContext(properties, 1, &device_, nullptr, nullptr, &status);
    check("CreateContext", status);
    queue_ = cl.CreateCommandQueue(context_, device_, 0, &status);
    check("CreateCommandQueue", status);
  }

  const Facts& facts() const override { return facts_; }

  Memory allocate(size_t bytes) override {
    int32_t status = kSuccess;
    Buffer buffer =
        cl_.CreateBuffer(context_, kMemoryReadWrite, std::max<size_t>(bytes, 1), nullptr, &status);
    Memory memory;
    if (status == kMemoryObjectAllocationFailure || status == kOutOfResources || status == kOutOfHostMemory ||
        status == kInvalidBufferSize) {
      return memory;
    }
    check("CreateBuffer", status);
    memory.handle = buffer;
    return memory;
  }

  void release(Memory memory) noexcept override {
    if (memory.handle) cl_.ReleaseMemObject(static_cast<Buffer>(memory.handle));
  }

  void copyFromHost(Memory to, const void* from, size_t bytes) override {
    check("EnqueueWriteBuffer",
          cl_.EnqueueWriteBuffer(queue_, bufferOf(to), 1, to.offset, bytes, from, 0, nullptr, nullptr));
  }

  void copyToHost(void* to, Memory from, size_t bytes) override {
    check("EnqueueReadBuffer",
          cl_.EnqueueReadBuffer(queue_, bufferOf(from), 1, from.offset, bytes, to, 0, nullptr, nullptr));
  }

  void copyWithin(Memory to, Memory from, size_t bytes) override {
    check("EnqueueCopyBuffer", cl_.EnqueueCopyBuffer(queue_, bufferOf(from), bufferOf(to), from.offset,
                                                     to.offset, bytes, 0, nullptr, nullptr));
  }

  void* kernel(const ProgramSource& source, const char* name) override {
    Program program = programOf(source);
    int32_t status = kSuccess;
    KernelHandle kernel = cl_.CreateKernel(program, name, &status);
    check("CreateKernel", status);
    return kernel;
  }

  void enqueue(void* kernel, const Grid& grid, int64_t lanes, const ArgumentList& arguments) override {
    KernelHandle handle = static_cast<KernelHandle>(kernel);
    uint32_t place = 0;
    for (const ArgumentList::Item& item : arguments.items()) {
      const int32_t status = item.isMemory
                                 ? cl_.SetKernelArg(handle, place, sizeof item.handle, &item.handle)
                                 : cl_.SetKernelArg(handle, place, item.size, arguments.bytesOf(item));
      check("SetKernelArg", status);
      ++place;
    }
    const size_t local[] = {static_cast<size_t>(lanes), 1, 1};
    const size_t global[] = {static_cast<size_t>(grid.x * lanes), static_cast<size_t>(grid.y),
                             static_cast<size_t>(grid.z)};
    check("EnqueueNDRangeKernel",
          cl_.EnqueueNDRangeKernel(queue_, handle, 3, nullptr, global, local, 0, nullptr, nullptr));
    // Some drivers hold work back until they are asked for it.
    if (++enqueued_ % 64 == 0) cl_.Flush(queue_);
  }

  void synchronize() override { check("Finish", cl_.Finish(queue_)); }

  void* allocateHost(size_t bytes) override {
    int32_t status = kSuccess;
    Buffer buffer = cl_.CreateBuffer(context_, kMemoryReadWrite | kMemoryAllocateHost,
                                     std::max<size_t>(bytes, 1), nullptr, &status);
    if (status != kSuccess) return nullptr;
    void* memory = cl_.EnqueueMapBuffer(queue_, buffer, 1, kMapReadWrite, 0, std::max<size_t>(bytes, 1), 0,
                                        nullptr, nullptr, &status);
    if (status != kSuccess || !memory) {
      cl_.ReleaseMemObject(buffer);
      return nullptr;
    }
    mapped_.emplace(memory, buffer);
    return memory;
  }

  void releaseHost(void* memory) noexcept override {
    const auto found = mapped_.find(memory);
    if (found == mapped_.end()) return;
    cl_.EnqueueUnmapMemObject(queue_, found->second, memory, 0, nullptr, nullptr);
    cl_.ReleaseMemObject(found->second);
    mapped_.erase(found);
  }

 private:
  static Buffer bufferOf(const Memory& memory) { return static_cast<Buffer>(memory.handle); }

  void check(const char* call, int32_t status) const {
    if (status == kSuccess) return;
    // A kernel that failed, a card that fell off its bus: the queue answers nothing after that.
    if (status == kDeviceNotAvailable || status == kOutOfResources)
      throw DeviceLost(failure(call, status) + ".");
    throw Error("device", "", failure(call, status) + ".", {{"status", std::to_string(status)}});
  }

  Program programOf(const ProgramSource& source) {
    const auto found = programs_.find(source.text);
    if (found != programs_.end()) return found->second;
    const char* text = source.text.c_str();
    const size_t length = source.text.size();
    int32_t status = kSuccess;
    Program program = cl_.CreateProgramWithSource(context_, 1, &text, &length, &status);
    check("CreateProgramWithSource", status);
    status = cl_.BuildProgram(program, 1, &device_, "-w -cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt",
                              nullptr, nullptr);
    if (status != kSuccess) {
      const std::string log = buildLog(program);
      cl_.ReleaseProgram(program);
      throw Error("device", "",
                  "the kernels of '" + source.source + "' (" + source.variant + ") do not compile on " +
                      facts_.name + ": " + failure("BuildProgram", status) +
                      (log.empty() ? "." : ":\n" + log));
    }
    programs_.emplace(source.text, program);
    return program;
  }

  std::string buildLog(Program program) const {
    size_t size = 0;
    if (cl_.GetProgramBuildInfo(program, device_, kProgramBuildLog, 0, nullptr, &size) != kSuccess) return "";
    std::string log(size, '\0');
    if (cl_.GetProgramBuildInfo(program, device_, kProgramBuildLog, size, log.data(), nullptr) != kSuccess)
      return "";
    while (!log.empty() && (log.back() == '\0' || log.back() == '\n')) log.pop_back();
    return log;
  }

  const Library& cl_;
  DeviceHandle device_;
  Facts facts_;
  Context context_ = nullptr;
  Queue queue_ = nullptr;
  std::unordered_map<std::string, Program> programs_;  // by text
  std::unordered_map<void*, Buffer> mapped_;
  uint64_t enqueued_ = 0;
};

// Why a device cannot be used; empty: it can.
std::string objection(const Library& cl, DeviceHandle device) {
  const auto is = [&](uint32_t what) { return deviceNumber<uint32_t>(cl, device, what) != 0; };
  if (!is(kDeviceAvailable)) return "the driver says that it is not available";
  if (!is(kDeviceCompilerAvailable)) return "its driver has no compiler for kernels";
  if (!is(kDeviceEndianLittle)) return "it stores numbers with the highest byte first";
  if (deviceNumber<uint64_t>(cl, device, kDeviceMaxWorkGroupSize) < 16)
    return "it runs fewer than 16 lanes together";
  if (deviceNumber<size_t>(cl, device, kDeviceMaxParameterSize) < 1024)
    return "its kernels take less than 1 KiB of arguments";
  return "";
}

Facts factsOf(const Library& cl, Platform platform, DeviceHandle device) {
  Facts facts;
  const auto platformText = [&](uint32_t what) {
    size_t size = 0;
    if (cl.GetPlatformInfo(platform, what, 0, nullptr, &size) != kSuccess || size == 0) return std::string();
    std::string text(size, '\0');
    cl.GetPlatformInfo(platform, what, size, text.data(), nullptr);
    while (!text.empty() && (text.back() == '\0' || text.back() == ' ')) text.pop_back();
    return text;
  };
  facts.name = deviceText(cl, device, kDeviceName);
  facts.backend =
      deviceText(cl, device, kDeviceVersion) + ", driver " + deviceText(cl, device, kDriverVersion);
  facts.driver = platformText(kPlatformName) + "|" + platformText(kPlatformVersion) + "|" + facts.name + "|" +
                 facts.backend;
  facts.memoryBytes = deviceNumber<uint64_t>(cl, device, kDeviceGlobalMemSize);
  facts.maxAllocationBytes = deviceNumber<uint64_t>(cl, device, kDeviceMaxMemAllocSize);
  facts.sharedBytes = static_cast<size_t>(deviceNumber<uint64_t>(cl, device, kDeviceLocalMemSize));
  facts.mostLanes = static_cast<int64_t>(deviceNumber<size_t>(cl, device, kDeviceMaxWorkGroupSize));
  facts.units = static_cast<int>(deviceNumber<uint32_t>(cl, device, kDeviceMaxComputeUnits));
  facts.hasFloat64 = deviceNumber<uint64_t>(cl, device, kDeviceDoubleConfig) != 0;
  facts.isProcessor = (deviceNumber<uint64_t>(cl, device, kDeviceTypeInfo) & kDeviceTypeProcessor) != 0;
  return facts;
}

}  // namespace

std::vector<Candidate> candidates(std::string& reason) {
  std::vector<Candidate> found;
  const Library* cl = library(reason);
  if (!cl) return found;
  uint32_t count = 0;
  int32_t status = cl->GetPlatformIDs(0, nullptr, &count);
  std::vector<Platform> platforms(status == kSuccess ? count : 0);
  if (!platforms.empty()) status = cl->GetPlatformIDs(count, platforms.data(), nullptr);
  if (status != kSuccess || platforms.empty()) {
    reason = "OpenCL is installed, but no driver for a device (" + failure("GetPlatformIDs", status) +
             "); install the driver of your graphics card";
    return found;
  }
  for (Platform platform : platforms) {
    status = cl->GetDeviceIDs(platform, kDeviceTypeAll, 0, nullptr, &count);
    std::vector<DeviceHandle> handles(status == kSuccess ? count : 0);
    if (!handles.empty()) status = cl->GetDeviceIDs(platform, kDeviceTypeAll, count, handles.data(), nullptr);
    if (status != kSuccess) {
      reason = failure("GetDeviceIDs", status) + "; the driver is installed, but found no device it can use";
      continue;
    }
    for (DeviceHandle device : handles) {
      Candidate candidate;
      candidate.name = deviceText(*cl, device, kDeviceName);
      candidate.reason = objection(*cl, device);
      try {
        if (candidate.reason.empty()) {
          candidate.backend =
              std::make_unique<OpenClBackend>(*cl, platform, device, factsOf(*cl, platform, device));
        }
      } catch (const std::exception& error) {
        candidate.reason = error.what();
      }
      found.push_back(std::move(candidate));
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const Candidate& a, const Candidate& b) {
    const auto rank = [](const Candidate& one) {
      return !one.backend ? 2 : one.backend->facts().isProcessor ? 1 : 0;
    };
    return rank(a) < rank(b);
  });
  if (found.empty() && reason.empty()) reason = "the OpenCL drivers found no device";
  return found;
}

}  // namespace descent::gpu::opencl
