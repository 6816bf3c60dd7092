// Softmax and its logarithm, along any dim.
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel softmaxBackwardKernel{"softmaxBackward"};
const Kernel logSoftmaxBackwardKernel{"logSoftmaxBackward"};

void normalizeRows(Call& call) {
  const Tensor& x = call.tensor(0);
  requireFloating(call, x);
  const int dim = call.dim(1, x.dims());
  const Tensor y = call.outs[0] = emptyTensor(x.shape(), x.dtype(), x.device());
  if (x.numel() == 0) return;
  Launcher(call.op.kernel, x.device())
      .out(y, dimLast(y.geometry(), dim))
      .in(x, dimLast(x.geometry(), dim))
      .run();
}

Tensor backwardKernel(const Gradients& d, const Kernel& kernel) {
  const Tensor& y = d.out();
  const int dim = wrapDim(d.op.name, d.integer(1), y.dims());
  const Tensor dx = emptyTensor(y.shape(), y.dtype(), y.device());
  if (y.numel() == 0) return dx;
  Launcher(kernel, y.device())
      .out(dx, dimLast(dx.geometry(), dim))
      .in(d.g(), dimLast(d.g().geometry(), dim))
      .in(y, dimLast(y.geometry(), dim))
      .run();
  return dx;
}

}  // namespace

void forward::softmax(Call& call) { normalizeRows(call); }
// dx = y (dy - the sum of dy y)
const Derivative derivative::softmax{[](Gradients& d) {
                                       if (!d.createGraph)
                                         return d.set(0, backwardKernel(d, softmaxBackwardKernel));
                                       const Tensor& y = d.out();
                                       d.set(0, y * (d.g() - ops::sum(d.g() * y, d.integer(1), true)));
                                     },
                                     {output(0)}};

void forward::logSoftmax(Call& call) { normalizeRows(call); }
// dx = dy - exp(y) times the sum of dy
const Derivative derivative::logSoftmax{
    [](Gradients& d) {
      if (!d.createGraph) return d.set(0, backwardKernel(d, logSoftmaxBackwardKernel));
      d.set(0, d.g() - ops::exp(d.out()) * ops::sum(d.g(), d.integer(1), true));
    },
    {output(0)}};

}  // namespace descent
