// One step of recurrent layers, all gates at once, and the way back: a lane for each unit of each row.
// Formulas: cpu/kernels/recurrent.cpp.
// VARIANTS TYPE: f32 f64 f16 bf16
#include "../kernel.h"

KERNEL_SOURCE

#define MOST_CELL_OPERANDS 6
typedef struct {
  i64 rows, size;                 // N and H
  i64 steps[MOST_CELL_OPERANDS];  // from one row to the next, in the order of the operands
  i32 is_relu, has_more;
} Cell;

#ifdef DESCENT_DIALECT

#include "../dialect/divide.h"

#define FOR_UNITS \
  for (i64 index = GROUP_X * LANES + LANE; index < cell.rows * size; index += GROUPS_X * LANES)
#define UNIT const i64 row = quotientOf(index, size), k = index - row * size

// Unit k of gate `gate`, of operand number `place`.
#define AT(place, gate) (row * cell.steps[place] + (gate)*size + k)
#define GET(buffer, place, gate) LOAD(TYPE, buffer, AT(place, gate))
#define PUT(buffer, place, gate, value) STORE(TYPE, buffer, AT(place, gate), value)
#define ALSO(place, gate) (cell.has_more ? GET(more, place, gate) : T(0))

KERNEL(rnnCell)(BUFFER(TYPE, y), BUFFER(TYPE, x), BUFFER(TYPE, h), const Cell cell) {
  OPEN(TYPE, y);
  OPEN(TYPE, x);
  OPEN(TYPE, h);
  const i64 size = cell.size;
  FOR_UNITS {
    UNIT;
    const T sum = GET(x, 1, 0) + GET(h, 2, 0);
    PUT(y, 0, 0, cell.is_relu ? max_(sum, T(0)) : tanh_(sum));
  }
}

KERNEL(lstmCell)
(BUFFER(TYPE, m), BUFFER(TYPE, reserve), BUFFER(TYPE, x), BUFFER(TYPE, h), BUFFER(TYPE, before),
 const Cell cell) {
  OPEN(TYPE, m);
  OPEN(TYPE, reserve);
  OPEN(TYPE, x);
  OPEN(TYPE, h);
  OPEN(TYPE, before);
  const i64 size = cell.size;
  FOR_UNITS {
    UNIT;
    const T i = sigmoid_(GET(x, 2, 0) + GET(h, 3, 0)), f = sigmoid_(GET(x, 2, 1) + GET(h, 3, 1));
    const T g = tanh_(GET(x, 2, 2) + GET(h, 3, 2)), o = sigmoid_(GET(x, 2, 3) + GET(h, 3, 3));
    const T c = f * GET(before, 4, 0) + i * g;
    PUT(reserve, 1, 0, i);
    PUT(reserve, 1, 1, f);
    PUT(reserve, 1, 2, g);
    PUT(reserve, 1, 3, o);
    PUT(reserve, 1, 4, c);
    PUT(m, 0, 0, o * tanh_(c));
  }
}

KERNEL(lstmCellBackward)
(BUFFER(TYPE, da), BUFFER(TYPE, dc), BUFFER(TYPE, dm), BUFFER(TYPE, reserve), BUFFER(TYPE, before),
 BUFFER(TYPE, more), const Cell cell) {
  OPEN(TYPE, da);
  OPEN(TYPE, dc);
  OPEN(TYPE, dm);
  OPEN(TYPE, reserve);
  OPEN(TYPE, before);
  OPEN(TYPE, more);
  const i64 size = cell.size;
  FOR_UNITS {
    UNIT;
    const T i = GET(reserve, 3, 0), f = GET(reserve, 3, 1), g = GET(reserve, 3, 2), o = GET(reserve, 3, 3);
    const T t = tanh_(GET(reserve, 3, 4)), from = GET(dm, 2, 0);
    const T d = GET(dc, 1, 0) + from * o * (T(1) - t * t) + ALSO(5, 4);
    PUT(da, 0, 0, (d * g + ALSO(5, 0)) * i * (T(1) - i));
    PUT(da, 0, 1, (d * GET(before, 4, 0) + ALSO(5, 1)) * f * (T(1) - f));
    PUT(da, 0, 2, (d * i + ALSO(5, 2)) * (T(1) - g * g));
    PUT(da, 0, 3, (from * t + ALSO(5, 3)) * o * (T(1) - o));
    PUT(dc, 1, 0, d * f);
  }
}

