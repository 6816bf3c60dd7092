// Resizing of planes: each place of the result is a sum over a few places of each dim of the source. A small
// kernel tabulates places and weights for each dim; in the gradient also which places of the result look at
// one of the source, so that each lane sums up its own element. Formulas: cpu/kernels/resample.cpp.
// VARIANTS TYPE: f32 f64 f16 bf16 u8
#include "../kernel.h"

KERNEL_SOURCE

// Planes of `size` become planes of `out`; pairs are lines and columns.
typedef struct {
  i64 planes;
  i64 size[2], out[2];
  Number scale[2];       // the distance of two outputs, in inputs
  f32 nearest_scale[2];  // the same in float, for the nearest modes
  i32 mode[2];           // as KERNELS.md numbers them
  i32 align_corners, is_image;
  i32 wants_holders, unused;
} Resampling;

#ifdef DESCENT_DIALECT

#include "../dialect/divide.h"

#define NEAREST 0
#define NEAREST_EXACT 1
#define LINEAR 2
#define CUBIC 3

// What weights and sums are computed in.
#define WEIGHT_f32 f32
#define WEIGHT_f64 f64
#define WEIGHT_f16 f32
#define WEIGHT_bf16 f32
#define WEIGHT_u8 f32
#define WEIGHT PASTE(WEIGHT, TYPE)

// What one place of the result is made of along one dim.
typedef struct {
  i64 places[4];
  WEIGHT weights[4];
} Taps;
typedef Taps stored_taps;
// The places of the result that look at one of the source: from first to before end.
typedef struct {
  i64 first, end;
} Holders;
typedef Holders stored_holders;

DEVICE i32 tapsOf(i32 mode) { return mode == CUBIC ? 4 : mode == LINEAR ? 2 : 1; }
DEVICE i64 within(i64 place, i64 size) { return place < 0 ? 0 : place < size ? place : size - 1; }
DEVICE real fraction(real x) { return x < (real)0 ? (real)0 : x > (real)1 ? (real)1 : x; }
// Keys' cubic with a = -0.75, for distances below 1 and from 1 to 2.
#define A ((real)-0.75f)
DEVICE real nearCubic(real x) { return ((A + (real)2) * x - (A + (real)3)) * x * x + (real)1; }
DEVICE real farCubic(real x) { return ((A * x - (real)5 * A) * x + (real)8 * A) * x - (real)4 * A; }

DEVICE i64 nearestPlace(const Resampling* r, i32 dim, i64 index) {
  const i64 size = r->size[dim], out = r->out[dim];
  if (r->is_image && r->mode[dim] == NEAREST && out == size) return index;
  if (r->is_image && r->mode[dim] == NEAREST && out == 2 * size) return index / 2;
  const f32 at = ((f32)index + (r->mode[dim] == NEAREST_EXACT ? 0.5f : 0.0f)) * r->nearest_scale[dim];
  return within((i64)floor(at), size);
}

DEVICE Taps tapsAt(const Resampling* r, i32 dim, i64 index) {
  const i64 size = r->size[dim];
  const i32 mode = r->mode[dim];
  Taps taps;
  for (i32 k = 0; k < 4; k++) {
    taps.places[k] = 0;
    taps.weights[k] = (WEIGHT)0;
  }
  if (mode == NEAREST || mode == NEAREST_EXACT) {
    taps.places[0] = nearestPlace(r, dim, index);
    taps.weights[0] = (WEIGHT)1;
    return taps;
  }
  const real half_place = (real)0.5f, scale = REAL(r->scale[dim]);
  real at = r->align_corners ? (real)index * scale : scale * ((real)index + half_place) - half_place;
  if (mode == LINEAR) {
    if (size == r->out[dim]) at = (real)index;
    const i64 place = within((i64)floor(at), size);
    const real beyond = fraction(at - (real)place);
    taps.places[0] = place;
    taps.places[1] = within(place + 1, size);
    taps.weights[0] = (WEIGHT)((real)1 - beyond);
    taps.weights[1] = (WEIGHT)beyond;
    return taps;
  }
  const i64 lowest = (i64)floor(at), place = lowest < size ? lowest : size - 1;
  const real beyond = fraction(at - (real)place);
  taps.weights[0] = (WEIGHT)farCubic(beyond + (real)1);
  taps.weights[1] = (WEIGHT)nearCubic(beyond);
  taps.weights[2] = (WEIGHT)nearCubic((real)1 - beyond);
  taps.weights[3] = (WEIGHT)farCubic((real)2 - beyond);
  for (i32 k = 0; k < 4; k++) taps.places[k] = within(place - 1 + k, size);
  return taps;
}

