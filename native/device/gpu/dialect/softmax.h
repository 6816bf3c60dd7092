// The largest element of a row and the sum of its exponentials, in one pass. Comes after rows.h, in programs
// with a floating TYPE.
//
// A row that holds +infinity, or nothing but -infinity, has no softmax: its results are NaN, as PyTorch's.

typedef struct {
  T largest;
  T sum;  // of e^(x - largest)
} Exponentials;

DEVICE Exponentials noExponentials(void) {
  Exponentials none;
  none.largest = LOWEST_T;
  none.sum = T(0);
  return none;
}

DEVICE Exponentials addTo(Exponentials all, T x) {
  if (x > all.largest || x != x) {
    // x - x is NaN where x is infinite.
    all.sum = (all.sum == T(0) ? T(0) : all.sum * exp_(all.largest - x)) + T(1) + (x - x);
    all.largest = x;
  } else if (x != LOWEST_T) {
    all.sum += exp_(x - all.largest);
  }
  return all;
}

DEVICE Exponentials bothExponentials(Exponentials a, Exponentials b) {
  Exponentials all;
  all.largest = max_(a.largest, b.largest);
  all.sum = (a.sum == T(0) ? T(0) : a.sum * exp_(a.largest - all.largest)) +
            (b.sum == T(0) ? T(0) : b.sum * exp_(b.largest - all.largest));
  return all;
}

ROW_REDUCTION(joinedExponentials, Exponentials, bothExponentials(a, b))
