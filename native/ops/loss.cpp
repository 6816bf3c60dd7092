// Losses. Cross entropy against class indices is one pass over the logits, forward and backward.
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel crossEntropyKernel{"crossEntropy"};
const Kernel crossEntropyBackwardKernel{"crossEntropyBackward"};

enum Reduction : int64_t { none = 0, mean = 1, sum = 2 };

int64_t reductionOf(const Call& call, int i) {
  const std::string& name = call.text(i);
  if (name == "mean") return Reduction::mean;
  if (name == "sum") return Reduction::sum;
  if (name == "none") return Reduction::none;
  call.fail("argument", "the reduction must be \"mean\", \"sum\" or \"none\", got \"" + name + "\"");
}

Tensor reduceLoss(const Call& call, const Tensor& losses, int i) {
  const int64_t reduction = reductionOf(call, i);
  return reduction == Reduction::none   ? losses
         : reduction == Reduction::mean ? ops::mean(losses)
                                        : ops::sum(losses);
}

// Arguments of crossEntropyCore.
enum Core { kX, kTarget, kWeight, kIgnoreIndex, kLabelSmoothing, kReduction, kInputIsLogp };

// How much the loss changes with each log probability, times g: [N, C]. With `inputIsLogp` that is all;
// otherwise the softmax in front of it is differentiated too.
Tensor backwardKernel(const Gradients& d, const Tensor& g, const Tensor& logp, bool inputIsLogp) {
  const Tensor dx = emptyTensor(d.shape(kX), d.dtype(kX), d.device(kX));
  if (dx.numel() == 0) return dx;
  const bool hasWeight = d.tensor(kWeight).isDefined();
  const double numbers[] = {d.number(kLabelSmoothing)};
  const int64_t integers[] = {d.integer(kIgnoreIndex), d.integer(kReduction), hasWeight, inputIsLogp};
  Launcher launcher(crossEntropyBackwardKernel, dx.device());
  launcher.out(dx).in(g).in(logp).in(d.tensor(kTarget)).in(d.out(1));
  if (hasWeight) launcher.in(d.tensor(kWeight));
  launcher.run(numbers, integers);
  return dx;
}

// (N, C, d...) becomes (N d..., C).
Tensor classesLast(const Tensor& x) {
  if (x.dims() == 2) return x;
  if (x.dims() == 1) return ops::unsqueeze(x, 0);
  return ops::reshape(ops::movedim(x, std::vector<int64_t>{1}, std::vector<int64_t>{-1}),
                      Shape{x.numel() / std::max<int64_t>(x.size(1), 1), x.size(1)});
}

Tensor indexLoss(const Call& call, const Value& weight, int64_t ignoreIndex, double labelSmoothing,
                 int64_t reduction, bool inputIsLogp) {
  const Tensor& x = call.tensor(0);
  const Tensor& target = call.tensor(1);
  requireFloating(call, x);
  requireIndices(call, target);
  requireSameDevice(call, x, target);
  if (x.dims() == 0) call.fail("shape", "x must be (N, C), (N, C, d...) or (C), got a scalar");
  // The target has the shape of x without its class dim.
  Shape expected;
  const int classDim = x.dims() == 1 ? 0 : 1;
  for (int dim = 0; dim < x.dims(); dim++) {
    if (dim != classDim) expected.push(x.size(dim));
  }
  if (target.shape() != expected) {
    call.fail("shape",
              "the target must be " + expected.text() + " for x of " + x.shape().text() + ", got " +
                  target.shape().text(),
              {{"input", x.shape().text()}, {"target", target.shape().text()}});
  }
  if (weight.isTensor()) {
    requireSameDevice(call, x, weight.tensor);
    if (weight.tensor.shape() != Shape{x.size(classDim)}) {
      call.fail("shape", "the weight must be [" + std::to_string(x.size(classDim)) +
                             "], one value a class, got " + weight.tensor.shape().text());
    }
    if (weight.tensor.dtype() != x.dtype()) {
      call.fail("dtype", std::string("the weight must be ") + nameOf(x.dtype()) + ", got " +
                             nameOf(weight.tensor.dtype()));
    }
  }
  const Tensor rows = classesLast(x);
  const Tensor flat = target.dims() == 1 ? target : ops::reshape(target, Shape{target.numel()});
  const Tensor loss =
      ops::crossEntropyCore(rows, flat, weight.tensor, ignoreIndex, labelSmoothing, reduction, inputIsLogp);
  return reduction == Reduction::none && loss.shape() != expected ? ops::reshape(loss, expected) : loss;
}

