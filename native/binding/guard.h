// No exception of C++ may cross into JavaScript: every entry runs inside this.
#pragma once

#include <new>

#include "environment.h"

namespace descent::binding {

template <class Body>
napi_value guarded(Environment& environment, const char* op, Body body) {
  try {
    return body();
  } catch (const Error& error) {
    throwError(environment, error, op);
  } catch (const PendingException&) {
  } catch (const std::bad_alloc&) {
    throwError(environment, Error("memory", op, "there is not enough memory"), op);
  } catch (const std::exception& error) {
    throwError(environment, Error("internal", op, error.what()), op);
  }
  return nullptr;
}

}  // namespace descent::binding
