// The few functions of OpenCL 1.2 that are used, found in the vendor's loader at run time. Types and numbers
// are those of the Khronos specification of OpenCL 1.2; no SDK is needed to build this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace descent::gpu::opencl {

using Platform = struct PlatformObject*;
using DeviceHandle = struct DeviceObject*;
using Context = struct ContextObject*;
using Queue = struct QueueObject*;
using Buffer = struct BufferObject*;
using Program = struct ProgramObject*;
using KernelHandle = struct KernelObject*;
using Event = struct EventObject*;

enum : int32_t {
  kSuccess = 0,
  kDeviceNotFound = -1,
  kDeviceNotAvailable = -2,
  kMemoryObjectAllocationFailure = -4,
  kOutOfResources = -5,
  kOutOfHostMemory = -6,
  kBuildProgramFailure = -11,
  kEventInWaitListFailed = -14,
  kInvalidCommandQueue = -36,
  kInvalidBufferSize = -61,
  kPlatformNotFound = -1001,
  kKernelFault = -9999,  // NVIDIA's: a kernel read or wrote where it may not
};

enum : uint32_t {
  kPlatformVersion = 0x0901,
  kPlatformName = 0x0902,
  kDeviceTypeInfo = 0x1000,
  kDeviceMaxComputeUnits = 0x1002,
  kDeviceMaxWorkGroupSize = 0x1004,
  kDeviceMaxMemAllocSize = 0x1010,
  kDeviceMaxParameterSize = 0x1017,
  kDeviceGlobalMemSize = 0x101F,
  kDeviceLocalMemSize = 0x1023,
  kDeviceEndianLittle = 0x1026,
  kDeviceAvailable = 0x1027,
  kDeviceCompilerAvailable = 0x1028,
  kDeviceName = 0x102B,
  kDeviceVendor = 0x102C,
  kDriverVersion = 0x102D,
  kDeviceVersion = 0x102F,
  kDeviceExtensions = 0x1030,
  kDeviceDoubleConfig = 0x1032,
  kProgramBinarySizes = 0x1165,
  kProgramBinaries = 0x1166,
  kProgramBuildLog = 0x1183,
  kEventStatus = 0x11D3,
};
constexpr uint64_t kDeviceTypeProcessor = 1u << 1;
constexpr uint64_t kDeviceTypeAll = 0xFFFFFFFF;
constexpr uint64_t kMemoryReadWrite = 1u << 0;
constexpr uint64_t kMemoryAllocateHost = 1u << 4;
constexpr uint64_t kMigrateContentUndefined = 1u << 1;
constexpr uint64_t kMapReadWrite = (1u << 0) | (1u << 1);

// Each member is the function of its name with "cl" before it.
struct Library {
#define DESCENT_OPENCL_FUNCTIONS(FUNCTION)                                                                   \
  FUNCTION(GetPlatformIDs, int32_t, (uint32_t, Platform*, uint32_t*))                                        \
  FUNCTION(GetPlatformInfo, int32_t, (Platform, uint32_t, size_t, void*, size_t*))                           \
  FUNCTION(GetDeviceIDs, int32_t, (Platform, uint64_t, uint32_t, DeviceHandle*, uint32_t*))                  \
  FUNCTION(GetDeviceInfo, int32_t, (DeviceHandle, uint32_t, size_t, void*, size_t*))                         \
  FUNCTION(CreateContext, Context, (const intptr_t*, uint32_t, const DeviceHandle*, void*, void*, int32_t*)) \
  FUNCTION(ReleaseContext, int32_t, (Context))                                                               \
  FUNCTION(CreateCommandQueue, Queue, (Context, DeviceHandle, uint64_t, int32_t*))                           \
  FUNCTION(ReleaseCommandQueue, int32_t, (Queue))                                                            \
  FUNCTION(CreateBuffer, Buffer, (Context, uint64_t, size_t, void*, int32_t*))                               \
  FUNCTION(ReleaseMemObject, int32_t, (Buffer))                                                              \
  FUNCTION(CreateProgramWithSource, Program, (Context, uint32_t, const char**, const size_t*, int32_t*))     \
  FUNCTION(                                                                                                  \
      CreateProgramWithBinary, Program,                                                                      \
      (Context, uint32_t, const DeviceHandle*, const size_t*, const unsigned char**, int32_t*, int32_t*))    \
  FUNCTION(BuildProgram, int32_t, (Program, uint32_t, const DeviceHandle*, const char*, void*, void*))       \
  FUNCTION(GetProgramInfo, int32_t, (Program, uint32_t, size_t, void*, size_t*))                             \
  FUNCTION(GetProgramBuildInfo, int32_t, (Program, DeviceHandle, uint32_t, size_t, void*, size_t*))          \
  FUNCTION(ReleaseProgram, int32_t, (Program))                                                               \
  FUNCTION(CreateKernel, KernelHandle, (Program, const char*, int32_t*))                                     \
  FUNCTION(ReleaseKernel, int32_t, (KernelHandle))                                                           \
  FUNCTION(SetKernelArg, int32_t, (KernelHandle, uint32_t, size_t, const void*))                             \
  FUNCTION(EnqueueNDRangeKernel, int32_t,                                                                    \
           (Queue, KernelHandle, uint32_t, const size_t*, const size_t*, const size_t*, uint32_t,            \
            const Event*, Event*))                                                                           \
  FUNCTION(EnqueueReadBuffer, int32_t,                                                                       \
           (Queue, Buffer, uint32_t, size_t, size_t, void*, uint32_t, const Event*, Event*))                 \
  FUNCTION(EnqueueWriteBuffer, int32_t,                                                                      \
           (Queue, Buffer, uint32_t, size_t, size_t, const void*, uint32_t, const Event*, Event*))           \
  FUNCTION(EnqueueCopyBuffer, int32_t,                                                                       \
           (Queue, Buffer, Buffer, size_t, size_t, size_t, uint32_t, const Event*, Event*))                  \
  FUNCTION(EnqueueMapBuffer, void*,                                                                          \
           (Queue, Buffer, uint32_t, uint64_t, size_t, size_t, uint32_t, const Event*, Event*, int32_t*))    \
  FUNCTION(EnqueueUnmapMemObject, int32_t, (Queue, Buffer, void*, uint32_t, const Event*, Event*))           \
  FUNCTION(EnqueueMigrateMemObjects, int32_t,                                                                \
           (Queue, uint32_t, const Buffer*, uint64_t, uint32_t, const Event*, Event*))                       \
  FUNCTION(EnqueueMarkerWithWaitList, int32_t, (Queue, uint32_t, const Event*, Event*))                      \
  FUNCTION(EnqueueBarrierWithWaitList, int32_t, (Queue, uint32_t, const Event*, Event*))                     \
  FUNCTION(GetEventInfo, int32_t, (Event, uint32_t, size_t, void*, size_t*))                                 \
  FUNCTION(WaitForEvents, int32_t, (uint32_t, const Event*))                                                 \
  FUNCTION(ReleaseEvent, int32_t, (Event))                                                                   \
  FUNCTION(Flush, int32_t, (Queue))                                                                          \
  FUNCTION(Finish, int32_t, (Queue))
#define FUNCTION(name, Result, PARAMETERS) Result(*name) PARAMETERS = nullptr;
  DESCENT_OPENCL_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

// Null where the loader is not there or lacks a function; then `reason` says why, and what to do.
const Library* library(std::string& reason);

}  // namespace descent::gpu::opencl
