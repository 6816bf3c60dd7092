// Reads what pack.mjs wrote: a table of kernels, and their PTX, packed.
#include "modules.h"

#include <dlfcn.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <mutex>
#include <sstream>
#include <unordered_map>
#include <vector>

#include "../../../tensor/error.h"
#include "../../unpack.h"

namespace descent::gpu::cuda {

namespace {

struct Place {
  size_t begin, length;
};
struct ModuleFile {
  std::string path;
  std::string target;  // "sm_75"
  int ptxVersion = 0;
  size_t prelude = 0;  // bytes that every kernel begins with
  std::unordered_map<std::string, Place> kernels;
  std::string packed;  // empty once it is unpacked
  std::string text;
};

[[noreturn]] void refuse(const std::string& path) {
  throw Error("device", "",
              "the CUDA module " + path + " is broken; install Descent again, or run npm run build:native.");
}

std::unique_ptr<ModuleFile> readModule(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return nullptr;
  auto file = std::make_unique<ModuleFile>();
  file->path = path;
  std::string line;
  if (!std::getline(stream, line) || line != "descent cuda 2") refuse(path);
  while (std::getline(stream, line) && !line.empty()) {
    std::istringstream words(line);
    std::string what, name;
    words >> what;
    if (what == "ptx") {
      words >> file->ptxVersion;
    } else if (what == "target") {
      words >> file->target;
    } else if (what == "prelude") {
      words >> file->prelude;
    } else {
      Place place{};
      words >> name >> place.begin >> place.length;
      file->kernels.emplace(name, place);
    }
    if (!words) refuse(path);
  }
  std::ostringstream rest;
  rest << stream.rdbuf();
  file->packed = rest.str();
  if (file->packed.empty() || file->ptxVersion == 0) refuse(path);
  return file;
}

const std::string& folder() {
  static const std::string* const found = [] {
    const char* named = std::getenv("DESCENT_CUDA_MODULES");
    if (named && *named) return new std::string(named);
    Dl_info info{};
    if (!dladdr(reinterpret_cast<void*>(&folder), &info) || !info.dli_fname) return new std::string;
    const std::string addon = info.dli_fname;
    const size_t slash = addon.find_last_of("/\\");
    return new std::string((slash == std::string::npos ? "." : addon.substr(0, slash)) + "/gpu");
  }();
  return *found;
}

std::mutex lock;

// Null where there is none. Kept as long as the process. The lock is held.
ModuleFile* moduleOf(const std::string& source) {
  static auto* const files = new std::unordered_map<std::string, std::unique_ptr<ModuleFile>>;
  auto found = files->find(source);
  if (found == files->end()) {
    found = files->emplace(source, readModule(folder() + "/" + source + ".cuda")).first;
  }
  return found->second.get();
}

void makeWhole(ModuleFile& file) {
  if (file.packed.empty()) return;
  file.text = unpack(file.packed);
  bool isWhole = file.prelude > 0 && file.prelude <= file.text.size();
  for (const auto& [name, place] : file.kernels) {
    isWhole = isWhole && place.begin <= file.text.size() && place.length <= file.text.size() - place.begin;
  }
  if (!isWhole) refuse(file.path);
  file.packed.clear();
  file.packed.shrink_to_fit();
}

}  // namespace

std::string ptxOf(const std::string& source, const std::string& symbol) {
  std::lock_guard<std::mutex> guard(lock);
  ModuleFile* file = moduleOf(source);
  if (!file) return "";
  const auto found = file->kernels.find(symbol);
  if (found == file->kernels.end()) return "";
  makeWhole(*file);
  return file->text.substr(0, file->prelude) + file->text.substr(found->second.begin, found->second.length);
}

bool hasModule(const std::string& source, int capability) {
  std::lock_guard<std::mutex> guard(lock);
  const ModuleFile* file = moduleOf(source);
  if (!file || file->target.size() < 5) return false;
  const int target = std::atoi(file->target.c_str() + 3);
  // sm_90a runs on 9.0 alone.
  return file->target.back() == 'a' ? capability == target : capability >= target;
}

// The module that no back end can do without says what is wanted of the driver.
int ptxVersionWanted() {
  std::lock_guard<std::mutex> guard(lock);
  const ModuleFile* file = moduleOf("copy");
  return file ? file->ptxVersion : 0;
}

std::string modulesFolder() { return ptxVersionWanted() ? folder() : ""; }

namespace {

// Each PTX version and the CUDA version, 12040 for 12.4, that came with it.
constexpr struct {
  int ptx, cuda;
} kVersions[] = {{63, 10000}, {64, 10010}, {65, 10020}, {70, 11000}, {71, 11010}, {72, 11020},
                 {73, 11030}, {74, 11040}, {75, 11050}, {76, 11060}, {77, 11070}, {78, 11080},
                 {80, 12000}, {81, 12010}, {82, 12020}, {83, 12030}, {84, 12040}, {85, 12050},
                 {86, 12070}, {87, 12080}, {88, 12090}, {90, 13000}};

}  // namespace

int ptxVersionOf(int driverVersion) {
  int most = 0;
  for (const auto& known : kVersions) {
    if (known.cuda <= driverVersion) most = known.ptx;
  }
  return most;
}

std::string cudaVersionFor(int ptxVersion) {
  for (const auto& known : kVersions) {
    if (known.ptx >= ptxVersion)
      return std::to_string(known.cuda / 1000) + "." + std::to_string(known.cuda % 1000 / 10);
  }
  return "13.0";
}

}  // namespace descent::gpu::cuda
