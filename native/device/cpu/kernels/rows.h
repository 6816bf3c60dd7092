// Turns rows of ops/elementwise.def into loops and table entries. Included by one file for each number of
// inputs, which defines the macro of its rows.
#pragma once

#include "kernels.h"

#define DESCENT_PARAMETERS_NONE
#define DESCENT_PARAMETERS_P1(...) [[maybe_unused]] const double p0 = numbers[0];
#define DESCENT_PARAMETERS_P2(...)               \
  [[maybe_unused]] const double p0 = numbers[0]; \
  [[maybe_unused]] const double p1 = numbers[1];
#define DESCENT_PASTE(a, b) a##b
#define DESCENT_PARAMETERS(params) DESCENT_PASTE(DESCENT_PARAMETERS_, params)

namespace descent::cpu::DESCENT_CAPABILITY {

// The dtypes a row is compiled for, and what it writes, by its rule.
struct KeepsType {
  template <class T>
  using Output = T;
  template <class T>
  using First = T;  // type of the first of three inputs
  static constexpr uint32_t dtypes = kAll | kHalves;
  static constexpr bool hasIntegers = true;
};
struct GivesBool {
  template <class T>
  using Output = bool;
  static constexpr uint32_t dtypes = kAll | kHalves;
  static constexpr bool hasIntegers = true;
};
struct OnlyFloating {
  template <class T>
  using Output = T;
  template <class T>
  using First = T;
  static constexpr uint32_t dtypes = kFloating | kHalves;
  static constexpr bool hasIntegers = false;
};
struct Selects : KeepsType {
  template <class T>
  using First = bool;
};
using RuleSELECT = Selects;
using RuleNUMERIC = KeepsType;
using RuleSIGNED = KeepsType;
using RuleDIVIDE = KeepsType;

using RuleCOMPARE = GivesBool;
using RuleFLOATING = OnlyFloating;
using RuleFLOATONLY = OnlyFloating;

// Row: a template over (T, output type) with a static loop().
template <template <class, class> class Row, class Rule>
constexpr ElementwiseRow rowFor() {
  // Floating rows mostly call functions; the others are a load and an add.
  ElementwiseRow row{{}, Rule::hasIntegers ? 2 * kGrain : kGrain / 2};
  row.loops[static_cast<int>(DType::float32)] = Row<float, typename Rule::template Output<float>>::loop;
  row.loops[static_cast<int>(DType::float64)] = Row<double, typename Rule::template Output<double>>::loop;
  if constexpr (Rule::hasIntegers) {
    row.loops[static_cast<int>(DType::boolean)] = Row<bool, bool>::loop;
    row.loops[static_cast<int>(DType::uint8)] = Row<uint8_t, typename Rule::template Output<uint8_t>>::loop;
    row.loops[static_cast<int>(DType::int8)] = Row<int8_t, typename Rule::template Output<int8_t>>::loop;
    row.loops[static_cast<int>(DType::int16)] = Row<int16_t, typename Rule::template Output<int16_t>>::loop;
    row.loops[static_cast<int>(DType::int32)] = Row<int32_t, typename Rule::template Output<int32_t>>::loop;
    row.loops[static_cast<int>(DType::int64)] = Row<int64_t, typename Rule::template Output<int64_t>>::loop;
  }
  return row;
}

template <template <class, class> class Row, class Rule>
inline constexpr ElementwiseRow kRowFor = rowFor<Row, Rule>();

}  // namespace descent::cpu::DESCENT_CAPABILITY
