// Which cards there are, what each can do, and why one cannot be used.
#include <algorithm>
#include <cstdio>

#include "cuda.h"
#include "library.h"
#include "modules.h"
#include "nvml.h"
#include "nvrtc.h"

namespace descent::gpu::cuda {

namespace {

constexpr int kLowestCapability = 75;  // of the modules that compile.mjs makes

int attribute(const Library& cuda, DeviceHandle device, int32_t what) {
  int32_t value = 0;
  return cuda.DeviceGetAttribute(&value, what, device) == kSuccess ? value : 0;
}

// "525.60.13", or nothing.
std::string driverRelease() {
  static const std::string release = nvmlDriverVersion();
  return release;
}

// Why a card cannot be used; empty: it can.
std::string objection(const Library& cuda, DeviceHandle device, int capability, int driverVersion) {
  if (attribute(cuda, device, kComputeMode) == kComputeModeProhibited)
    return "its compute mode is 'prohibited'; nvidia-smi -c 0 allows programs on it";
  const int wanted = ptxVersionWanted();
  if (wanted == 0) {
    if (const char* reason = nvrtcObjection()) {
      return std::string("this build of Descent has no CUDA modules (it was built without nvcc), and ") +
             reason + "; the card is used through OpenCL where its driver has that";
    }
    return "";
  }
  if (capability < kLowestCapability) {
    return "it has compute capability " + std::to_string(capability / 10) + "." +
           std::to_string(capability % 10) +
           ", and CUDA modules are made for 7.5 and later; use it as opencl";
  }
  if (ptxVersionOf(driverVersion) < wanted) {
    return "its driver is for CUDA " + std::to_string(driverVersion / 1000) + "." +
           std::to_string(driverVersion % 1000 / 10) + " and the kernels of this build want CUDA " +
           cudaVersionFor(wanted) + "; install a newer driver";
  }
  return "";
}

Candidate candidateOf(const Library& cuda, int index, int driverVersion) {
  Candidate candidate;
  DeviceHandle device = 0;
  Status status = cuda.DeviceGet(&device, index);
  if (status != kSuccess) {
    candidate.reason = failure(cuda, "cuDeviceGet", status) + "; nvidia-smi tells more";
    return candidate;
  }
  char name[256] = "";
  status = cuda.DeviceGetName(name, sizeof name - 1, device);
  candidate.name = status == kSuccess ? name : "NVIDIA card " + std::to_string(index);
  const int capability = attribute(cuda, device, kComputeCapabilityMajor) * 10 +
                         attribute(cuda, device, kComputeCapabilityMinor);
  Facts facts;
  size_t memory = 0;
  status = cuda.DeviceTotalMem(&memory, device);
  facts.mostLanes = attribute(cuda, device, kMaxThreadsPerBlock);
  if (status != kSuccess || capability == 0 || facts.mostLanes == 0) {
    candidate.reason = "the driver does not say what the card can do (" +
                       (status != kSuccess ? failure(cuda, "cuDeviceTotalMem_v2", status)
                                           : std::string("cuDeviceGetAttribute gives nothing")) +
                       "); nvidia-smi tells more";
    return candidate;
  }
  candidate.reason = objection(cuda, device, capability, driverVersion);
  if (!candidate.reason.empty()) return candidate;
  const std::string release = driverRelease();
  facts.name = candidate.name;
  facts.backend = "CUDA " + std::to_string(driverVersion / 1000) + "." +
                  std::to_string(driverVersion % 1000 / 10) + (release.empty() ? "" : ", driver " + release) +
                  ", compute capability " + std::to_string(capability / 10) + "." +
                  std::to_string(capability % 10);
  facts.driver = facts.name + "|" + facts.backend;
  facts.memoryBytes = facts.maxAllocationBytes = memory;
  facts.sharedBytes = static_cast<size_t>(attribute(cuda, device, kMaxSharedMemoryPerBlock));
  facts.units = std::max(attribute(cuda, device, kMultiprocessorCount), 1);
  facts.hasFloat64 = true;
  char bus[32];
  std::snprintf(bus, sizeof bus, "%08x:%02x:%02x.0",
                static_cast<unsigned>(attribute(cuda, device, kPciDomain)),
                static_cast<unsigned>(attribute(cuda, device, kPciBus)),
                static_cast<unsigned>(attribute(cuda, device, kPciDevice)));
  candidate.backend = makeBackend(cuda, device, bus, capability, facts);
  return candidate;
}

// In the driver's order.
std::vector<Candidate> candidates(std::string& reason) {
  std::vector<Candidate> found;
  const Library* cuda = library(reason);
  if (!cuda) return found;
  int32_t version = 0, count = 0;
  Status status = cuda->DriverGetVersion(&version);
  if (status != kSuccess) {
    reason = failure(*cuda, "cuDriverGetVersion", status) + "; nvidia-smi tells more";
    return found;
  }
  status = cuda->DeviceGetCount(&count);
  if (status != kSuccess || count == 0) {
    reason = (status != kSuccess ? failure(*cuda, "cuDeviceGetCount", status)
                                 : std::string("the NVIDIA driver found no card")) +
             "; CUDA_VISIBLE_DEVICES may hide it, nvidia-smi tells more";
    return found;
  }
  for (int index = 0; index < count; ++index) {
    try {
      found.push_back(candidateOf(*cuda, index, version));
    } catch (const std::exception& error) {
      found.push_back({"NVIDIA card " + std::to_string(index), nullptr, error.what()});
    }
  }
  return found;
}

const RegisteredBackend registered("cuda", 100, candidates);

}  // namespace

}  // namespace descent::gpu::cuda
