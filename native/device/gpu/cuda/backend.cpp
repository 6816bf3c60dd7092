// CUDA as a back end, by the driver's own interface: the card's primary context, a stream for kernels and one
// for copies beside them, PTX that the driver compiles when a kernel is first called.
#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>

#include "cublaslt.h"
#include "cuda.h"
#include "library.h"
#include "modules.h"
#include "nvml.h"
#include "nvrtc.h"

namespace descent::gpu::cuda {

namespace {

// Memory that copies from ordinary memory go through, so that they need not wait for the kernels before them.
// Pieces are used in turn; a piece is free when the copy out of it has passed.
constexpr size_t kStagingPieces = 8;
constexpr size_t kStagingBytes = size_t{1} << 20;

Address addressOf(const Memory& memory) { return reinterpret_cast<Address>(memory.handle) + memory.offset; }

class CudaBackend final : public Backend {
 public:
  CudaBackend(const Library& cuda, DeviceHandle device, std::string bus, int capability, Facts facts)
      : cuda_(cuda),
        device_(device),
        bus_(std::move(bus)),
        capability_(capability),
        facts_(std::move(facts)),
        cublasLt_(cuda, capability) {}

  const Facts& facts() const override { return facts_; }
  const char* language() const override { return sourceText("cuda/language"); }

  Memory allocate(size_t bytes) override {
    enter();
    Address address = 0;
    Memory memory;
    const Status status = cuda_.MemAlloc(&address, std::max<size_t>(bytes, 1));
    if (status == kOutOfMemory) return memory;
    check("cuMemAlloc_v2", status);
    memory.handle = reinterpret_cast<void*>(address);
    return memory;
  }

  // Waits for the kernels that use it.
  void release(Memory memory) noexcept override {
    if (memory.handle && isEntered()) cuda_.MemFree(reinterpret_cast<Address>(memory.handle));
  }

  void copyFromHost(Memory to, const void* from, size_t bytes) override {
    enter();
    if (isPinned(from)) {
      check("cuMemcpyHtoDAsync_v2", cuda_.MemcpyHtoDAsync(addressOf(to), from, bytes, compute_));
      return;
    }
    const auto* source = static_cast<const unsigned char*>(from);
    for (size_t done = 0; done < bytes; done += kStagingBytes) {
      const size_t size = std::min(kStagingBytes, bytes - done);
      Staging& piece = nextPiece();
      std::memcpy(piece.memory, source + done, size);
      check("cuMemcpyHtoDAsync_v2",
            cuda_.MemcpyHtoDAsync(addressOf(to) + done, piece.memory, size, compute_));
      check("cuEventRecord", cuda_.EventRecord(piece.copied, compute_));
      piece.isUsed = true;
    }
  }

  void copyToHost(void* to, Memory from, size_t bytes) override {
    enter();
    check("cuMemcpyDtoHAsync_v2", cuda_.MemcpyDtoHAsync(to, addressOf(from), bytes, compute_));
    check("cuStreamSynchronize", cuda_.StreamSynchronize(compute_));
  }

  void copyWithin(Memory to, Memory from, size_t bytes) override {
    enter();
    check("cuMemcpyDtoDAsync_v2", cuda_.MemcpyDtoDAsync(addressOf(to), addressOf(from), bytes, compute_));
  }

  bool hasProgram(const std::string& source) const override { return hasModule(source, capability_); }

  std::string matrixLibrary() override { return cublasLtName(); }
  bool multiply(const LibraryProduct& product) override {
    enter();
    return cublasLt_.multiply(product, compute_);
  }

  void* kernel(const ProgramSource& program, const char* name) override {
    enter();
    const std::string symbol = std::string(name) + "_" + program.variant;
    const std::string ptx = ptxOf(program.source, symbol);
    if (!ptx.empty()) {
      std::unique_ptr<Kernel>& kernel = kernels_[program.source + "." + symbol];
      if (!kernel) kernel = kernelOf(load(ptx, program), symbol);
      return kernel.get();
    }
    if (program.text.empty() || nvrtcObjection()) {
      throw Error("device", "",
                  "there is no CUDA module with the kernel " + symbol + " of '" + program.source + "'" +
                      (nvrtcObjection() ? std::string(", and ") + nvrtcObjection() : "") +
                      "; build Descent where nvcc is installed, or use this card through OpenCL.");
    }
    Module& module = compiled_[program.variant + "\n" + program.text];
    if (!module) module = load(compileByNvrtc(program, capability_), program);
    std::unique_ptr<Kernel>& kernel = kernels_[symbol + "\n" + program.text];
    if (!kernel) kernel = kernelOf(module, symbol);
    return kernel.get();
  }

