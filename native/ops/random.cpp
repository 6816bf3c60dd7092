// Random tensors. Element k depends on the seed and the offset plus k alone (Philox), never on threads.
#include "random.h"

#include <cmath>
#include <cstdio>
#include <limits>
#include <mutex>
#include <random>
#include <vector>

#include "create.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel uniformKernel{"uniform"};
const Kernel normalKernel{"normal"};
const Kernel bernoulliKernel{"bernoulli"};
const Kernel randintKernel{"randint"};
const Kernel dropoutKernel{"dropout"};

// Never destroyed: worker threads may still draw while the process ends.
struct SharedState {
  std::mutex mutex;
  RandomState state;
};
SharedState& sharedState() {
  static SharedState* const shared = [] {
    std::random_device device;
    auto* made = new SharedState;
    made->state.seed = (static_cast<uint64_t>(device()) << 21) ^ device();
    return made;
  }();
  return *shared;
}

// Of threads that asked for a state of their own.
thread_local bool hasOwnState = false;
thread_local RandomState ownState;

RandomState* generatorOf(const Call& call, int i) { return call.args.items[i].generator; }

// Kernels want order in memory; a strided target is filled through a copy.
void drawInto(const Kernel& kernel, const Tensor& y, RandomState* generator, double first, double second,
              int64_t low = 0, int64_t high = 0) {
  if (y.numel() == 0) return;
  if (!y.isContiguous()) {
    const Tensor drawn = emptyTensor(y.shape(), y.dtype(), y.device());
    drawInto(kernel, drawn, generator, first, second, low, high);
    return copyInto(y, drawn);
  }
  const double numbers[] = {first, second};
  const RandomState taken = takeRandom(y.numel(), generator);
  const int64_t integers[] = {static_cast<int64_t>(taken.seed), static_cast<int64_t>(taken.offset), low,
                              high};
  Launcher(kernel, y.device()).out(y).run(numbers, integers);
}

void createRandom(Call& call, const Kernel& kernel, const Shape& shape, const TensorOptions& options,
                  RandomState* generator) {
  if (!isFloating(options.dtype)) {
    call.fail("dtype", std::string("gives floating-point numbers only, not ") + nameOf(options.dtype));
  }
  const Tensor y = emptyTensor(shape, options.dtype, options.device);
  drawInto(kernel, y, generator, 0, 1);
  finishCreation(call, y, options);
}

TensorOptions optionsLike(const Call& call, int i) {
  const Tensor& x = call.tensor(0);
  return {call.dtype(i, x.dtype()), x.device(), call.flag(i + 1)};
}

// Integers of [low, high). Where the numbers are not given exactly they may be rounded, as in PyTorch: only
// what does not fit at all is refused.
void drawIntegers(const Call& call, const Tensor& y, RandomState* generator, int64_t low, int64_t high) {
  const auto range = [&] { return "[" + std::to_string(low) + ", " + std::to_string(high) + ")"; };
  if (high <= low) call.fail("argument", "high must be above low, got " + range());
  const DType dtype = y.dtype();
  const bool isUnsigned = dtype == DType::boolean || dtype == DType::uint8;
  const int64_t largest = largestInteger(dtype);
  const bool isExact = high - 1 <= largest && low >= (isUnsigned ? 0 : -largest - 1);
  const double beyond = dtype == DType::float16 ? 65504 : 1e18;
  const bool isNear = isFloating(dtype) && std::abs(static_cast<double>(low)) <= beyond &&
                      std::abs(static_cast<double>(high)) <= beyond;
  if (!isExact && !isNear) {
    call.fail("dtype", std::string(nameOf(dtype)) + " does not have all numbers of " + range());
  }
  if (dtype == DType::int64) return drawInto(randintKernel, y, generator, 0, 0, low, high);
  const Tensor drawn = emptyTensor(y.shape(), DType::int64, y.device());
  drawInto(randintKernel, drawn, generator, 0, 0, low, high);
  copyInto(y, drawn);
}

