// Tensors in and out of JavaScript, and what can be asked of one.
#include <cstring>

#include "../inspect/magnitude.h"
#include "../ops/launch.h"
#include "../ops/ops.h"
#include "arguments.h"
#include "environment.h"
#include "typed_array.h"

namespace descent::binding {

namespace {

ArrayInfo typedArray(const CallInfo& call, size_t i, const char* what) {
  const ArrayInfo info = readTypedArray(call.env(), call[i]);
  if (!info.isTypedArray) call.failType(what, "a typed array", call[i]);
  return info;
}

// The dtype whose elements lie in memory as the array's do; false where no dtype's do.
bool dtypeOfArray(napi_typedarray_type type, DType* dtype) {
  switch (type) {
    case napi_int8_array:
      return *dtype = DType::int8, true;
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return *dtype = DType::uint8, true;
    case napi_int16_array:
      return *dtype = DType::int16, true;
    case napi_int32_array:
      return *dtype = DType::int32, true;
    case napi_float32_array:
      return *dtype = DType::float32, true;
    case napi_float64_array:
      return *dtype = DType::float64, true;
    case napi_bigint64_array:
    case napi_biguint64_array:
      return *dtype = DType::int64, true;
    default:
      return false;
  }
}

template <class T>
std::vector<int64_t> widened(const ArrayInfo& info) {
  const T* values = static_cast<const T*>(info.data);
  return std::vector<int64_t>(values, values + info.length);
}

napi_value fromArray(const CallInfo& call) {
  ArgumentRow shapeRow{"shape", ArgumentRow::Kind::integers, true, "", {}, true};
  const Argument sizes = readArgument(call, call[2], shapeRow);
  const Shape shape = checkedShape(call.name, sizes.lists->integers);
  const DType dtype = readDType(call, call[3]);
  // Last, because reading a list may run JavaScript (a getter), which may detach this memory.
  const ArrayInfo info = typedArray(call, 1, "values");
  if (static_cast<int64_t>(info.length) != shape.numel()) {
    throw Error("shape", call.name, std::to_string(info.length) + " values do not fill " + shape.text());
  }
  DType given = DType::int64;
  std::vector<int64_t> wide;
  const void* bytes = info.data;
  if (!dtypeOfArray(info.type, &given)) {
    wide = info.type == napi_uint16_array ? widened<uint16_t>(info) : widened<uint32_t>(info);
    bytes = wide.data();
  }
  const Tensor y = emptyTensor(shape, given, DeviceId());
  if (info.length > 0) deviceOf(DeviceId()).copyFromHost(y.memory(), bytes, info.length * sizeOf(given));
  const Tensor made = castTo(y, dtype);
  made.impl()->isInference = inferenceMode;
  call.give(call[0], made);
  if (call.environment.watch.isArmed()) call.environment.watch.afterValues(made, call[0]);
  return nullptr;
}

napi_value toArray(const CallInfo& call) {
  const Tensor& x = call.tensor(0);
  const ArrayInfo info = typedArray(call, 1, "into");
  DType given = DType::int64;
  const bool isKnown = dtypeOfArray(info.type, &given);
  // JavaScript has no array of half precision everywhere: those come as float32.
  const DType shown = isHalf(x.dtype()) ? DType::float32 : x.dtype();
  const DType stored = shown == DType::boolean ? DType::uint8 : shown;
  if (!isKnown || given != stored || static_cast<int64_t>(info.length) != x.numel()) {
    throw Error(
        "argument", call.name,
        std::string("needs an array of ") + std::to_string(x.numel()) + " elements of " + nameOf(shown));
  }
  if (x.numel() == 0) return nullptr;
  const Tensor ordered = asContiguous(castTo(x, shown));
  deviceOf(x.device()).copyToHost(info.data, ordered.memory(), info.length * sizeOf(ordered.dtype()));
  return nullptr;
}

napi_value item(const CallInfo& call) {
  const Tensor& x = call.tensor(0);
  if (x.numel() != 1)
    throw Error("shape", call.name, "needs a tensor of one element, got " + x.shape().text(),
                {{"shape", x.shape().text()}});
  const Scalar value = readScalar(x);
  if (x.dtype() == DType::boolean) return call.toBoolean(value.integer != 0);
  constexpr int64_t kSafe = int64_t(1) << 53;
  if (!isFloating(x.dtype()) && (value.integer > kSafe || value.integer < -kSafe)) {
    napi_value result;
    napi_create_bigint_int64(call.env(), value.integer, &result);
    return result;
  }
  return call.toNumber(value.number);
}

Handle* handleOf(const CallInfo& call, size_t i) {
  void* data = nullptr;
  if (napi_unwrap(call.env(), call[i], &data) != napi_ok || !call.environment.handles.contains(data)) {
    call.failType("x", "a tensor", call[i]);
  }
  return static_cast<Handle*>(data);
}

napi_value describe(const CallInfo& call) {
  const Tensor& x = call.tensor(0);
  call.environment.describe(0, x, handleOf(call, 0)->slot);
  return nullptr;
}

napi_value strides(const CallInfo& call) {
  const Tensor& x = call.tensor(0);
  napi_value list;
  napi_create_array(call.env(), &list);
  for (int dim = 0; dim < x.dims(); dim++) {
    napi_set_element(call.env(), list, static_cast<uint32_t>(dim),
                     call.toNumber(static_cast<double>(x.geometry().strides[dim])));
  }
  return list;
}

napi_value storageOffset(const CallInfo& call) {
  return call.toNumber(static_cast<double>(call.tensor(0).geometry().offset));
}

napi_value isContiguous(const CallInfo& call) { return call.toBoolean(call.tensor(0).isContiguous()); }

napi_value sharesStorage(const CallInfo& call) {
  return call.toBoolean(&call.tensor(0).storage() == &call.tensor(1, "y").storage());
}

napi_value version(const CallInfo& call) { return call.toNumber(call.tensor(0).version()); }

napi_value dispose(const CallInfo& call) {
  Handle* handle = handleOf(call, 0);
  handle->isDisposed = true;
  handle->tensor = Tensor();
  return nullptr;
}

napi_value isDisposed(const CallInfo& call) { return call.toBoolean(handleOf(call, 0)->isDisposed); }

napi_value setData(const CallInfo& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& y = call.tensor(1, "y");
  if (x.requiresGrad() && !isFloating(y.dtype())) {
    throw Error("dtype", call.name,
                std::string("a tensor that requires a gradient cannot become ") + nameOf(y.dtype()));
  }
  TensorImpl* to = x.impl();
  const TensorImpl* from = y.impl();
  to->storage = from->storage;
  to->geometry = from->geometry;
  to->dtype = from->dtype;
  call.environment.describe(0, x);
  return nullptr;
}

// Recorded, as every op is: a gradient goes back to where x lies.
napi_value toDevice(const CallInfo& call) {
  const Tensor& x = call.tensor(1);
  const DeviceId id = call.device(2);
  deviceOf(id);
  const Tensor y = x.device() == id ? x : ops::toDevice(x, nameOf(id));
  inspect::keepMagnitude(y, inspect::knownMagnitude(x));
  call.give(call[0], y);
  return nullptr;
}

}  // namespace

void addTensorFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "fromArray", fromArray);
  addFunction(environment, exports, "toArray", toArray);
  addFunction(environment, exports, "item", item);
  addFunction(environment, exports, "describe", describe);
  addFunction(environment, exports, "strides", strides);
  addFunction(environment, exports, "storageOffset", storageOffset);
  addFunction(environment, exports, "isContiguous", isContiguous);
  addFunction(environment, exports, "sharesStorage", sharesStorage);
  addFunction(environment, exports, "version", version);
  addFunction(environment, exports, "dispose", dispose);
  addFunction(environment, exports, "isDisposed", isDisposed);
  addFunction(environment, exports, "setData", setData);
  addFunction(environment, exports, "toDevice", toDevice);
}

}  // namespace descent::binding
