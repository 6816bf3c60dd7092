// Normalisation: by channel over the batch, and by rows of one sample (layers, groups, instances).
#include <limits>

#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel batchNormKernel{"batchNorm"};
const Kernel batchNormBackwardKernel{"batchNormBackward"};
const Kernel rowNormKernel{"rowNorm"};
const Kernel rowNormBackwardKernel{"rowNormBackward"};

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

// Half precision may come with values a channel of float32.
void requireChannels(const Call& call, int i, const char* what) {
  if (!call.has(i)) return;
  const Tensor& x = call.tensor(0);
  if (call.tensor(i).shape() != Shape{x.size(1)}) {
    call.fail("shape", std::string(what) + " must be [" + std::to_string(x.size(1)) +
                           "], one value a channel, got " + call.tensor(i).shape().text());
  }
  requireSameDevice(call, x, call.tensor(i));
  const DType dtype = call.tensor(i).dtype();
  if (dtype != x.dtype() && !(isHalf(x.dtype()) && dtype == DType::float32)) {
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
    noteChange(call.tensor(kRunningMean), call.name());
    noteChange(call.tensor(kRunningVar), call.name());
  }
}
const Derivative derivative::batchNormCore{
    [](Gradients& d) {
      // Running statistics get no gradient, even where they ask for one.
      if (!d.needs(kX) && !d.needs(kWeight) && !d.needs(kBias)) return;
      d.createGraph ? backwardInOps(d) : backwardKernel(d);
    },
    {input(kX) | input(kWeight) | output(1) | output(2), input(kX) | input(kWeight) | output(1) | output(2),
     input(kX) | input(kWeight) | output(1) | output(2)}};

void forward::batchNorm(Call& call) {
  enum { runningMean = 1, runningVar, weight, bias, training, momentum, eps };
  Tensor x = call.tensor(0);
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
  if (isTraining && !(call.number(eps) > 0)) call.fail("argument", "eps must be above 0 while training");
  // The kernel takes both or none.
  Tensor factor = call.tensor(weight), shift = call.tensor(bias);
  if (factor.isDefined() && !shift.isDefined()) shift = ops::zerosLike(ops::detach(factor));
  if (shift.isDefined() && !factor.isDefined()) factor = ops::onesLike(ops::detach(shift));
  Tensor mean = call.tensor(runningMean), variance = call.tensor(runningVar);
  if (isTraining && x.numel() == 0) mean = variance = Tensor();  // nothing to learn from
  const DType given = x.dtype();
  bool isMixed = false;
  for (int i : {runningMean, runningVar, weight, bias})
    isMixed |= call.has(i) && call.tensor(i).dtype() != given;
  if (isMixed) {
    for (Tensor* tensor : {&x, &factor, &shift}) {
      if (tensor->isDefined() && tensor->dtype() == given) *tensor = ops::cast(*tensor, DType::float32);
    }
    for (const Tensor& running : {mean, variance}) {
      if (running.isDefined() && running.dtype() == given)
        call.fail("dtype", "the running values must be float32 as the weight is");
    }
  }
  const Tensor y = ops::batchNormCore(x, factor, shift, mean, variance, isTraining, call.number(momentum),
                                      call.number(eps));
  call.outs[0] = isMixed ? ops::cast(y, given) : y;
}