// Refuses what is no probability; NaN is none.
void checkProbability(const Call& call, double p, const char* name = "p") {
  if (!(p >= 0 && p <= 1))
    call.fail("argument", std::string(name) + " must be within [0, 1], it is " + textOf(p));
}

void checkProbabilities(const Call& call, const Tensor& x) {
  if (x.numel() == 0 || checksLater(x, Check::probability)) return;
  const GradModeGuard noGrad(false);
  const double least = readScalar(ops::amin(x, Argument())).number;
  const double most = readScalar(ops::amax(x, Argument())).number;
  checkProbability(call, least, "every probability");
  checkProbability(call, most, "every probability");
}

// 1 where a number of [0, 1) is below p, which has the shape of y or is broadcast to it.
void drawBelow(const Tensor& y, const Tensor& p, RandomState* generator) {
  const DType dtype = p.dtype() == DType::float64 ? DType::float64 : DType::float32;
  const Tensor drawn = emptyTensor(y.shape(), dtype, y.device());
  drawInto(uniformKernel, drawn, generator, 0, 1);
  copyInto(y, ops::lt(drawn, castTo(p, dtype)));
}

// What was overwritten does not matter, nor does what was drawn depend on anything smoothly.
void zeroGradients(Gradients& d) {
  if (d.needs(0)) d.set(0, ops::zerosLike(d.g()));
  if (d.needs(1)) d.set(1, filledTensor(d.shape(1), d.dtype(1), d.device(1), 0));
}

}  // namespace

std::vector<double> drawOnHost(int64_t count, RandomState* generator) {
  const Tensor drawn = emptyTensor(Shape{count}, DType::float64, DeviceId());
  drawInto(uniformKernel, drawn, generator, 0, 1);
  std::vector<double> values(static_cast<size_t>(count));
  if (count > 0)
    deviceOf(DeviceId()).copyToHost(values.data(), drawn.memory(), values.size() * sizeof(double));
  return values;
}

int64_t largestInteger(DType dtype) {
  switch (dtype) {
    case DType::boolean:
      return 1;
    case DType::uint8:
      return 255;
    case DType::int8:
      return 127;
    case DType::int16:
      return 32767;
    case DType::int32:
      return 2147483647;
    case DType::int64:
      return std::numeric_limits<int64_t>::max();
    case DType::bfloat16:
      return int64_t{1} << 8;
    case DType::float16:
      return int64_t{1} << 11;
    case DType::float32:
      return int64_t{1} << 24;
    case DType::float64:
      break;
  }
  return int64_t{1} << 53;
}

std::string textOf(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", x);
  return text;
}

void useOwnRandomState(const RandomState& state) {
  hasOwnState = true;
  ownState = state;
}

RandomState randomState() {
  if (hasOwnState) return ownState;
  const std::lock_guard<std::mutex> lock(sharedState().mutex);
  return sharedState().state;
}

void setRandomState(const RandomState& state) {
  if (hasOwnState) {
    ownState = state;
    return;
  }
  const std::lock_guard<std::mutex> lock(sharedState().mutex);
  sharedState().state = state;
}

RandomState takeRandom(int64_t count, RandomState* generator) {
  const auto take = [count](RandomState& state) {
    const RandomState taken = state;
    state.offset += (static_cast<uint64_t>(count) + 3) / 4 * 4;
    return taken;
  };
  if (generator) return take(*generator);
  if (hasOwnState) return take(ownState);
  const std::lock_guard<std::mutex> lock(sharedState().mutex);
  return take(sharedState().state);
}

void forward::rand(Call& call) {
  createRandom(call, uniformKernel, checkedShape(call.name(), call.integers(0)),
               optionsOf(call, 1, DType::float32), generatorOf(call, 4));
}

void forward::randn(Call& call) {
  createRandom(call, normalKernel, checkedShape(call.name(), call.integers(0)),
               optionsOf(call, 1, DType::float32), generatorOf(call, 4));
}

void forward::randLike(Call& call) {
  createRandom(call, uniformKernel, call.tensor(0).shape(), optionsLike(call, 1), generatorOf(call, 3));
}

void forward::randnLike(Call& call) {
  createRandom(call, normalKernel, call.tensor(0).shape(), optionsLike(call, 1), generatorOf(call, 3));
}

