// A node whose derivative comes from outside the op table: a class of the user's with forward and backward.
#pragma once

#include <memory>
#include <string>

#include "node.h"

namespace descent {

class FunctionNode;

// The user's backward, whatever language it is written in.
class ForeignBackward : public RefCounted {
 public:
  // `gradients` by output, undefined where none arrived; gives one for each argument of the forward.
  virtual std::vector<Tensor> call(FunctionNode& node, const std::vector<Tensor>& gradients,
                                   bool createGraph) = 0;
  // The graph was used and need not be used again.
  virtual void graphUsed() = 0;
};

class FunctionNode final : public Node {
 public:
  explicit FunctionNode(std::string name) : name_(std::move(name)) {}
  // Each argument of the forward in order, before it runs; undefined where it is no tensor.
  void addArgument(const Tensor& argument);
  // What the forward gave, in order; changed inputs are given as `isChanged`, with their history not yet
  // written.
  struct Result {
    Tensor tensor;  // undefined where it is no tensor
    bool isDifferentiable = true;
    bool isChanged = false;
  };
  // Writes the history of the results.
  void finish(const std::vector<Result>& results, const std::vector<Tensor>& saved,
              const Ref<ForeignBackward>& backward, bool materializes);
  bool isWanted() const;

  void apply(const Tensor* gradients, Tensor* results, bool createGraph) override;
  void releaseSaved() override;
  std::string name() const override { return name_; }
  const Shape* shapeOfInput(size_t edge) const override {
    return edge < inputs_.size() ? &inputs_[edge].shape : nullptr;
  }
  // What was saved, undefined ones in their places; while backward runs.
  std::vector<Tensor> unpackSaved(bool createGraph);

 private:
  std::string name_;
  std::vector<int> edgeOfArgument_;  // -1: no tensor
  std::vector<Gradients::Meta> inputs_, outputs_;
  std::vector<SavedTensor> saved_;
  Ref<ForeignBackward> backward_;
  bool materializes_ = true;
  bool isReleased_ = false;
};

}  // namespace descent