  void enqueue(void* kernel, const Grid& grid, int64_t lanes, const ArgumentList& arguments,
               size_t sharedBytes) override {
    enter();
    if (grid.y > 65535 || grid.z > 65535 || grid.x > 2147483647) {
      throw Error("internal", "", "a launch has more groups than CUDA takes.");
    }
    Kernel& known = *static_cast<Kernel*>(kernel);
    requireFit(known, arguments);
    places_.clear();
    for (const ArgumentList::Item& item : arguments.items()) {
      places_.push_back(item.isMemory ? const_cast<void**>(&item.handle)
                                      : const_cast<void*>(arguments.bytesOf(item)));
    }
    if (sharedBytes > known.sharedBytes) {
      check("cuFuncSetAttribute", cuda_.FuncSetAttribute(known.function, kFunctionMaxDynamicSharedBytes,
                                                         static_cast<int32_t>(sharedBytes)));
      known.sharedBytes = sharedBytes;
    }
    check("cuLaunchKernel",
          cuda_.LaunchKernel(known.function, static_cast<uint32_t>(grid.x), static_cast<uint32_t>(grid.y),
                             static_cast<uint32_t>(grid.z), static_cast<uint32_t>(lanes), 1, 1,
                             static_cast<uint32_t>(sharedBytes), compute_, places_.data(), nullptr));
  }

  void synchronize() override {
    if (!context_) return;
    enter();
    check("cuStreamSynchronize", cuda_.StreamSynchronize(compute_));
    check("cuStreamSynchronize", cuda_.StreamSynchronize(copies_));
  }

  bool hasCopyQueue() const override { return true; }

  void copyFromPinned(Memory to, const void* from, size_t bytes) override {
    enter();
    check("cuMemcpyHtoDAsync_v2", cuda_.MemcpyHtoDAsync(addressOf(to), from, bytes, copies_));
  }

  void copyToPinned(void* to, Memory from, size_t bytes) override {
    enter();
    check("cuMemcpyDtoHAsync_v2", cuda_.MemcpyDtoHAsync(to, addressOf(from), bytes, copies_));
  }

  void* recordEvent(Stream stream) override {
    enter();
    Event event = newEvent();
    const Status status = cuda_.EventRecord(event, streamOf(stream));
    if (status != kSuccess) cuda_.EventDestroy(event);
    check("cuEventRecord", status);
    return event;
  }

  void waitInStream(Stream stream, void* event) override {
    if (!event) return;
    enter();
    check("cuStreamWaitEvent", cuda_.StreamWaitEvent(streamOf(stream), static_cast<Event>(event), 0));
  }

  bool hasPassed(void* event) override {
    if (!event) return true;
    enter();
    const Status status = cuda_.EventQuery(static_cast<Event>(event));
    if (status == kNotReady) return false;
    check("cuEventQuery", status);
    return true;
  }

  void waitForEvent(void* event) override {
    if (!event) return;
    enter();
    check("cuEventSynchronize", cuda_.EventSynchronize(static_cast<Event>(event)));
  }

  void releaseEvent(void* event) noexcept override {
    if (event && isEntered()) cuda_.EventDestroy(static_cast<Event>(event));
  }

  void* allocateHost(size_t bytes) override {
    enter();
    void* memory = nullptr;
    const size_t size = std::max<size_t>(bytes, 1);
    const Status status = cuda_.MemHostAlloc(&memory, size, kHostPortable);
    if (isLost(status)) check("cuMemHostAlloc", status);
    if (status != kSuccess) return nullptr;
    pinned_.emplace(static_cast<unsigned char*>(memory), size);
    return memory;
  }

  // Waits for the copies that use it.
  void releaseHost(void* memory) noexcept override {
    if (pinned_.erase(static_cast<unsigned char*>(memory)) && isEntered()) cuda_.MemFreeHost(memory);
  }

  DeviceSample sample() const override { return sampleCard(bus_); }

 private:
  struct Kernel {
    std::string name;
    Function function = nullptr;
    bool areSizesKnown = false;
    std::vector<size_t> sizes;       // of its arguments
    size_t sharedBytes = 48u << 10;  // that it may ask for
  };
  struct Staging {
    void* memory = nullptr;
    Event copied = nullptr;
    bool isUsed = false;
  };

  void check(const char* symbol, Status status) const {
    if (status == kSuccess) return;
    const std::string words = failure(cuda_, symbol, status);
    if (isLost(status)) throw DeviceLost(words + ".");
    throw Error("device", "", words + ".", {{"status", std::to_string(status)}});
  }

