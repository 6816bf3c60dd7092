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

// Integers have no loss of their own; beside floating-point numbers they are converted.
void requireOneFloating(const Call& call) {
  if (!isFloating(call.tensor(1).dtype())) requireFloating(call, call.tensor(0));
}

void requireSameShape(const Call& call, const Tensor& x, const Tensor& target) {
  requireSameDevice(call, x, target);
  if (target.shape() == x.shape()) return;
  call.fail("shape", "the target must be " + x.shape().text() + " as x, got " + target.shape().text(),
            {{"input", x.shape().text()}, {"target", target.shape().text()}});
}

void requireBroadcast(const Call& call, const Tensor& weight, const Tensor& x, const char* name) {
  requireSameDevice(call, x, weight);
  if (broadcastShapes(call.name(), weight.shape(), x.shape()) == x.shape()) return;
  call.fail("shape",
            std::string(name) + " " + weight.shape().text() + " does not broadcast to " + x.shape().text());
}

Tensor weighted(const Call& call, const Tensor& losses, const Tensor& weight, const char* name) {
  if (!weight.isDefined()) return losses;
  requireBroadcast(call, weight, losses, name);
  return losses * weight;
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
    if (gradMode && weight.tensor.requiresGrad())
      call.fail("autograd", "the weight gets no gradient: give weight.detach()");
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
      if (!d.needs(kX)) return;
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
    if (call.integer(3) >= 0)
      call.fail("argument", "ignoreIndex goes with class indices, the target is probabilities");
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
  requireOneFloating(call);
  call.outs[0] = reduceLoss(call, ops::square(call.tensor(0) - call.tensor(1)), 2);
}

void forward::l1Loss(Call& call) {
  call.outs[0] = reduceLoss(call, ops::abs(call.tensor(0) - call.tensor(1)), 2);
}

void forward::smoothL1Loss(Call& call) {
  requireOneFloating(call);
  const double beta = call.number(2);
  if (!(beta >= 0)) call.fail("argument", "beta must not be negative, got " + std::to_string(beta));
  const Tensor losses = beta == 0 ? ops::abs(call.tensor(0) - call.tensor(1))
                                  : ops::smoothL1(call.tensor(0), call.tensor(1), beta);
  call.outs[0] = reduceLoss(call, losses, 3);
}

void forward::huberLoss(Call& call) {
  requireOneFloating(call);
  const double delta = call.number(2);
  if (!(delta > 0)) call.fail("argument", "delta must be positive, got " + std::to_string(delta));
  call.outs[0] = reduceLoss(call, ops::smoothL1(call.tensor(0), call.tensor(1), delta) * delta, 3);
}

void forward::binaryCrossEntropy(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& target = call.tensor(1);
  requireFloating(call, x);
  requireSameShape(call, x, target);
  if (target.dtype() != x.dtype()) {
    call.fail("dtype", std::string("dtypes differ, ") + nameOf(x.dtype()) + " and " + nameOf(target.dtype()));
  }
  const Tensor outside = ops::detach(x);
  const auto isInside = [&] {
    return readScalar(ops::all(ops::logicalAnd(ops::ge(outside, 0), ops::le(outside, 1)))).integer != 0;
  };
  if (x.numel() > 0 && !checksLater(outside, Check::probability) && !isInside()) {
    call.fail("argument",
              "x must be probabilities, within [0, 1]; binaryCrossEntropyWithLogits takes any number");
  }
  const Tensor losses = ops::binaryCrossEntropyCore(x, target);
  call.outs[0] = reduceLoss(call, weighted(call, losses, call.tensor(2), "weight"), 3);
}

void forward::binaryCrossEntropyWithLogits(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& target = call.tensor(1);
  const Tensor& posWeight = call.tensor(3);
  requireFloating(call, x);
  requireSameShape(call, x, target);
  if (!isFloating(target.dtype())) {
    call.fail("dtype", std::string("the target must be floating-point, got ") + nameOf(target.dtype()));
  }
  if (posWeight.isDefined()) requireBroadcast(call, posWeight, x, "posWeight");
  const Tensor losses =
      posWeight.isDefined() ? ops::weightedLogitsCore(x, target, posWeight) : ops::logitsCore(x, target);
  call.outs[0] = reduceLoss(call, weighted(call, losses, call.tensor(2), "weight"), 4);
}

