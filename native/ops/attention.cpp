// Scaled dot product attention: a kernel that works through blocks, and the same in ops where that is needed.
#include <cmath>
#include <limits>

#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel attentionKernel{"attention"};
const Kernel attentionBackwardKernel{"attentionBackward"};

// Arguments of attentionCore. q, k and v have the same leading dims, and the mask broadcasts to them and (L,
// S).
enum Core { kQ, kK, kV, kMask, kIsCausal, kScale };

Shape leadingOf(const Tensor& x) {
  Shape shape = x.shape();
  shape.dims -= 2;
  return shape;
}

Shape withLast(Shape leading, int64_t rows, int64_t columns) {
  leading.push(rows);
  leading.push(columns);
  return leading;
}

// A new tensor whose heads lie between positions and features where those of `model` do, so that joining the
// heads again needs no copy.
Tensor emptyArranged(const Tensor& model, const Shape& shape) {
  const int dims = shape.dims;
  const bool isSplit = dims >= 3 && model.size(-2) > 1 && model.size(-3) > 1 &&
                       model.geometry().strides[dims - 3] < model.geometry().strides[dims - 2];
  if (!isSplit) return emptyTensor(shape, model.dtype(), model.device());
  Shape swapped = shape;
  std::swap(swapped[dims - 2], swapped[dims - 3]);
  Geometry geometry(swapped);
  std::swap(geometry.shape[dims - 2], geometry.shape[dims - 3]);
  std::swap(geometry.strides[dims - 2], geometry.strides[dims - 3]);
  return emptyTensor(swapped, model.dtype(), model.device()).alias(geometry);
}

Tensor converted(const Tensor& x, DType dtype) { return x.dtype() == dtype ? x : ops::cast(x, dtype); }

// True where a query may look.
Tensor causalMask(int64_t queries, int64_t keys, DeviceId device) {
  return ops::ge(ops::unsqueeze(countedTensor(queries, 0, 1, device), 1), countedTensor(keys, 0, 1, device));
}

// The attention weights in ops. A row that may look nowhere gives zeros, not NaN.
Tensor weightsInOps(const Tensor& q, const Tensor& k, const Tensor& mask, bool isCausal, double scale) {
  const double never = -std::numeric_limits<double>::infinity();
  Tensor scores = ops::matmul(q, ops::transpose(k, -2, -1)) * scale;
  if (isCausal) scores = ops::where(causalMask(q.size(-2), k.size(-2), q.device()), scores, never);
  if (mask.isDefined()) {
    scores = mask.dtype() == DType::boolean ? ops::where(mask, scores, never) : scores + mask;
  }
  if (!isCausal && !mask.isDefined()) return ops::softmax(scores, -1);
  if (scores.numel() == 0) return scores;
  const Tensor isBlind = ops::eq(ops::amax(ops::detach(scores), -1, true), never);
  return ops::where(isBlind, 0, ops::softmax(ops::where(isBlind, 0, scores), -1));
}

void backwardKernel(Gradients& d) {
  const Tensor &q = d.tensor(kQ), &k = d.tensor(kK), &v = d.tensor(kV), &mask = d.tensor(kMask);
  const Tensor& o = d.out(0);
  const Tensor dq = emptyArranged(q, q.shape()), dk = emptyArranged(k, k.shape()),
               dv = emptyArranged(v, v.shape());
  if (o.numel() == 0 || k.numel() == 0) {
    for (const Tensor& x : {dq, dk, dv}) fillWith(x, 0);
  } else {
    const Tensor delta = emptyTensor(d.out(1).shape(), q.dtype(), q.device());
    const int64_t integers[] = {d.flag(kIsCausal), mask.isDefined()};
    const double scale = d.number(kScale);
    Launcher launcher(attentionBackwardKernel, q.device());
    launcher.out(dq).out(dk).out(dv).out(delta);
    launcher.in(d.g()).in(o).in(d.out(1)).in(q).in(k).in(v);
    if (mask.isDefined()) launcher.in(mask, withLast(leadingOf(q), q.size(-2), k.size(-2)));
    launcher.run(&scale, integers);
  }
  if (d.needs(kQ)) d.set(kQ, dq);
  if (d.needs(kK)) d.set(kK, dk);
  if (d.needs(kV)) d.set(kV, dv);
}

