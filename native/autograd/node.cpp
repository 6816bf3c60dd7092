// The graph's nodes: what they save, how they pass gradients on, how they go.
#include "node.h"

#include <algorithm>
#include <atomic>
#include <cctype>

#include "../device/site.h"
#include "../ops/launch.h"
#include "names.h"

namespace descent {

namespace {

std::atomic<uint64_t> nextSequence{1};

// Nodes whose last reference is gone, waiting for their turn. Never freed itself: tensors may outlive its
// thread's end.
struct Graveyard {
  std::vector<Node*> nodes;
  bool isDraining = false;
};
Graveyard& graveyard() {
  static thread_local Graveyard* instance = new Graveyard();
  return *instance;
}

}  // namespace

Node::Node() : sequence(nextSequence.fetch_add(1, std::memory_order_relaxed)), site(siteHere()) {}

Node::~Node() { letHooksGo(); }

void Node::letHooksGo() {
  for (OutputHook& one : hooks) {
    if (one.isHeld) one.hook->letGo();
    one.isHeld = false;
  }
}

std::vector<std::pair<int, Ref<Hook>>> Node::hooksNow() const {
  std::vector<std::pair<int, Ref<Hook>>> now;
  for (const OutputHook& one : hooks) now.emplace_back(one.output, one.hook);
  return now;
}

void Node::destroy() noexcept {
  Graveyard& yard = graveyard();
  yard.nodes.push_back(this);
  if (yard.isDraining) return;
  yard.isDraining = true;
  while (!yard.nodes.empty()) {
    Node* node = yard.nodes.back();
    yard.nodes.pop_back();
    delete node;
  }
  yard.isDraining = false;
}

void GradMeta::startRetaining() {
  if (retainsGrad || !gradFn) return;
  retainsGrad = true;
  gradFn->retained.emplace_back(outputIndex, this);
}

void GradMeta::stopRetaining() {
  if (!retainsGrad) return;
  retainsGrad = false;
  auto& retained = gradFn->retained;
  retained.erase(std::remove_if(retained.begin(), retained.end(),
                                [this](const auto& entry) { return entry.second == this; }),
                 retained.end());
}

GradMeta* findMeta(const Tensor& x) { return static_cast<GradMeta*>(x.impl()->autograd.get()); }

GradMeta& metaOf(const Tensor& x) {
  if (!x.impl()->autograd) x.impl()->autograd = std::make_unique<GradMeta>();
  return *findMeta(x);
}

Edge edgeOf(const Tensor& x) {
  if (!x.impl()->wantsGradient()) return {};
  refreshView(x);
  if (!x.requiresGrad()) return {};
  GradMeta& meta = metaOf(x);
  if (meta.gradFn) return {meta.gradFn, meta.outputIndex};
  if (!meta.accumulator) {
    const Ref<AccumulateGrad> accumulator(new AccumulateGrad(x));
    meta.accumulator = accumulator.get();
    return {Ref<Node>(accumulator.get()), 0};
  }
  if (meta.hooks) meta.accumulator->holdLeafHooks();
  return {Ref<Node>(meta.accumulator), 0};
}

void setHistory(const Tensor& x, Node* node, int outputIndex) {
  GradMeta& meta = metaOf(x);
  const bool retainsGrad = meta.retainsGrad;
  meta.stopRetaining();
  meta.gradFn = Ref<Node>(node);
  meta.outputIndex = outputIndex;
  if (retainsGrad) meta.startRetaining();
  x.impl()->requiresGrad = true;
}

SavedTensor::SavedTensor(const Tensor& tensor, bool isOutput)
    : version_(tensor.version()), isOutput_(isOutput) {
  if (tensor.impl()->isInference) {
    throw Error(
        "autograd", "",
        "a tensor made in inference mode cannot be saved for a gradient; use clone() outside of it first");
  }
  const GradMeta* meta = findMeta(tensor);
  const bool isWantedLeaf = tensor.requiresGrad() && !(meta && meta->gradFn);
  // Anything but a leaf is saved by its memory alone: were the tensor itself held, a later in-place op on it
  // could close a cycle through this node.
  data_ = isWantedLeaf ? tensor : tensor.alias();
  tensor.storage().isSaved = true;
  if (!isOutput && meta && meta->gradFn) {
    gradFn_ = meta->gradFn;
    outputIndex_ = meta->outputIndex;
  }
  if (isOutput && meta) outputIndex_ = meta->outputIndex;
}

namespace {

[[noreturn]] void failChanged(const Tensor& data, uint32_t expected, const Node& owner,
                              const std::string& op) {
  const std::string saved = textOfSite(owner.site), changed = textOfSite(data.storage().changedAt);
  const char* by = data.storage().changedBy;
  std::string sentence = "a value of shape " + data.shape().text() +
                         " needed for the gradient was changed in place after " + op + " used it";
  if (!saved.empty()) sentence += " at " + saved;
  if (by) sentence += std::string(", by ") + by + (changed.empty() ? "" : " at " + changed);
  sentence += " (it is at version " + std::to_string(data.version()) + ", " + std::to_string(expected) +
              " was expected); change a clone() instead, or change it before";
  if (saved.empty() || changed.empty())
    sentence += ". To see the lines, run it with DESCENT_CALL_SITES=1 or within autograd.detectAnomaly";
  throw Error("autograd", op, sentence,
              {{"version", std::to_string(data.version())},
               {"expected", std::to_string(expected)},
               {"saved", saved},
               {"changed", changed},
               {"changedBy", by ? by : ""}});
}

}  // namespace

Tensor SavedTensor::unpack(Node* owner, const std::string& op, bool createGraph) const {
  if (!data_.isDefined()) return {};
  if (data_.version() != version_) failChanged(data_, version_, *owner, op);
  Node* history = isOutput_ ? owner : gradFn_.get();
  if (!createGraph || !history || !isFloating(data_.dtype()) || data_.requiresGrad()) return data_;
  const Tensor tensor = data_.alias();
  setHistory(tensor, history, outputIndex_);
  return tensor;
}

std::string OpNode::name() const {
  std::vector<Shape> shapes;
  for (const Gradients::Meta& meta : metas_) shapes.push_back(meta.shape);
  return nameOfGradient(op_.name, call_, arguments_, shapes);
}

void OpNode::addInputs(const Arguments& args) {
  argumentCount_ = args.count;
  arguments_.resize(static_cast<size_t>(args.count));
  const auto addTensor = [&](const Tensor& tensor) {
    edges.push_back(edgeOf(tensor));
    metas_.push_back({tensor.shape(), tensor.dtype(), tensor.device()});
  };
  for (int i = 0; i < args.count; i++) {
    const Argument& argument = args.items[i];
    firstEdges_[i] = -1;
    tensorCounts_[i] = 0;
    if (argument.isTensor()) {
      firstEdges_[i] = static_cast<int>(edges.size());
      tensorCounts_[i] = 1;
      addTensor(argument.tensor);
    } else if (argument.kind == Argument::Kind::tensors) {
      firstEdges_[i] = static_cast<int>(edges.size());
      tensorCounts_[i] = static_cast<int>(argument.lists->tensors.size());
      for (const Tensor& tensor : argument.lists->tensors) addTensor(tensor);
    } else {
      arguments_[i] = argument;
    }
  }
}

uint32_t OpNode::savesWanted() const {
  uint32_t wanted = 0;
  for (int i = 0; i < argumentCount_; i++) {
    for (int k = 0; k < tensorCounts_[i]; k++) {
      if (edges[firstEdges_[i] + k].node) wanted |= op_.derivative.saves[i];
    }
  }
  return wanted;
}

void OpNode::saveInputs(const Arguments& args) {
  const uint32_t wanted = savesWanted();
  if ((wanted & 0xffff) == 0) return;
  savedInputs_.resize(static_cast<size_t>(args.count));
  for (int i = 0; i < args.count; i++) {
    if (!(wanted & input(i)) || !args.items[i].isTensor()) continue;
    savedInputs_[i] = SavedTensor(args.items[i].tensor, false);
    savesSomething_ = true;
  }
}

void OpNode::saveOutputs(const Tensor* outs) {
  const uint32_t wanted = savesWanted();
  if ((wanted >> 16) == 0) return;
  savedOutputs_.resize(static_cast<size_t>(op_.outputs));
  for (int k = 0; k < op_.outputs; k++) {
    if (!(wanted & output(k)) || !outs[k].isDefined()) continue;
    savedOutputs_[k] = SavedTensor(outs[k], true);
    savesSomething_ = true;
  }
}

void OpNode::releaseSaved() {
  isReleased_ = true;
  savedInputs_.clear();
  savedOutputs_.clear();
}

void OpNode::apply(const Tensor* gradients, Tensor* results, bool createGraph) {
  if (isReleased_ && savesSomething_) {
    throw Error("autograd", op_.name,
                "backward came through a second time, but what was saved for it is freed by the first; pass "
                "{ retainGraph: true } to the first");
  }
  // An edge without a node wants no gradient.
  constexpr int kFew = 16;
  bool few[kFew];
  std::vector<char> many;
  bool* needed = few;
  if (edges.size() > kFew) {
    many.resize(edges.size());
    needed = reinterpret_cast<bool*>(many.data());
  }
  for (size_t k = 0; k < edges.size(); k++) needed[k] = static_cast<bool>(edges[k].node);

  Gradients d{op_,           {},     {},      gradients,  metas_.data(), firstEdges_,
              tensorCounts_, needed, results, createGraph};
  d.args.count = argumentCount_;
  for (int i = 0; i < argumentCount_; i++) {
    if (tensorCounts_[i] == 0) {
      d.args.items[i] = arguments_[i];
    } else if (!savedInputs_.empty() && savedInputs_[i].isSaved()) {
      const Tensor saved = savedInputs_[i].unpack(this, op_.name, createGraph);
      const Gradients::Meta& meta = metas_[static_cast<size_t>(firstEdges_[i])];
      // A leaf is saved as it is, and its data may have been replaced since (a module moved to another
      // dtype).
      if (saved.shape() != meta.shape || saved.dtype() != meta.dtype) {
        throw Error("autograd", op_.name,
                    "a tensor needed for the gradient was " + meta.shape.text() + " of " +
                        nameOf(meta.dtype) + " when it was used and is " + saved.shape().text() + " of " +
                        nameOf(saved.dtype()) + " now; call backward() before it is replaced");
      }
      if (saved.device() != meta.device) {
        throw Error("autograd", op_.name,
                    "a tensor needed for the gradient was on " + nameOf(meta.device) +
                        " when it was used and is on " + nameOf(saved.device()) +
                        " now; call backward() before it is moved");
      }
      d.args.items[i] = Argument(saved);
    }
  }
  for (size_t k = 0; k < savedOutputs_.size(); k++)
    d.outputs[k] = savedOutputs_[k].unpack(this, op_.name, createGraph);

  // An op without a derivative is here only because it wrote in place (floorDivide_): nothing flows through
  // it.
  if (op_.isDifferentiable()) op_.derivative.apply(d);
  if (isInPlace_ && needed[0] && !results[0].isDefined())
    results[0] = filledTensor(metas_[0].shape, metas_[0].dtype, metas_[0].device, 0);
  for (size_t k = 0; k < edges.size(); k++) {
    if (!needed[k]) {
      results[k] = Tensor();
    } else if (results[k].isDefined()) {
      results[k] = fitGradient(results[k], metas_[k]);
    }
  }
}

Tensor fitGradient(const Tensor& g, const Gradients::Meta& meta) {
  Tensor fitted = g;
  if (fitted.shape() != meta.shape) {
    const int added = fitted.dims() - meta.shape.dims;
    std::vector<int64_t> summed;
    for (int dim = 0; dim < fitted.dims(); dim++) {
      const bool isRepeated = dim < added || (meta.shape[dim - added] == 1 && fitted.size(dim) != 1);
      if (isRepeated) summed.push_back(dim);
    }
    // Where only leading dims go, as of a bias, nothing is left to reshape: the result is nobody else's.
    const bool onlyLeading = static_cast<int>(summed.size()) == added;
    if (!summed.empty()) fitted = ops::sum(fitted, summed, !onlyLeading);
    if (fitted.shape() != meta.shape) fitted = ops::reshape(fitted, meta.shape);
  }
  // Of what was moved to another device, or went with its tensors as a scalar of the CPU.
  if (fitted.device() != meta.device) fitted = ops::toDevice(fitted, nameOf(meta.device));
  return fitted.dtype() == meta.dtype ? fitted : ops::cast(fitted, meta.dtype);
}

Tensor addGradients(Tensor a, const Tensor& b, bool createGraph) {
  const bool isOurs = !createGraph && a.impl()->references() == 1 && a.storage().references() == 1 &&
                      a.isContiguous() && a.dtype() == b.dtype() && a.shape() == b.shape();
  if (!isOurs) return ops::add(a, b);
  Arguments args;
  args.push(a);
  args.push(b);
  // The extra references held by `args` are this call's own.
  dispatchInPlace(ops::add, args);
  return a;
}

}  // namespace descent
