// Bounds of what SGD and Adam do in a step. Of other optimizers the parameters are looked at.
#include "steps.h"

#include <algorithm>
#include <cmath>

#include "magnitude.h"
#include "watch.h"

namespace descent::inspect {

namespace {

// p ← p − lr b, b ← momentum b + (1 − dampening) (g + weightDecay p)
double movedBySgd(const OptimizedParameter& one, double gradient, double before, const double* n) {
  const double lr = std::fabs(n[0]), momentum = n[1], dampening = n[2], weightDecay = std::fabs(n[3]);
  const double decayed = gradient + weightDecay * before;
  if (momentum == 0 || !one.states[0]) return lr * decayed;
  Tensor& buffer = *one.states[0];
  const double kept = knownMagnitude(buffer);
  double now = std::fabs(momentum) * kept + std::max(1.0, std::fabs(1 - dampening)) * decayed;
  if (kept < 0 || !(now < 1e30)) now = magnitudeOf(buffer);
  keepMagnitude(buffer, now);
  return lr * (decayed + std::max(1.0, std::fabs(momentum)) * now);
}

// p ← shrink p − lr m / (√v + eps). By the inequality of Cauchy and Schwarz, |m| is at most
// (1 − β1) / √((1 − β1²/β2) (1 − β2)) √v. Where squares underflow, m is at most 1e-15 or so.
double movedByAdam(double gradient, double before, const double* n) {
  const double beta1 = n[0], beta2 = n[1], eps = n[2], shrink = n[5], rate = std::fabs(n[6]),
               correction = n[7];
  const double rest = 1 - beta1 * beta1 / beta2;
  if (!(rest > 1e-6) || !(beta2 < 1) || !(eps > 1e-25) || !(gradient < 1e15)) return -1;
  const double ratio = (1 - beta1) / std::sqrt(rest * (1 - beta2)) * correction + 1e-15 / eps;
  return std::fabs(shrink - 1) * before + rate * 10 * ratio;
}

}  // namespace

double mostMoved(const std::string& optimizer, const OptimizedParameter& one, double before,
                 const double* numbers) {
  if (!(before >= 0)) return -1;
  const double gradient = Watch::look(one.gradient);
  double most = -1;
  if (optimizer == "sgd") most = movedBySgd(one, gradient, before, numbers);
  if (optimizer == "adam") most = movedByAdam(gradient, before, numbers);
  return most >= 0 ? most : -1;
}

}  // namespace descent::inspect
