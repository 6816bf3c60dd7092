// LSTM (Hochreiter and Schmidhuber, 1997; with forget gates, Gers et al., 2000; projections, Sak et al.,
// 2014): one direction of one layer over a whole sequence, as recurrent.cpp has the others.
#include "recurrent.h"

namespace descent {

// x [L, N, 4H] the input's share, h [N, P], c [N, H], weight [4H, P], projection [P, H] or none (then P is
// H):
//   i, f, g, o = the quarters of x[t] + y[t - 1] W^T, through σ, σ, tanh, σ
//   c[t] = f c[t - 1] + i g, m = o tanh(c[t]), y[t] = m, or m R^T
// reserve [L, N, 5H] keeps i, f, g, o, c.
void forward::lstmSequence(Call& call) {
  const Tensor x = asContiguous(call.tensor(0)), h = asContiguous(call.tensor(1));
  const Tensor c = asContiguous(call.tensor(2));
  const Tensor weight = turned(call.tensor(3));
  const Steps steps{x.size(0), call.flag(5)};
  const int64_t batch = x.size(1), size = c.size(1);
  const bool hasProjection = call.has(4);
  const Tensor y = call.outs[0] = emptyTensor(Shape{steps.length, batch, h.size(1)}, x.dtype(), x.device());
  const Tensor reserve = call.outs[1] =
      emptyTensor(Shape{steps.length, batch, 5 * size}, x.dtype(), x.device());
  const Tensor share = emptyTensor(Shape{batch, 4 * size}, x.dtype(), x.device());
  const Tensor m = hasProjection ? emptyTensor(c.shape(), x.dtype(), x.device()) : Tensor();
  const Tensor projection = hasProjection ? turned(call.tensor(4)) : Tensor();
  static const Kernel lstmCell{"lstmCell"};
  for (int64_t k = 0; k < steps.length && y.numel() > 0; k++) {
    const int64_t t = steps.at(k), last = k == 0 ? 0 : steps.at(k - 1);
    multiplyStep(share, share.geometry(), k == 0 ? h : y, k == 0 ? h.geometry() : stepOf(y, last), weight,
                 weight.geometry());
    Launcher(lstmCell, x.device())
        .out(hasProjection ? m : y, hasProjection ? m.geometry() : stepOf(y, t))
        .out(reserve, stepOf(reserve, t))
        .in(x, stepOf(x, t))
        .in(share)
        .in(k == 0 ? c : reserve, k == 0 ? c.geometry() : columnsOf(stepOf(reserve, last), 4 * size, size))
        .run();
    if (!hasProjection) continue;
    multiplyStep(y, stepOf(y, t), m, m.geometry(), projection, projection.geometry());
  }
}

namespace {

// Of the gates before their functions [L, N, 4H]; of y with all that came back to it [L, N, P], where there
// is a projection; and of the first states.
struct LstmGradients {
  Tensor dx, dy, dh, dc;
};

LstmGradients lstmGradientOfSteps(const Gradients& d, const Steps& steps) {
  static const Kernel lstmCellBackward{"lstmCellBackward"};
  const Tensor& reserve = d.out(1);
  const Tensor& weight = d.tensor(3);
  const Tensor c = asContiguous(d.tensor(2));
  const bool hasProjection = d.has(4);
  const Tensor g = d.g().isDefined() ? asContiguous(d.g()) : Tensor();
  const Tensor more = d.g(1).isDefined() ? asContiguous(d.g(1)) : Tensor();
  const int64_t hasMore = more.isDefined(), size = c.size(1);
  LstmGradients to;
  to.dx = emptyTensor(d.shape(0), reserve.dtype(), reserve.device());
  to.dh = zerosOf(d.shape(1), reserve);
  to.dc = zerosOf(c.shape(), reserve);
  if (hasProjection) {
    to.dy = emptyTensor(Shape{steps.length, to.dh.size(0), to.dh.size(1)}, reserve.dtype(), reserve.device());
  }
  const Tensor dm = hasProjection ? emptyTensor(c.shape(), c.dtype(), c.device()) : to.dh;
  for (int64_t k = steps.length; k-- > 0 && reserve.numel() > 0;) {
    const int64_t t = steps.at(k);
    addStep(to.dh, g, t);
    if (hasProjection) {
      const Tensor& projection = d.tensor(4);
      copyInto(to.dy.alias(stepOf(to.dy, t)), to.dh);
      multiplyStep(dm, dm.geometry(), to.dh, to.dh.geometry(), projection, projection.geometry());
    }
    Launcher launcher(lstmCellBackward, reserve.device());
    launcher.out(to.dx, stepOf(to.dx, t)).out(to.dc).in(dm).in(reserve, stepOf(reserve, t));
    if (k == 0) {
      launcher.in(c);
    } else {
      launcher.in(reserve, columnsOf(stepOf(reserve, steps.at(k - 1)), 4 * size, size));
    }
    if (hasMore) launcher.in(more, stepOf(more, t));
    launcher.run(nullptr, &hasMore);
    multiplyStep(to.dh, to.dh.geometry(), to.dx, stepOf(to.dx, t), weight, weight.geometry());
  }
  return to;
}

LstmGradients lstmGradientInOps(const Gradients& d, const Steps& steps) {
  const int64_t size = d.shape(2)[1];
  std::vector<Tensor> dx(static_cast<size_t>(steps.length)), dys(static_cast<size_t>(steps.length));
  LstmGradients to;
  for (int64_t k = steps.length; k-- > 0;) {
    const int64_t t = steps.at(k);
    const Tensor reserve = stepAt(d.out(1), t);
    const Tensor i = gateAt(reserve, 0, size), f = gateAt(reserve, 1, size);
    const Tensor g = gateAt(reserve, 2, size), o = gateAt(reserve, 3, size);
    const Tensor tanhC = ops::tanh(gateAt(reserve, 4, size));
    const Tensor before = k == 0 ? d.tensor(2) : gateAt(stepAt(d.out(1), steps.at(k - 1)), 4, size);
    const Tensor more = d.g(1).isDefined() ? stepAt(d.g(1), t) : Tensor();
    const auto also = [&](int gate) { return more.isDefined() ? gateAt(more, gate, size) : Tensor(); };
    Tensor dy = addKnown(d.g().isDefined() ? stepAt(d.g(), t) : Tensor(), to.dh);
    if (!dy.isDefined()) dy = filledTensor(d.shape(1), reserve.dtype(), reserve.device(), 0);
    const Tensor dm = d.has(4) ? ops::matmul(dy, d.tensor(4)) : dy;
    const Tensor dc = addKnown(addKnown(ops::tanhBackward(dm * o, tanhC), to.dc), also(4));
    const Tensor da = ops::cat(std::vector<Tensor>{ops::sigmoidBackward(addKnown(dc * g, also(0)), i),
                                                   ops::sigmoidBackward(addKnown(dc * before, also(1)), f),
                                                   ops::tanhBackward(addKnown(dc * i, also(2)), g),
                                                   ops::sigmoidBackward(addKnown(dm * tanhC, also(3)), o)},
                               1);
    dx[static_cast<size_t>(k)] = da;
    dys[static_cast<size_t>(k)] = dy;
    to.dc = dc * f;
    to.dh = ops::matmul(da, d.tensor(3));
  }
  to.dx = stackSteps(steps, std::move(dx));
  if (d.has(4)) to.dy = stackSteps(steps, std::move(dys));
  return to;
}

constexpr uint32_t kAll = input(1) | input(2) | input(3) | input(4) | output(0) | output(1);

}  // namespace

const Derivative derivative::lstmSequence{
    [](Gradients& d) {
      const Steps steps{d.shape(0)[0], d.flag(5)};
      const LstmGradients to = d.createGraph ? lstmGradientInOps(d, steps) : lstmGradientOfSteps(d, steps);
      if (d.needs(0)) d.set(0, to.dx);
      if (d.needs(1)) d.set(1, to.dh);
      if (d.needs(2)) d.set(2, to.dc);
      if (d.needs(3)) d.set(3, weightGradient(steps, to.dx, d.out(), d.tensor(1)));
      if (d.needs(4)) {
        const int64_t size = d.shape(2)[1];
        const Tensor o = ops::narrow(d.out(1), 2, 3 * size, size);
        const Tensor c = ops::narrow(d.out(1), 2, 4 * size, size);
        d.set(4, sumOfProducts(to.dy, o * ops::tanh(c)));
      }
    },
    {kAll, kAll, kAll, kAll, kAll}};

}  // namespace descent