// With p the weights: dv = pᵀ g; ds = p (g vᵀ - the sum of g o), dq = scale ds k, dk = scale dsᵀ q.
void backwardInOps(Gradients& d) {
  const Tensor &q = d.tensor(kQ), &k = d.tensor(kK), &v = d.tensor(kV), &g = d.g();
  const double scale = d.number(kScale);
  const Tensor p = weightsInOps(q, k, d.tensor(kMask), d.flag(kIsCausal), scale);
  if (d.needs(kV)) d.set(kV, ops::matmul(ops::transpose(p, -2, -1), g));
  if (!d.needs(kQ) && !d.needs(kK)) return;
  const Tensor dp = ops::matmul(g, ops::transpose(v, -2, -1));
  const Tensor ds = p * (dp - ops::sum(dp * p, -1, true)) * scale;
  if (d.needs(kQ)) d.set(kQ, ops::matmul(ds, k));
  if (d.needs(kK)) d.set(kK, ops::matmul(ops::transpose(ds, -2, -1), q));
}

// Arguments of scaledDotProductAttention.
enum { kQuery, kKey, kValue, kAttnMask, kDropoutP, kCausal, kScaleGiven, kEnableGqa };

void requireAgreement(const Call& call, const Tensor& q, const Tensor& k, const Tensor& v) {
  requireFloating(call, q);
  if (k.dtype() != q.dtype() || v.dtype() != q.dtype()) {
    call.fail("dtype", std::string("query, key and value must have one dtype, got ") + nameOf(q.dtype()) +
                           ", " + nameOf(k.dtype()) + " and " + nameOf(v.dtype()));
  }
  requireSameDevice(call, q, k);
  requireSameDevice(call, q, v);
  const std::string shapes = q.shape().text() + ", " + k.shape().text() + ", " + v.shape().text();
  if (q.dims() < 2 || k.dims() < 2 || v.dims() < 2)
    call.fail("shape", "query, key and value must have at least 2 dims, got " + shapes);
  if (q.size(-1) != k.size(-1))
    call.fail("shape", "query and key must have the same last size, got " + shapes);
  if (k.size(-2) != v.size(-2)) call.fail("shape", "key and value must be of one length, got " + shapes);
}

// The mask, ready to be broadcast: bool, or of the dtype that is computed in.
Tensor checkedMask(const Call& call, const Tensor& q, DType computed, const Shape& full) {
  const Tensor& mask = call.tensor(kAttnMask);
  if (!mask.isDefined()) return mask;
  if (call.flag(kCausal)) call.fail("argument", "give attnMask or isCausal, not both");
  requireSameDevice(call, q, mask);
  const bool isKnown =
      mask.dtype() == DType::boolean || mask.dtype() == q.dtype() || mask.dtype() == DType::float32;
  if (!isKnown) {
    call.fail("dtype",
              std::string("attnMask must be bool or ") + nameOf(q.dtype()) + ", got " + nameOf(mask.dtype()));
  }
  bool fits = mask.dims() >= 2 && mask.dims() <= full.dims;
  for (int k = 1; fits && k <= mask.dims(); k++) {
    fits = mask.size(-k) == 1 || mask.size(-k) == full[full.dims - k];
  }
  if (!fits) {
    call.fail("shape", "attnMask must broadcast to " + full.text() + ", got " + mask.shape().text(),
              {{"expected", full.text()}, {"actual", mask.shape().text()}});
  }
  return mask.dtype() == DType::boolean ? mask : converted(mask, computed);
}

// Heads [..., H r, L, E] as [..., H, r, L, E], and those they share as [..., H, 1, S, E].
void shareHeads(const Call& call, Tensor& q, Tensor& k, Tensor& v) {
  if (q.dims() < 3 || k.dims() != q.dims() || v.dims() != q.dims() || k.size(-3) != v.size(-3) ||
      k.size(-3) == 0 || q.size(-3) % k.size(-3) != 0) {
    call.fail("shape", "enableGqa needs heads of query that are a multiple of those of key and value, got " +
                           q.shape().text() + ", " + k.shape().text() + ", " + v.shape().text());
  }
  if (q.dims() >= kMaxDims) call.fail("shape", "too many dims for enableGqa, " + q.shape().text());
  Shape split = leadingOf(q);
  split[split.dims - 1] = k.size(-3);
  split.push(q.size(-3) / k.size(-3));
  q = ops::reshape(q, withLast(split, q.size(-2), q.size(-1)));
  k = ops::unsqueeze(k, -3);
  v = ops::unsqueeze(v, -3);
}

}  // namespace

