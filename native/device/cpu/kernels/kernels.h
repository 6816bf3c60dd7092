// What the kernel files of one build share: access to operands, parallel loops, and the names of the kernels.
// Everything with a body is in this build's namespace and uses nothing inline from the standard library (see
// kernel.h).
#pragma once

#include <cstdint>

#include "../half.h"
#include "../kernel.h"
#include "../math.h"

#ifdef __clang__
#define DESCENT_VECTORIZE _Pragma("clang loop vectorize(assume_safety)")
#else
#define DESCENT_VECTORIZE _Pragma("GCC ivdep")
#endif

namespace descent::cpu::DESCENT_CAPABILITY {

// A loop below this many elements is not worth a second thread.
constexpr int64_t kGrain = 16384;

inline char* bytesOf(const Operand& operand) {
  return static_cast<char*>(operand.memory.handle) + operand.memory.offset;
}
template <class T>
inline T* pointerTo(const Operand& operand) {
  return reinterpret_cast<T*>(bytesOf(operand));
}

inline int64_t elements(const Operand& operand) {
  int64_t count = 1;
  for (int dim = 0; dim < operand.dims; ++dim) count *= operand.sizes[dim];
  return count;
}

// The place, in elements, of the row-major position `index` among the first `dims` dims.
inline int64_t offsetOf(const Operand& operand, int dims, int64_t index) {
  int64_t offset = 0;
  for (int dim = dims - 1; dim >= 0; --dim) {
    offset += index % operand.sizes[dim] * operand.strides[dim];
    index /= operand.sizes[dim];
  }
  return offset;
}

inline int64_t bytesPerElement(DType dtype) {
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
      break;
  }
  return 8;
}

template <class T>
inline T least(T a, T b) {
  return a < b ? a : b;
}
template <class T>
inline T most(T a, T b) {
  return a > b ? a : b;
}

// body(begin, end) over pieces of [0, count).
template <class Body>
inline void parallel(int64_t count, int64_t grain, const Body& body) {
  parallelRange(
      count, grain,
      [](void* context, int64_t begin, int64_t end) { (*static_cast<const Body*>(context))(begin, end); },
      const_cast<Body*>(&body));
}

// Calls visit(T()) with the element type of a dtype. float16 and bfloat16 do not come here: operands of them
// reach a kernel as float32, unless it says that it takes them (kHalves) and widens them itself.
template <class Visit>
inline void withFloating(DType dtype, const Visit& visit) {
  if (dtype == DType::float32) visit(float());
  if (dtype == DType::float64) visit(double());
}
template <class Visit>
inline void withIndex(DType dtype, const Visit& visit) {
  if (dtype == DType::int32) visit(int32_t());
  if (dtype == DType::int64) visit(int64_t());
}
template <class Visit>
inline void withAny(DType dtype, const Visit& visit) {
  switch (dtype) {
    case DType::boolean:
      return visit(bool());
    case DType::uint8:
      return visit(uint8_t());
    case DType::int8:
      return visit(int8_t());
    case DType::int16:
      return visit(int16_t());
    case DType::int32:
      return visit(int32_t());
    case DType::int64:
      return visit(int64_t());
    case DType::float32:
      return visit(float());
    case DType::float64:
      return visit(double());
    case DType::float16:
    case DType::bfloat16:
      return;
  }
}

constexpr uint32_t bit(DType dtype) { return uint32_t{1} << static_cast<int>(dtype); }
constexpr uint32_t kFloating = bit(DType::float32) | bit(DType::float64);
constexpr uint32_t kHalves = bit(DType::float16) | bit(DType::bfloat16);
constexpr uint32_t kIndexTypes = bit(DType::int32) | bit(DType::int64);
constexpr uint32_t kAll =
    kFloating | kIndexTypes | bit(DType::int16) | bit(DType::int8) | bit(DType::uint8) | bit(DType::boolean);

// Elements of `operand` from `begin` on in row-major order, `count` of them, one after another at `to`; and
// back.
void gatherRange(const Operand& operand, int64_t begin, int64_t count, void* to);
void scatterRange(const Operand& operand, int64_t begin, int64_t count, const void* from);

// Whether the operand's elements lie one after another in row-major order.
bool isContiguous(const Operand& operand);

// A loop over arrays: `count` elements of each input, one after another, to `count` elements of y. y may be
// one of the inputs.
using ElementwiseLoop = void (*)(void* y, const void* const* inputs, int64_t count, const double* numbers);
// Runs `loop` over operands of one shape (y first) with any strides. Operands of float16 and bfloat16 are
// widened to float for the loop, unless it only moves elements.
void runElementwise(const Operand* operands, int count, ElementwiseLoop loop, const double* numbers,
                    int64_t grain, bool widens = true);

// One row of elementwise.def.
struct ElementwiseRow {
  ElementwiseLoop loops[kDTypeCount];  // by the dtype of the last input; null where not supported
  int64_t grain;
};
// On float16 and bfloat16 the loop of float runs, tile by tile.
void elementwise(const Call& call, const void* data);  // data: an ElementwiseRow

}  // namespace descent::cpu::DESCENT_CAPABILITY
