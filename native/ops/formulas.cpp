// The derivatives of elementwise rows: the one-line formulas of elementwise.def as functions, and the longer
// ones.
#include "formulas.h"

#include "elementwise.h"

namespace descent {

using namespace ops;

// Each row becomes a function that sets the gradient of each input that wants one.
namespace {
namespace rows {
#define ZERO Tensor()
#define PARAMETERS(inputs)                                                               \
  [[maybe_unused]] const Tensor& g = d.g();                                              \
  [[maybe_unused]] const Tensor& y = d.out();                                            \
  [[maybe_unused]] const double p0 = d.op.elementwise.params > 0 ? d.number(inputs) : 0; \
  [[maybe_unused]] const double p1 = d.op.elementwise.params > 1 ? d.number(inputs + 1) : 0;
#define UNARY(name, PARAMS, RULE, EXPRESSION, DX, ...) \
  void name##Row(Gradients& d) {                       \
    PARAMETERS(1)                                      \
    [[maybe_unused]] const Tensor& x = d.tensor(0);    \
    if (d.needs(0)) d.set(0, DX);                      \
  }
#define BINARY(name, PARAMS, RULE, EXPRESSION, DA, DB, ...) \
  void name##Row(Gradients& d) {                            \
    PARAMETERS(2)                                           \
    [[maybe_unused]] const Value a = d.value(0);            \
    [[maybe_unused]] const Value b = d.value(1);            \
    if (d.needs(0)) d.set(0, DA);                           \
    if (d.needs(1)) d.set(1, DB);                           \
  }
#define TERNARY(name, PARAMS, RULE, EXPRESSION, DA, DB, DC, ...) \
  void name##Row(Gradients& d) {                                 \
    PARAMETERS(3)                                                \
    [[maybe_unused]] const Value a = d.value(0);                 \
    [[maybe_unused]] const Value b = d.value(1);                 \
    [[maybe_unused]] const Value c = d.value(2);                 \
    if (d.needs(0)) d.set(0, DA);                                \
    if (d.needs(1)) d.set(1, DB);                                \
    if (d.needs(2)) d.set(2, DC);                                \
  }
#include "elementwise.def"
#undef ZERO
}  // namespace rows

// A row without any derivative is not differentiable at all.
constexpr bool isZero(const char* text) {
  return text[0] == 'Z' && text[1] == 'E' && text[2] == 'R' && text[3] == 'O' && text[4] == 0;
}

constexpr Derivative derivativeOf(void (*apply)(Gradients&), bool exists) {
  Derivative derivative;
  if (exists) derivative.apply = apply;
  return derivative;
}

}  // namespace

