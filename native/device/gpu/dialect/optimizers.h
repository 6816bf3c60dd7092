// What the optimizers do to one element, by the RULE of the program: how many states it has, and UPDATE, the
// new values of the parameter w and its states a, b and c for the gradient g. For kernels/optimizer.cpp,
// whose `shape` has the numbers.

#define IS_norms 1
#define IS_sgd 2
#define IS_sgdMomentum 3
#define IS_adam 4
#define IS_amsgrad 5
#define IS_rmsprop 6
#define IS_rmspropCentered 7
#define IS_rmspropMomentum 8
#define IS_rmspropBoth 9
#define IS_adagrad 10
#define IS_adadelta 11
#define IS_nadam 12
#define IS_radam 13
#define IS_clip 14
#define CHOSEN PASTE(IS, RULE)

#undef STATES
#if CHOSEN == IS_norms || CHOSEN == IS_clip || CHOSEN == IS_sgd
#define STATES 0
#elif CHOSEN == IS_sgdMomentum || CHOSEN == IS_rmsprop || CHOSEN == IS_adagrad
#define STATES 1
#elif CHOSEN == IS_amsgrad || CHOSEN == IS_rmspropBoth
#define STATES 3
#else
#define STATES 2
#endif

// Number k of the call.
#undef N
#define DOUBLE_f32 0
#define DOUBLE_f64 1
#define DOUBLE_f16 0
#define DOUBLE_bf16 0
#if PASTE(DOUBLE, TYPE)
#define N(k) F64_OF_BITS((u64)shape.numbers[k])
#else
#define N(k) F32_OF_BITS((u32)shape.numbers[k])
#endif

// New values of the parameter w and its states a, b and c, for the gradient g.
#undef UPDATE
#if CHOSEN == IS_norms
#define UPDATE
#elif CHOSEN == IS_sgd
// lr, momentum, dampening, weightDecay, nesterov, sign
#define UPDATE w -= N(0) * (g * N(5) + N(3) * w);
#elif CHOSEN == IS_sgdMomentum
// The first time the buffer becomes the gradient itself, without dampening.
#define UPDATE                                  \
  const T d = g * N(5) + N(3) * w;              \
  a = shape.is_first ? d : N(1) * a + N(2) * d; \
  w -= N(0) * (N(4) != T(0) ? d + N(1) * a : a);
#elif CHOSEN == IS_adam || CHOSEN == IS_amsgrad
// beta1, beta2, eps, weightDecay, sign, shrink, step size, root of the correction, 1 - beta1, 1 - beta2
#define MOMENTS                    \
  const T d = g * N(4) + N(3) * w; \
  a = N(0) * a + N(8) * d;         \
  b = N(1) * b + N(9) * d * d;
#if CHOSEN == IS_adam
#define UPDATE MOMENTS w = w * N(5) - N(6) * a / (sqrt_(b) / N(7) + N(2));
#else
#define UPDATE    \
  MOMENTS         \
  c = max_(c, b); \
  w = w * N(5) - N(6) * a / (sqrt_(c) / N(7) + N(2));
#endif
#elif CHOSEN >= IS_rmsprop && CHOSEN <= IS_rmspropBoth
// lr, alpha, eps, weightDecay, momentum, centered, sign, 1 - alpha
#define SQUARE                     \
  const T d = g * N(6) + N(3) * w; \
  a = N(1) * a + N(7) * d * d;
#define CENTER b = b + N(7) * (d - b);
#if CHOSEN == IS_rmsprop
#define UPDATE SQUARE w -= N(0) * (d / (sqrt_(a) + N(2)));
#elif CHOSEN == IS_rmspropCentered
#define UPDATE SQUARE CENTER w -= N(0) * (d / (sqrt_(a - b * b) + N(2)));
#elif CHOSEN == IS_rmspropMomentum
#define UPDATE                          \
  SQUARE                                \
  b = N(4) * b + d / (sqrt_(a) + N(2)); \
  w -= N(0) * b;
#else
#define UPDATE                                                \
  SQUARE CENTER c = N(4) * c + d / (sqrt_(a - b * b) + N(2)); \
  w -= N(0) * c;
#endif
#elif CHOSEN == IS_adagrad
// rate, eps, weightDecay, sign
#define UPDATE                     \
  const T d = g * N(3) + N(2) * w; \
  a += d * d;                      \
  w -= N(0) * d / (sqrt_(a) + N(1));
#elif CHOSEN == IS_adadelta
// lr, rho, eps, weightDecay, sign, 1 - rho
#define UPDATE                                            \
  const T d = g * N(4) + N(3) * w;                        \
  a = N(1) * a + N(5) * d * d;                            \
  const T change = sqrt_(b + N(2)) / sqrt_(a + N(2)) * d; \
  b = N(1) * b + N(5) * change * change;                  \
  w -= N(0) * change;
#elif CHOSEN == IS_nadam
// 1 - beta1, beta2, eps, weightDecay, sign, shrink, rate of the gradient, of its mean, second correction, 1 -
// beta2
#define UPDATE                     \
  const T d = g * N(4) + N(3) * w; \
  a = a + N(0) * (d - a);          \
  b = N(1) * b + N(9) * d * d;     \
  w = w * N(5) - (N(6) * d + N(7) * a) / (sqrt_(b / N(8)) + N(2));
#else
// 1 - beta1, beta2, eps, weightDecay, sign, shrink, rate, whether it is rectified, -, 1 - beta2
#define UPDATE                     \
  const T d = g * N(4) + N(3) * w; \
  a = a + N(0) * (d - a);          \
  b = N(1) * b + N(9) * d * d;     \
  w = w * N(5) - N(6) * a / (N(7) != T(0) ? sqrt_(b) + N(2) : T(1));
#endif