// Against probabilities: the mean over samples of -sum(weight p log softmax(x)).
Tensor probabilityLoss(const Call& call, const Tensor& weight, double labelSmoothing) {
  const Tensor& x = call.tensor(0);
  const Tensor& target = call.tensor(1);
  requireFloating(call, x);
  const int dim = x.dims() == 1 ? 0 : 1;
  const int64_t classes = x.size(dim);
  const Tensor wanted = labelSmoothing == 0
                            ? target
                            : target * (1 - labelSmoothing) + labelSmoothing / static_cast<double>(classes);
  Tensor terms = wanted * ops::logSoftmax(x, dim);
  if (weight.isDefined()) {
    if (weight.shape() != Shape{classes}) {
      call.fail("shape",
                "the weight must be [" + std::to_string(classes) + "], got " + weight.shape().text());
    }
    Shape spread;
    for (int k = 0; k < x.dims(); k++) spread.push(k == dim ? classes : 1);
    terms = terms * ops::reshape(weight, spread);
  }
  const Tensor losses = -ops::sum(terms, dim);
  const int64_t reduction = reductionOf(call, 5);
  if (reduction == Reduction::none) return losses;
  const int64_t samples = x.numel() / std::max<int64_t>(classes, 1);
  return reduction == Reduction::sum ? ops::sum(losses) : ops::sum(losses) / static_cast<double>(samples);
}

}  // namespace

void forward::crossEntropyCore(Call& call) {
  const Tensor& x = call.tensor(kX);
  const int64_t reduction = call.integer(kReduction);
  const bool hasWeight = call.args.items[kWeight].isTensor();
  const bool inputIsLogp = call.flag(kInputIsLogp);
  const Tensor loss =
      emptyTensor(reduction == Reduction::none ? Shape{x.size(0)} : Shape{}, x.dtype(), x.device());
  const Tensor total = emptyTensor(Shape{}, x.dtype(), x.device());
  const Tensor logp = emptyTensor(inputIsLogp ? Shape{0} : x.shape(), x.dtype(), x.device());
  const double numbers[] = {call.number(kLabelSmoothing)};
  const int64_t integers[] = {call.integer(kIgnoreIndex), reduction, hasWeight, inputIsLogp};
  Launcher launcher(crossEntropyKernel, x.device());
  launcher.out(loss).out(total).out(inputIsLogp ? x : logp).in(x).in(call.tensor(kTarget));
  if (hasWeight) launcher.in(call.tensor(kWeight));
  launcher.run(numbers, integers);
  call.outs[0] = loss;
  call.outs[1] = total;
  call.outs[2] = logp;
}
const Derivative derivative::crossEntropyCore{
    [](Gradients& d) {
      const bool inputIsLogp = d.flag(kInputIsLogp);
      const Tensor& g = d.g(0);
      // Where only the log probabilities, saved as an output, were used again.
      const Tensor& gLogp = d.g(2);
      if (!d.createGraph && !gLogp.isDefined()) {
        const Tensor unused = d.out(2);
        const Tensor logp = inputIsLogp ? emptyTensor(d.shape(kX), d.dtype(kX), d.device(kX)) : unused;
        return d.set(kX, backwardKernel(d, g, logp, inputIsLogp));
      }
      // The loss is linear in the log probabilities: its slopes are numbers, found by the same kernel with g
      // = 1.
      Tensor dLogp = gLogp;
      if (g.isDefined()) {
        const Tensor placeholder = emptyTensor(d.shape(kX), d.dtype(kX), d.device(kX));
        const Tensor slopes = backwardKernel(d, ops::onesLike(ops::detach(g)), placeholder, true);
        const Tensor fromLoss = slopes * (g.dims() == 0 ? g : ops::unsqueeze(g, 1));
        dLogp = dLogp.isDefined() ? dLogp + fromLoss : fromLoss;
      }
      d.set(kX, inputIsLogp ? dLogp : dLogp - ops::exp(d.out(2)) * ops::sum(dLogp, 1, true));
    },
    {input(kTarget) | input(kWeight) | output(1) | output(2)}};

void forward::crossEntropy(Call& call) {
  const double labelSmoothing = call.number(4);
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
    call.fail("argument", "labelSmoothing must be within [0, 1]");
  const Tensor& x = call.tensor(0);
  const bool isProbability = isFloating(call.tensor(1).dtype());
  if (isProbability && call.tensor(1).shape() == x.shape() && x.dims() > 0) {
    call.outs[0] = probabilityLoss(call, call.tensor(2), labelSmoothing);
    return;
  }
  if (isProbability) {
    call.fail(call.tensor(1).dims() == x.dims() ? "shape" : "dtype",
              "the target must be class indices (int64 or int32), or probabilities in the shape of x; got " +
                  std::string(nameOf(call.tensor(1).dtype())) + " " + call.tensor(1).shape().text() +
                  " for x of " + x.shape().text());
  }
  const Value weight = call.tensor(2);
  call.outs[0] = indexLoss(call, weight, call.integer(3), labelSmoothing, reductionOf(call, 5), false);
}

void forward::nllLoss(Call& call) {
  const Value weight = call.tensor(2);
  call.outs[0] = indexLoss(call, weight, call.integer(3), 0, reductionOf(call, 4), true);
}

void forward::mseLoss(Call& call) {
  call.outs[0] = reduceLoss(call, ops::square(call.tensor(0) - call.tensor(1)), 2);
}

void forward::l1Loss(Call& call) {
  call.outs[0] = reduceLoss(call, ops::abs(call.tensor(0) - call.tensor(1)), 2);
}

}  // namespace descent
