// Storages over memory that no allocator gave: a file mapped into memory, and parts of another storage.
#include "borrowed.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "../tensor/error.h"
#include "allocator.h"

namespace descent {

namespace {

// What a storage's block() is, with no allocator: whoever counts memory leaves it out.
struct MappedBlock : Block {
  void* start = nullptr;
  size_t bytes = 0;
};

struct PartBlock : Block {
  Ref<Storage> whole;
};

void unmap(void* block) noexcept {
  auto* mapped = static_cast<MappedBlock*>(static_cast<Block*>(block));
  if (mapped->bytes > 0) munmap(mapped->start, mapped->bytes);
  delete mapped;
}

void letGo(void* block) noexcept { delete static_cast<PartBlock*>(static_cast<Block*>(block)); }

struct OpenFile {
  int descriptor;
  ~OpenFile() { close(descriptor); }
};

[[noreturn]] void fail(const std::string& path, int reason) {
  throw Error("argument", "", "cannot map " + path + ": " + std::strerror(reason), {{"path", path}});
}

}  // namespace

Ref<Storage> mapFile(const std::string& path) {
  const OpenFile file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.descriptor < 0) fail(path, errno);
  struct stat status;
  if (fstat(file.descriptor, &status) != 0) fail(path, errno);
  if (!S_ISREG(status.st_mode)) fail(path, EINVAL);
  const size_t bytes = static_cast<size_t>(status.st_size);
  void* start = nullptr;
  if (bytes > 0) {
    start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, file.descriptor, 0);
    if (start == MAP_FAILED) fail(path, errno);
  }
  auto* block = new MappedBlock;
  block->start = start;
  block->bytes = bytes;
  return new Storage(DeviceId(), Memory{start, 0}, bytes, static_cast<Block*>(block), unmap);
}

Ref<Storage> partOf(const Ref<Storage>& whole, size_t offset, size_t bytes) {
  auto* block = new PartBlock;
  block->whole = whole;
  Memory memory = whole->memory;
  memory.offset += offset;
  return new Storage(whole->device, memory, bytes, static_cast<Block*>(block), letGo);
}

}  // namespace descent