void forward::attentionCore(Call& call) {
  const Tensor &q = call.tensor(kQ), &k = call.tensor(kK), &v = call.tensor(kV);
  const Shape leading = leadingOf(q);
  Shape rows = leading;
  rows.push(q.size(-2));
  const Tensor o = call.outs[0] = emptyArranged(q, withLast(leading, q.size(-2), v.size(-1)));
  const Tensor sums = call.outs[1] = emptyTensor(rows, q.dtype(), q.device());
  if (o.numel() == 0) return;
  if (k.size(-2) == 0) {
    fillWith(o, 0);
    return;
  }
  const bool hasMask = call.has(kMask);
  const int64_t integers[] = {call.flag(kIsCausal), hasMask};
  const double scale = call.number(kScale);
  Launcher launcher(attentionKernel, q.device());
  launcher.out(o).out(sums).in(q).in(k).in(v);
  if (hasMask) launcher.in(call.tensor(kMask), withLast(leading, q.size(-2), k.size(-2)));
  launcher.run(&scale, integers);
}
const Derivative derivative::attentionCore{
    [](Gradients& d) { d.createGraph ? backwardInOps(d) : backwardKernel(d); },
    {input(kQ) | input(kK) | input(kV) | input(kMask) | output(0) | output(1),
     input(kQ) | input(kK) | input(kV) | input(kMask) | output(0) | output(1),
     input(kQ) | input(kK) | input(kV) | input(kMask) | output(0) | output(1)}};

void forward::scaledDotProductAttention(Call& call) {
  Tensor q = call.tensor(kQuery), k = call.tensor(kKey), v = call.tensor(kValue);
  requireAgreement(call, q, k, v);
  const double p = call.number(kDropoutP);
  if (!(p <= 1)) call.fail("argument", "dropoutP must be within [0, 1]");
  const DType dtype = q.dtype(), computed = isHalf(dtype) ? DType::float32 : dtype;
  const double scale =
      call.has(kScaleGiven) ? call.number(kScaleGiven) : 1 / std::sqrt(static_cast<double>(q.size(-1)));
  const bool isShared = call.flag(kEnableGqa);
  const Shape givenLeading = leadingOf(q);
  Tensor mask;
  if (isShared) {
    mask = checkedMask(call, q, computed, withLast(givenLeading, q.size(-2), k.size(-2)));
    if (mask.isDefined() && mask.dims() >= 3 && mask.size(-3) > 1) {
      Shape split = leadingOf(mask);
      split[split.dims - 1] = k.size(-3);
      split.push(q.size(-3) / std::max<int64_t>(k.size(-3), 1));
      mask = ops::reshape(mask, withLast(split, mask.size(-2), mask.size(-1)));
    } else if (mask.isDefined() && mask.dims() >= 3) {
      mask = ops::unsqueeze(mask, -3);
    }
    shareHeads(call, q, k, v);
  }
  const Shape leading =
      broadcastShapes(call.name(), broadcastShapes(call.name(), leadingOf(q), leadingOf(k)), leadingOf(v));
  if (!isShared) mask = checkedMask(call, q, computed, withLast(leading, q.size(-2), k.size(-2)));
  const auto prepared = [&](const Tensor& x) {
    const Tensor wide = converted(x, computed);
    return leadingOf(x) == leading ? wide : ops::expand(wide, withLast(leading, x.size(-2), x.size(-1)));
  };
  q = prepared(q);
  k = prepared(k);
  v = prepared(v);
  Tensor o;
  const bool maskLearns = mask.isDefined() && gradMode && mask.impl()->wantsGradient();
  if (p > 0 || maskLearns) {
    Tensor weights = weightsInOps(q, k, mask, call.flag(kCausal), scale);
    if (p > 0) weights = ops::dropout(weights, p, true);
    o = ops::matmul(weights, v);
  } else {
    o = ops::attentionCore(q, k, v, mask, call.flag(kCausal), scale);
  }
  if (isShared) o = ops::reshape(o, withLast(givenLeading, o.size(-2), o.size(-1)));
  call.outs[0] = converted(o, dtype);
}

}  // namespace descent
