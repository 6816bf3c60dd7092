// Convolutions as matrix products whose matrices are never made: tiles are gathered from the images into
// shared memory, and each lane has a small block of results in its registers. Few tiles are split along the
// sum; a second launch adds the parts in order. 1x1 on large planes is matmul's, few rows convdirect.cpp's.
// VARIANTS TYPE: f32 f16 bf16 ; MICRO: 4 8 ; LANE_ROWS: 8 16
// VARIANTS TYPE: f32 f16 bf16 f64 ; MICRO: 4 ; LANE_ROWS: 4
// VARIANTS TYPE: f64 ; MICRO: 4 ; LANE_ROWS: 8 16
#include "../kernel.h"

KERNEL_SOURCE

#include "../dialect/convolution.h"

#ifdef DESCENT_DIALECT

#include "../dialect/product.h"
#include "../dialect/tile.h"

#define TILE_ROWS (LANE_ROWS * MICRO)
#define TILE_COLUMNS (LANE_COLUMNS * MICRO)

// A share of k of `size`, in whole steps of DEPTH.
DEVICE i32 shareOf(i32 size, i32 splits) {
  return ((size + splits - 1) / splits + DEPTH - 1) / DEPTH * DEPTH;
}

// y = w x: rows are channels of y, columns its pixels, k the channels and taps of the weight. Transposed, the
// pixels of y that are `stride` apart make a product of their own: they meet the same taps.
KERNEL(conv_tiled)
(BUFFER(TYPE, y), BUFFER(TYPE, x), BUFFER(TYPE, w), BUFFER(TYPE, bias), BUFFER(SUM, parts),
 const Convolution s) {
  OPEN(TYPE, y);
  OPEN(TYPE, x);
  OPEN(TYPE, w);
  OPEN(TYPE, bias);
  OPEN(SUM, parts);
  SHARED(SUM, rows, DEPTH * PITCH(TILE_ROWS));
  SHARED(SUM, columns, DEPTH * PITCH(TILE_COLUMNS));
  SHARED(Tap, taps, 2 * DEPTH);
  const i32 lane_row = LANE / LANE_COLUMNS, lane_column = LANE % LANE_COLUMNS;
  // Weights are fetched along k, pixels side by side.
  const i32 w_line = LANE / DEPTH, w_k = LANE % DEPTH, x_line = LANE % TILE_COLUMNS,
            x_k = LANE / TILE_COLUMNS;
  const i32 height = (i32)s.size[0], width = (i32)s.size[1];
  const i32 phases_down = s.is_transposed ? (i32)s.stride[0] : 1;
  const i32 phases_right = s.is_transposed ? (i32)s.stride[1] : 1;
  const i64 tiles = s.column_tiles * s.row_tiles, per_phase = tiles * s.groups * s.splits;
  for (i64 item = GROUP_X; item < per_phase * phases_down * phases_right; item += GROUPS_X) {
    i64 rest = quotientOf(item, s.row_tiles);
    const i32 first_row = (i32)(item - rest * s.row_tiles) * TILE_ROWS;
    i64 above = quotientOf(rest, s.column_tiles);
    const i32 first_column = (i32)(rest - above * s.column_tiles) * TILE_COLUMNS;
    rest = quotientOf(above, s.groups);
    const i64 group = above - rest * s.groups;
    above = quotientOf(rest, s.splits);
    const i32 split = (i32)(rest - above * s.splits);
    const i32 phase_down = (i32)above / phases_right, phase_right = (i32)above - phase_down * phases_right;
    // The pixels of this phase, as a plane.
    const i32 lines = ((i32)s.out[0] - phase_down + phases_down - 1) / phases_down;
    const i32 across = ((i32)s.out[1] - phase_right + phases_right - 1) / phases_right;
    const i32 pixels = (i32)s.batch * lines * across;
    if (first_column >= pixels) continue;
    const Line down = lineAt(&s, 0, phase_down), right = lineAt(&s, 1, phase_right);
    const i32 step_down = s.is_transposed ? 1 : (i32)s.stride[0];
    const i32 step_right = s.is_transposed ? 1 : (i32)s.stride[1];
    const i32 size = (i32)(s.channels * down.taps * right.taps), share = shareOf(size, s.splits);
    const i32 first_k = split * share, end_k = LEAST(size, first_k + share);
    const i32 row_count = LEAST(TILE_ROWS, (i32)s.rows - first_row);

    i32 x_down = NOWHERE, x_right = 0;
    i64 from_x = 0;
    if (first_column + x_line < pixels) {
      const i32 line = (u32)(first_column + x_line) / (u32)across;
      const i32 image = (u32)line / (u32)lines;
      x_down = (line - image * lines) * step_down + (i32)down.at;
      x_right = (first_column + x_line - line * across) * step_right + (i32)right.at;
      from_x = ((image * s.groups + group) * s.channels * height + x_down) * width + x_right;
    }
    GLOBAL const S* from_w = w + group * s.w_group + first_row * s.w_row;

    SUM sums[MICRO][MICRO];
    UNROLL for (i32 i = 0; i < MICRO; i++) { UNROLL for (i32 j = 0; j < MICRO; j++) sums[i][j] = 0; }
    SUM next_w[TILE_SHARE(TILE_ROWS)], next_x[TILE_SHARE(TILE_COLUMNS)];
    if (LANE < DEPTH) taps[LANE] = tapAt(&s, &down, &right, first_k + LANE, end_k);
    BARRIER();
#define FETCH_STEP(table)                                                                               \
  {                                                                                                     \
    const i32 weight = (table)[w_k].weight;                                                             \
    UNROLL for (i32 i = 0; i < TILE_SHARE(TILE_ROWS); i++) {                                            \
      const i32 row = w_line + i * (LANES / DEPTH);                                                     \
      next_w[i] = row < row_count && weight >= 0 ? (SUM)LOAD(TYPE, from_w, row * s.w_row + weight) : 0; \
    }                                                                                                   \
    UNROLL for (i32 i = 0; i < TILE_SHARE(TILE_COLUMNS); i++) {                                         \
      const Tap tap = (table)[x_k + i * (LANES / TILE_COLUMNS)];                                        \
      next_x[i] = IS_INSIDE(x_down + tap.down, x_right + tap.right, height, width)                      \
                      ? (SUM)LOAD(TYPE, x, from_x + tap.at)                                             \
                      : 0;                                                                              \
    }                                                                                                   \
  }
    if (first_k < end_k) FETCH_STEP(taps)
    i32 turn = 0;
    for (i32 k = first_k; k < end_k; k += DEPTH) {
      UNROLL for (i32 i = 0; i < TILE_SHARE(TILE_ROWS); i++) {
        rows[w_k * PITCH(TILE_ROWS) + w_line + i * (LANES / DEPTH)] = next_w[i];
      }
      UNROLL for (i32 i = 0; i < TILE_SHARE(TILE_COLUMNS); i++) {
        columns[(x_k + i * (LANES / TILE_COLUMNS)) * PITCH(TILE_COLUMNS) + x_line] = next_x[i];
      }
      turn = DEPTH - turn;
      if (LANE < DEPTH) taps[turn + LANE] = tapAt(&s, &down, &right, k + DEPTH + LANE, end_k);
      BARRIER();
      // The next tile is on its way while this one is multiplied.
      if (k + DEPTH < end_k) FETCH_STEP(taps + turn)
      MULTIPLY_TILES(sums, rows, TILE_ROWS, lane_row, columns, TILE_COLUMNS, lane_column)
      BARRIER();
    }

    const i64 plane = s.out[0] * s.out[1];
    UNROLL for (i32 j = 0; j < MICRO; j++) {
      const i32 column = first_column + LINE_OF(j, MICRO, lane_column, LANE_COLUMNS);
      if (column >= pixels) continue;
      const i32 line = (u32)column / (u32)across, image = (u32)line / (u32)lines;
      const i64 to = (image * s.groups + group) * s.rows * plane +
                     (phase_down + (line - image * lines) * phases_down) * s.out[1] + phase_right +
                     (column - line * across) * phases_right;
      UNROLL for (i32 i = 0; i < MICRO; i++) {
        const i32 row = LINE_OF(i, MICRO, lane_row, LANE_ROWS);
        if (row >= row_count) continue;
        const i64 place = to + (first_row + row) * plane;
        if (s.splits > 1) {
          parts[split * s.count + place] = sums[i][j];
        } else {
          SUM sum = sums[i][j];
          if (s.has_bias) sum += (SUM)LOAD(TYPE, bias, group * s.rows + first_row + row);
          STORE(TYPE, y, place, T(sum));
        }
      }
    }
  }
}