// The first place of the result of which tap number `tap` is at `place` or beyond; places grow with it.
DEVICE i64 firstAt(const Resampling* r, i32 dim, i32 tap, i64 place) {
  i64 first = 0, end = r->out[dim];
  while (first < end) {
    const i64 middle = (first + end) / 2;
    const Taps taps = tapsAt(r, dim, middle);
    if (taps.places[tap] >= place) {
      end = middle;
    } else {
      first = middle + 1;
    }
  }
  return first;
}

// Both tables, lines first.
KERNEL(resample_tables)(BUFFER(taps, taps), BUFFER(holders, holders), const Resampling r) {
  OPEN(taps, taps);
  OPEN(holders, holders);
  const i64 outs = r.out[0] + r.out[1], sizes = r.wants_holders ? r.size[0] + r.size[1] : 0;
  for (i64 index = GROUP_X * LANES + LANE; index < outs + sizes; index += GROUPS_X * LANES) {
    if (index < outs) {
      const i32 dim = index < r.out[0] ? 0 : 1;
      taps[index] = tapsAt(&r, dim, index - dim * r.out[0]);
      continue;
    }
    const i64 at = index - outs;
    const i32 dim = at < r.size[0] ? 0 : 1;
    const i64 place = at - dim * r.size[0];
    Holders range;
    range.first = firstAt(&r, dim, tapsOf(r.mode[dim]) - 1, place);
    range.end = firstAt(&r, dim, 0, place + 1);
    holders[at] = range;
  }
}

KERNEL(resample)(BUFFER(TYPE, y), BUFFER(TYPE, x), BUFFER(taps, taps), const Resampling r) {
  OPEN(TYPE, y);
  OPEN(TYPE, x);
  OPEN(taps, taps);
  const i64 outs = r.out[0] * r.out[1], count = r.planes * outs;
  const i32 lines = tapsOf(r.mode[0]), columns = tapsOf(r.mode[1]);
  for (i64 index = GROUP_X * LANES + LANE; index < count; index += GROUPS_X * LANES) {
    const i64 plane = quotientOf(index, outs), pixel = index - plane * outs;
    const i64 i = quotientOf(pixel, r.out[1]), begin = plane * r.size[0];
    GLOBAL const Taps* down = taps + i;
    GLOBAL const Taps* right = taps + r.out[0] + (pixel - i * r.out[1]);
    if (lines == 1 && columns == 1) {
      STORE(TYPE, y, index, LOAD(TYPE, x, (begin + down->places[0]) * r.size[1] + right->places[0]));
      continue;
    }
    WEIGHT sum = (WEIGHT)0;
    for (i32 a = 0; a < lines; a++) {
      const i64 line = (begin + down->places[a]) * r.size[1];
      WEIGHT inner = (WEIGHT)0;
      for (i32 b = 0; b < columns; b++)
        inner += right->weights[b] * (WEIGHT)LOAD(TYPE, x, line + right->places[b]);
      sum += down->weights[a] * inner;
    }
    STORE(TYPE, y, index, T(sum));
  }
}

// What one place of the result takes from `place` of the source; at the edges several taps are there.
DEVICE WEIGHT weightOf(GLOBAL const Taps* taps, i32 count, i64 place) {
  WEIGHT sum = (WEIGHT)0;
  for (i32 k = 0; k < count; k++) sum += taps->places[k] == place ? taps->weights[k] : (WEIGHT)0;
  return sum;
}

