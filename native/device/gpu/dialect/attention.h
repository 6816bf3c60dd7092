// What the two sources of attention share: their arguments, and on the device tiles of scores and what is
// added up with them as weights.

// Where the matrices of an operand are; the leading dims are joined to three at most.
typedef struct {
  i64 leading[3];
  i64 row, column;
} Matrices;
typedef struct {
  i64 leading[3];
  i64 batches, queries, keys, width, value_width;
  i64 blocks, panels;  // groups of a batch: tiles of the lines of the result, panels of its columns
  Number scale;
  Matrices q, k, v, mask, o, g, dq, dk, dv;
  i32 is_causal;
  i32 mask_kind;  // 0: none, 1: bool, where to look, 2: added
} AttentionShape;

#ifdef DESCENT_DIALECT

#define SUM T
#include "../dialect/tile.h"

// Of a tile of scores; ROWS are the lines of the result.
#define ROWS (LANE_ROWS * MICRO)
#define ACROSS (LANE_COLUMNS * MICRO)
#define PANEL (LANE_COLUMNS * COLUMNS)
#define LARGER(a, b) ((a) > (b) ? (a) : (b))
#define LEFT_TILE (DEPTH * PITCH(ROWS))
#define RIGHT_TILE (DEPTH * PITCH(LARGER(ACROSS, PANEL)))
#define WEIGHTS (ACROSS * PITCH(ROWS))

// The group's batch, tile and panel.
typedef struct {
  i64 batch, block, panel;
  i64 at[3];  // in the leading dims
} Part;

DEVICE Part partOf(const AttentionShape* shape, i64 item) {
  Part part;
  const i64 line = item / shape->panels;
  part.panel = item - line * shape->panels;
  part.batch = line / shape->blocks;
  part.block = line - part.batch * shape->blocks;
  const i64 above = part.batch / shape->leading[2];
  part.at[2] = part.batch - above * shape->leading[2];
  part.at[0] = above / shape->leading[1];
  part.at[1] = above - part.at[0] * shape->leading[1];
  return part;
}
#define MATRIX(name)                                                         \
  (part.at[0] * shape.name.leading[0] + part.at[1] * shape.name.leading[1] + \
   part.at[2] * shape.name.leading[2])

// sums[i][j] = the sum over e of a[i][e] b[j][e]
DEVICE void multiplyTiles(T sums[MICRO][MICRO], LOCAL T* left, LOCAL T* right, GLOBAL const S* a,
                          const Matrices* a_steps, i32 rows, GLOBAL const S* b, const Matrices* b_steps,
                          i32 across, i64 width) {
  const i32 lane_row = LANE / LANE_COLUMNS, lane_column = LANE % LANE_COLUMNS;
  const Walk over_a = walkOver(ROWS, a_steps->row, a_steps->column);
  const Walk over_b = walkOver(ACROSS, b_steps->row, b_steps->column);
  UNROLL for (i32 i = 0; i < MICRO; i++) { UNROLL for (i32 j = 0; j < MICRO; j++) sums[i][j] = 0; }
  for (i64 e = 0; e < width; e += DEPTH) {
    const i32 depth = LEAST(DEPTH, width - e);
    T next_a[TILE_SHARE(ROWS)], next_b[TILE_SHARE(ACROSS)];
    FETCH(next_a, (a + e * a_steps->column), ROWS, over_a, rows, depth)
    FETCH(next_b, (b + e * b_steps->column), ACROSS, over_b, across, depth)
    BARRIER();
    PUT(left, next_a, ROWS, over_a)
    PUT(right, next_b, ACROSS, over_b)
    BARRIER();
    UNROLL for (i32 inner = 0; inner < DEPTH; inner++) {
      T x[MICRO], y[MICRO];
      UNROLL for (i32 i = 0; i < MICRO; i++) x[i] =
          left[inner * PITCH(ROWS) + LINE_OF(i, MICRO, lane_row, LANE_ROWS)];
      UNROLL for (i32 j = 0; j < MICRO; j++) y[j] =
          right[inner * PITCH(ACROSS) + LINE_OF(j, MICRO, lane_column, LANE_COLUMNS)];
      UNROLL for (i32 i = 0; i < MICRO; i++) {
        UNROLL for (i32 j = 0; j < MICRO; j++) sums[i][j] += x[i] * y[j];
      }
    }
  }
}

