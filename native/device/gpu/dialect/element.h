// Elements of a dtype that is only known when the kernel runs, for programs that run now and then and are
// compiled when somebody waits. For sources with WIDE, the widest floating type of the device.

typedef COMPUTED(WIDE) W;

DEVICE W numberAt(GLOBAL const u8* x, i32 dtype, i64 place) {
  switch (dtype) {
    case 0:
      return x[place] != 0 ? (W)1 : (W)0;
    case 1:
      return (W)x[place];
    case 2:
      return (W)((GLOBAL const i8*)x)[place];
    case 3:
      return (W)((GLOBAL const i16*)x)[place];
    case 4:
      return (W)((GLOBAL const i32*)x)[place];
    case 5:
      return (W)((GLOBAL const i64*)x)[place];
    case 6:
      return (W)LOAD(f16, (GLOBAL u16*)x, place);
    case 7:
      return (W)LOAD(bf16, (GLOBAL u16*)x, place);
    case 8:
      return (W)((GLOBAL const f32*)x)[place];
#ifdef HAS_FLOAT64
    case 9:
      return (W)((GLOBAL const f64*)x)[place];
#endif
  }
  return (W)0;
}

// Of integers and bool.
DEVICE i64 integerAt(GLOBAL const u8* x, i32 dtype, i64 place) {
  switch (dtype) {
    case 0:
      return x[place] != 0 ? 1 : 0;
    case 1:
      return x[place];
    case 2:
      return ((GLOBAL const i8*)x)[place];
    case 3:
      return ((GLOBAL const i16*)x)[place];
    case 4:
      return ((GLOBAL const i32*)x)[place];
  }
  return ((GLOBAL const i64*)x)[place];
}

DEVICE bool isFiniteNumber(W x) { return x - x == (W)0; }
