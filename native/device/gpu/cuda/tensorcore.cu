// Matrix products by tensor cores, mma.sync of compute capability 8.0: float16, bfloat16, and float32 rounded to tf32, added up
// in float32. A group of 8 warps has 128 rows by 128 or 256 columns; tiles of 64 bytes along k come by cp.async, four stages
// ahead. kernels/matmul.cpp launches it.
//
// LEFT and RIGHT say along what the operands are contiguous: k, or m and n. Lines of 16-byte chunks lie in shared memory with
// their chunks swapped by the line's number, so that neither copies nor ldmatrix meet in a bank.
// TARGET sm_80
// VARIANTS TYPE: f16 bf16 ; LEFT: k m ; RIGHT: k n ; WARP_COLUMNS: 32 64
// VARIANTS TYPE: f32 ; LEFT: k m ; RIGHT: k n ; WARP_COLUMNS: 32
#include "../dialect/tensorcore.h"

#define ORDER_k 0
#define ORDER_m 1
#define ORDER_n 1
#define CHUNK ((i32)(16 / sizeof(S)))  // elements of 16 bytes
#define DEPTH (4 * CHUNK)
#define STAGES 4
#define ROWS 128
#define COLUMNS (4 * WARP_COLUMNS)  // 2 x 4 warps of 64 rows each
#define LEFT_BYTES (ROWS * 64)
#define STAGE_BYTES (LEFT_BYTES + COLUMNS * 64)
#define IS_TF32 (sizeof(S) == 4)

// Where chunk `chunk` of a line of `chunks` lies, in bytes. Of two lines of four chunks, one row of all banks is made.
DEVICE u32 placeOfChunk(i32 line, i32 chunk, i32 chunks) {
  const i32 moved = chunks == 4 ? chunk ^ (line >> 1 & 3) : chunk ^ (line & 7);
  return (u32)((line * chunks + moved) * 16);
}

// 16 bytes to shared memory, of which `count` elements exist; the rest is 0.
DEVICE void bringChunk(u32 to, const S* from, i32 count, bool is_aligned) {
  if (is_aligned) {
    const i32 bytes = count <= 0 ? 0 : count >= CHUNK ? 16 : count * (i32)sizeof(S);
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes));
    return;
  }
  union {
    S elements[16 / sizeof(S)];
    u32 words[4];
  } chunk;
  UNROLL for (i32 at = 0; at < CHUNK; at++) chunk.elements[at] = at < count ? from[at] : S(0);
  asm volatile("st.shared.v4.b32 [%0], {%1, %2, %3, %4};" ::"r"(to), "r"(chunk.words[0]), "r"(chunk.words[1]),
               "r"(chunk.words[2]), "r"(chunk.words[3]));
}

// The tile of an operand at k: [line][k] where it is contiguous along k, else [k][line].
template <int order, int lines>
DEVICE void bringTile(u32 to, const S* from, i64 step, i64 line_count, i64 k, i64 end, bool is_aligned) {
  if (order == 0) {
    UNROLL for (i32 s = 0; s < lines * 4 / LANES; s++) {
      const i32 at = LANE + s * LANES, line = at / 4, chunk = at % 4;
      const i64 left = line < line_count ? end - k - chunk * CHUNK : 0;
      const i32 count = left > CHUNK ? CHUNK : left > 0 ? (i32)left : 0;
      bringChunk(to + placeOfChunk(line, chunk, 4), count > 0 ? from + line * step + k + chunk * CHUNK : from, count,
                 is_aligned);
    }
  } else {
    constexpr i32 chunks = lines * (i32)sizeof(S) / 16;
    UNROLL for (i32 s = 0; s < DEPTH * chunks / LANES; s++) {
      const i32 at = LANE + s * LANES, line = at / chunks, chunk = at % chunks;
      const i64 left = k + line < end ? line_count - chunk * CHUNK : 0;
      const i32 count = left > CHUNK ? CHUNK : left > 0 ? (i32)left : 0;
      bringChunk(to + placeOfChunk(line, chunk, chunks), count > 0 ? from + (k + line) * step + chunk * CHUNK : from,
                 count, is_aligned);
    }
  }
}

