// Convolutions. One op and its two gradients are a closed family: each is linear in both of its tensors, and
// the derivatives of one are the other two. A signal is an image of height 1.
#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

const Kernel convolutionKernel{"convolution"};
const Kernel inputKernel{"convolutionInput"};
const Kernel weightKernel{"convolutionWeight"};

// Arguments of the ops that users see.
enum User { kX, kWeight, kBias, kStride, kPadding };

// [N, C, L] as [N, C, 1, L].
Geometry asImages(const Geometry& x) {
  if (x.shape.dims == 4) return x;
  Geometry images = x;
  images.shape = Shape{x.shape[0], x.shape[1], 1, x.shape[2]};
  images.strides[3] = x.strides[2];
  images.strides[2] = x.strides[2];
  return images;
}

// What the kernels read: stride, padding, dilation as pairs, groups, hasBias.
struct Settings {
  int64_t integers[8];
};

int64_t first(const std::vector<int64_t>& list, int64_t otherwise) {
  return list.size() == 1 ? otherwise : list[0];
}

Settings settingsOf(const Call& call, bool hasBias) {
  const auto &strides = call.integers(3), &paddings = call.integers(4), &dilations = call.integers(5);
  return {{first(strides, 1), strides.back(), first(paddings, 0), paddings.back(), first(dilations, 1),
           dilations.back(), call.integer(6), hasBias}};
}

// All but the channels; as many as `dims`.
Shape spatial(const Shape& shape) {
  Shape sizes;
  for (int dim = 2; dim < shape.dims; dim++) sizes.push(shape[dim]);
  return sizes;
}

std::string textOf(const std::vector<int64_t>& list) {
  std::string text = "[";
  for (size_t k = 0; k < list.size(); k++) text += (k ? ", " : "") + std::to_string(list[k]);
  return text + "]";
}

// A setting for each of `dims` dims, one for all, each at least `least`.
std::vector<int64_t> perDim(const Call& call, int argument, int dims, int64_t least) {
  const std::string& name = call.op.arguments[argument].name;
  std::vector<int64_t> list = call.integers(argument);
  if (list.size() == 1) list.resize(dims, list[0]);
  if (static_cast<int>(list.size()) != dims) {
    call.fail("argument", name + " must be one number or " + std::to_string(dims) + ", got " + textOf(list));
  }
  for (const int64_t value : list) {
    if (value < least || value > INT32_MAX) {
      call.fail("argument", name + " must be at least " + std::to_string(least) + " and below 2 ** 31, got " +
                                textOf(list));
    }
  }
  return list;
}

void requireSameKind(const Call& call, const Tensor& x, int argument) {
  if (!call.has(argument)) return;
  const Tensor& other = call.tensor(argument);
  requireSameDevice(call, x, other);
  if (other.dtype() == x.dtype()) return;
  call.fail("dtype", "the " + call.op.arguments[argument].name + " must be " + nameOf(x.dtype()) +
                         " as the input, got " + nameOf(other.dtype()));
}

// Ranks, dtypes and devices of x, weight and bias; `outs` is what the bias must have. True without a batch.
bool requireOperands(const Call& call, int dims) {
  const Tensor &x = call.tensor(kX), &weight = call.tensor(kWeight);
  requireSameKind(call, x, kWeight);
  requireSameKind(call, x, kBias);
  if (x.dtype() == DType::boolean) call.fail("dtype", "needs numbers, got bool");
  const std::string sizes = dims == 1 ? "L" : "H, W", kernel = dims == 1 ? "k" : "kH, kW";
  if (weight.dims() != dims + 2) {
    call.fail("shape", "the weight must be (out channels, channels of a group, " + kernel + "), got " +
                           weight.shape().text());
  }
  for (int dim = 0; dim < weight.dims(); dim++) {
    if (weight.size(dim) == 0 && dim != 1)
      call.fail("shape", "the weight is empty, " + weight.shape().text());
  }
  for (const Tensor* each : {&x, &weight}) {
    for (int dim = 0; dim < each->dims(); dim++) {
      if (each->size(dim) > INT32_MAX) call.fail("shape", "a size is too large, " + each->shape().text());
    }
  }
  if (x.dims() != dims + 1 && x.dims() != dims + 2) {
    call.fail("shape",
              "the input must be (N, C, " + sizes + ") or (C, " + sizes + "), got " + x.shape().text());
  }
  return x.dims() == dims + 1;
}

