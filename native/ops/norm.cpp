// Batch normalisation (Ioffe and Szegedy, 2015).
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel batchNormKernel{"batchNorm"};
const Kernel batchNormBackwardKernel{"batchNormBackward"};

// Arguments of batchNormCore.
enum Core { kX, kWeight, kBias, kRunningMean, kRunningVar, kTraining, kMomentum, kEps };

// Kernels want the channels first.
Geometry channelsFirst(const Geometry& x) {
  Geometry moved = x;
  std::swap(moved.shape[0], moved.shape[1]);
  std::swap(moved.strides[0], moved.strides[1]);
  return moved;
}

void backwardKernel(Gradients& d) {
  const Tensor& x = d.tensor(kX);
  const bool isAffine = d.tensor(kWeight).isDefined();
  const Shape channels{d.shape(kX)[1]};
  const Tensor dx = emptyTensor(x.shape(), x.dtype(), x.device());
  const Tensor dWeight = emptyTensor(channels, x.dtype(), x.device());
  const Tensor dBias = emptyTensor(channels, x.dtype(), x.device());
  const int64_t integers[] = {d.flag(kTraining), isAffine};
  Launcher launcher(batchNormBackwardKernel, x.device());
  launcher.out(dx, channelsFirst(dx.geometry())).out(dWeight).out(dBias);
  launcher.in(d.g(), channelsFirst(d.g().geometry()))
      .in(x, channelsFirst(x.geometry()))
      .in(d.out(1))
      .in(d.out(2));
  if (isAffine) launcher.in(d.tensor(kWeight));
  launcher.run(nullptr, integers);
  if (d.needs(kX)) d.set(kX, dx);
  if (d.needs(kWeight)) d.set(kWeight, dWeight);
  if (d.needs(kBias)) d.set(kBias, dBias);
}

// The same in ops, for second derivatives. With h = (x - mean) / sigma and everything summed over all but the
// channels: dbias = sum(dy), dweight = sum(dy h), dx = (e - mean(e) - h mean(e h)) / sigma with e = dy
// weight.
void backwardInOps(Gradients& d) {
  const Tensor& x = d.tensor(kX);
  std::vector<int64_t> dims;
  Shape channel;
  for (int dim = 0; dim < x.dims(); dim++) {
    if (dim != 1) dims.push_back(dim);
    channel.push(dim == 1 ? x.size(1) : 1);
  }
  const bool isTraining = d.flag(kTraining);
  const Tensor center = isTraining ? ops::mean(x, dims, true) : ops::reshape(ops::detach(d.out(1)), channel);
  const Tensor apart = x - center;
  const Tensor inverse = isTraining ? ops::rsqrt(ops::mean(apart * apart, dims, true) + d.number(kEps))
                                    : ops::reshape(ops::detach(d.out(2)), channel);
  const Tensor h = apart * inverse;
  const Tensor& g = d.g();
  if (d.needs(kBias)) d.set(kBias, ops::sum(g, dims));
  if (d.needs(kWeight)) d.set(kWeight, ops::sum(g * h, dims));
  if (!d.needs(kX)) return;
  const Tensor e = d.tensor(kWeight).isDefined() ? g * ops::reshape(d.tensor(kWeight), channel) : g;
  d.set(kX, isTraining ? inverse * (e - ops::mean(e, dims, true) - h * ops::mean(e * h, dims, true))
                       : e * inverse);
}

void requireChannels(const Call& call, int i, const char* what) {
  if (!call.has(i)) return;
  const Tensor& x = call.tensor(0);
  if (call.tensor(i).shape() != Shape{x.size(1)}) {
    call.fail("shape", std::string(what) + " must be [" + std::to_string(x.size(1)) +
                           "], one value a channel, got " + call.tensor(i).shape().text());
  }
  requireSameDevice(call, x, call.tensor(i));
  if (call.tensor(i).dtype() != x.dtype()) {
    call.fail("dtype", std::string(what) + " must be " + nameOf(x.dtype()) + ", got " +
                           nameOf(call.tensor(i).dtype()));
  }
}

}  // namespace

void forward::batchNormCore(Call& call) {
  const Tensor& x = call.tensor(kX);
  const bool isAffine = call.has(kWeight), hasRunning = call.has(kRunningMean),
             isTraining = call.flag(kTraining);
  const Shape channels{x.size(1)};
  const Tensor y = call.outs[0] = emptyTensor(x.shape(), x.dtype(), x.device());
  const Tensor center = call.outs[1] = emptyTensor(channels, x.dtype(), x.device());
  const Tensor inverse = call.outs[2] = emptyTensor(channels, x.dtype(), x.device());
  const double numbers[] = {call.number(kEps), call.number(kMomentum)};
  const int64_t integers[] = {isTraining, isAffine, hasRunning};
  Launcher launcher(batchNormKernel, x.device());
  launcher.out(y, channelsFirst(y.geometry())).out(center).out(inverse).in(x, channelsFirst(x.geometry()));
  if (isAffine) launcher.in(call.tensor(kWeight)).in(call.tensor(kBias));
  if (hasRunning) launcher.in(call.tensor(kRunningMean)).in(call.tensor(kRunningVar));
  launcher.run(numbers, integers);
  if (hasRunning && isTraining) {
    call.tensor(kRunningMean).bumpVersion();
    call.tensor(kRunningVar).bumpVersion();
  }
}
const Derivative derivative::batchNormCore{
    [](Gradients& d) { d.createGraph ? backwardInOps(d) : backwardKernel(d); },
    {input(kX) | input(kWeight) | output(1) | output(2), input(kX) | input(kWeight) | output(1) | output(2),
     input(kX) | input(kWeight) | output(1) | output(2)}};

void forward::batchNorm(Call& call) {
  enum { runningMean = 1, runningVar, weight, bias, training, momentum, eps };
  const Tensor& x = call.tensor(0);
  requireFloating(call, x);
  if (x.dims() < 2) call.fail("shape", "needs (N, C) or (N, C, ...), got " + x.shape().text());
  requireChannels(call, runningMean, "runningMean");
  requireChannels(call, runningVar, "runningVar");
  requireChannels(call, weight, "the weight");
  requireChannels(call, bias, "the bias");
  if (call.has(runningMean) != call.has(runningVar))
    call.fail("argument", "runningMean and runningVar go together");
  const bool isTraining = call.flag(training);
  if (!isTraining && !call.has(runningMean))
    call.fail("argument", "needs runningMean and runningVar when not training");
  const int64_t each = x.size(1) > 0 ? x.numel() / x.size(1) : 0;
  if (isTraining && each == 1) {
    call.fail("shape", "needs more than one value a channel while training, got " + x.shape().text());
  }
  // The kernel takes both or none.
  Tensor factor = call.tensor(weight), shift = call.tensor(bias);
  if (factor.isDefined() && !shift.isDefined()) shift = ops::zerosLike(ops::detach(factor));
  if (shift.isDefined() && !factor.isDefined()) factor = ops::onesLike(ops::detach(shift));
  call.outs[0] = ops::batchNormCore(x, factor, shift, call.tensor(runningMean), call.tensor(runningVar),
                                    isTraining, call.number(momentum), call.number(eps));
}

}  // namespace descent
