// Ops that choose between others, and those that are one expression.
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

}  // namespace descent
