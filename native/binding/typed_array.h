// A typed array as an argument: what it holds and where, or that it is none.
#pragma once

#include <node_api.h>

#include <cstddef>

namespace descent::binding {

struct ArrayInfo {
  bool isTypedArray = false;
  napi_typedarray_type type = napi_int8_array;
  size_t length = 0;
  void* data = nullptr;

  bool holds(napi_typedarray_type wanted, size_t least) const {
    return isTypedArray && type == wanted && length >= least;
  }
};

inline ArrayInfo readTypedArray(napi_env env, napi_value value) {
  ArrayInfo info;
  napi_is_typedarray(env, value, &info.isTypedArray);
  if (info.isTypedArray)
    napi_get_typedarray_info(env, value, &info.type, &info.length, &info.data, nullptr, nullptr);
  return info;
}

}  // namespace descent::binding