  // The card's context belongs to the calling thread from here on; made on the first call, because it takes
  // time and memory of the card.
  void enter() {
    if (!context_) check("cuDevicePrimaryCtxRetain", cuda_.DevicePrimaryCtxRetain(&context_, device_));
    if (current() != context_) {
      check("cuCtxSetCurrent", cuda_.CtxSetCurrent(context_));
      current() = context_;
    }
    if (!compute_) check("cuStreamCreate", cuda_.StreamCreate(&compute_, kStreamNonBlocking));
    if (!copies_) check("cuStreamCreate", cuda_.StreamCreate(&copies_, kStreamNonBlocking));
  }
  bool isEntered() noexcept {
    try {
      enter();
      return true;
    } catch (...) {
      return false;
    }
  }
  // The context of the calling thread, as far as these back ends set it.
  static Context& current() {
    static thread_local Context context = nullptr;
    return context;
  }

  StreamHandle streamOf(Stream stream) const { return stream == Stream::copy ? copies_ : compute_; }

  Event newEvent() {
    Event event = nullptr;
    check("cuEventCreate", cuda_.EventCreate(&event, kEventDisableTiming));
    return event;
  }

  bool isPinned(const void* memory) const {
    const auto* place = static_cast<const unsigned char*>(memory);
    auto next = pinned_.upper_bound(const_cast<unsigned char*>(place));
    if (next == pinned_.begin()) return false;
    --next;
    return place < next->first + next->second;
  }

  Staging& nextPiece() {
    Staging& piece = staging_[nextPiece_++ % kStagingPieces];
    if (!piece.memory) {
      check("cuMemHostAlloc", cuda_.MemHostAlloc(&piece.memory, kStagingBytes, kHostPortable));
    }
    if (!piece.copied) piece.copied = newEvent();
    if (piece.isUsed) check("cuEventSynchronize", cuda_.EventSynchronize(piece.copied));
    return piece;
  }

  Module load(const std::string& image, const ProgramSource& program) {
    char log[4096] = "";
    const int32_t options[] = {kJitErrorLog, kJitErrorLogBytes};
    void* values[] = {log, reinterpret_cast<void*>(sizeof log)};
    Module module = nullptr;
    const Status status = cuda_.ModuleLoadDataEx(&module, image.c_str(), 2, options, values);
    log[sizeof log - 1] = '\0';
    if (status != kSuccess && !isLost(status)) {
      const char* advice = status == kUnsupportedPtxVersion
                               ? "; the driver is too old for the kernels of this build, install a newer one"
                               : "";
      throw Error("device", "",
                  "the kernels of '" + program.source + "' (" + program.variant + ") were not taken by " +
                      facts_.name + ": " + failure(cuda_, "cuModuleLoadDataEx", status) + advice +
                      (*log ? std::string(":\n") + log : "."));
    }
    check("cuModuleLoadDataEx", status);
    return module;
  }

  std::unique_ptr<Kernel> kernelOf(Module module, const std::string& symbol) {
    auto kernel = std::make_unique<Kernel>();
    kernel->name = symbol;
    check("cuModuleGetFunction", cuda_.ModuleGetFunction(&kernel->function, module, symbol.c_str()));
    kernel->areSizesKnown = cuda_.FuncGetParamInfo != nullptr;
    size_t offset = 0, size = 0;
    Status status = kSuccess;
    while (kernel->areSizesKnown) {
      status = cuda_.FuncGetParamInfo(kernel->function, kernel->sizes.size(), &offset, &size);
      if (status != kSuccess) break;
      kernel->sizes.push_back(size);
    }
    kernel->areSizesKnown = status == kInvalidValue;  // what it says behind the last one
    return kernel;
  }

  // The driver reads as many bytes as the kernel declares, whatever there is: a launch that does not fit must
  // not get that far.
  static void requireFit(const Kernel& kernel, const ArgumentList& arguments) {
    if (!kernel.areSizesKnown) return;
    const auto& items = arguments.items();
    bool fits = items.size() == kernel.sizes.size();
    for (size_t k = 0; fits && k < items.size(); ++k) {
      fits = kernel.sizes[k] == (items[k].isMemory ? sizeof(Address) : items[k].size);
    }
    if (!fits)
      throw Error("internal", "", "the kernel " + kernel.name + " is launched with arguments it has not.");
  }

  const Library& cuda_;
  DeviceHandle device_;
  std::string bus_;
  const int capability_;
  Facts facts_;
  Context context_ = nullptr;
  StreamHandle compute_ = nullptr;
  StreamHandle copies_ = nullptr;
  CublasLt cublasLt_;
  Staging staging_[kStagingPieces];
  size_t nextPiece_ = 0;
  std::map<unsigned char*, size_t> pinned_;
  std::unordered_map<std::string, std::unique_ptr<Kernel>> kernels_;
  std::unordered_map<std::string, Module> compiled_;  // by NVRTC, by text
  std::vector<void*> places_;                         // of the arguments of a launch
};

}  // namespace

std::unique_ptr<Backend> makeBackend(const Library& cuda, DeviceHandle device, const std::string& bus,
                                     int capability, const Facts& facts) {
  return std::make_unique<CudaBackend>(cuda, device, bus, capability, facts);
}

}  // namespace descent::gpu::cuda
