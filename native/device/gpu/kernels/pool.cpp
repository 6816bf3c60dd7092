// Pooling: means and largest elements of windows, and their gradients. A lane makes one element of the
// result; in the gradients it looks at the windows that hold its element, in order, so that nothing is added
// atomically. Means of large windows take a group each.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8
#include "../kernel.h"

KERNEL_SOURCE

// Planes of `size` become planes of `out`; pairs are lines and columns. A window of 0 is adaptive: the input
// is shared out among the outputs.
typedef struct {
  i64 planes;
  i64 size[2], out[2], window[2], stride[2], padding[2], dilation[2];
  i64 divisor;  // 0: the window's size
  i32 counts_padding, unused;
} Pooling;

#ifdef DESCENT_DIALECT

#include "../dialect/divide.h"

// What one place of the output sees of one dim of the input, and how many places count in a mean.
typedef struct {
  i64 start, end, count;
} Window;

DEVICE Window windowAt(const Pooling* p, i32 dim, i64 place) {
  const i64 size = p->size[dim], out = p->out[dim];
  Window window;
  if (p->window[dim] == 0) {
    window.start = quotientOf(place * size, out);
    window.end = quotientOf((place + 1) * size + out - 1, out);
    window.count = window.end - window.start;
    return window;
  }
  const i64 begin = place * p->stride[dim] - p->padding[dim], hanging = begin + p->window[dim];
  const i64 stop = hanging < size + p->padding[dim] ? hanging : size + p->padding[dim];
  window.start = begin > 0 ? begin : 0;
  window.end = stop < size ? stop : size;
  window.count = p->counts_padding ? stop - begin : window.end - window.start;
  return window;
}

// The same of a window with holes; count is not used.
DEVICE Window spreadAt(const Pooling* p, i32 dim, i64 place) {
  if (p->window[dim] == 0) return windowAt(p, dim, place);
  const i64 begin = place * p->stride[dim] - p->padding[dim], dilation = p->dilation[dim];
  const i64 stop = begin + (p->window[dim] - 1) * dilation + 1;
  Window window;
  window.start = begin < 0 ? begin + quotientOf(dilation - 1 - begin, dilation) * dilation : begin;
  window.end = stop < p->size[dim] ? stop : p->size[dim];
  window.count = 0;
  return window;
}

// The places of the output whose windows reach over place `at` of the input: from start to before end.
DEVICE Window holdersOf(const Pooling* p, i32 dim, i64 at) {
  const i64 size = p->size[dim], out = p->out[dim];
  Window holders;
  holders.count = 0;
  if (p->window[dim] == 0) {
    holders.start = quotientOf(at * out, size);
    holders.end = quotientOf((at + 1) * out + size - 1, size);
    return holders;
  }
  const i64 shifted = at + p->padding[dim], stride = p->stride[dim];
  const i64 before = shifted - (p->window[dim] - 1) * p->dilation[dim];
  const i64 beyond = quotientOf(shifted, stride) + 1;
  holders.start = before > 0 ? quotientOf(before + stride - 1, stride) : 0;
  holders.end = beyond < out ? beyond : out;
  return holders;
}

DEVICE i64 divisorOf(const Pooling* p, Window lines, Window columns) {
  return p->divisor != 0 ? p->divisor : lines.count * columns.count;
}
DEVICE bool isEmpty(Window lines, Window columns) {
  return lines.start >= lines.end || columns.start >= columns.end;
}

KERNEL(averagePool)(BUFFER(TYPE, y), BUFFER(TYPE, x), const Pooling p) {
  OPEN(TYPE, y);
  OPEN(TYPE, x);
  const i64 outs = p.out[0] * p.out[1], count = p.planes * outs;
  for (i64 index = GROUP_X * LANES + LANE; index < count; index += GROUPS_X * LANES) {
    const i64 plane = quotientOf(index, outs), place = index - plane * outs;
    const i64 line = quotientOf(place, p.out[1]);
    const Window lines = windowAt(&p, 0, line), columns = windowAt(&p, 1, place - line * p.out[1]);
    T sum = T(0);
    for (i64 i = lines.start; i < lines.end; i++) {
      const i64 begin = (plane * p.size[0] + i) * p.size[1];
      for (i64 j = columns.start; j < columns.end; j++) sum += LOAD(TYPE, x, begin + j);
    }
    STORE(TYPE, y, index, isEmpty(lines, columns) ? T(0) : sum / T(divisorOf(&p, lines, columns)));
  }
}