DEVICE void loadMatrices(u32* to, u32 place) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(place));
}
DEVICE void loadTurned(u32* to, u32 place) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(place));
}
DEVICE u32 loadWord(u32 place) {
  u32 word;
  asm volatile("ld.shared.b32 %0, [%1];" : "=r"(word) : "r"(place));
  return word;
}
DEVICE u32 tf32Of(u32 bits) {
  u32 rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(F32_OF_BITS(bits)));
  return rounded;
}

// Four registers of 16 lines by two chunks of k: lines of the upper and lower half first where `halves` is 1 (as the left
// operand wants them), chunks first where it is 0 (the right one, two columns of 8 at a time).
template <int order, int lines, int halves>
DEVICE void loadFragment(u32* to, u32 tile, i32 line, i32 chunk) {
  const i32 lane = LANE % 32;
  const i32 lower = lane >> 3 & 1, upper = lane >> 4;
  const i32 line_half = halves ? lower : upper, k_half = halves ? upper : lower;
  if (order == 0) {
    loadMatrices(to, tile + placeOfChunk(line + (lane & 7) + line_half * 8, chunk + k_half, 4));
  } else if (!IS_TF32) {
    loadTurned(to, tile + placeOfChunk((chunk + k_half) * 8 + (lane & 7), line / 8 + line_half, lines / 8));
  } else {
    UNROLL for (i32 part = 0; part < 4; part++) {
      const i32 own_line = line + lane / 4 + (halves ? part & 1 : part >> 1) * 8;
      const i32 own_k = (chunk + (halves ? part >> 1 : part & 1)) * 4 + lane % 4;
      to[part] = loadWord(tile + placeOfChunk(own_k, own_line / 4, lines / 4) + (u32)(own_line % 4) * 4);
    }
  }
  if (IS_TF32) {
    UNROLL for (i32 part = 0; part < 4; part++) to[part] = tf32Of(to[part]);
  }
}

#define MULTIPLY(kind)                                                                                          \
  asm volatile("mma.sync.aligned." kind " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"        \
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])                                     \
               : "r"(left[0]), "r"(left[1]), "r"(left[2]), "r"(left[3]), "r"(right[0]), "r"(right[1]))
#define MULTIPLY_f16 MULTIPLY("m16n8k16.row.col.f32.f16.f16.f32")
#define MULTIPLY_bf16 MULTIPLY("m16n8k16.row.col.f32.bf16.bf16.f32")
#define MULTIPLY_f32 MULTIPLY("m16n8k8.row.col.f32.tf32.tf32.f32")
DEVICE void multiplyAdd(f32* sums, const u32* left, const u32* right) { PASTE(MULTIPLY, TYPE); }

DEVICE void finish(S* y, const S* bias, const ProductShape* shape, i64 place, i64 row, i64 column, f32 sum) {
  const i64 at = place + row * shape->y_row + column;
  if (shape->has_bias) sum += LOAD(TYPE, bias, column * shape->bias_step);
  if (shape->accumulate) sum += LOAD(TYPE, y, at);
  STORE(TYPE, y, at, sum);
}

