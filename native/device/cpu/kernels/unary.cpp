// The elementwise kernels with one input, from the rows of ops/elementwise.def.
#include "rows.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

#define UNARY(name, PARAMETERS, RULE, EXPRESSION, ...)                                            \
  template <class T, class Output>                                                                \
  struct Row_##name {                                                                             \
    static void loop(void* to, const void* const* inputs, int64_t count, const double* numbers) { \
      DESCENT_PARAMETERS(PARAMETERS)                                                              \
      const T* xs = static_cast<const T*>(inputs[0]);                                             \
      Output* y = static_cast<Output*>(to);                                                       \
      DESCENT_VECTORIZE                                                                           \
      for (int64_t i = 0; i < count; ++i) {                                                       \
        const T x = xs[i];                                                                        \
        y[i] = static_cast<Output>(EXPRESSION);                                                   \
      }                                                                                           \
    }                                                                                             \
  };
#include "../../../ops/elementwise.def"

const Kernel kRows[] = {
#define UNARY(name, PARAMETERS, RULE, ...) \
  {#name, Rule##RULE::dtypes, elementwise, &kRowFor<Row_##name, Rule##RULE>},
#include "../../../ops/elementwise.def"
};

}  // namespace

extern const KernelTable unaryRows;
const KernelTable unaryRows = {kRows, sizeof kRows / sizeof *kRows};

}  // namespace descent::cpu::DESCENT_CAPABILITY
