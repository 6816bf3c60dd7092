// The state of the random numbers: a seed, and how many were drawn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "../tensor/dtype.h"

namespace descent {

struct RandomState {
  uint64_t seed = 0;
  uint64_t offset = 0;
};

// Of the process, and shared by its threads but for those with one of their own. The first seed is taken from
// the system.
RandomState randomState();
void setRandomState(const RandomState& state);
// From now on this thread draws from a state of its own, and no other thread does.
void useOwnRandomState(const RandomState& state);
// The seed, and the offset for `count` numbers of `generator`, or of the process; the next draw begins behind
// them.
RandomState takeRandom(int64_t count, RandomState* generator = nullptr);

// Uniform numbers of [0, 1) on the host, for what no kernel does.
std::vector<double> drawOnHost(int64_t count, RandomState* generator);
// The whole numbers that a dtype has without a gap: from -(largest + 1), or 0, to the largest.
int64_t largestInteger(DType dtype);
// A number as an error has it.
std::string textOf(double x);

}  // namespace descent
