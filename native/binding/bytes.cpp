// Tensors as bytes, for files: raw memory in and out, files mapped into memory, tensors cut from them.
#include <string>

#include "../device/borrowed.h"
#include "../ops/launch.h"
#include "arguments.h"
#include "environment.h"
#include "typed_array.h"

namespace descent::binding {

namespace {

// By its number; every dtype may lie in memory, whatever kernels there are for it.
DType storedDType(const CallInfo& call, size_t i) {
  const int64_t number = call.integer(i, "dtype");
  if (number < 0 || number >= kDTypeCount) throw Error("dtype", call.name, "there is no such dtype");
  return static_cast<DType>(number);
}

struct ByteRange {
  Memory memory;
  const ArrayInfo bytes;
};

// Bytes [offset, offset + length) of the elements of `x` in order.
ByteRange byteRange(const CallInfo& call) {
  const Tensor& x = call.tensor(0);
  const int64_t offset = call.integer(1, "offset");
  const ArrayInfo bytes = readTypedArray(call.env(), call[2]);
  if (!bytes.holds(napi_uint8_array, 0)) call.failType("bytes", "a Uint8Array", call[2]);
  if (!x.isContiguous()) throw Error("argument", call.name, "needs a contiguous tensor");
  const int64_t total = x.numel() * static_cast<int64_t>(sizeOf(x.dtype()));
  if (offset < 0 || offset > total || static_cast<int64_t>(bytes.length) > total - offset) {
    throw Error("index", call.name,
                std::to_string(bytes.length) + " bytes at " + std::to_string(offset) + " are outside the " +
                    std::to_string(total) + " of the tensor");
  }
  Memory memory = x.memory();
  memory.offset += static_cast<size_t>(offset);
  return {memory, bytes};
}

napi_value readBytes(const CallInfo& call) {
  const ByteRange range = byteRange(call);
  const Tensor& x = call.tensor(0);
  if (range.bytes.length > 0)
    deviceOf(x.device()).copyToHost(range.bytes.data, range.memory, range.bytes.length);
  return nullptr;
}

napi_value writeBytes(const CallInfo& call) {
  const ByteRange range = byteRange(call);
  const Tensor& x = call.tensor(0);
  if (range.bytes.length > 0) {
    deviceOf(x.device()).copyFromHost(range.memory, range.bytes.data, range.bytes.length);
    x.bumpVersion();
  }
  return nullptr;
}

// (out, shape, dtype): memory to be filled by writeBytes, on the CPU.
napi_value allocate(const CallInfo& call) {
  ArgumentRow shapeRow{"shape", ArgumentRow::Kind::integers, true, "", {}, true};
  const Argument sizes = readArgument(call, call[1], shapeRow);
  const Shape shape = checkedShape(call.name, sizes.lists->integers);
  call.give(call[0], emptyTensor(shape, storedDType(call, 2), DeviceId()));
  return nullptr;
}

napi_value mapFileOf(const CallInfo& call) {
  const std::string path = call.text(1, "path");
  if (path.find('\0') != std::string::npos) throw Error("argument", call.name, "a path holds no NUL");
  const Ref<Storage> storage = mapFile(path);
  const Shape shape{static_cast<int64_t>(storage->bytes)};
  call.give(call[0], Tensor(storage, Geometry(shape), DType::uint8));
  return nullptr;
}

// (out, bytes, offset, shape, dtype): a tensor whose elements are the bytes of another from `offset` on,
// without a copy.
napi_value fromBytes(const CallInfo& call) {
  const Tensor& bytes = call.tensor(1, "bytes");
  const int64_t offset = call.integer(2, "offset");
  ArgumentRow shapeRow{"shape", ArgumentRow::Kind::integers, true, "", {}, true};
  const Argument sizes = readArgument(call, call[3], shapeRow);
  const Shape shape = checkedShape(call.name, sizes.lists->integers);
  const DType dtype = storedDType(call, 4);
  if (bytes.dtype() != DType::uint8 || !bytes.isContiguous())
    throw Error("dtype", call.name, "needs a contiguous tensor of uint8");
  if (bytes.device() != DeviceId())
    throw Error("device", call.name, "needs bytes on the CPU, these are on " + nameOf(bytes.device()));
  const auto size = static_cast<int64_t>(sizeOf(dtype));
  if (offset < 0 || offset > bytes.numel() || shape.numel() > (bytes.numel() - offset) / size)
    throw Error("shape", call.name, "the bytes do not fill " + shape.text());
  const auto begin = static_cast<size_t>(bytes.geometry().offset + offset);
  const Memory whole = bytes.storage().memory;
  if ((reinterpret_cast<uintptr_t>(whole.handle) + whole.offset + begin) % static_cast<uintptr_t>(size) != 0)
    throw Error("argument", call.name, "the bytes do not begin where such an element may");
  const Ref<Storage> part =
      partOf(Ref<Storage>(&bytes.storage()), begin, static_cast<size_t>(shape.numel() * size));
  call.give(call[0], Tensor(part, Geometry(shape), dtype));
  return nullptr;
}

}  // namespace

void addByteFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "readBytes", readBytes);
  addFunction(environment, exports, "writeBytes", writeBytes);
  addFunction(environment, exports, "allocate", allocate);
  addFunction(environment, exports, "mapFile", mapFileOf);
  addFunction(environment, exports, "fromBytes", fromBytes);
}

}  // namespace descent::binding