namespace {

// Arguments of rowNorm. x is contiguous, and seen as [N, groups, channels, inner]: each row of channels *
// inner values has its mean and deviation, each of the groups * channels its weight and bias.
enum Row { kRowX, kRowWeight, kRowBias, kGroups, kChannels, kInner, kRowEps, kIsRms };

// x, which is contiguous, may begin anywhere in its storage.
Geometry rowsOf(const Tensor& x, const Shape& rows) { return {rows, x.geometry().offset}; }

void rowBackwardKernel(Gradients& d) {
  const Tensor& x = d.tensor(kRowX);
  const Tensor& weight = d.tensor(kRowWeight);
  const int64_t size = d.integer(kChannels) * d.integer(kInner);
  const Shape rows{x.numel() / size, size}, channels{d.integer(kGroups) * d.integer(kChannels)};
  const Tensor dx = emptyTensor(x.shape(), x.dtype(), x.device());
  const Tensor dWeight = emptyTensor(channels, x.dtype(), x.device());
  const Tensor dBias = emptyTensor(channels, x.dtype(), x.device());
  const Tensor g = asContiguous(d.g());
  const bool wantsParameters = d.needs(kRowWeight) || d.needs(kRowBias);
  const int64_t integers[] = {d.integer(kGroups), d.integer(kChannels), d.flag(kIsRms), weight.isDefined(),
                              wantsParameters};
  Launcher launcher(rowNormBackwardKernel, x.device());
  launcher.out(dx, Geometry(rows)).out(dWeight).out(dBias);
  launcher.in(g, rowsOf(g, rows)).in(x, rowsOf(x, rows)).in(d.out(1)).in(d.out(2));
  if (weight.isDefined()) launcher.in(weight);
  launcher.run(nullptr, integers);
  if (d.needs(kRowX)) d.set(kRowX, dx);
  if (d.needs(kRowWeight)) d.set(kRowWeight, dWeight);
  if (d.needs(kRowBias)) d.set(kRowBias, dBias);
}

// The same in ops, as backwardInOps above; without a mean where only the size is normalised.
void rowBackwardInOps(Gradients& d) {
  const Tensor& x = d.tensor(kRowX);
  const int64_t groups = d.integer(kGroups), channels = d.integer(kChannels), inner = d.integer(kInner);
  const Shape all{x.numel() / (groups * channels * inner), groups, channels, inner};
  const std::vector<int64_t> own{2, 3}, shared{0, 3};
  const Tensor values = ops::reshape(x, all), g = ops::reshape(d.g(), all);
  const bool isRms = d.flag(kIsRms);
  const Tensor apart = isRms ? values : values - ops::mean(values, own, true);
  const Tensor inverse = ops::rsqrt(ops::mean(apart * apart, own, true) + d.number(kRowEps));
  const Tensor h = apart * inverse;
  const Shape flat{groups * channels};
  if (d.needs(kRowBias)) d.set(kRowBias, ops::reshape(ops::sum(g, shared), flat));
  if (d.needs(kRowWeight)) d.set(kRowWeight, ops::reshape(ops::sum(g * h, shared), flat));
  if (!d.needs(kRowX)) return;
  const Tensor& weight = d.tensor(kRowWeight);
  const Tensor e = weight.isDefined() ? g * ops::reshape(weight, Shape{1, groups, channels, 1}) : g;
  const Tensor along = h * ops::mean(e * h, own, true);
  const Tensor centered = isRms ? e : e - ops::mean(e, own, true);
  d.set(kRowX, ops::reshape(inverse * (centered - along), x.shape()));
}

// A weight or bias of the expected shape, flat and of x's dtype; undefined where it is not given.
Tensor parameterOf(const Call& call, int i, const Shape& expected, const char* what) {
  const Tensor& given = call.tensor(i);
  if (!given.isDefined()) return given;
  const Tensor& x = call.tensor(0);
  if (given.shape() != expected) {
    call.fail("shape", std::string(what) + " must be " + expected.text() + ", got " + given.shape().text(),
              {{"expected", expected.text()}, {"actual", given.shape().text()}});
  }
  requireSameDevice(call, x, given);
  return ops::contiguous(expected.dims == 1 ? given : ops::reshape(given, Shape{expected.numel()}));
}

void requireDType(const Call& call, const Tensor& parameter, DType dtype, const char* what) {
  if (!parameter.isDefined() || parameter.dtype() == dtype) return;
  const DType x = call.tensor(0).dtype();
  if (isHalf(x) && (parameter.dtype() == x || parameter.dtype() == DType::float32)) return;
  call.fail("dtype", std::string(what) + " must be " + nameOf(x) + ", got " + nameOf(parameter.dtype()));
}

// rowNorm of x in any layout. Half precision is normalised in float32.
Tensor normalizeRows(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t groups,
                     int64_t channels, int64_t inner, double eps, bool isRms) {
  if (!isHalf(x.dtype())) {
    return ops::rowNorm(ops::contiguous(x), weight, bias, groups, channels, inner, eps, isRms);
  }
  const auto widened = [](const Tensor& t) { return t.isDefined() ? ops::cast(t, DType::float32) : t; };
  const Tensor y = ops::rowNorm(ops::contiguous(widened(x)), widened(weight), widened(bias), groups, channels,
                                inner, eps, isRms);
  return ops::cast(y, x.dtype());
}

Shape normalizedShapeOf(const Call& call) {
  const Tensor& x = call.tensor(0);
  requireFloating(call, x);
  const Shape shape = checkedShape(call.name(), call.integers(1));
  if (shape.dims == 0) call.fail("argument", "normalizedShape must name at least one dim, got []");
  bool fits = shape.dims <= x.dims();
  for (int k = 0; fits && k < shape.dims; k++) fits = shape[k] == x.size(x.dims() - shape.dims + k);
  if (!fits) {
    call.fail("shape", "x must end in normalizedShape " + shape.text() + ", it is " + x.shape().text(),
              {{"normalizedShape", shape.text()}, {"input", x.shape().text()}});
  }
  return shape;
}

int64_t sizeFrom(const Tensor& x, int dim) {
  int64_t size = 1;
  for (int k = dim; k < x.dims(); k++) size *= x.size(k);
  return size;
}

}  // namespace

