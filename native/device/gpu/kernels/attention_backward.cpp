// The gradients of attention from the logarithm of each row's sum alone (Dao et al., 2022): those of queries
// in one pass over the keys, those of keys and values in another over the queries. No two groups add to the
// same place.
// VARIANTS TYPE: f32 ; MICRO: 2 4 ; COLUMNS: 2 4 8
// VARIANTS TYPE: f64 ; MICRO: 2 ; COLUMNS: 2 4
#include "../kernel.h"

KERNEL_SOURCE

#include "../dialect/attention.h"

#ifdef DESCENT_DIALECT

// delta = the sum of g o of each row; 16 lanes have one.
KERNEL(attention_delta)(BUFFER(TYPE, delta), BUFFER(TYPE, g), BUFFER(TYPE, o), const AttentionShape shape) {
  OPEN(TYPE, delta);
  OPEN(TYPE, g);
  OPEN(TYPE, o);
  SHARED(T, joined, LANES);
  const i64 rows = shape.batches * shape.queries;
  for (i64 first = GROUP_X * (LANES / 16); first < rows; first += GROUPS_X * (LANES / 16)) {
    const i64 row = first + LANE / 16;
    T sum = 0;
    if (row < rows) {
      AttentionShape lines;
      lines.panels = 1;
      lines.blocks = shape.queries;
      for (i32 dim = 0; dim < 3; dim++) lines.leading[dim] = shape.leading[dim];
      const Part part = partOf(&lines, row);
      GLOBAL const S* const some_g = g + MATRIX(g) + part.block * shape.g.row;
      GLOBAL const S* const some_o = o + MATRIX(o) + part.block * shape.o.row;
      for (i64 column = LANE % 16; column < shape.value_width; column += 16)
        sum += LOAD(TYPE, some_g, column * shape.g.column) * LOAD(TYPE, some_o, column * shape.o.column);
    }
    joined[LANE] = sum;
    BARRIER();
    if (LANE % 16 == 0 && row < rows) {
      for (i32 at = 1; at < 16; at++) sum += joined[LANE + at];
      STORE(TYPE, delta, row, sum);
    }
    BARRIER();
  }
}

// With p = e^(s - lse) and ds = p (g vᵀ - delta) scale: dq = ds k.
KERNEL(attention_queries)
(BUFFER(TYPE, dq), BUFFER(TYPE, g), BUFFER(TYPE, lse), BUFFER(TYPE, delta), BUFFER(TYPE, q), BUFFER(TYPE, k),
 BUFFER(TYPE, v), BUFFER(u8, mask), const AttentionShape shape) {
  OPEN(TYPE, dq);
  OPEN(TYPE, g);
  OPEN(TYPE, lse);
  OPEN(TYPE, delta);
  OPEN(TYPE, q);
  OPEN(TYPE, k);
  OPEN(TYPE, v);
  OPEN(u8, mask);
  SHARED(T, left, LEFT_TILE);
  SHARED(T, right, RIGHT_TILE);
  SHARED(T, weights, WEIGHTS);
  for (i64 item = GROUP_X; item < ITEMS; item += GROUPS_X) {
    const Part part = partOf(&shape, item);
    const i64 first = part.block * ROWS;
    const i32 rows = LEAST(ROWS, shape.queries - first);
    const i64 reach = shape.is_causal && first + rows < shape.keys ? first + rows : shape.keys;
    const i32 columns = LEAST(PANEL, shape.width - part.panel * PANEL);
    GLOBAL const S* const some_k = k + MATRIX(k);
    T sums[MICRO][COLUMNS], logarithms[MICRO], deltas[MICRO];
    clearSums(sums);
    UNROLL for (i32 i = 0; i < MICRO; i++) {
      const i32 row = LINE_OF(i, MICRO, LANE / LANE_COLUMNS, LANE_ROWS);
      const i64 at = part.batch * shape.queries + first + row;
      logarithms[i] = row < rows ? LOAD(TYPE, lse, at) : T(0);
      deltas[i] = row < rows ? LOAD(TYPE, delta, at) : T(0);
    }
    for (i64 key = 0; key < reach; key += ACROSS) {
      const i32 count = LEAST(ACROSS, reach - key);
      T scores[MICRO][MICRO], slopes[MICRO][MICRO];
      multiplyTiles(scores, left, right, q + MATRIX(q) + first * shape.q.row, &shape.q, rows,
                    some_k + key * shape.k.row, &shape.k, count, shape.width);
      multiplyTiles(slopes, left, right, g + MATRIX(g) + first * shape.g.row, &shape.g, rows,
                    v + MATRIX(v) + key * shape.v.row, &shape.v, count, shape.value_width);
      UNROLL for (i32 i = 0; i < MICRO; i++) {
        UNROLL for (i32 j = 0; j < MICRO; j++) {
          const T score = scoreOf(scores[i][j], &shape, MASK_OF_BATCH,
                                  first + LINE_OF(i, MICRO, LANE / LANE_COLUMNS, LANE_ROWS),
                                  key + LINE_OF(j, MICRO, LANE % LANE_COLUMNS, LANE_COLUMNS));
          slopes[i][j] = exp_(score - logarithms[i]) * (slopes[i][j] - deltas[i]) * NUMBER(shape.scale);
        }
      }
      putWeights(weights, slopes);
      addWeighted(sums, weights, right, some_k + key * shape.k.row + part.panel * PANEL * shape.k.column,
                  &shape.k, count, columns);
    }
    storeSums(dq + MATRIX(dq) + first * shape.dq.row + part.panel * PANEL * shape.dq.column, &shape.dq, sums,
              rows, columns);
  }
}

