// New tensors: filled ones, sequences, copies and casts.
#include "create.h"

#include <cmath>

#include "ops.h"

namespace descent {

namespace {

const Kernel arangeKernel{"arange"};
thread_local DeviceId chosenDevice;

Shape shapeOf(const Call& call, int i) { return checkedShape(call.name(), call.integers(i)); }

void createFilled(Call& call, const Shape& shape, const Scalar& value, const TensorOptions& options) {
  const Tensor y = emptyTensor(shape, options.dtype, options.device);
  fillWith(y, value);
  finishCreation(call, y, options);
}

// Whatever the memory held, but for bool: a kernel may count on 0 or 1.
void createEmpty(Call& call, const Shape& shape, const TensorOptions& options) {
  const Tensor y = emptyTensor(shape, options.dtype, options.device);
  if (options.dtype == DType::boolean) fillWith(y, false);
  finishCreation(call, y, options);
}

TensorOptions optionsLike(const Call& call, int i) {
  const Tensor& x = call.tensor(0);
  return {call.dtype(i, x.dtype()), x.device(), call.flag(i + 1)};
}

DType naturalType(const Scalar& value) {
  if (value.kind == Scalar::Kind::boolean) return DType::boolean;
  return value.isBigInt ? DType::int64 : DType::float32;
}

void fillSequence(const Tensor& y, double start, double step, int64_t startInteger, int64_t stepInteger) {
  if (y.numel() == 0) return;
  const double numbers[] = {start, step};
  const int64_t integers[] = {startInteger, stepInteger};
  Launcher(arangeKernel, y.device()).out(y).run(numbers, integers);
}

// Keeps x where column - row compares to `diagonal` as wanted.
Tensor triangle(Call& call, const Op& compare) {
  const Tensor& x = call.tensor(0);
  if (x.dims() < 2) call.fail("shape", "needs at least 2 dims, got " + x.shape().text());
  const Tensor rows = ops::unsqueeze(countedTensor(x.size(-2), 0, 1, x.device()), 1);
  const Tensor columns = countedTensor(x.size(-1), 0, 1, x.device());
  const Tensor keep = compare(ops::sub(columns, rows), call.integer(1));
  return ops::where(keep, x, ops::zerosLike(ops::detach(x)));
}

}  // namespace

DeviceId parseDevice(const char* op, const std::string& name) {
  if (name == "cpu") return DeviceId();  // looks for no driver
  std::string known;
  const size_t colon = name.find(':');
  const std::string kind = name.substr(0, colon);
  for (Device* device : devices()) {
    const DeviceId id = device->describe().id;
    const bool isFirstOfKind = id.index == 0 && kind == nameOf(id).substr(0, kind.size()) &&
                               colon == std::string::npos && !kind.empty() &&
                               (nameOf(id).size() == kind.size() || nameOf(id)[kind.size()] == ':');
    if (nameOf(id) == name || isFirstOfKind || (name == "cpu:0" && nameOf(id) == "cpu") ||
        (name == "gpu" && id.kind != DeviceKind::cpu)) {
      return id;
    }
    known += (known.empty() ? "" : ", ") + nameOf(id);
  }
  throw Error("device", op, "there is no device '" + name + "' here, there is " + known, {{"device", name}});
}

DeviceId defaultDevice() { return chosenDevice; }
void setDefaultDevice(DeviceId device) { chosenDevice = device; }

TensorOptions optionsOf(const Call& call, int i, DType otherwise) {
  TensorOptions options{call.dtype(i, otherwise), defaultDevice(), false};
  if (call.has(i + 1)) options.device = parseDevice(call.name(), call.text(i + 1));
  if (static_cast<int>(call.op.arguments.size()) > i + 2) options.requiresGrad = call.flag(i + 2);
  return options;
}

void finishCreation(Call& call, const Tensor& y, const TensorOptions& options) {
  if (options.requiresGrad && !isFloating(options.dtype)) {
    call.fail("dtype", std::string("only floating-point tensors can require a gradient, not ") +
                           nameOf(options.dtype));
  }
  y.impl()->requiresGrad = options.requiresGrad;
  call.outs[0] = y;
}

void forward::empty(Call& call) { createEmpty(call, shapeOf(call, 0), optionsOf(call, 1, DType::float32)); }

void forward::zeros(Call& call) {
  createFilled(call, shapeOf(call, 0), 0, optionsOf(call, 1, DType::float32));
}

void forward::ones(Call& call) {
  createFilled(call, shapeOf(call, 0), 1, optionsOf(call, 1, DType::float32));
}

void forward::full(Call& call) {
  const Scalar& value = call.args.items[1].scalar;
  createFilled(call, shapeOf(call, 0), value, optionsOf(call, 2, naturalType(value)));
}

void forward::emptyLike(Call& call) { createEmpty(call, call.tensor(0).shape(), optionsLike(call, 1)); }

void forward::zerosLike(Call& call) { createFilled(call, call.tensor(0).shape(), 0, optionsLike(call, 1)); }

void forward::onesLike(Call& call) { createFilled(call, call.tensor(0).shape(), 1, optionsLike(call, 1)); }

void forward::fullLike(Call& call) {
  createFilled(call, call.tensor(0).shape(), call.args.items[1].scalar, optionsLike(call, 2));
}

void forward::arange(Call& call) {
  const bool hasEnd = call.has(1);
  const Scalar start = hasEnd ? call.args.items[0].scalar : Scalar(0);
  const Scalar end = call.args.items[hasEnd ? 1 : 0].scalar;
  const Scalar step = call.args.items[2].scalar;
  const bool isIntegral = start.kind != Scalar::Kind::floating && end.kind != Scalar::Kind::floating &&
                          step.kind != Scalar::Kind::floating;
  const TensorOptions options = optionsOf(call, 3, isIntegral ? DType::int64 : DType::float32);
  const double count = std::ceil((end.number - start.number) / step.number);
  if (step.number == 0 || !std::isfinite(count))
    call.fail("argument", "step must not be 0 and the range must be finite");
  if (count < 0 || (end.number != start.number && (end.number > start.number) != (step.number > 0))) {
    call.fail("argument", "step leads away from end");
  }
  if (options.dtype == DType::boolean) call.fail("dtype", "bool is not supported");
  if (count > 9007199254740992.0) call.fail("shape", "the range has too many elements");
  const Tensor y =
      emptyTensor(checkedShape(call.name(), {static_cast<int64_t>(count)}), options.dtype, options.device);
  fillSequence(y, start.number, step.number, start.integer, step.integer);
  finishCreation(call, y, options);
}

void forward::linspace(Call& call) {
  const double start = call.number(0), end = call.number(1);
  const TensorOptions options = optionsOf(call, 3, DType::float32);
  // Integers are the numbers in between, cut off.
  const DType computed = isFloating(options.dtype) ? options.dtype : DType::float64;
  const Tensor y = emptyTensor(checkedShape(call.name(), {call.integer(2)}), computed, options.device);
  const int64_t count = y.numel();
  const double step = count > 1 ? (end - start) / static_cast<double>(count - 1) : 0;
  // Both halves are counted from their own end, so that both ends are exact.
  const int64_t half = count == 1 ? 1 : count / 2;
  fillSequence(y.alias(Geometry(Shape{half})), start, step, 0, 0);
  if (count > half) {
    Geometry rest(Shape{count - half});
    rest.offset = half;
    fillSequence(y.alias(rest), end - step * static_cast<double>(count - 1 - half), step, 0, 0);
    Geometry last{Shape{}};
    last.offset = count - 1;
    fillWith(y.alias(last), end);
  }
  finishCreation(call, castTo(y, options.dtype), options);
}

void forward::eye(Call& call) {
  const int64_t n = call.integer(0), m = call.has(1) ? call.integer(1) : n;
  const TensorOptions options = optionsOf(call, 2, DType::float32);
  const Tensor y = emptyTensor(checkedShape(call.name(), {n, m}), options.dtype, options.device);
  fillWith(y, 0);
  Geometry diagonal(Shape{std::min(n, m)});
  diagonal.strides[0] = m + 1;
  fillWith(y.alias(diagonal), 1);
  finishCreation(call, y, options);
}

void forward::clone(Call& call) { call.outs[0] = contiguousCopy(call.tensor(0)); }
const Derivative derivative::clone{[](Gradients& d) { d.set(0, d.g()); }};

void forward::contiguous(Call& call) {
  call.outs[0] = call.tensor(0).isContiguous() ? call.tensor(0) : ops::clone(call.tensor(0));
}

void forward::cast(Call& call) {
  const Tensor& x = call.tensor(0);
  call.outs[0] = x.dtype() == call.args.items[1].dtype ? x.alias() : castTo(x, call.args.items[1].dtype);
}
// Every gradient is converted to the dtype of what it belongs to where it is delivered.
const Derivative derivative::cast{[](Gradients& d) { d.set(0, d.g()); }};

// A gradient goes back to the device of what it belongs to where it is delivered.
void forward::toDevice(Call& call) {
  const Tensor& x = call.tensor(0);
  const DeviceId device = parseDevice(call.name(), call.text(1));
  call.outs[0] = x.device() == device ? x.alias() : copyTo(x, device);
}
const Derivative derivative::toDevice{[](Gradients& d) { d.set(0, d.g()); }};

void forward::toType(Call& call) {
  const Tensor& x = call.tensor(0);
  const DType dtype = call.args.items[1].dtype;
  call.outs[0] = x.dtype() == dtype ? x : ops::cast(x, dtype);
}

void forward::fill(Call& call) {
  const Tensor& x = call.tensor(0);
  if (!call.args.items[1].isTensor()) return fillWith(x, call.args.items[1].scalar);
  const Tensor& value = call.tensor(1);
  if (value.numel() != 1) call.fail("shape", "the value must have one element, got " + value.shape().text());
  if (x.device() != value.device()) return fillWith(x, readScalar(value));
  Geometry single{Shape{}};
  single.offset = value.geometry().offset;
  copyInto(x, value.alias(single));
}
const Derivative derivative::fill{[](Gradients& d) {
  if (d.needs(1)) d.set(1, ops::sum(d.g()));
}};

void forward::zero(Call& call) { fillWith(call.tensor(0), 0); }
const Derivative derivative::zero{[](Gradients&) {}};

void forward::copy(Call& call) {
  const Tensor& x = call.tensor(0);
  const Tensor source = copyTo(call.tensor(1), x.device());
  if (broadcastShapes(call.name(), x.shape(), source.shape()) != x.shape()) {
    call.fail("shape", source.shape().text() + " does not broadcast to " + x.shape().text());
  }
  const bool overlaps = &x.storage() == &source.storage();
  copyInto(x, overlaps ? contiguousCopy(source) : source);
}
const Derivative derivative::copy{[](Gradients& d) {
  if (d.needs(1)) d.set(1, d.g());
}};

void forward::oneHot(Call& call) {
  const Tensor& x = call.tensor(0);
  requireIndices(call, x);
  int64_t count = call.integer(1);
  if (count > 0 && checksLater(x, Check::index, count)) {
    // Found on the device.
  } else if (x.numel() > 0) {
    const int64_t smallest = readScalar(ops::amin(x)).integer, largest = readScalar(ops::amax(x)).integer;
    if (count == -1 && largest < INT64_MAX) count = largest + 1;
    if (smallest < 0 || largest >= count) {
      const int64_t wrong = smallest < 0 ? smallest : largest;
      call.fail("index",
                "class " + std::to_string(wrong) + " is not within [0, " + std::to_string(count) + ")");
    }
  }
  if (count <= 0) call.fail("argument", "numClasses must be positive, got " + std::to_string(count));
  const Tensor classes = countedTensor(count, 0, 1, x.device());
  call.outs[0] = ops::cast(ops::eq(ops::unsqueeze(x, -1), classes), DType::int64);
}

void forward::tril(Call& call) { call.outs[0] = triangle(call, ops::le); }

void forward::triu(Call& call) { call.outs[0] = triangle(call, ops::ge); }

}  // namespace descent
