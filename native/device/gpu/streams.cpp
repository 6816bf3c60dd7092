// The streams of a GPU and what orders them: events, and pinned memory. What is noexcept is called while
// blocks are freed, by finalizers too: a device that is lost has then done all that it will do.
#include "device.h"

namespace descent::gpu {

void GpuDevice::drain() noexcept {
  try {
    guarded([&] { backend_->synchronize(); });
  } catch (...) {
  }
}

bool GpuDevice::hasCopyStream() const { return backend_->hasCopyQueue(); }

void GpuDevice::copyFromPinned(Memory to, const void* from, size_t bytes) {
  if (bytes) guarded([&] { backend_->copyFromPinned(to, from, bytes); });
}

void* GpuDevice::eventAfter(Stream stream) noexcept {
  try {
    return guarded([&] { return backend_->recordEvent(stream); });
  } catch (...) {
    drain();  // then what it would have stood for is done
    return nullptr;
  }
}

void GpuDevice::waitInStream(Stream stream, void* event) {
  if (event) guarded([&] { backend_->waitInStream(stream, event); });
}

bool GpuDevice::hasPassed(void* event) noexcept {
  try {
    return !event || guarded([&] { return backend_->hasPassed(event); });
  } catch (...) {
    drain();  // then it has
    return true;
  }
}

void GpuDevice::waitForEvent(void* event) {
  if (event) guarded([&] { backend_->waitForEvent(event); });
}

void GpuDevice::releaseEvent(void* event) noexcept {
  if (!event) return;
  std::lock_guard<std::recursive_mutex> guard(lock_);
  backend_->releaseEvent(event);
}

void* GpuDevice::allocateHost(size_t bytes) {
  return guarded([&] { return backend_->allocateHost(bytes); });
}

void GpuDevice::releaseHost(void* memory) noexcept {
  std::lock_guard<std::recursive_mutex> guard(lock_);
  backend_->releaseHost(memory);
}

}  // namespace descent::gpu
