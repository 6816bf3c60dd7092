// The one way by which an op is called.
#include <algorithm>

#include "../device/site.h"
#include "launch.h"
#include "ops.h"

namespace descent {

Recorder recorder = nullptr;
thread_local bool gradMode = true;
thread_local bool inferenceMode = false;
thread_local OpWatcher* opWatcher = nullptr;

namespace {

void noteView(const Tensor& x, const Tensor& view) {
  TensorImpl* impl = view.impl();
  impl->viewBase = x.impl()->viewBase ? x.impl()->viewBase : Ref<TensorImpl>(x.impl());
  impl->viewVersion = view.version();
  impl->isQuietView = !gradMode || x.impl()->isQuietView;
}

void noteInference(const Op& op, const Arguments& args, Tensor* outs) {
  for (int k = 0; k < op.outputs; k++) {
    if (!outs[k].isDefined() || outs[k].isSame(args.items[0].tensor)) continue;
    outs[k].impl()->isInference = op.isView ? args.items[0].tensor.impl()->isInference : inferenceMode;
  }
}

void fillDefaults(const Op& op, Arguments& args) {
  const int count = static_cast<int>(op.arguments.size());
  for (int i = 0; i < count; i++) {
    if (i >= args.count || !args.items[i].isGiven()) args.items[i] = op.arguments[i].defaultValue;
  }
  args.count = count;
}

}  // namespace

bool wantsGradient(const Arguments& args) {
  for (int i = 0; i < args.count; i++) {
    const Argument& argument = args.items[i];
    if (argument.kind == Argument::Kind::tensor) {
      if (argument.tensor.impl()->wantsGradient()) return true;
    } else if (argument.kind == Argument::Kind::tensors) {
      for (const Tensor& tensor : argument.lists->tensors) {
        if (tensor.impl()->wantsGradient()) return true;
      }
    }
  }
  return false;
}

void noteChange(const Tensor& x, const char* op) {
  x.bumpVersion();
  if (opWatcher) opWatcher->wrote(x, op);
  Storage& storage = x.storage();
  if (!storage.isSaved) return;
  storage.changedAt = siteHere();
  storage.changedBy = allocationContext().call ? allocationContext().call : op;
}

void dispatch(const Op& op, Arguments& args, Tensor* outs) {
  fillDefaults(op, args);
  if (gradMode && op.isDifferentiable() && wantsGradient(args)) {
    recorder(op, args, outs, false);
  } else {
    Call call{op, args, outs};
    op.forward(call);
  }
  if (op.isView && op.isDifferentiable()) noteView(args.items[0].tensor, outs[0]);
  if (inferenceMode || op.isView) noteInference(op, args, outs);
  if (opWatcher) opWatcher->made(op, args, outs);
}

namespace {

bool wantsGradient(const Argument& argument) {
  Arguments one;
  one.push(argument);
  return descent::wantsGradient(one);
}

// Whether the gradient of some argument needs the first one's value.
bool needsFirst(const Op& op, const Arguments& args) {
  if (op.isComposed) return descent::wantsGradient(args);
  for (int k = 0; k < args.count; k++) {
    if ((op.derivative.saves[k] & input(0)) && wantsGradient(args.items[k])) return true;
  }
  return false;
}

}  // namespace

void dispatchInPlace(const Op& op, Arguments& args) {
  const Tensor target = args.items[0].tensor;
  // Filling is the one change that elements which share memory can take, where no gradient asks who got it.
  const bool fills = (&op == &ops::fill || &op == &ops::zero) && !(gradMode && descent::wantsGradient(args));
  if (!fills && target.geometry().repeatsElements()) {
    throw Error("argument", op.name,
                "cannot write in place, elements share memory (an expanded tensor); use clone() first");
  }
  if (target.impl()->isInference && !inferenceMode) {
    throw Error(
        "autograd", op.name,
        "a tensor made in inference mode cannot be changed in place outside of it; use clone() first");
  }
  const bool savesTarget = gradMode && needsFirst(op, args);
  if (!op.writesInPlace() || savesTarget) {
    // Computed as usual, then copied: both are recorded, so gradients are right without a rule of their own.
    // What the gradient needs of the target is kept as a copy, before it is overwritten.
    Tensor outs[kMaxOutputs];
    Arguments computed = args;
    if (savesTarget) computed.items[0] = Argument(ops::clone(target));
    dispatch(op, computed, outs);
    if (outs[0].shape() != target.shape()) {
      throw Error("shape", op.name,
                  "cannot write " + outs[0].shape().text() + " in place into " + target.shape().text());
    }
    requireWritable(op.name, target.dtype(), outs[0].dtype());
    Arguments copied;
    copied.push(target);
    copied.push(outs[0]);
    return dispatchInPlace(ops::copy, copied);
  }
  fillDefaults(op, args);
  Tensor outs[kMaxOutputs];
  outs[0] = target;
  // A view made within noGrad of what requires a gradient goes there to be refused.
  const TensorImpl* impl = target.impl();
  const bool isRefused = impl->isQuietView && impl->viewBase && impl->viewBase->requiresGrad;
  const double before = opWatcher ? opWatcher->before(op, args) : 0;
  if (gradMode && (isRefused || wantsGradient(args))) {
    recorder(op, args, outs, true);
  } else {
    Call call{op, args, outs, true};
    op.forward(call);
    noteChange(target, op.name);
  }
  if (opWatcher) opWatcher->changed(op, args, before);
}

const char* Call::name() const { return op.name; }

Value Call::value(int i) const {
  const Argument& argument = args.items[i];
  return argument.isTensor() ? Value(argument.tensor) : Value(argument.scalar);
}

int Call::dim(int i, int dims) const { return wrapDim(op.name, integer(i), dims); }

void Call::fail(const char* code, const std::string& sentence, Error::Facts facts) const {
  throw Error(code, op.name, sentence, std::move(facts));
}

int Kernel::find(Device& device, std::atomic<int>& number) const {
  const int found = device.findKernel(name_);
  if (found < 0) throw Error("device", name_, "is not available on " + nameOf(device.describe().id));
  number.store(found, std::memory_order_relaxed);
  return found;
}

}  // namespace descent