// dw = g xᵀ: rows are channels of g, columns the channels and taps of the weight, k the pixels of all images.
KERNEL(conv_tiled_weight)
(BUFFER(TYPE, dw), BUFFER(TYPE, g), BUFFER(TYPE, x), BUFFER(SUM, parts), const Convolution s) {
  OPEN(TYPE, dw);
  OPEN(TYPE, g);
  OPEN(TYPE, x);
  OPEN(SUM, parts);
  SHARED(SUM, rows, DEPTH * PITCH(TILE_ROWS));
  SHARED(SUM, columns, DEPTH * PITCH(TILE_COLUMNS));
  SHARED(Tap, taps, TILE_COLUMNS);
  const i32 lane_row = LANE / LANE_COLUMNS, lane_column = LANE % LANE_COLUMNS;
  const i32 line = LANE / DEPTH, own_k = LANE % DEPTH;
  const i32 height = (i32)s.size[0], width = (i32)s.size[1], across = (i32)s.out[1];
  const i32 pixels = (i32)(s.out[0] * s.out[1]), size = (i32)s.batch * pixels;
  const i32 share = shareOf(size, s.splits), column_end = (i32)(s.channels * s.window[0] * s.window[1]);
  const Line down = lineAt(&s, 0, 0), right = lineAt(&s, 1, 0);
  const i64 items = s.column_tiles * s.row_tiles * s.groups * s.splits;
  for (i64 item = GROUP_X; item < items; item += GROUPS_X) {
    i64 rest = quotientOf(item, s.row_tiles);
    const i32 first_row = (i32)(item - rest * s.row_tiles) * TILE_ROWS;
    const i64 above = quotientOf(rest, s.column_tiles);
    const i32 first_column = (i32)(rest - above * s.column_tiles) * TILE_COLUMNS;
    const i32 split = (i32)quotientOf(above, s.groups);
    const i64 group = above - split * s.groups;
    const i32 first_k = split * share, end_k = LEAST(size, first_k + share);
    const i32 row_count = LEAST(TILE_ROWS, (i32)s.rows - first_row);
    for (i32 k = LANE; k < TILE_COLUMNS; k += LANES)
      taps[k] = tapAt(&s, &down, &right, first_column + k, column_end);
    BARRIER();

    SUM sums[MICRO][MICRO];
    UNROLL for (i32 i = 0; i < MICRO; i++) { UNROLL for (i32 j = 0; j < MICRO; j++) sums[i][j] = 0; }
    SUM next_g[TILE_SHARE(TILE_ROWS)], next_x[TILE_SHARE(TILE_COLUMNS)];
#define FETCH_STEP_AT(first)                                                                          \
  {                                                                                                   \
    const i32 at = (first) + own_k;                                                                   \
    const bool exists = at < end_k;                                                                   \
    const i32 image = exists ? (u32)at / (u32)pixels : 0, pixel = exists ? at - image * pixels : 0;   \
    const i32 i = (u32)pixel / (u32)across;                                                           \
    const i32 x_down = exists ? i * (i32)s.stride[0] + (i32)down.at : NOWHERE;                        \
    const i32 x_right = (pixel - i * across) * (i32)s.stride[1] + (i32)right.at;                      \
    const i64 from_g = ((image * s.groups + group) * s.rows + first_row) * pixels + pixel;            \
    const i64 from_x = ((image * s.groups + group) * s.channels * height + x_down) * width + x_right; \
    UNROLL for (i32 t = 0; t < TILE_SHARE(TILE_ROWS); t++) {                                          \
      const i32 row = line + t * (LANES / DEPTH);                                                     \
      next_g[t] = exists && row < row_count ? (SUM)LOAD(TYPE, g, from_g + row * pixels) : 0;          \
    }                                                                                                 \
    UNROLL for (i32 t = 0; t < TILE_SHARE(TILE_COLUMNS); t++) {                                       \
      const Tap tap = taps[line + t * (LANES / DEPTH)];                                               \
      next_x[t] = IS_INSIDE(x_down + tap.down, x_right + tap.right, height, width)                    \
                      ? (SUM)LOAD(TYPE, x, from_x + tap.at)                                           \
                      : 0;                                                                            \
    }                                                                                                 \
  }
    if (first_k < end_k) FETCH_STEP_AT(first_k)
    for (i32 k = first_k; k < end_k; k += DEPTH) {
      UNROLL for (i32 t = 0; t < TILE_SHARE(TILE_ROWS); t++) {
        rows[own_k * PITCH(TILE_ROWS) + line + t * (LANES / DEPTH)] = next_g[t];
      }
      UNROLL for (i32 t = 0; t < TILE_SHARE(TILE_COLUMNS); t++) {
        columns[own_k * PITCH(TILE_COLUMNS) + line + t * (LANES / DEPTH)] = next_x[t];
      }
      BARRIER();
      if (k + DEPTH < end_k) FETCH_STEP_AT(k + DEPTH)
      MULTIPLY_TILES(sums, rows, TILE_ROWS, lane_row, columns, TILE_COLUMNS, lane_column)
      BARRIER();
    }

    UNROLL for (i32 i = 0; i < MICRO; i++) {
      const i32 row = LINE_OF(i, MICRO, lane_row, LANE_ROWS);
      UNROLL for (i32 j = 0; j < MICRO; j++) {
        const i32 column = first_column + LINE_OF(j, MICRO, lane_column, LANE_COLUMNS);
        if (row >= row_count || column >= column_end) continue;
        const i64 place = (group * s.rows + first_row + row) * column_end + column;
        if (s.splits > 1) {
          parts[split * s.count + place] = sums[i][j];
        } else {
          STORE(TYPE, dw, place, T(sums[i][j]));
        }
      }
    }
  }
}

