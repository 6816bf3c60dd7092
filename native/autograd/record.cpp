// Recording: a differentiable call runs, and a node says how its gradient flows back.
#include "../device/allocator.h"
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

void requireWritable(const Op& op, const Tensor& target) {
  if (target.requiresGrad() && isLeaf(target)) {
    throw Error("autograd", op.name,
                "a leaf that requires a gradient cannot be changed in place while ops are recorded; do it "
                "within noGrad(() => ...)");
  }
  const Tensor base = baseOf(target);
  if (!base.isDefined()) return;
  if (base.requiresGrad() && isLeaf(base)) {
    throw Error("autograd", op.name,
                "a view of a leaf that requires a gradient cannot be changed in place while ops are "
                "recorded; do it within noGrad(() => ...)");
  }
  if (!base.isContiguous()) {
    throw Error("autograd", op.name,
                "a view of a tensor that is not contiguous cannot be changed in place while ops are "
                "recorded; use clone() first");
  }
}

void record(const Op& op, Arguments& args, Tensor* outs, bool isInPlace) {
  if (isInPlace) requireWritable(op, outs[0]);
  Ref<OpNode> node(new OpNode(op));
  node->addInputs(args);
  node->saveInputs(args);
  {
    const GradModeGuard quiet(false);
    const ActivationScope scope;
    Call call{op, args, outs, isInPlace};
    op.forward(call);
  }
  if (isInPlace) outs[0].bumpVersion();
  if (isInPlace && baseOf(outs[0]).isDefined()) {
    rebaseView(outs[0], node.get());
  } else {
    for (int k = 0; k < op.outputs; k++) {
      if (outs[k].isDefined() && isFloating(outs[k].dtype())) setHistory(outs[k], node.get(), k);
    }
  }
  node->saveOutputs(outs);
}

}  // namespace

void installAutograd() { recorder = record; }

bool isLeaf(const Tensor& x) {
  const GradMeta* meta = findMeta(x);
  return !meta || !meta->gradFn;
}

std::string gradFnName(const Tensor& x) {
  refreshView(x);
  const GradMeta* meta = findMeta(x);
  return meta && meta->gradFn ? meta->gradFn->name() : "";
}

void setRequiresGrad(const Tensor& x, bool value) {
  if (value && !isFloating(x.dtype())) {
    throw Error("dtype", "requiresGrad",
                std::string("only floating-point tensors can require a gradient, not ") + nameOf(x.dtype()));
  }
  if (!value && !isLeaf(x)) {
    throw Error("autograd", "requiresGrad", "only a leaf can stop requiring a gradient; use detach()");
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
  } else if (!findMeta(x)) {
    return;
  }
  metaOf(x).grad = grad;
}

void retainGrad(const Tensor& x) {
  if (!x.requiresGrad()) throw Error("autograd", "retainGrad", "the tensor does not require a gradient");
  metaOf(x).startRetaining();
}

}  // namespace descent