void requireBias(const Call& call, int64_t outs) {
  if (!call.has(kBias) || call.tensor(kBias).shape() == Shape{outs}) return;
  call.fail("shape",
            "the bias must be [" + std::to_string(outs) + "], got " + call.tensor(kBias).shape().text());
}

void requireGroups(const Call& call, int64_t groups, int64_t leading) {
  if (groups < 1) call.fail("argument", "groups must be positive, got " + std::to_string(groups));
  if (leading % groups == 0) return;
  call.fail("argument", "groups must divide the weight's first size, got " + std::to_string(groups) +
                            " and " + call.tensor(kWeight).shape().text());
}

[[noreturn]] void failChannels(const Call& call, int64_t wanted, int64_t got, int64_t groups) {
  call.fail("shape", "the weight " + call.tensor(kWeight).shape().text() + " with groups " +
                         std::to_string(groups) + " needs " + std::to_string(wanted) +
                         " channels, the input " + call.tensor(kX).shape().text() + " has " +
                         std::to_string(got));
}

// The paddings; for "same" the left ones, with what is to be added on the right in `more`.
std::vector<int64_t> paddingsOf(const Call& call, int dims, const std::vector<int64_t>& strides,
                                const std::vector<int64_t>& dilations, std::vector<int64_t>* more) {
  more->assign(dims, 0);
  if (call.args.items[kPadding].kind != Argument::Kind::text) return perDim(call, kPadding, dims, 0);
  const std::string& word = call.text(kPadding);
  std::vector<int64_t> paddings(dims, 0);
  if (word == "valid") return paddings;
  if (word != "same") {
    call.fail("argument",
              "padding must be a number, one for each dim, 'same' or 'valid', got '" + word + "'");
  }
  for (int k = 0; k < dims; k++) {
    if (strides[k] != 1)
      call.fail("argument", "padding 'same' goes with a stride of 1 only, got " + textOf(strides));
    const int64_t total = dilations[k] * (call.tensor(kWeight).size(2 + k) - 1);
    paddings[k] = total / 2;
    (*more)[k] = total % 2;
  }
  return paddings;
}

// x with `more` zeros behind each of its last dims.
Tensor paddedBehind(const Tensor& x, const std::vector<int64_t>& more) {
  Tensor padded = x;
  for (int k = 0; k < static_cast<int>(more.size()); k++) {
    if (more[k] == 0) continue;
    Shape shape = padded.shape();
    shape[2 + k] += more[k];
    padded = ops::sliceBackward(padded, shape, 2 + k, 0, 1);
  }
  return padded;
}

void convolve(Call& call, int dims) {
  const bool isSingle = requireOperands(call, dims);
  const Tensor& weight = call.tensor(kWeight);
  const int64_t groups = call.integer(kPadding + 2);
  requireGroups(call, groups, weight.size(0));
  requireBias(call, weight.size(0));
  const std::vector<int64_t> strides = perDim(call, kStride, dims, 1),
                             dilations = perDim(call, kPadding + 1, dims, 1);
  std::vector<int64_t> more;
  const std::vector<int64_t> paddings = paddingsOf(call, dims, strides, dilations, &more);
  Tensor x = isSingle ? ops::unsqueeze(call.tensor(kX), 0) : call.tensor(kX);
  if (x.size(1) != weight.size(1) * groups) failChannels(call, weight.size(1) * groups, x.size(1), groups);
  for (int k = 0; k < dims; k++) {
    const int64_t padded = x.size(2 + k) + 2 * paddings[k] + more[k];
    const int64_t reach = dilations[k] * (weight.size(2 + k) - 1) + 1;
    if (x.size(2 + k) > 0 && reach <= padded) continue;
    call.fail("shape", "the kernel " + weight.shape().text() + " reaches over " + std::to_string(reach) +
                           " places, the padded input " + x.shape().text() + " has " +
                           std::to_string(padded));
  }
  x = paddedBehind(x, more);
  const Tensor y = ops::convolution(x, weight, call.args.items[kBias], strides, paddings, dilations, groups);
  call.outs[0] = isSingle ? ops::squeeze(y, std::vector<int64_t>{0}) : y;
}