GROUP_REDUCTION(sumOfGroup, T, a + b)

// A group for each element: windows of a thousand elements and more.
KERNEL(averagePoolWide)(BUFFER(TYPE, y), BUFFER(TYPE, x), const Pooling p) {
  SHARED(T, shared, LANES);
  OPEN(TYPE, y);
  OPEN(TYPE, x);
  const i64 outs = p.out[0] * p.out[1], count = p.planes * outs;
  for (i64 index = GROUP_X; index < count; index += GROUPS_X) {
    const i64 plane = quotientOf(index, outs), place = index - plane * outs;
    const i64 line = quotientOf(place, p.out[1]);
    const Window lines = windowAt(&p, 0, line), columns = windowAt(&p, 1, place - line * p.out[1]);
    const i64 width = columns.end - columns.start;
    const i64 inside = isEmpty(lines, columns) ? 0 : (lines.end - lines.start) * width;
    const i64 begin = (plane * p.size[0] + lines.start) * p.size[1] + columns.start;
    T part = T(0);
    for (i64 k = LANE; k < inside; k += LANES) {
      const i64 i = quotientOf(k, width);
      part += LOAD(TYPE, x, begin + i * p.size[1] + (k - i * width));
    }
    const T sum = sumOfGroup(shared, part);
    if (LANE == 0) STORE(TYPE, y, index, inside == 0 ? T(0) : sum / T(divisorOf(&p, lines, columns)));
  }
}

KERNEL(averagePoolBackward)(BUFFER(TYPE, dx), BUFFER(TYPE, g), const Pooling p) {
  OPEN(TYPE, dx);
  OPEN(TYPE, g);
  const i64 pixels = p.size[0] * p.size[1], count = p.planes * pixels;
  for (i64 index = GROUP_X * LANES + LANE; index < count; index += GROUPS_X * LANES) {
    const i64 plane = quotientOf(index, pixels), place = index - plane * pixels;
    const i64 line = quotientOf(place, p.size[1]);
    const Window down = holdersOf(&p, 0, line), right = holdersOf(&p, 1, place - line * p.size[1]);
    T sum = T(0);
    for (i64 i = down.start; i < down.end; i++) {
      const Window lines = windowAt(&p, 0, i);
      const i64 begin = (plane * p.out[0] + i) * p.out[1];
      for (i64 j = right.start; j < right.end; j++) {
        sum += LOAD(TYPE, g, begin + j) / T(divisorOf(&p, lines, windowAt(&p, 1, j)));
      }
    }
    STORE(TYPE, dx, index, sum);
  }
}

KERNEL(maxPool)(BUFFER(TYPE, y), BUFFER(i64, places), BUFFER(TYPE, x), const Pooling p) {
  OPEN(TYPE, y);
  OPEN(i64, places);
  OPEN(TYPE, x);
  const i64 outs = p.out[0] * p.out[1], count = p.planes * outs;
  for (i64 index = GROUP_X * LANES + LANE; index < count; index += GROUPS_X * LANES) {
    const i64 plane = quotientOf(index, outs), place = index - plane * outs;
    const i64 line = quotientOf(place, p.out[1]);
    const Window lines = spreadAt(&p, 0, line), columns = spreadAt(&p, 1, place - line * p.out[1]);
    const i64 begin = plane * p.size[0] * p.size[1];
    T largest = LOWEST_T;
    // A window in the padding alone has its place outside the plane.
    i64 found = isEmpty(lines, columns) ? p.size[0] * p.size[1] : lines.start * p.size[1] + columns.start;
    for (i64 i = lines.start; i < lines.end; i += p.dilation[0]) {
      for (i64 j = columns.start; j < columns.end; j += p.dilation[1]) {
        const T value = LOAD(TYPE, x, begin + i * p.size[1] + j);
        if (value > largest || isnan_(value)) {
          largest = value;
          found = i * p.size[1] + j;
        }
      }
    }
    STORE(TYPE, y, index, largest);
    places[index] = found;
  }
}