#else  // host

constexpr i64 kDepth = 16;
constexpr i64 kLeastShare = 128;  // of what is summed, that is worth a part of its own
constexpr i64 kMostSplits = 256;
constexpr i64 kFewRows = 2;           // not worth a tile
constexpr i64 kWidePlane = 128;       // pixels that fill matmul's tiles
constexpr i64 kMostParts = 64 << 20;  // numbers

i64 ceilDivide(i64 a, i64 b) { return (a + b - 1) / b; }

// `rows` and `channels` are of the result and of the source in a group; y and x as the operands stand.
Convolution convolutionOf(const Operand& y, const Operand& x, const Operand& w, const int64_t* integers,
                          bool isTransposed) {
  Convolution s{};
  s.groups = integers[6];
  s.batch = x.sizes[0];
  s.rows = y.sizes[1] / s.groups;
  s.channels = x.sizes[1] / s.groups;
  s.is_transposed = isTransposed;
  s.has_bias = integers[7] != 0;
  s.count = elements(y);
  s.splits = 1;
  for (int k = 0; k < 2; ++k) {
    s.size[k] = x.sizes[2 + k];
    s.out[k] = y.sizes[2 + k];
    s.window[k] = w.sizes[2 + k];
    s.stride[k] = integers[k];
    s.padding[k] = integers[2 + k];
    s.dilation[k] = integers[4 + k];
    i64 common = s.stride[k], rest = s.dilation[k];
    while (rest != 0) std::swap(common %= rest, rest);
    s.tap_step[k] = s.stride[k] / common;
    s.meet_step[k] = s.dilation[k] / common;
  }
  const i64 taps = s.window[0] * s.window[1];
  s.w_group = s.rows * s.channels * taps;
  s.w_row = isTransposed ? taps : s.channels * taps;
  s.w_channel = isTransposed ? s.rows * taps : taps;
  return s;
}

