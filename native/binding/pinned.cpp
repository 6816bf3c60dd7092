// Pinned memory: tensors of the CPU that a GPU copies from beside its kernels.
#include "../device/pinned.h"

#include "../ops/launch.h"
#include "environment.h"

namespace descent::binding {

namespace {

// (out, x): a copy in pinned memory, x itself where it lies there.
napi_value pinMemory(const CallInfo& call) {
  call.environment.beforeOp(call.name);
  const Tensor& x = call.tensor(1);
  if (x.device() != DeviceId())
    throw Error("device", call.name,
                "only tensors of the CPU can be pinned, this one is on " + nameOf(x.device()));
  if (isPinned(x.storage())) {
    call.give(call[0], x);
    return nullptr;
  }
  const size_t bytes = static_cast<size_t>(x.numel()) * sizeOf(x.dtype());
  const Tensor y(pinnedStorage(bytes), Geometry(x.shape()), x.dtype());
  copyInto(y, x);
  call.give(call[0], y);
  return nullptr;
}

napi_value isPinnedOf(const CallInfo& call) {
  const Tensor& x = call.tensor(0);
  return call.toBoolean(x.device() == DeviceId() && isPinned(x.storage()));
}

// (out, x, kind, index): as toDevice, of pinned memory without waiting, and unknown to autograd.
napi_value toDeviceAhead(const CallInfo& call) {
  call.environment.beforeOp(call.name);
  const Tensor& x = call.tensor(1);
  const DeviceId id = call.device(2);
  if (x.device() != DeviceId() || id == DeviceId())
    throw Error("internal", call.name, "needs a tensor of the CPU and another device");
  const Tensor dense = asContiguous(x);
  const size_t size = sizeOf(x.dtype());
  const Ref<Storage> there = upload(dense.storage(), static_cast<size_t>(dense.geometry().offset) * size,
                                    static_cast<size_t>(x.numel()) * size, id, /*waits=*/false);
  call.give(call[0], Tensor(there, Geometry(x.shape()), x.dtype()));
  return nullptr;
}

}  // namespace

void addPinnedFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "pinMemory", pinMemory);
  addFunction(environment, exports, "isPinned", isPinnedOf);
  addFunction(environment, exports, "toDeviceAhead", toDeviceAhead);
}

}  // namespace descent::binding