// sums[i][j] += the sum over k of weights[k][i] b[k][j]; the lanes' weights are written before.
DEVICE void addWeighted(T sums[MICRO][COLUMNS], LOCAL const T* weights, LOCAL T* right, GLOBAL const S* b,
                        const Matrices* steps, i32 count, i32 columns) {
  const i32 lane_row = LANE / LANE_COLUMNS, lane_column = LANE % LANE_COLUMNS;
  const Walk over = walkOver(PANEL, steps->column, steps->row);
  for (i32 k = 0; k < count; k += DEPTH) {
    const i32 depth = LEAST(DEPTH, count - k);
    T next[TILE_SHARE(PANEL)];
    FETCH(next, (b + k * steps->row), PANEL, over, columns, depth)
    BARRIER();
    PUT(right, next, PANEL, over)
    BARRIER();
    UNROLL for (i32 inner = 0; inner < (ACROSS < DEPTH ? ACROSS : DEPTH); inner++) {
      T x[MICRO], y[COLUMNS];
      UNROLL for (i32 i = 0; i < MICRO; i++) x[i] =
          weights[(k + inner) * PITCH(ROWS) + LINE_OF(i, MICRO, lane_row, LANE_ROWS)];
      UNROLL for (i32 j = 0; j < COLUMNS; j++) y[j] =
          right[inner * PITCH(PANEL) + LINE_OF(j, COLUMNS, lane_column, LANE_COLUMNS)];
      UNROLL for (i32 i = 0; i < MICRO; i++) {
        UNROLL for (i32 j = 0; j < COLUMNS; j++) sums[i][j] += x[i] * y[j];
      }
    }
  }
}

// The lanes' numbers as weights[across][row].
DEVICE void putWeights(LOCAL T* weights, T values[MICRO][MICRO]) {
  const i32 lane_row = LANE / LANE_COLUMNS, lane_column = LANE % LANE_COLUMNS;
  BARRIER();
  UNROLL for (i32 j = 0; j < MICRO; j++) {
    UNROLL for (i32 i = 0; i < MICRO; i++)
        weights[LINE_OF(j, MICRO, lane_column, LANE_COLUMNS) * PITCH(ROWS) +
                LINE_OF(i, MICRO, lane_row, LANE_ROWS)] = values[i][j];
  }
  BARRIER();
}

// A score, scaled and masked: -∞ where the query may not look, and outside of the matrix.
DEVICE T scoreOf(T sum, const AttentionShape* shape, GLOBAL const u8* mask, i64 query, i64 key) {
  if (query >= shape->queries || key >= shape->keys || (shape->is_causal && key > query)) return -INFINITY_T;
  const i64 at = query * shape->mask.row + key * shape->mask.column;
  sum *= NUMBER(shape->scale);
  if (shape->mask_kind == 1) return mask[at] ? sum : -INFINITY_T;
  return shape->mask_kind == 2 ? sum + LOAD(TYPE, (GLOBAL const S*)mask, at) : sum;
}
#define MASK_OF_BATCH (mask + MATRIX(mask) * (shape.mask_kind == 2 ? (i64)sizeof(S) : 1))

DEVICE void clearSums(T sums[MICRO][COLUMNS]) {
  UNROLL for (i32 i = 0; i < MICRO; i++) { UNROLL for (i32 j = 0; j < COLUMNS; j++) sums[i][j] = 0; }
}
DEVICE void storeSums(GLOBAL S* y, const Matrices* steps, T sums[MICRO][COLUMNS], i32 rows, i32 columns) {
  UNROLL for (i32 i = 0; i < MICRO; i++) {
    const i32 row = LINE_OF(i, MICRO, LANE / LANE_COLUMNS, LANE_ROWS);
    UNROLL for (i32 j = 0; j < COLUMNS; j++) {
      const i32 column = LINE_OF(j, COLUMNS, LANE % LANE_COLUMNS, LANE_COLUMNS);
      if (row < rows && column < columns)
        STORE(TYPE, y, row * steps->row + column * steps->column, sums[i][j]);
    }
  }
}
#define ITEMS (shape.batches * shape.blocks * shape.panels)

#endif