void forward::randint(Call& call) {
  // randint(high, shape) is randint(0, high, shape).
  const bool hasLow = call.has(2);
  if (hasLow && call.integers(1).size() != 1) call.fail("argument", "high must be a single integer");
  const int64_t low = hasLow ? call.integer(0) : 0;
  const int64_t high = hasLow ? call.integers(1)[0] : call.integer(0);
  const TensorOptions options = optionsOf(call, 3, DType::int64);
  const Shape shape = checkedShape(call.name(), call.integers(hasLow ? 2 : 1));
  const Tensor y = emptyTensor(shape, options.dtype, options.device);
  drawIntegers(call, y, generatorOf(call, 6), low, high);
  finishCreation(call, y, options);
}

void forward::randintLike(Call& call) {
  const bool hasLow = call.has(2);
  const TensorOptions options = optionsLike(call, 3);
  const Tensor y = emptyTensor(call.tensor(0).shape(), options.dtype, options.device);
  drawIntegers(call, y, generatorOf(call, 5), hasLow ? call.integer(1) : 0, call.integer(hasLow ? 2 : 1));
  finishCreation(call, y, options);
}

void forward::normal(Call& call) {
  const Value mean = call.value(0), std = call.value(1);
  const GradModeGuard noGrad(false);
  const auto checkStd = [&](double least) {
    if (!(least >= 0)) call.fail("argument", "std must not be negative, it is " + textOf(least));
  };
  if (!std.isTensor()) checkStd(std.scalar.number);
  if (std.isTensor() && std.tensor.numel() > 0 && !checksLater(std.tensor, Check::scale))
    checkStd(readScalar(ops::amin(std.tensor, Argument())).number);
  Shape shape;
  if (call.has(2)) {
    shape = checkedShape(call.name(), call.integers(2));
  } else if (mean.isTensor() || std.isTensor()) {
    shape = broadcastShapes(call.name(), mean.isTensor() ? mean.tensor.shape() : Shape(),
                            std.isTensor() ? std.tensor.shape() : Shape());
  } else {
    call.fail("argument", "needs a shape where mean and std are numbers");
  }
  const DType natural = mean.isTensor()  ? mean.tensor.dtype()
                        : std.isTensor() ? std.tensor.dtype()
                                         : DType::float32;
  const TensorOptions options = optionsOf(call, 3, natural);
  if (!isFloating(options.dtype)) {
    call.fail("dtype", std::string("gives floating-point numbers only, not ") + nameOf(options.dtype));
  }
  const Tensor drawn = emptyTensor(shape, options.dtype, options.device);
  drawInto(normalKernel, drawn, generatorOf(call, 6), 0, 1);
  finishCreation(call, ops::add(ops::mul(drawn, std), mean), options);
}

void forward::bernoulli(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor y = emptyTensor(x.shape(), x.dtype(), x.device());
  if (call.has(1)) {
    checkProbability(call, call.number(1));
    drawInto(bernoulliKernel, y, generatorOf(call, 2), call.number(1), 0);
  } else {
    requireFloating(call, x);
    checkProbabilities(call, x);
    drawBelow(y, x, generatorOf(call, 2));
  }
  call.outs[0] = y;
}

void forward::uniformInPlace(Call& call) {
  const double low = call.number(1), high = call.number(2);
  requireFloating(call, call.tensor(0));
  if (!(high >= low)) call.fail("argument", "to must not be below from");
  if (std::isinf(high - low)) call.fail("argument", "from and to must be finite, and not too far apart");
  drawInto(uniformKernel, call.tensor(0), generatorOf(call, 3), low, high);
}
const Derivative derivative::uniformInPlace{zeroGradients};

void forward::normalInPlace(Call& call) {
  requireFloating(call, call.tensor(0));
  if (!(call.number(2) >= 0)) call.fail("argument", "std must not be negative");
  drawInto(normalKernel, call.tensor(0), generatorOf(call, 3), call.number(1), call.number(2));
}
const Derivative derivative::normalInPlace{zeroGradients};

