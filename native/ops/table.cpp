// The op table: every row of table.def and elementwise.def as an object, in one list.
#include <cctype>
#include <cstring>
#include <unordered_map>

#include "elementwise.h"
#include "ops.h"
#include "signature.h"

namespace descent {

namespace ops {
#define ROW(name, family, signature, outputs, WHERE, sentence, shapes, errors, isComposed, isView,      \
            derivative)                                                                                 \
  Op name{#name,      #family, signature,      outputs,    Where::WHERE, sentence,      shapes, errors, \
          isComposed, isView,  &forward::name, derivative, {},           Kernel(#name), {}};
#define OP(name, ...) ROW(name, __VA_ARGS__, false, false, descent::derivative::name)
#define VIEW(name, ...) ROW(name, __VA_ARGS__, false, true, descent::derivative::name)
#define CONSTANT(name, ...) ROW(name, __VA_ARGS__, false, false, {})
#define COMPOSED(name, ...) ROW(name, __VA_ARGS__, true, false, {})
#define FORMULA(name, family, signature, WHERE, sentence, shapes, errors, ...) \
  ROW(name, family, signature, 1, WHERE, sentence, shapes, errors, true, false, {})
#include "table.def"
#undef ROW
}  // namespace ops

namespace {

// Whether `formula` uses the identifier `name`.
bool mentions(const char* formula, const char* name) {
  const size_t length = std::strlen(name);
  for (const char* at = std::strstr(formula, name); at; at = std::strstr(at + 1, name)) {
    const bool startsHere = at == formula || !(std::isalnum(at[-1]) || at[-1] == '_');
    const bool endsHere = !(std::isalnum(at[length]) || at[length] == '_');
    if (startsHere && endsHere) return true;
  }
  return false;
}

// A derivative saves what its formula names.
void findSaves(Op& op, const ElementwiseFormulas& formulas) {
  const char* names[3][3] = {{"x"}, {"a", "b"}, {"a", "b", "c"}};
  for (int gradient = 0; gradient < op.elementwise.inputs; gradient++) {
    const char* formula = formulas.text[gradient];
    for (int i = 0; i < op.elementwise.inputs; i++) {
      if (mentions(formula, names[op.elementwise.inputs - 1][i])) op.derivative.saves[gradient] |= input(i);
    }
    if (mentions(formula, "y")) op.derivative.saves[gradient] |= output(0);
  }
}

std::vector<Op*> buildTable() {
  std::vector<Op*> table;
#define UNARY(name, ...) table.push_back(&ops::name);
#define BINARY(name, ...) table.push_back(&ops::name);
#define TERNARY(name, ...) table.push_back(&ops::name);
#include "elementwise.def"
  for (size_t k = 0; k < table.size(); k++) findSaves(*table[k], elementwiseFormulas()[k]);
#define OP(name, ...) table.push_back(&ops::name);
#define VIEW(name, ...) table.push_back(&ops::name);
#define CONSTANT(name, ...) table.push_back(&ops::name);
#define COMPOSED(name, ...) table.push_back(&ops::name);
#define FORMULA(name, ...) table.push_back(&ops::name);
#include "table.def"
  for (Op* op : table) {
    op->arguments = parseSignature(op->signature);
    op->elementwise.params =
        op->elementwise.inputs ? static_cast<int>(op->arguments.size()) - op->elementwise.inputs : 0;
  }
  return table;
}

}  // namespace

const std::vector<Op*>& opTable() {
  static const std::vector<Op*> table = buildTable();
  return table;
}

const Op* findOp(const std::string& name) {
  static const auto byName = [] {
    std::unordered_map<std::string, const Op*> map;
    for (const Op* op : opTable()) map[op->name] = op;
    return map;
  }();
  const auto found = byName.find(name);
  return found == byName.end() ? nullptr : found->second;
}

}  // namespace descent
