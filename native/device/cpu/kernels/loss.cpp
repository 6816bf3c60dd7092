// Cross entropy from class indices, forward and backward, each in one pass over the rows.
//
// With smoothing s, weights w and target t of row i, as in PyTorch:
//   loss_i = (1 - s) w_t (-logp_t) + s / C * sum_c w_c (-logp_c);   mean divides the sum by the sum of the
//   w_t.
#include "softmax.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

enum Reduction : int64_t { kNone = 0, kMean = 1, kSum = 2 };

constexpr int64_t kRowsTogether = 64;

// The arguments both kernels have.
template <class T>
struct Settings {
  T smoothing;
  int64_t ignoreIndex, reduction;
  bool hasWeight, inputIsLogp;
  const Operand* weight;
  int64_t rows, classes;

  Settings(const Call& call, const Operand& logp, int weightAt)
      : smoothing(static_cast<T>(call.numbers[0])),
        ignoreIndex(call.integers[0]),
        reduction(call.integers[1]),
        hasWeight(call.integers[2] != 0),
        inputIsLogp(call.integers[3] != 0),
        weight(hasWeight ? &call.operands[weightAt] : nullptr),
        rows(logp.sizes[0]),
        classes(logp.sizes[1]) {}

  T weightOf(int64_t c) const { return hasWeight ? pointerTo<T>(*weight)[c * weight->strides[0]] : T(1); }
  T sumOfWeights() const {
    T sum = T(0);
    for (int64_t c = 0; c < classes; ++c) sum += weightOf(c);
    return sum;
  }
};

// The targets as int64, checked. In scratch slot 3.
const int64_t* targetsOf(const Operand& target, int64_t rows, int64_t classes, int64_t ignoreIndex) {
  auto* targets = static_cast<int64_t*>(scratch(3, static_cast<size_t>(rows + 1) * sizeof(int64_t)));
  withIndex(target.dtype, [&](auto zero) {
    const auto* from = pointerTo<decltype(zero)>(target);
    for (int64_t i = 0; i < rows; ++i) targets[i] = static_cast<int64_t>(from[i * target.strides[0]]);
  });
  for (int64_t i = 0; i < rows; ++i) {
    if (targets[i] != ignoreIndex && (targets[i] < 0 || targets[i] >= classes))
      throwBadIndex("crossEntropy", targets[i], i, classes);
  }
  return targets;
}

// loss, total, logp; x, target, (weight)
template <class T>
void forward(const Call& call) {
  const Operand& loss = call.operands[0];
  const Operand& x = call.operands[3];
  const Settings<T> settings(call, x, 5);
  const Operand& logp = settings.inputIsLogp ? x : call.operands[2];
  const int64_t rows = settings.rows, classes = settings.classes;
  const int64_t* targets = targetsOf(call.operands[4], rows, classes, settings.ignoreIndex);
  T* losses = static_cast<T*>(scratch(4, static_cast<size_t>(rows + 1) * sizeof(T)));
  const bool xDense = isContiguous(x), logpDense = isContiguous(logp);
  const T spread = settings.smoothing / static_cast<T>(classes);
  const int64_t chunks = (rows + kRowsTogether - 1) / kRowsTogether;
  parallel(
      chunks, most<int64_t>(1, kGrain / 4 / (kRowsTogether * classes + 1)), [&](int64_t begin, int64_t end) {
        for (int64_t chunk = begin; chunk < end; ++chunk) {
          const int64_t first = chunk * kRowsTogether;
          const int64_t count = least(kRowsTogether, rows - first);
          const size_t bytes = static_cast<size_t>(count * classes) * sizeof(T);
          const T* values = pointerTo<T>(x) + first * classes;
          if (!xDense) {
            T* copy = static_cast<T*>(scratch(0, bytes));
            gatherRange(x, first * classes, count * classes, copy);
            values = copy;
          }
          if (!settings.inputIsLogp) {
            T* to = logpDense ? pointerTo<T>(logp) + first * classes : static_cast<T*>(scratch(1, bytes));
            softmaxRows<T, true>(values, to, static_cast<T*>(scratch(2, bytes)), count, classes);
            if (!logpDense) scatterRange(logp, first * classes, count * classes, to);
            values = to;
          }
          for (int64_t i = 0; i < count; ++i) {
            const int64_t target = targets[first + i];
            const T* row = values + i * classes;
            T one = T(0);
            if (target != settings.ignoreIndex) {
              one = (T(1) - settings.smoothing) * settings.weightOf(target) * -row[target];
              if (settings.smoothing != T(0)) {
                T all = T(0);
                for (int64_t c = 0; c < classes; ++c) all -= settings.weightOf(c) * row[c];
                one += spread * all;
              }
            }
            losses[first + i] = one;
          }
        }
      });
  double total = 0, sum = 0;
  for (int64_t i = 0; i < rows; ++i) {
    sum += static_cast<double>(losses[i]);
    if (targets[i] != settings.ignoreIndex) total += static_cast<double>(settings.weightOf(targets[i]));
  }
  *pointerTo<T>(call.operands[1]) = static_cast<T>(total);
  if (settings.reduction == kNone) {
    for (int64_t i = 0; i < rows; ++i) pointerTo<T>(loss)[i * loss.strides[0]] = losses[i];
  } else {
    *pointerTo<T>(loss) = static_cast<T>(settings.reduction == kMean ? sum / total : sum);
  }
}

