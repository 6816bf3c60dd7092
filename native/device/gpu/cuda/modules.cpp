// Reads what pack.mjs wrote: a table of kernels, and PTX in blocks of LZ4's format.
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

namespace descent::gpu::cuda {

namespace {

struct Place {
  size_t block, begin, length;
};
struct Block {
  size_t offset, packed, size;
};
struct ModuleFile {
  std::string path;
  std::string target;  // "sm_75"
  int ptxVersion = 0;
  std::vector<Block> blocks;
  std::unordered_map<std::string, Place> kernels;
  std::string data;
};

[[noreturn]] void refuse(const std::string& path) {
  throw Error("device", "",
              "the CUDA module " + path + " is broken; install Descent again, or run npm run build:native.");
}

// The block format of LZ4: literals, then a piece of what is already there, again and again.
std::string unpack(const ModuleFile& file, const Block& block) {
  const auto* in = reinterpret_cast<const unsigned char*>(file.data.data()) + block.offset;
  const unsigned char* const end = in + block.packed;
  std::string out;
  out.reserve(block.size);
  const auto byte = [&]() -> size_t {
    if (in == end) refuse(file.path);
    return *in++;
  };
  const auto length = [&](size_t count) {
    if (count == 15) {
      size_t more;
      do {
        more = byte();
        count += more;
      } while (more == 255);
    }
    return count;
  };
  while (in != end) {
    const size_t token = byte();
    const size_t literals = length(token >> 4);
    if (literals > static_cast<size_t>(end - in) || literals > block.size - out.size()) refuse(file.path);
    out.append(reinterpret_cast<const char*>(in), literals);
    in += literals;
    if (in == end) break;
    const size_t low = byte(), distance = low | byte() << 8;
    const size_t match = length(token & 15) + 4;
    if (distance == 0 || distance > out.size() || match > block.size - out.size()) refuse(file.path);
    for (size_t k = 0; k < match; ++k) out.push_back(out[out.size() - distance]);
  }
  if (out.size() != block.size) refuse(file.path);
  return out;
}

std::unique_ptr<ModuleFile> readModule(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return nullptr;
  auto file = std::make_unique<ModuleFile>();
  file->path = path;
  std::string line;
  if (!std::getline(stream, line) || line != "descent cuda 1") refuse(path);
  while (std::getline(stream, line) && !line.empty()) {
    std::istringstream words(line);
    std::string what, name;
    words >> what;
    if (what == "ptx") {
      words >> file->ptxVersion;
    } else if (what == "target") {
      words >> file->target;
    } else if (what == "block") {
      Block block{};
      words >> block.offset >> block.packed >> block.size;
      file->blocks.push_back(block);
    } else {
      Place place{};
      words >> name >> place.block >> place.begin >> place.length;
      file->kernels.emplace(name, place);
    }
    if (!words) refuse(path);
  }
  std::ostringstream rest;
  rest << stream.rdbuf();
  file->data = rest.str();
  for (const Block& block : file->blocks) {
    if (block.offset > file->data.size() || block.packed > file->data.size() - block.offset) refuse(path);
  }
  for (const auto& [name, place] : file->kernels) {
    if (place.block >= file->blocks.size() || place.begin > file->blocks[place.block].size ||
        place.length > file->blocks[place.block].size - place.begin) {
      refuse(path);
    }
  }
  if (file->blocks.empty() || file->ptxVersion == 0) refuse(path);
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

// Null where there is none. Kept as long as the process.
const ModuleFile* moduleOf(const std::string& source) {
  static std::mutex lock;
  static auto* const files = new std::unordered_map<std::string, std::unique_ptr<ModuleFile>>;
  std::lock_guard<std::mutex> guard(lock);
  auto found = files->find(source);
  if (found == files->end()) {
    found = files->emplace(source, readModule(folder() + "/" + source + ".cuda")).first;
  }
  return found->second.get();
}

}  // namespace

std::string ptxOf(const std::string& source, const std::string& symbol) {
  const ModuleFile* file = moduleOf(source);
  if (!file) return "";
  const auto found = file->kernels.find(symbol);
  if (found == file->kernels.end()) return "";
  const Place& place = found->second;
  return unpack(*file, file->blocks[0]) +
         unpack(*file, file->blocks[place.block]).substr(place.begin, place.length);
}

bool hasModule(const std::string& source, int capability) {
  const ModuleFile* file = moduleOf(source);
  if (!file || file->target.size() < 5) return false;
  const int target = std::atoi(file->target.c_str() + 3);
  // sm_90a runs on 9.0 alone.
  return file->target.back() == 'a' ? capability == target : capability >= target;
}

// The module that no back end can do without says what is wanted of the driver.
int ptxVersionWanted() {
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
