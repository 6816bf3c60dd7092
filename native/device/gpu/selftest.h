// The launches of the self-test, as each kernel source declares them: small, as KERNELS.md (the one beside
// device.h) has them, made on the CPU and on the GPU.
#pragma once

#include <cstdint>
#include <vector>

namespace descent::gpu {

// What an operand is filled with: numbers of which no two neighbours are equal.
namespace piece {
enum Kind : uint8_t {
  numbers,     // float32 in [-1, 1]
  positive,    // float32 in [0.5, 1.5]
  doubles,     // float64
  indices,     // int64 in [0, bound)
  flags,       // bool
  transposed,  // numbers, the last two dims the other way round in memory
  repeated,    // numbers, the same for each element of the first dim
};
}  // namespace piece

struct Piece {
  piece::Kind kind;
  std::vector<int64_t> sizes;
  int64_t bound = 2;
};

struct Trial {
  const char* kernel;
  int outputs;
  std::vector<Piece> pieces;  // outputs first
  std::vector<int64_t> integers;
  std::vector<double> numbers;
};

}  // namespace descent::gpu
