// Who made a NaN or an infinity first, and what is told of it only once.
#include "watch.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "../autograd/node.h"
#include "../device/site.h"
#include "../ops/launch.h"
#include "bounds.h"
#include "magnitude.h"

namespace descent::inspect {

namespace {

// Nothing is watched meanwhile: looking calls ops too.
class Quiet {
 public:
  Quiet() : before_(opWatcher), mode_(false) { opWatcher = nullptr; }
  ~Quiet() { opWatcher = before_; }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;

 private:
  OpWatcher* before_;
  GradModeGuard mode_;
};

bool has(const Tensor& x, const Op& question) {
  const Quiet quiet;
  Arguments args;
  args.push(x.alias());
  Tensor outs[kMaxOutputs];
  dispatch(question, args, outs);
  return readScalar(ops::any(outs[0])).integer != 0;
}

bool isNoNumber(double magnitude) { return magnitude != magnitude; }
bool isFinite(double magnitude) { return magnitude < std::numeric_limits<double>::infinity(); }

// Whatever stood there is gone, unread.
bool overwrites(const Op& op) {
  for (const char* name : {"fill", "zero", "copy", "uniformInPlace", "normalInPlace", "bernoulliInPlace",
                           "exponentialInPlace", "randomInPlace"}) {
    if (std::strcmp(op.name, name) == 0) return true;
  }
  return false;
}

// Memory that a kernel may go on writing to without a new version: what is known of it is known of a call's
// results alone.
bool isCreation(const Op& op) { return std::strcmp(op.family, "create") == 0 && op.where != Where::IN_PLACE; }

template <class Look>
void eachTensor(const Arguments& args, const Look& look) {
  for (int i = 0; i < args.count; i++) {
    const Argument& argument = args.items[i];
    if (argument.isTensor()) look(argument.tensor);
    if (argument.kind == Argument::Kind::tensors) {
      for (const Tensor& tensor : argument.lists->tensors) look(tensor);
    }
  }
}

}  // namespace

Watch::~Watch() {
  if (opWatcher == this) opWatcher = nullptr;
  if (gradientWatcher == this) gradientWatcher = nullptr;
}

void Watch::arm(Wanted wanted) {
  static uint32_t last = 0;  // storages keep it: of all watches
  wanted_ = std::move(wanted);
  isArmed_ = wanted_.isAny();
  number_ = ++last;
  toldSinceStep_ = false;
  toldAt_.clear();
  toldInStep_.clear();
  written_.reset();
  opWatcher = isArmed_ ? this : nullptr;
  gradientWatcher = wanted_.nan || wanted_.infinity ? this : nullptr;
}

void Watch::watchLine(uint32_t site) {
  wanted_.lines.insert(site);
  isArmed_ = true;
}

Watch::Call::Call(Watch& watch, const Op* op, const Tensor* target)
    : watch_(watch),
      firstNaN_(watch.firstNaN_),
      firstInfinity_(watch.firstInfinity_),
      targetBefore_(watch.targetBefore_) {
  watch.firstNaN_ = watch.firstInfinity_ = nullptr;
  if (!target) return;
  const bool isRead = (watch.wanted_.nan || watch.wanted_.infinity) && !overwrites(*op);
  watch.targetBefore_ = isRead ? look(*target) : 0;
}

Watch::Call::~Call() {
  watch_.firstNaN_ = firstNaN_;
  watch_.firstInfinity_ = firstInfinity_;
  watch_.targetBefore_ = targetBefore_;
}

bool Watch::areKnownFinite(const Tensor* tensors, int count) {
  for (int k = 0; k < count; k++) {
    if (!tensors[k].isDefined() || !isFloating(tensors[k].dtype())) continue;
    const double known = knownMagnitude(tensors[k]);
    if (!(known >= 0 && isFinite(known))) return false;
  }
  return true;
}

double Watch::look(const Tensor& x) {
  if (!isFloating(x.dtype())) return 0;
  const double known = knownMagnitude(x);
  // Of a part of what is not finite nothing is known.
  const bool isWhole = static_cast<size_t>(x.numel()) * sizeOf(x.dtype()) == x.storage().bytes;
  if (known >= 0 && isFinite(known)) return known;
  if ((known >= 0 || isNoNumber(known)) && isWhole) return known;
  const double found = magnitudeOf(x);
  keepMagnitude(x, found);
  return found;
}

Found Watch::notFinite(const Tensor& x, double magnitude) const {
  if (!isNoNumber(magnitude)) return {false, !isFinite(magnitude)};
  return {true, !wanted_.nan && wanted_.infinity && has(x, ops::isinf)};
}

void Watch::note(const Op& op, double magnitude) {
  if (isNoNumber(magnitude)) {
    if (!firstNaN_) firstNaN_ = op.name;
  } else if (!isFinite(magnitude) && !firstInfinity_) {
    firstInfinity_ = op.name;
  }
}

void Watch::made(const Op& op, const Arguments& args, const Tensor* outs) {
  if (op.isView || op.isComposed || !(wanted_.nan || wanted_.infinity)) return;
  const Tensor& out = outs[0];
  if (!out.isDefined() || !isFloating(out.dtype()) || isCreation(op)) return;
  double magnitude = boundOfOutput(op, args, out);
  if (magnitude < 0) {
    magnitude = magnitudeOf(out);
    note(op, magnitude);
  }
  keepMagnitude(out, magnitude);
}

double Watch::before(const Op&, const Arguments& args) { return knownMagnitude(args.items[0].tensor); }

void Watch::changed(const Op& op, const Arguments& args, double before) {
  const Tensor& target = args.items[0].tensor;
  if (!isFloating(target.dtype()) || !(wanted_.nan || wanted_.infinity)) return;
  Storage& storage = target.storage();
  // The rule asks for the input: as it was.
  storage.magnitude = overwrites(op) ? 0 : before;
  storage.magnitudeVersion = storage.version;
  double magnitude = boundOfOutput(op, args, target);
  if (magnitude < 0) {
    magnitude = magnitudeOf(target);
    note(op, magnitude);
  }
  storage.magnitude = before >= 0 && before >= magnitude ? before : before >= 0 ? magnitude : -1;
  keepMagnitude(target, magnitude);
}

void Watch::wrote(const Tensor& x, const char* op) {
  for (const Ref<Storage>& storage : wanted_.written) {
    if (storage.get() != &x.storage()) continue;
    written_ = storage;
    const char* call = allocationContext().call;
    writer_ = call ? call : op;
  }
}

bool Watch::isTold(const Tensor& x, Hit::What what) const {
  const uint32_t told = x.storage().toldBy;
  if (told >> 1 != number_) return false;
  return (told & 1) != 0 || what == Hit::What::infinity;  // a NaN made from a known infinity is news
}

void Watch::markTold(const Tensor& x, Hit::What what) {
  if (!x.isDefined() || !isFloating(x.dtype()) || isFinite(look(x))) return;
  x.storage().toldBy = number_ << 1 | (what == Hit::What::nan ? 1u : 0u);
}

bool Watch::isFirst(const Hit& hit, uint32_t site) {
  if (site == 0) return true;
  const uint64_t key = (static_cast<uint64_t>(site) << 1) | (hit.what == Hit::What::nan ? 1 : 0);
  const bool isLasting = !hit.isCreated || hit.isGiven;
  return (isLasting ? toldAt_ : toldInStep_).insert(key).second;
}

bool Watch::allocatedAtLine(const Op& op, const std::string& name, const std::vector<Tensor>& outs,
                            Hit* hit) {
  if (wanted_.lines.empty() || op.isView) return false;
  const uint32_t site = siteHere();
  if (wanted_.lines.count(site) == 0) return false;
  for (const Tensor& out : outs) {
    if (!out.isDefined() || static_cast<const Block*>(out.storage().block())->site != site) continue;
    hit->what = Hit::What::allocated;
    hit->op = name;
    hit->outputs = outs;
    hit->site = site;
    return true;
  }
  return false;
}

bool Watch::afterOp(const Op& op, const std::string& name, const Arguments& args,
                    const std::vector<Tensor>& outs, bool isInPlace, Hit* hit) {
  const auto otherwise = [&] { return allocatedAtLine(op, name, outs, hit); };
  if (op.isView || boundOf(op) == Bound::uninitialized) return otherwise();
  std::vector<Tensor> inputs;
  eachTensor(args, [&](const Tensor& x) { inputs.push_back(x); });
  Found found;
  for (const Tensor& out : outs) {
    if (!out.isDefined() || !isFloating(out.dtype())) continue;
    const auto showsInput = [&](const Tensor& x) { return &x.storage() == &out.storage(); };
    if (!isInPlace && std::any_of(inputs.begin(), inputs.end(), showsInput)) continue;
    if (!op.isComposed && &out == &outs[0] && knownMagnitude(out) == -1) {
      const double bound = boundOfOutput(op, args, out);
      if (bound >= 0) keepMagnitude(out, bound);
    }
    const double magnitude = look(out);
    if (isFinite(magnitude)) continue;
    const Found here = notFinite(out, magnitude);
    found.nan = found.nan || here.nan;
    found.infinity = found.infinity || here.infinity;
  }
  if (!(wanted_.nan && found.nan) && !(wanted_.infinity && found.infinity)) return otherwise();
  hit->what = wanted_.nan && found.nan ? Hit::What::nan : Hit::What::infinity;
  const bool isNaN = hit->what == Hit::What::nan;

  const auto pass = [&] {
    for (const Tensor& out : outs) markTold(out, hit->what);
    toldSinceStep_ = true;
  };
  int culprit = -1;
  for (size_t k = 0; k < inputs.size(); k++) {
    if (!isFloating(inputs[k].dtype())) continue;
    const bool isTarget = isInPlace && &inputs[k].storage() == &inputs[0].storage();
    const double magnitude = isTarget ? targetBefore_ : look(inputs[k]);
    if (isFinite(magnitude)) continue;
    if (isTold(inputs[k], hit->what)) {
      pass();
      return false;
    }
    const bool brings = isNaN ? isNoNumber(magnitude) : true;
    if (brings && culprit < 0) culprit = static_cast<int>(k);
  }
  bool givesNaN = false, givesInfinity = false;
  for (int i = 0; i < args.count; i++) {
    if (args.items[i].kind != Argument::Kind::scalar) continue;
    givesNaN = givesNaN || isNoNumber(args.items[i].scalar.number);
    givesInfinity = givesInfinity || std::isinf(args.items[i].scalar.number);
  }
  // An infinity that somebody wanted, and what is made of it, is nothing to stop for.
  if (!isNaN && (culprit >= 0 || givesInfinity)) return otherwise();

  hit->isCreated = culprit < 0;
  hit->isGiven = hit->isCreated && givesNaN;
  hit->culprit = culprit;
  hit->op = name;
  const char* inner = isNaN ? firstNaN_ : firstInfinity_;
  if (hit->isCreated && op.isComposed && inner) hit->inner = inner;
  hit->inputs = inputs;
  hit->outputs = outs;
  const bool isFirstOne = isFirst(*hit, siteNow());
  pass();
  if (culprit >= 0) markTold(inputs[static_cast<size_t>(culprit)], hit->what);
  return isFirstOne;
}

bool Watch::afterValues(const Tensor& x, Hit* hit) {
  if (!wanted_.nan || !isNoNumber(look(x))) return false;
  hit->what = Hit::What::nan;
  hit->isCreated = hit->isGiven = true;
  hit->op = "tensor";
  hit->outputs = {x};
  markTold(x, hit->what);
  toldSinceStep_ = true;
  return isFirst(*hit, siteNow());
}

bool Watch::afterStep(const std::vector<Update>& updates, Hit* hit) {
  if (!(wanted_.nan || wanted_.infinity)) return false;
  bool isHit = false;
  for (size_t k = 0; k < updates.size(); k++) {
    const Update& update = updates[k];
    const double after = update.before + update.most;
    if (update.before >= 0 && update.most >= 0 && after < safeLimit(update.parameter.dtype()) * 1e-7) {
      keepMagnitude(update.parameter, after);
      continue;
    }
    const double magnitude = look(update.parameter);
    if (isFinite(magnitude)) continue;
    const bool isNaN = isNoNumber(magnitude) && wanted_.nan;
    if (!isNaN && !wanted_.infinity) continue;
    const Hit::What what = isNaN ? Hit::What::nan : Hit::What::infinity;
    const bool wasTold = isTold(update.parameter, what) || isTold(update.gradient, what);
    markTold(update.parameter, what);
    if (wasTold || isHit) continue;
    isHit = true;
    hit->what = what;
    hit->phase = Hit::Phase::step;
    const bool gradientIsFine = isFinite(look(update.gradient));
    hit->isCreated = gradientIsFine;
    hit->culprit = gradientIsFine ? -1 : 1;
    hit->parameter = static_cast<int>(k);
    hit->inputs = {update.parameter, update.gradient};
    hit->outputs = {update.parameter};
  }
  toldSinceStep_ = isHit;
  toldInStep_.clear();
  return isHit;
}

bool Watch::wasWritten(Hit* hit) {
  if (!written_) return false;
  const Ref<Storage> storage = std::move(written_);
  written_.reset();
  hit->what = Hit::What::written;
  hit->op = writer_;
  for (size_t k = 0; k < wanted_.written.size(); k++) {
    if (wanted_.written[k].get() == storage.get()) hit->parameter = static_cast<int>(k);
  }
  return true;
}

void Watch::begin(const Node&) { firstNaN_ = firstInfinity_ = nullptr; }

void Watch::end(const Node& node, const std::vector<Tensor>& gradients, const std::vector<Tensor>& results) {
  const Op* op = node.op();
  // Its derivatives add into what ops have made.
  const bool rereads = op && std::strcmp(op->family, "recurrent") == 0;
  Found found;
  for (const Tensor& result : results) {
    if (!result.isDefined() || !isFloating(result.dtype())) continue;
    const double magnitude = rereads ? magnitudeOf(result) : look(result);
    if (rereads) keepMagnitude(result, magnitude);
    if (isFinite(magnitude)) continue;
    const Found here = notFinite(result, magnitude);
    found.nan = found.nan || here.nan;
    found.infinity = found.infinity || here.infinity;
  }
  if (!(wanted_.nan && found.nan) && !(wanted_.infinity && found.infinity)) return;
  Hit hit;
  hit.phase = Hit::Phase::backward;
  hit.what = wanted_.nan && found.nan ? Hit::What::nan : Hit::What::infinity;
  const bool isNaN = hit.what == Hit::What::nan;
  bool isKnown = toldSinceStep_;
  for (const Tensor& gradient : gradients) {
    if (!gradient.isDefined()) continue;
    hit.inputs.push_back(gradient);
    const double magnitude = look(gradient);
    if (isFinite(magnitude)) continue;
    isKnown = isKnown || isTold(gradient, hit.what);
    if (isNaN && !isNoNumber(magnitude)) continue;
    hit.cameIn = true;
    if (hit.culprit < 0) hit.culprit = static_cast<int>(hit.inputs.size()) - 1;
  }
  for (const Tensor& result : results) {
    if (result.isDefined()) markTold(result, hit.what);
  }
  if (isKnown || (!isNaN && hit.cameIn)) return;
  toldSinceStep_ = true;
  hit.isCreated = !hit.cameIn;
  hit.op = node.name();
  hit.site = node.site;
  for (const Tensor& result : results) {
    if (result.isDefined()) hit.outputs.push_back(result);
  }
  const char* inner = isNaN ? firstNaN_ : firstInfinity_;
  if (hit.isCreated && inner) hit.inner = inner;
  tell(hit);
}

}  // namespace descent::inspect
