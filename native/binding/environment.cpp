// How the addon talks to JavaScript: arguments in, results and errors out.
#include "environment.h"

#include <cmath>
#include <cstring>

#include "../device/allocator.h"
#include "../ops/op.h"

namespace descent::binding {

namespace {

constexpr double kSafeInteger = 9007199254740992.0;
// Handles made since the last collection before another is asked for: the JavaScript heap does not see how
// much native memory hangs on them.
constexpr int64_t kHandlesBeforeCollection = 100'000;
constexpr int64_t kReportedStep = int64_t(32) << 20;

void finalize(node_api_basic_env, void* data, void*) {
  // Runs inside the garbage collector: nothing of JavaScript may be touched.
  Handle* handle = static_cast<Handle*>(data);
  handle->pool->free(handle);
}

napi_valuetype typeOf(napi_env env, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(env, value, &type);
  return type;
}

std::string nameOfValue(napi_env env, napi_value value) {
  switch (typeOf(env, value)) {
    case napi_undefined:
      return "undefined";
    case napi_null:
      return "null";
    case napi_boolean:
      return "a boolean";
    case napi_number: {
      double number = 0;
      napi_get_value_double(env, value, &number);
      char text[32];
      std::snprintf(text, sizeof text, "%.15g", number);
      return text;
    }
    case napi_string: {
      char text[64];
      size_t length = 0;
      napi_get_value_string_utf8(env, value, text, sizeof text, &length);
      return length > 40 ? "a string" : "'" + std::string(text, length) + "'";
    }
    case napi_symbol:
      return "a symbol";
    case napi_function:
      return "a function";
    case napi_bigint:
      return "a bigint";
    default: {
      bool isArray = false;
      napi_is_array(env, value, &isArray);
      return isArray ? "an array" : "an object that is no tensor";
    }
  }
}

}  // namespace

Environment::Environment(napi_env env) : env(env), references(env) {
  napi_value buffer, array;
  void* data = nullptr;
  const size_t count = kDescriptionStride * kMostOutputs;
  napi_create_arraybuffer(env, count * sizeof(double), &data, &buffer);
  napi_create_typedarray(env, napi_float64_array, count, buffer, 0, &array);
  napi_create_reference(env, array, 1, &descriptionArray);
  description = static_cast<double*>(data);
  std::memset(description, 0, count * sizeof(double));
}

void Environment::beforeOp(const char* op) {
  references.drain();
  if (readsModes) readModes();
  // Thrown once: the flag then says 2, so that ops in the script's `finally` blocks run.
  int32_t asked = 1;
  if (control && control->load(std::memory_order_relaxed) == 1 &&
      control->compare_exchange_strong(asked, 2)) {
    throw Error("stop", op, "the run was asked to stop");
  }
  if (hasBreakFlag && control[kBreaksChanged].load(std::memory_order_relaxed) != 0) {
    control[kBreaksChanged].store(0);
    watch.changed();
  }
  if (handles.alive() > handlesAtCollection + kHandlesBeforeCollection) {
    collect(false);
    // What is still there is in use, or old enough to need a full collection.
    if (handles.alive() > handlesAtCollection + kHandlesBeforeCollection / 2) collect(true);
    handlesAtCollection = handles.alive();
  }
  const int64_t bytes = Storage::liveBytes();
  if (std::llabs(bytes - reportedBytes) > kReportedStep) {
    int64_t total = 0;
    napi_adjust_external_memory(env, bytes - reportedBytes, &total);
    reportedBytes = bytes;
  }
}

void Environment::readModes() {
  if (!readsModes || passes > 0 || !modeReader) return;
  napi_handle_scope scope;
  napi_value function, global, result;
  int32_t modes = 1;
  napi_open_handle_scope(env, &scope);
  napi_get_reference_value(env, modeReader, &function);
  napi_get_global(env, &global);
  if (napi_call_function(env, global, function, 0, nullptr, &result) == napi_ok)
    napi_get_value_int32(env, result, &modes);
  napi_close_handle_scope(env, scope);
  gradMode = (modes & 1) != 0;
  inferenceMode = (modes & 2) != 0;
}

void Environment::collect(bool full) {
  if (!collector) return;
  napi_handle_scope scope;
  napi_value function, argument, global, result;
  napi_open_handle_scope(env, &scope);
  napi_get_reference_value(env, collector, &function);
  napi_get_boolean(env, full, &argument);
  napi_get_global(env, &global);
  napi_call_function(env, global, function, 1, &argument, &result);
  napi_close_handle_scope(env, scope);
}

void Environment::describe(int output, const Tensor& tensor, int64_t slot) {
  double* at = description + output * kDescriptionStride;
  const Shape& shape = tensor.shape();
  at[0] = shape.dims;
  at[1] = static_cast<double>(tensor.dtype());
  at[2] = static_cast<double>(tensor.device().kind);
  at[3] = tensor.device().index;
  at[4] = tensor.requiresGrad();
  at[5] = static_cast<double>(slot);
  for (int dim = 0; dim < shape.dims; dim++) at[6 + dim] = static_cast<double>(shape[dim]);
}

void check(Environment& environment, napi_status status, const char* what) {
  if (status == napi_ok) return;
  bool isPending = false;
  napi_is_exception_pending(environment.env, &isPending);
  if (isPending) throw PendingException{};
  throw Error("argument", what, "JavaScript refused the call");
}

void throwError(Environment& environment, const Error& error, const char* op) {
  napi_env env = environment.env;
  const std::string& name = error.op.empty() ? std::string(op) : error.op;
  const std::string message = error.op.empty() ? name + ": " + error.what() : error.what();
  napi_value code, opName, text;
  napi_create_string_utf8(env, error.code.c_str(), error.code.size(), &code);
  napi_create_string_utf8(env, name.c_str(), name.size(), &opName);
  napi_create_string_utf8(env, message.c_str(), message.size(), &text);
  napi_value exception = nullptr;
  if (environment.errorClass) {
    napi_value constructor, facts;
    napi_get_reference_value(env, environment.errorClass, &constructor);
    napi_create_object(env, &facts);
    for (const auto& [key, fact] : error.facts) {
      napi_value value;
      napi_create_string_utf8(env, fact.c_str(), fact.size(), &value);
      napi_set_named_property(env, facts, key.c_str(), value);
    }
    const napi_value arguments[] = {code, opName, text, facts};
    if (napi_new_instance(env, constructor, 4, arguments, &exception) != napi_ok) return;
  } else {
    napi_create_error(env, code, text, &exception);
  }
  napi_throw(env, exception);
}

napi_value CallInfo::operator[](size_t i) const { return i < count_ ? values_[i] : undefined(); }

bool CallInfo::isMissing(size_t i) const {
  if (i >= count_) return true;
  const napi_valuetype type = typeOf(env(), values_[i]);
  return type == napi_undefined || type == napi_null;
}

void CallInfo::failType(const char* what, const char* expected, napi_value value) const {
  throw Error("argument", name,
              std::string(what) + " must be " + expected + ", got " + nameOfValue(env(), value),
              {{"argument", what}});
}

const Tensor& tensorOf(const CallInfo& call, napi_value value, const char* what) {
  void* data = nullptr;
  if (napi_unwrap(call.env(), value, &data) != napi_ok || !call.environment.handles.contains(data)) {
    call.failType(what, "a tensor", value);
  }
  const Handle* handle = static_cast<const Handle*>(data);
  if (handle->isDisposed)
    throw Error("disposed", call.name, std::string(what) + " was disposed and cannot be used any more");
  return handle->tensor;
}

int64_t integerOf(const CallInfo& call, napi_value value, const char* what) {
  double number = 0;
  if (napi_get_value_double(call.env(), value, &number) != napi_ok) {
    int64_t integer = 0;
    bool isExact = false;
    if (napi_get_value_bigint_int64(call.env(), value, &integer, &isExact) == napi_ok && isExact)
      return integer;
    call.failType(what, "an integer", value);
  }
  if (std::trunc(number) != number || std::fabs(number) > kSafeInteger)
    call.failType(what, "an integer", value);
  return static_cast<int64_t>(number);
}

const Tensor& CallInfo::tensor(size_t i, const char* what) const { return tensorOf(*this, (*this)[i], what); }

Tensor CallInfo::optionalTensor(size_t i, const char* what) const {
  return isMissing(i) ? Tensor() : tensor(i, what);
}

std::vector<Tensor> CallInfo::tensors(size_t i, const char* what) const {
  napi_value array = (*this)[i];
  uint32_t length = 0;
  if (napi_get_array_length(env(), array, &length) != napi_ok) failType(what, "an array of tensors", array);
  std::vector<Tensor> tensors;
  for (uint32_t k = 0; k < length; k++) {
    napi_value element;
    check(environment, napi_get_element(env(), array, k, &element), name);
    tensors.push_back(tensorOf(*this, element, (std::string(what) + "[" + std::to_string(k) + "]").c_str()));
  }
  return tensors;
}

double CallInfo::number(size_t i, const char* what) const {
  double number = 0;
  if (napi_get_value_double(env(), (*this)[i], &number) != napi_ok) failType(what, "a number", (*this)[i]);
  return number;
}

int64_t CallInfo::integer(size_t i, const char* what) const { return integerOf(*this, (*this)[i], what); }

bool CallInfo::boolean(size_t i, const char* what) const {
  bool value = false;
  if (napi_get_value_bool(env(), (*this)[i], &value) != napi_ok) failType(what, "a boolean", (*this)[i]);
  return value;
}

std::string CallInfo::text(size_t i, const char* what) const {
  size_t length = 0;
  if (napi_get_value_string_utf8(env(), (*this)[i], nullptr, 0, &length) != napi_ok)
    failType(what, "a string", (*this)[i]);
  std::string text(length, '\0');
  napi_get_value_string_utf8(env(), (*this)[i], text.data(), length + 1, &length);
  return text;
}

DeviceId CallInfo::device(size_t i) const {
  const int64_t kind = integer(i, "deviceKind"), index = integer(i + 1, "deviceIndex");
  if (kind < 0 || kind >= static_cast<int64_t>(deviceKinds().size()) || index < 0 || index > 255)
    throw Error("device", name, "there is no such device");
  return {static_cast<DeviceKind>(kind), static_cast<uint8_t>(index)};
}

void CallInfo::give(napi_value out, const Tensor& tensor, int output) const {
  Handle* handle = environment.handles.make(tensor);
  const napi_status status = napi_wrap(env(), out, handle, finalize, nullptr, nullptr);
  if (status != napi_ok) {
    environment.handles.free(handle);
    throw Error("argument", name, "the result needs a new Tensor to go into");
  }
  environment.describe(output, tensor, handle->slot);
}

napi_value CallInfo::undefined() const {
  napi_value value;
  napi_get_undefined(env(), &value);
  return value;
}

napi_value CallInfo::toNumber(double number) const {
  napi_value value;
  napi_create_double(env(), number, &value);
  return value;
}

napi_value CallInfo::toBoolean(bool boolean) const {
  napi_value value;
  napi_get_boolean(env(), boolean, &value);
  return value;
}

napi_value CallInfo::toText(const std::string& text) const {
  napi_value value;
  napi_create_string_utf8(env(), text.data(), text.size(), &value);
  return value;
}

}  // namespace descent::binding
