// What a recorded call is called where the user sees it.
#pragma once

#include <string>
#include <vector>

#include "../ops/op.h"

namespace descent {

// `op` is what was recorded, `call` what the user called (null: not known), of tensors of these shapes.
std::string nameOfGradient(const std::string& op, const char* call, const std::vector<Argument>& arguments,
                           const std::vector<Shape>& shapes);

}  // namespace descent
