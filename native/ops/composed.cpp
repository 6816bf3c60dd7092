// Ops that choose between others, and those that are one expression.
#include "launch.h"
#include "ops.h"

namespace descent {

// The rows that are one expression of their call.
#define FORMULA(name, family, signature, WHERE, sentence, shapes, errors, ...) \
  void forward::name(Call& call) { call.outs[0] = __VA_ARGS__; }
#include "table.def"

void forward::div(Call& call) {
  const Value a = call.value(0), b = call.value(1);
  if (!call.has(2)) {
    call.outs[0] = ops::trueDivide(a, b);
  } else if (call.text(2) == "floor") {
    call.outs[0] = ops::floorDivide(a, b);
  } else if (call.text(2) == "trunc") {
    call.outs[0] = ops::truncDivide(a, b);
  } else {
    call.fail("argument", "roundingMode must be \"floor\", \"trunc\" or null, got \"" + call.text(2) + "\"");
  }
}

void forward::clamp(Call& call) {
  if (!call.has(1) && !call.has(2)) call.fail("argument", "needs min, max or both");
  Tensor y = call.tensor(0);
  if (call.has(1)) y = ops::clampMin(y, call.value(1));
  if (call.has(2)) y = ops::clampMax(y, call.value(2));
  call.outs[0] = y;
}

void forward::gelu(Call& call) {
  const std::string& approximate = call.text(1);
  if (approximate == "none") {
    call.outs[0] = ops::geluExact(call.tensor(0));
  } else if (approximate == "tanh") {
    call.outs[0] = ops::geluTanh(call.tensor(0));
  } else {
    call.fail("argument", "approximate must be \"none\" or \"tanh\", got \"" + approximate + "\"");
  }
}

void forward::prelu(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor& weight = call.tensor(1);
  requireFloating(call, x);
  if (weight.dtype() != x.dtype()) {
    call.fail("dtype", std::string("dtypes differ, ") + nameOf(x.dtype()) + " and " + nameOf(weight.dtype()));
  }
  const int64_t channels = x.dims() < 2 ? 1 : x.size(1);
  if (weight.dims() > 1 || (weight.numel() != 1 && weight.numel() != channels)) {
    call.fail("shape", "the weight must have one element, or one for each of the " +
                           std::to_string(channels) + " channels, got " + weight.shape().text());
  }
  Shape spread;
  for (int dim = 0; dim < x.dims(); dim++) spread.push(dim == 1 ? weight.numel() : 1);
  call.outs[0] = ops::preluCore(x, ops::reshape(weight, spread));
}

void forward::celu(Call& call) {
  const double alpha = call.number(1);
  if (alpha == 0) call.fail("argument", "alpha must not be 0");
  call.outs[0] = ops::celuCore(call.tensor(0), alpha);
}

void forward::softshrink(Call& call) {
  const double width = call.number(1);
  if (!(width >= 0)) call.fail("argument", "lambd must not be negative, got " + std::to_string(width));
  call.outs[0] = ops::softshrinkCore(call.tensor(0), width);
}

void forward::hardtanh(Call& call) {
  const double low = call.number(1), high = call.number(2);
  if (low > high)
    call.fail("argument", "minVal " + std::to_string(low) + " is above maxVal " + std::to_string(high));
  call.outs[0] = ops::hardtanhCore(call.tensor(0), call.value(1).scalar, call.value(2).scalar);
}

void forward::glu(Call& call) {
  const Tensor& x = call.tensor(0);
  requireFloating(call, x);
  if (x.dims() == 0) call.fail("shape", "a scalar has no halves");
  const int dim = call.dim(1, x.dims());
  const int64_t half = x.size(dim) / 2;
  if (x.size(dim) % 2 != 0) {
    call.fail("shape",
              "the size of dim " + std::to_string(dim) + " of " + x.shape().text() + " must be even");
  }
  call.outs[0] = ops::narrow(x, dim, 0, half) * ops::sigmoid(ops::narrow(x, dim, half, half));
}

}  // namespace descent
