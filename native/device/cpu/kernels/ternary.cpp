// The elementwise kernels with three inputs, from the rows of ops/elementwise.def.
#include "rows.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

#define TERNARY(name, PARAMETERS, RULE, EXPRESSION, ...)                                          \
  template <class T, class Output>                                                                \
  struct Row_##name {                                                                             \
    static void loop(void* to, const void* const* inputs, int64_t count, const double* numbers) { \
      DESCENT_PARAMETERS(PARAMETERS)                                                              \
      using First = Rule##RULE::First<T>;                                                         \
      const First* as = static_cast<const First*>(inputs[0]);                                     \
      const T* bs = static_cast<const T*>(inputs[1]);                                             \
      const T* cs = static_cast<const T*>(inputs[2]);                                             \
      Output* y = static_cast<Output*>(to);                                                       \
      DESCENT_VECTORIZE                                                                           \
      for (int64_t i = 0; i < count; ++i) {                                                       \
        const First a = as[i];                                                                    \
        const T b = bs[i];                                                                        \
        const T c = cs[i];                                                                        \
        y[i] = static_cast<Output>(EXPRESSION);                                                   \
      }                                                                                           \
    }                                                                                             \
  };
#include "../../../ops/elementwise.def"

const Kernel kRows[] = {
#define TERNARY(name, PARAMETERS, RULE, ...) \
  {#name, Rule##RULE::dtypes, elementwise, &kRowFor<Row_##name, Rule##RULE>},
#include "../../../ops/elementwise.def"
};

}  // namespace

extern const KernelTable ternaryRows;
const KernelTable ternaryRows = {kRows, sizeof kRows / sizeof *kRows};

}  // namespace descent::cpu::DESCENT_CAPABILITY
