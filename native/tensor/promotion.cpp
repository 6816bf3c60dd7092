// Which dtype an op computes in when its operands differ: PyTorch's rules.
#include "promotion.h"

#include <algorithm>

namespace descent {

DType promote(DType a, DType b) {
  if (a == b) return a;
  const DType low = std::min(a, b);
  const DType high = std::max(a, b);
  if (low == DType::boolean) return high;
  // No 8-bit type holds both uint8 and int8; every wider one does.
  if (low == DType::uint8 && high == DType::int8) return DType::int16;
  if (low == DType::float16 && high == DType::bfloat16) return DType::float32;
  return high;
}

void PromotionOf::add(const Value& value) {
  if (value.isTensor()) {
    (value.tensor.dims() > 0 ? withDims_ : withoutDims_).add(value.tensor.dtype());
    return;
  }
  switch (value.scalar.kind) {
    case Scalar::Kind::boolean:
      return numbers_.add(DType::boolean);
    case Scalar::Kind::integer:
      return numbers_.add(DType::int64);
    case Scalar::Kind::floating:
      return numbers_.add(DType::float32);
  }
}

PromotionOf::Rank PromotionOf::combine(const Rank& higher, const Rank& lower) {
  if (!higher.isSet) return lower;
  if (!lower.isSet || isFloating(higher.dtype)) return higher;
  Rank result = higher;
  if (higher.dtype == DType::boolean || isFloating(lower.dtype)) result.add(lower.dtype);
  return result;
}

DType PromotionOf::result() const { return combine(withDims_, combine(withoutDims_, numbers_)).dtype; }

}  // namespace descent
