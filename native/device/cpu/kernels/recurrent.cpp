// One step of recurrent layers, all gates of a row at once, and the way back. Rows are contiguous; a row is
// one thread's. H is the hidden size.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

// Row `row` of an operand [N, K].
template <class T>
T* rowOf(const Operand& x, int64_t row) {
  return pointerTo<T>(x) + row * x.strides[0];
}

// body(T(), row) for each of the N rows of an operand [N, K].
template <class Body>
void forRows(const Operand& x, const Body& body) {
  withFloating(x.dtype, [&](auto zero) {
    parallel(x.sizes[0], most<int64_t>(1, kGrain / 4 / (x.sizes[1] + 1)), [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) body(zero, row);
    });
  });
}

template <class T>
void addSigmoid(T* __restrict y, const T* __restrict a, const T* __restrict b, int64_t count) {
  DESCENT_VECTORIZE
  for (int64_t k = 0; k < count; ++k) y[k] = sigmoid_(a[k] + b[k]);
}

template <class T>
void addTanh(T* __restrict y, const T* __restrict a, const T* __restrict b, int64_t count) {
  DESCENT_VECTORIZE
  for (int64_t k = 0; k < count; ++k) y[k] = tanh_(a[k] + b[k]);
}

// y [N, H]; x, h [N, H]
void rnnCell(const Call& call, const void*) {
  const Operand* operands = call.operands;
  const int64_t size = operands[0].sizes[1];
  const bool isRelu = call.integers[0] != 0;
  forRows(operands[0], [&](auto zero, int64_t row) {
    using T = decltype(zero);
    T* __restrict y = rowOf<T>(operands[0], row);
    const T* __restrict x = rowOf<T>(operands[1], row);
    const T* __restrict h = rowOf<T>(operands[2], row);
    if (!isRelu) return addTanh(y, x, h, size);
    DESCENT_VECTORIZE
    for (int64_t k = 0; k < size; ++k) y[k] = max_(x[k] + h[k], T(0));
  });
}

// m [N, H], reserve [N, 5H] (i, f, g, o, c); x, h [N, 4H], before [N, H] (the c of the step before)
void lstmCell(const Call& call, const void*) {
  const Operand* operands = call.operands;
  const int64_t size = operands[0].sizes[1];
  forRows(operands[1], [&](auto zero, int64_t row) {
    using T = decltype(zero);
    T* __restrict m = rowOf<T>(operands[0], row);
    T* gates = rowOf<T>(operands[1], row);
    const T* x = rowOf<T>(operands[2], row);
    const T* h = rowOf<T>(operands[3], row);
    const T* __restrict before = rowOf<T>(operands[4], row);
    addSigmoid(gates, x, h, 2 * size);
    addTanh(gates + 2 * size, x + 2 * size, h + 2 * size, size);
    addSigmoid(gates + 3 * size, x + 3 * size, h + 3 * size, size);
    const T* i = gates;
    const T* f = gates + size;
    const T* g = gates + 2 * size;
    const T* o = gates + 3 * size;
    T* c = gates + 4 * size;
    DESCENT_VECTORIZE
    for (int64_t k = 0; k < size; ++k) c[k] = f[k] * before[k] + i[k] * g[k];
    DESCENT_VECTORIZE
    for (int64_t k = 0; k < size; ++k) m[k] = o[k] * tanh_(c[k]);
  });
}

// da [N, 4H] (of the gates before their functions), dc [N, H] (of this step's c, and then of the one before);
// dm [N, H], reserve [N, 5H], before [N, H], and the gradient of the reserve [N, 5H] when i[0]
void lstmCellBackward(const Call& call, const void*) {
  const Operand* operands = call.operands;
  const int64_t size = operands[1].sizes[1];
  const bool hasMore = call.integers[0] != 0;
  forRows(operands[3], [&](auto zero, int64_t row) {
    using T = decltype(zero);
    T* da = rowOf<T>(operands[0], row);
    T* dc = rowOf<T>(operands[1], row);
    const T* dm = rowOf<T>(operands[2], row);
    const T* gates = rowOf<T>(operands[3], row);
    const T* before = rowOf<T>(operands[4], row);
    const T* more = hasMore ? rowOf<T>(operands[5], row) : nullptr;
    const auto run = [&](auto also) {
      DESCENT_VECTORIZE
      for (int64_t k = 0; k < size; ++k) {
        const T i = gates[k], f = gates[size + k], g = gates[2 * size + k], o = gates[3 * size + k];
        const T t = tanh_(gates[4 * size + k]);
        const T d = dc[k] + dm[k] * o * (T(1) - t * t) + also(4 * size + k);
        da[k] = (d * g + also(k)) * i * (T(1) - i);
        da[size + k] = (d * before[k] + also(size + k)) * f * (T(1) - f);
        da[2 * size + k] = (d * i + also(2 * size + k)) * (T(1) - g * g);
        da[3 * size + k] = (dm[k] * t + also(3 * size + k)) * o * (T(1) - o);
        dc[k] = d * f;
      }
    };
    if (hasMore) {
      run([more](int64_t k) { return more[k]; });
    } else {
      run([](int64_t) { return T(0); });
    }
  });
}

