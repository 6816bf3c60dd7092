// What the kernels of convolutions share, on both sides: the sizes of one call, and which places of the
// source one place of the result is made of. Pairs are lines and columns.

typedef struct {
  i64 batch, groups;
  i64 rows, channels;   // of the result and of the source, in a group
  i64 size[2], out[2];  // planes of the source and of the result
  i64 window[2], stride[2], padding[2], dilation[2];
  // Transposed: every how many taps one meets the source, and how far apart in it they meet.
  i64 tap_step[2], meet_step[2];
  i64 w_group, w_row, w_channel;  // steps in the weight
  i64 count;                      // elements of the result
  i64 column_tiles;
  i32 row_tiles, splits;
  i32 is_transposed, has_bias;
} Convolution;

#ifdef DESCENT_DIALECT

#include "../dialect/divide.h"

// Along one dim: taps `tap`, `tap` + tap_step, ... meet the source at `at`, `at` + step, ...; those that lie
// in the source are from `first` to before `end`.
typedef struct {
  i64 at, step, tap, tap_step, taps, first, end;
} Line;

DEVICE Line lineAt(const Convolution* s, i32 dim, i64 place) {
  const i64 size = s->size[dim], window = s->window[dim];
  Line line;
  line.tap = 0;
  line.tap_step = 1;
  line.taps = window;
  line.step = s->dilation[dim];
  line.at = place * s->stride[dim] - s->padding[dim];
  if (s->is_transposed) {
    // at * stride = place + padding - tap * dilation: the taps for which that can be divided.
    const i64 stride = s->stride[dim], shifted = place + s->padding[dim];
    line.tap_step = s->tap_step[dim];
    line.step = -s->meet_step[dim];
    const i64 most = line.tap_step < window ? line.tap_step : window;
    while (line.tap < most && (shifted - line.tap * s->dilation[dim]) % stride != 0) line.tap++;
    line.taps = line.tap < most ? quotientOf(window - line.tap + line.tap_step - 1, line.tap_step) : 0;
    line.at = (shifted - line.tap * s->dilation[dim]) / stride;
    const i64 apart = -line.step;
    line.first = line.at >= size ? quotientOf(line.at - size, apart) + 1 : 0;
    line.end = line.at < 0 ? 0 : quotientOf(line.at, apart) + 1;
  } else {
    line.first = line.at < 0 ? quotientOf(line.step - 1 - line.at, line.step) : 0;
    line.end = line.at < size ? quotientOf(size - 1 - line.at, line.step) + 1 : 0;
  }
  if (line.end > line.taps) line.end = line.taps;
  return line;
}

#define NOWHERE (1 << 29)  // beyond every plane, and so is the sum of two

// One channel and tap: how far off in the source (as a place, and as lines and columns), and in the weight.
typedef struct {
  i32 at, down, right, weight;
} Tap;

// Number k of the channels and taps of two lines; from `end` on there is none.
DEVICE Tap tapAt(const Convolution* s, const Line* down, const Line* right, i32 k, i32 end) {
  const i32 across = (i32)right->taps, taps = (i32)down->taps * across;
  Tap tap;
  if (k >= end) {
    tap.at = 0;
    tap.down = NOWHERE;
    tap.right = 0;
    tap.weight = -1;
    return tap;
  }
  const i32 channel = (u32)k / (u32)taps, rest = k - channel * taps;
  const i32 i = (u32)rest / (u32)across, j = rest - i * across;
  tap.down = i * (i32)down->step;
  tap.right = j * (i32)right->step;
  tap.at = channel * (i32)(s->size[0] * s->size[1]) + tap.down * (i32)s->size[1] + tap.right;
  tap.weight = channel * (i32)s->w_channel + ((i32)down->tap + i * (i32)down->tap_step) * (i32)s->window[1] +
               (i32)right->tap + j * (i32)right->tap_step;
  return tap;
}

#define IS_INSIDE(line, column, height, width) ((u32)(line) < (u32)(height) && (u32)(column) < (u32)(width))

#endif
