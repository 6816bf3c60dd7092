// Derivatives of elementwise rows that are too long for their line.
#pragma once

#include "ops.h"

namespace descent {

Tensor powerGradientOfBase(const Tensor& g, const Value& a, const Value& b);
Tensor powerGradientOfExponent(const Tensor& g, const Value& a, const Value& b, const Tensor& y);
// Of max(a, b) for a; where both are equal each gets half.
Tensor maximumGradient(const Tensor& g, const Value& a, const Value& b);
// Second derivatives, times g.
Tensor siluSecond(const Tensor& g, const Value& x);
Tensor geluTanhSecond(const Tensor& g, const Value& x);
Tensor mishGradient(const Tensor& g, const Value& x);

}  // namespace descent
