// Recurrent layers: one direction of one layer over a whole sequence. The input's share of the gates comes
// from one product over all steps, made before; each step adds the state's share.
//
// Gradients go back through time in kernels. Where they will be differentiated in turn, the same formulas are
// written in ops; what a step computed on the way (its reserve) is an output for that reason, and gradients
// that arrive there are part of both.
#include "recurrent.h"

#include <algorithm>

namespace descent {

namespace {

const Kernel matmulKernel{"matmul"};
const Kernel addKernel{"add"};

Shape shapeOf(const Tensor& sequence, int64_t columns) {
  return Shape{sequence.size(0), sequence.size(1), columns};
}

}  // namespace

Geometry stepOf(const Tensor& sequence, int64_t t) {
  Geometry step(Shape{sequence.size(1), sequence.size(2)});
  step.offset = sequence.geometry().offset + t * sequence.size(1) * sequence.size(2);
  return step;
}

Geometry columnsOf(const Geometry& matrix, int64_t from, int64_t count) {
  Geometry part = matrix;
  part.offset += from * matrix.strides[1];
  part.shape[1] = count;
  return part;
}

Tensor turned(const Tensor& matrix) {
  Geometry geometry = matrix.geometry();
  std::swap(geometry.shape[0], geometry.shape[1]);
  std::swap(geometry.strides[0], geometry.strides[1]);
  return contiguousCopy(matrix.alias(geometry));
}

void multiplyStep(const Tensor& y, const Geometry& yGeometry, const Tensor& a, const Geometry& aGeometry,
                  const Tensor& b, const Geometry& bGeometry, bool accumulates) {
  if (yGeometry.shape.numel() == 0) return;
  const int64_t integers[] = {accumulates, 0};
  Launcher(matmulKernel, y.device())
      .out(y, yGeometry)
      .in(a, aGeometry)
      .in(b, bGeometry)
      .run(nullptr, integers);
}

void addStep(const Tensor& sum, const Tensor& sequence, int64_t t) {
  if (!sequence.isDefined() || sum.numel() == 0) return;
  const double alpha = 1;
  Launcher(addKernel, sum.device()).out(sum).in(sum).in(sequence, stepOf(sequence, t)).run(&alpha);
}

Tensor zerosOf(const Shape& shape, const Tensor& like) {
  const Tensor zeros = emptyTensor(shape, like.dtype(), like.device());
  fillWith(zeros, 0);
  return zeros;
}

Tensor sumOfProducts(const Tensor& da, const Tensor& b) {
  const int64_t rows = da.size(0) * da.size(1);
  return ops::matmul(ops::transpose(ops::reshape(da, Shape{rows, da.size(2)}), 0, 1),
                     ops::reshape(b, Shape{rows, b.size(2)}));
}

Tensor weightGradient(const Steps& steps, const Tensor& da, const Tensor& y, const Tensor& start) {
  const Tensor first = ops::matmul(ops::transpose(stepAt(da, steps.first()), 0, 1), start);
  if (steps.length == 1) return first;
  const int64_t rest = steps.length - 1;
  return sumOfProducts(ops::narrow(da, 0, steps.startWithoutFirst(), rest),
                       ops::narrow(y, 0, steps.startWithoutLast(), rest)) +
         first;
}

Tensor stepAt(const Tensor& sequence, int64_t t) { return ops::select(sequence, 0, t); }

Tensor gateAt(const Tensor& step, int gate, int64_t size) { return ops::narrow(step, 1, gate * size, size); }

Tensor addKnown(const Tensor& a, const Tensor& b) {
  if (!a.isDefined()) return b;
  return b.isDefined() ? a + b : a;
}

Tensor stackSteps(const Steps& steps, std::vector<Tensor> taken) {
  if (steps.isReverse) std::reverse(taken.begin(), taken.end());
  return ops::stack(taken, 0);
}

// x [L, N, H] the input's share, h [N, H], weight [H, H]: y[t] = f(x[t] + y[t - 1] W^T)
void forward::rnnSequence(Call& call) {
  const Tensor x = asContiguous(call.tensor(0)), h = asContiguous(call.tensor(1));
  const Tensor weight = turned(call.tensor(2));
  const Steps steps{x.size(0), call.flag(3)};
  const Tensor y = call.outs[0] = emptyTensor(x.shape(), x.dtype(), x.device());
  const Tensor share = emptyTensor(h.shape(), x.dtype(), x.device());
  static const Kernel rnnCell{"rnnCell"};
  const int64_t isRelu = call.flag(4);
  for (int64_t k = 0; k < steps.length && y.numel() > 0; k++) {
    const int64_t t = steps.at(k);
    const Tensor& before = k == 0 ? h : y;
    const Geometry beforeGeometry = k == 0 ? h.geometry() : stepOf(y, steps.at(k - 1));
    multiplyStep(share, share.geometry(), before, beforeGeometry, weight, weight.geometry());
    Launcher(rnnCell, x.device()).out(y, stepOf(y, t)).in(x, stepOf(x, t)).in(share).run(nullptr, &isRelu);
  }
}

namespace {

Tensor rnnGradientOfSteps(const Gradients& d, const Steps& steps, Tensor* dh) {
  static const Kernel tanhBackward{"tanhBackward"}, reluBackward{"reluBackward"};
  const Tensor g = asContiguous(d.g());
  const Tensor& y = d.out();
  const Tensor& weight = d.tensor(2);
  const Tensor dx = emptyTensor(y.shape(), y.dtype(), y.device());
  const Tensor dy = *dh = zerosOf(Shape{y.size(1), y.size(2)}, y);
  for (int64_t k = steps.length; k-- > 0 && y.numel() > 0;) {
    const int64_t t = steps.at(k);
    addStep(dy, g, t);
    Launcher(d.flag(4) ? reluBackward : tanhBackward, y.device())
        .out(dx, stepOf(dx, t))
        .in(dy)
        .in(y, stepOf(y, t))
        .run();
    multiplyStep(dy, dy.geometry(), dx, stepOf(dx, t), weight, weight.geometry());
  }
  return dx;
}

Tensor rnnGradientInOps(const Gradients& d, const Steps& steps, Tensor* dh) {
  std::vector<Tensor> taken(static_cast<size_t>(steps.length));
  for (int64_t k = steps.length; k-- > 0;) {
    const int64_t t = steps.at(k);
    const Tensor dy = addKnown(stepAt(d.g(), t), *dh);
    const Tensor da = (d.flag(4) ? ops::reluBackward : ops::tanhBackward)(dy, stepAt(d.out(), t));
    taken[static_cast<size_t>(k)] = da;
    *dh = ops::matmul(da, d.tensor(2));
  }
  return stackSteps(steps, std::move(taken));
}

}  // namespace

const Derivative derivative::rnnSequence{
    [](Gradients& d) {
      const Steps steps{d.shape(0)[0], d.flag(3)};
      Tensor dh;
      const Tensor dx = d.createGraph ? rnnGradientInOps(d, steps, &dh) : rnnGradientOfSteps(d, steps, &dh);
      if (d.needs(0)) d.set(0, dx);
      if (d.needs(1)) d.set(1, dh);
      if (d.needs(2)) d.set(2, weightGradient(steps, dx, d.out(), d.tensor(1)));
    },
    {input(2) | output(0), input(2) | output(0), input(1) | input(2) | output(0)}};

// x [L, N, 3H] the input's share, h [N, H], weight [3H, H], bias [3H]: with s = h W^T + b, by thirds
//   r = σ(x1 + s1), z = σ(x2 + s2), q = s3, n = tanh(x3 + r q), y = (1 - z) n + z h
// reserve [L, N, 4H] keeps r, z, n, q.
void forward::gruSequence(Call& call) {
  const Tensor x = asContiguous(call.tensor(0)), h = asContiguous(call.tensor(1));
  const Tensor weight = turned(call.tensor(2));
  const Steps steps{x.size(0), call.flag(4)};
  const int64_t size = h.size(1);
  const Tensor y = call.outs[0] = emptyTensor(shapeOf(x, size), x.dtype(), x.device());
  const Tensor reserve = call.outs[1] = emptyTensor(shapeOf(x, 4 * size), x.dtype(), x.device());
  const Tensor share = emptyTensor(Shape{h.size(0), 3 * size}, x.dtype(), x.device());
  static const Kernel gruCell{"gruCell"};
  for (int64_t k = 0; k < steps.length && y.numel() > 0; k++) {
    const int64_t t = steps.at(k);
    const Tensor& before = k == 0 ? h : y;
    const Geometry beforeGeometry = k == 0 ? h.geometry() : stepOf(y, steps.at(k - 1));
    if (call.has(3)) copyInto(share, call.tensor(3));
    multiplyStep(share, share.geometry(), before, beforeGeometry, weight, weight.geometry(), call.has(3));
    Launcher(gruCell, x.device())
        .out(y, stepOf(y, t))
        .out(reserve, stepOf(reserve, t))
        .in(x, stepOf(x, t))
        .in(share)
        .in(before, beforeGeometry)
        .run();
  }
}

namespace {

// Gradients of the input's share and of the state's share, [L, N, 3H] each.
struct GruGradients {
  Tensor dx, ds, dh;
};

GruGradients gruGradientOfSteps(const Gradients& d, const Steps& steps) {
  static const Kernel gruCellBackward{"gruCellBackward"};
  const Tensor& y = d.out();
  const Tensor& reserve = d.out(1);
  const Tensor& weight = d.tensor(2);
  const Tensor h = asContiguous(d.tensor(1));
  const Tensor g = d.g().isDefined() ? asContiguous(d.g()) : Tensor();
  const Tensor more = d.g(1).isDefined() ? asContiguous(d.g(1)) : Tensor();
  const int64_t hasMore = more.isDefined();
  GruGradients to;
  to.dx = emptyTensor(d.shape(0), y.dtype(), y.device());
  to.ds = emptyTensor(d.shape(0), y.dtype(), y.device());
  to.dh = zerosOf(h.shape(), y);
  for (int64_t k = steps.length; k-- > 0 && y.numel() > 0;) {
    const int64_t t = steps.at(k);
    addStep(to.dh, g, t);
    Launcher launcher(gruCellBackward, y.device());
    launcher.out(to.dx, stepOf(to.dx, t)).out(to.ds, stepOf(to.ds, t)).out(to.dh);
    launcher.in(reserve, stepOf(reserve, t));
    launcher.in(k == 0 ? h : y, k == 0 ? h.geometry() : stepOf(y, steps.at(k - 1)));
    if (hasMore) launcher.in(more, stepOf(more, t));
    launcher.run(nullptr, &hasMore);
    multiplyStep(to.dh, to.dh.geometry(), to.ds, stepOf(to.ds, t), weight, weight.geometry(), true);
  }
  return to;
}

GruGradients gruGradientInOps(const Gradients& d, const Steps& steps) {
  const int64_t size = d.shape(1)[1];
  std::vector<Tensor> dx(static_cast<size_t>(steps.length)), ds(static_cast<size_t>(steps.length));
  Tensor dh;
  for (int64_t k = steps.length; k-- > 0;) {
    const int64_t t = steps.at(k);
    const Tensor reserve = stepAt(d.out(1), t);
    const Tensor r = gateAt(reserve, 0, size), z = gateAt(reserve, 1, size);
    const Tensor n = gateAt(reserve, 2, size), q = gateAt(reserve, 3, size);
    const Tensor before = k == 0 ? d.tensor(1) : stepAt(d.out(), steps.at(k - 1));
    const Tensor more = d.g(1).isDefined() ? stepAt(d.g(1), t) : Tensor();
    const auto also = [&](int gate) { return more.isDefined() ? gateAt(more, gate, size) : Tensor(); };
    Tensor dy = addKnown(d.g().isDefined() ? stepAt(d.g(), t) : Tensor(), dh);
    if (!dy.isDefined()) dy = ops::zerosLike(ops::detach(n));
    const Tensor dn = ops::tanhBackward(addKnown(dy * (1 - z), also(2)), n);
    const Tensor dr = ops::sigmoidBackward(addKnown(dn * q, also(0)), r);
    const Tensor dz = ops::sigmoidBackward(addKnown(dy * (before - n), also(1)), z);
    const Tensor dq = addKnown(dn * r, also(3));
    dx[static_cast<size_t>(k)] = ops::cat(std::vector<Tensor>{dr, dz, dn}, 1);
    ds[static_cast<size_t>(k)] = ops::cat(std::vector<Tensor>{dr, dz, dq}, 1);
    dh = dy * z + ops::matmul(ds[static_cast<size_t>(k)], d.tensor(2));
  }
  return {stackSteps(steps, std::move(dx)), stackSteps(steps, std::move(ds)), dh};
}

}  // namespace

const Derivative derivative::gruSequence{
    [](Gradients& d) {
      const Steps steps{d.shape(0)[0], d.flag(4)};
      const GruGradients to = d.createGraph ? gruGradientInOps(d, steps) : gruGradientOfSteps(d, steps);
      if (d.needs(0)) d.set(0, to.dx);
      if (d.needs(1)) d.set(1, to.dh);
      if (d.needs(2)) d.set(2, weightGradient(steps, to.ds, d.out(), d.tensor(1)));
      if (d.needs(3)) d.set(3, ops::sum(to.ds, std::vector<int64_t>{0, 1}));
    },
    {input(1) | input(2) | output(0) | output(1), input(1) | input(2) | output(0) | output(1),
     input(1) | input(2) | output(0) | output(1), input(1) | input(2) | output(0) | output(1)}};

}  // namespace descent
