// Tiles of matrices in shared memory, for matrix products and attention. The source says beforehand what a
// tile's numbers are (SUM), how many of its lines by how many columns each lane has (MICRO), and, where not
// the usual, how many rows of lanes there are (LANE_ROWS).
//
// A tile has DEPTH numbers along k of each of its lines and lies [k][line]. A lane's lines come in fours that
// are apart by all lanes' fours (or are next to each other where it has fewer): neighbouring lanes then read
// neighbouring memory.

#ifndef LANE_ROWS
#if LANES >= 256
#define LANE_ROWS 16
#elif LANES >= 64
#define LANE_ROWS 8
#else
#define LANE_ROWS 4
#endif
#endif
#define LANE_COLUMNS (LANES / LANE_ROWS)
#define DEPTH 16
#define PITCH(lines) ((lines) + 4)
#define TOGETHER(count) ((count) < 4 ? (count) : 4)
// Line i of `count` of a lane.
#define LINE_OF(i, count, lane, lanes) \
  ((i) / TOGETHER(count) * TOGETHER(count) * (lanes) + (lane)*TOGETHER(count) + (i) % TOGETHER(count))
#define LEAST(a, b) ((a) < (b) ? (i32)(a) : (i32)(b))

// How a lane goes through a tile of at most LANES lines: along whichever of lines and k is closer in memory.
// Steps within a tile fit 31 bits; the host sees to that.
typedef struct {
  i32 line, k, at, place;  // where it begins: in the tile, in memory, in shared memory
  i32 next_line, next_k, next_at, next_place;
} Walk;

DEVICE Walk walkOver(i32 lines, i64 line_step, i64 k_step) {
  Walk walk;
  const bool is_along_k = k_step == 1;
  walk.line = is_along_k ? LANE / DEPTH : LANE % lines;
  walk.k = is_along_k ? LANE % DEPTH : LANE / lines;
  walk.next_line = is_along_k ? LANES / DEPTH : 0;
  walk.next_k = is_along_k ? 0 : LANES / lines;
  walk.at = walk.line * (i32)line_step + walk.k * (i32)k_step;
  walk.next_at = walk.next_line * (i32)line_step + walk.next_k * (i32)k_step;
  walk.place = walk.k * PITCH(lines) + walk.line;
  walk.next_place = walk.next_k * PITCH(lines) + walk.next_line;
  return walk;
}

#define TILE_SHARE(lines) ((lines)*DEPTH / LANES)

// This lane's share of a tile, of which `count` lines and `depth` along k exist; the rest is 0.
#define FETCH(kept, from, lines, walk, count, depth)                                   \
  if ((count) == (lines) && (depth) == DEPTH) {                                        \
    UNROLL for (i32 s = 0; s < TILE_SHARE(lines); s++) kept[s] =                       \
        (SUM)LOAD(TYPE, from, walk.at + s * walk.next_at);                             \
  } else {                                                                             \
    UNROLL for (i32 s = 0; s < TILE_SHARE(lines); s++) kept[s] =                       \
        walk.line + s * walk.next_line < (count) && walk.k + s * walk.next_k < (depth) \
            ? (SUM)LOAD(TYPE, from, walk.at + s * walk.next_at)                        \
            : (SUM)0;                                                                  \
  }
#define PUT(tile, kept, lines, walk) \
  UNROLL for (i32 s = 0; s < TILE_SHARE(lines); s++) tile[walk.place + s * walk.next_place] = kept[s];

// sums[i][j] += the products of this lane's lines of two tiles.
#define MULTIPLY_TILES(sums, rows, row_lines, lane_row, columns, column_lines, lane_column)  \
  UNROLL for (i32 inner = 0; inner < DEPTH; inner++) {                                       \
    SUM left[MICRO], right[MICRO];                                                           \
    UNROLL for (i32 i = 0; i < MICRO; i++) left[i] =                                         \
        rows[inner * PITCH(row_lines) + LINE_OF(i, MICRO, lane_row, LANE_ROWS)];             \
    UNROLL for (i32 j = 0; j < MICRO; j++) right[j] =                                        \
        columns[inner * PITCH(column_lines) + LINE_OF(j, MICRO, lane_column, LANE_COLUMNS)]; \
    UNROLL for (i32 i = 0; i < MICRO; i++) {                                                 \
      UNROLL for (i32 j = 0; j < MICRO; j++) sums[i][j] += left[i] * right[j];               \
    }                                                                                        \
  }
