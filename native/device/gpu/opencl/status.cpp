// What an OpenCL function gave back, in words.
#include "status.h"

#include "library.h"

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
    case kInvalidCommandQueue:
      return "the queue is broken: a kernel failed on the device";
    case kKernelFault:
      return "a kernel read or wrote where it may not";
    case kPlatformNotFound:
      return "no OpenCL driver is installed";
    default:
      return "the driver refused it";
  }
}

}  // namespace

std::string failure(const char* call, int32_t status) {
  return std::string("cl") + call + " failed with " + std::to_string(status) + ", " + wordsFor(status);
}

}  // namespace descent::gpu::opencl
