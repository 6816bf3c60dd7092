// Elements in row-major order, a piece at a time; also the difference of two tensors, which is worked out in
// memory of its own as it is needed.
#pragma once

#include <optional>

#include "elements.h"

namespace descent::inspect {

constexpr int64_t kReadAtOnce = int64_t{1} << 20;

class Pieces {
 public:
  // Of at most about `most` elements. `minus` has x's shape and device, or is null.
  Pieces(const Elements& x, const Elements* minus, int64_t most);

  int64_t count() const { return outer_ * perOuter_; }
  // Row-major place of a piece's first element, and how many it has.
  int64_t first(int64_t piece) const;
  int64_t length(int64_t piece) const;
  // Of every piece: int64 for a difference of integers, else the widest floating type of the device.
  DType dtype() const;
  // Good until the next call.
  Elements at(int64_t piece);

 private:
  Elements part(const Elements& x, int64_t piece) const;
  // In order; copied to `memory` where they are not.
  Elements ordered(const Elements& x, std::optional<RawMemory>& memory);
  Elements x_;
  std::optional<Elements> minus_;
  // Dim `split_` is cut into `perOuter_` pieces of `chunk_`, for each index of the dims before it.
  int split_ = 0;
  int64_t outer_ = 1, perOuter_ = 1, chunk_ = 1, inner_ = 1, size_ = 1;
  std::optional<RawMemory> left_, right_, difference_, flags_;
};

}  // namespace descent::inspect