void forward::bernoulliInPlace(Call& call) {
  const Value p = call.value(1);
  const Tensor& x = call.tensor(0);
  if (!p.isTensor()) {
    checkProbability(call, p.scalar.number);
    return drawInto(bernoulliKernel, x, generatorOf(call, 2), p.scalar.number, 0);
  }
  requireFloating(call, p.tensor);
  requireSameDevice(call, x, p.tensor);
  if (broadcastShapes(call.name(), x.shape(), p.tensor.shape()) != x.shape()) {
    call.fail("shape",
              "probabilities " + p.tensor.shape().text() + " do not broadcast to " + x.shape().text());
  }
  checkProbabilities(call, p.tensor);
  const GradModeGuard noGrad(false);
  drawBelow(x, p.tensor, generatorOf(call, 2));
}
const Derivative derivative::bernoulliInPlace{zeroGradients};

void forward::exponentialInPlace(Call& call) {
  const Tensor& x = call.tensor(0);
  const double rate = call.number(1);
  requireFloating(call, x);
  if (!(rate > 0)) call.fail("argument", "lambd must be above 0, it is " + textOf(rate));
  const DType dtype = x.dtype() == DType::float64 ? DType::float64 : DType::float32;
  const Tensor drawn = emptyTensor(x.shape(), dtype, x.device());
  drawInto(uniformKernel, drawn, generatorOf(call, 2), 0, 1);
  const GradModeGuard noGrad(false);
  copyInto(x, ops::log1p(-drawn) * (-1 / rate));
}
const Derivative derivative::exponentialInPlace{zeroGradients};

void forward::randomInPlace(Call& call) {
  const Tensor& x = call.tensor(0);
  const int64_t largest = largestInteger(x.dtype());
  int64_t low = 0, high = largest == std::numeric_limits<int64_t>::max() ? largest : largest + 1;
  if (call.has(1)) high = call.integer(1);
  if (call.has(2)) low = call.integer(1), high = call.integer(2);
  drawIntegers(call, x, generatorOf(call, 3), low, high);
}
const Derivative derivative::randomInPlace{zeroGradients};

void forward::dropoutCore(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor y = call.outs[0] = emptyTensor(x.shape(), x.dtype(), x.device());
  const Tensor mask = call.outs[1] = emptyTensor(x.shape(), DType::boolean, x.device());
  const double p = call.number(1);
  const RandomState taken = takeRandom(x.numel());
  const int64_t integers[] = {static_cast<int64_t>(taken.seed), static_cast<int64_t>(taken.offset)};
  if (x.numel() > 0) Launcher(dropoutKernel, x.device()).out(y).out(mask).in(x).run(&p, integers);
}
// y = x mask / (1 - p)
const Derivative derivative::dropoutCore{
    [](Gradients& d) { d.set(0, ops::where(d.out(1), d.g() * (1 / (1 - d.number(1))), 0)); }, {output(1)}};

void forward::dropout(Call& call) {
  const Tensor& x = call.tensor(0);
  const double p = call.number(1);
  if (!(p >= 0 && p <= 1)) call.fail("argument", "p must be within [0, 1]");
  requireFloating(call, x);
  if (!call.flag(2) || p == 0) {
    call.outs[0] = x;
  } else {
    call.outs[0] = p == 1 ? ops::mul(x, 0) : ops::dropoutCore(x, p);
  }
}

// One mask a channel, the same for all that lies in it.
void forward::dropout2d(Call& call) {
  const Tensor& x = call.tensor(0);
  requireFloating(call, x);
  if (x.dims() < 2) call.fail("shape", "needs (N, C) or (N, C, ...), got " + x.shape().text());
  const double p = call.number(1);
  if (!(p >= 0 && p <= 1)) call.fail("argument", "p must be within [0, 1]");
  Shape channels = x.shape();
  for (int dim = 2; dim < x.dims(); dim++) channels[dim] = 1;
  const bool isIdle = !call.flag(2) || p == 0;
  call.outs[0] = isIdle ? x : x * ops::dropout(filledTensor(channels, x.dtype(), x.device(), 1), p, true);
}

}  // namespace descent
