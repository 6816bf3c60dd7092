// Reads the place of a call from the JavaScript stack, by a function of JavaScript's.
#include "sites.h"

#include <algorithm>

#include "../device/site.h"
#include "environment.h"

namespace descent::binding {

namespace {

constexpr double kShare = 0.01;         // of the time that passed
constexpr double kMostCredit = 200e-6;  // so that a long wait does not pay for a burst
constexpr double kPrice = 2e-6;         // what a reading is expected to cost

// Runs `body`, which may not throw, with handles of its own; nothing where an exception is pending already.
template <class Body>
void within(napi_env env, Body body) {
  bool isPending = false;
  napi_handle_scope scope;
  if (napi_is_exception_pending(env, &isPending) != napi_ok || isPending) return;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  body();
  if (napi_is_exception_pending(env, &isPending) == napi_ok && isPending) {
    napi_value ignored;
    napi_get_and_clear_last_exception(env, &ignored);
  }
  napi_close_handle_scope(env, scope);
}

napi_value callSitesFunctions(const CallInfo& call) {
  call.environment.sites.setFunctions(call[0], call[1]);
  return nullptr;
}

napi_value setCallSites(const CallInfo& call) {
  const int64_t when = call.integer(0, "when");
  if (when < 0 || when > 2) throw Error("argument", call.name, "when must be 0, 1 or 2");
  return call.toNumber(static_cast<int>(call.environment.sites.setWhen(static_cast<CallSites::When>(when))));
}

}  // namespace

void CallSites::setFunctions(napi_value read, napi_value text) {
  napi_env env = environment_.env;
  napi_create_reference(env, read, 1, &readFunction_);
  napi_create_reference(env, text, 1, &textFunction_);
  last_ = std::chrono::steady_clock::now();
  setSiteReader({[this] { return this->read(); }, [this](uint32_t site) { return this->text(site); }});
}

CallSites::When CallSites::setWhen(When when) {
  const When before = when_;
  when_ = when;
  free_ = kFree;
  return before;
}

void CallSites::close() { setSiteReader({}); }

bool CallSites::canAfford() {
  if (when_ != When::affordable) return when_ == When::always;
  if (free_ > 0) {
    free_--;
    return true;
  }
  const auto now = std::chrono::steady_clock::now();
  credit_ = std::min(credit_ + kShare * std::chrono::duration<double>(now - last_).count(), kMostCredit);
  last_ = now;
  return credit_ >= kPrice;
}

uint32_t CallSites::read() {
  if (!canAfford()) return 0;
  const auto before = std::chrono::steady_clock::now();
  uint32_t site = 0;
  napi_env env = environment_.env;
  within(env, [&] {
    napi_value function, global, result;
    napi_get_reference_value(env, readFunction_, &function);
    napi_get_global(env, &global);
    if (napi_call_function(env, global, function, 0, nullptr, &result) != napi_ok) return;
    napi_get_value_uint32(env, result, &site);
  });
  credit_ -= std::chrono::duration<double>(std::chrono::steady_clock::now() - before).count();
  if (when_ == When::always || free_ > 0) credit_ = 0;
  return site;
}

std::string CallSites::text(uint32_t site) {
  std::string text;
  napi_env env = environment_.env;
  within(env, [&] {
    napi_value function, global, number, result;
    napi_get_reference_value(env, textFunction_, &function);
    napi_get_global(env, &global);
    napi_create_uint32(env, site, &number);
    if (napi_call_function(env, global, function, 1, &number, &result) != napi_ok) return;
    size_t length = 0;
    if (napi_get_value_string_utf8(env, result, nullptr, 0, &length) != napi_ok) return;
    text.resize(length);
    napi_get_value_string_utf8(env, result, text.data(), length + 1, &length);
  });
  return text;
}

void addSiteFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "setCallSiteFunctions", callSitesFunctions);
  addFunction(environment, exports, "setCallSites", setCallSites);
}

}  // namespace descent::binding
