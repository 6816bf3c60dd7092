// How elementwise ops run: promotion, broadcasting, one kernel.
#include "elementwise.h"

#include "../tensor/promotion.h"
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

// The dtype the kernel computes in.
DType computeType(const Call& call, int first) {
  const Elementwise& row = call.op.elementwise;
  // Nearly always all tensors have one floating dtype, and plain numbers do not change it.
  DType common = DType::boolean;
  bool isCommon = true, found = false;
  for (int i = first; i < row.inputs; i++) {
    if (!call.args.items[i].isTensor()) continue;
    const DType dtype = call.tensor(i).dtype();
    if (found && dtype != common) isCommon = false;
    common = dtype;
    found = true;
  }
  if (!found || !isCommon || !isFloating(common)) {
    PromotionOf promotion;
    for (int i = first; i < row.inputs; i++) promotion.add(call.value(i));
    common = promotion.result();
  }
  if (row.rule == Rule::FLOATING && !isFloating(common)) return DType::float32;
  if (row.rule == Rule::FLOATONLY && !isFloating(common)) {
    call.fail("dtype", std::string("needs a floating-point tensor, got ") + nameOf(common) +
                           "; convert it first, with x.float() for example");
  }
  if (&call.op == &ops::square && common == DType::boolean) return DType::int64;
  return common;
}

// What PyTorch refuses of bool: it has no sign, and no difference.
void refuseBool(const Call& call, DType type) {
  const Elementwise& row = call.op.elementwise;
  if (type == DType::boolean && (row.rule == Rule::SIGNED || row.rule == Rule::DIVIDE)) {
    call.fail("dtype", "bool tensors are not supported, convert them first, to int64 for example");
  }
  if (&call.op != &ops::sub) return;
  for (int i = 0; i < row.inputs; i++) {
    const Argument& x = call.args.items[i];
    if (x.isTensor() ? x.tensor.dtype() == DType::boolean : x.scalar.kind == Scalar::Kind::boolean) {
      call.fail("dtype", "bool cannot be subtracted; use logicalXor() or logicalNot(), or convert it first");
    }
  }
}

void refuseParameters(const Call& call, DType type) {
  if (isFloating(type)) return;
  const Elementwise& row = call.op.elementwise;
  for (int i = row.inputs; i < row.inputs + row.params; i++) {
    const Scalar& parameter = call.args.items[i].scalar;
    if (parameter.isFractional()) {
      call.fail("dtype", call.op.arguments[i].name + " must be an integer for " + nameOf(type) + " tensors");
    }
    // A bound; alpha of add and sub may be negative, for those wrap.
    if (type == DType::uint8 && parameter.number < 0 && &call.op == &ops::hardtanhCore) {
      call.fail("dtype", call.op.arguments[i].name + " must not be negative for uint8 tensors");
    }
  }
}

void refuseExponent(const Call& call, DType type) {
  if (isFloating(type) || call.args.items[1].isTensor()) return;
  const Scalar& exponent = call.args.items[1].scalar;
  if (exponent.integer < 0) {
    call.fail("argument", std::string("a negative power of ") + nameOf(type) +
                              " is no integer; convert the base first, with x.float() for example");
  }
  const int64_t bits = static_cast<int64_t>(sizeOf(type)) * 8 - (type == DType::uint8 ? 0 : 1);
  if (bits < 63 && exponent.integer >> bits != 0) {
    call.fail("argument",
              "the exponent " + std::to_string(exponent.integer) + " does not fit " + nameOf(type));
  }
}

// The dtype a plain number reaches the kernel in. Half precision computes in float32: there these ops take a
// number as it is, the others rounded as a tensor would hold it; as in PyTorch.
DType constantType(const Call& call, DType type) {
  if (!isHalf(type)) return type;
  for (const Op* op :
       {&ops::add, &ops::sub, &ops::mul, &ops::trueDivide, &ops::floorDivide, &ops::truncDivide}) {
    if (op == &call.op) return DType::float32;
  }
  return type;
}