// Whether all places but the images' fit 31 bits.
bool isNarrow(const Convolution& s) {
  const i64 most = i64{1} << 28;  // half of NOWHERE
  bool fits = s.batch * s.out[0] * s.out[1] < most && s.w_group < most &&
              s.channels * s.size[0] * s.size[1] < most && s.rows * s.out[0] * s.out[1] < most;
  for (int k = 0; k < 2; ++k) {
    fits = fits && s.window[k] * s.dilation[k] < most && s.out[k] * s.stride[k] < most &&
           s.stride[k] < (1 << 15) && s.padding[k] < most && -s.padding[k] < most;
  }
  // tapAt() has the steps of taps as places of the source.
  return fits && (s.window[0] * s.dilation[0] + 1) * s.size[1] + s.channels * s.size[0] * s.size[1] < most;
}

// How results are shared out: lanes * MICRO results a tile, in rows and columns.
struct Tiles {
  i64 micro, laneRows;
};

// Large tiles load less; small ones keep more of the device busy, and fit few rows better.
Tiles tilesFor(const GpuDevice& device, DType dtype, i64 rows, i64 columns, i64 times) {
  const i64 lanes = lanesOf(device);
  if (dtype != DType::float64 && lanes >= 64) {
    for (const i64 laneRows : {16, 8}) {
      const i64 high = laneRows * 8, wide = lanes / laneRows * 8;
      if (high > lanes || wide > lanes || rows <= high * 3 / 4) continue;
      if (ceilDivide(rows, high) * ceilDivide(columns, wide) * times >= factsOf(device).units)
        return {8, laneRows};
    }
  }
  for (const i64 laneRows : {16, 8}) {
    if (laneRows * laneRows <= lanes && rows > laneRows * 2) return {4, laneRows};
  }
  return {4, 4};
}

