// Pinned memory of the host, kept by powers of two, and uploads through it.
#include "pinned.h"

#include <cstring>
#include <mutex>
#include <utility>

#include "../tensor/error.h"
#include "allocator.h"

namespace descent {

namespace {

constexpr int kLeast = 12, kMost = 48;  // powers of two that blocks have
// Beyond this the copy to pinned memory costs more than it saves, and the memory is not the system's any
// more.
constexpr size_t kMostStaged = size_t{64} << 20;

// What a storage's block() is, with no allocator: whoever counts memory leaves it out.
struct PinnedBlock : Block {
  Device* owner = nullptr;
  void* memory = nullptr;
  int power = 0;
  // The last copy from it, in the copy stream of `reader`; null: none, or long done.
  Device* reader = nullptr;
  void* copied = nullptr;
  PinnedBlock* nextKept = nullptr;
};

struct Cache {
  std::mutex lock;
  PinnedBlock* kept[kMost + 1] = {};  // some may still be read from
};

// Never destroyed: finalizers free blocks after static destructors have run.
Cache& cache() {
  static Cache* const instance = new Cache;
  return *instance;
}

PinnedBlock* blockOf(const Storage& storage) {
  Block* block = static_cast<Block*>(storage.block());
  return block && block->isPinned ? static_cast<PinnedBlock*>(block) : nullptr;
}

void forgetCopy(PinnedBlock* block) noexcept {
  if (block->copied) block->reader->releaseEvent(std::exchange(block->copied, nullptr));
}

void keep(void* storageBlock) noexcept {
  auto* block = static_cast<PinnedBlock*>(static_cast<Block*>(storageBlock));
  Cache& all = cache();
  const std::lock_guard<std::mutex> guard(all.lock);
  block->nextKept = all.kept[block->power];
  all.kept[block->power] = block;
}

// Null where none of them is done.
PinnedBlock* takeKept(int power) {
  Cache& all = cache();
  const std::lock_guard<std::mutex> guard(all.lock);
  for (PinnedBlock** at = &all.kept[power]; *at; at = &(*at)->nextKept) {
    PinnedBlock* block = *at;
    if (block->copied && !block->reader->hasPassed(block->copied)) continue;
    forgetCopy(block);
    *at = block->nextKept;
    return block;
  }
  return nullptr;
}

// The GPU whose driver pins memory: any other takes it as well.
Device* pinningDevice() {
  for (Device* device : devices()) {
    if (device->hasCopyStream()) return device;
  }
  return nullptr;
}

PinnedBlock* newBlock(Device& owner, int power) {
  void* memory = owner.allocateHost(size_t{1} << power);
  if (!memory) {
    emptyPinnedCache();
    memory = owner.allocateHost(size_t{1} << power);
  }
  if (!memory) return nullptr;
  auto* block = new PinnedBlock;
  block->isPinned = true;
  block->owner = &owner;
  block->memory = memory;
  block->power = power;
  return block;
}

// Null where there is no more of it.
PinnedBlock* takeBlock(Device& owner, size_t bytes) {
  int power = kLeast;
  while (power < kMost && size_t{1} << power < bytes) ++power;
  PinnedBlock* block = takeKept(power);
  return block ? block : newBlock(owner, power);
}

void freeBlock(void* block) noexcept {
  Block* known = static_cast<Block*>(block);
  known->allocator->free(known);
}

}  // namespace

Ref<Storage> pinnedStorage(size_t bytes) {
  Device* owner = pinningDevice();
  if (!owner)
    throw Error("device", "",
                "memory is pinned for copies to a GPU, and no GPU can be used here; leave it out.");
  PinnedBlock* block = takeBlock(*owner, bytes);
  if (!block)
    throw Error("memory", "",
                "the system gives no more pinned memory, " + std::to_string(bytes) +
                    " bytes were asked for; pin fewer or smaller tensors.",
                {{"requested", std::to_string(bytes)}});
  return new Storage(DeviceId(), Memory{block->memory, 0}, bytes, static_cast<Block*>(block), keep);
}

bool isPinned(const Storage& storage) { return blockOf(storage) != nullptr; }

Ref<Storage> upload(const Storage& from, size_t offset, size_t bytes, DeviceId to, bool waits) {
  Device& device = deviceOf(to);
  Allocator& allocator = allocatorOf(to);
  const auto stored = [&](Stream stream) {
    Block* block = allocator.allocate(bytes, stream);
    return Ref<Storage>(new Storage(to, block->memory, bytes, block, freeBlock));
  };
  const char* begin = static_cast<const char*>(from.memory.handle) + from.memory.offset + offset;
  PinnedBlock* pinned = device.hasCopyStream() && bytes > 0 ? blockOf(from) : nullptr;
  Ref<Storage> staged;
  if (!pinned && device.hasCopyStream() && bytes > 0 && bytes <= kMostStaged) {
    pinned = takeBlock(*pinningDevice(), bytes);
    if (pinned) {
      staged = new Storage(DeviceId(), Memory{pinned->memory, 0}, bytes, static_cast<Block*>(pinned), keep);
      std::memcpy(pinned->memory, begin, bytes);
      begin = static_cast<const char*>(pinned->memory);
    }
  }
  if (!pinned) {
    Ref<Storage> result = stored(Stream::compute);
    if (bytes > 0) device.copyFromHost(result->memory, begin, bytes);
    return result;
  }
  Ref<Storage> result = stored(Stream::copy);
  device.copyFromPinned(result->memory, begin, bytes);
  // Kernels will use it, from here on.
  allocator.usedIn(static_cast<Block*>(result->block()), Stream::compute);
  void* copied = device.eventAfter(Stream::copy);
  if (!copied) {
    device.synchronize();  // says why there is none
    return result;
  }
  {
    const std::lock_guard<std::mutex> guard(cache().lock);
    forgetCopy(pinned);
    pinned->reader = &device;
    pinned->copied = copied;
  }
  device.waitInStream(Stream::compute, copied);
  if (waits && !staged) device.waitForEvent(copied);
  return result;
}

void emptyPinnedCache() noexcept {
  for (int power = 0; power <= kMost; ++power) {
    while (PinnedBlock* block = takeKept(power)) {
      block->owner->releaseHost(block->memory);
      delete block;
    }
  }
}

}  // namespace descent
