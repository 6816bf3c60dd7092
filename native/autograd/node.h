// The graph that records how tensors were made: nodes, the edges along which gradients flow back, and what
// tensors know of it.
#pragma once

#include <vector>

#include "../device/allocator.h"
#include "../ops/ops.h"

namespace descent {

class Node;
class AccumulateGrad;
struct Run;

// Runs when the gradient of a tensor is computed, and may replace it. What it is made of is not known here.
class Hook : public RefCounted {
 public:
  // Undefined: the gradient stays as it is.
  virtual Tensor call(const Tensor& gradient) = 0;
  virtual bool isRemoved() const = 0;
  // A graph that may call it lives; called in pairs. Between two pairs the hook need not keep itself alive.
  virtual void hold() {}
  virtual void letGo() {}
};
using Hooks = std::vector<Ref<Hook>>;

// The hooks of a leaf, in order.
struct LeafHooks {
  Hooks before;  // get the gradient that arrives, before it is added to `grad`
  Hooks after;   // get the leaf, when its `grad` is complete
};

// Where a gradient goes: input `index` of a node. No node: it is not wanted.
struct Edge {
  Ref<Node> node;
  int index = 0;
};

// What autograd knows of a tensor.
struct GradMeta final : AutogradMeta {
  ~GradMeta() override { stopRetaining(); }
  // Have the gradient that arrives at gradFn kept in `grad`, or not any more.
  void startRetaining();
  void stopRetaining();
  Ref<Node> gradFn;                       // none: a leaf
  int outputIndex = 0;                    // which output of gradFn
  Tensor grad;                            // of a leaf, or with retainGrad
  AccumulateGrad* accumulator = nullptr;  // of a leaf; the node holds the tensor, not the other way round
  std::unique_ptr<LeafHooks> hooks;       // of a leaf; those of others belong to gradFn
  bool retainsGrad = false;
  std::unique_ptr<std::string> label;  // of a parameter: its path in the module tree
};

class Node : public RefCounted {
 public:
  Node();
  ~Node() override;

  // Gradients of the outputs become gradients along the edges; undefined ones mean zero.
  virtual void apply(const Tensor* gradients, Tensor* results, bool createGraph) = 0;
  // Drops what was saved; a later apply() says so.
  virtual void releaseSaved() {}
  // Those to call with the gradient of an output, in order; a copy, because hooks may come and go meanwhile.
  virtual std::vector<std::pair<int, Ref<Hook>>> hooksNow() const;
  virtual std::string name() const = 0;
  // For people who look at the graph: the shape of what an edge leads to, null where it is not known, and the
  // label of a leaf.
  virtual const Shape* shapeOfInput(size_t /*edge*/) const { return nullptr; }
  virtual std::string label() const { return ""; }
  // The op that it is the gradient of; null for others.
  virtual const Op* op() const { return nullptr; }

  std::vector<Edge> edges;
  int outputs = 1;
  // Later nodes have larger numbers, so a larger one is never reached from a smaller.
  uint64_t sequence;
  // Tensors that keep the gradient arriving here; they take themselves off.
  std::vector<std::pair<int, GradMeta*>> retained;
  // By output; held as long as the graph has not been used up.
  struct OutputHook {
    int output;
    Ref<Hook> hook;
    bool isHeld;
  };
  std::vector<OutputHook> hooks;
  void letHooksGo();

  // Where the user called what this is the gradient of; 0 where it is not known.
  uint32_t site;
  // The result was not a number already, as far as somebody looked (anomaly mode).
  bool isForwardNaN = false;

  // Scratch of the backward run that is visiting.
  Run* run = nullptr;
  int slot = 0;

 protected:
  // A graph of a million nodes must not be torn down by recursion.
  void destroy() noexcept override;
};

// The value of a tensor at the time it was saved.
class SavedTensor {
 public:
  SavedTensor() = default;
  // An output of `owner` is saved without a reference to it, which would be a cycle.
  SavedTensor(const Tensor& tensor, bool isOutput);
  bool isSaved() const { return data_.isDefined(); }
  // Throws when the value was changed in place since. With `createGraph` its history comes along.
  Tensor unpack(Node* owner, const std::string& op, bool createGraph) const;
  void reset() { *this = SavedTensor(); }

