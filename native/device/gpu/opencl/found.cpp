// The OpenCL devices of this machine: what they are, and why one cannot be used.
#include <algorithm>

#include "library.h"
#include "opencl.h"
#include "status.h"

namespace descent::gpu::opencl {

namespace {

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
  const int32_t status = cl.GetDeviceInfo(device, what, sizeof value, &value, nullptr);
  // Drivers without double precision need not know the question.
  if (status != kSuccess && what != kDeviceDoubleConfig)
    throw Error("device", "", "it does not say what it can do: " + failure("GetDeviceInfo", status));
  return status == kSuccess ? value : Number{};
}

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

// Real GPUs first, then processors.
std::vector<Candidate> candidates(std::string& reason) {
  std::vector<Candidate> found;
  const Library* cl = library(reason);
  if (!cl) return found;
  uint32_t count = 0;
  int32_t status = cl->GetPlatformIDs(0, nullptr, &count);
  std::vector<Platform> platforms(status == kSuccess ? count : 0);
  if (!platforms.empty()) status = cl->GetPlatformIDs(count, platforms.data(), nullptr);
  if (status != kSuccess || platforms.empty()) {
    reason = "OpenCL is installed, but no driver for a device" +
             (status == kSuccess ? std::string() : " (" + failure("GetPlatformIDs", status) + ")") +
             "; install the driver of your graphics card";
    return found;
  }
  for (Platform platform : platforms) {
    status = cl->GetDeviceIDs(platform, kDeviceTypeAll, 0, nullptr, &count);
    std::vector<DeviceHandle> handles(status == kSuccess ? count : 0);
    if (!handles.empty()) status = cl->GetDeviceIDs(platform, kDeviceTypeAll, count, handles.data(), nullptr);
    if (status != kSuccess) {
      reason = "an OpenCL driver is installed, but found no device that it can use (" +
               failure("GetDeviceIDs", status) +
               "); check that the graphics card is there and not in use elsewhere";
      continue;
    }
    for (DeviceHandle device : handles) {
      Candidate candidate;
      candidate.name = deviceText(*cl, device, kDeviceName);
      try {
        candidate.reason = objection(*cl, device);
        if (candidate.reason.empty()) {
          candidate.backend = makeBackend(*cl, platform, device, factsOf(*cl, platform, device));
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

const RegisteredBackend registered("opencl", 200, candidates);

}  // namespace

}  // namespace descent::gpu::opencl
