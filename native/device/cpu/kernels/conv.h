// What the kernels of convolutions share: the sizes of one call.
#pragma once

#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

// x [batch, groups * channels, size...], w [groups * outs, channels, kernel...], y [batch, groups * outs,
// out...]; pairs are height and width. A padding may be negative: then the image's edge is left out.
struct Convolution {
  int64_t batch, groups, channels, outs;
  int64_t size[2], out[2], kernel[2], stride[2], padding[2], dilation[2];

  int64_t pixels() const { return size[0] * size[1]; }
  int64_t outPixels() const { return out[0] * out[1]; }
  int64_t taps() const { return kernel[0] * kernel[1]; }
  int64_t columns() const { return channels * taps(); }  // of the weight as a matrix
  // Each pixel of y sees one pixel of x, the one at its place.
  bool isPointwise() const {
    return taps() == 1 && stride[0] == 1 && stride[1] == 1 && padding[0] == 0 && padding[1] == 0 &&
           size[0] == out[0] && size[1] == out[1];
  }
  // What y sees along a dim is not much more than there is, as it would be with a dilation of a million.
  bool isNear(int dim) const {
    const int64_t seen = (out[dim] - 1) * stride[dim] + dilation[dim] * (kernel[dim] - 1);
    return seen <= 4 * size[dim] + 64 && stride[dim] <= size[dim] + 64;
  }
  bool isDepthwise() const { return channels == 1 && groups > 1 && isNear(0) && isNear(1); }
  double work() const {
    return static_cast<double>(batch * groups * outs) * static_cast<double>(outPixels()) *
           static_cast<double>(columns());
  }
};

// Reads the sizes; y, x and w as the operands stand. i: stride, padding, dilation (pairs), groups, hasBias.
Convolution convolutionOf(const Operand& y, const Operand& x, const Operand& w, const int64_t* integers);

// Depthwise convolutions: one channel in, `outs` out for each group.
template <class T>
void depthwise(const Convolution& s, const T* x, const T* w, const T* bias, T* y);
template <class T>
void depthwiseInput(const Convolution& s, const T* g, const T* w, const T* bias, T* dx);
template <class T>
void depthwiseWeight(const Convolution& s, const T* g, const T* x, T* dw);

}  // namespace descent::cpu::DESCENT_CAPABILITY
