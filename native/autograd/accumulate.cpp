// Where gradients end: added to the grad of a leaf, without a copy where the arriving one is nobody else's.
#include "../device/allocator.h"
#include "../ops/launch.h"
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
}

AccumulateGrad::~AccumulateGrad() {
  GradMeta* meta = findMeta(leaf_);
  if (meta && meta->accumulator == this) meta->accumulator = nullptr;
}

void AccumulateGrad::apply(const Tensor* gradients, Tensor*, bool createGraph) {
  const Tensor& g = gradients[0];
  if (!g.isDefined()) return;
  Tensor& grad = metaOf(leaf_).grad;
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

}  // namespace descent
