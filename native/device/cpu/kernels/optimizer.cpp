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
// it returns to `squared`. `shapeAt` is the operand that has parameter 0's size, `stride` the operands a
// parameter has.
template <class Step>
void forBlocks(const Call& call, double* squared, int64_t parameters, int shapeAt, int stride,
               const Step& step) {
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

// update(g, w, state...) for every element of every parameter, which may change all but g; `call` is as
// KERNELS.md says of optimizers.
template <class T, int kStates, class Update>
void eachElement(const Call& call, const Update& update) {
  static_assert(kStates <= 3, "another state needs a line below");
  constexpr int kStride = 2 + kStates;
  forBlocks(call, pointerTo<double>(call.operands[0]), call.integers[0], 1, kStride,
            [&](int64_t p, int64_t first, int64_t count) {
              const Operand* operands = call.operands + 1 + p * kStride;
              T* __restrict w = pointerTo<T>(operands[0]) + first;
              const T* __restrict gradient = pointerTo<T>(operands[1]) + first;
              T* __restrict a = kStates > 0 ? pointerTo<T>(operands[kStates > 0 ? 2 : 0]) + first : nullptr;
              T* __restrict b = kStates > 1 ? pointerTo<T>(operands[kStates > 1 ? 3 : 0]) + first : nullptr;
              T* __restrict c = kStates > 2 ? pointerTo<T>(operands[kStates > 2 ? 4 : 0]) + first : nullptr;
              return eachGradient(gradient, count, [&](int64_t i, T g) {
                if constexpr (kStates == 0) update(g, w[i]);
                if constexpr (kStates == 1) update(g, w[i], a[i]);
                if constexpr (kStates == 2) update(g, w[i], a[i], b[i]);
                if constexpr (kStates == 3) update(g, w[i], a[i], b[i], c[i]);
              });
            });
}

int statesOf(const Call& call) { return static_cast<int>(call.integers[1]); }
// The states hold nothing yet.
bool isFirst(const Call& call) { return call.integers[2] != 0; }

// n: lr, momentum, dampening, weightDecay, nesterov, maximize
template <class T>
void sgd(const Call& call) {
  const T lr = static_cast<T>(call.numbers[0]), momentum = static_cast<T>(call.numbers[1]);
  const T weightDecay = static_cast<T>(call.numbers[3]);
  const bool nesterov = call.numbers[4] != 0;
  const T sign = call.numbers[5] != 0 ? T(-1) : T(1);
  // The first time the buffer becomes the gradient itself, without dampening.
  const bool first = isFirst(call);
  const T fresh = first ? T(1) : static_cast<T>(1 - call.numbers[2]);
  if (statesOf(call) == 0) {
    eachElement<T, 0>(call, [=](T g, T& w) { w -= lr * (g * sign + weightDecay * w); });
    return;
  }
  eachElement<T, 1>(call, [=](T g, T& w, T& buffer) {
    const T d = g * sign + weightDecay * w;
    const T b = (first ? T(0) : momentum * buffer) + fresh * d;
    buffer = b;
    w -= lr * (nesterov ? d + momentum * b : b);
  });
}

// n: beta1, beta2, eps, weightDecay, maximize, 1 - lr decay where decay shrinks the parameter itself, lr /
// bias correction, root of the other bias correction
template <class T>
void adam(const Call& call) {
  const T beta1 = static_cast<T>(call.numbers[0]), beta2 = static_cast<T>(call.numbers[1]);
  const T other1 = static_cast<T>(1 - call.numbers[0]), other2 = static_cast<T>(1 - call.numbers[1]);
  const T eps = static_cast<T>(call.numbers[2]), decay = static_cast<T>(call.numbers[3]);
  const T sign = call.numbers[4] != 0 ? T(-1) : T(1);
  const T shrink = static_cast<T>(call.numbers[5]), stepSize = static_cast<T>(call.numbers[6]);
  const T rootOfCorrection = static_cast<T>(call.numbers[7]);
  const auto moments = [=](T g, T w, T& m, T& v) {
    const T d = g * sign + decay * w;
    m = beta1 * m + other1 * d;
    v = beta2 * v + other2 * d * d;
  };
  if (statesOf(call) == 2) {
    eachElement<T, 2>(call, [=](T g, T& w, T& m, T& v) {
      moments(g, w, m, v);
      w = w * shrink - stepSize * m / (sqrt_(v) / rootOfCorrection + eps);
    });
    return;
  }
  eachElement<T, 3>(call, [=](T g, T& w, T& m, T& v, T& largest) {
    moments(g, w, m, v);
    largest = max_(largest, v);
    w = w * shrink - stepSize * m / (sqrt_(largest) / rootOfCorrection + eps);
  });
}

// n: lr, alpha, eps, weightDecay, momentum, centered, maximize
template <class T>
void rmsprop(const Call& call) {
  const T lr = static_cast<T>(call.numbers[0]), alpha = static_cast<T>(call.numbers[1]);
  const T other = static_cast<T>(1 - call.numbers[1]), eps = static_cast<T>(call.numbers[2]);
  const T decay = static_cast<T>(call.numbers[3]), momentum = static_cast<T>(call.numbers[4]);
  const bool centered = call.numbers[5] != 0;
  const T sign = call.numbers[6] != 0 ? T(-1) : T(1);
  const auto plain = [=](T d, T& square) {
    square = alpha * square + other * d * d;
    return d / (sqrt_(square) + eps);
  };
  const auto aroundMean = [=](T d, T& square, T& mean) {
    square = alpha * square + other * d * d;
    mean = mean + other * (d - mean);
    return d / (sqrt_(square - mean * mean) + eps);
  };
  if (statesOf(call) == 1) {
    eachElement<T, 1>(call, [=](T g, T& w, T& square) { w -= lr * plain(g * sign + decay * w, square); });
  } else if (statesOf(call) == 3) {
    eachElement<T, 3>(call, [=](T g, T& w, T& square, T& mean, T& buffer) {
      buffer = momentum * buffer + aroundMean(g * sign + decay * w, square, mean);
      w -= lr * buffer;
    });
  } else if (centered) {
    eachElement<T, 2>(call, [=](T g, T& w, T& square, T& mean) {
      w -= lr * aroundMean(g * sign + decay * w, square, mean);
    });
  } else {
    eachElement<T, 2>(call, [=](T g, T& w, T& square, T& buffer) {
      buffer = momentum * buffer + plain(g * sign + decay * w, square);
      w -= lr * buffer;
    });
  }
}

// n: rate, eps, weightDecay, maximize
template <class T>
void adagrad(const Call& call) {
  const T rate = static_cast<T>(call.numbers[0]), eps = static_cast<T>(call.numbers[1]);
  const T decay = static_cast<T>(call.numbers[2]), sign = call.numbers[3] != 0 ? T(-1) : T(1);
  eachElement<T, 1>(call, [=](T g, T& w, T& sum) {
    const T d = g * sign + decay * w;
    sum += d * d;
    w -= rate * d / (sqrt_(sum) + eps);
  });
}

// n: lr, rho, eps, weightDecay, maximize
template <class T>
void adadelta(const Call& call) {
  const T lr = static_cast<T>(call.numbers[0]), rho = static_cast<T>(call.numbers[1]);
  const T other = static_cast<T>(1 - call.numbers[1]), eps = static_cast<T>(call.numbers[2]);
  const T decay = static_cast<T>(call.numbers[3]), sign = call.numbers[4] != 0 ? T(-1) : T(1);
  eachElement<T, 2>(call, [=](T g, T& w, T& square, T& changes) {
    const T d = g * sign + decay * w;
    square = rho * square + other * d * d;
    const T change = sqrt_(changes + eps) / sqrt_(square + eps) * d;
    changes = rho * changes + other * change * change;
    w -= lr * change;
  });
}

// n: beta1, beta2, eps, weightDecay, maximize, shrink as in adam, the rates of the gradient and of its mean,
// the second bias correction
template <class T>
void nadam(const Call& call) {
  const T other1 = static_cast<T>(1 - call.numbers[0]);
  const T beta2 = static_cast<T>(call.numbers[1]), other2 = static_cast<T>(1 - call.numbers[1]);
  const T eps = static_cast<T>(call.numbers[2]), decay = static_cast<T>(call.numbers[3]);
  const T sign = call.numbers[4] != 0 ? T(-1) : T(1), shrink = static_cast<T>(call.numbers[5]);
  const T ofGradient = static_cast<T>(call.numbers[6]), ofMean = static_cast<T>(call.numbers[7]);
  const T correction = static_cast<T>(call.numbers[8]);
  eachElement<T, 2>(call, [=](T g, T& w, T& m, T& v) {
    const T d = g * sign + decay * w;
    m = m + other1 * (d - m);
    v = beta2 * v + other2 * d * d;
    w = w * shrink - (ofGradient * d + ofMean * m) / (sqrt_(v / correction) + eps);
  });
}

// n: beta1, beta2, eps, weightDecay, maximize, shrink as in adam, rate, 1 where the variance is known well
// enough to divide by
template <class T>
void radam(const Call& call) {
  const T other1 = static_cast<T>(1 - call.numbers[0]);
  const T beta2 = static_cast<T>(call.numbers[1]), other2 = static_cast<T>(1 - call.numbers[1]);
  const T eps = static_cast<T>(call.numbers[2]), decay = static_cast<T>(call.numbers[3]);
  const T sign = call.numbers[4] != 0 ? T(-1) : T(1), shrink = static_cast<T>(call.numbers[5]);
  const T rate = static_cast<T>(call.numbers[6]);
  const bool isRectified = call.numbers[7] != 0;
  eachElement<T, 2>(call, [=](T g, T& w, T& m, T& v) {
    const T d = g * sign + decay * w;
    m = m + other1 * (d - m);
    v = beta2 * v + other2 * d * d;
    w = w * shrink - rate * m / (isRectified ? sqrt_(v) + eps : T(1));
  });
}

template <class T>
void sumSquares(const Call& call, double* squared) {
  forBlocks(call, squared, call.count - 1, 1, 1, [&](int64_t p, int64_t first, int64_t count) {
    return eachGradient(pointerTo<T>(call.operands[1 + p]) + first, count, [](int64_t, T) {});
  });
}

// squared; P tensors
template <class T>
void norms(const Call& call) {
  sumSquares<T>(call, pointerTo<double>(call.operands[0]));
}

// y; P tensors
template <class T>
void total(const Call& call) {
  auto* squared = static_cast<double*>(scratch(2, static_cast<size_t>(call.count) * sizeof(double)));
  sumSquares<T>(call, squared);
  double sum = 0;
  for (int p = 0; p + 1 < call.count; ++p) sum += squared[p];
  *pointerTo<T>(call.operands[0]) = static_cast<T>(sqrt_(sum));
}

// P tensors; their norm. n: the most that it may be
template <class T>
void clip(const Call& call) {
  const int parameters = call.count - 1;
  const T norm = *pointerTo<T>(call.operands[parameters]);
  T factor = static_cast<T>(call.numbers[0]) / (norm + static_cast<T>(1e-6));
  if (factor > T(1)) factor = T(1);
  auto* unused = static_cast<double*>(scratch(2, static_cast<size_t>(call.count) * sizeof(double)));
  forBlocks(call, unused, parameters, 0, 1, [&](int64_t p, int64_t first, int64_t count) {
    T* values = pointerTo<T>(call.operands[p]) + first;
    DESCENT_VECTORIZE
    for (int64_t i = 0; i < count; ++i) values[i] *= factor;
    return 0.0;
  });
}

// The optimizer's loop for the dtype of its parameters.
#define OPTIMIZER(name, loop)                                                               \
  void name(const Call& call, const void*) {                                                \
    if (call.count > 1)                                                                     \
      withFloating(call.operands[1].dtype, [&](auto zero) { loop<decltype(zero)>(call); }); \
  }
OPTIMIZER(sgdStep, sgd)
OPTIMIZER(adamStep, adam)
OPTIMIZER(rmspropStep, rmsprop)
OPTIMIZER(adagradStep, adagrad)
OPTIMIZER(adadeltaStep, adadelta)
OPTIMIZER(nadamStep, nadam)
OPTIMIZER(radamStep, radam)
OPTIMIZER(squaredNorms, norms)
OPTIMIZER(totalNorm, total)
OPTIMIZER(clipByNorm, clip)
#undef OPTIMIZER

const Kernel kKernels[] = {
    {"sgdStep", kFloating, sgdStep, nullptr},           {"adamStep", kFloating, adamStep, nullptr},
    {"rmspropStep", kFloating, rmspropStep, nullptr},   {"adagradStep", kFloating, adagradStep, nullptr},
    {"adadeltaStep", kFloating, adadeltaStep, nullptr}, {"nadamStep", kFloating, nadamStep, nullptr},
    {"radamStep", kFloating, radamStep, nullptr},       {"norms", kFloating, squaredNorms, nullptr},
    {"totalNorm", kFloating, totalNorm, nullptr},       {"clipByNorm", kFloating, clipByNorm, nullptr},
};

}  // namespace

extern const KernelTable optimizerKernels;
const KernelTable optimizerKernels = {kKernels, sizeof kKernels / sizeof *kKernels};

}  // namespace descent::cpu::DESCENT_CAPABILITY
