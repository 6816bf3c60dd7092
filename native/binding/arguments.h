// Arguments of ops, from JavaScript values to what the table's rows take.
#pragma once

#include "../ops/op.h"
#include "environment.h"

namespace descent::binding {

Argument readArgument(const CallInfo& call, napi_value value, const ArgumentRow& row);
// A dtype by its number or its name.
DType readDType(const CallInfo& call, napi_value value);

}  // namespace descent::binding