KERNEL(gruCell)
(BUFFER(TYPE, y), BUFFER(TYPE, reserve), BUFFER(TYPE, x), BUFFER(TYPE, h), BUFFER(TYPE, before),
 const Cell cell) {
  OPEN(TYPE, y);
  OPEN(TYPE, reserve);
  OPEN(TYPE, x);
  OPEN(TYPE, h);
  OPEN(TYPE, before);
  const i64 size = cell.size;
  FOR_UNITS {
    UNIT;
    const T r = sigmoid_(GET(x, 2, 0) + GET(h, 3, 0)), z = sigmoid_(GET(x, 2, 1) + GET(h, 3, 1));
    const T q = GET(h, 3, 2), n = tanh_(GET(x, 2, 2) + r * q);
    PUT(reserve, 1, 0, r);
    PUT(reserve, 1, 1, z);
    PUT(reserve, 1, 2, n);
    PUT(reserve, 1, 3, q);
    PUT(y, 0, 0, n + z * (GET(before, 4, 0) - n));
  }
}

KERNEL(gruCellBackward)
(BUFFER(TYPE, dx), BUFFER(TYPE, dh), BUFFER(TYPE, d), BUFFER(TYPE, reserve), BUFFER(TYPE, before),
 BUFFER(TYPE, more), const Cell cell) {
  OPEN(TYPE, dx);
  OPEN(TYPE, dh);
  OPEN(TYPE, d);
  OPEN(TYPE, reserve);
  OPEN(TYPE, before);
  OPEN(TYPE, more);
  const i64 size = cell.size;
  FOR_UNITS {
    UNIT;
    const T r = GET(reserve, 3, 0), z = GET(reserve, 3, 1), n = GET(reserve, 3, 2), q = GET(reserve, 3, 3);
    const T dy = GET(d, 2, 0);
    const T dn = (dy * (T(1) - z) + ALSO(5, 2)) * (T(1) - n * n);
    const T dr = (dn * q + ALSO(5, 0)) * r * (T(1) - r);
    const T dz = (dy * (GET(before, 4, 0) - n) + ALSO(5, 1)) * z * (T(1) - z);
    PUT(dx, 0, 0, dr);
    PUT(dh, 1, 0, dr);
    PUT(dx, 0, 1, dz);
    PUT(dh, 1, 1, dz);
    PUT(dx, 0, 2, dn);
    PUT(dh, 1, 2, dn * r + ALSO(5, 3));
    PUT(d, 2, 0, dy * z);
  }
}

#else  // host

// All kernels of the file: their operands in order, H that of operand `own`.
void run(GpuDevice& device, const Launch& launch, const char* kernel, size_t own, size_t most) {
  const std::vector<Operand>& operands = *launch.operands;
  Cell cell{};
  cell.rows = operands[own].sizes[0];
  cell.size = operands[own].sizes[1];
  KernelCall call(device, "recurrent", kernel, Variant(operands[0].dtype));
  for (size_t k = 0; k < most; ++k) {
    if (k < operands.size()) {
      cell.steps[k] = operands[k].strides[0];
      call.memory(operands[k]);
    } else {
      call.none();
    }
  }
  cell.is_relu = cell.has_more = launch.integers && launch.integers[0] != 0;
  call.value(cell).runOver(cell.rows * cell.size);
}

void rnnCell(GpuDevice& device, const Launch& launch) { run(device, launch, "rnnCell", 0, 3); }
void lstmCell(GpuDevice& device, const Launch& launch) { run(device, launch, "lstmCell", 0, 5); }
void lstmCellBackward(GpuDevice& device, const Launch& launch) {
  run(device, launch, "lstmCellBackward", 1, 6);
}
void gruCell(GpuDevice& device, const Launch& launch) { run(device, launch, "gruCell", 0, 5); }
void gruCellBackward(GpuDevice& device, const Launch& launch) {
  run(device, launch, "gruCellBackward", 2, 6);
}

const Kernel table[] = {
    {"rnnCell", kFloating, rnnCell},
    {"lstmCell", kFloating, lstmCell},
    {"lstmCellBackward", kFloating, lstmCellBackward},
    {"gruCell", kFloating, gruCell},
    {"gruCellBackward", kFloating, gruCellBackward},
};

std::vector<Trial> trials() {
  using namespace piece;
  return {
      {"lstmCell",
       2,
       {{numbers, {3, 20}}, {numbers, {3, 100}}, {numbers, {3, 80}}, {numbers, {3, 80}}, {numbers, {3, 20}}},
       {},
       {}},
  };
}

KERNEL_TABLE(recurrent)

#endif
