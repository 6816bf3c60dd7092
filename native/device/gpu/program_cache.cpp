// Compiled programs kept on disk from one process to the next.
#include "program_cache.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace descent::gpu {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostBytes = uint64_t{256} << 20;

// Before the key and the bytes.
struct Header {
  char magic[8];
  uint64_t keyBytes, dataBytes, check;
};
constexpr char kMagic[8] = {'d', 'e', 's', 'c', 'e', 'n', 't', '1'};

uint64_t hashOf(const void* bytes, size_t size, uint64_t hash) {
  const auto* at = static_cast<const unsigned char*>(bytes);
  for (size_t k = 0; k < size; ++k) {
    hash = (hash ^ at[k]) * 0x100000001b3ull;
    hash ^= hash >> 29;
  }
  return hash;
}

std::string valueOf(const char* variable) {
  const char* value = std::getenv(variable);
  return value ? value : "";
}

// Empty where there is no place for it.
fs::path folder() {
  const std::string named = valueOf("DESCENT_CACHE_DIR");
  if (!named.empty()) return fs::path(named) / "programs";
#if defined(_WIN32)
  const std::string local = valueOf("LOCALAPPDATA");
  return local.empty() ? fs::path() : fs::path(local) / "descent" / "programs";
#else
  const std::string caches = valueOf("XDG_CACHE_HOME"), home = valueOf("HOME");
  if (!caches.empty()) return fs::path(caches) / "descent" / "programs";
  if (home.empty()) return fs::path();
#if defined(__APPLE__)
  return fs::path(home) / "Library" / "Caches" / "descent" / "programs";
#else
  return fs::path(home) / ".cache" / "descent" / "programs";
#endif
#endif
}

fs::path fileFor(const std::string& key) {
  const fs::path where = folder();
  if (where.empty()) return where;
  char name[40];
  std::snprintf(name, sizeof name, "%016llx%016llx",
                static_cast<unsigned long long>(hashOf(key.data(), key.size(), 0xcbf29ce484222325ull)),
                static_cast<unsigned long long>(hashOf(key.data(), key.size(), 0x9e3779b97f4a7c15ull)));
  return where / name;
}

// The oldest go until a quarter is free again.
void makeRoom(const fs::path& where) {
  struct Kept {
    fs::path path;
    uint64_t bytes;
    fs::file_time_type used;
  };
  std::vector<Kept> all;
  uint64_t total = 0;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(where, ignored)) {
    const uint64_t bytes = entry.file_size(ignored);
    if (ignored) continue;
    all.push_back({entry.path(), bytes, entry.last_write_time(ignored)});
    total += bytes;
  }
  if (total <= kMostBytes) return;
  std::sort(all.begin(), all.end(), [](const Kept& a, const Kept& b) { return a.used < b.used; });
  for (const Kept& file : all) {
    if (total <= kMostBytes / 4 * 3) return;
    if (fs::remove(file.path, ignored)) total -= file.bytes;
  }
}

}  // namespace

std::vector<unsigned char> readCached(const std::string& key) noexcept {
  try {
    const fs::path path = fileFor(key);
    if (path.empty()) return {};
    std::ifstream file(path, std::ios::binary);
    Header header{};
    if (!file.read(reinterpret_cast<char*>(&header), sizeof header)) return {};
    std::error_code ignored;
    if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.keyBytes != key.size() ||
        fs::file_size(path, ignored) != sizeof header + header.keyBytes + header.dataBytes)
      return {};
    std::string stored(key.size(), '\0');
    std::vector<unsigned char> bytes(header.dataBytes);
    if (!file.read(stored.data(), static_cast<std::streamsize>(stored.size())) || stored != key) return {};
    if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size())) ||
        hashOf(bytes.data(), bytes.size(), header.dataBytes) != header.check)
      return {};
    fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);  // so that it is not the oldest
    return bytes;
  } catch (...) {
    return {};
  }
}

void writeCached(const std::string& key, const void* bytes, size_t size) noexcept {
  try {
    const fs::path path = fileFor(key);
    if (path.empty()) return;
    std::error_code problem;
    fs::create_directories(path.parent_path(), problem);
    if (problem) return;
    static std::atomic<uint64_t> next{0};
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
    const fs::path written =
        path.string() + "." + std::to_string(now) + "." + std::to_string(next.fetch_add(1));
    Header header{};
    std::memcpy(header.magic, kMagic, sizeof kMagic);
    header.keyBytes = key.size();
    header.dataBytes = size;
    header.check = hashOf(bytes, size, size);
    bool isWhole = false;
    {
      std::ofstream file(written, std::ios::binary | std::ios::trunc);
      file.write(reinterpret_cast<const char*>(&header), sizeof header);
      file.write(key.data(), static_cast<std::streamsize>(key.size()));
      file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
      file.close();
      isWhole = file.good();
    }
    if (isWhole) fs::rename(written, path, problem);
    if (!isWhole || problem) {
      fs::remove(written, problem);
      return;
    }
    makeRoom(path.parent_path());
  } catch (...) {
    // Without the cache the next process compiles again.
  }
}

}  // namespace descent::gpu
