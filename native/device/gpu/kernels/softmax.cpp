// Softmax and its logarithm over rows, forward and backward. Rows are read twice: once for their largest
// element and sum, once more, from the caches, for the result.
// VARIANTS TYPE: f32 f64 f16 bf16
#include "../kernel.h"

KERNEL_SOURCE

#include "../dialect/rows.h"

// The last dim is the row; the others say where rows begin.
typedef struct {
  Rows rows;
  i64 steps[3];  // from element to element
  Strided starts[3];
} SoftmaxShape;

#ifdef DESCENT_DIALECT

#include "../dialect/softmax.h"

ROW_REDUCTION(joined, T, a + b)

#define SOFTMAX_FORWARD(name, RESULT)                                                                   \
  KERNEL(name)(BUFFER(TYPE, y), BUFFER(TYPE, x), const SoftmaxShape shape) {                            \
    SHARED(Exponentials, shared, LANES);                                                                \
    OPEN(TYPE, y);                                                                                      \
    OPEN(TYPE, x);                                                                                      \
    const i32 slices = shape.rows.slices;                                                               \
    const i32 which = ROW_OF_LANE(shape.rows), slice = SLICE_OF_LANE(shape.rows);                       \
    FOR_ROWS(first, shape.rows) {                                                                       \
      const i64 row = first + which;                                                                    \
      const i64 end = row < shape.rows.rows ? shape.rows.size : 0;                                      \
      GLOBAL const S* from = x + (end ? placeOf(&shape.starts[1], row) : 0);                            \
      GLOBAL S* to = y + (end ? placeOf(&shape.starts[0], row) : 0);                                    \
      Exponentials all = noExponentials();                                                              \
      for (i64 k = slice; k < end; k += slices) all = addTo(all, LOAD(TYPE, from, k * shape.steps[1])); \
      all = joinedExponentials(shared, all, which, slice, shape.rows.across, slices);                   \
      const T factor = T(1) / all.sum, shift = log_(all.sum);                                           \
      for (i64 k = slice; k < end; k += slices) {                                                       \
        const T value = LOAD(TYPE, from, k * shape.steps[1]) - all.largest;                             \
        STORE(TYPE, to, k* shape.steps[0], (RESULT));                                                   \
      }                                                                                                 \
    }                                                                                                   \
  }
SOFTMAX_FORWARD(softmax, exp_(value) * factor)
SOFTMAX_FORWARD(logSoftmax, value - shift)

// Of dx, g and y; TERM is what is summed over the row.
#define SOFTMAX_BACKWARD(name, TERM, RESULT)                                                      \
  KERNEL(name)(BUFFER(TYPE, dx), BUFFER(TYPE, g), BUFFER(TYPE, y), const SoftmaxShape shape) {    \
    SHARED(T, shared, LANES);                                                                     \
    OPEN(TYPE, dx);                                                                               \
    OPEN(TYPE, g);                                                                                \
    OPEN(TYPE, y);                                                                                \
    const i32 slices = shape.rows.slices;                                                         \
    const i32 which = ROW_OF_LANE(shape.rows), slice = SLICE_OF_LANE(shape.rows);                 \
    FOR_ROWS(first, shape.rows) {                                                                 \
      const i64 row = first + which;                                                              \
      const i64 end = row < shape.rows.rows ? shape.rows.size : 0;                                \
      GLOBAL const S* gs = g + (end ? placeOf(&shape.starts[1], row) : 0);                        \
      GLOBAL const S* ys = y + (end ? placeOf(&shape.starts[2], row) : 0);                        \
      GLOBAL S* to = dx + (end ? placeOf(&shape.starts[0], row) : 0);                             \
      T sum = T(0);                                                                               \
      for (i64 k = slice; k < end; k += slices) {                                                 \
        const T gk = LOAD(TYPE, gs, k * shape.steps[1]), yk = LOAD(TYPE, ys, k * shape.steps[2]); \
        sum += (TERM);                                                                            \
      }                                                                                           \
      sum = joined(shared, sum, which, slice, shape.rows.across, slices);                         \
      for (i64 k = slice; k < end; k += slices) {                                                 \
        const T gk = LOAD(TYPE, gs, k * shape.steps[1]), yk = LOAD(TYPE, ys, k * shape.steps[2]); \
        STORE(TYPE, to, k* shape.steps[0], (RESULT));                                             \
      }                                                                                           \
    }                                                                                             \
  }
// dx = y (g - sum g y)
SOFTMAX_BACKWARD(softmaxBackward, gk* yk, yk*(gk - sum))
// y = x - ln sum e^x, so dx = g - e^y sum g
SOFTMAX_BACKWARD(logSoftmaxBackward, gk, gk - exp_(yk) * sum)

#else  // host

void run(GpuDevice& device, const Launch& launch, const char* kernel) {
  const std::vector<Operand>& operands = *launch.operands;
  const Operand& y = operands[0];
  if (elements(y) == 0) return;
  const int last = y.dims - 1;
  SoftmaxShape shape{};
  for (size_t k = 0; k < operands.size(); ++k) {
    shape.steps[k] = y.dims ? operands[k].strides[last] : 1;
    shape.starts[k] = strided(operands[k], 0, std::max(last, 0));
  }
  const i64 size = y.dims ? y.sizes[last] : 1;
  const Operand& x = operands.back();
  const bool isColumns = areColumns(shape.starts[operands.size() - 1], strided(x, std::max(last, 0), x.dims));
  shape.rows = shareRows(device, elements(y) / size, size, isColumns);
  KernelCall call(device, "softmax", kernel, Variant(y.dtype));
  for (const Operand& operand : operands) call.memory(operand);
  call.value(shape).run({groupsFor(shape.rows), 1, 1});
}

#define SOFTMAX(name) \
  void name(GpuDevice& device, const Launch& launch) { run(device, launch, #name); }
SOFTMAX(softmax)
SOFTMAX(logSoftmax)
SOFTMAX(softmaxBackward)
SOFTMAX(logSoftmaxBackward)

const Kernel table[] = {
    {"softmax", kFloating, softmax},
    {"logSoftmax", kFloating, logSoftmax},
    {"softmaxBackward", kFloating, softmaxBackward},
    {"logSoftmaxBackward", kFloating, logSoftmaxBackward},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"softmax", 1, {{numbers, {5, 70}}, {numbers, {5, 70}}}, {}, {}},
      {"softmaxBackward", 1, {{numbers, {5, 70}}, {numbers, {5, 70}}, {numbers, {5, 70}}}, {}, {}},
  };
}

KERNEL_TABLE(softmax)

#endif
