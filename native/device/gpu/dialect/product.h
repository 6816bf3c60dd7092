// What products are added up in: float for halves, and for integers an unsigned type, which wraps.
#define SUM_f32 f32
#define SUM_f64 f64
#define SUM_f16 f32
#define SUM_bf16 f32
#define SUM_i64 u64
#define SUM_i32 u32
#define SUM_i16 u32
#define SUM_i8 u32
#define SUM_u8 u32
#define SUM PASTE(SUM, TYPE)
