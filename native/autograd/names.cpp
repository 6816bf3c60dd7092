// What a recorded call is called where the user sees it: PyTorch's name of the same gradient,
// "AddmmBackward0". Its number tells overloads apart.
#include "names.h"

#include <cctype>
#include <unordered_map>

namespace descent {

namespace {

using Shapes = std::vector<Shape>;

// Ops whose gradient has another name in PyTorch than theirs and a number. Composed ones count by the name
// the user called.
const std::unordered_map<std::string, const char*>& otherNames() {
  static const std::unordered_map<std::string, const char*> names = {
      {"trueDivide", "Div0"},        {"square", "Pow0"},
      {"log1p", "Log1P0"},           {"selu", "Elu0"},
      {"logsigmoid", "LogSigmoid0"}, {"norm", "LinalgVectorNorm0"},
      {"cast", "ToCopy0"},           {"toDevice", "ToCopy0"},
      {"dropout", "Mul0"},           {"crossEntropyCore", "NllLoss0"},
  };
  return names;
}

const std::unordered_map<std::string, const char*>& composedNames() {
  static const std::unordered_map<std::string, const char*> names = {
      {"clamp", "Clamp1"},
      {"index", "Index0"},
      {"dropout", "Mul0"},
      {"pad", "ConstantPadNd0"},
      {"gelu", "Gelu0"},
      {"mm", "Mm0"},
      {"mv", "Mv0"},
      {"dot", "Dot0"},
      {"bmm", "Bmm0"},
      {"addmm", "Addmm0"},
      {"baddbmm", "Baddbmm0"},
      {"transpose", "Transpose0"},
      {"t", "T0"},
      {"stack", "Stack0"},
      {"tril", "Tril0"},
      {"triu", "Triu0"},
      {"maskedFill", "MaskedFill0"},
      {"maskedSelect", "MaskedSelect0"},
      {"repeat", "Repeat0"},
      {"flip", "Flip0"},
      {"roll", "Roll0"},
      {"mseLoss", "MseLoss0"},
      {"smoothL1Loss", "SmoothL1Loss0"},
      {"huberLoss", "HuberLoss0"},
      {"binaryCrossEntropy", "BinaryCrossEntropy0"},
      {"binaryCrossEntropyWithLogits", "BinaryCrossEntropyWithLogits0"},
      {"layerNorm", "NativeLayerNorm0"},
      {"embedding", "Embedding0"},
      {"groupNorm", "NativeGroupNorm0"},
  };
  return names;
}

// Those named by the shapes of their inputs, or by whether a dim was given.
const char* nameByArguments(const std::string& op, const std::vector<Argument>& arguments,
                            const Shapes& shapes) {
  const auto isGiven = [&](size_t i) { return i < arguments.size() && arguments[i].isGiven(); };
  if (op == "sub" && isGiven(0)) return "Rsub1";  // a number minus a tensor
  if (op == "squeeze" && isGiven(1)) return "Squeeze1";
  if (op == "sum" && isGiven(1)) return "Sum1";
  if (op == "mean" && isGiven(1)) return "Mean1";
  if (op == "prod" && isGiven(1)) return "Prod1";
  if (op == "pow" && shapes.size() == 2) return "Pow1";
  if (op == "lerp" && shapes.size() == 3) return "Lerp1";
  if (op == "linear") {
    if (shapes[0].dims == 2) return shapes.size() == 3 ? "Addmm0" : "Mm0";
    return shapes.size() == 3 ? "View0" : "UnsafeView0";
  }
  if (op == "matmul") {
    const int a = shapes[0].dims, b = shapes[1].dims;
    if (a == 1 && b == 1) return "Dot0";
    if (a == 2 && b <= 2) return b == 1 ? "Mv0" : "Mm0";
    if (a == 3 && b == 3) return "Bmm0";
    return a == 1 && b == 2 ? "Squeeze4" : "UnsafeView0";
  }
  return nullptr;
}

// The extreme alone, or with its index along a dim.
const char* nameOfExtreme(const std::string& call, const std::string& op) {
  const bool isAlone = op == "extremeOfAll" || op == "amax" || op == "amin";
  if (call == "max") return isAlone ? "Max1" : "Max0";
  if (call == "min") return isAlone ? "Min1" : "Min0";
  return nullptr;
}

std::string withBackward(const std::string& numbered) {
  return numbered.substr(0, numbered.size() - 1) + "Backward" + numbered.back();
}

}  // namespace

std::string nameOfGradient(const std::string& op, const char* call, const std::vector<Argument>& arguments,
                           const Shapes& shapes) {
  std::string called = call ? call : op;
  if (!called.empty() && called.back() == '_') called.pop_back();
  // An op that is computed and then written in place is itself, not the copy that writes it.
  const std::string& own = op == "copy" ? called : op;
  if (called != op) {
    if (const char* name = nameOfExtreme(called, op)) return withBackward(name);
    const auto found = composedNames().find(called);
    if (found != composedNames().end()) return withBackward(found->second);
  }
  if (op == own) {
    if (const char* name = nameByArguments(op, arguments, shapes)) return withBackward(name);
  }
  const auto found = otherNames().find(own);
  if (found != otherNames().end()) return withBackward(found->second);
  std::string name = own;
  if (name.size() > 4 && name.compare(name.size() - 4, 4, "Core") == 0) name.resize(name.size() - 4);
  name[0] = static_cast<char>(std::toupper(name[0]));
  return name + "Backward0";
}

}  // namespace descent