namespace ops {
#define NONE ""
#define P1(name, value) " | " #name ": number = " #value
#define P2(name0, value0, name1, value1) P1(name0, value0) ", " #name1 ": number = " #value1
#define ROW(name, signature, INPUTS, RULE, WHERE, sentence, exists)                                  \
  Op name{#name,                                                                                     \
          "pointwise",                                                                               \
          signature,                                                                                 \
          1,                                                                                         \
          Where::WHERE == Where::METHOD && Rule::RULE != Rule::COMPARE && Rule::RULE != Rule::SELECT \
              ? Where::METHOD_IN_PLACE                                                               \
              : Where::WHERE,                                                                        \
          sentence,                                                                                  \
          INPUTS == 1 ? "(...) → (...)" : "(...) x (...) → (...), broadcast",                        \
          INPUTS == 1 ? "" : "Shapes do not broadcast.",                                             \
          false,                                                                                     \
          false,                                                                                     \
          &forward::elementwise,                                                                     \
          derivativeOf(&rows::name##Row, exists),                                                    \
          {INPUTS, 0, Rule::RULE},                                                                   \
          Kernel(#name),                                                                             \
          {}};
#define UNARY(name, PARAMS, RULE, EXPRESSION, DX, WHERE, sentence) \
  ROW(name, "x: tensor" PARAMS, 1, RULE, WHERE, sentence, !isZero(#DX))
#define BINARY(name, PARAMS, RULE, EXPRESSION, DA, DB, WHERE, sentence) \
  ROW(name, "a: operand, b: operand" PARAMS, 2, RULE, WHERE, sentence, !(isZero(#DA) && isZero(#DB)))
#define TERNARY(name, PARAMS, RULE, EXPRESSION, DA, DB, DC, WHERE, sentence)       \
  ROW(name, "a: operand, b: operand, c: operand" PARAMS, 3, RULE, WHERE, sentence, \
      !(isZero(#DA) && isZero(#DB) && isZero(#DC)))
#include "elementwise.def"
#undef ROW
}  // namespace ops

const ElementwiseFormulas* elementwiseFormulas() {
  static const ElementwiseFormulas formulas[] = {
#define UNARY(name, PARAMS, RULE, EXPRESSION, DX, ...) {{#DX}},
#define BINARY(name, PARAMS, RULE, EXPRESSION, DA, DB, ...) {{#DA, #DB}},
#define TERNARY(name, PARAMS, RULE, EXPRESSION, DA, DB, DC, ...) {{#DA, #DB, #DC}},
#include "elementwise.def"
  };
  return formulas;
}

Tensor powerGradientOfBase(const Tensor& g, const Value& a, const Value& b) {
  // d(a^b)/da = b a^(b-1), and 0 for b = 0 also where a is 0 (0 · ∞ would give NaN).
  if (!b.isTensor()) {
    const double exponent = b.scalar.number;
    if (exponent == 0) return zerosLike(g);
    if (exponent == 1) return g;
    if (exponent == 2) return g * a * 2;
    return g * (pow(a, exponent - 1) * b);
  }
  return where(eq(b, 0), 0, g * (pow(a, b - 1) * b));
}

Tensor powerGradientOfExponent(const Tensor& g, const Value& a, const Value& b, const Tensor& y) {
  // d(a^b)/db = a^b log a, and 0 for a = 0 and b >= 0 (0 · -∞ would give NaN).
  const Tensor base = a.isTensor() ? a.tensor : full(std::vector<int64_t>{}, a.scalar, b.tensor.dtype());
  return where(logicalAnd(eq(base, 0), ge(b, 0)), 0, g * (y * log(base)));
}

Tensor maximumGradient(const Tensor& g, const Value& a, const Value& b) {
  return where(eq(a, b), g * 0.5, where(gt(a, b), g, 0));
}

Tensor siluSecond(const Tensor& g, const Value& x) {
  // silu' = s + x s (1 - s), so silu'' = s (1 - s) (2 + x (1 - 2 s)) with s = sigmoid(x).
  const Tensor s = sigmoid(x);
  return g * s * (1 - s) * (2 + x * (1 - s * 2));
}

Tensor geluTanhSecond(const Tensor& g, const Value& x) {
  // y = x (1 + t) / 2 with t = tanh(u), u = k (x + c x^3); t' = (1 - t^2) u'; t'' = (1 - t^2) (u'' - 2 t
  // u'^2); y'' = t' + x t'' / 2.
  const double k = 0.7978845608028654, c = 0.044715;
  const Tensor square = x * x;
  const Tensor t = tanh((x + x * square * c) * k);
  const Tensor rest = 1 - t * t;
  const Tensor first = (square * (3 * c) + 1) * k;
  const Tensor second = x * (6 * c * k);
  return g * rest * (first + x * (second - t * first * first * 2) * 0.5);
}

Tensor mishGradient(const Tensor& g, const Value& x) {
  // mish = x t with t = tanh(softplus(x)); t' = (1 - t^2) sigmoid(x).
  const Tensor t = tanh(softplus(x));
  return g * (t + x * (1 - t * t) * sigmoid(x));
}

}  // namespace descent
