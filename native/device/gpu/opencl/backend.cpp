// OpenCL as a back end: one context and two in-order queues a device, buffers, programs compiled where they
// run and kept on disk.
#include <algorithm>
#include <unordered_map>

#include "../program_cache.h"
#include "library.h"
#include "opencl.h"
#include "status.h"

namespace descent::gpu::opencl {

namespace {

constexpr const char* kOptions = "-w -cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt";

class OpenClBackend final : public Backend {
 public:
  OpenClBackend(const Library& cl, Platform platform, DeviceHandle device, Facts facts)
      : cl_(cl), device_(device), facts_(std::move(facts)) {
    const intptr_t properties[] = {0x1084, reinterpret_cast<intptr_t>(platform), 0};  // CL_CONTEXT_PLATFORM
    int32_t status = kSuccess;
    context_ = cl.CreateContext(properties, 1, &device_, nullptr, nullptr, &status);
    if (context_) queue_ = cl.CreateCommandQueue(context_, device_, 0, &status);
    if (!queue_) {
      const std::string reason = failure(context_ ? "CreateCommandQueue" : "CreateContext", status);
      letGo();
      throw Error("device", "", reason);
    }
    // Without it copies wait for the kernels, which is slower and no less right.
    copyQueue_ = cl.CreateCommandQueue(context_, device_, 0, &status);
  }
  ~OpenClBackend() override { letGo(); }

  const Facts& facts() const override { return facts_; }
  const char* language() const override { return sourceText("opencl/language"); }