const char* textOf(i64 number) { return number == 16 ? "16" : number == 8 ? "8" : "4"; }

size_t sumBytes(DType dtype) { return dtype == DType::float64 || dtype == DType::int64 ? 8 : 4; }

i64 splitsFor(const GpuDevice& device, i64 groups, i64 size, i64 count) {
  const i64 wanted = 2 * factsOf(device).units / std::max<i64>(groups, 1);
  return std::max<i64>(std::min({wanted, size / kLeastShare, kMostSplits, kMostParts / count}), 1);
}

void join(GpuDevice& device, const Operand& y, const Operand* bias, const Workspace& parts,
          const Convolution& s) {
  KernelCall call(device, "convdirect", "conv_join", Variant(y.dtype));
  call.memory(y);
  bias ? call.memory(*bias) : call.none();
  call.memory(parts.memory()).value(s).runOver(s.count);
}

// A kernel of 1x1 at every pixel: y[n]ᵀ = x[n]ᵀ wᵀ + bias.
void runPointwise(GpuDevice& device, const Convolution& s, const Operand& y, const Operand& x,
                  const Operand& w, const Operand* bias) {
  const i64 pixels = s.out[0] * s.out[1];
  const auto matrices = [&](const Operand& from, i64 rows, i64 columns, i64 image, i64 row, i64 column) {
    Operand to = from;
    to.dims = 3;
    const i64 sizes[] = {s.batch, rows, columns}, strides[] = {image, row, column};
    for (int dim = 0; dim < 3; ++dim) {
      to.sizes[dim] = sizes[dim];
      to.strides[dim] = strides[dim];
    }
    return to;
  };
  std::vector<Operand> operands = {matrices(y, pixels, s.rows, s.rows * pixels, 1, pixels),
                                   matrices(x, pixels, s.channels, s.channels * pixels, 1, pixels),
                                   matrices(w, s.channels, s.rows, 0, s.w_channel, s.w_row)};
  if (bias) operands.push_back(*bias);
  const int64_t integers[] = {0, bias != nullptr};
  runKernel(device, "matmul", 1, std::move(operands), nullptr, integers);
}

void run(GpuDevice& device, const Launch& launch, bool isTransposed) {
  const std::vector<Operand>& o = *launch.operands;
  Convolution s = convolutionOf(o[0], o[1], o[2], launch.integers, isTransposed);
  if (s.count == 0) return;
  const Operand* bias = s.has_bias ? &o[3] : nullptr;
  const DType dtype = o[0].dtype;
  const auto pass = [&](KernelCall& call) {
    call.memory(o[0]).memory(o[1]).memory(o[2]);
    bias ? call.memory(*bias) : call.none();
  };
  if ((kIntegers & bit(dtype)) != 0 || s.rows <= kFewRows || !isNarrow(s)) {
    KernelCall call(device, "convdirect", "conv_direct", Variant(dtype));
    pass(call);
    call.value(s).runOver(s.count);
    return;
  }
  const bool isPointwise = s.window[0] * s.window[1] * s.stride[0] * s.stride[1] == 1 && s.padding[0] == 0 &&
                           s.padding[1] == 0 && s.size[0] == s.out[0] && s.size[1] == s.out[1];
  if (isPointwise && s.groups == 1 && s.size[0] * s.size[1] >= kWidePlane)
    return runPointwise(device, s, o[0], o[1], o[2], bias);
  const i64 down = isTransposed ? s.stride[0] : 1, right = isTransposed ? s.stride[1] : 1;
  const i64 columns = s.batch * ceilDivide(s.out[0], down) * ceilDivide(s.out[1], right);
  const i64 times = s.groups * down * right;
  const Tiles tiles = tilesFor(device, dtype, s.rows, columns, times);
  s.row_tiles = static_cast<i32>(ceilDivide(s.rows, tiles.laneRows * tiles.micro));
  s.column_tiles = ceilDivide(columns, lanesOf(device) / tiles.laneRows * tiles.micro);
  const i64 groups = s.row_tiles * s.column_tiles * times;
  const i64 size = s.channels * s.window[0] * s.window[1] / (down * right);
  s.splits = static_cast<i32>(splitsFor(device, groups, size, s.count));
  const Workspace parts(device, s.splits > 1 ? static_cast<size_t>(s.splits * s.count) * sumBytes(dtype) : 0);
  {
    KernelCall call(
        device, "conv", "conv_tiled",
        Variant(dtype).define("MICRO", textOf(tiles.micro)).define("LANE_ROWS", textOf(tiles.laneRows)));
    pass(call);
    s.splits > 1 ? call.memory(parts.memory()) : call.none();
    call.value(s).run({std::min<i64>(groups * s.splits, i64{1} << 30), 1, 1});
  }
  if (s.splits > 1) join(device, o[0], bias, parts, s);
}

