// Pinned memory of the host, which a GPU copies from beside its kernels, and uploads through it.
#pragma once

#include "../tensor/storage.h"

namespace descent {

// Memory that the CPU uses as any other. Kept for reuse when it is freed, as the device's is. Throws
// Error("device", ...) where there is no GPU, Error("memory", ...) where there is no more of it.
Ref<Storage> pinnedStorage(size_t bytes);
bool isPinned(const Storage& storage);

// The bytes from `offset` on of memory of the CPU, copied to a GPU beside its kernels: those enqueued from
// now on begin after the copy. Pinned memory must stay as it is until then, so `waits` for it to be done; any
// other is copied to pinned memory first, and may be changed at once.
Ref<Storage> upload(const Storage& from, size_t offset, size_t bytes, DeviceId to, bool waits);

// Gives what is kept for reuse back.
void emptyPinnedCache() noexcept;

}  // namespace descent
