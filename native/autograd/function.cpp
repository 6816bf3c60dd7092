// The node of a user's function: it hands gradients out and checks what comes back.
#include "function.h"

#include <algorithm>

#include "../ops/launch.h"
#include "autograd.h"

namespace descent {

void FunctionNode::addArgument(const Tensor& argument) {
  if (!argument.isDefined()) {
    edgeOfArgument_.push_back(-1);
    return;
  }
  edgeOfArgument_.push_back(static_cast<int>(edges.size()));
  edges.push_back(edgeOf(argument));
  inputs_.push_back({argument.shape(), argument.dtype(), argument.device()});
}

bool FunctionNode::isWanted() const {
  for (const Edge& edge : edges) {
    if (edge.node) return true;
  }
  return false;
}

void FunctionNode::finish(const std::vector<Result>& results, const std::vector<Tensor>& saved,
                          const Ref<ForeignBackward>& backward, bool materializes) {
  outputs = static_cast<int>(results.size());
  backward_ = backward;
  materializes_ = materializes;
  outputs_.resize(results.size());
  for (const Result& result : results) {
    if (result.isChanged) requireWritable(name_.c_str(), result.tensor);
  }
  for (size_t k = 0; k < results.size(); k++) {
    const Result& result = results[k];
    if (!result.tensor.isDefined()) continue;
    outputs_[k] = {result.tensor.shape(), result.tensor.dtype(), result.tensor.device()};
    if (!result.isDifferentiable) continue;
    if (result.isChanged) {
      setHistoryOfChanged(result.tensor, this, static_cast<int>(k));
    } else {
      setHistory(result.tensor, this, static_cast<int>(k));
    }
  }
  for (const Tensor& tensor : saved) {
    if (!tensor.isDefined()) {
      saved_.emplace_back();
      continue;
    }
    const GradMeta* meta = findMeta(tensor);
    saved_.emplace_back(tensor, meta && meta->gradFn.get() == this);
  }
  if (anomaly.isOn) {
    for (const Result& result : results) {
      if (result.tensor.isDefined()) noteNaN(*this, &result.tensor, 1);
    }
  }
}

std::vector<Tensor> FunctionNode::unpackSaved(bool createGraph) {
  if (isReleased_) {
    throw Error("autograd", name_,
                "backward came through a second time, but what was saved for it is freed by the first; pass "
                "{ retainGraph: true } to the first");
  }
  std::vector<Tensor> tensors;
  for (const SavedTensor& saved : saved_) tensors.push_back(saved.unpack(this, name_, createGraph));
  return tensors;
}

void FunctionNode::releaseSaved() {
  if (!saved_.empty()) isReleased_ = true;
  saved_.clear();
  if (backward_) backward_->graphUsed();
}

void FunctionNode::apply(const Tensor* gradients, Tensor* results, bool createGraph) {
  std::vector<Tensor> given(gradients, gradients + outputs);
  for (size_t k = 0; k < given.size(); k++) {
    if (given[k].isDefined() || !materializes_ || !isFloating(outputs_[k].dtype)) continue;
    given[k] = filledTensor(outputs_[k].shape, outputs_[k].dtype, outputs_[k].device, 0);
  }
  const std::vector<Tensor> got = backward_->call(*this, given, createGraph);
  const size_t count = edgeOfArgument_.size();
  // More than there are arguments are taken, as in PyTorch, if they are all null.
  const bool hasTooMany =
      got.size() > count && std::any_of(got.begin() + static_cast<std::ptrdiff_t>(count), got.end(),
                                        [](const Tensor& g) { return g.isDefined(); });
  if (got.size() < count || hasTooMany) {
    throw Error("autograd", name_,
                "backward must return one gradient for each of the " + std::to_string(count) +
                    " arguments of forward, null where there is none, it returned " +
                    std::to_string(got.size()),
                {{"expected", std::to_string(count)}, {"got", std::to_string(got.size())}});
  }
  for (size_t k = 0; k < count; k++) {
    const std::string which = "backward returned for argument " + std::to_string(k) + " of forward ";
    if (edgeOfArgument_[k] < 0) {
      if (got[k].isDefined())
        throw Error("autograd", name_, which + "a gradient, but that is no tensor; return null there");
      continue;
    }
    const size_t edge = static_cast<size_t>(edgeOfArgument_[k]);
    if (!edges[edge].node || !got[k].isDefined()) continue;
    const Gradients::Meta& meta = inputs_[edge];
    if (got[k].device() != meta.device) {
      throw Error(
          "device", name_,
          which + "a gradient on " + nameOf(got[k].device()) + ", the argument is on " + nameOf(meta.device));
    }
    // A gradient that was broadcast on the way is summed, as PyTorch does.
    const Shape& shape = got[k].shape();
    bool fits = shape.dims >= meta.shape.dims;
    for (int dim = 1; fits && dim <= meta.shape.dims; dim++) {
      const int64_t wanted = meta.shape[meta.shape.dims - dim];
      fits = wanted == 1 || wanted == shape[shape.dims - dim];
    }
    if (!fits || !isFloating(got[k].dtype())) {
      throw Error("shape", name_,
                  which + "a gradient of " + shape.text() + " and " + nameOf(got[k].dtype()) +
                      ", the argument is " + meta.shape.text() + " of " + nameOf(meta.dtype),
                  {{"argument", std::to_string(k)}, {"expected", meta.shape.text()}, {"got", shape.text()}});
    }
    results[edge] = fitGradient(got[k], meta);
  }
}

}  // namespace descent
