// Bounds of ops' results by rules, which hold for rounded numbers too: no rule comes near the limit of a
// dtype.
#include "bounds.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "magnitude.h"

namespace descent::inspect {

namespace {

struct Rows {
  Bound bound;
  std::vector<const char*> names;
};

const Rows rows[] = {
    {Bound::moves,
     {"clone",
      "toDevice",
      "cast",
      "fill",
      "zero",
      "copy",
      "flip",
      "constantPad",
      "unfold",
      "cat",
      "indexSelect",
      "gather",
      "scatterCore",
      "embeddingCore",
      "relu",
      "abs",
      "neg",
      "maximum",
      "minimum",
      "clampMin",
      "clampMax",
      "where",
      "reluBackward",
      "amax",
      "amin",
      "extremeOfAll",
      "sliceBackward",
      "zeros",
      "zerosLike",
      "full",
      "fullLike",
      "sort",
      "topk",
      "median",
      "trunc",
      "hardtanhCore",
      "relu6",
      "asStridedScatter",
      "diagonalBackward"}},
    {Bound::atMostOne,
     {"sigmoid", "tanh", "sin", "cos", "erf", "sign", "softmax", "softsign", "hardsigmoid", "ones",
      "onesLike", "eye", "rand", "randLike", "bernoulli", "bernoulliInPlace"}},
    {Bound::sums,
     {"sum", "cumsum", "scatterAdd", "indexAddInto", "unfoldBackward", "maxPoolBackward",
      "averagePoolBackward", "asStridedBackward", "embeddingBackward"}},
    {Bound::adds, {"add", "sub"}},
    {Bound::averages, {"mean", "averagePool"}},
    {Bound::multiplies, {"mul"}},
    {Bound::divides, {"trueDivide"}},
    {Bound::slopes, {"tanhBackward", "sigmoidBackward"}},
    {Bound::squares, {"square"}},
    {Bound::exponential, {"exp"}},
    {Bound::logarithmOfSoftmax, {"logSoftmax"}},
    {Bound::products, {"matmul", "linear"}},
    {Bound::convolves, {"convolution", "convolutionInput", "convolutionWeight"}},
    {Bound::uninitialized, {"empty", "emptyLike"}},
};

std::unordered_map<const Op*, Bound> table() {
  std::unordered_map<const Op*, Bound> found;
  for (const Rows& row : rows) {
    for (const char* name : row.names) {
      if (const Op* op = findOp(name)) found[op] = row.bound;
    }
  }
  return found;
}

// What the inputs are at most; unknown as soon as one of them is.
class Inputs {
 public:
  Inputs(const Op& op, const Arguments& args, int64_t outputs) : args_(args) {
    // Integers are places there, and numbers elsewhere.
    hasPlaces_ = std::strcmp(op.family, "index") == 0 || std::strcmp(op.family, "embedding") == 0;
    int64_t toRead = 0;
    each([&](const Tensor& x) {
      if (isFloating(x.dtype()) && knownMagnitude(x) < 0) toRead += x.numel();
    });
    // Reading the inputs is worth while where there is less to read than in the output.
    reads_ = toRead <= outputs;
  }

  // Of argument i; below 0: not known.
  double operator[](int i) const {
    if (i >= args_.count) return 0;
    const Argument& argument = args_.items[i];
    if (argument.kind == Argument::Kind::scalar) return std::fabs(argument.scalar.number);
    if (argument.isTensor()) return of(argument.tensor);
    if (argument.kind != Argument::Kind::tensors) return 0;
    double most = 0;
    for (const Tensor& tensor : argument.lists->tensors) most = worse(most, of(tensor));
    return most;
  }

  // Of all.
  double largest() const {
    double most = 0;
    for (int i = 0; i < args_.count; i++) most = worse(most, (*this)[i]);
    return most;
  }

  int64_t numel(int i) const {
    const Argument& argument = args_.items[i];
    return i < args_.count && argument.isTensor() ? argument.tensor.numel() : 1;
  }

 private:
  static double worse(double a, double b) { return !(a >= 0) ? a : !(b >= 0) ? b : std::max(a, b); }

