// The numbers of tensors for somebody who looks at them while a program stands still: statistics and
// histograms, of many tensors at a time, on whatever device they lie. Nothing that the program could notice
// changes: memory for it comes straight from the device, no random number is drawn, nothing is recorded.
#pragma once

#include <vector>

#include "elements.h"

namespace descent::inspect {

// What is looked at. It holds nothing: the memory must stay while it is in use.
struct View {
  DeviceId device;
  Memory memory;  // of element 0: the geometry's offset is in it
  Geometry geometry;
  DType dtype = DType::float32;

  View() = default;
  View(const Tensor& tensor)
      : device(tensor.device()), memory(tensor.memory()), geometry(tensor.geometry()), dtype(tensor.dtype()) {
    geometry.offset = 0;
  }
  View(const Elements& elements)
      : device(elements.device),
        memory(elements.memory),
        geometry(elements.geometry),
        dtype(elements.dtype) {}
  int64_t numel() const { return geometry.shape.numel(); }
};

// Elements that a call may look at of one tensor, where it need not look at all: those of an even sample.
constexpr int64_t kAllElements = INT64_MAX;

struct Summary {
  int64_t count = 0;  // elements looked at
  int64_t nan = 0, positiveInfinity = 0, negativeInfinity = 0, zeros = 0;
  int64_t finite = 0;
  // Of the finite elements; NaN where there is none. `squares` is the sum of (x - mean)^2.
  double min, max, mean, squares;
  bool isSampled = false;

  Summary();
  double std() const;  // of the population
  // As of both together.
  void add(const Summary& other);
  double norm() const;  // L2; 0 where there is no finite element
};

// count, nan, positiveInfinity, negativeInfinity, zeros, min, max, mean, std, norm, isSampled.
void appendNumbers(const Summary& summary, std::vector<double>& numbers);

// Launched all, then waited for once a device. Throws Error("device") where it is lost.
std::vector<Summary> summarize(const std::vector<View>& views, int64_t mostElements = kAllElements);

// Finite elements in `bins` bins of equal width; `to` belongs to the last one.
struct BinsAsk {
  View view;
  double from = 0, to = 0;
  int bins = 16;  // 1 to kMostBins
};
constexpr int kMostBins = 2048;

struct Bins {
  std::vector<int64_t> counts;
  int64_t below = 0, above = 0;
  bool isSampled = false;
};

std::vector<Bins> bins(const std::vector<BinsAsk>& asks, int64_t mostElements = kAllElements);

}  // namespace descent::inspect
