// A plain number with the kind it came as: what a JavaScript number, bigint or boolean becomes in an op.
#pragma once

#include <cmath>
#include <cstdint>

namespace descent {

struct Scalar {
  enum class Kind : uint8_t { boolean, integer, floating };
  Kind kind = Kind::integer;
  double number = 0;
  int64_t integer = 0;
  bool isBigInt = false;  // it came as a JavaScript bigint: int64 is meant, not merely possible

  Scalar() = default;
  Scalar(bool value) : kind(Kind::boolean), number(value), integer(value) {}
  Scalar(int value) : Scalar(static_cast<int64_t>(value)) {}
  Scalar(int64_t value) : kind(Kind::integer), number(static_cast<double>(value)), integer(value) {}
  Scalar(double value) : kind(Kind::floating), number(value), integer(saturated(value)) {}

  // As JavaScript means it: a number without a fraction counts as an integer.
  static Scalar fromJavaScript(double value) {
    if (std::trunc(value) == value && std::fabs(value) < 9223372036854775808.0) {
      return Scalar(static_cast<int64_t>(value));
    }
    return Scalar(value);
  }

  bool isFractional() const { return kind == Kind::floating && std::trunc(number) != number; }

 private:
  static int64_t saturated(double value) {
    if (!(value > -9223372036854775808.0)) return value == value ? INT64_MIN : 0;
    if (value >= 9223372036854775808.0) return INT64_MAX;
    return static_cast<int64_t>(value);
  }
};

}  // namespace descent
