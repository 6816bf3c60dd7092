// Division of counts, which are never negative: by 32 bits where they fit, since a GPU takes many times as
// long for 64.
DEVICE i64 quotientOf(i64 a, i64 b) { return (u64)(a | b) >> 32 == 0 ? (i64)((u32)a / (u32)b) : a / b; }
