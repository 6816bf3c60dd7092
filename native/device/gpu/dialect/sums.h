// Sums that keep what rounding takes from them: as exact as sums in twice the digits, however many are added.
// For programs with a floating TYPE.

typedef struct {
  T value, rest;
} Sum;

DEVICE Sum noSum(void) {
  Sum sum;
  sum.value = T(0);
  sum.rest = T(0);
  return sum;
}

// Knuth's two-sum: the rest is exactly what the sum of both is short of.
DEVICE Sum joinSums(Sum a, Sum b) {
  Sum sum;
  sum.value = a.value + b.value;
  const T second = sum.value - a.value;
  sum.rest = a.rest + b.rest + ((a.value - (sum.value - second)) + (b.value - second));
  return sum;
}

DEVICE Sum addToSum(Sum sum, T value) {
  Sum one;
  one.value = value;
  one.rest = T(0);
  return joinSums(sum, one);
}

// The rest of an infinite sum is not a number.
DEVICE T totalOf(Sum sum) {
  const T total = sum.value + sum.rest;
  return total == total ? total : sum.value;
}

// Two sums over the same elements.
typedef struct {
  Sum first, second;
} TwoSums;

DEVICE TwoSums noSums(void) {
  TwoSums none;
  none.first = noSum();
  none.second = noSum();
  return none;
}

DEVICE TwoSums joinTwoSums(TwoSums a, TwoSums b) {
  a.first = joinSums(a.first, b.first);
  a.second = joinSums(a.second, b.second);
  return a;
}