// dv = pᵀ g, dk = dsᵀ q: the lines of these tiles are keys, and queries go across.
KERNEL(attention_keys)
(BUFFER(TYPE, dk), BUFFER(TYPE, dv), BUFFER(TYPE, g), BUFFER(TYPE, lse), BUFFER(TYPE, delta), BUFFER(TYPE, q),
 BUFFER(TYPE, k), BUFFER(TYPE, v), BUFFER(u8, mask), const AttentionShape shape) {
  OPEN(TYPE, dk);
  OPEN(TYPE, dv);
  OPEN(TYPE, g);
  OPEN(TYPE, lse);
  OPEN(TYPE, delta);
  OPEN(TYPE, q);
  OPEN(TYPE, k);
  OPEN(TYPE, v);
  OPEN(u8, mask);
  SHARED(T, left, LEFT_TILE);
  SHARED(T, right, RIGHT_TILE);
  SHARED(T, weights, WEIGHTS);
  for (i64 item = GROUP_X; item < ITEMS; item += GROUPS_X) {
    const Part part = partOf(&shape, item);
    const i64 first = part.block * ROWS;
    const i32 rows = LEAST(ROWS, shape.keys - first);
    const i32 columns = LEAST(PANEL, shape.width - part.panel * PANEL);
    const i32 value_columns = LEAST(PANEL, shape.value_width - part.panel * PANEL);
    GLOBAL const S* const some_q = q + MATRIX(q);
    GLOBAL const S* const some_g = g + MATRIX(g);
    T sums[MICRO][COLUMNS], value_sums[MICRO][COLUMNS];
    clearSums(sums);
    clearSums(value_sums);
    for (i64 query = shape.is_causal ? first / ACROSS * ACROSS : 0; query < shape.queries; query += ACROSS) {
      const i32 count = LEAST(ACROSS, shape.queries - query);
      T scores[MICRO][MICRO], slopes[MICRO][MICRO];
      multiplyTiles(scores, left, right, k + MATRIX(k) + first * shape.k.row, &shape.k, rows,
                    some_q + query * shape.q.row, &shape.q, count, shape.width);
      multiplyTiles(slopes, left, right, v + MATRIX(v) + first * shape.v.row, &shape.v, rows,
                    some_g + query * shape.g.row, &shape.g, count, shape.value_width);
      UNROLL for (i32 j = 0; j < MICRO; j++) {
        const i32 across = LINE_OF(j, MICRO, LANE % LANE_COLUMNS, LANE_COLUMNS);
        const i64 at = part.batch * shape.queries + query + across;
        const T logarithm = across < count ? LOAD(TYPE, lse, at) : T(0);
        const T own = across < count ? LOAD(TYPE, delta, at) : T(0);
        UNROLL for (i32 i = 0; i < MICRO; i++) {
          const T score = scoreOf(scores[i][j], &shape, MASK_OF_BATCH, query + across,
                                  first + LINE_OF(i, MICRO, LANE / LANE_COLUMNS, LANE_ROWS));
          scores[i][j] = exp_(score - logarithm);
          slopes[i][j] = scores[i][j] * (slopes[i][j] - own) * NUMBER(shape.scale);
        }
      }
      // Both even where one of them has no columns in this panel: barriers stand best under no condition.
      putWeights(weights, scores);
      addWeighted(value_sums, weights, right,
                  some_g + query * shape.g.row + part.panel * PANEL * shape.g.column, &shape.g, count,
                  value_columns);
      putWeights(weights, slopes);
      addWeighted(sums, weights, right, some_q + query * shape.q.row + part.panel * PANEL * shape.q.column,
                  &shape.q, count, columns);
    }
    storeSums(dk + MATRIX(dk) + first * shape.dk.row + part.panel * PANEL * shape.dk.column, &shape.dk, sums,
              rows, columns);
    storeSums(dv + MATRIX(dv) + first * shape.dv.row + part.panel * PANEL * shape.dv.column, &shape.dv,
              value_sums, rows, value_columns);
  }
}

