// How elementwise ops run: promotion, broadcasting, one kernel.
#pragma once

#include "op.h"

namespace descent {

namespace forward {
void elementwise(Call& call);
}

// The derivatives of one row as text, to see what they need.
struct ElementwiseFormulas {
  const char* text[3];
};
// In the order of elementwise.def.
const ElementwiseFormulas* elementwiseFormulas();

}  // namespace descent
