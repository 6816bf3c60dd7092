// Products over named dims. Operands are joined two at a time, from the left; what both share and nobody
// needs later is summed by one batched matrix product.
#include <algorithm>

#include "launch.h"
#include "ops.h"

namespace descent {

namespace {

// A label is a letter, or a dim of the ellipsis: the last of them is kEllipsis, the one before it kEllipsis
// + 1.
constexpr int kEllipsis = 256;
using Labels = std::vector<int>;

struct Factor {
  Tensor tensor;
  Labels labels;  // one a dim, each once
};

bool contains(const Labels& labels, int label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

int placeOf(const Labels& labels, int label) {
  return static_cast<int>(std::find(labels.begin(), labels.end(), label) - labels.begin());
}

std::string nameOfLabel(int label) {
  return label >= kEllipsis ? "..." : std::string("'") + static_cast<char>(label) + "'";
}

struct Equation {
  // One a tensor; the ellipsis is -1.
  std::vector<Labels> inputs;
  Labels output;
  bool hasOutput = false;

  Equation(const Call& call, const std::string& text) {
    std::string dense;
    for (char c : text) {
      if (c != ' ') dense += c;
    }
    const size_t arrow = dense.find("->");
    hasOutput = arrow != std::string::npos;
    const std::string left = dense.substr(0, arrow);
    size_t begin = 0;
    while (true) {
      const size_t comma = left.find(',', begin);
      inputs.push_back(term(call, left.substr(begin, comma - begin)));
      if (comma == std::string::npos) break;
      begin = comma + 1;
    }
    if (hasOutput) output = term(call, dense.substr(arrow + 2));
  }

 private:
  static Labels term(const Call& call, const std::string& text) {
    Labels labels;
    for (size_t k = 0; k < text.size(); k++) {
      const char c = text[k];
      if (text.compare(k, 3, "...") == 0) {
        if (contains(labels, -1)) call.fail("argument", "\"...\" stands twice in \"" + text + "\"");
        labels.push_back(-1);
        k += 2;
      } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
        labels.push_back(c);
      } else {
        call.fail(
            "argument",
            std::string("the equation may have letters, \"...\", commas and one \"->\", it has '") + c + "'");
      }
    }
    return labels;
  }
};

// Drops the dims of the labels by adding up.
Factor summed(const Factor& operand, const Labels& dropped) {
  std::vector<int64_t> dims;
  Labels rest;
  for (size_t k = 0; k < operand.labels.size(); k++) {
    if (contains(dropped, operand.labels[k])) {
      dims.push_back(static_cast<int64_t>(k));
    } else {
      rest.push_back(operand.labels[k]);
    }
  }
  if (dims.empty()) return operand;
  return {ops::sum(operand.tensor, dims, false, operand.tensor.dtype()), rest};
}

// The dims in the order of the labels, each group of them joined into one dim.
Tensor grouped(const Call& call, const Factor& operand, const std::vector<Labels>& groups) {
  std::vector<int64_t> order, sizes;
  for (const Labels& group : groups) {
    int64_t joined = 1;
    for (int label : group) {
      const int dim = placeOf(operand.labels, label);
      order.push_back(dim);
      joined *= operand.tensor.size(dim);
    }
    sizes.push_back(joined);
  }
  return ops::reshape(ops::permute(operand.tensor, order), checkedShape(call.name(), sizes));
}

// The product of two operands, whose labels are `kept` as far as they have them: those of both first, then
// those of a, then those of b.
Factor joined(const Call& call, Factor a, Factor b, const Labels& kept) {
  if (a.tensor.dtype() != b.tensor.dtype()) {
    call.fail("dtype",
              std::string("dtypes differ, ") + nameOf(a.tensor.dtype()) + " and " + nameOf(b.tensor.dtype()));
  }
  requireSameDevice(call, a.tensor, b.tensor);
  // A size of 1 beside another one is that of an operand which does not have the dim.
  const auto withoutOnes = [](Factor& one, const Factor& other) {
    for (int k = static_cast<int>(one.labels.size()) - 1; k >= 0; k--) {
      const int label = one.labels[static_cast<size_t>(k)];
      if (one.tensor.size(k) != 1 || !contains(other.labels, label)) continue;
      if (other.tensor.size(placeOf(other.labels, label)) == 1) continue;
      one.tensor = ops::squeeze(one.tensor, std::vector<int64_t>{k});
      one.labels.erase(one.labels.begin() + k);
    }
  };
  withoutOnes(a, b);
  withoutOnes(b, a);
  Labels batch, rows, columns, inner, onlyA, onlyB;
  for (int label : a.labels) {
    const bool isShared = contains(b.labels, label), isKept = contains(kept, label);
    (isShared ? (isKept ? batch : inner) : (isKept ? rows : onlyA)).push_back(label);
  }
  for (int label : b.labels) {
    if (!contains(a.labels, label)) (contains(kept, label) ? columns : onlyB).push_back(label);
  }
  a = summed(a, onlyA);
  b = summed(b, onlyB);
  Factor result;
  std::vector<int64_t> sizes;
  for (const Labels* group : {&batch, &rows, &columns}) {
    for (int label : *group) {
      const Factor& from = group == &columns ? b : a;
      result.labels.push_back(label);
      sizes.push_back(from.tensor.size(placeOf(from.labels, label)));
    }
  }
  const Shape shape = checkedShape(call.name(), sizes);
  if (inner.empty()) {
    const Tensor left = ops::unsqueeze(grouped(call, a, {batch, rows}), 2);
    const Tensor right = ops::unsqueeze(grouped(call, b, {batch, columns}), 1);
    result.tensor = ops::reshape(left * right, shape);
    return result;
  }
  Tensor left = grouped(call, a, {batch, rows, inner}), right = grouped(call, b, {batch, inner, columns});
  const bool hasBatch = !batch.empty();
  if (!hasBatch) {
    left = ops::select(left, 0, 0);
    right = ops::select(right, 0, 0);
  }
  result.tensor = ops::reshape(ops::matmul(left, right), shape);
  return result;
}

// The operand's own dims as labels: repeated ones become their diagonal, the ellipsis its dims.
Factor labelled(const Call& call, const Tensor& x, const Labels& term, int number) {
  const bool hasEllipsis = contains(term, -1);
  const int named = static_cast<int>(term.size()) - (hasEllipsis ? 1 : 0);
  if (hasEllipsis ? named > x.dims() : named != x.dims()) {
    call.fail("shape", "operand " + std::to_string(number) + " has " + std::to_string(x.dims()) +
                           " dims, the equation names " + std::to_string(named) +
                           (hasEllipsis ? " besides \"...\"" : ""));
  }
  Labels all;
  for (int label : term) {
    if (label >= 0) {
      all.push_back(label);
    } else {
      for (int k = x.dims() - named - 1; k >= 0; k--) all.push_back(kEllipsis + k);
    }
  }
  Factor operand{x, {}};
  for (size_t k = 0; k < all.size(); k++) {
    if (!contains(operand.labels, all[k])) {
      operand.labels.push_back(all[k]);
      continue;
    }
    // Dims already seen stand in front; the repeated one comes right behind them.
    const int first = placeOf(operand.labels, all[k]), second = static_cast<int>(operand.labels.size());
    if (operand.tensor.size(first) != operand.tensor.size(second)) {
      call.fail("shape", nameOfLabel(all[k]) + " stands for sizes " +
                             std::to_string(operand.tensor.size(first)) + " and " +
                             std::to_string(operand.tensor.size(second)) + " of operand " +
                             std::to_string(number));
    }
    operand.tensor = ops::movedim(ops::diagonal(operand.tensor, 0, first, second), std::vector<int64_t>{-1},
                                  std::vector<int64_t>{first});
  }
  return operand;
}

}  // namespace

void forward::einsum(Call& call) {
  const std::vector<Tensor>& tensors = call.tensors(1);
  if (tensors.empty()) call.fail("argument", "needs at least one tensor");
  const Equation equation(call, call.text(0));
  if (equation.inputs.size() != tensors.size()) {
    call.fail("argument", "the equation names " + std::to_string(equation.inputs.size()) +
                              " operands, there are " + std::to_string(tensors.size()));
  }
  std::vector<Factor> operands;
  int64_t sizes[kEllipsis + kMaxDims];
  int uses[kEllipsis + kMaxDims] = {};
  int ellipsis = -1;  // its dims, -1 where it does not stand
  for (size_t k = 0; k < tensors.size(); k++) {
    const int number = static_cast<int>(k);
    const Labels& term = equation.inputs[k];
    operands.push_back(labelled(call, tensors[k], term, number));
    const Factor& operand = operands.back();
    for (int label : term) {
      if (label >= 0)
        uses[label]++;
      else
        ellipsis = std::max(ellipsis, tensors[k].dims() - static_cast<int>(term.size()) + 1);
    }
    for (size_t dim = 0; dim < operand.labels.size(); dim++) {
      const int label = operand.labels[dim];
      const int64_t size = operand.tensor.size(static_cast<int>(dim));
      bool isSeen = false;
      for (size_t before = 0; before < k; before++)
        isSeen = isSeen || contains(operands[before].labels, label);
      if (!isSeen || sizes[label] == 1) {
        sizes[label] = size;
      } else if (size != 1 && size != sizes[label]) {
        call.fail("shape", nameOfLabel(label) + " stands for size " + std::to_string(size) + " in operand " +
                               std::to_string(number) + " and for " + std::to_string(sizes[label]) +
                               " before");
      }
    }
  }
  Labels output;
  if (equation.hasOutput) {
    for (int label : equation.output) {
      if (label == -1) {
        for (int k = ellipsis - 1; k >= 0; k--) output.push_back(kEllipsis + k);
      } else if (contains(output, label)) {
        call.fail("argument", nameOfLabel(label) + " stands twice behind \"->\"");
      } else if (uses[label] == 0) {
        call.fail("argument", nameOfLabel(label) + " stands behind \"->\" but in no operand");
      } else {
        output.push_back(label);
      }
    }
  } else {
    for (int k = ellipsis - 1; k >= 0; k--) output.push_back(kEllipsis + k);
    for (int label = 0; label < kEllipsis; label++) {
      if (uses[label] == 1) output.push_back(label);
    }
  }
  Factor result = operands[0];
  for (size_t k = 1; k < operands.size(); k++) {
    Labels kept = output;
    for (size_t later = k + 1; later < operands.size(); later++) {
      kept.insert(kept.end(), operands[later].labels.begin(), operands[later].labels.end());
    }
    result = joined(call, result, operands[k], kept);
  }
  Labels dropped;
  for (int label : result.labels) {
    if (!contains(output, label)) dropped.push_back(label);
  }
  result = summed(result, dropped);
  std::vector<int64_t> order;
  for (int label : output) {
    if (contains(result.labels, label)) order.push_back(placeOf(result.labels, label));
  }
  call.outs[0] = ops::permute(result.tensor, order);
}

void forward::tensordot(Call& call) {
  Tensor a = call.tensor(0), b = call.tensor(1);
  const std::vector<int64_t>& dimsA = call.integers(2);
  const std::vector<int64_t>& dimsB = call.integers(3);
  if (dimsA.size() != dimsB.size()) {
    call.fail("argument", "both lists of dims must be as long, got " + std::to_string(dimsA.size()) +
                              " and " + std::to_string(dimsB.size()));
  }
  bool isSummed[2][kMaxDims] = {};
  std::vector<int64_t> orderA, orderB, innerA, innerB, result;
  for (size_t k = 0; k < dimsA.size(); k++) {
    const int left = wrapDim(call.name(), dimsA[k], a.dims()),
              right = wrapDim(call.name(), dimsB[k], b.dims());
    if (a.dims() == 0 || b.dims() == 0) call.fail("shape", "a scalar has no dim to sum over");
    if (isSummed[0][left] || isSummed[1][right]) {
      call.fail("argument",
                "dim " + std::to_string(isSummed[0][left] ? dimsA[k] : dimsB[k]) + " is named twice");
    }
    isSummed[0][left] = isSummed[1][right] = true;
    // A size of 1 goes with any, as where sizes broadcast.
    if (b.size(right) == 1 && a.size(left) != 1) {
      a = ops::sum(a, left, true, a.dtype());
    } else if (a.size(left) == 1 && b.size(right) != 1) {
      b = ops::sum(b, right, true, b.dtype());
    } else if (a.size(left) != b.size(right)) {
      call.fail("shape", "sizes differ, " + std::to_string(a.size(left)) + " in dim " + std::to_string(left) +
                             " of " + a.shape().text() + " and " + std::to_string(b.size(right)) +
                             " in dim " + std::to_string(right) + " of " + b.shape().text());
    }
    innerA.push_back(left);
    innerB.push_back(right);
  }
  int64_t rows = 1, inner = 1, columns = 1;
  for (int dim = 0; dim < a.dims(); dim++) {
    if (isSummed[0][dim]) continue;
    orderA.push_back(dim);
    result.push_back(a.size(dim));
    rows *= a.size(dim);
  }
  for (int64_t dim : innerA) inner *= a.size(static_cast<int>(dim));
  orderA.insert(orderA.end(), innerA.begin(), innerA.end());
  orderB = innerB;
  for (int dim = 0; dim < b.dims(); dim++) {
    if (isSummed[1][dim]) continue;
    orderB.push_back(dim);
    result.push_back(b.size(dim));
    columns *= b.size(dim);
  }
  const Shape shape = checkedShape(call.name(), result);
  const Tensor left = ops::reshape(ops::permute(a, orderA), Shape{rows, inner});
  const Tensor right = ops::reshape(ops::permute(b, orderB), Shape{inner, columns});
  call.outs[0] = ops::reshape(ops::matmul(left, right), shape);
}

}  // namespace descent
