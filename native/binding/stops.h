// What one JavaScript environment keeps of the stops of its debugger.
#pragma once

#include <node_api.h>

#include "../inspect/facts.h"

namespace descent::binding {

struct Stops {
  napi_ref rows = nullptr;  // the table of facts, a Float64Array that JavaScript reads
  double number = 0;        // of the last stop
  uint64_t calls = 0;       // of the addon by then: as long as there are no more, nothing can have changed
  inspect::Names names;
};

}  // namespace descent::binding
