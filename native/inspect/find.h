// The first element of a kind, and numbers of one tensor or of the difference of two.
#pragma once

#include "elements.h"
#include "summary.h"

namespace descent::inspect {

// As the kernel `seek` has it.
enum class Sought : int64_t { nan = 0, infinity = 1, nonFinite = 2, equal = 3 };
constexpr int kSoughtKinds = 4;

// The row-major place of the first such element from `first` on; -1: there is none.
int64_t findElement(const Elements& x, const Elements* minus, Sought what, int64_t first, double number);

// Of x, or of x - minus. Beyond `mostElements` they are of a sample.
Summary statisticsOf(const Elements& x, const Elements* minus, int64_t mostElements);
// Of all elements, each once where they repeat, for its minimum and maximum.
Summary extremesOf(const Elements& x, const Elements* minus);
Bins histogramOf(const Elements& x, const Elements* minus, double from, double to, int bins,
                 int64_t mostElements);
// Of the indices [first, first + count) of a dim.
std::vector<Summary> channelsOf(const Elements& x, const Elements* minus, int dim, int64_t first,
                                int64_t count, int64_t mostElements);

}  // namespace descent::inspect