void convolveTransposed(Call& call, int dims) {
  enum { kOutputPadding = kPadding + 1, kGroups, kDilation };
  const bool isSingle = requireOperands(call, dims);
  const Tensor& weight = call.tensor(kWeight);
  requireFloating(call, call.tensor(kX));
  const int64_t groups = call.integer(kGroups);
  requireGroups(call, groups, weight.size(0));
  if (weight.size(1) == 0) call.fail("shape", "the weight is empty, " + weight.shape().text());
  requireBias(call, weight.size(1) * groups);
  const std::vector<int64_t> strides = perDim(call, kStride, dims, 1),
                             dilations = perDim(call, kDilation, dims, 1);
  const std::vector<int64_t> paddings = perDim(call, kPadding, dims, 0),
                             outputs = perDim(call, kOutputPadding, dims, 0);
  const Tensor x = isSingle ? ops::unsqueeze(call.tensor(kX), 0) : call.tensor(kX);
  if (x.size(1) != weight.size(0)) failChannels(call, weight.size(0), x.size(1), groups);
  std::vector<int64_t> sizes(dims);
  for (int k = 0; k < dims; k++) {
    if (outputs[k] >= strides[k] && outputs[k] >= dilations[k]) {
      call.fail("argument", "outputPadding must be below the stride or the dilation, got " + textOf(outputs));
    }
    sizes[k] = (x.size(2 + k) - 1) * strides[k] - 2 * paddings[k] + dilations[k] * (weight.size(2 + k) - 1) +
               outputs[k] + 1;
    if (x.size(2 + k) == 0 || sizes[k] < 1) {
      call.fail("shape",
                "the output would be empty, input " + x.shape().text() + ", weight " + weight.shape().text());
    }
  }
  const Tensor y =
      ops::convolutionInput(x, weight, sizes, strides, paddings, dilations, groups, call.args.items[kBias]);
  call.outs[0] = isSingle ? ops::squeeze(y, std::vector<int64_t>{0}) : y;
}

// The sum over all but the channels.
Tensor biasGradient(const Tensor& g) {
  std::vector<int64_t> dims;
  for (int dim = 0; dim < g.dims(); dim++) {
    if (dim != 1) dims.push_back(dim);
  }
  return ops::sum(g, dims);
}

// Zeros, or the bias: what is left where there is nothing to sum over.
void fillWithBias(const Tensor& y, const Tensor& bias) {
  if (!bias.isDefined()) return fillWith(y, 0);
  Shape shape;
  for (int dim = 0; dim < y.dims(); dim++) shape.push(dim == 1 ? y.size(1) : 1);
  Geometry column;
  const Tensor dense = asContiguous(bias);
  dense.geometry().viewAs(shape, &column);
  copyInto(y, dense.alias(column));
}

void launch(const Kernel& kernel, const Tensor& y, const Tensor& a, const Tensor& b, const Tensor& bias,
            const Settings& settings) {
  const Tensor left = asContiguous(a), right = asContiguous(b);
  const Tensor last = bias.isDefined() ? asContiguous(bias) : bias;
  Launcher launcher(kernel, y.device());
  launcher.out(y, asImages(y.geometry()))
      .in(left, asImages(left.geometry()))
      .in(right, asImages(right.geometry()));
  if (last.isDefined()) launcher.in(last);
  launcher.run(nullptr, settings.integers);
}

// One of the three ops with the settings of the call that is differentiated.
Tensor applied(Gradients& d, const Op& op, const Tensor& a, const Tensor& b, const Argument& third) {
  return op(a, b, third, d.integers(3), d.integers(4), d.integers(5), d.integer(6));
}

// The places that g has: an output chosen larger than the kernels reach has others too.
Tensor within(const Tensor& x, const Shape& shape) {
  Tensor part = x;
  for (int dim = 2; dim < shape.dims; dim++) {
    if (part.size(dim) != shape[dim]) part = ops::narrow(part, dim, 0, shape[dim]);
  }
  return part;
}

}  // namespace