void forward::klDiv(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& target = call.tensor(1);
  requireFloating(call, x);
  requireFloating(call, target);
  const Tensor losses = call.flag(3) ? ops::logDivergenceCore(x, target) : ops::divergenceCore(x, target);
  const std::string& reduction = call.text(2);
  if (reduction != "batchmean") {
    if (reduction != "mean" && reduction != "sum" && reduction != "none") {
      call.fail("argument", "the reduction must be \"batchmean\", \"mean\", \"sum\" or \"none\", got \"" +
                                reduction + "\"");
    }
    call.outs[0] = reduceLoss(call, losses, 2);
    return;
  }
  if (x.dims() == 0) call.fail("shape", "a scalar has no batch to average over");
  call.outs[0] = ops::sum(losses) / x.size(0);
}

// As in the definition, with a small number added to both squared norms.
void forward::cosineEmbeddingLoss(Call& call) {
  const Tensor& x1 = call.tensor(0);
  const Tensor& x2 = call.tensor(1);
  const Tensor& target = call.tensor(2);
  if (target.dims() > 1 || x1.dims() != target.dims() + 1 || x2.dims() != target.dims() + 1) {
    call.fail("shape", "needs x1 and x2 of (N, D) with a target of (N), or of (D) with a target of (), got " +
                           x1.shape().text() + ", " + x2.shape().text() + " and " + target.shape().text());
  }
  const double tiny = 1e-12;
  const Tensor product = ops::sum(x1 * x2, -1);
  const Tensor cosine = product / ops::sqrt((ops::sum(x1 * x1, -1) + tiny) * (ops::sum(x2 * x2, -1) + tiny));
  const Tensor near = ops::where(ops::eq(target, 1), 1 - cosine, 0);
  const Tensor apart = ops::where(ops::eq(target, -1), ops::clampMin(cosine - call.number(3), 0), 0);
  call.outs[0] = reduceLoss(call, near + apart, 4);
}

void forward::tripletMarginLoss(Call& call) {
  const Tensor& anchor = call.tensor(0);
  const Tensor& positive = call.tensor(1);
  const Tensor& negative = call.tensor(2);
  const double margin = call.number(3), p = call.number(4), eps = call.number(5);
  if (!(margin > 0)) call.fail("argument", "the margin must be positive, got " + std::to_string(margin));
  if (anchor.dims() != positive.dims() || anchor.dims() != negative.dims()) {
    call.fail("shape", "anchor, positive and negative must have as many dims, got " + anchor.shape().text() +
                           ", " + positive.shape().text() + " and " + negative.shape().text());
  }
  Tensor away = ops::pairwiseDistance(anchor, negative, p, eps);
  if (call.flag(6)) away = ops::minimum(away, ops::pairwiseDistance(positive, negative, p, eps));
  const Tensor near = ops::pairwiseDistance(anchor, positive, p, eps);
  call.outs[0] = reduceLoss(call, ops::clampMin(near - away + margin, 0), 7);
}

void forward::marginRankingLoss(Call& call) {
  const Tensor& x1 = call.tensor(0);
  const Tensor& x2 = call.tensor(1);
  const Tensor& target = call.tensor(2);
  if (x1.dims() != x2.dims() || x1.dims() != target.dims()) {
    call.fail("shape", "x1, x2 and target must have as many dims, got " + x1.shape().text() + ", " +
                           x2.shape().text() + " and " + target.shape().text());
  }
  call.outs[0] = reduceLoss(call, ops::clampMin(-target * (x1 - x2) + call.number(3), 0), 4);
}

void forward::normalize(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor norm = ops::norm(x, call.number(1), call.integer(2), true);
  call.outs[0] = x / ops::clampMin(norm, call.number(3));
}

void forward::cosineSimilarity(Call& call) {
  const Tensor& x1 = call.tensor(0);
  const Tensor& x2 = call.tensor(1);
  requireFloating(call, x1);
  requireFloating(call, x2);
  const Shape shape = broadcastShapes(call.name(), x1.shape(), x2.shape());
  const Tensor a = ops::expand(x1, shape), b = ops::expand(x2, shape);
  const int dim = call.dim(2, shape.dims);
  const double eps = call.number(3);
  // The lower bound moves the value alone: its gradient is that of the norm, as in PyTorch.
  const auto atLeast = [&](const Tensor& norm) {
    const Tensor known = ops::detach(norm);
    return norm + (ops::clampMin(known, eps) - known);
  };
  const Tensor left = a / atLeast(ops::norm(a, 2, dim, true));
  const Tensor right = b / atLeast(ops::norm(b, 2, dim, true));
  call.outs[0] = ops::sum(left * right, dim);
}

void forward::pairwiseDistance(Call& call) {
  const Tensor difference = call.tensor(0) - call.tensor(1) + call.number(3);
  call.outs[0] = ops::norm(difference, call.number(2), -1, call.flag(4));
}

}  // namespace descent
