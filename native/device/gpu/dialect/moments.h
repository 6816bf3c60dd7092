// Mean and squared deviations of many values in one pass, exact also where the mean is large (Chan, Golub and
// LeVeque, 1979). For programs with a floating TYPE.

typedef struct {
  T count, mean;
  T squares;  // the sum of (x - mean)^2
} Moments;

DEVICE Moments noMoments(void) {
  Moments none;
  none.count = T(0);
  none.mean = T(0);
  none.squares = T(0);
  return none;
}

DEVICE Moments joinMoments(Moments a, Moments b) {
  if (b.count == T(0)) return a;
  if (a.count == T(0)) return b;
  Moments all;
  all.count = a.count + b.count;
  const T share = b.count / all.count, apart = b.mean - a.mean;
  all.mean = a.mean + apart * share;
  all.squares = a.squares + b.squares + apart * apart * (a.count * share);
  return all;
}

DEVICE Moments momentsOf(T x) {
  Moments one;
  one.count = T(1);
  one.mean = x;
  one.squares = T(0);
  return one;
}

DEVICE Moments momentsOfFour(T x0, T x1, T x2, T x3) {
  Moments four;
  four.count = T(4);
  four.mean = ((x0 + x1) + (x2 + x3)) * T(0.25);
  x0 -= four.mean;
  x1 -= four.mean;
  x2 -= four.mean;
  x3 -= four.mean;
  four.squares = (x0 * x0 + x1 * x1) + (x2 * x2 + x3 * x3);
  return four;
}
