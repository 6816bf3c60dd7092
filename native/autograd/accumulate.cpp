// Where gradients end: added to the grad of a leaf, without a copy where the arriving one is nobody else's.
#include "../device/allocator.h"
#include "../ops/launch.h"
#include "autograd.h"
#include "node.h"

namespace descent {

namespace {

void tagGradient(const Tensor& grad) {
  Block* block = static_cast<Block*>(grad.storage().block());
  if (block->allocator && block->category != Category::gradient)
    block->allocator->retag(block, Category::gradient);
}

}  // namespace

AccumulateGrad::AccumulateGrad(const Tensor& leaf) : leaf_(leaf) {
  // Ready before all others, so that gradients are handed over while they are warm.
  sequence = UINT64_MAX;
  holdLeafHooks();
}

AccumulateGrad::~AccumulateGrad() {
  GradMeta* meta = findMeta(leaf_);
  if (!meta) return;
  letLeafHooksGo();
  if (meta->accumulator == this) meta->accumulator = nullptr;
}

std::string AccumulateGrad::label() const { return labelOf(leaf_); }

void AccumulateGrad::holdLeafHooks() {
  const GradMeta* meta = findMeta(leaf_);
  if (holdsHooks_ || !meta || !meta->hooks) return;
  holdsHooks_ = true;
  for (const Hooks* list : {&meta->hooks->before, &meta->hooks->after}) {
    for (const Ref<Hook>& hook : *list) hook->hold();
  }
}

void AccumulateGrad::letLeafHooksGo() {
  const GradMeta* meta = findMeta(leaf_);
  if (!holdsHooks_ || !meta || !meta->hooks) return;
  holdsHooks_ = false;
  for (const Hooks* list : {&meta->hooks->before, &meta->hooks->after}) {
    for (const Ref<Hook>& hook : *list) hook->letGo();
  }
}

std::vector<std::pair<int, Ref<Hook>>> AccumulateGrad::hooksNow() const {
  std::vector<std::pair<int, Ref<Hook>>> now;
  const GradMeta* meta = findMeta(leaf_);
  if (!meta || !meta->hooks) return now;
  for (const Ref<Hook>& hook : meta->hooks->before) now.emplace_back(0, hook);
  return now;
}

namespace {

void accumulate(const Tensor& leaf, const Tensor& g, bool createGraph) {
  if (g.device() != leaf.device()) {
    throw Error("autograd", "backward",
                "a tensor was on " + nameOf(g.device()) + " when it was used and is on " +
                    nameOf(leaf.device()) + " now; call backward() before it is moved");
  }
  Tensor& grad = metaOf(leaf).grad;
  if (grad.isDefined() && grad.device() != leaf.device()) {
    throw Error("autograd", "backward",
                "the grad that a tensor on " + nameOf(leaf.device()) + " has lies on " +
                    nameOf(grad.device()) + "; call zeroGrad() after moving it");
  }
  if (grad.isDefined()) {
    if (createGraph) {
      grad = ops::add(grad, g);
    } else {
      Arguments args;
      args.push(grad);
      args.push(g);
      dispatchInPlace(ops::add, args);
    }
    return;
  }
  if (createGraph) {
    grad = g;
    return;
  }
  // Ours to keep when only the engine's buffer still refers to it.
  const bool isOurs = g.impl()->references() == 1 && g.storage().references() == 1 && g.isContiguous();
  grad = isOurs ? g : contiguousCopy(g);
  tagGradient(grad);
}

}  // namespace

void AccumulateGrad::apply(const Tensor* gradients, Tensor*, bool createGraph) {
  if (!gradients[0].isDefined()) return;
  accumulate(leaf_, gradients[0], createGraph);
  const GradMeta& meta = metaOf(leaf_);
  if (!meta.hooks) return;
  const Hooks now = meta.hooks->after;  // a copy: hooks may come and go meanwhile
  for (const Ref<Hook>& hook : now) {
    if (!hook->isRemoved()) hook->call(leaf_);
  }
}

void addToGrad(const Tensor& x, const Tensor& gradient, bool createGraph) {
  accumulate(x, gradient, createGraph);
}

}  // namespace descent
