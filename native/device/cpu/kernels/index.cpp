// Picking and adding by index. All indices are checked before anything is written.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

// All elements of an index as int64, row-major, each within [0, size). In scratch slot 5.
const int64_t* checkedIndex(const char* op, const Operand& index, int64_t size) {
  const int64_t count = elements(index);
  auto* all = static_cast<int64_t*>(scratch(5, static_cast<size_t>(count + 1) * sizeof(int64_t)));
  if (index.dtype == DType::int64) {
    gatherRange(index, 0, count, all);
  } else {
    auto* narrow = static_cast<int32_t*>(scratch(4, static_cast<size_t>(count + 1) * sizeof(int32_t)));
    gatherRange(index, 0, count, narrow);
    for (int64_t i = 0; i < count; ++i) all[i] = narrow[i];
  }
  for (int64_t i = 0; i < count; ++i) {
    if (all[i] < 0 || all[i] >= size) throwBadIndex(op, all[i], i, size);
  }
  return all;
}

// The dims from 2 on of an operand [A, N, B...], as one slice.
Operand slice(const Operand& x) {
  Operand result;
  result.memory = x.memory;
  result.dtype = x.dtype;
  result.dims = x.dims - 2;
  for (int dim = 2; dim < x.dims; ++dim) {
    result.sizes[dim - 2] = x.sizes[dim];
    result.strides[dim - 2] = x.strides[dim];
  }
  return result;
}

// y [A, N, B...], x [A, D, B...], index [N]
void indexSelect(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[1];
  const int64_t* index = checkedIndex("indexSelect", call.operands[2], x.sizes[1]);
  const Operand from = slice(x), to = slice(y);
  const bool fromDense = isContiguous(from), toDense = isContiguous(to);
  const int64_t size = elements(to);
  const int64_t width = bytesPerElement(y.dtype);
  const int64_t picked = y.sizes[1];
  if (size == 0) return;
  parallel(y.sizes[0] * picked, most<int64_t>(1, kGrain / size), [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const int64_t a = row / picked, n = row % picked;
      char* target = bytesOf(y) + (a * y.strides[0] + n * y.strides[1]) * width;
      const int64_t source = (a * x.strides[0] + index[n] * x.strides[1]) * width;
      if (fromDense && toDense) {
        __builtin_memcpy(target, bytesOf(x) + source, static_cast<size_t>(size * width));
        continue;
      }
      Operand operands[2] = {to, from};
      operands[0].memory.offset += static_cast<size_t>(target - bytesOf(y));
      operands[1].memory.offset += static_cast<size_t>(source);
      alignas(8) char tile[1024 * 8];
      for (int64_t at = 0; at < size; at += 1024) {
        gatherRange(operands[1], at, least<int64_t>(1024, size - at), tile);
        scatterRange(operands[0], at, least<int64_t>(1024, size - at), tile);
      }
    }
  });
}

// y [A, D, B...] += x [A, N, B...] at index [N]; in the order of the index, so that sums are the same every
// time.
void indexAdd(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[1];
  const int64_t* index = checkedIndex("indexAdd", call.operands[2], y.sizes[1]);
  const Operand to = slice(y), from = slice(x);
  const bool dense = isContiguous(to) && isContiguous(from);
  const int64_t size = elements(to), count = x.sizes[1];
  withAny(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    parallel(y.sizes[0], most<int64_t>(1, kGrain / (size * count + 1)), [&](int64_t begin, int64_t end) {
      for (int64_t a = begin; a < end; ++a) {
        for (int64_t n = 0; n < count; ++n) {
          T* target = pointerTo<T>(y) + a * y.strides[0] + index[n] * y.strides[1];
          const T* source = pointerTo<T>(x) + a * x.strides[0] + n * x.strides[1];
          if (dense) {
            for (int64_t i = 0; i < size; ++i) target[i] = static_cast<T>(target[i] + source[i]);
          } else {
            for (int64_t i = 0; i < size; ++i) {
              T& sum = target[offsetOf(to, to.dims, i)];
              sum = static_cast<T>(sum + source[offsetOf(from, from.dims, i)]);
            }
          }
        }
      }
    });
  });
}

// The place in x of element `position` of the index, whose coordinate along `dim` is replaced.
int64_t placeOf(const Operand& x, const Operand& index, int dim, int64_t position, int64_t chosen) {
  int64_t offset = chosen * x.strides[dim];
  for (int k = index.dims - 1; k >= 0; --k) {
    if (k != dim) offset += position % index.sizes[k] * x.strides[k];
    position /= index.sizes[k];
  }
  return offset;
}

// y and index have one shape; x has as many dims.
void gather(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[1];
  const Operand& indices = call.operands[2];
  const int dim = static_cast<int>(call.integers[0]);
  const int64_t* index = checkedIndex("gather", indices, x.sizes[dim]);
  withAny(movedAs(y.dtype), [&](auto zero) {
    using T = decltype(zero);
    parallel(elements(y), kGrain / 4, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        pointerTo<T>(y)[offsetOf(y, y.dims, i)] = pointerTo<T>(x)[placeOf(x, indices, dim, i, index[i])];
    });
  });
}

enum class Joined { replaced, added, multiplied };

// y at index = x, y + x or y x; in the order of the index.
template <Joined kJoined>
void scatter(const Call& call, const void*) {
  const Operand& y = call.operands[0];
  const Operand& x = call.operands[1];
  const Operand& indices = call.operands[2];
  const int dim = static_cast<int>(call.integers[0]);
  const int64_t* index = checkedIndex("scatter", indices, y.sizes[dim]);
  const int64_t count = elements(indices);
  withAny(y.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = 0; i < count; ++i) {
      T& place = pointerTo<T>(y)[placeOf(y, indices, dim, i, index[i])];
      int64_t from = 0, position = i;
      for (int k = indices.dims - 1; k >= 0; --k) {
        from += position % indices.sizes[k] * x.strides[k];
        position /= indices.sizes[k];
      }
      const T value = pointerTo<T>(x)[from];
      place = kJoined == Joined::replaced
                  ? value
                  : static_cast<T>(kJoined == Joined::added ? place + value : place * value);
    }
  });
}

const Kernel kKernels[] = {
    {"indexSelect", kAll | kHalves, indexSelect, nullptr},
    {"indexAdd", kAll, indexAdd, nullptr},
    {"gather", kAll | kHalves, gather, nullptr},
    {"scatter", kAll, scatter<Joined::replaced>, nullptr},
    {"scatterAdd", kAll, scatter<Joined::added>, nullptr},
    {"scatterMultiply", kAll, scatter<Joined::multiplied>, nullptr},
};

}  // namespace

extern const KernelTable indexKernels;
const KernelTable indexKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
