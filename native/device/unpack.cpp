// Whoever unpacks for this thread.
#include "unpack.h"

#include <utility>

namespace descent {

namespace {
thread_local Unpacker unpacker;
}  // namespace

void setUnpacker(Unpacker given) { unpacker = std::move(given); }

std::string unpack(const std::string& packed) { return unpacker ? unpacker(packed) : std::string(); }

}  // namespace descent
