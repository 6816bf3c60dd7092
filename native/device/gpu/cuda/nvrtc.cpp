// The few functions of NVRTC that are used; types are those of its C interface (CUDA 11.2 and later).
#include "nvrtc.h"

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "../shared_library.h"

namespace descent::gpu::cuda {

namespace {

using NvrtcProgram = struct NvrtcProgramObject*;

struct Nvrtc {
#define DESCENT_NVRTC_FUNCTIONS(FUNCTION)                                                          \
  FUNCTION(CreateProgram,                                                                          \
           (NvrtcProgram*, const char*, const char*, int, const char* const*, const char* const*)) \
  FUNCTION(CompileProgram, (NvrtcProgram, int, const char* const*))                                \
  FUNCTION(DestroyProgram, (NvrtcProgram*))                                                        \
  FUNCTION(GetProgramLogSize, (NvrtcProgram, size_t*))                                             \
  FUNCTION(GetProgramLog, (NvrtcProgram, char*))                                                   \
  FUNCTION(GetPTXSize, (NvrtcProgram, size_t*))                                                    \
  FUNCTION(GetPTX, (NvrtcProgram, char*))                                                          \
  FUNCTION(GetCUBINSize, (NvrtcProgram, size_t*))                                                  \
  FUNCTION(GetCUBIN, (NvrtcProgram, char*))                                                        \
  FUNCTION(GetNumSupportedArchs, (int*))                                                           \
  FUNCTION(GetSupportedArchs, (int*))
#define FUNCTION(name, PARAMETERS) int(*name) PARAMETERS = nullptr;
  DESCENT_NVRTC_FUNCTIONS(FUNCTION)
#undef FUNCTION
};

const Nvrtc* nvrtc(std::string& reason) {
  static std::string problem;
  static const Nvrtc* const loaded = []() -> const Nvrtc* {
#if defined(_WIN32)
    const std::initializer_list<const char*> usual = {"nvrtc64_130_0.dll", "nvrtc64_120_0.dll",
                                                      "nvrtc64_112_0.dll"};
#else
    const std::initializer_list<const char*> usual = {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12",
                                                      "libnvrtc.so.11.2",
                                                      "/usr/local/cuda/lib64/libnvrtc.so"};
#endif
    void* handle = openLibrary(std::getenv("DESCENT_NVRTC_LIBRARY"), usual, problem);
    if (!handle) {
      problem = "NVRTC was not found";
      return nullptr;
    }
    static Nvrtc made;
    bool isWhole = true;
#define FUNCTION(name, PARAMETERS)                                                    \
  made.name = reinterpret_cast<int(*) PARAMETERS>(findSymbol(handle, "nvrtc" #name)); \
  isWhole = isWhole && made.name;
    DESCENT_NVRTC_FUNCTIONS(FUNCTION)
#undef FUNCTION
    if (isWhole) return &made;
    problem = "NVRTC is older than CUDA 11.2";
    return nullptr;
  }();
  reason = problem;
  return loaded;
}

}  // namespace

const char* nvrtcObjection() {
  static std::string reason;
  return nvrtc(reason) ? nullptr : reason.c_str();
}

std::string compileByNvrtc(const ProgramSource& program, int capability) {
  std::string reason;
  const Nvrtc* library = nvrtc(reason);
  if (!library) throw Error("device", "", reason + ".");
  // Code for the card itself where this NVRTC knows it; else PTX of the newest it knows below it.
  int count = 0;
  library->GetNumSupportedArchs(&count);
  std::vector<int> known(static_cast<size_t>(std::max(count, 0)));
  if (!known.empty()) library->GetSupportedArchs(known.data());
  int best = 0;
  for (int arch : known) {
    if (arch <= capability) best = std::max(best, arch);
  }
  const bool isExact = best == capability;
  const std::string architecture =
      std::string("--gpu-architecture=") + (isExact ? "sm_" : "compute_") + std::to_string(best);
  const char* options[] = {architecture.c_str(), "--std=c++17", "--disable-warnings"};
  const std::string text = "#define VARIANT " + program.variant + "\n" + program.text;
  const std::string name = program.source + ".cu";
  NvrtcProgram handle = nullptr;
  int status = library->CreateProgram(&handle, text.c_str(), name.c_str(), 0, nullptr, nullptr);
  std::string made, log;
  if (status == 0) {
    status = library->CompileProgram(handle, 3, options);
    size_t size = 0;
    if (status == 0) {
      status = isExact ? library->GetCUBINSize(handle, &size) : library->GetPTXSize(handle, &size);
      made.resize(size);
      if (status == 0)
        status = isExact ? library->GetCUBIN(handle, made.data()) : library->GetPTX(handle, made.data());
    } else if (library->GetProgramLogSize(handle, &size) == 0 && size > 1) {
      log.resize(size);
      library->GetProgramLog(handle, log.data());
      log.resize(size - 1);
    }
    library->DestroyProgram(&handle);
  }
  if (status != 0) {
    throw Error("device", "",
                "the kernels of '" + program.source + "' (" + program.variant +
                    ") do not compile with NVRTC (error " + std::to_string(status) + ")" +
                    (log.empty() ? "." : ":\n" + log));
  }
  return made;
}

}  // namespace descent::gpu::cuda
