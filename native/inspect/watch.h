// A watch for the first NaN or infinity: looks at what each op and each node of a backward pass makes, right
// after it is made, and says who made it and from what.
//
// Most results need not be read: from what is known of the inputs follows that nothing in them can have
// overflowed (bounds.h). What was read is known until it is written to.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "../autograd/autograd.h"
#include "../ops/op.h"

namespace descent::inspect {

// What is not finite in a tensor.
struct Found {
  bool nan = false;
  bool infinity = false;
  explicit operator bool() const { return nan || infinity; }
};

struct Hit {
  enum class What : uint8_t { nan, infinity, written, allocated, activation };
  enum class Phase : uint8_t { forward, backward, step };
  What what = What::nan;
  Phase phase = Phase::forward;
  // Its inputs were finite (or, for NaN, infinite); else one of them brought it along.
  bool isCreated = false;
  // The user gave it: a NaN as a number, or among the values of a new tensor.
  bool isGiven = false;
  std::string op;
  std::string inner;  // the op that made it within the one that was called; empty where that is the same
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  int culprit = -1;     // the input that brought it along
  uint32_t site = 0;    // of the forward call, for backward
  bool cameIn = false;  // for backward: the gradient that arrived had it already
  int parameter = -1;   // for a step: which of them
};

class Watch : public OpWatcher, public GradientWatcher {
 public:
  virtual ~Watch();
  // What is looked for; nothing takes it off this thread's ops. Each arming forgets what was told before.
  struct Wanted {
    bool nan = false;
    bool infinity = false;
    std::vector<Ref<Storage>> written;
    std::unordered_set<uint32_t> lines;  // call sites at which memory is taken
    bool activations = false;            // what functions with dead or saturated ends make
    bool isAny() const { return nan || infinity || activations || !written.empty(); }
  };
  void arm(Wanted wanted);
  void watchLine(uint32_t site);
  bool isArmed() const { return isArmed_; }
  const Wanted& wanted() const { return wanted_; }

  // Around a call from outside; calls may be within calls. `target`: what an op writes into, before it does.
  class Call {
   public:
    explicit Call(Watch& watch, const Op* op = nullptr, const Tensor* target = nullptr);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Watch& watch_;
    const char* firstNaN_;
    const char* firstInfinity_;
    double targetBefore_;
  };
  // What such a call made. Each gives whether there is something to tell, in `hit`.
  bool afterOp(const Op& op, const std::string& name, const Arguments& args, const std::vector<Tensor>& outs,
               bool isInPlace, Hit* hit);
  // A tensor made of the user's values.
  bool afterValues(const Tensor& x, Hit* hit);
  // Parameters after an optimizer's step.
  struct Update {
    Tensor parameter, gradient;
    double before;  // the parameter's magnitude; below 0: not known
    double most;    // what an element moved at most; below 0: not known
  };
  bool afterStep(const std::vector<Update>& updates, Hit* hit);
  // Whether a storage that is watched was written to since this was last asked.
  bool wasWritten(Hit* hit);
  bool hasWritten() const { return static_cast<bool>(written_); }
  // Whether nothing needs a look.
  static bool areKnownFinite(const Tensor* tensors, int count);
  // Of an element of x: what is known, else found out by looking.
  static double look(const Tensor& x);

  // Told at once, within the pass. Nothing may be thrown.
  virtual void tell(const Hit& hit) = 0;
  // The place of the running call, at any cost.
  virtual uint32_t siteNow() = 0;

  void made(const Op& op, const Arguments& args, const Tensor* outs) override;
  double before(const Op& op, const Arguments& args) override;
  void changed(const Op& op, const Arguments& args, double before) override;
  void wrote(const Tensor& x, const char* op) override;
  void begin(const Node& node) override;
  void end(const Node& node, const std::vector<Tensor>& gradients,
           const std::vector<Tensor>& results) override;

 private:
  Found notFinite(const Tensor& x, double magnitude) const;
  void note(const Op& op, double magnitude);
  bool isTold(const Tensor& x, Hit::What what) const;
  void markTold(const Tensor& x, Hit::What what);
  bool isFirst(const Hit& hit, uint32_t site);
  bool allocatedAtLine(const Op& op, const std::string& name, const std::vector<Tensor>& outs, Hit* hit);

  Wanted wanted_;
  bool isArmed_ = false;
  uint32_t number_ = 0;  // of this arming
  // Of the call that runs: the first op within it that made something that is not finite.
  const char* firstNaN_ = nullptr;
  const char* firstInfinity_ = nullptr;
  double targetBefore_ = 0;  // what the op that was called writes into
  Ref<Storage> written_;     // of those that are watched, the one that was written to
  std::string writer_;
  bool toldSinceStep_ = false;
  std::unordered_set<uint64_t> toldAt_;      // lines that gave, or passed on, what was not finite
  std::unordered_set<uint64_t> toldInStep_;  // lines that made it, since the last step
};

}  // namespace descent::inspect
