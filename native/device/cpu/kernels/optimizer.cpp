// One step of an optimizer over all its parameters in one call. The gradients are read once, and the squared
// norm of each, which the recorder wants at every step, comes out of the same pass.
//
// A parameter is done in blocks of a fixed size; a block's part of the norm goes into a table and is added up
// in order, so that norms do not depend on the number of threads.
#include "kernels.h"

namespace descent::cpu::DESCENT_CAPABILITY {

namespace {

constexpr int64_t kBlock = 8192;  // elements
constexpr int kLanes = 16;

// Calls step(parameter, first element, elements) for all blocks of all parameters and writes the sums of what
// it returns. `shapeAt` is the operand that has parameter 0's size, `stride` the operands a parameter has.
template <class Step>
void forBlocks(const Call& call, int64_t parameters, int shapeAt, int stride, const Step& step) {
  double* squared = pointerTo<double>(call.operands[0]);
  auto* firstBlock = static_cast<int64_t*>(scratch(0, static_cast<size_t>(parameters + 1) * sizeof(int64_t)));
  firstBlock[0] = 0;
  int64_t all = 0;
  for (int64_t p = 0; p < parameters; ++p) {
    const int64_t size = elements(call.operands[shapeAt + p * stride]);
    all += size;
    firstBlock[p + 1] = firstBlock[p] + (size + kBlock - 1) / kBlock;
  }
  const int64_t blocks = firstBlock[parameters];
  auto* norms = static_cast<double*>(scratch(1, static_cast<size_t>(blocks + 1) * sizeof(double)));
  parallel(blocks, all <= 2 * kBlock ? blocks : 2, [&](int64_t begin, int64_t end) {
    int64_t p = 0;
    for (int64_t block = begin; block < end; ++block) {
      while (firstBlock[p + 1] <= block) ++p;
      const int64_t size = elements(call.operands[shapeAt + p * stride]);
      const int64_t first = (block - firstBlock[p]) * kBlock;
      norms[block] = step(p, first, least(kBlock, size - first));
    }
  });
  for (int64_t p = 0; p < parameters; ++p) {
    squared[p] = 0;
    for (int64_t block = firstBlock[p]; block < firstBlock[p + 1]; ++block) squared[p] += norms[block];
  }
}

// update(i, g) for every element, g the gradient as given; returns the sum of g^2.
template <class T, class Update>
inline double eachGradient(const T* gradient, int64_t count, const Update& update) {
  T lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    DESCENT_VECTORIZE
    for (int lane = 0; lane < kLanes; ++lane) {
      const T g = gradient[i + lane];
      lanes[lane] += g * g;
      update(i + lane, g);
    }
  }
  double sum = 0;
  for (; i < count; ++i) {
    const T g = gradient[i];
    sum += static_cast<double>(g) * static_cast<double>(g);
    update(i, g);
  }
  for (T lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

// squared; P x (param, grad, momentum buffer when i[1])
template <class T>
void sgd(const Call& call) {
  const T lr = static_cast<T>(call.numbers[0]), momentum = static_cast<T>(call.numbers[1]);
  const T weightDecay = static_cast<T>(call.numbers[3]);
  const bool hasMomentum = call.integers[1] != 0, nesterov = call.integers[2] != 0;
  const T sign = call.integers[3] != 0 ? T(-1) : T(1);
  // The first time the buffer becomes the gradient itself, without dampening.
  const bool isFirst = call.integers[4] != 0;
  const T keep = isFirst ? T(0) : momentum;
  const T fresh = isFirst ? T(1) : static_cast<T>(1 - call.numbers[2]);
  const int stride = hasMomentum ? 3 : 2;
  forBlocks(call, call.integers[0], 1, stride, [&](int64_t p, int64_t first, int64_t count) {
    T* __restrict parameter = pointerTo<T>(call.operands[1 + p * stride]) + first;
    const T* __restrict gradient = pointerTo<T>(call.operands[2 + p * stride]) + first;
    if (!hasMomentum) {
      return eachGradient(gradient, count, [&](int64_t i, T g) {
        const T d = g * sign + weightDecay * parameter[i];
        parameter[i] -= lr * d;
      });
    }
    T* __restrict buffer = pointerTo<T>(call.operands[3 + p * stride]) + first;
    const T ofGradient = nesterov ? T(1) : T(0), ofBuffer = nesterov ? momentum : T(1);
    return eachGradient(gradient, count, [&](int64_t i, T g) {
      const T d = g * sign + weightDecay * parameter[i];
      const T b = (isFirst ? T(0) : keep * buffer[i]) + fresh * d;
      buffer[i] = b;
      parameter[i] -= lr * (ofGradient * d + ofBuffer * b);
    });
  });
}

struct Yes {
  static constexpr bool value = true;
};
struct No {
  static constexpr bool value = false;
};

// squared; P x (param, grad, expAvg, expAvgSq, maxExpAvgSq when i[1])
template <class T>
void adam(const Call& call) {
  const double lr = call.numbers[0];
  const T beta1 = static_cast<T>(call.numbers[1]), beta2 = static_cast<T>(call.numbers[2]);
  const T other1 = static_cast<T>(1 - call.numbers[1]), other2 = static_cast<T>(1 - call.numbers[2]);
  const T eps = static_cast<T>(call.numbers[3]);
  const T stepSize = static_cast<T>(lr / call.numbers[5]);
  const T rootOfCorrection = static_cast<T>(__builtin_sqrt(call.numbers[6]));
  const bool amsgrad = call.integers[1] != 0, decoupled = call.integers[2] != 0;
  const T sign = call.integers[3] != 0 ? T(-1) : T(1);
  // Decoupled (AdamW): the parameter shrinks by itself; otherwise decay joins the gradient.
  const T shrink = decoupled ? static_cast<T>(1 - lr * call.numbers[4]) : T(1);
  const T decay = decoupled ? T(0) : static_cast<T>(call.numbers[4]);
  const int stride = amsgrad ? 5 : 4;
  forBlocks(call, call.integers[0], 1, stride, [&](int64_t p, int64_t first, int64_t count) {
    const Operand* operands = call.operands + 1 + p * stride;
    T* __restrict parameter = pointerTo<T>(operands[0]) + first;
    const T* __restrict gradient = pointerTo<T>(operands[1]) + first;
    T* __restrict average = pointerTo<T>(operands[2]) + first;
    T* __restrict square = pointerTo<T>(operands[3]) + first;
    T* __restrict largest = amsgrad ? pointerTo<T>(operands[4]) + first : nullptr;
    const auto update = [&](int64_t i, T g, auto withLargest) {
      const T w = parameter[i];
      const T d = g * sign + decay * w;
      const T m = beta1 * average[i] + other1 * d;
      const T v = beta2 * square[i] + other2 * d * d;
      average[i] = m;
      square[i] = v;
      T under = v;
      if constexpr (decltype(withLargest)::value) {
        under = max_(largest[i], v);
        largest[i] = under;
      }
      parameter[i] = w * shrink - stepSize * m / (sqrt_(under) / rootOfCorrection + eps);
    };
    if (amsgrad) return eachGradient(gradient, count, [&](int64_t i, T g) { update(i, g, Yes()); });
    return eachGradient(gradient, count, [&](int64_t i, T g) { update(i, g, No()); });
  });
}

// squared; P tensors
template <class T>
void norms(const Call& call) {
  forBlocks(call, call.count - 1, 1, 1, [&](int64_t p, int64_t first, int64_t count) {
    const Operand& x = call.operands[1 + p];
    const T* values = pointerTo<T>(x) + first;
    alignas(64) T copy[kBlock];
    if (!isContiguous(x)) {
      gatherRange(x, first, count, copy);
      values = copy;
    }
    return eachGradient(values, count, [](int64_t, T) {});
  });
}

template <int kParameterAt>
DType typeOf(const Call& call) {
  return call.count > kParameterAt ? call.operands[kParameterAt].dtype : DType::float32;
}

void sgdStep(const Call& call, const void*) {
  withFloating(typeOf<1>(call), [&](auto zero) { sgd<decltype(zero)>(call); });
}
void adamStep(const Call& call, const void*) {
  withFloating(typeOf<1>(call), [&](auto zero) { adam<decltype(zero)>(call); });
}
void squaredNorms(const Call& call, const void*) {
  withFloating(typeOf<1>(call), [&](auto zero) { norms<decltype(zero)>(call); });
}

const Kernel kKernels[] = {
    {"sgdStep", kFloating, sgdStep, nullptr},
    {"adamStep", kFloating, adamStep, nullptr},
    {"norms", kFloating, squaredNorms, nullptr},
};

}  // namespace

extern const KernelTable optimizerKernels;
const KernelTable optimizerKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
