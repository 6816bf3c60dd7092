// How a tensor is cut into pieces, and how two of them are subtracted.
#include "pieces.h"

#include <algorithm>

namespace descent::inspect {

namespace {

Operand line(Memory memory, DType dtype, int64_t length) {
  Operand operand;
  operand.memory = memory;
  operand.dtype = dtype;
  operand.dims = 2;
  operand.sizes[0] = 1;
  operand.sizes[1] = length;
  operand.strides[0] = length;
  operand.strides[1] = 1;
  return operand;
}

}  // namespace

Pieces::Pieces(const Elements& x, const Elements* minus, int64_t most) : x_(x) {
  if (minus) minus_ = *minus;
  const Shape& shape = x.shape();
  if (shape.numel() == 0) {
    outer_ = 0;
    return;
  }
  if (shape.dims == 0) return;
  split_ = shape.dims - 1;
  while (split_ > 0 && inner_ * shape[split_] <= most) inner_ *= shape[split_--];
  size_ = shape[split_];
  chunk_ = std::clamp<int64_t>(most / inner_, 1, size_);
  perOuter_ = (size_ + chunk_ - 1) / chunk_;
  for (int dim = 0; dim < split_; dim++) outer_ *= shape[dim];
}

int64_t Pieces::first(int64_t piece) const {
  return (piece / perOuter_ * size_ + piece % perOuter_ * chunk_) * inner_;
}

int64_t Pieces::length(int64_t piece) const {
  return std::min(chunk_, size_ - piece % perOuter_ * chunk_) * inner_;
}

Elements Pieces::part(const Elements& x, int64_t piece) const {
  const Shape& shape = x.shape();
  if (shape.dims == 0) return x;
  int64_t offset = piece % perOuter_ * chunk_ * x.geometry.strides[split_];
  int64_t left = piece / perOuter_;
  for (int dim = split_ - 1; dim >= 0; dim--) {
    offset += left % shape[dim] * x.geometry.strides[dim];
    left /= shape[dim];
  }
  Elements cut = x;
  cut.geometry = Geometry();
  cut.geometry.shape.push(length(piece) / inner_);
  cut.geometry.strides[0] = x.geometry.strides[split_];
  for (int dim = split_ + 1; dim < shape.dims; dim++) {
    cut.geometry.strides[cut.geometry.shape.dims] = x.geometry.strides[dim];
    cut.geometry.shape.push(shape[dim]);
  }
  cut.memory.offset += static_cast<size_t>(offset) * sizeOf(x.dtype);
  return cut;
}

Elements Pieces::ordered(const Elements& x, std::optional<RawMemory>& memory) {
  if (x.geometry.isContiguous()) return x;
  if (!memory) memory.emplace(x.device, static_cast<size_t>(chunk_ * inner_) * sizeOf(x.dtype));
  Elements copied = x;
  copied.memory = memory->memory();
  copied.geometry = Geometry(x.shape());
  copyElements(copied, x);
  return copied;
}

DType Pieces::dtype() const {
  if (!minus_) return x_.dtype;
  if (!isFloating(x_.dtype) && !isFloating(minus_->dtype)) return DType::int64;
  return deviceOf(x_.device).describe().hasFloat64 ? DType::float64 : DType::float32;
}

Elements Pieces::at(int64_t piece) {
  if (!minus_) return part(x_, piece);
  const Elements left = ordered(part(x_, piece), left_), right = ordered(part(*minus_, piece), right_);
  const int64_t count = length(piece);
  const auto most = static_cast<size_t>(chunk_ * inner_);
  if (!difference_) {
    difference_.emplace(x_.device, most * sizeof(int64_t));
    flags_.emplace(x_.device, most);
  }
  Device& device = deviceOf(x_.device);
  std::vector<Operand> operands{line(difference_->memory(), DType::int64, count),
                                line(flags_->memory(), DType::uint8, count),
                                line(left.memory, left.dtype, count), line(right.memory, right.dtype, count)};
  const int64_t integers[] = {0, 1, 1, 1, 1, dtype() == DType::int64, 1};  // one element to a cell
  Launch launch;
  launch.kernel = device.findKernel("cells");
  launch.outputs = 2;
  launch.operands = &operands;
  launch.integers = integers;
  device.launch(launch);
  Elements difference;
  difference.device = x_.device;
  difference.memory = difference_->memory();
  difference.geometry = Geometry(left.shape());
  difference.dtype = dtype();
  if (difference.dtype == DType::float32) {
    // In the low half of its 8 bytes.
    for (int dim = 0; dim < difference.shape().dims; dim++) difference.geometry.strides[dim] *= 2;
  }
  return difference;
}

}  // namespace descent::inspect
