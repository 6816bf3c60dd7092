// Random choices, made on the host: permutations, and indices drawn by weight.
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "create.h"
#include "ops.h"
#include "random.h"

namespace descent {

namespace {

// A tensor of int64 from the host, in the dtype and on the device wanted.
Tensor fromHost(const std::vector<int64_t>& values, const Shape& shape, const TensorOptions& options) {
  const Tensor y = emptyTensor(shape, DType::int64, options.device);
  if (!values.empty())
    deviceOf(options.device).copyFromHost(y.memory(), values.data(), values.size() * sizeof(int64_t));
  return castTo(y, options.dtype);
}

}  // namespace

void forward::randperm(Call& call) {
  const int64_t count = call.integer(0);
  const TensorOptions options = optionsOf(call, 1, DType::int64);
  const Shape shape = checkedShape(call.name(), {count});
  if (count - 1 > largestInteger(options.dtype)) {
    call.fail("dtype", std::string(nameOf(options.dtype)) + " does not have all numbers below " +
                           std::to_string(count));
  }
  const std::vector<double> draws = drawOnHost(count, call.args.items[4].generator);
  std::vector<int64_t> order(static_cast<size_t>(count));
  for (int64_t k = 0; k < count; k++) order[k] = k;
  for (int64_t k = count - 1; k > 0; k--) {
    const int64_t other = std::min(k, static_cast<int64_t>(draws[k] * static_cast<double>(k + 1)));
    std::swap(order[k], order[other]);
  }
  finishCreation(call, fromHost(order, shape, options), options);
}

namespace {

// The weights of all rows on the host, checked.
std::vector<double> readWeights(const Call& call, const Tensor& x) {
  const Tensor wide = asContiguous(castTo(copyTo(x, DeviceId()), DType::float64));
  std::vector<double> weights(static_cast<size_t>(x.numel()));
  if (!weights.empty())
    deviceOf(DeviceId()).copyToHost(weights.data(), wide.memory(), weights.size() * sizeof(double));
  for (double weight : weights) {
    if (!(weight >= 0) || std::isinf(weight)) {
      call.fail("argument", "weights must be finite and not negative, one is " + textOf(weight));
    }
  }
  return weights;
}

// Independent draws: where each number falls among the weights laid end to end.
void drawWithReplacement(const double* weight, int64_t classes, const double* draws, int64_t samples,
                         int64_t* drawn) {
  std::vector<double> ends(static_cast<size_t>(classes));
  double total = 0;
  int64_t last = 0;  // the last one that can be drawn, should rounding reach the end
  for (int64_t k = 0; k < classes; k++) {
    if (weight[k] > 0) last = k;
    ends[k] = total += weight[k];
  }
  for (int64_t sample = 0; sample < samples; sample++) {
    const auto end = std::upper_bound(ends.begin(), ends.end(), draws[sample] * total);
    drawn[sample] = std::min<int64_t>(end - ends.begin(), last);
  }
}

// The largest of log(u) / weight come in the order of draws one by one (Efraimidis and Spirakis, 2006).
void drawWithoutReplacement(const double* weight, int64_t classes, const double* draws, int64_t samples,
                            int64_t* drawn) {
  std::vector<std::pair<double, int64_t>> keys(static_cast<size_t>(classes));
  for (int64_t k = 0; k < classes; k++) {
    const double key = weight[k] > 0 ? std::log1p(-draws[k]) / weight[k] : -HUGE_VAL;
    keys[k] = {-key, k};
  }
  std::partial_sort(keys.begin(), keys.begin() + samples, keys.end());
  for (int64_t sample = 0; sample < samples; sample++) drawn[sample] = keys[sample].second;
}

}  // namespace

void forward::multinomial(Call& call) {
  const Tensor& x = call.tensor(0);
  const int64_t samples = call.integer(1);
  const bool isReplaced = call.flag(2);
  if (x.dims() < 1 || x.dims() > 2) call.fail("shape", "needs 1 or 2 dims, got " + x.shape().text());
  requireFloating(call, x);
  if (samples <= 0) call.fail("argument", "numSamples must be positive, got " + std::to_string(samples));
  const int64_t rows = x.dims() == 2 ? x.size(0) : 1, classes = x.size(-1);
  if (!isReplaced && samples > classes) {
    call.fail("argument", "cannot draw " + std::to_string(samples) + " of " + std::to_string(classes) +
                              " without replacement");
  }
  Shape shape = x.shape();
  shape[shape.dims - 1] = samples;
  shape = checkedShape(call.name(), shape.list());
  const std::vector<double> weights = readWeights(call, x);
  for (int64_t row = 0; row < rows; row++) {
    const double* weight = weights.data() + row * classes;
    const int64_t usable = std::count_if(weight, weight + classes, [](double w) { return w > 0; });
    if (usable < (isReplaced ? 1 : samples)) {
      call.fail("argument", "a row has too few weights above zero, " + std::to_string(usable));
    }
  }
  const int64_t needed = isReplaced ? samples : classes;  // numbers a row
  const std::vector<double> draws = drawOnHost(rows * needed, call.args.items[3].generator);
  std::vector<int64_t> drawn(static_cast<size_t>(rows * samples));
  for (int64_t row = 0; row < rows; row++) {
    const auto drawRow = isReplaced ? drawWithReplacement : drawWithoutReplacement;
    drawRow(weights.data() + row * classes, classes, draws.data() + row * needed, samples,
            drawn.data() + row * samples);
  }
  call.outs[0] = fromHost(drawn, shape, {DType::int64, x.device(), false});
}

}  // namespace descent
