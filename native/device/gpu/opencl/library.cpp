// Finds the OpenCL loader: the file that DESCENT_OPENCL_LIBRARY names, or the system's.
#include "library.h"

#include <cstdlib>

#include "../shared_library.h"

namespace descent::gpu::opencl {

const Library* library(std::string& reason) {
  static std::string problem;
  static const Library* const loaded = []() -> const Library* {
#if defined(_WIN32)
    const std::initializer_list<const char*> usual = {"OpenCL.dll"};
#elif defined(__APPLE__)
    const std::initializer_list<const char*> usual = {
        "/System/Library/Frameworks/OpenCL.framework/Versions/Current/OpenCL"};
#else
    const std::initializer_list<const char*> usual = {"libOpenCL.so.1", "libOpenCL.so"};
#endif
    void* handle = openLibrary(std::getenv("DESCENT_OPENCL_LIBRARY"), usual, problem);
    if (!handle) {
      problem =
          "no OpenCL loader was found (" + problem +
          "); install the OpenCL driver of your graphics card, on Debian and Ubuntu with ocl-icd-libopencl1";
      return nullptr;
    }
    auto* made = new Library;
    bool isWhole = true;
    std::string missing;
#define FUNCTION(name, Result, PARAMETERS)                                             \
  made->name = reinterpret_cast<Result(*) PARAMETERS>(findSymbol(handle, "cl" #name)); \
  if (!made->name && isWhole) {                                                        \
    isWhole = false;                                                                   \
    missing = "cl" #name;                                                              \
  }
    DESCENT_OPENCL_FUNCTIONS(FUNCTION)
#undef FUNCTION
    if (isWhole) return made;
    problem =
        "the OpenCL loader has no function " + missing + "; it is older than OpenCL 1.2, update the driver";
    delete made;
    return nullptr;
  }();
  reason = problem;
  return loaded;
}

}  // namespace descent::gpu::opencl