void refuseZeroDivisor(const Call& call) {
  if (call.args.items[1].isTensor()) {
    const Tensor& divisor = call.tensor(1);
    if (checksLater(divisor, Check::divisor)) return;
    if (divisor.numel() == 0 || readScalar(ops::all(divisor)).integer != 0) return;
  } else if (call.args.items[1].scalar.integer != 0) {
    return;
  }
  call.fail("argument", "an integer cannot be divided by zero");
}

// An input that overlaps the target without being it would be overwritten before it is read.
Tensor apartFrom(const Tensor& target, const Tensor& x) {
  if (&x.storage() != &target.storage()) return x;
  const Geometry& a = x.geometry();
  const Geometry& b = target.geometry();
  bool isSame = a.offset == b.offset && a.shape == b.shape;
  for (int dim = 0; isSame && dim < a.shape.dims; dim++) isSame = a.strides[dim] == b.strides[dim];
  return isSame ? x : contiguousCopy(x);
}

}  // namespace

void forward::elementwise(Call& call) {
  const Elementwise& row = call.op.elementwise;
  const int first = row.rule == Rule::SELECT ? 1 : 0;
  const DType type = computeType(call, first);
  refuseBool(call, type);
  if (&call.op == &ops::pow) refuseExponent(call, type);
  if (row.params > 0) refuseParameters(call, type);
  if (row.rule == Rule::DIVIDE && !isFloating(type)) refuseZeroDivisor(call);

  Shape shape;
  const Tensor* reference = nullptr;
  for (int i = 0; i < row.inputs; i++) {
    if (!call.args.items[i].isTensor()) continue;
    const Tensor& x = call.tensor(i);
    if (!reference) {
      shape = x.shape();
    } else {
      if (x.shape() != shape) shape = broadcastShapes(call.name(), shape, x.shape());
      if (x.device() != reference->device()) {
        if (isHostScalar(x)) continue;
        if (!isHostScalar(*reference)) requireSameDevice(call, *reference, x);
      }
    }
    if (!reference || !isHostScalar(x)) reference = &x;
  }
  if (first == 1) {
    const Argument& condition = call.args.items[0];
    const bool isBoolean = condition.isTensor() ? condition.tensor.dtype() == DType::boolean
                                                : condition.scalar.kind == Scalar::Kind::boolean;
    if (!isBoolean) call.fail("dtype", "the condition must be bool");
  }

  const DeviceId device = reference ? reference->device() : DeviceId();
  const DType resultType = row.rule == Rule::COMPARE ? DType::boolean : type;
  Tensor target;
  if (call.isInPlace) {
    target = call.outs[0];
    requireSameDevice(call, target, *reference);
    if (shape != target.shape()) {
      call.fail("shape", "cannot write " + shape.text() + " in place into " + target.shape().text());
    }
    requireWritable(call.name(), target.dtype(), resultType);
  }
  const bool isDirect = target.isDefined() && target.dtype() == resultType;
  const Tensor result = isDirect ? target : emptyTensor(shape, resultType, device);

  if (shape.numel() > 0) {
    // Held here until the kernel ran: casts and copies made on the way.
    Tensor inputs[3];
    for (int i = 0; i < row.inputs; i++) {
      if (!call.args.items[i].isTensor()) continue;
      const DType wanted = i < first ? DType::boolean : type;
      inputs[i] = call.tensor(i).dtype() == wanted ? call.tensor(i) : castTo(call.tensor(i), wanted);
      if (isDirect) inputs[i] = apartFrom(target, inputs[i]);
    }
    Launcher launcher(call.op.kernel, device);
    launcher.out(result);
    for (int i = 0; i < row.inputs; i++) {
      const DType wanted = i < first ? DType::boolean : type;
      if (inputs[i].isDefined() && inputs[i].device() != device) {
        launcher.constant(readScalar(inputs[i]), wanted, shape);
      } else if (inputs[i].isDefined()) {
        launcher.in(inputs[i], shape);
      } else {
        launcher.constant(call.args.items[i].scalar, constantType(call, wanted), shape);
      }
    }
    const double numbers[2] = {row.params > 0 ? call.number(row.inputs) : 0,
                               row.params > 1 ? call.number(row.inputs + 1) : 0};
    launcher.run(numbers);
  }
  if (!call.isInPlace) {
    call.outs[0] = result;
  } else if (!isDirect) {
    copyInto(target, result);
  }
}

}  // namespace descent
