// Which dtype an op computes in when its operands differ: PyTorch's rules.
#pragma once

#include "tensor.h"

namespace descent {

// The smallest dtype that holds both.
DType promote(DType a, DType b);

// Tensors of one or more dims decide; 0-dim tensors, then plain numbers, only where they are of a higher kind
// (bool < integer < floating). A plain number with a fraction counts as float32.
class PromotionOf {
 public:
  void add(const Value& value);
  DType result() const;

 private:
  struct Rank {
    bool isSet = false;
    DType dtype = DType::boolean;
    void add(DType other) {
      dtype = isSet ? promote(dtype, other) : other;
      isSet = true;
    }
  };
  static Rank combine(const Rank& higher, const Rank& lower);
  Rank withDims_, withoutDims_, numbers_;
};

}  // namespace descent