KERNEL(tensor_product)(BUFFER(TYPE, y), BUFFER(TYPE, a), BUFFER(TYPE, b), BUFFER(TYPE, bias), BUFFER(f32, parts),
                       const ProductShape shape) {
  OPEN(TYPE, y);
  OPEN(TYPE, a);
  OPEN(TYPE, b);
  OPEN(TYPE, bias);
  OPEN(f32, parts);
  extern __shared__ __align__(128) unsigned char stages[];
  const u32 shared = (u32)__cvta_generic_to_shared(stages);
  constexpr i32 left_order = PASTE(ORDER, LEFT), right_order = PASTE(ORDER, RIGHT);
  constexpr i32 across = WARP_COLUMNS / 8;
  const i32 warp_row = LANE / 128 * 64, warp_column = LANE / 32 % 4 * WARP_COLUMNS;

  // Groups that run together have neighbouring tiles: eight rows of tiles, column by column.
  const i64 tiles = shape.tile_rows * shape.tile_columns;
  const i64 above = GROUP_X / tiles;
  const i64 tile = GROUP_X - above * tiles;
  const i64 band = tile / (8 * shape.tile_columns), in_band = tile - band * 8 * shape.tile_columns;
  const i64 band_rows = shape.tile_rows - band * 8 < 8 ? shape.tile_rows - band * 8 : 8;
  const i64 first_row = (band * 8 + in_band % band_rows) * ROWS;
  const i64 first_column = in_band / band_rows * COLUMNS;
  const i64 split = above / shape.batches, batch = above - split * shape.batches;
  const i64 first_k = split * shape.chunk;
  const i64 end = first_k + shape.chunk < shape.k ? first_k + shape.chunk : shape.k;
  const S* from_a = a + placeOf(&shape.a, batch) + first_row * (left_order == 0 ? shape.a_step : 1);
  const S* from_b = b + placeOf(&shape.b, batch) + first_column * (right_order == 0 ? shape.b_step : 1);
  const auto bring = [&](i64 k, i32 stage) {
    const u32 to = shared + (u32)(stage * STAGE_BYTES);
    bringTile<left_order, ROWS>(to, from_a, shape.a_step, shape.m - first_row, k, end, shape.a_is_aligned);
    bringTile<right_order, COLUMNS>(to + LEFT_BYTES, from_b, shape.b_step, shape.n - first_column, k, end,
                                    shape.b_is_aligned);
  };

  f32 sums[4][across][4];
  UNROLL for (i32 i = 0; i < 4; i++) {
    UNROLL for (i32 j = 0; j < across; j++) {
      UNROLL for (i32 part = 0; part < 4; part++) sums[i][j][part] = 0;
    }
  }
  i64 coming = first_k;
  for (i32 stage = 0; stage < STAGES - 1; stage++, coming += DEPTH) {
    if (coming < end) bring(coming, stage);
    asm volatile("cp.async.commit_group;");
  }
  i32 stage = 0, free_stage = STAGES - 1;
  for (i64 k = first_k; k < end; k += DEPTH) {
    asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 2));
    BARRIER();
    // All have left the stage before this one: it takes what comes next.
    if (coming < end) bring(coming, free_stage);
    asm volatile("cp.async.commit_group;");
    coming += DEPTH;
    free_stage = stage;
    const u32 left_tile = shared + (u32)(stage * STAGE_BYTES), right_tile = left_tile + LEFT_BYTES;
    UNROLL for (i32 chunk = 0; chunk < 4; chunk += 2) {
      u32 left[4][4], right[across * 2];
      UNROLL for (i32 i = 0; i < 4; i++)
        loadFragment<left_order, ROWS, 1>(left[i], left_tile, warp_row + i * 16, chunk);
      UNROLL for (i32 j = 0; j < across; j += 2)
        loadFragment<right_order, COLUMNS, 0>(right + j * 2, right_tile, warp_column + j * 8, chunk);
      UNROLL for (i32 i = 0; i < 4; i++) {
        UNROLL for (i32 j = 0; j < across; j++) multiplyAdd(sums[i][j], left[i], right + j * 2);
      }
    }
    stage = stage + 1 == STAGES ? 0 : stage + 1;
  }
  asm volatile("cp.async.wait_all;");

  const i64 place = placeOf(&shape.y, batch);
  UNROLL for (i32 i = 0; i < 4; i++) {
    UNROLL for (i32 j = 0; j < across; j++) {
      UNROLL for (i32 part = 0; part < 4; part++) {
        const i64 row = first_row + warp_row + i * 16 + LANE % 32 / 4 + (part >> 1) * 8;
        const i64 column = first_column + warp_column + j * 8 + LANE % 4 * 2 + (part & 1);
        if (row >= shape.m || column >= shape.n) continue;
        if (shape.splits > 1) {
          parts[(above * shape.m + row) * shape.n + column] = sums[i][j][part];
        } else {
          finish(y, bias, &shape, place, row, column, sums[i][j][part]);
        }
      }
    }
  }
}
