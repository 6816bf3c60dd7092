// The register of pins, one for the process: pinned on one thread, asked about on another, let go on any.
#include "pins.h"

#include <map>
#include <mutex>

#include "../autograd/autograd.h"
#include "../tensor/error.h"

namespace descent::inspect {

namespace {

// Never destroyed: the monitor may still be asked while the process ends.
struct Register {
  std::mutex mutex;
  std::map<int64_t, std::shared_ptr<const Pin>> pins;
  int64_t next = 1;
  size_t copiedBytes = 0;
};

Register& pinned() {
  static Register* const instance = new Register;
  return *instance;
}

size_t copiedBytesOf(const Pin& pin) {
  return (pin.value.copy ? bytesOf(pin.value) : 0) + (pin.hasGrad && pin.grad.copy ? bytesOf(pin.grad) : 0);
}

}  // namespace

int64_t addPin(const Tensor& x, bool copies, std::string note) {
  auto pin = std::make_shared<Pin>();
  pin->value = elementsOf(x);
  const Tensor grad = gradOf(x);
  pin->hasGrad = grad.isDefined();
  if (pin->hasGrad) pin->grad = elementsOf(grad);
  pin->note = std::move(note);
  Register& all = pinned();
  const size_t wanted = copies ? bytesOf(pin->value) + (pin->hasGrad ? bytesOf(pin->grad) : 0) : 0;
  {
    const std::lock_guard<std::mutex> lock(all.mutex);
    if (all.pins.size() >= kMostPins) {
      throw Error("memory", "inspect",
                  std::to_string(kMostPins) +
                      " tensors are kept for inspection, which is the most; close an inspector first");
    }
    if (all.copiedBytes + wanted > kMostCopiedBytes) {
      throw Error("memory", "inspect",
                  "a copy of this tensor has " + mebibytes(wanted) + " and there are " +
                      mebibytes(all.copiedBytes) + " of copies already; all together may have " +
                      mebibytes(kMostCopiedBytes));
    }
    all.copiedBytes += wanted;
  }
  try {
    if (copies) pin->value = copyOf(pin->value);
    if (copies && pin->hasGrad) pin->grad = copyOf(pin->grad);
  } catch (...) {
    const std::lock_guard<std::mutex> lock(all.mutex);
    all.copiedBytes -= wanted;
    throw;
  }
  const std::lock_guard<std::mutex> lock(all.mutex);
  const int64_t number = all.next++;
  all.pins.emplace(number, std::move(pin));
  return number;
}

std::shared_ptr<const Pin> pinOf(int64_t number) {
  Register& all = pinned();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto found = all.pins.find(number);
  if (found == all.pins.end()) {
    throw Error("argument", "inspect",
                "there is no pin " + std::to_string(number) + ": it was let go, pin the tensor again");
  }
  return found->second;
}

bool releasePin(int64_t number) {
  std::shared_ptr<const Pin> released;  // freed after the lock is
  Register& all = pinned();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto found = all.pins.find(number);
  if (found == all.pins.end()) return false;
  released = std::move(found->second);
  all.pins.erase(found);
  all.copiedBytes -= copiedBytesOf(*released);
  return true;
}

}  // namespace descent::inspect
