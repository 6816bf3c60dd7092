// Every op of the table as an object that can be called: ops::sum(x, dims, true). For forwards and
// derivatives written in ops.
#pragma once

#include "op.h"

namespace descent {

namespace ops {
#define UNARY(name, ...) extern Op name;
#define BINARY(name, ...) extern Op name;
#define TERNARY(name, ...) extern Op name;
#include "elementwise.def"
#define OP(name, ...) extern Op name;
#define VIEW(name, ...) extern Op name;
#define CONSTANT(name, ...) extern Op name;
#define COMPOSED(name, ...) extern Op name;
#define FORMULA(name, ...) extern Op name;
#include "table.def"
}  // namespace ops

// What the rows of table.def name: written in the family's file.
namespace forward {
#define OP(name, ...) void name(Call& call);
#define VIEW(name, ...) void name(Call& call);
#define CONSTANT(name, ...) void name(Call& call);
#define COMPOSED(name, ...) void name(Call& call);
#define FORMULA(name, ...) void name(Call& call);
#include "table.def"
}  // namespace forward

namespace derivative {
#define OP(name, ...) extern const Derivative name;
#define VIEW(name, ...) extern const Derivative name;
#include "table.def"
}  // namespace derivative

// Arithmetic as in formulas.
inline Tensor operator+(const Value& a, const Value& b) { return ops::add(a, b); }
inline Tensor operator-(const Value& a, const Value& b) { return ops::sub(a, b); }
inline Tensor operator*(const Value& a, const Value& b) { return ops::mul(a, b); }
inline Tensor operator/(const Value& a, const Value& b) { return ops::trueDivide(a, b); }
inline Tensor operator-(const Value& x) { return ops::neg(x); }

// The arguments of a recorded call, seen from its derivative. Those that `saves` does not name are not there.
struct Gradients {
  // Sizes and dtype of a tensor argument, known whether it was saved or not.
  struct Meta {
    Shape shape;
    DType dtype;
    DeviceId device;
  };

  const Op& op;
  Arguments args;
  Tensor outputs[kMaxOutputs];
  const Tensor* outputGradients;  // undefined where none arrived
  const Meta* metas;              // by edge
  const int* firstEdges;          // by argument; -1 where it is no tensor
  const int* tensorCounts;        // by argument
  const bool* needed;             // by edge
  Tensor* results;                // by edge
  // Whether the gradients will be differentiated in turn; a kernel without a derivative may be used where
  // not.
  bool createGraph;

  const Tensor& g(int output = 0) const { return outputGradients[output]; }
  const Tensor& tensor(int i) const { return args.items[i].tensor; }
  Value value(int i) const {
    const Argument& argument = args.items[i];
    return argument.isTensor() ? Value(argument.tensor) : Value(argument.scalar);
  }
  const Tensor& out(int output = 0) const { return outputs[output]; }
  const Shape& shape(int i, int k = 0) const { return metas[firstEdges[i] + k].shape; }
  DType dtype(int i) const { return metas[firstEdges[i]].dtype; }
  DeviceId device(int i) const { return metas[firstEdges[i]].device; }
  int64_t integer(int i) const { return args.items[i].scalar.integer; }
  double number(int i) const { return args.items[i].scalar.number; }
  bool flag(int i) const { return args.items[i].scalar.number != 0; }
  bool has(int i) const { return firstEdges[i] >= 0 || args.items[i].isGiven(); }
  int listSize(int i) const { return tensorCounts[i]; }
  const std::vector<int64_t>& integers(int i) const { return args.items[i].lists->integers; }
  // Whether the gradient of argument i (of its tensor k, for lists) is wanted.
  bool needs(int i, int k = 0) const { return firstEdges[i] >= 0 && needed[firstEdges[i] + k]; }
  void set(int i, const Tensor& gradient) { results[firstEdges[i]] = gradient; }
  void set(int i, int k, const Tensor& gradient) { results[firstEdges[i] + k] = gradient; }
};

}  // namespace descent
