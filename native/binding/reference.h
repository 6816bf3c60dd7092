// A JavaScript object held from the graph. The graph may go inside the garbage collector, where nothing of
// JavaScript may be touched: what is to be done then waits for the next call.
#pragma once

#include <node_api.h>

#include <vector>

namespace descent::binding {

class ReferenceQueue;

// Weak, except while somebody holds it.
class JsReference {
 public:
  JsReference(ReferenceQueue& queue, napi_value value);
  ~JsReference();
  JsReference(const JsReference&) = delete;
  JsReference& operator=(const JsReference&) = delete;

  void hold();
  void letGo();
  // Null when the collector took it.
  napi_value get() const;

 private:
  friend class ReferenceQueue;
  struct State {
    napi_ref reference = nullptr;
    int holds = 0;
    bool isStrong = false, isQueued = false, isDead = false;
  };
  void enqueue();
  ReferenceQueue& queue_;
  State* state_;
};

class ReferenceQueue {
 public:
  explicit ReferenceQueue(napi_env env) : env_(env) {}
  // Does what was put off; not inside the collector.
  void drain() {
    if (!waiting_.empty()) drainAll();
  }
  // The environment is going: from here on nothing is done any more.
  void close() { env_ = nullptr; }

 private:
  friend class JsReference;
  void drainAll();
  napi_env env_;
  std::vector<JsReference::State*> waiting_;
};

}  // namespace descent::binding
