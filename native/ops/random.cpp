// Random tensors. Element k depends on the seed and the offset plus k alone (Philox), never on threads.
#include "random.h"

#include <algorithm>
#include <cmath>
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

// Kernels want order in memory; a strided target is filled through a copy.
void drawInto(const Kernel& kernel, const Tensor& y, double first, double second, int64_t low = 0,
              int64_t high = 0) {
  if (y.numel() == 0) return;
  if (!y.isContiguous()) {
    const Tensor drawn = emptyTensor(y.shape(), y.dtype(), y.device());
    drawInto(kernel, drawn, first, second, low, high);
    return copyInto(y, drawn);
  }
  const double numbers[] = {first, second};
  const RandomState taken = takeRandom(y.numel());
  const int64_t integers[] = {static_cast<int64_t>(taken.seed), static_cast<int64_t>(taken.offset), low,
                              high};
  Launcher(kernel, y.device()).out(y).run(numbers, integers);
}

void createRandom(Call& call, const Kernel& kernel, const Shape& shape, const TensorOptions& options) {
  if (!isFloating(options.dtype)) {
    call.fail("dtype", std::string("gives floating-point numbers only, not ") + nameOf(options.dtype));
  }
  const Tensor y = emptyTensor(shape, options.dtype, options.device);
  drawInto(kernel, y, 0, 1);
  finishCreation(call, y, options);
}

TensorOptions optionsLike(const Call& call) {
  const Tensor& x = call.tensor(0);
  return {call.dtype(1, x.dtype()), x.device(), call.flag(2)};
}

// Uniform numbers of [0, 1) on the host, for what no kernel does.
std::vector<double> drawOnHost(int64_t count) {
  const Tensor drawn = emptyTensor(Shape{count}, DType::float64, DeviceId());
  drawInto(uniformKernel, drawn, 0, 1);
  std::vector<double> values(static_cast<size_t>(count));
  if (count > 0)
    deviceOf(DeviceId()).copyToHost(values.data(), drawn.memory(), values.size() * sizeof(double));
  return values;
}

// A tensor of int64 from the host, in the dtype and on the device wanted.
Tensor fromHost(const std::vector<int64_t>& values, const Shape& shape, const TensorOptions& options) {
  const Tensor y = emptyTensor(shape, DType::int64, options.device);
  if (!values.empty())
    deviceOf(options.device).copyFromHost(y.memory(), values.data(), values.size() * sizeof(int64_t));
  return castTo(y, options.dtype);
}

}  // namespace

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

RandomState takeRandom(int64_t count) {
  const auto take = [count](RandomState& state) {
    const RandomState taken = state;
    state.offset += (static_cast<uint64_t>(count) + 3) / 4 * 4;
    return taken;
  };
  if (hasOwnState) return take(ownState);
  const std::lock_guard<std::mutex> lock(sharedState().mutex);
  return take(sharedState().state);
}

void forward::rand(Call& call) {
  createRandom(call, uniformKernel, checkedShape(call.name(), call.integers(0)),
               optionsOf(call, 1, DType::float32));
}

void forward::randn(Call& call) {
  createRandom(call, normalKernel, checkedShape(call.name(), call.integers(0)),
               optionsOf(call, 1, DType::float32));
}

void forward::randLike(Call& call) {
  createRandom(call, uniformKernel, call.tensor(0).shape(), optionsLike(call));
}

void forward::randnLike(Call& call) {
  createRandom(call, normalKernel, call.tensor(0).shape(), optionsLike(call));
}

void forward::randint(Call& call) {
  const int64_t low = call.integer(0), high = call.integer(1);
  if (high <= low)
    call.fail("argument",
              "high must be above low, got [" + std::to_string(low) + ", " + std::to_string(high) + ")");
  const TensorOptions options = optionsOf(call, 3, DType::int64);
  const Tensor y = emptyTensor(checkedShape(call.name(), call.integers(2)), DType::int64, options.device);
  drawInto(randintKernel, y, 0, 0, low, high);
  call.outs[0] = castTo(y, options.dtype);
}

void forward::randperm(Call& call) {
  const int64_t count = call.integer(0);
  const TensorOptions options = optionsOf(call, 1, DType::int64);
  const Shape shape = checkedShape(call.name(), {count});
  const std::vector<double> draws = drawOnHost(count);
  std::vector<int64_t> order(static_cast<size_t>(count));
  for (int64_t k = 0; k < count; k++) order[k] = k;
  for (int64_t k = count - 1; k > 0; k--) {
    const int64_t other = std::min(k, static_cast<int64_t>(draws[k] * static_cast<double>(k + 1)));
    std::swap(order[k], order[other]);
  }
  call.outs[0] = fromHost(order, shape, options);
}