// y [N, H], reserve [N, 4H] (r, z, n, q); x, h [N, 3H], before [N, H] (the y of the step before)
void gruCell(const Call& call, const void*) {
  const Operand* operands = call.operands;
  const int64_t size = operands[0].sizes[1];
  forRows(operands[1], [&](auto zero, int64_t row) {
    using T = decltype(zero);
    T* __restrict y = rowOf<T>(operands[0], row);
    T* reserve = rowOf<T>(operands[1], row);
    const T* x = rowOf<T>(operands[2], row);
    const T* h = rowOf<T>(operands[3], row);
    const T* __restrict before = rowOf<T>(operands[4], row);
    addSigmoid(reserve, x, h, 2 * size);
    const T* r = reserve;
    const T* z = reserve + size;
    T* n = reserve + 2 * size;
    T* q = reserve + 3 * size;
    DESCENT_VECTORIZE
    for (int64_t k = 0; k < size; ++k) {
      q[k] = h[2 * size + k];
      n[k] = tanh_(x[2 * size + k] + r[k] * q[k]);
    }
    DESCENT_VECTORIZE
    for (int64_t k = 0; k < size; ++k) y[k] = n[k] + z[k] * (before[k] - n[k]);
  });
}

// dx, dh [N, 3H] (of the shares of the input and of the state), d [N, H] (of this step's y, and then what of
// it the step before gets directly); reserve [N, 4H], before [N, H], and the gradient of the reserve [N, 4H]
// when i[0]
void gruCellBackward(const Call& call, const void*) {
  const Operand* operands = call.operands;
  const int64_t size = operands[2].sizes[1];
  const bool hasMore = call.integers[0] != 0;
  forRows(operands[3], [&](auto zero, int64_t row) {
    using T = decltype(zero);
    T* dx = rowOf<T>(operands[0], row);
    T* dh = rowOf<T>(operands[1], row);
    T* d = rowOf<T>(operands[2], row);
    const T* reserve = rowOf<T>(operands[3], row);
    const T* before = rowOf<T>(operands[4], row);
    const T* more = hasMore ? rowOf<T>(operands[5], row) : nullptr;
    const auto run = [&](auto also) {
      DESCENT_VECTORIZE
      for (int64_t k = 0; k < size; ++k) {
        const T r = reserve[k], z = reserve[size + k], n = reserve[2 * size + k], q = reserve[3 * size + k];
        const T dn = (d[k] * (T(1) - z) + also(2 * size + k)) * (T(1) - n * n);
        const T dr = (dn * q + also(k)) * r * (T(1) - r);
        const T dz = (d[k] * (before[k] - n) + also(size + k)) * z * (T(1) - z);
        dx[k] = dr;
        dh[k] = dr;
        dx[size + k] = dz;
        dh[size + k] = dz;
        dx[2 * size + k] = dn;
        dh[2 * size + k] = dn * r + also(3 * size + k);
        d[k] *= z;
      }
    };
    if (hasMore) {
      run([more](int64_t k) { return more[k]; });
    } else {
      run([](int64_t) { return T(0); });
    }
  });
}

const Kernel kKernels[] = {
    {"rnnCell", kFloating, rnnCell, nullptr},
    {"lstmCell", kFloating, lstmCell, nullptr},
    {"lstmCellBackward", kFloating, lstmCellBackward, nullptr},
    {"gruCell", kFloating, gruCell, nullptr},
    {"gruCellBackward", kFloating, gruCellBackward, nullptr},
};

}  // namespace

extern const KernelTable recurrentKernels;
const KernelTable recurrentKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