#else  // host

#include "attention.h"

void attentionBackward(GpuDevice& device, const Launch& launch) {
  const std::vector<Operand>& x = *launch.operands;
  const Operand &delta = x[3], &lse = x[6], &q = x[7], &k = x[8], &v = x[9];
  const Operand* mask = launch.integers[1] ? &x[10] : nullptr;
  enum { kDq, kDk, kDv, kG, kO, kQ, kK, kV, kMask };
  std::vector<Filled> filled = {{&x[0], &AttentionShape::dq}, {&x[1], &AttentionShape::dk},
                                {&x[2], &AttentionShape::dv}, {&x[4], &AttentionShape::g},
                                {&x[5], &AttentionShape::o},  {&q, &AttentionShape::q},
                                {&k, &AttentionShape::k},     {&v, &AttentionShape::v}};
  if (mask) filled.push_back({mask, &AttentionShape::mask});
  overBatches(shapeOf(launch, q, k, v, mask), filled, q, "attention",
              [&](const AttentionShape& shape, const std::vector<Memory>& moved, i64 done) {
                const Memory logarithms = rowsFrom(lse, done * shape.queries);
                const Memory deltas = rowsFrom(delta, done * shape.queries);
                const auto addRest = [&](KernelCall& call) {
                  call.memory(moved[kG]).memory(logarithms).memory(deltas);
                  call.memory(moved[kQ]).memory(moved[kK]).memory(moved[kV]);
                  mask ? call.memory(moved[kMask]) : call.none();
                };
                const Tiling tiling = tilingOf(device, q.dtype, shape.batches, shape.queries, shape.width);
                KernelCall(device, "attention_backward", "attention_delta", tiling.variant)
                    .memory(deltas)
                    .memory(moved[kG])
                    .memory(moved[kO])
                    .value(shape)
                    .runOver(shape.batches * shape.queries * 16);
                {
                  KernelCall call(device, "attention_backward", "attention_queries", tiling.variant);
                  call.memory(moved[kDq]);
                  addRest(call);
                  runTiles(call, shape, tiling, shape.queries, shape.width);
                }
                const i64 columns = std::max(shape.width, shape.value_width);
                const Tiling ofKeys = tilingOf(device, q.dtype, shape.batches, shape.keys, columns);
                KernelCall call(device, "attention_backward", "attention_keys", ofKeys.variant);
                call.memory(moved[kDk]).memory(moved[kDv]);
                addRest(call);
                runTiles(call, shape, ofKeys, shape.keys, columns);
              });
}

constexpr uint32_t kSupported = bit(DType::float32) | bit(DType::float64);
const Kernel table[] = {
    {"attentionBackward", kSupported, attentionBackward},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"attentionBackward",
       4,
       {{numbers, {2, 9, 8}},
        {numbers, {2, 12, 8}},
        {numbers, {2, 12, 8}},
        {numbers, {2, 9}},
        {numbers, {2, 9, 8}},
        {numbers, {2, 9, 8}},
        {positive, {2, 9}},
        {numbers, {2, 9, 8}},
        {numbers, {2, 12, 8}},
        {numbers, {2, 12, 8}}},
       {1, 0},
       {0.35}},
  };
}

KERNEL_TABLE(attention_backward)

#endif