void forward::rowNorm(Call& call) {
  const Tensor& x = call.tensor(kRowX);
  const bool hasWeight = call.has(kRowWeight), hasBias = call.has(kRowBias);
  const int64_t size = call.integer(kChannels) * call.integer(kInner);
  const Shape rows{size > 0 ? x.numel() / size : 0, size};
  const Tensor y = call.outs[0] = emptyTensor(x.shape(), x.dtype(), x.device());
  const Tensor center = call.outs[1] = emptyTensor(Shape{rows[0]}, x.dtype(), x.device());
  const Tensor inverse = call.outs[2] = emptyTensor(Shape{rows[0]}, x.dtype(), x.device());
  if (x.numel() == 0) return;
  const double eps = call.number(kRowEps);
  const int64_t integers[] = {call.integer(kGroups), call.integer(kChannels), call.flag(kIsRms), hasWeight,
                              hasBias};
  Launcher launcher(rowNormKernel, x.device());
  launcher.out(y, Geometry(rows)).out(center).out(inverse).in(x, rowsOf(x, rows));
  if (hasWeight) launcher.in(call.tensor(kRowWeight));
  if (hasBias) launcher.in(call.tensor(kRowBias));
  launcher.run(&eps, integers);
}
const Derivative derivative::rowNorm{[](Gradients& d) {
                                       if (d.tensor(kRowX).numel() > 0)
                                         return d.createGraph ? rowBackwardInOps(d) : rowBackwardKernel(d);
                                       for (int i : {kRowX, kRowWeight, kRowBias}) {
                                         if (d.needs(i))
                                           d.set(i, filledTensor(d.shape(i), d.dtype(i), d.device(i), 0));
                                       }
                                     },
                                     {input(kRowX) | input(kRowWeight) | output(1) | output(2),
                                      input(kRowX) | input(kRowWeight) | output(1) | output(2),
                                      input(kRowX) | input(kRowWeight) | output(1) | output(2)}};

void forward::layerNorm(Call& call) {
  const Shape shape = normalizedShapeOf(call);
  const Tensor& x = call.tensor(0);
  const Tensor weight = parameterOf(call, 2, shape, "the weight");
  const Tensor bias = parameterOf(call, 3, shape, "the bias");
  requireDType(call, weight, x.dtype(), "the weight");
  requireDType(call, bias, x.dtype(), "the bias");
  call.outs[0] = normalizeRows(x, weight, bias, 1, shape.numel(), 1, call.number(4), false);
}

