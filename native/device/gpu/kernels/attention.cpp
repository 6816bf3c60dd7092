// Scaled dot product attention in tiles: scores exist for one tile of queries and keys at a time, in shared
// memory. Online softmax: Milakov and Gimelshein (2018).
//
// A group has a tile of queries and a panel of the columns of the result; results wider than a panel take
// several groups, each with scores of its own.
// VARIANTS TYPE: f32 ; MICRO: 2 4 ; COLUMNS: 2 4 8
// VARIANTS TYPE: f64 ; MICRO: 2 ; COLUMNS: 2 4
#include "../kernel.h"

KERNEL_SOURCE

#include "../dialect/attention.h"

#ifdef DESCENT_DIALECT

#define SHARERS (LANES / ROWS)  // lanes that have a row in the softmax

KERNEL(attention_forward)
(BUFFER(TYPE, o), BUFFER(TYPE, lse), BUFFER(TYPE, q), BUFFER(TYPE, k), BUFFER(TYPE, v), BUFFER(u8, mask),
 const AttentionShape shape) {
  OPEN(TYPE, o);
  OPEN(TYPE, lse);
  OPEN(TYPE, q);
  OPEN(TYPE, k);
  OPEN(TYPE, v);
  OPEN(u8, mask);
  SHARED(T, left, LEFT_TILE);
  SHARED(T, right, RIGHT_TILE);
  SHARED(T, weights, WEIGHTS);
  SHARED(T, joined, LANES);
  SHARED(T, shares, ROWS);
  const i32 own_row = LANE / SHARERS, own_part = LANE % SHARERS;
  for (i64 item = GROUP_X; item < ITEMS; item += GROUPS_X) {
    const Part part = partOf(&shape, item);
    const i64 first = part.block * ROWS;
    const i32 rows = LEAST(ROWS, shape.queries - first);
    const i64 reach = shape.is_causal && first + rows < shape.keys ? first + rows : shape.keys;
    const i32 columns = LEAST(PANEL, shape.value_width - part.panel * PANEL);
    GLOBAL const S* const some_k = k + MATRIX(k);
    GLOBAL const S* const some_v = v + MATRIX(v) + part.panel * PANEL * shape.v.column;
    T sums[MICRO][COLUMNS];
    clearSums(sums);
    T largest = -INFINITY_T, total = 0;
    for (i64 key = 0; key < reach; key += ACROSS) {
      const i32 count = LEAST(ACROSS, reach - key);
      T scores[MICRO][MICRO];
      multiplyTiles(scores, left, right, q + MATRIX(q) + first * shape.q.row, &shape.q, rows,
                    some_k + key * shape.k.row, &shape.k, count, shape.width);
      UNROLL for (i32 i = 0; i < MICRO; i++) {
        UNROLL for (i32 j = 0; j < MICRO; j++) scores[i][j] = scoreOf(
            scores[i][j], &shape, MASK_OF_BATCH, first + LINE_OF(i, MICRO, LANE / LANE_COLUMNS, LANE_ROWS),
            key + LINE_OF(j, MICRO, LANE % LANE_COLUMNS, LANE_COLUMNS));
      }
      putWeights(weights, scores);
      T best = -INFINITY_T;
      for (i32 at = own_part; at < ACROSS; at += SHARERS)
        best = max_(best, weights[at * PITCH(ROWS) + own_row]);
      joined[LANE] = best;
      BARRIER();
      best = largest;
      for (i32 at = 0; at < SHARERS; at++) best = max_(best, joined[own_row * SHARERS + at]);
      const bool is_blind = best == -INFINITY_T;  // so far
      const T share = is_blind ? T(1) : exp_(largest - best);
      T sum = 0;
      for (i32 at = own_part; at < ACROSS; at += SHARERS) {
        const i32 place = at * PITCH(ROWS) + own_row;
        const T weight = is_blind ? T(0) : exp_(weights[place] - best);
        weights[place] = weight;
        sum += weight;
      }
      BARRIER();
      joined[LANE] = sum;
      if (own_part == 0) shares[own_row] = share;
      BARRIER();
      sum = 0;
      for (i32 at = 0; at < SHARERS; at++) sum += joined[own_row * SHARERS + at];
      total = total * share + sum;
      largest = best;
      UNROLL for (i32 i = 0; i < MICRO; i++) {
        const T row_share = shares[LINE_OF(i, MICRO, LANE / LANE_COLUMNS, LANE_ROWS)];
        UNROLL for (i32 j = 0; j < COLUMNS; j++) sums[i][j] *= row_share;
      }
      addWeighted(sums, weights, right, some_v + key * shape.v.row, &shape.v, count, columns);
    }
    const bool is_blind = total == T(0);
    if (own_part == 0) {
      shares[own_row] = is_blind ? T(0) : T(1) / total;
      if (part.panel == 0 && own_row < rows) {
        STORE(TYPE, lse, part.batch * shape.queries + first + own_row,
              is_blind ? INFINITY_T : largest + log_(total));
      }
    }
    BARRIER();
    UNROLL for (i32 i = 0; i < MICRO; i++) {
      const T row_share = shares[LINE_OF(i, MICRO, LANE / LANE_COLUMNS, LANE_ROWS)];
      UNROLL for (i32 j = 0; j < COLUMNS; j++) sums[i][j] = row_share == T(0) ? T(0) : sums[i][j] * row_share;
    }
    storeSums(o + MATRIX(o) + first * shape.o.row + part.panel * PANEL * shape.o.column, &shape.o, sums, rows,
              columns);
  }
}

#else  // host

#include "attention.h"

void attention(GpuDevice& device, const Launch& launch) {
  const std::vector<Operand>& x = *launch.operands;
  const Operand &o = x[0], &lse = x[1], &q = x[2], &k = x[3], &v = x[4];
  const Operand* mask = launch.integers[1] ? &x[5] : nullptr;
  std::vector<Filled> filled = {
      {&o, &AttentionShape::o}, {&q, &AttentionShape::q}, {&k, &AttentionShape::k}, {&v, &AttentionShape::v}};
  if (mask) filled.push_back({mask, &AttentionShape::mask});
  overBatches(shapeOf(launch, q, k, v, mask), filled, q, "attention",
              [&](const AttentionShape& shape, const std::vector<Memory>& moved, i64 done) {
                const Tiling tiling =
                    tilingOf(device, q.dtype, shape.batches, shape.queries, shape.value_width);
                KernelCall call(device, "attention", "attention_forward", tiling.variant);
                call.memory(moved[0]).memory(rowsFrom(lse, done * shape.queries));
                call.memory(moved[1]).memory(moved[2]).memory(moved[3]);
                mask ? call.memory(moved[4]) : call.none();
                runTiles(call, shape, tiling, shape.queries, shape.value_width);
              });
}

constexpr uint32_t kSupported = bit(DType::float32) | bit(DType::float64);
const Kernel table[] = {
    {"attention", kSupported, attention},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"attention",
       2,
       {{numbers, {2, 9, 8}},
        {numbers, {2, 9}},
        {numbers, {2, 9, 8}},
        {numbers, {2, 12, 8}},
        {numbers, {2, 12, 8}}},
       {1, 0},
       {0.35}},
  };
}

KERNEL_TABLE(attention)

#endif
