// What the build packed small, made whole again when it is needed: Node.js's own Brotli does it.
#pragma once

#include <functional>
#include <string>

namespace descent {

// Gives the bytes of a Brotli stream, and an empty text where they are damaged.
using Unpacker = std::function<std::string(const std::string& packed)>;
// Of this thread, because a function of JavaScript's runs on its own thread alone. An empty function removes
// it.
void setUnpacker(Unpacker unpacker);
// Empty where they are damaged, or nobody on this thread can do it.
std::string unpack(const std::string& packed);

}  // namespace descent
