// The autograd graph around a tensor, written down: nothing of it is kept alive.
#pragma once

#include <string>
#include <vector>

#include "../tensor/tensor.h"

namespace descent::inspect {

struct GraphNode {
  std::string name;  // "AddmmBackward0"
  bool hasShape = false;
  Shape shape;        // of what it made
  std::string label;  // of an AccumulateGrad: the parameter's
  uint32_t site = 0;
  std::vector<uint32_t> next;  // places in the list
};

struct Graph {
  std::vector<GraphNode> nodes;
  bool isTruncated = false;
};

// Breadth first from what made x, at most `most` nodes; empty for a leaf.
Graph graphOf(const Tensor& x, size_t most);

}  // namespace descent::inspect
