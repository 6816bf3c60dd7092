// The state of the random numbers: a seed, and how many were drawn.
#pragma once

#include <cstdint>

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
// The seed, and the offset for `count` numbers; the next draw begins behind them.
RandomState takeRandom(int64_t count);

}  // namespace descent