void forward::rmsNorm(Call& call) {
  const Shape shape = normalizedShapeOf(call);
  const Tensor& x = call.tensor(0);
  Tensor weight = parameterOf(call, 2, shape, "the weight");
  if (weight.isDefined() && weight.dtype() != x.dtype()) weight = ops::cast(weight, x.dtype());
  const double spacing = x.dtype() == DType::float64 ? std::numeric_limits<double>::epsilon()
                                                     : std::numeric_limits<float>::epsilon();
  const double eps = call.has(3) ? call.number(3) : spacing;
  call.outs[0] = normalizeRows(x, weight, Tensor(), 1, shape.numel(), 1, eps, true);
}

void forward::groupNorm(Call& call) {
  const Tensor& x = call.tensor(0);
  requireFloating(call, x);
  if (x.dims() < 2) call.fail("shape", "needs (N, C) or (N, C, ...), got " + x.shape().text());
  const int64_t groups = call.integer(1), channels = x.size(1), inner = sizeFrom(x, 2);
  if (groups < 1) call.fail("argument", "numGroups must be at least 1, got " + std::to_string(groups));
  if (channels % groups != 0) {
    call.fail("shape", "numGroups must divide the channels, got " + std::to_string(groups) + " and " +
                           std::to_string(channels));
  }
  if (x.size(0) * (channels / groups) * inner == 1)
    call.fail("shape", "needs more than one value a channel, got " + x.shape().text());
  const Tensor weight = parameterOf(call, 2, Shape{channels}, "the weight");
  const Tensor bias = parameterOf(call, 3, Shape{channels}, "the bias");
  requireDType(call, weight, x.dtype(), "the weight");
  requireDType(call, bias, x.dtype(), "the bias");
  call.outs[0] = normalizeRows(x, weight, bias, groups, channels / groups, inner, call.number(4), false);
}

// Running values of instances: the mean over the batch of what each sample would have made of them.
static void updateRunning(const Tensor& running, const Tensor& now, double momentum) {
  const GradModeGuard quiet(false);
  const Tensor mean = ops::cast(ops::mean(now, std::vector<int64_t>{0}), running.dtype());
  copyInto(running, running * (1 - momentum) + mean * momentum);
  noteChange(running, "instanceNorm");
}

void forward::instanceNorm(Call& call) {
  enum { runningMean = 1, runningVar, weight, bias, useInputStats, momentum, eps };
  const Tensor& x = call.tensor(0);
  requireFloating(call, x);
  if (x.dims() < 2) call.fail("shape", "needs (N, C, ...), got " + x.shape().text());
  if (call.has(runningMean) != call.has(runningVar))
    call.fail("argument", "runningMean and runningVar go together");
  const Shape channels{x.size(1)};
  parameterOf(call, runningMean, channels, "runningMean");
  parameterOf(call, runningVar, channels, "runningVar");
  const Tensor factor = parameterOf(call, weight, channels, "the weight");
  const Tensor shift = parameterOf(call, bias, channels, "the bias");
  if (!call.flag(useInputStats)) {
    if (!call.has(runningMean))
      call.fail("argument", "needs runningMean and runningVar without useInputStats");
    call.outs[0] = ops::batchNorm(x, call.tensor(runningMean), call.tensor(runningVar), factor, shift, false,
                                  call.number(momentum), call.number(eps));
    return;
  }
  requireDType(call, factor, x.dtype(), "the weight");
  requireDType(call, shift, x.dtype(), "the bias");
  const int64_t inner = sizeFrom(x, 2);
  if (inner == 1) call.fail("shape", "needs more than one value a channel, got " + x.shape().text());
  call.outs[0] = normalizeRows(x, factor, shift, x.size(1), 1, inner, call.number(eps), false);
  if (!call.has(runningMean) || x.numel() == 0) return;
  const GradModeGuard quiet(false);
  const Tensor flat = ops::reshape(ops::detach(x), Shape{x.size(0), x.size(1), inner});
  updateRunning(call.tensor(runningMean), ops::mean(flat, 2), call.number(momentum));
  updateRunning(call.tensor(runningVar), ops::var(flat, 2), call.number(momentum));
}

}  // namespace descent
