// The arguments of the tensor cores' kernel, which the host side of kernels/matmul.cpp fills in. The result
// is contiguous along its columns.
typedef struct {
  Strided y, a, b;  // the leading dims
  i64 batches, m, n, k;
  i64 y_row, a_step, b_step, bias_step;  // a_step, b_step: from one line to the next
  i64 chunk;                             // of k, of each of the splits
  i64 tile_rows, tile_columns;
  i32 splits;
  i32 accumulate, has_bias;
  i32 a_is_aligned, b_is_aligned;  // lines begin at multiples of 16 bytes
} ProductShape;
