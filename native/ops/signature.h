// Reads the argument text of a row, and says what each argument means.
#pragma once

#include <string>
#include <vector>

#include "op.h"

namespace descent {

std::vector<ArgumentRow> parseSignature(const char* signature);
// One sentence on an argument, by its name.
const char* sentenceOfArgument(const std::string& op, const std::string& name);

}  // namespace descent
