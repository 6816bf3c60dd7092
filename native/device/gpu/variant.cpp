// Choices of types for kernel sources, and operands as the dialect sees them.
#include <cstring>

#include "kernel.h"

namespace descent::gpu {

const char* typeName(DType dtype) {
  switch (dtype) {
    case DType::float32:
      return "f32";
    case DType::float64:
      return "f64";
    case DType::float16:
      return "f16";
    case DType::bfloat16:
      return "bf16";
    case DType::int8:
      return "i8";
    case DType::uint8:
      return "u8";
    case DType::int16:
      return "i16";
    case DType::int32:
      return "i32";
    case DType::int64:
      return "i64";
    case DType::boolean:
      break;
  }
  return "b8";
}

std::string Variant::suffix() const {
  std::string text;
  for (int k = 0; k < count_; ++k) text += (k ? "_" : "") + std::string(values_[k]);
  return text;
}

std::string Variant::definitions() const {
  std::string text;
  for (int k = 0; k < count_; ++k) text += std::string("#define ") + names_[k] + " " + values_[k] + "\n";
  return text + (beginning_ ? beginning_ : "");
}

bool Variant::operator==(const Variant& other) const {
  if (count_ != other.count_ || beginning_ != other.beginning_) return false;
  for (int k = 0; k < count_; ++k) {
    if (values_[k] != other.values_[k]) return false;
  }
  return true;
}

bool Variant::hasType() const {
  for (int k = 0; k < count_; ++k) {
    if (std::strcmp(names_[k], "TYPE") == 0) return true;
  }
  return false;
}

Strided strided(const Operand& operand, int from, int to) {
  Strided view;
  i64 count = 1, reach = 0;
  for (int dim = from; dim < to; ++dim) {
    const i64 size = operand.sizes[dim], stride = operand.isConstant ? 0 : operand.strides[dim];
    count *= size;
    if (size == 1) continue;
    reach += (size - 1) * stride;
    const int last = view.dims - 1;
    if (last >= 0 && view.strides[last] == stride * size) {
      view.sizes[last] *= size;
      view.strides[last] = stride;
      continue;
    }
    view.sizes[view.dims] = size;
    view.strides[view.dims++] = stride;
  }
  view.is_narrow = count < (i64{1} << 31) && reach < (i64{1} << 31);
  return view;
}

Strided strided(const Operand& operand) { return strided(operand, 0, operand.dims); }

bool isContiguous(const Operand& operand) {
  if (operand.isConstant) return false;
  i64 expected = 1;
  for (int dim = operand.dims - 1; dim >= 0; --dim) {
    if (operand.sizes[dim] == 1) continue;
    if (operand.strides[dim] != expected) return false;
    expected *= operand.sizes[dim];
  }
  return true;
}

}  // namespace descent::gpu
