// Reads the argument text of a row, and says what each argument means.
#include "signature.h"

#include <cstdlib>
#include <unordered_map>

namespace descent {

namespace {

constexpr const char* kKinds[] = {"tensor",  "operand",  "tensors", "number",   "integer",
                                  "boolean", "integers", "dtype",   "string",   "optionalTensor",
                                  "padding", "sizes",    "numbers", "generator"};

ArgumentRow::Kind kindOf(const std::string& text) {
  for (int k = 0; k < static_cast<int>(sizeof kKinds / sizeof *kKinds); k++) {
    if (text == kKinds[k]) return static_cast<ArgumentRow::Kind>(k);
  }
  throw Error("internal", "", "the op table names an unknown kind of argument, " + text);
}

std::string trimmed(const std::string& text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

Argument defaultOf(ArgumentRow::Kind kind, const std::string& text) {
  if (text == "null") return {};
  switch (kind) {
    case ArgumentRow::Kind::boolean:
      return Argument(text == "true");
    case ArgumentRow::Kind::text:
      return Argument(text.substr(1, text.size() - 2));  // without its quotes
    case ArgumentRow::Kind::integers:
    case ArgumentRow::Kind::padding:
      return Argument(std::vector<int64_t>{std::strtoll(text.c_str(), nullptr, 10)});
    default:
      return Argument(Scalar::fromJavaScript(std::strtod(text.c_str(), nullptr)));
  }
}

ArgumentRow parseArgument(const std::string& text, bool isPositional) {
  const size_t colon = text.find(':');
  const size_t equals = text.find('=');
  ArgumentRow row;
  row.name = trimmed(text.substr(0, colon));
  row.kind =
      kindOf(trimmed(text.substr(colon + 1, equals == std::string::npos ? equals : equals - colon - 1)));
  row.isRequired = equals == std::string::npos;
  row.isPositional = isPositional;
  if (!row.isRequired) {
    row.defaultText = trimmed(text.substr(equals + 1));
    row.defaultValue = defaultOf(row.kind, row.defaultText);
  }
  return row;
}

}  // namespace

const char* nameOf(ArgumentRow::Kind kind) { return kKinds[static_cast<int>(kind)]; }

std::vector<ArgumentRow> parseSignature(const char* signature) {
  std::vector<ArgumentRow> rows;
  bool isPositional = true;
  std::string current;
  const auto finish = [&] {
    if (!trimmed(current).empty()) rows.push_back(parseArgument(current, isPositional));
    current.clear();
  };
  for (const char* at = signature; *at; at++) {
    if (*at == ',' || *at == '|') {
      finish();
      if (*at == '|') isPositional = false;
    } else {
      current += *at;
    }
  }
  finish();
  return rows;
}

const char* sentenceOfArgument(const std::string& op, const std::string& name) {
  // An op of its own has "op.argument".
  static const std::unordered_map<std::string, const char*> sentences = {
      {"x", "The input."},
      {"a", "The first operand."},
      {"b", "The second operand."},
      {"c", "The third operand."},
      {"alpha", "A factor."},
      {"beta", "A factor."},
      {"shape", "The sizes, outermost first."},
      {"dtype", "The dtype of the result."},
      {"device", "Where the result lives; the default device unless said otherwise."},
      {"requiresGrad", "Whether a gradient is wanted for it."},
      {"value", "The value."},
      {"start", "The first number or index."},
      {"end", "The number or index to stop before."},
      {"step", "The distance between two."},
      {"steps", "How many."},
      {"n", "How many rows, or numbers."},
      {"m", "How many columns; as many as rows if left out."},
      {"numClasses", "How many classes there are."},
      {"diagonal", "Which diagonal: 0 the main one, positive above it, negative below."},
      {"source", "Where the values come from."},
      {"low", "The lower end, included."},
      {"high", "The upper end, excluded."},
      {"mean", "The mean."},
      {"std", "The standard deviation."},
      {"numSamples", "How many indices to draw."},
      {"generator",
       "The stream to draw from; that of the process, which manualSeed seeds, where none is given."},
      {"from", "The lower end, included."},
      {"to", "The upper end, excluded."},
      {"replacement", "Whether an index may be drawn again."},
      {"p", "The probability, or the exponent of a norm."},
      {"training", "Whether this is training; otherwise evaluation."},
      {"startDim", "The first dim to join."},
      {"endDim", "The last dim to join."},
      {"dims", "The dims, in their new order."},
      {"dim", "The dim or dims; negative ones count from the end."},
      {"dim0", "One of two dims."},
      {"dim1", "One of two dims."},
      {"dim2", "The other of two dims."},
      {"destination", "Where they go."},
      {"index", "The index or indices; a single one may be negative."},
      {"length", "How many."},
      {"tensors", "The tensors."},
      {"keepdim", "Whether reduced dims stay, with size 1."},
      {"unbiased", "Whether to divide by N - 1 instead of N."},
      {"weight", "The weights: one row an output, one value a class or channel."},
      {"bias", "Added at the end, one value an output."},
      {"target", "What x should be: class indices, or values in the shape of x."},
      {"ignoreIndex", "A target that does not count."},
      {"labelSmoothing", "How much of the target is spread over all classes, from 0 to 1."},
      {"klDiv.reduction", "\"batchmean\", \"mean\", \"sum\" or \"none\"."},
      {"reduction", "\"mean\", \"sum\" or \"none\"."},
      {"runningMean", "The running means, updated while training."},
      {"runningVar", "The running variances, updated while training."},
      {"momentum", "How much a new batch counts in running values."},
      {"eps", "Added to the variance, so that nothing is divided by zero."},
      {"normalizedShape", "The last sizes of x, which are normalised together."},
      {"numGroups", "How many groups the channels are divided into."},
      {"useInputStats", "Whether to use the mean and variance of x itself; otherwise the running ones."},
      {"paddingIdx", "A row whose gradient stays zero, or null for none; negative counts from the end."},
      {"maxNorm", "Rows longer than this are shortened to it in place; null for none."},
      {"normType", "The exponent of the norm for maxNorm."},
      {"scaleGradByFreq", "Whether to divide a row's gradient by how often x names it."},
      {"query", "What each position asks for."},
      {"key", "What each position answers to."},
      {"attnMask",
       "A bool tensor, true where a query may look; or numbers added to the scores; broadcast to (..., L, "
       "S)."},
      {"dropoutP", "The probability to drop an attention weight; give 0 in evaluation."},
      {"isCausal", "Whether position i may look at positions 0 to i only."},
      {"scale", "The factor of the scores; 1 / √E unless given."},
      {"enableGqa", "Whether key and value may have fewer heads, each shared by as many query heads."},
      {"mask", "Where to act, a bool tensor."},
      {"roundingMode", "\"floor\", \"trunc\", or null for none."},
      {"min", "The lower bound, or null for none."},
      {"max", "The upper bound, or null for none."},
      {"approximate", "\"none\" or \"tanh\"."},
      {"negativeSlope", "The factor of negative elements."},
      {"k", "How many."},
      {"descending", "Whether the largest come first."},
      {"stable", "Equal elements keep their order in any case."},
      {"largest", "Whether the largest are wanted, or the smallest."},
      {"sorted", "The result is in order in any case."},
      {"threshold", "From where on the function is linear."},
      {"other", "The tensor whose shape counts."},
      {"repeats", "How often."},
      {"shifts", "How far, towards higher indices; one number a dim."},
      {"repeatInterleave.outputSize", "What the repeats add up to; checked where given."},
      {"pad",
       "How much to add before and after the last dim, before and after the one before it, and so on; "
       "negative numbers cut off."},
      {"pad.mode", "\"constant\", \"reflect\", \"replicate\" or \"circular\"."},
      {"unfold.size", "The size of a window."},
      {"offset", "Which diagonal: 0 the main one, positive above it, negative below."},
      {"reduce", "\"add\", \"multiply\", or null to replace."},
      {"equation", "The dims of each operand as letters, and behind -> those of the result: ij,jk->ik."},
      {"lambd", "The width around zero, or how many events are expected in one unit."},
      {"delta", "Where the square ends and the line begins."},
      {"posWeight", "What a positive target counts; broadcast to x."},
      {"logTarget", "Whether target holds logarithms too."},
      {"margin", "The distance wanted."},
      {"swap", "Whether the distance from positive to negative counts where it is smaller."},
      {"anchor", "The samples compared."},
      {"positive", "Samples that should be near the anchor."},
      {"negative", "Samples that should be far from it."},
      {"x1", "The first input."},
      {"x2", "The second input."},
      {"minVal", "The lower bound."},
      {"maxVal", "The upper bound."},
      {"stride", "The distance of two windows, in each dim or one for all."},
      {"padding", "How many zeros lie around the input, in each dim or one for all."},
      {"dilation", "The distance of two places of a kernel, in each dim or one for all."},
      {"groups", "In how many groups channels are kept apart."},
      {"outputPadding", "How much larger than least the output is."},
      {"kernelSize", "The size of a window, in each dim or one for all."},
      {"ceilMode", "Whether windows may hang over the end."},
      {"countIncludePad", "Whether the padding counts in the mean."},
      {"divisorOverride", "What sums are divided by, or null for the size of the window."},
      {"outputSize", "The size wanted, in each dim or one for all; null leaves a dim as it is."},
      {"returnIndices", "Whether to give the places of the largest elements too."},
      {"size", "The size wanted, in each dim or one for all."},
      {"interpolate.mode",
       "\"nearest\", \"nearest-exact\", \"linear\" (for signals), \"bilinear\", \"bicubic\" (for images) or "
       "\"area\"."},
      {"scaleFactor", "How many outputs there are for an input, in each dim or one for all."},
      {"alignCorners", "Whether the middles of the corners stay where they are, rather than the corners."},
      {"upscaleFactor", "How many pixels each pixel becomes in each dim."},
      {"downscaleFactor", "How many pixels become one in each dim."},
      {"recomputeScaleFactor", "Whether the rounded size says the scale, rather than scaleFactor."},
  };
  const auto own = sentences.find(op + "." + name);
  const auto found = own != sentences.end() ? own : sentences.find(name);
  return found == sentences.end() ? "" : found->second;
}

}  // namespace descent
