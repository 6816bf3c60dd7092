// What the stand-in CUDA driver of cuda.cpp knows: what is allocated, what waits in which stream, which
// kernels there are.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "device/gpu/cuda/library.h"

namespace descent::gpu::cuda {
struct ContextObject {
  int device;
};
struct EventObject {
  bool isPassed = true;
  StreamHandle stream = nullptr;
  int questions = 0;
};
struct StreamObject {
  std::deque<std::function<void()>> waiting;
};
struct FunctionObject {
  std::string name;
  std::vector<size_t> sizes;
  std::vector<bool> isWord;  // .u64: may be an address
  size_t sharedBytes = 0;
};
struct ModuleObject {
  std::map<std::string, FunctionObject> functions;
};
}  // namespace descent::gpu::cuda

using namespace descent::gpu::cuda;

namespace {

// Device memory has addresses of its own, and no address twice: what was freed is known by it.
constexpr size_t kArena = size_t{1} << 40;
constexpr size_t kPage = 4096;

std::string setting(const char* name, const char* otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

struct Rule {
  std::string name;
  long at;
  Status status;
};

struct State {
  std::recursive_mutex lock;
  std::map<std::string, long> calls;
  long all = 0, launches = 0, complaints = 0;
  std::vector<Rule> rules;
  size_t memory = std::stoull(setting("STAND_IN_MEMORY", "17179869184")), used = 0;
  char* arena = static_cast<char*>(
      mmap(nullptr, kArena, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  size_t nextPlace = 0;
  std::map<Address, size_t> allocations;
  std::map<void*, size_t> hostMemory;
  std::set<ContextObject*> contexts;
  std::set<StreamObject*> streams;
  std::set<EventObject*> events;
  std::set<FunctionObject*> functions;
  std::vector<std::unique_ptr<ModuleObject>> modules;
  bool isStarted = false;

  State() {
    const std::string fail = setting("STAND_IN_FAIL", "");
    for (size_t at = 0; at < fail.size();) {
      const size_t end = std::min(fail.find(',', at), fail.size());
      const std::string part = fail.substr(at, end - at);
      const size_t first = part.find(':'), second = part.find(':', first + 1);
      rules.push_back({part.substr(0, first), std::stol(part.substr(first + 1)),
                       static_cast<Status>(std::stol(part.substr(second + 1)))});
      at = end + 1;
    }
  }
  ~State() {
    const std::string log = setting("STAND_IN_LOG", "");
    FILE* file = log.empty() ? nullptr : std::fopen(log.c_str(), "w");
    if (!file) return;
    for (const auto& [name, count] : calls) std::fprintf(file, "%s %ld\n", name.c_str(), count);
    std::fprintf(file, "alive:Memory %zu\nalive:bytes %zu\n", allocations.size(), used);
    std::fprintf(file, "alive:HostMemory %zu\nalive:Event %zu\n", hostMemory.size(), events.size());
    std::fprintf(file, "all %ld\ncomplaints %ld\n", all, complaints);
    std::fclose(file);
  }

  void complain(const std::string& sentence) {
    ++complaints;
    std::fprintf(stderr, "stand-in: %s\n", sentence.c_str());
  }

  bool isDevice(Address address) const {
    return address >= reinterpret_cast<Address>(arena) && address < reinterpret_cast<Address>(arena) + kArena;
  }
  // Whether all of it lies in one piece of memory that is allocated.
  bool isAlive(Address address, size_t bytes) const {
    auto next = allocations.upper_bound(address);
    if (next == allocations.begin()) return false;
    --next;
    return address + bytes <= next->first + next->second;
  }

  void work(StreamObject* stream) {
    while (!stream->waiting.empty()) {
      const auto next = std::move(stream->waiting.front());
      stream->waiting.pop_front();
      next();
    }
  }
  void workAll() {
    for (StreamObject* stream : streams) work(stream);
  }
};

State& state() {
  static State instance;
  return instance;
}

thread_local ContextObject* current = nullptr;

// One call: counted, and failing where the environment says so.
struct Call {
  State& now = state();
  std::lock_guard<std::recursive_mutex> guard{now.lock};
  Status status = kSuccess;
  explicit Call(const char* name, bool needsStart = true) {
    ++now.all;
    const long count = ++now.calls[name];
    for (const Rule& rule : now.rules) {
      if (rule.name == "*" ? rule.at == now.all : rule.name == name && rule.at == count) status = rule.status;
    }
    if (needsStart && !now.isStarted) now.complain(std::string(name) + " comes before Init");
  }
  // For functions that work on the calling thread's context.
  Call(const char* name, ContextObject* context) : Call(name) {
    if (!context) now.complain(std::string(name) + " is called on a thread that has no context");
  }
  void stream(StreamObject* stream) {
    if (!now.streams.count(stream)) now.complain("a stream is used that does not exist");
  }
  void event(EventObject* event) {
    if (!now.events.count(event)) now.complain("an event is used that does not exist");
  }
  void memory(Address address, size_t bytes, const char* what) {
    if (!now.isAlive(address, bytes))
      now.complain(std::string(what) + " of " + std::to_string(bytes) +
                   " bytes outside of what is allocated");
  }
};

// The kernels of a PTX text: what they are called, and how many bytes each argument has.
bool read(const std::string& ptx, ModuleObject& module) {
  static const std::string kEntry = ".entry ";
  for (size_t at = ptx.find(kEntry); at != std::string::npos; at = ptx.find(kEntry, at)) {
    at += kEntry.size();
    const size_t open = ptx.find_first_of("({", at), close = ptx.find(')', at);
    if (open == std::string::npos) return false;
    FunctionObject function;
    function.name = ptx.substr(at, ptx.find_first_of(" \n({", at) - at);
    if (ptx[open] == '(') {
      if (close == std::string::npos) return false;
      const std::string list = ptx.substr(open, close - open);
      for (size_t param = list.find(".param"); param != std::string::npos;
           param = list.find(".param", param)) {
        const size_t end = std::min(list.find(".param", param + 1), list.size());
        const std::string text = list.substr(param, end - param);
        size_t bytes = 0;
        for (const char* type : {".u64", ".s64", ".b64", ".f64"})
          bytes = text.find(type) != std::string::npos ? 8 : bytes;
        for (const char* type : {".u32", ".s32", ".b32", ".f32"})
          bytes = text.find(type) != std::string::npos ? 4 : bytes;
        const size_t count = text.find('[');
        if (text.find(".b8") != std::string::npos && count != std::string::npos)
          bytes = std::stoull(text.substr(count + 1));
        if (bytes == 0) return false;
        function.sizes.push_back(bytes);
        function.isWord.push_back(bytes == 8 && count == std::string::npos);
        param = end;
      }
    }
    module.functions[function.name] = function;
  }
  return !module.functions.empty();
}

}  // namespace
