// Recording: a differentiable call runs, and a node says how its gradient flows back.
#include <algorithm>

#include "../device/allocator.h"
#include "../ops/launch.h"
#include "autograd.h"
#include "node.h"

namespace descent {

namespace {

// What recorded ops make is kept for their gradients.
class ActivationScope {
 public:
  ActivationScope() : before_(allocationContext().category) {
    if (before_ == Category::temporary) allocationContext().category = Category::activation;
  }
  ~ActivationScope() { allocationContext().category = before_; }

 private:
  Category before_;
};

// The tensor whose memory `x` shows in part, where a change of x must be told to it.
Tensor baseOf(const Tensor& x) {
  TensorImpl* base = x.impl()->viewBase.get();
  return base && base->storage.get() == &x.storage() ? Tensor(base) : Tensor();
}

void record(const Op& op, Arguments& args, Tensor* outs, bool isInPlace) {
  if (isInPlace) requireWritable(op.name, outs[0]);
  Ref<OpNode> node(new OpNode(op));
  if (isInPlace) node->setInPlace();
  node->addInputs(args);
  node->saveInputs(args);
  {
    const GradModeGuard quiet(false);
    const ActivationScope scope;
    Call call{op, args, outs, isInPlace};
    op.forward(call);
  }
  if (isInPlace) noteChange(outs[0], op.name);
  if (isInPlace) {
    setHistoryOfChanged(outs[0], node.get(), 0);
  } else {
    for (int k = 0; k < op.outputs; k++) {
      if (outs[k].isDefined() && isFloating(outs[k].dtype())) setHistory(outs[k], node.get(), k);
    }
  }
  node->saveOutputs(outs);
  if (anomaly.isOn) noteNaN(*node, outs, op.outputs);
}

}  // namespace

void requireWritable(const char* op, const Tensor& target) {
  if (target.requiresGrad() && isLeaf(target)) {
    throw Error("autograd", op,
                "a leaf that requires a gradient cannot be changed in place while ops are recorded; do it "
                "within noGrad(() => ...)");
  }
  const Tensor base = baseOf(target);
  if (!base.isDefined()) return;
  if (target.impl()->isQuietView) {
    throw Error(
        "autograd", op,
        "a view made while nothing was recorded (within noGrad) cannot be changed in place while ops are "
        "recorded; make the view outside, or change it within noGrad(() => ...)");
  }
  if (base.requiresGrad() && isLeaf(base)) {
    throw Error("autograd", op,
                "a view of a leaf that requires a gradient cannot be changed in place while ops are "
                "recorded; do it within noGrad(() => ...)");
  }
  if (!base.isContiguous()) {
    throw Error("autograd", op,
                "a view of a tensor that is not contiguous cannot be changed in place while ops are "
                "recorded; use clone() first");
  }
}

void setHistoryOfChanged(const Tensor& x, Node* node, int outputIndex) {
  if (baseOf(x).isDefined()) {
    rebaseView(x, node, outputIndex);
  } else {
    setHistory(x, node, outputIndex);
  }
}

void noteNaN(Node& node, const Tensor* outs, int count) {
  for (int k = 0; k < count; k++) {
    if (outs[k].isDefined() && hasNaN(outs[k])) node.isForwardNaN = true;
  }
}

bool hasNaN(const Tensor& x) {
  if (!isFloating(x.dtype()) || x.numel() == 0) return false;
  const GradModeGuard quiet(false);
  return readScalar(ops::any(ops::isnan(x.alias()))).integer != 0;
}

void installAutograd() { recorder = record; }

bool isLeaf(const Tensor& x) {
  const GradMeta* meta = findMeta(x);
  return !meta || !meta->gradFn;
}

uint32_t siteOf(const Tensor& x) {
  const GradMeta* meta = findMeta(x);
  if (meta && meta->gradFn) return meta->gradFn->site;
  return static_cast<const Block*>(x.storage().block())->site;
}

void setLabel(const Tensor& x, const std::string& label) {
  metaOf(x).label = std::make_unique<std::string>(label);
}

std::string labelOf(const Tensor& x) {
  const GradMeta* meta = findMeta(x);
  return meta && meta->label ? *meta->label : "";
}

std::string gradFnName(const Tensor& x) {
  refreshView(x);
  const GradMeta* meta = findMeta(x);
  return meta && meta->gradFn ? meta->gradFn->name() : "";
}

std::vector<std::pair<std::string, int>> nextFunctions(const Tensor& x, const std::vector<int64_t>& path) {
  refreshView(x);
  const GradMeta* meta = findMeta(x);
  const Node* node = meta ? meta->gradFn.get() : nullptr;
  for (const int64_t edge : path) {
    if (!node || edge < 0 || edge >= static_cast<int64_t>(node->edges.size())) return {};
    node = node->edges[static_cast<size_t>(edge)].node.get();
  }
  std::vector<std::pair<std::string, int>> next;
  if (!node) return next;
  for (const Edge& edge : node->edges) next.emplace_back(edge.node ? edge.node->name() : "", edge.index);
  return next;
}

void setRequiresGrad(const Tensor& x, bool value) {
  if (value && !isFloating(x.dtype())) {
    throw Error("dtype", "requiresGrad",
                std::string("only floating-point tensors can require a gradient, not ") + nameOf(x.dtype()));
  }
  if (!value && !isLeaf(x)) {
    throw Error("autograd", "requiresGrad", "only a leaf can stop requiring a gradient; use detach()");
  }
  if (value && x.impl()->isInference && !inferenceMode) {
    throw Error("autograd", "requiresGrad",
                "a tensor made in inference mode cannot require a gradient outside of it; use clone() first");
  }
  x.impl()->requiresGrad = value;
  if (value && isLeaf(x)) x.impl()->viewBase.reset();  // a leaf of its own from now on
}

Tensor gradOf(const Tensor& x) {
  const GradMeta* meta = findMeta(x);
  return meta ? meta->grad : Tensor();
}

void setGrad(const Tensor& x, const Tensor& grad) {
  if (grad.isDefined()) {
    if (grad.shape() != x.shape()) {
      throw Error(
          "shape", "grad",
          "the gradient must be " + x.shape().text() + " as its tensor is, got " + grad.shape().text());
    }
    if (grad.dtype() != x.dtype()) {
      throw Error("dtype", "grad",
                  std::string("the gradient must be ") + nameOf(x.dtype()) + ", got " + nameOf(grad.dtype()));
    }
    if (grad.device() != x.device()) {
      throw Error("device", "grad",
                  "the gradient must be on " + nameOf(x.device()) + " as its tensor is, got one on " +
                      nameOf(grad.device()));
    }
  } else if (!findMeta(x)) {
    return;
  }
  metaOf(x).grad = grad;
}

void detachInPlace(const Tensor& x) {
  if (baseOf(x).isDefined() && !x.impl()->isQuietView) {
    throw Error("autograd", "detach_",
                "a view cannot be detached in place, because its base has the same history; use detach()");
  }
  if (GradMeta* meta = findMeta(x)) {
    meta->stopRetaining();
    meta->gradFn.reset();
    meta->outputIndex = 0;
  }
  x.impl()->requiresGrad = false;
}

void retainGrad(const Tensor& x) {
  refreshView(x);
  if (!x.requiresGrad()) throw Error("autograd", "retainGrad", "the tensor does not require a gradient");
  metaOf(x).startRetaining();
}

namespace {

void drop(Hooks& hooks) {
  const auto isGone = [](const Ref<Hook>& hook) { return hook->isRemoved(); };
  hooks.erase(std::remove_if(hooks.begin(), hooks.end(), isGone), hooks.end());
}

}  // namespace

void addHook(const Tensor& x, const Ref<Hook>& hook, HookKind kind) {
  const char* op = kind == HookKind::gradient ? "registerHook" : "registerPostAccumulateGradHook";
  refreshView(x);
  if (!x.requiresGrad()) {
    throw Error(
        "autograd", op,
        "the tensor does not require a gradient, so none is ever computed; call requiresGrad_() first");
  }
  GradMeta& meta = metaOf(x);
  if (meta.gradFn && kind == HookKind::afterAccumulation) {
    throw Error("autograd", op, "only leaves accumulate a gradient; use registerHook for this tensor");
  }
  if (meta.gradFn) {
    auto& hooks = meta.gradFn->hooks;
    const auto isGone = [](const Node::OutputHook& one) { return one.hook->isRemoved(); };
    hooks.erase(std::remove_if(hooks.begin(), hooks.end(), isGone), hooks.end());
    hook->hold();
    hooks.push_back({meta.outputIndex, hook, true});
    return;
  }
  if (!meta.hooks) meta.hooks = std::make_unique<LeafHooks>();
  Hooks& hooks = kind == HookKind::gradient ? meta.hooks->before : meta.hooks->after;
  drop(hooks);
  hooks.push_back(hook);
  if (!meta.accumulator) return;
  if (meta.accumulator->holdsHooks()) {
    hook->hold();
  } else {
    meta.accumulator->holdLeafHooks();
  }
}

}  // namespace descent
