// How large what an op makes can be, from how large its inputs are: for most ops a multiplication, in place
// of looking at every element.
#pragma once

#include "../ops/op.h"

namespace descent::inspect {

// Where nothing can be said from the inputs, the output has to be looked at.
enum class Bound : uint8_t {
  unknown,
  moves,      // elements of the inputs, its numbers among them, or zeros
  atMostOne,  // whatever the inputs are, if they are finite
  sums,       // as many elements of the first input as there are in it, at most, and elements of the others
  adds,       // a + alpha b
  averages,
  multiplies,
  divides,  // by a number
  slopes,   // of tanh and sigmoid
  squares,
  exponential,
  logarithmOfSoftmax,
  products,       // matmul, linear: rows times columns, and a bias
  convolves,      // sums of as many products as the smaller of two has elements
  uninitialized,  // whatever the memory held: not to be looked at
};
Bound boundOf(const Op& op);

// The largest that an element of outs[0] can be, from what is known or cheaply found out of the inputs; below
// 0 where that says nothing.
double boundOfOutput(const Op& op, const Arguments& args, const Tensor& out);

// Above this a bound is no proof that all is finite in a dtype.
double safeLimit(DType dtype);

}  // namespace descent::inspect
