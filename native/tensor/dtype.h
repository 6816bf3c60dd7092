// The element types a tensor can hold, with their sizes, names and promotion order.
#pragma once

#include <cstddef>
#include <cstdint>

namespace descent {

// The numbers are part of the contract with engine/native.ts.
enum class DType : uint8_t {
  boolean = 0,
  uint8 = 1,
  int8 = 2,
  int16 = 3,
  int32 = 4,
  int64 = 5,
  float16 = 6,
  bfloat16 = 7,
  float32 = 8,
  float64 = 9,
};

constexpr int kDTypeCount = 10;

constexpr size_t sizeOf(DType dtype) {
  switch (dtype) {
    case DType::boolean:
    case DType::uint8:
    case DType::int8:
      return 1;
    case DType::int16:
    case DType::float16:
    case DType::bfloat16:
      return 2;
    case DType::int32:
    case DType::float32:
      return 4;
    case DType::int64:
    case DType::float64:
      return 8;
  }
  return 0;
}

constexpr const char* nameOf(DType dtype) {
  constexpr const char* names[kDTypeCount] = {"bool",  "uint8",   "int8",     "int16",   "int32",
                                              "int64", "float16", "bfloat16", "float32", "float64"};
  return names[static_cast<int>(dtype)];
}

constexpr bool isFloating(DType dtype) { return dtype >= DType::float16; }
constexpr bool isHalf(DType dtype) { return dtype == DType::float16 || dtype == DType::bfloat16; }
constexpr bool isIntegral(DType dtype) { return dtype >= DType::uint8 && dtype <= DType::int64; }

}  // namespace descent