// y; x, w, then a bias
void convolution(GpuDevice& device, const Launch& launch) { run(device, launch, false); }

// dx; g, w, then a bias
void convolutionInput(GpuDevice& device, const Launch& launch) { run(device, launch, true); }

// dw; g, x
void convolutionWeight(GpuDevice& device, const Launch& launch) {
  const Operand &dw = (*launch.operands)[0], &g = (*launch.operands)[1], &x = (*launch.operands)[2];
  Convolution s = convolutionOf(g, x, dw, launch.integers, false);
  s.count = elements(dw);
  s.has_bias = 0;
  if (s.count == 0) return;
  const i64 columns = s.channels * s.window[0] * s.window[1], size = s.batch * s.out[0] * s.out[1];
  const Tiles tiles = tilesFor(device, dw.dtype, s.rows, columns, s.groups * ceilDivide(size, 1024));
  s.row_tiles = static_cast<i32>(ceilDivide(s.rows, tiles.laneRows * tiles.micro));
  s.column_tiles = ceilDivide(columns, lanesOf(device) / tiles.laneRows * tiles.micro);
  const i64 inTiles = s.row_tiles * s.column_tiles * lanesOf(device) * tiles.micro * tiles.micro;
  const bool isDirect = !isNarrow(s) || inTiles > 24 * s.rows * columns;
  const i64 taps = s.window[0] * s.window[1];
  const i64 groups = isDirect ? s.groups * s.rows * s.channels * ceilDivide(taps, 5)
                              : s.row_tiles * s.column_tiles * s.groups;
  s.splits = static_cast<i32>(splitsFor(device, groups, size / (isDirect ? 8 : 1), s.count));
  const Workspace parts(device,
                        s.splits > 1 ? static_cast<size_t>(s.splits * s.count) * sumBytes(dw.dtype) : 0);
  {
    Variant variant(dw.dtype);
    if (!isDirect) {
      variant.define("MICRO", textOf(tiles.micro)).define("LANE_ROWS", textOf(tiles.laneRows));
    }
    KernelCall call(device, isDirect ? "convdirect" : "conv",
                    isDirect ? "conv_direct_weight" : "conv_tiled_weight", variant);
    call.memory(dw).memory(g).memory(x);
    s.splits > 1 ? call.memory(parts.memory()) : call.none();
    call.value(s).run({std::min<i64>(groups * s.splits, i64{1} << 30), 1, 1});
  }
  if (s.splits > 1) join(device, dw, nullptr, parts, s);
}

const Kernel table[] = {
    {"convolution", kNumeric, convolution},
    {"convolutionInput", kFloating, convolutionInput},
    {"convolutionWeight", kFloating, convolutionWeight},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"convolution",
       1,
       {{numbers, {2, 5, 8, 8}}, {numbers, {2, 4, 8, 8}}, {numbers, {5, 4, 3, 3}}, {numbers, {5}}},
       {1, 1, 1, 1, 1, 1, 1, 1},
       {}},
      {"convolution",
       1,
       {{numbers, {2, 4, 4, 4}}, {numbers, {2, 4, 8, 8}}, {numbers, {4, 1, 3, 3}}},
       {2, 2, 1, 1, 1, 1, 4, 0},
       {}},
      {"convolutionWeight",
       1,
       {{numbers, {5, 4, 3, 3}}, {numbers, {2, 5, 8, 8}}, {numbers, {2, 4, 8, 8}}},
       {1, 1, 1, 1, 1, 1, 1, 0},
       {}},
  };
}

KERNEL_TABLE(conv)

#endif