 private:
  Tensor data_;
  Ref<Node> gradFn_;
  int outputIndex_ = 0;
  uint32_t version_ = 0;
  bool isOutput_ = false;
};

// One recorded call of an op.
class OpNode final : public Node {
 public:
  explicit OpNode(const Op& op) : op_(op), call_(allocationContext().call) { outputs = op.outputs; }
  void apply(const Tensor* gradients, Tensor* results, bool createGraph) override;
  void releaseSaved() override;
  std::string name() const override;
  const Shape* shapeOfInput(size_t edge) const override {
    return edge < metas_.size() ? &metas_[edge].shape : nullptr;
  }
  const Op* op() const override { return &op_; }

  // It wrote into its first argument: what that was before is gone, and gets zeros where the derivative says
  // nothing.
  void setInPlace() { isInPlace_ = true; }
  void addInputs(const Arguments& args);
  void saveInputs(const Arguments& args);
  void saveOutputs(const Tensor* outs);

 private:
  uint32_t savesWanted() const;

  const Op& op_;
  const char* call_;  // what the user called, where it is known
  int argumentCount_ = 0;
  bool isInPlace_ = false;
  bool isReleased_ = false;
  bool savesSomething_ = false;
  std::vector<Argument> arguments_;  // tensors left out
  std::vector<SavedTensor> savedInputs_;
  std::vector<SavedTensor> savedOutputs_;
  std::vector<Gradients::Meta> metas_;
  int firstEdges_[kMaxArguments];
  int tensorCounts_[kMaxArguments];
};

// Where a gradient ends: it is added to the leaf's grad.
class AccumulateGrad final : public Node {
 public:
  explicit AccumulateGrad(const Tensor& leaf);
  ~AccumulateGrad() override;
  void apply(const Tensor* gradients, Tensor* results, bool createGraph) override;
  std::string name() const override { return "AccumulateGrad"; }
  std::string label() const override;
  std::vector<std::pair<int, Ref<Hook>>> hooksNow() const override;
  void releaseSaved() override { letLeafHooksGo(); }
  // The hooks of the leaf are held from the first use in a graph until a graph is used up.
  void holdLeafHooks();
  bool holdsHooks() const { return holdsHooks_; }

 private:
  void letLeafHooksGo();
  bool holdsHooks_ = false;
  Tensor leaf_;
};

// Refuses a change in place of what must not change while ops are recorded: leaves that require a gradient,
// and their views.
void requireWritable(const char* op, const Tensor& target);
// x was changed in place by what `node` stands for.
void setHistoryOfChanged(const Tensor& x, Node* node, int outputIndex);
// The meta of a tensor, made if need be.
GradMeta& metaOf(const Tensor& x);
// The same without making one.
GradMeta* findMeta(const Tensor& x);
Edge edgeOf(const Tensor& x);
// Writes the history of a view anew where its memory was changed in place through another tensor.
void refreshView(const Tensor& x);
// After a view was changed in place: its base has a new history, and then the view.
void rebaseView(const Tensor& view, Node* change, int outputIndex = 0);
void setHistory(const Tensor& x, Node* node, int outputIndex);
// Sums and converts a gradient to the shape and dtype of what it belongs to.
Tensor fitGradient(const Tensor& g, const Gradients::Meta& meta);
// Whether an element is not a number.
bool hasNaN(const Tensor& x);
// Notes in the node which results are not numbers already.
void noteNaN(Node& node, const Tensor* outs, int count);
// What a leaf does with a gradient, for any tensor.
void addToGrad(const Tensor& x, const Tensor& gradient, bool createGraph);
// a + b, into a's memory where nobody else can see it.
Tensor addGradients(Tensor a, const Tensor& b, bool createGraph);

}  // namespace descent
