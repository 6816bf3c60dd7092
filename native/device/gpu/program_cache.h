// Compiled programs kept on disk from one process to the next, and what else is known of a device by then.
//
// Files in ~/.cache/descent/programs (DESCENT_CACHE_DIR moves it), named by what they were made from; written
// under another name first, so that nobody reads half of one. What is cut short, damaged or cannot be written
// is as if it were not there: the cache never fails a run. Old files go when all together pass 256 MiB.
#pragma once

#include <string>
#include <vector>

namespace descent::gpu {

// Empty: not there. `key` is everything that the bytes depend on; its text is compared, not only its hash.
std::vector<unsigned char> readCached(const std::string& key) noexcept;
void writeCached(const std::string& key, const void* bytes, size_t size) noexcept;

}  // namespace descent::gpu
