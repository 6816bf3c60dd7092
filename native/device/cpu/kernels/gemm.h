// The matrix product of one pair of matrices with any strides.
#pragma once

#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

// c (m x n) = a (m x k) * b (k x n), plus c itself with `accumulate`, plus bias [n] where it is given.
// Strides count elements.
template <class T>
struct Product {
  int64_t m, n, k;
  const T* a;
  int64_t aRow, aColumn;
  const T* b;
  int64_t bRow, bColumn;
  T* c;
  int64_t cRow, cColumn;
  bool accumulate;
  const T* bias;  // contiguous
  bool staysInPlace =
      false;  // the matrices lie in the cache: where their strides allow it, nothing is packed
};

void multiply(const Product<float>& product);
void multiply(const Product<double>& product);

}  // namespace descent::cpu::DESCENT_CAPABILITY
