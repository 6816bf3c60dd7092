// Lets JavaScript unpack what the build packed: Node.js has Brotli, the core needs none of its own.
#include <cstring>

#include "../device/unpack.h"
#include "environment.h"
#include "typed_array.h"

namespace descent::binding {

namespace {

std::string unpack(Environment& environment, const std::string& packed) {
  napi_env env = environment.env;
  std::string whole;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return whole;
  napi_value function, global, buffer, bytes, result;
  void* data = nullptr;
  const bool isCalled =
      napi_get_reference_value(env, environment.unpacker, &function) == napi_ok &&
      napi_get_global(env, &global) == napi_ok &&
      napi_create_arraybuffer(env, packed.size(), &data, &buffer) == napi_ok &&
      napi_create_typedarray(env, napi_uint8_array, packed.size(), buffer, 0, &bytes) == napi_ok;
  if (isCalled) {
    if (!packed.empty()) std::memcpy(data, packed.data(), packed.size());
    if (napi_call_function(env, global, function, 1, &bytes, &result) == napi_ok) {
      const ArrayInfo info = readTypedArray(env, result);
      if (info.holds(napi_uint8_array, 1)) whole.assign(static_cast<const char*>(info.data), info.length);
    }
  }
  bool isPending = false;
  if (napi_is_exception_pending(env, &isPending) == napi_ok && isPending) {
    napi_value ignored;
    napi_get_and_clear_last_exception(env, &ignored);
  }
  napi_close_handle_scope(env, scope);
  return whole;
}

napi_value setUnpacker(const CallInfo& call) {
  napi_valuetype type = napi_undefined;
  napi_typeof(call.env(), call[0], &type);
  if (type != napi_function) call.failType("unpack", "a function", call[0]);
  Environment* environment = &call.environment;
  if (environment->unpacker) napi_delete_reference(call.env(), environment->unpacker);
  check(*environment, napi_create_reference(call.env(), call[0], 1, &environment->unpacker), call.name);
  descent::setUnpacker([environment](const std::string& packed) { return unpack(*environment, packed); });
  return nullptr;
}

}  // namespace

void addUnpackingFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "setUnpacker", setUnpacker);
}

}  // namespace descent::binding