KERNEL(maxPoolBackward)(BUFFER(TYPE, dx), BUFFER(TYPE, g), BUFFER(i64, places), const Pooling p) {
  OPEN(TYPE, dx);
  OPEN(TYPE, g);
  OPEN(i64, places);
  const i64 pixels = p.size[0] * p.size[1], count = p.planes * pixels;
  for (i64 index = GROUP_X * LANES + LANE; index < count; index += GROUPS_X * LANES) {
    const i64 plane = quotientOf(index, pixels), place = index - plane * pixels;
    const i64 line = quotientOf(place, p.size[1]);
    const Window down = holdersOf(&p, 0, line), right = holdersOf(&p, 1, place - line * p.size[1]);
    T sum = T(0);
    for (i64 i = down.start; i < down.end; i++) {
      const i64 begin = (plane * p.out[0] + i) * p.out[1];
      for (i64 j = right.start; j < right.end; j++) {
        if (places[begin + j] == place) sum += LOAD(TYPE, g, begin + j);
      }
    }
    STORE(TYPE, dx, index, sum);
  }
}

#else  // host

constexpr i64 kWideWindow = 1024;

// i: window, stride, padding, dilation (pairs). `y` has the planes that windows become, `x` those they lie
// in.
Pooling poolingOf(const Operand& y, const Operand& x, const int64_t* integers) {
  Pooling p{};
  p.planes = x.sizes[0];
  for (int k = 0; k < 2; ++k) {
    p.size[k] = x.sizes[1 + k];
    p.out[k] = y.sizes[1 + k];
    p.window[k] = integers[k];
    p.stride[k] = integers[2 + k];
    p.padding[k] = integers[4 + k];
    p.dilation[k] = integers[6 + k];
  }
  return p;
}

Pooling meansOf(const Operand& y, const Operand& x, const int64_t* integers) {
  Pooling p = poolingOf(y, x, integers);
  p.dilation[0] = p.dilation[1] = 1;
  p.counts_padding = integers[8] != 0;
  p.divisor = integers[9];
  return p;
}

// Elements of the larger windows along a dim.
i64 reachOf(const Pooling& p, int dim) {
  if (p.window[dim] == 0) return (p.size[dim] + p.out[dim] - 1) / p.out[dim];
  return p.window[dim] < p.size[dim] ? p.window[dim] : p.size[dim];
}

// All operands in their order; a lane for each of `items`.
void run(GpuDevice& device, const Launch& launch, const char* kernel, const Pooling& p, i64 items) {
  const std::vector<Operand>& operands = *launch.operands;
  KernelCall call(device, "pool", kernel, Variant(operands[0].dtype));
  for (const Operand& operand : operands) call.memory(operand);
  call.value(p).runOver(items);
}

// y; x
void averagePool(GpuDevice& device, const Launch& launch) {
  const Operand &y = (*launch.operands)[0], &x = (*launch.operands)[1];
  const Pooling p = meansOf(y, x, launch.integers);
  if (reachOf(p, 0) * reachOf(p, 1) < kWideWindow) return run(device, launch, "averagePool", p, elements(y));
  run(device, launch, "averagePoolWide", p, elements(y) * lanesOf(device));
}

// dx; g
void averagePoolBackward(GpuDevice& device, const Launch& launch) {
  const Operand &dx = (*launch.operands)[0], &g = (*launch.operands)[1];
  run(device, launch, "averagePoolBackward", meansOf(g, dx, launch.integers), elements(dx));
}

// y, places; x
void maxPool(GpuDevice& device, const Launch& launch) {
  const Operand &y = (*launch.operands)[0], &x = (*launch.operands)[2];
  run(device, launch, "maxPool", poolingOf(y, x, launch.integers), elements(y));
}

// dx; g, places
void maxPoolBackward(GpuDevice& device, const Launch& launch) {
  const Operand &dx = (*launch.operands)[0], &g = (*launch.operands)[1];
  run(device, launch, "maxPoolBackward", poolingOf(g, dx, launch.integers), elements(dx));
}

const Kernel table[] = {
    {"averagePool", kFloating | bit(DType::int64), averagePool},
    {"averagePoolBackward", kFloating, averagePoolBackward},
    {"maxPool", kNumeric, maxPool},
    {"maxPoolBackward", kFloating, maxPoolBackward},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"maxPool",
       2,
       {{numbers, {3, 4, 4}}, {indices, {3, 4, 4}}, {numbers, {3, 8, 8}}},
       {2, 2, 2, 2, 0, 0, 1, 1},
       {}},
      {"averagePool", 1, {{numbers, {3, 4, 4}}, {numbers, {3, 8, 8}}}, {3, 3, 2, 2, 1, 1, 0, 0, 1, 0}, {}},
  };
}

KERNEL_TABLE(pool)

#endif