void forward::normal(Call& call) {
  const Value mean = call.value(0), std = call.value(1);
  if (!std.isTensor() && !(std.scalar.number >= 0)) call.fail("argument", "std must not be negative");
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
  const Tensor drawn = ops::randn(shape, options.dtype);
  call.outs[0] = ops::detach(ops::add(ops::mul(drawn, std), mean));
}

void forward::bernoulli(Call& call) {
  const Tensor& x = call.tensor(0);
  requireFloating(call, x);
  const Tensor y = emptyTensor(x.shape(), x.dtype(), x.device());
  drawInto(uniformKernel, y, 0, 1);
  call.outs[0] = castTo(ops::lt(y, x), x.dtype());
}

void forward::multinomial(Call& call) {
  const Tensor& x = call.tensor(0);
  const int64_t samples = call.integer(1);
  if (x.dims() < 1 || x.dims() > 2) call.fail("shape", "needs 1 or 2 dims, got " + x.shape().text());
  requireFloating(call, x);
  if (samples <= 0) call.fail("argument", "numSamples must be positive, got " + std::to_string(samples));
  const int64_t rows = x.dims() == 2 ? x.size(0) : 1, classes = x.size(-1);
  if (!call.flag(2) && samples > classes) {
    call.fail("argument", "cannot draw " + std::to_string(samples) + " of " + std::to_string(classes) +
                              " without replacement");
  }
  Shape shape = x.shape();
  shape[shape.dims - 1] = samples;
  shape = checkedShape(call.name(), shape.list());
  const Tensor wide = asContiguous(castTo(x, DType::float64));
  std::vector<double> weights(static_cast<size_t>(rows * classes));
  if (!weights.empty())
    deviceOf(x.device()).copyToHost(weights.data(), wide.memory(), weights.size() * sizeof(double));
  const std::vector<double> draws = drawOnHost(rows * samples);
  std::vector<int64_t> drawn;
  for (int64_t row = 0; row < rows; row++) {
    double* weight = weights.data() + row * classes;
    for (int64_t sample = 0; sample < samples; sample++) {
      double total = 0;
      for (int64_t k = 0; k < classes; k++) {
        if (!(weight[k] >= 0) || std::isinf(weight[k]))
          call.fail("argument", "a weight is negative or not finite");
        total += weight[k];
      }
      if (!(total > 0)) call.fail("argument", "a row has too few weights above zero");
      const double aim = draws[row * samples + sample] * total;
      double sum = 0;
      int64_t chosen = -1;
      for (int64_t k = 0; k < classes && (chosen < 0 || sum <= aim); k++) {
        if (weight[k] > 0) chosen = k;
        sum += weight[k];
      }
      drawn.push_back(chosen);
      if (!call.flag(2)) weight[chosen] = 0;
    }
  }
  call.outs[0] = fromHost(drawn, shape, {DType::int64, x.device(), false});
}

void forward::uniformInPlace(Call& call) {
  requireFloating(call, call.tensor(0));
  if (!(call.number(2) >= call.number(1))) call.fail("argument", "high must not be below low");
  drawInto(uniformKernel, call.tensor(0), call.number(1), call.number(2));
}
const Derivative derivative::uniformInPlace{[](Gradients&) {}};

void forward::normalInPlace(Call& call) {
  requireFloating(call, call.tensor(0));
  if (!(call.number(2) >= 0)) call.fail("argument", "std must not be negative");
  drawInto(normalKernel, call.tensor(0), call.number(1), call.number(2));
}
const Derivative derivative::normalInPlace{[](Gradients&) {}};

void forward::bernoulliInPlace(Call& call) {
  const double probability = call.number(1);
  if (!(probability >= 0 && probability <= 1)) call.fail("argument", "the probability must be within [0, 1]");
  drawInto(bernoulliKernel, call.tensor(0), probability, 0);
}
const Derivative derivative::bernoulliInPlace{[](Gradients&) {}};

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
  call.outs[0] = isIdle ? x : x * ops::dropout(ops::ones(channels, x.dtype()), p, true);
}

}  // namespace descent
