// Finds and starts the CUDA driver: the file that DESCENT_CUDA_LIBRARY names, or the system's.
#include "library.h"

#include <cstdlib>

#include "../shared_library.h"

namespace descent::gpu::cuda {

namespace {

// What to do about a driver that is there and does not start.
std::string adviceFor(Status status) {
  switch (status) {
    case kNoDevice:
      return "the driver is installed, but found no card it can use; if there is one, nvidia-smi tells more";
    case kStubLibrary:
      return "this is the SDK's stand-in for the driver's library; install the driver itself";
    case kSystemDriverMismatch:
      return "the driver was updated and its kernel module is still the old one; restart the machine";
    case kSystemNotReady:
      return "the machine's NVSwitch service is not running; start nvidia-fabricmanager";
    case kOperatingSystem:
    case kUnknown:
      return "the driver's kernel module does not answer; nvidia-smi tells more, restarting the machine "
             "often "
             "helps";
    default:
      return "nvidia-smi tells more; installing the driver again often helps";
  }
}

}  // namespace

std::string failure(const Library& cuda, const char* symbol, Status status) {
  const char *name = nullptr, *words = nullptr;
  if (cuda.GetErrorName(status, &name) != kSuccess) name = nullptr;
  if (cuda.GetErrorString(status, &words) != kSuccess) words = nullptr;
  return std::string(symbol) + " failed with " + (name ? name : "error " + std::to_string(status)) +
         (words ? std::string(", ") + words : "");
}

bool isLost(Status status) {
  switch (status) {
    case kNotInitialized:
    case kDeinitialized:
    case kDeviceUnavailable:
    case kEccUncorrectable:
    case kNvlinkUncorrectable:
    case kIllegalAddress:
    case kLaunchTimeout:
    case kContextIsDestroyed:
    case kAssert:
    case kHardwareStackError:
    case kIllegalInstruction:
    case kMisalignedAddress:
    case kInvalidAddressSpace:
    case kInvalidPc:
    case kLaunchFailed:
    case kContained:
    case kUnknown:
      return true;
    default:
      return false;
  }
}

const Library* library(std::string& reason) {
  static std::string problem;
  static const Library* const loaded = []() -> const Library* {
#if defined(_WIN32)
    const std::initializer_list<const char*> usual = {"nvcuda.dll"};
#else
    const std::initializer_list<const char*> usual = {"libcuda.so.1"};
#endif
    void* handle = openLibrary(std::getenv("DESCENT_CUDA_LIBRARY"), usual, problem);
    if (!handle) {
      problem = "no NVIDIA driver was found (" + problem +
                "); if there is an NVIDIA card in this machine, install its driver";
      return nullptr;
    }
    static Library made;
    const char* missing = nullptr;
#define FUNCTION(name, symbol, PARAMETERS)                                        \
  made.name = reinterpret_cast<Status(*) PARAMETERS>(findSymbol(handle, symbol)); \
  if (!made.name && !missing) missing = symbol;
    DESCENT_CUDA_FUNCTIONS(FUNCTION)
#undef FUNCTION
    made.FuncGetParamInfo =
        reinterpret_cast<decltype(made.FuncGetParamInfo)>(findSymbol(handle, "cuFuncGetParamInfo"));
    if (missing) {
      problem = std::string("the NVIDIA driver has no function ") + missing +
                "; it is too old, install one of 2020 or later (450 and up)";
      return nullptr;
    }
    const Status status = made.Init(0);
    if (status == kSuccess) return &made;
    problem = failure(made, "cuInit", status) + "; " + adviceFor(status);
    return nullptr;
  }();
  reason = problem;
  return loaded;
}

}  // namespace descent::gpu::cuda