// dx; g, logp, target, total, (weight)
// d loss_i / d logp_c = -((1 - s) w_t [c = t] + s / C w_c), and through log-softmax dx = dlogp - e^logp sum
// dlogp.
template <class T>
void backward(const Call& call) {
  const Operand& dx = call.operands[0];
  const Operand& g = call.operands[1];
  const Operand& logp = call.operands[2];
  const Settings<T> settings(call, dx, 5);
  const int64_t rows = settings.rows, classes = settings.classes;
  const int64_t* targets = targetsOf(call.operands[3], rows, classes, settings.ignoreIndex);
  const T total = *pointerTo<T>(call.operands[4]);
  const T spread = settings.smoothing / static_cast<T>(classes);
  const T spreadSum = settings.smoothing == T(0) ? T(0) : spread * settings.sumOfWeights();
  const bool isDense = isContiguous(logp), dxDense = isContiguous(dx);
  parallel(rows, most<int64_t>(1, kGrain / 4 / (classes + 1)), [&](int64_t begin, int64_t end) {
    const size_t bytes = static_cast<size_t>(classes) * sizeof(T);
    for (int64_t i = begin; i < end; ++i) {
      T* out = dxDense ? pointerTo<T>(dx) + i * classes : static_cast<T*>(scratch(0, bytes));
      const int64_t target = targets[i];
      T scale = settings.reduction == kNone ? pointerTo<T>(g)[i * g.strides[0]] : *pointerTo<T>(g);
      if (settings.reduction == kMean) scale /= total;
      if (target == settings.ignoreIndex) {
        for (int64_t c = 0; c < classes; ++c) out[c] = T(0);
      } else {
        const T picked = (T(1) - settings.smoothing) * settings.weightOf(target);
        if (settings.inputIsLogp) {
          for (int64_t c = 0; c < classes; ++c) out[c] = T(0);
        } else {
          const T* row = pointerTo<T>(logp) + i * classes;
          if (!isDense) {
            T* copy = static_cast<T*>(scratch(1, bytes));
            gatherRange(logp, i * classes, classes, copy);
            row = copy;
          }
          const T factor = scale * (picked + spreadSum);
          DESCENT_VECTORIZE
          for (int64_t c = 0; c < classes; ++c) out[c] = exp_(row[c]) * factor;
        }
        if (settings.smoothing != T(0)) {
          for (int64_t c = 0; c < classes; ++c) out[c] -= scale * spread * settings.weightOf(c);
        }
        out[target] -= scale * picked;
      }
      if (!dxDense) scatterRange(dx, i * classes, classes, out);
    }
  });
}

void crossEntropy(const Call& call, const void*) {
  withFloating(call.operands[0].dtype, [&](auto zero) { forward<decltype(zero)>(call); });
}

void crossEntropyBackward(const Call& call, const void*) {
  withFloating(call.operands[0].dtype, [&](auto zero) { backward<decltype(zero)>(call); });
}

const Kernel kKernels[] = {
    {"crossEntropy", kFloating, crossEntropy, nullptr},
    {"crossEntropyBackward", kFloating, crossEntropyBackward, nullptr},
};

}  // namespace

extern const KernelTable lossKernels;
const KernelTable lossKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