  double of(const Tensor& x) const {
    if (x.dtype() == DType::boolean) return 1;
    if (!isFloating(x.dtype())) return hasPlaces_ ? 0 : -1;
    const double known = knownMagnitude(x);
    if (known >= 0 || known != known || !reads_) return known;
    const double found = magnitudeOf(x);
    keepMagnitude(x, found);
    return found;
  }

  template <class Look>
  void each(const Look& look) const {
    for (int i = 0; i < args_.count; i++) {
      const Argument& argument = args_.items[i];
      if (argument.isTensor()) look(argument.tensor);
      if (argument.kind == Argument::Kind::tensors) {
        for (const Tensor& tensor : argument.lists->tensors) look(tensor);
      }
    }
  }

  const Arguments& args_;
  bool reads_ = false;
  bool hasPlaces_ = false;
};

// Factors of one product: unknown where one is.
double product(std::initializer_list<double> factors) {
  double all = 1;
  for (const double factor : factors) {
    if (!(factor >= 0)) return -1;
    all *= factor;
  }
  return all;
}

double sum(double a, double b) { return a >= 0 && b >= 0 ? a + b : -1; }

double fromInputs(Bound bound, const Inputs& inputs, const Arguments& args) {
  switch (bound) {
    case Bound::moves:
      return inputs.largest();
    case Bound::atMostOne:
      return inputs.largest() < safeLimit(DType::float64) && inputs.largest() >= 0 ? 1 : -1;
    case Bound::sums: {
      double most = 0;
      for (int i = 0; i < args.count; i++)
        most = sum(most, product({static_cast<double>(inputs.numel(i)), inputs[i]}));
      return most;
    }
    case Bound::adds:
      return sum(inputs[0], product({std::max(1.0, std::fabs(args.items[2].scalar.number)), inputs[1]}));
    case Bound::multiplies:
      return product({inputs[0], inputs[1]});
    case Bound::divides: {
      const Argument& divisor = args.items[1];
      const bool isNumber = divisor.kind == Argument::Kind::scalar && std::fabs(divisor.scalar.number) > 1e-6;
      return isNumber ? inputs[0] / inputs[1] : -1;
    }
    case Bound::slopes: {
      const double y = sum(1, inputs[1]);
      return product({inputs[0], y, y});
    }
    case Bound::averages: {
      // The sum is made first, and must not overflow.
      const double all = product({static_cast<double>(inputs.numel(0)), inputs[0]});
      return all < safeLimit(args.items[0].tensor.dtype()) ? inputs[0] : -1;
    }
    case Bound::squares:
      return product({inputs[0], inputs[0]});
    case Bound::exponential:
      return inputs[0] >= 0 && inputs[0] < 700 ? std::exp(inputs[0]) : -1;
    case Bound::logarithmOfSoftmax:
      return inputs[0] >= 0 ? 2 * inputs[0] + 50 : -1;
    case Bound::products: {
      const Tensor& a = args.items[0].tensor;
      const double terms = a.dims() > 0 ? static_cast<double>(a.size(-1)) : 1;
      const double products = product({terms, inputs[0], inputs[1]});
      return args.count > 2 && args.items[2].isTensor() ? sum(products, inputs[2]) : products;
    }
    case Bound::convolves: {
      const double terms = static_cast<double>(std::max(inputs.numel(0), inputs.numel(1)));
      double most = product({terms, inputs[0], inputs[1]});
      for (int i = 2; i < args.count; i++) {
        if (args.items[i].isTensor()) most = sum(most, inputs[i]);
      }
      return most;
    }
    default:
      return -1;
  }
}

}  // namespace

Bound boundOf(const Op& op) {
  static const std::unordered_map<const Op*, Bound> known = table();
  const auto found = known.find(&op);
  return found == known.end() ? Bound::unknown : found->second;
}

double boundOfOutput(const Op& op, const Arguments& args, const Tensor& out) {
  const Bound bound = boundOf(op);
  if (bound == Bound::unknown || bound == Bound::uninitialized) return -1;
  const double most = fromInputs(bound, Inputs(op, args, out.numel()), args);
  return most < safeLimit(out.dtype()) ? most : -1;
}

double safeLimit(DType dtype) {
  switch (dtype) {
    case DType::float16:
      return 6e4;
    case DType::float64:
      return 1e300;
    default:
      return 1e37;
  }
}

}  // namespace descent::inspect
