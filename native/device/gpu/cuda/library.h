// The few functions of the CUDA driver that are used, found in the driver's own library at run time. Types
// and numbers are those of its stable C interface (CUDA 11.0 and later); no SDK is needed to build this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace descent::gpu::cuda {

using Status = int32_t;
using DeviceHandle = int32_t;
using Address = uint64_t;  // of device memory
using Context = struct ContextObject*;
using Module = struct ModuleObject*;
using Function = struct FunctionObject*;
using StreamHandle = struct StreamObject*;
using Event = struct EventObject*;

enum : Status {
  kSuccess = 0,
  kInvalidValue = 1,
  kOutOfMemory = 2,
  kNotInitialized = 3,
  kDeinitialized = 4,
  kStubLibrary = 34,
  kDeviceUnavailable = 46,
  kNoDevice = 100,
  kNoBinaryForGpu = 209,
  kEccUncorrectable = 214,
  kInvalidPtx = 218,
  kNvlinkUncorrectable = 220,
  kUnsupportedPtxVersion = 222,
  kOperatingSystem = 304,
  kNotFound = 500,
  kNotReady = 600,
  kIllegalAddress = 700,
  kLaunchTimeout = 702,
  kContextIsDestroyed = 709,
  kAssert = 710,
  kHardwareStackError = 714,
  kIllegalInstruction = 715,
  kMisalignedAddress = 716,
  kInvalidAddressSpace = 717,
  kInvalidPc = 718,
  kLaunchFailed = 719,
  kContained = 721,
  kSystemNotReady = 802,
  kSystemDriverMismatch = 803,
  kUnknown = 999,
};

enum : int32_t {
  kMaxThreadsPerBlock = 1,
  kMaxSharedMemoryPerBlock = 8,
  kMultiprocessorCount = 16,
  kComputeMode = 20,
  kPciBus = 33,
  kPciDevice = 34,
  kPciDomain = 50,
  kComputeCapabilityMajor = 75,
  kComputeCapabilityMinor = 76,
};
constexpr int32_t kComputeModeProhibited = 2;
constexpr int32_t kFunctionMaxDynamicSharedBytes = 8;
constexpr uint32_t kStreamNonBlocking = 1;
constexpr uint32_t kEventDisableTiming = 2;
constexpr uint32_t kHostPortable = 1;
constexpr int32_t kJitErrorLog = 5;
constexpr int32_t kJitErrorLogBytes = 6;

// Each member is the function of its name with "cu" before it. Those with a second name have had two forms;
// it is the one that counts.
struct Library {
#define DESCENT_CUDA_FUNCTIONS(FUNCTION)                                                                     \
  FUNCTION(Init, "cuInit", (uint32_t))                                                                       \
  FUNCTION(DriverGetVersion, "cuDriverGetVersion", (int32_t*))                                               \
  FUNCTION(GetErrorName, "cuGetErrorName", (Status, const char**))                                           \
  FUNCTION(GetErrorString, "cuGetErrorString", (Status, const char**))                                       \
  FUNCTION(DeviceGetCount, "cuDeviceGetCount", (int32_t*))                                                   \
  FUNCTION(DeviceGet, "cuDeviceGet", (DeviceHandle*, int32_t))                                               \
  FUNCTION(DeviceGetName, "cuDeviceGetName", (char*, int32_t, DeviceHandle))                                 \
  FUNCTION(DeviceGetAttribute, "cuDeviceGetAttribute", (int32_t*, int32_t, DeviceHandle))                    \
  FUNCTION(DeviceTotalMem, "cuDeviceTotalMem_v2", (size_t*, DeviceHandle))                                   \
  FUNCTION(DevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", (Context*, DeviceHandle))                     \
  FUNCTION(CtxSetCurrent, "cuCtxSetCurrent", (Context))                                                      \
  FUNCTION(StreamCreate, "cuStreamCreate", (StreamHandle*, uint32_t))                                        \
  FUNCTION(StreamSynchronize, "cuStreamSynchronize", (StreamHandle))                                         \
  FUNCTION(StreamWaitEvent, "cuStreamWaitEvent", (StreamHandle, Event, uint32_t))                            \
  FUNCTION(EventCreate, "cuEventCreate", (Event*, uint32_t))                                                 \
  FUNCTION(EventRecord, "cuEventRecord", (Event, StreamHandle))                                              \
  FUNCTION(EventQuery, "cuEventQuery", (Event))                                                              \
  FUNCTION(EventSynchronize, "cuEventSynchronize", (Event))                                                  \
  FUNCTION(EventDestroy, "cuEventDestroy_v2", (Event))                                                       \
  FUNCTION(MemAlloc, "cuMemAlloc_v2", (Address*, size_t))                                                    \
  FUNCTION(MemFree, "cuMemFree_v2", (Address))                                                               \
  FUNCTION(MemHostAlloc, "cuMemHostAlloc", (void**, size_t, uint32_t))                                       \
  FUNCTION(MemFreeHost, "cuMemFreeHost", (void*))                                                            \
  FUNCTION(MemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", (Address, const void*, size_t, StreamHandle))            \
  FUNCTION(MemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", (void*, Address, size_t, StreamHandle))                  \
  FUNCTION(MemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2", (Address, Address, size_t, StreamHandle))                \
  FUNCTION(ModuleLoadDataEx, "cuModuleLoadDataEx", (Module*, const void*, uint32_t, const int32_t*, void**)) \
  FUNCTION(ModuleGetFunction, "cuModuleGetFunction", (Function*, Module, const char*))                       \
  FUNCTION(FuncSetAttribute, "cuFuncSetAttribute", (Function, int32_t, int32_t))                             \
  FUNCTION(LaunchKernel, "cuLaunchKernel",                                                                   \
           (Function, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, StreamHandle,    \
            void**, void**))
#define FUNCTION(name, symbol, PARAMETERS) Status(*name) PARAMETERS = nullptr;
  DESCENT_CUDA_FUNCTIONS(FUNCTION)
#undef FUNCTION
  // Of drivers since CUDA 12.4; null in older ones.
  Status (*FuncGetParamInfo)(Function, size_t, size_t*, size_t*) = nullptr;
};

// Null where the driver is not there, lacks a function or does not start; then `reason` says why, and what to
// do.
const Library* library(std::string& reason);

// "cuMemAlloc_v2 failed with CUDA_ERROR_OUT_OF_MEMORY, out of memory"
std::string failure(const Library& cuda, const char* symbol, Status status);
// Whether nothing on the device will answer after it.
bool isLost(Status status);

}  // namespace descent::gpu::cuda
