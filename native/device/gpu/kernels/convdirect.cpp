// Convolutions without tiles: a lane for each element of the result. For integers, for depthwise kernels and
// others of few channels, and for sizes beyond 31 bits. conv.cpp says when.
// VARIANTS TYPE: f32 f64 f16 bf16 i64 i32 i16 i8 u8
#ifdef DESCENT_DIALECT

#include "../dialect/convolution.h"
#include "../dialect/product.h"

// y [batch, groups * rows, out...] of x [batch, groups * channels, size...], either way round.
KERNEL(conv_direct)
(BUFFER(TYPE, y), BUFFER(TYPE, x), BUFFER(TYPE, w), BUFFER(TYPE, bias), const Convolution s) {
  OPEN(TYPE, y);
  OPEN(TYPE, x);
  OPEN(TYPE, w);
  OPEN(TYPE, bias);
  const i64 plane = s.size[0] * s.size[1];
  for (i64 index = GROUP_X * LANES + LANE; index < s.count; index += GROUPS_X * LANES) {
    i64 rest = quotientOf(index, s.out[1]);
    const Line right = lineAt(&s, 1, index - rest * s.out[1]);
    i64 above = quotientOf(rest, s.out[0]);
    const Line down = lineAt(&s, 0, rest - above * s.out[0]);
    rest = quotientOf(above, s.rows);
    const i64 row = above - rest * s.rows;
    above = quotientOf(rest, s.groups);
    const i64 group = rest - above * s.groups;
    SUM sum = s.has_bias ? (SUM)LOAD(TYPE, bias, group * s.rows + row) : (SUM)0;
    for (i64 channel = 0; channel < s.channels; channel++) {
      const i64 from = (rest * s.channels + channel) * plane + right.at;
      const i64 weight = group * s.w_group + row * s.w_row + channel * s.w_channel + right.tap;
      for (i64 i = down.first; i < down.end; i++) {
        const i64 line = from + (down.at + i * down.step) * s.size[1];
        const i64 taps = weight + (down.tap + i * down.tap_step) * s.window[1];
        for (i64 j = right.first; j < right.end; j++) {
          sum += (SUM)LOAD(TYPE, x, line + j * right.step) * (SUM)LOAD(TYPE, w, taps + j * right.tap_step);
        }
      }
    }
    STORE(TYPE, y, index, T(sum));
  }
}

GROUP_REDUCTION(sumOfGroup, SUM, a + b)

#define TAPS 5

// dw [groups * rows, channels, window...] of g, the y above, and x: a group sums TAPS neighbouring taps over
// its share of all pixels.
KERNEL(conv_direct_weight)
(BUFFER(TYPE, dw), BUFFER(TYPE, g), BUFFER(TYPE, x), BUFFER(SUM, parts), const Convolution s) {
  SHARED(SUM, shared, LANES);
  OPEN(TYPE, dw);
  OPEN(TYPE, g);
  OPEN(TYPE, x);
  OPEN(SUM, parts);
  const i64 plane = s.size[0] * s.size[1], pixels = s.out[0] * s.out[1], taps = s.window[0] * s.window[1];
  const i64 blocks = (taps + TAPS - 1) / TAPS, kernels = s.groups * s.rows * s.channels;
  const i64 share = (s.batch * pixels + s.splits - 1) / s.splits;
  for (i64 item = GROUP_X; item < kernels * blocks * s.splits; item += GROUPS_X) {
    i64 rest = quotientOf(item, blocks);
    const i64 first = (item - rest * blocks) * TAPS;
    const i64 split = quotientOf(rest, kernels), one = rest - split * kernels;
    rest = quotientOf(one, s.channels);  // of all rows
    const i64 channel = one - rest * s.channels, group = quotientOf(rest, s.rows);
    i64 down[TAPS], right[TAPS];
    SUM sums[TAPS];
    UNROLL for (i32 t = 0; t < TAPS; t++) {
      const i64 tap = first + t, line = quotientOf(tap, s.window[1]);
      // A tap too many looks below the plane.
      down[t] = tap < taps ? line * s.dilation[0] - s.padding[0] : s.size[0];
      right[t] = (tap - line * s.window[1]) * s.dilation[1] - s.padding[1];
      sums[t] = (SUM)0;
    }
    const i64 end = (split + 1) * share < s.batch * pixels ? (split + 1) * share : s.batch * pixels;
    for (i64 at = split * share + LANE; at < end; at += LANES) {
      const i64 image = quotientOf(at, pixels), pixel = at - image * pixels;
      const i64 i = quotientOf(pixel, s.out[1]);
      const i64 line = i * s.stride[0], column = (pixel - i * s.out[1]) * s.stride[1];
      const SUM gradient = (SUM)LOAD(TYPE, g, (image * s.groups * s.rows + rest) * pixels + pixel);
      const i64 from = ((image * s.groups + group) * s.channels + channel) * plane;
      UNROLL for (i32 t = 0; t < TAPS; t++) {
        const i64 y = line + down[t], z = column + right[t];
        if (y >= 0 && y < s.size[0] && z >= 0 && z < s.size[1]) {
          sums[t] += gradient * (SUM)LOAD(TYPE, x, from + y * s.size[1] + z);
        }
      }
    }
    for (i32 t = 0; t < TAPS; t++) {
      const SUM sum = sumOfGroup(shared, sums[t]);
      if (LANE != 0 || first + t >= taps) continue;
      const i64 to = one * taps + first + t;
      if (s.splits > 1) {
        parts[split * s.count + to] = sum;
      } else {
        STORE(TYPE, dw, to, T(sum));
      }
    }
  }
}

// y = the sum of its parts, in order, + bias
KERNEL(conv_join)(BUFFER(TYPE, y), BUFFER(TYPE, bias), BUFFER(SUM, parts), const Convolution s) {
  OPEN(TYPE, y);
  OPEN(TYPE, bias);
  OPEN(SUM, parts);
  const i64 plane = s.out[0] * s.out[1], rows = s.groups * s.rows;
  for (i64 index = GROUP_X * LANES + LANE; index < s.count; index += GROUPS_X * LANES) {
    SUM sum = parts[index];
    for (i32 split = 1; split < s.splits; split++) sum += parts[split * s.count + index];
    const i64 row = quotientOf(index, plane);
    if (s.has_bias) sum += (SUM)LOAD(TYPE, bias, row - quotientOf(row, rows) * rows);
    STORE(TYPE, y, index, T(sum));
  }
}

#endif