  Memory allocate(size_t bytes) override {
    int32_t status = kSuccess;
    Buffer buffer =
        cl_.CreateBuffer(context_, kMemoryReadWrite, std::max<size_t>(bytes, 1), nullptr, &status);
    Memory memory;
    if (isShortage(status) || status == kInvalidBufferSize) return memory;
    check("CreateBuffer", status);
    // Many drivers look for the memory when a kernel first needs it, when it is too late to do anything about
    // it: this makes them look now.
    status = cl_.EnqueueMigrateMemObjects(queue_, 1, &buffer, kMigrateContentUndefined, 0, nullptr, nullptr);
    if (status != kSuccess) {
      cl_.ReleaseMemObject(buffer);
      if (isShortage(status) && cl_.Finish(queue_) == kSuccess) return memory;
      check("EnqueueMigrateMemObjects", status);
    }
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

  void enqueue(void* kernel, const Grid& grid, int64_t lanes, const ArgumentList& arguments,
               size_t) override {
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

  void synchronize() override {
    check("Finish", cl_.Finish(queue_));
    if (copyQueue_) check("Finish", cl_.Finish(copyQueue_));
  }

  bool hasCopyQueue() const override { return copyQueue_ != nullptr; }

  void copyFromPinned(Memory to, const void* from, size_t bytes) override {
    if (!copyQueue_) return copyFromHost(to, from, bytes);
    check("EnqueueWriteBuffer",
          cl_.EnqueueWriteBuffer(copyQueue_, bufferOf(to), 0, to.offset, bytes, from, 0, nullptr, nullptr));
  }

  void copyToPinned(void* to, Memory from, size_t bytes) override {
    if (!copyQueue_) return copyToHost(to, from, bytes);
    check("EnqueueReadBuffer",
          cl_.EnqueueReadBuffer(copyQueue_, bufferOf(from), 0, from.offset, bytes, to, 0, nullptr, nullptr));
  }

  void* recordEvent(Stream stream) override {
    if (!copyQueue_) return nullptr;
    Event event = nullptr;
    check("EnqueueMarkerWithWaitList", cl_.EnqueueMarkerWithWaitList(queueOf(stream), 0, nullptr, &event));
    // Another queue may wait for it only once it is on its way.
    cl_.Flush(queueOf(stream));
    return event;
  }

  void waitInStream(Stream stream, void* event) override {
    Event handle = static_cast<Event>(event);
    if (handle)
      check("EnqueueBarrierWithWaitList",
            cl_.EnqueueBarrierWithWaitList(queueOf(stream), 1, &handle, nullptr));
  }

  bool hasPassed(void* event) override {
    if (!event) return true;
    int32_t status = 1;
    check("GetEventInfo",
          cl_.GetEventInfo(static_cast<Event>(event), kEventStatus, sizeof status, &status, nullptr));
    return status <= 0;  // below 0: what it stood for has failed, and is over
  }

  void waitForEvent(void* event) override {
    Event handle = static_cast<Event>(event);
    if (handle) check("WaitForEvents", cl_.WaitForEvents(1, &handle));
  }

  void releaseEvent(void* event) noexcept override {
    if (event) cl_.ReleaseEvent(static_cast<Event>(event));
  }

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

  static bool isShortage(int32_t status) {
    return status == kMemoryObjectAllocationFailure || status == kOutOfResources ||
           status == kOutOfHostMemory;
  }

  Queue queueOf(Stream stream) const { return stream == Stream::copy ? copyQueue_ : queue_; }

  void check(const char* call, int32_t status) const {
    if (status == kSuccess) return;
    const std::string words = failure(call, status);
    // A kernel that failed, a card that fell off its bus: the queue answers nothing after that. What is out
    // of resources may also have asked for too much: then the queue still answers.
    if (status == kDeviceNotAvailable || status == kInvalidCommandQueue || status == kKernelFault ||
        status == kEventInWaitListFailed || (isShortage(status) && cl_.Finish(queue_) != kSuccess))
      throw DeviceLost(words + ".");
    if (isShortage(status))
      throw Error(
          "memory", "",
          facts_.name + " has no room for this call (" + words + "); make the batch or the model smaller.");
    throw Error("device", "", words + " on " + facts_.name + "; update its driver, or use another device.",
                {{"status", std::to_string(status)}});
  }

  void letGo() noexcept {
    for (const auto& [text, program] : programs_) cl_.ReleaseProgram(program);
    if (copyQueue_) cl_.ReleaseCommandQueue(copyQueue_);
    if (queue_) cl_.ReleaseCommandQueue(queue_);
    if (context_) cl_.ReleaseContext(context_);
  }

  Program programOf(const ProgramSource& source) {
    const auto found = programs_.find(source.text);
    if (found != programs_.end()) return found->second;
    const std::string key = facts_.driver + "|" + kOptions + "|" + source.text;
    // PoCL keeps what it compiled by itself, for each size of group; asked for a binary it compiles all anew.
    const bool isKept = facts_.backend.find("PoCL") == std::string::npos;
    Program program = isKept ? cached(key) : nullptr;
    if (!program) {
      program = compiled(source);
      if (isKept) keep(key, program);
    }
    programs_.emplace(source.text, program);
    return program;
  }

  Program compiled(const ProgramSource& source) {
    const char* text = source.text.c_str();
    const size_t length = source.text.size();
    int32_t status = kSuccess;
    Program program = cl_.CreateProgramWithSource(context_, 1, &text, &length, &status);
    check("CreateProgramWithSource", status);
    status = cl_.BuildProgram(program, 1, &device_, kOptions, nullptr, nullptr);
    if (status == kSuccess) return program;
    const std::string log = buildLog(program);
    cl_.ReleaseProgram(program);
    if (status != kBuildProgramFailure) check("BuildProgram", status);
    throw Error("device", "",
                "the kernels of '" + source.source + "' (" + source.variant + ") do not compile on " +
                    facts_.name + ": " + failure("BuildProgram", status) +
                    "; update its driver, or use another device" + (log.empty() ? "." : ":\n" + log));
  }

  // As an earlier process compiled it; null where there is none that the driver still takes.
  Program cached(const std::string& key) {
    const std::vector<unsigned char> bytes = readCached(key);
    if (bytes.empty()) return nullptr;
    const unsigned char* binary = bytes.data();
    const size_t size = bytes.size();
    int32_t status = kSuccess, binaryStatus = kSuccess;
    Program program =
        cl_.CreateProgramWithBinary(context_, 1, &device_, &size, &binary, &binaryStatus, &status);
    if (!program) return nullptr;
    if (status == kSuccess && binaryStatus == kSuccess &&
        cl_.BuildProgram(program, 1, &device_, kOptions, nullptr, nullptr) == kSuccess)
      return program;
    cl_.ReleaseProgram(program);
    return nullptr;
  }

  void keep(const std::string& key, Program program) {
    size_t size = 0;
    if (cl_.GetProgramInfo(program, kProgramBinarySizes, sizeof size, &size, nullptr) != kSuccess || !size)
      return;
    std::vector<unsigned char> bytes(size);
    unsigned char* at = bytes.data();
    if (cl_.GetProgramInfo(program, kProgramBinaries, sizeof at, &at, nullptr) == kSuccess)
      writeCached(key, bytes.data(), bytes.size());
  }

  std::string buildLog(Program program) const {
    size_t size = 0;
    if (cl_.GetProgramBuildInfo(program, device_, kProgramBuildLog, 0, nullptr, &size) != kSuccess) return "";
    std::string log(size, '\0');
    if (cl_.GetProgramBuildInfo(program, device_, kProgramBuildLog, size, log.data(), nullptr) != kSuccess)
      return "";
    // The first lines say what is wrong, the others what follows from it.
    size_t end = 0;
    for (int line = 0; line < 6 && end < log.size(); ++line)
      end = std::min(log.find('\n', end), log.size() - 1) + 1;
    log.resize(end);
    while (!log.empty() && (log.back() == '\0' || log.back() == '\n')) log.pop_back();
    return log;
  }

  const Library& cl_;
  DeviceHandle device_;
  Facts facts_;
  Context context_ = nullptr;
  Queue queue_ = nullptr;
  Queue copyQueue_ = nullptr;
  std::unordered_map<std::string, Program> programs_;  // by text
  std::unordered_map<void*, Buffer> mapped_;
  uint64_t enqueued_ = 0;
};

}  // namespace

std::unique_ptr<Backend> makeBackend(const Library& cl, Platform platform, DeviceHandle device, Facts facts) {
  return std::make_unique<OpenClBackend>(cl, platform, device, std::move(facts));
}

}  // namespace descent::gpu::opencl