KERNEL(resampleBackward)
(BUFFER(TYPE, dx), BUFFER(TYPE, g), BUFFER(taps, taps), BUFFER(holders, holders), const Resampling r) {
  OPEN(TYPE, dx);
  OPEN(TYPE, g);
  OPEN(taps, taps);
  OPEN(holders, holders);
  const i64 pixels = r.size[0] * r.size[1], count = r.planes * pixels;
  const i32 lines = tapsOf(r.mode[0]), columns = tapsOf(r.mode[1]);
  for (i64 index = GROUP_X * LANES + LANE; index < count; index += GROUPS_X * LANES) {
    const i64 plane = quotientOf(index, pixels), pixel = index - plane * pixels;
    const i64 line = quotientOf(pixel, r.size[1]), column = pixel - line * r.size[1];
    const Holders down = holders[line], right = holders[r.size[0] + column];
    WEIGHT sum = (WEIGHT)0;
    for (i64 i = down.first; i < down.end; i++) {
      const i64 from = (plane * r.out[0] + i) * r.out[1];
      WEIGHT inner = (WEIGHT)0;
      for (i64 j = right.first; j < right.end; j++)
        inner += weightOf(taps + r.out[0] + j, columns, column) * (WEIGHT)LOAD(TYPE, g, from + j);
      sum += weightOf(taps + i, lines, line) * inner;
    }
    STORE(TYPE, dx, index, T(sum));
  }
}

#else  // host

constexpr i64 kNearest = 0;
constexpr size_t kTapsBytes = 64, kHoldersBytes = 16;

// n: the scales given, 0 for none; i: mode, alignCorners, whether lines are resampled at all
Resampling resamplingOf(const Operand& y, const Operand& x, const Launch& launch) {
  Resampling r{};
  r.planes = x.sizes[0];
  r.align_corners = launch.integers[1] != 0;
  r.is_image = launch.integers[2] != 0;
  for (int k = 0; k < 2; ++k) {
    r.size[k] = x.sizes[1 + k];
    r.out[k] = y.sizes[1 + k];
    r.mode[k] = static_cast<i32>(k == 0 && !r.is_image ? kNearest : launch.integers[0]);
    const double size = static_cast<double>(r.size[k]), out = static_cast<double>(r.out[k]);
    const double given = launch.numbers[k];
    r.nearest_scale[k] =
        given > 0 ? static_cast<f32>(1 / given) : static_cast<f32>(r.size[k]) / static_cast<f32>(r.out[k]);
    const double scale = given > 0 ? 1 / given : size / out;
    r.scale[k] = Number(!r.align_corners ? scale : r.out[k] > 1 ? (size - 1) / (out - 1) : 0, 0);
  }
  return r;
}

void tabulate(GpuDevice& device, const Variant& variant, const Resampling& r, const Workspace& taps,
              const Workspace& holders) {
  KernelCall call(device, "resample", "resample_tables", variant);
  call.memory(taps.memory());
  r.wants_holders ? call.memory(holders.memory()) : call.none();
  call.value(r).runOver(r.out[0] + r.out[1] + (r.wants_holders ? r.size[0] + r.size[1] : 0));
}

void run(GpuDevice& device, const Launch& launch, bool isBackward) {
  const Operand &to = (*launch.operands)[0], &from = (*launch.operands)[1];
  Resampling r = isBackward ? resamplingOf(from, to, launch) : resamplingOf(to, from, launch);
  r.wants_holders = isBackward;
  const Variant variant(from.dtype);
  const Workspace taps(device, static_cast<size_t>(r.out[0] + r.out[1]) * kTapsBytes);
  const Workspace holders(device,
                          isBackward ? static_cast<size_t>(r.size[0] + r.size[1]) * kHoldersBytes : 0);
  tabulate(device, variant, r, taps, holders);
  KernelCall call(device, "resample", isBackward ? "resampleBackward" : "resample", variant);
  call.memory(to).memory(from).memory(taps.memory());
  if (isBackward) call.memory(holders.memory());
  call.value(r).runOver(elements(to));
}

// y; x
void resample(GpuDevice& device, const Launch& launch) { run(device, launch, false); }

// dx; g
void resampleBackward(GpuDevice& device, const Launch& launch) { run(device, launch, true); }

const Kernel table[] = {
    {"resample", kFloating | bit(DType::uint8), resample},
    {"resampleBackward", kFloating, resampleBackward},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"resample", 1, {{numbers, {3, 8, 12}}, {numbers, {3, 4, 6}}}, {2, 0, 1}, {0, 0}},
  };
}

KERNEL_TABLE(resample)

#endif
