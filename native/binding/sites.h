// When the JavaScript stack is read for the place of a call, and who reads it.
#pragma once

#include <node_api.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace descent::binding {

struct Environment;

// Reading a stack costs microseconds, which is nothing beside the ops of a large model and much beside those
// of a small one. So the first calls that want their place always get it, and later ones as long as all that
// reading stays below a hundredth of the time that passed. Measured on 784-128-10, batch 64, SGD: reading at
// every call costs 15 % of a step; as it is here the difference was lost in noise of a few percent.
class CallSites {
 public:
  enum class When : uint8_t { never, affordable, always };
  explicit CallSites(Environment& environment) : environment_(environment) {}

  void setFunctions(napi_value read, napi_value text);
  // Whoever sets it anew has the first calls for nothing again.
  When setWhen(When when);
  bool isAlways() const { return when_ == When::always; }
  void close();

 private:
  uint32_t read();
  std::string text(uint32_t site);
  bool canAfford();

  static constexpr int kFree = 4096;
  Environment& environment_;
  When when_ = When::affordable;
  napi_ref readFunction_ = nullptr, textFunction_ = nullptr;
  int free_ = kFree;
  double credit_ = 0;  // seconds
  std::chrono::steady_clock::time_point last_;
};

}  // namespace descent::binding
