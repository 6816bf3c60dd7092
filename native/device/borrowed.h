// Storages over memory that no allocator gave: a file mapped into memory, and parts of another storage.
#pragma once

#include <string>

#include "../tensor/storage.h"

namespace descent {

// The whole file, read by the system page by page when it is touched. What is written stays in this process
// (copy on write), and the file may be deleted or replaced meanwhile; only cutting it short in place would
// take the ground away. Throws Error("argument", ...) where the file cannot be mapped.
Ref<Storage> mapFile(const std::string& path);

// `bytes` bytes from `offset` on, with a version counter of their own; keeps `whole` alive.
Ref<Storage> partOf(const Ref<Storage>& whole, size_t offset, size_t bytes);

}  // namespace descent