// y = weight * x + bias
void forward::convolution(Call& call) {
  const Tensor &x = call.tensor(0), &weight = call.tensor(1), &bias = call.tensor(2);
  const Settings s = settingsOf(call, bias.isDefined());
  const Shape sizes = spatial(x.shape()), kernel = spatial(weight.shape());
  Shape shape{x.size(0), weight.size(0)};
  for (int k = 0; k < sizes.dims; k++) {
    const int pair = 2 - sizes.dims + k;
    const int64_t reach = s.integers[4 + pair] * (kernel[k] - 1) + 1;
    shape.push((sizes[k] + 2 * s.integers[2 + pair] - reach) / s.integers[pair] + 1);
  }
  const Tensor y = call.outs[0] = emptyTensor(checkedShape(call.name(), shape.list()), x.dtype(), x.device());
  if (y.numel() == 0) return;
  if (weight.numel() == 0) return fillWithBias(y, bias);
  launch(convolutionKernel, y, x, weight, bias, s);
}
const Derivative derivative::convolution{
    [](Gradients& d) {
      if (d.needs(0)) d.set(0, applied(d, ops::convolutionInput, d.g(), d.tensor(1), spatial(d.shape(0))));
      if (d.needs(1)) d.set(1, applied(d, ops::convolutionWeight, d.g(), d.tensor(0), spatial(d.shape(1))));
      if (d.needs(2)) d.set(2, biasGradient(d.g()));
    },
    {input(1), input(0), 0}};

// The x whose convolution has the gradient g: a transposed convolution of g. `size` is that of its planes.
void forward::convolutionInput(Call& call) {
  const Tensor &g = call.tensor(0), &weight = call.tensor(1), &bias = call.tensor(7);
  const Settings s = settingsOf(call, bias.isDefined());
  Shape shape{g.size(0), weight.size(1) * s.integers[6]};
  for (const int64_t size : call.integers(2)) shape.push(size);
  const Tensor dx = call.outs[0] =
      emptyTensor(checkedShape(call.name(), shape.list()), g.dtype(), g.device());
  if (dx.numel() == 0) return;
  if (g.numel() == 0 || weight.numel() == 0) return fillWithBias(dx, bias);
  launch(inputKernel, dx, g, weight, bias, s);
}
const Derivative derivative::convolutionInput{
    [](Gradients& d) {
      if (d.needs(0)) d.set(0, within(applied(d, ops::convolution, d.g(), d.tensor(1), {}), d.shape(0)));
      if (d.needs(1)) d.set(1, applied(d, ops::convolutionWeight, d.tensor(0), d.g(), spatial(d.shape(1))));
      if (d.needs(7)) d.set(7, biasGradient(d.g()));
    },
    {input(1), input(0), 0, 0, 0, 0, 0, 0}};

// The weight's gradient.
void forward::convolutionWeight(Call& call) {
  const Tensor &g = call.tensor(0), &x = call.tensor(1);
  const Settings s = settingsOf(call, false);
  Shape shape{g.size(1), x.size(1) / s.integers[6]};
  for (const int64_t size : call.integers(2)) shape.push(size);
  const Tensor dw = call.outs[0] = emptyTensor(shape, g.dtype(), g.device());
  if (dw.numel() == 0) return;
  if (g.numel() == 0 || x.numel() == 0) return fillWith(dw, 0);
  launch(weightKernel, dw, g, x, Tensor(), s);
}
const Derivative derivative::convolutionWeight{
    [](Gradients& d) {
      if (d.needs(0)) d.set(0, within(applied(d, ops::convolution, d.tensor(1), d.g(), {}), d.shape(0)));
      if (d.needs(1)) d.set(1, applied(d, ops::convolutionInput, d.tensor(0), d.g(), spatial(d.shape(1))));
    },
    {input(1), input(0)}};

void forward::conv1d(Call& call) { convolve(call, 1); }
void forward::conv2d(Call& call) { convolve(call, 2); }
void forward::convTranspose1d(Call& call) { convolveTransposed(call, 1); }
void forward::convTranspose2d(Call& call) { convolveTransposed(call, 2); }

}  // namespace descent
