// Tensors handed from one JavaScript thread to another, memory and all, without a copy.
//
// A tensor object belongs to its thread; what travels is its storage, whose references are counted
// atomically, and a copy of the rest. Between the threads goes a number, under which the storage waits here.
#include <mutex>
#include <string>
#include <unordered_map>

#include "../device/device.h"
#include "environment.h"

namespace descent::binding {

namespace {

struct Waiting {
  Ref<Storage> storage;
  Geometry geometry;
  DType dtype;
  int64_t group;
};

// Never destroyed: a worker may still hand something over while the process ends.
struct Exchange {
  std::mutex mutex;
  std::unordered_map<int64_t, Waiting> waiting;
  int64_t next = 1;
};

Exchange& exchange() {
  static Exchange* const instance = new Exchange;
  return *instance;
}

// (x, group): the number under which another thread may adopt `x`, once.
napi_value share(const CallInfo& call) {
  const Tensor& x = call.tensor(0);
  const int64_t group = call.integer(1, "group");
  // Whoever adopts it may read at once: the device has to be done with it.
  deviceOf(x.device()).synchronize();
  Exchange& shared = exchange();
  const std::lock_guard<std::mutex> lock(shared.mutex);
  const int64_t token = shared.next++;
  shared.waiting.emplace(token, Waiting{Ref<Storage>(&x.storage()), x.geometry(), x.dtype(), group});
  return call.toNumber(static_cast<double>(token));
}

napi_value adoptShared(const CallInfo& call) {
  const int64_t token = call.integer(1, "token");
  Waiting taken;
  {
    Exchange& shared = exchange();
    const std::lock_guard<std::mutex> lock(shared.mutex);
    const auto found = shared.waiting.find(token);
    if (found == shared.waiting.end())
      throw Error("argument", call.name, "no tensor waits under " + std::to_string(token));
    taken = std::move(found->second);
    shared.waiting.erase(found);
  }
  call.give(call[0], Tensor(std::move(taken.storage), taken.geometry, taken.dtype));
  return nullptr;
}

// Lets go of everything of a group that nobody adopted; returns how many that were.
napi_value dropShared(const CallInfo& call) {
  const int64_t group = call.integer(0, "group");
  std::vector<Waiting> dropped;  // freed after the lock is
  {
    Exchange& shared = exchange();
    const std::lock_guard<std::mutex> lock(shared.mutex);
    for (auto at = shared.waiting.begin(); at != shared.waiting.end();) {
      if (at->second.group != group) {
        ++at;
        continue;
      }
      dropped.push_back(std::move(at->second));
      at = shared.waiting.erase(at);
    }
  }
  return call.toNumber(static_cast<double>(dropped.size()));
}

}  // namespace

void addSharingFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "share", share);
  addFunction(environment, exports, "adoptShared", adoptShared);
  addFunction(environment, exports, "dropShared", dropShared);
}

}  // namespace descent::binding
