// What recurrent layers share: the steps of a sequence [L, N, K], and products over one step or all of them.
#pragma once

#include "launch.h"
#include "ops.h"

namespace descent {

// The order in which the steps of a sequence are taken.
struct Steps {
  int64_t length;
  bool isReverse;
  // The place of the k-th step taken.
  int64_t at(int64_t k) const { return isReverse ? length - 1 - k : k; }
  int64_t first() const { return at(0); }
  // Where all steps but the first (or the last) one taken lie.
  int64_t startWithoutFirst() const { return isReverse ? 0 : 1; }
  int64_t startWithoutLast() const { return isReverse ? 1 : 0; }
};

// Step t of a contiguous sequence [L, N, K] as a matrix [N, K].
Geometry stepOf(const Tensor& sequence, int64_t t);
// `count` columns of a matrix.
Geometry columnsOf(const Geometry& matrix, int64_t from, int64_t count);
// A matrix transposed in memory: each step packs it anew, which is faster by rows.
Tensor turned(const Tensor& matrix);

// y = a b, or y += a b; matrices of any strides.
void multiplyStep(const Tensor& y, const Geometry& yGeometry, const Tensor& a, const Geometry& aGeometry,
                  const Tensor& b, const Geometry& bGeometry, bool accumulates = false);
// sum += step t of a sequence; nothing where there is no sequence.
void addStep(const Tensor& sum, const Tensor& sequence, int64_t t);
Tensor zerosOf(const Shape& shape, const Tensor& like);

// The gradient of W in a[t] = ... + h[t - 1] W^T: the sum over all steps of da[t]^T h[t - 1], where `y` has
// the states and `start` the first one. In ops, so that it can be differentiated.
Tensor weightGradient(const Steps& steps, const Tensor& da, const Tensor& y, const Tensor& start);
// The same sum for sequences of one length: da[t]^T b[t].
Tensor sumOfProducts(const Tensor& da, const Tensor& b);

// In ops: step t of a sequence as [N, K]; and one gate of it.
Tensor stepAt(const Tensor& sequence, int64_t t);
Tensor gateAt(const Tensor& step, int gate, int64_t size);
// a + b, where either may be undefined.
Tensor addKnown(const Tensor& a, const Tensor& b);
// Tensors [N, K] in the order of the steps taken, as a sequence [L, N, K].
Tensor stackSteps(const Steps& steps, std::vector<Tensor> taken);

}  // namespace descent
