// A GPU as a Device: launches, copies, faults, and what becomes of a device that is lost.
#include "device.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "../site.h"

namespace descent::gpu {

namespace {

constexpr size_t kHistory = 1 << 16;  // launches that can find a fault, between two looks

// The twin of the dialect's.
struct FaultRecord {
  i32 launch, what;
  i64 value, position, size;
};

// What a kernel found wrong; the number that was wrong comes as the bits of a float, but for indices.
std::string sentenceOf(const FaultRecord& record) {
  const std::string at = " at position " + std::to_string(record.position);
  if (record.what == static_cast<i32>(Check::divisor))
    return "an integer cannot be divided by zero, it is" + at;
  if (record.what == static_cast<i32>(Check::index)) {
    return "index " + std::to_string(record.value) + at + " is outside [0, " + std::to_string(record.size) +
           ")";
  }
  float value = 0;
  const auto bits = static_cast<u32>(record.value);
  std::memcpy(&value, &bits, sizeof value);
  char text[32];
  std::snprintf(text, sizeof text, "%g", static_cast<double>(value));
  if (record.what == static_cast<i32>(Check::scale))
    return "a number that must not be negative is " + (text + at);
  return "a number that must be within [0, 1] is " + (text + at);
}

i64 lanesFor(const Facts& facts) {
  // On a processor a group is a loop over its lanes; more of them only cost memory.
  const i64 most = std::min<i64>(facts.isProcessor ? 64 : 256, facts.mostLanes);
  i64 lanes = 1;
  while (lanes * 2 <= most) lanes *= 2;
  return lanes;
}

bool writesNorms(const Kernel& kernel) {
  const std::string name = kernel.name;
  return name == "norms" || (name.size() > 4 && name.compare(name.size() - 4, 4, "Step") == 0);
}

}  // namespace

size_t KernelKeyHash::operator()(const KernelKey& key) const {
  size_t hash = 0;
  const auto add = [&](const void* pointer) {
    hash = (hash ^ reinterpret_cast<size_t>(pointer)) * 0x9e3779b97f4a7c15ull;
    hash ^= hash >> 29;
  };
  add(key.source);
  add(key.kernel);
  add(key.variant.beginning_);
  for (int k = 0; k < key.variant.count_; ++k) add(key.variant.values_[k]);
  return hash;
}

GpuDevice::GpuDevice(DeviceId id, std::unique_ptr<Backend> backend)
    : id_(id), backend_(std::move(backend)), lanes_(lanesFor(backend_->facts())) {
  const char* blocking = std::getenv("DESCENT_LAUNCH_BLOCKING");
  isBlocking_ = blocking && *blocking && std::string(blocking) != "0";
  const char* tests = std::getenv("DESCENT_GPU_SELF_TEST");
  isTested_.assign(gpu::kernels().size(), tests && std::string(tests) == "0");
}

GpuDevice::~GpuDevice() = default;

void GpuDevice::requireAlive() const {
  if (!lost_.empty()) throw DeviceLost(lost_);
}

void GpuDevice::markLost(const DeviceLost& lost) {
  if (!lost_.empty()) throw lost;  // told already, by a call within this one
  lost_ =
      nameOf(id_) + " was lost: " + lost.what() +
      " What was on it is gone, what was saved is kept; start the training again, on another device if it "
      "happens again.";
  throw DeviceLost(lost_);
}

Memory GpuDevice::allocate(size_t bytes) {
  return guarded([&] {
    if (bytes > facts().maxAllocationBytes) return Memory();
    return backend_->allocate(bytes);
  });
}

void GpuDevice::release(Memory memory, size_t) {
  std::lock_guard<std::recursive_mutex> guard(lock_);
  backend_->release(memory);
}

void GpuDevice::copyFromHost(Memory to, const void* from, size_t bytes) {
  if (bytes) guarded([&] { backend_->copyFromHost(to, from, bytes); });
}

void GpuDevice::copyToHost(void* to, Memory from, size_t bytes) {
  if (bytes) guarded([&] { backend_->copyToHost(to, from, bytes); });
  reportFault();
}

void GpuDevice::peek(void* to, Memory from, size_t bytes) {
  if (bytes) guarded([&] { backend_->copyToHost(to, from, bytes); });
}

void GpuDevice::copyWithin(Memory to, Memory from, size_t bytes) {
  if (bytes) guarded([&] { backend_->copyWithin(to, from, bytes); });
}

int GpuDevice::findKernel(const char* name) const {
  const std::vector<Kernel>& all = gpu::kernels();
  for (size_t k = 0; k < all.size(); ++k) {
    if (std::strcmp(all[k].name, name) == 0) return static_cast<int>(k);
  }
  return -1;
}

bool GpuDevice::supports(int kernel, DType dtype) const {
  if (kernel < 0 || (dtype == DType::float64 && !facts().hasFloat64)) return false;
  return gpu::kernels()[static_cast<size_t>(kernel)].dtypes >> static_cast<int>(dtype) & 1;
}

void GpuDevice::launch(const Launch& launch) {
  const Kernel& kernel = gpu::kernels()[static_cast<size_t>(launch.kernel)];
  const std::vector<Operand>& operands = *launch.operands;
  for (const Operand& operand : operands) {
    if (operand.dtype != DType::float64 || facts().hasFloat64) continue;
    // Squared norms are written as float64 on every device; those kernels know how.
    if (&operand == operands.data() && writesNorms(kernel)) continue;
    throw Error("dtype", kernel.name,
                "float64 cannot be computed on " + nameOf(id_) + " (" + facts().name +
                    " has no double precision); use float32, or keep this tensor on the CPU.",
                {{"dtype", "float64"}, {"device", nameOf(id_)}});
  }
  const DType dtype =
      operands[static_cast<size_t>(launch.outputs) < operands.size() ? launch.outputs : 0].dtype;
  if (!(kernel.dtypes >> static_cast<int>(dtype) & 1)) {
    throw Error("dtype", kernel.name,
                std::string("is not available for ") + descent::nameOf(dtype) + " on " + nameOf(id_) +
                    "; convert the tensor, or keep it on the CPU",
                {{"dtype", descent::nameOf(dtype)}, {"device", nameOf(id_)}});
  }
  guarded([&] {
    const auto number = static_cast<size_t>(launch.kernel);
    if (!isTested_[number]) testSource(sourceOf(launch.kernel));
    if (history_.size() >= kHistory) reportFault();
    if (history_.empty() || keepsLaunch_) history_.emplace_back();
    keepsLaunch_ = false;
    history_.back() = {launch.kernel, allocationContext().call, launch.site};
    kernel.run(*this, launch);
  });
  if (isBlocking_) synchronize();
}

void* GpuDevice::find(const KernelKey& key) {
  const auto found = kernels_.find(key);
  if (found != kernels_.end()) return found->second;
  const char* text = sourceText(key.source);
  if (!text && !backend_->hasProgram(key.source))
    throw Error("internal", key.kernel, std::string("there is no kernel source '") + key.source + "'");
  ProgramSource program;
  program.source = key.source;
  program.variant = key.variant.suffix();
  if (text)
    program.text = "#define DESCENT_DIALECT 1\n#define LANES " + std::to_string(lanes_) + "\n" +
                   (facts().hasFloat64 ? "#define HAS_FLOAT64 1\n" : "") +
                   (facts().isProcessor ? "#define IS_PROCESSOR 1\n" : "") + key.variant.definitions() +
                   backend_->language() + sourceText("dialect") +
                   (key.variant.hasType() ? sourceText("typed") : "") + text;
  void* kernel = backend_->kernel(program, key.kernel);
  kernels_.emplace(key, kernel);
  return kernel;
}

void GpuDevice::enqueue(const char* source, const char* kernel, const Variant& variant, const Grid& groups,
                        i64 lanes, const ArgumentList& arguments, size_t sharedBytes) {
  if (groups.x <= 0 || groups.y <= 0 || groups.z <= 0) return;
  guarded([&] { backend_->enqueue(find({source, kernel, variant}), groups, lanes, arguments, sharedBytes); });
}

void GpuDevice::synchronize() {
  guarded([&] { backend_->synchronize(); });
  reportFault();
}

void GpuDevice::tellAgain(const Error& error) {
  std::lock_guard<std::recursive_mutex> guard(lock_);
  if (lost_.empty()) told_ = std::make_unique<Error>(error);
}

void GpuDevice::reportFault() {
  std::unique_ptr<Error> told;
  {
    std::lock_guard<std::recursive_mutex> guard(lock_);
    told.swap(told_);
  }
  if (told) throw Error(*told);
  FaultRecord record{};
  Enqueued found;
  guarded([&] {
    if (!mayFault_) return;
    mayFault_ = false;
    backend_->copyToHost(&record, fault_, sizeof record);
    if (record.launch > 0 && static_cast<size_t>(record.launch) <= history_.size()) {
      found = history_[static_cast<size_t>(record.launch) - 1];
    }
    history_.clear();
    keepsLaunch_ = false;
    if (record.launch == 0) return;
    const FaultRecord none{};
    backend_->copyFromHost(fault_, &none, sizeof none);
  });
  if (record.launch == 0) return;
  const char* kernel =
      found.kernel >= 0 ? gpu::kernels()[static_cast<size_t>(found.kernel)].name : "a kernel";
  const std::string line = textOfSite(found.site);
  throw Error(record.what == 0 ? "index" : "argument", found.call ? found.call : kernel,
              sentenceOf(record) + (line.empty() ? "" : ", called at " + line) + "; found on " + nameOf(id_) +
                  (isBlocking_ ? "."
                               : " when the results were waited for (with DESCENT_LAUNCH_BLOCKING=1 the call "
                                 "itself stops)."),
              {{"index", std::to_string(record.value)},
               {"position", std::to_string(record.position)},
               {"size", std::to_string(record.size)},
               {"kernel", kernel},
               {"line", line}});
}

// "matrix products by cuBLASLt 13.1 (half precision and float32)": what is found, and what was refused.
// Nothing for the kernel that every device has.
std::string GpuDevice::productsOf(Backend& backend, const ProductPaths& paths) {
  const std::string library = backend.matrixLibrary();
  const bool hasTensorCores = backend.hasProgram("tensorcore");
  if (library.empty() && !hasTensorCores) return "";
  std::string text = "matrix products by ";
  text += library.empty() ? "tensor cores (float16, bfloat16)" : library;
  if (!paths.refusal.empty()) text += "; " + paths.refusal;
  return text;
}

DeviceDescription GpuDevice::describe() const {
  const Facts& known = facts();
  DeviceDescription description;
  description.id = id_;
  description.name = known.name;
  description.backend = known.backend;
  description.memoryBytes = known.memoryBytes;
  description.maxAllocationBytes = known.maxAllocationBytes;
  description.hasFloat64 = known.hasFloat64;
  description.isAsynchronous = true;
  description.hostCanRead = false;
  description.isProcessor = known.isProcessor;
  description.abilities = known.abilities;
  if (const std::string products = productsOf(*backend_, productPaths_); !products.empty())
    description.abilities.push_back(products);
  return description;
}

KernelCall::KernelCall(GpuDevice& device, const char* source, const char* kernel, const Variant& variant)
    : device_(device),
      source_(source),
      kernel_(kernel),
      variant_(variant),
      arguments_([&]() -> ArgumentList& {
        if (device.depth_ == device.argumentLists_.size())
          device.argumentLists_.push_back(std::make_unique<ArgumentList>());
        return *device.argumentLists_[device.depth_++];
      }()) {
  arguments_.clear();
}

KernelCall::~KernelCall() { --device_.depth_; }

KernelCall& KernelCall::memory(const Memory& memory) {
  arguments_.addMemory(memory.handle);
  return value(static_cast<i64>(memory.offset));
}

KernelCall& KernelCall::none() {
  arguments_.addMemory(nullptr);
  return value(i64{0});
}

KernelCall& KernelCall::faults() {
  if (!device_.fault_.handle) {
    device_.fault_ = device_.backend_->allocate(sizeof(FaultRecord));
    if (!device_.fault_.handle)
      throw Error("memory", "", "there is no memory left on " + nameOf(device_.id_));
    const FaultRecord none{};
    device_.backend_->copyFromHost(device_.fault_, &none, sizeof none);
  }
  // Worth a look at the stack, where that is affordable: the error comes when nobody knows the line any more.
  if (device_.history_.back().site == 0) device_.history_.back().site = siteHere();
  arguments_.addMemory(device_.fault_.handle);
  // The running launch keeps its place in the history; the next one gets a new one.
  value(static_cast<i32>(device_.history_.size()));
  device_.mayFault_ = true;
  device_.keepsLaunch_ = true;
  return *this;
}

KernelCall& KernelCall::group(i64 lanes, size_t sharedBytes) {
  lanes_ = lanes;
  sharedBytes_ = sharedBytes;
  return *this;
}

void KernelCall::run(const Grid& groups) {
  device_.enqueue(source_, kernel_, variant_, groups, lanes_ ? lanes_ : device_.lanes_, arguments_,
                  sharedBytes_);
}

void KernelCall::runOver(i64 items, i64 perLane) {
  const i64 perGroup = device_.lanes_ * perLane;
  run({std::min<i64>((items + perGroup - 1) / perGroup, i64{1} << 30), 1, 1});
}

Workspace::Workspace(GpuDevice& device, size_t bytes) : block_(allocatorOf(device.id()).allocate(bytes)) {}
Workspace::~Workspace() { block_->allocator->free(block_); }
Memory Workspace::memory(size_t at) const {
  Memory memory = block_->memory;
  memory.offset += at;
  return memory;
}

i64 lanesOf(const GpuDevice& device) { return device.lanes(); }
const Facts& factsOf(const GpuDevice& device) { return device.facts(); }
bool hasFloat64(const GpuDevice& device) { return device.facts().hasFloat64; }
bool hasOwnSource(GpuDevice& device, const char* source) { return device.backend().hasProgram(source); }

void runKernel(GpuDevice& device, const char* name, int outputs, std::vector<Operand> operands,
               const double* numbers, const int64_t* integers) {
  Launch launch;
  launch.kernel = device.findKernel(name);
  launch.outputs = outputs;
  launch.operands = &operands;
  launch.numbers = numbers;
  launch.integers = integers;
  launch.site = allocationContext().site;
  gpu::kernels()[static_cast<size_t>(launch.kernel)].run(device, launch);
}

}  // namespace descent::gpu
