// Automatic differentiation: recording, backward, gradients of leaves.
#pragma once

#include <string>
#include <vector>

#include "../tensor/tensor.h"

namespace descent {

// Makes differentiable ops record themselves; once, before the first op.
void installAutograd();

struct BackwardOptions {
  bool retainGraph = false;
  bool createGraph = false;
};

// Adds the gradients of `roots`, weighted by `gradients` (undefined: 1, for scalars only), to the leaves they
// came from; with `inputs`, to those alone, which may be any tensors of the graph.
void backward(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients,
              const BackwardOptions& options, const std::vector<Tensor>* inputs = nullptr);

// The same, for `inputs` alone, which may be any tensors of the graph; nothing is added to a leaf. Undefined
// where an input was not reached.
std::vector<Tensor> gradientsOf(const std::vector<Tensor>& roots, const std::vector<Tensor>& inputs,
                                const std::vector<Tensor>& gradients, const BackwardOptions& options);

bool isLeaf(const Tensor& x);
// The call site that made x: that of its history, else that of its memory; 0 where it is not known.
uint32_t siteOf(const Tensor& x);
// Empty for a leaf.
std::string gradFnName(const Tensor& x);
// What the gradient of the node at `path` (edge by edge from x's gradFn) flows to: name and input of each
// edge, an empty name where none is wanted.
std::vector<std::pair<std::string, int>> nextFunctions(const Tensor& x, const std::vector<int64_t>& path);
// The path of a parameter in its module tree, for whoever shows the graph; empty where there is none.
void setLabel(const Tensor& x, const std::string& label);
std::string labelOf(const Tensor& x);
void setRequiresGrad(const Tensor& x, bool value);
Tensor gradOf(const Tensor& x);
void setGrad(const Tensor& x, const Tensor& grad);
void retainGrad(const Tensor& x);
// Cuts x itself off from its history; it becomes a leaf that requires no gradient.
void detachInPlace(const Tensor& x);

class Hook;  // node.h
enum class HookKind { gradient, afterAccumulation };
void addHook(const Tensor& x, const Ref<Hook>& hook, HookKind kind);

class Node;
// Whoever looks at what each node of a backward pass makes, on this thread (inspect/watch.h).
class GradientWatcher {
 public:
  virtual ~GradientWatcher() = default;
  virtual void begin(const Node& node) = 0;
  virtual void end(const Node& node, const std::vector<Tensor>& gradients,
                   const std::vector<Tensor>& results) = 0;
};
extern thread_local GradientWatcher* gradientWatcher;

// Whether backward looks for the op that first made a NaN. Of this thread.
struct Anomaly {
  bool isOn = false;
  bool checksNaN = true;
};
extern thread_local Anomaly anomaly;

}  // namespace descent
