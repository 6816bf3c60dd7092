// One row of the op table, its arguments, and dispatch: the one way by which C++ and JavaScript call an op.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "../device/device.h"
#include "../tensor/error.h"
#include "../tensor/tensor.h"

namespace descent {

struct Op;
struct Gradients;
struct RandomState;

// What one argument of a call holds. Lists are shared, not copied.
struct Argument {
  enum class Kind : uint8_t { none, tensor, scalar, dtype, text, integers, numbers, tensors, generator };
  struct Lists : RefCounted {
    std::vector<int64_t> integers;
    std::vector<double> numbers;
    std::vector<Tensor> tensors;
    std::string text;
  };

  Kind kind = Kind::none;
  DType dtype = DType::float32;
  Tensor tensor;
  Scalar scalar;
  Ref<Lists> lists;
  RandomState* generator = nullptr;  // JavaScript owns it: good for the length of the call

  Argument() = default;
  Argument(const Tensor& value) : kind(value.isDefined() ? Kind::tensor : Kind::none), tensor(value) {}
  Argument(const Scalar& value) : kind(Kind::scalar), scalar(value) {}
  Argument(const Value& value)
      : kind(value.isTensor() ? Kind::tensor : Kind::scalar), tensor(value.tensor), scalar(value.scalar) {}
  Argument(bool value) : Argument(Scalar(value)) {}
  Argument(int value) : Argument(Scalar(value)) {}
  Argument(int64_t value) : Argument(Scalar(value)) {}
  Argument(double value) : Argument(Scalar(value)) {}
  Argument(DType value) : kind(Kind::dtype), dtype(value) {}
  Argument(const char* value) : Argument(std::string(value)) {}
  Argument(std::string value) : kind(Kind::text), lists(new Lists()) { lists->text = std::move(value); }
  Argument(std::vector<int64_t> value) : kind(Kind::integers), lists(new Lists()) {
    lists->integers = std::move(value);
  }
  Argument(std::vector<double> value) : kind(Kind::numbers), lists(new Lists()) {
    lists->numbers = std::move(value);
  }
  Argument(const Shape& value) : Argument(value.list()) {}
  Argument(RandomState* value) : kind(value ? Kind::generator : Kind::none), generator(value) {}
  Argument(std::vector<Tensor> value) : kind(Kind::tensors), lists(new Lists()) {
    lists->tensors = std::move(value);
  }

  bool isGiven() const { return kind != Kind::none; }
  bool isTensor() const { return kind == Kind::tensor; }
};

// A size left open: what a null within a list of sizes becomes.
constexpr int64_t kOpenSize = INT64_MIN;

constexpr int kMaxArguments = 12;
constexpr int kMaxOutputs = 4;

struct Arguments {
  Argument items[kMaxArguments];
  int count = 0;
  void push(Argument argument) { items[count++] = std::move(argument); }
};

// A running op: its arguments, defaults filled in, and the place for its results.
struct Call {
  const Op& op;
  Arguments& args;
  Tensor* outs;
  // The result goes into outs[0], which is the first argument.
  bool isInPlace = false;

  const char* name() const;
  const Tensor& tensor(int i) const { return args.items[i].tensor; }
  Value value(int i) const;
  bool has(int i) const { return args.items[i].isGiven(); }
  double number(int i) const { return args.items[i].scalar.number; }
  int64_t integer(int i) const { return args.items[i].scalar.integer; }
  bool flag(int i) const { return args.items[i].scalar.number != 0; }
  DType dtype(int i, DType otherwise) const { return has(i) ? args.items[i].dtype : otherwise; }
  const std::vector<int64_t>& integers(int i) const { return args.items[i].lists->integers; }
  const std::vector<double>& numbers(int i) const { return args.items[i].lists->numbers; }
  const std::vector<Tensor>& tensors(int i) const { return args.items[i].lists->tensors; }
  const std::string& text(int i) const { return args.items[i].lists->text; }
  int dim(int i, int dims) const;  // wrapped
  [[noreturn]] void fail(const char* code, const std::string& sentence, Error::Facts facts = {}) const;
};

using Forward = void (*)(Call& call);

// How gradients of the outputs become gradients of the arguments, and what that needs: bit i of saves[k] says
// that the gradient of argument k needs argument i, bit 16 + j that it needs output j.
constexpr uint32_t input(int i) { return 1u << i; }
constexpr uint32_t output(int j) { return 1u << (16 + j); }

struct Derivative {
  void (*apply)(Gradients& d) = nullptr;
  uint32_t saves[kMaxArguments] = {};
};

enum class Rule : uint8_t { FLOATING, FLOATONLY, NUMERIC, SIGNED, DIVIDE, COMPARE, SELECT };

// What an elementwise row says beyond an op's; `inputs` is 0 for all other ops.
struct Elementwise {
  int inputs = 0;
  int params = 0;
  Rule rule = Rule::FLOATING;
};

// Where an op is offered to the user.
enum class Where : uint8_t {
  METHOD,           // a function, and a method of Tensor
  METHOD_IN_PLACE,  // and a method with a trailing underscore
  IN_PLACE,         // only the latter
  TOP,              // a function only
  FUNCTION,         // in nn.functional only
  INTERNAL,         // nowhere
};

struct ArgumentRow {
  enum class Kind : uint8_t {
    tensor,
    operand,
    tensors,
    number,
    integer,
    boolean,
    integers,
    dtype,
    text,
    optionalTensor,
    padding,  // integers, or a word
    sizes,    // integers, null among them
    numbers,
    generator
  };
  std::string name;
  Kind kind;
  bool isRequired;
  std::string defaultText;  // as TypeScript has it
  Argument defaultValue;
  bool isPositional;
};
const char* nameOf(ArgumentRow::Kind kind);

// A kernel by name; its number on each kind of device is looked up once.
class Kernel {
 public:
  explicit constexpr Kernel(const char* name) : name_(name) {}
  int on(Device& device, DeviceId id) const {
    std::atomic<int>& number = numbers_[static_cast<int>(id.kind)].value;
    const int known = number.load(std::memory_order_relaxed);
    return known >= 0 ? known : find(device, number);
  }
  const char* name() const { return name_; }

 private:
  int find(Device& device, std::atomic<int>& number) const;
  struct Number {
    std::atomic<int> value{-1};  // several threads may ask at once
  };
  const char* name_;
  mutable Number numbers_[kMostDeviceKinds];
};

struct Op {
  const char* name;
  const char* family;
  const char*
      signature;  // "x: tensor, dim: integers = null | keepdim: boolean = false"; after | come options
  int outputs;
  Where where;
  const char* sentence;
  const char* shapes;
  const char* errors;
  // Written in other ops, which record themselves.
  bool isComposed;
  // Its output shows the memory of its first argument.
  bool isView;
  Forward forward;
  Derivative derivative;
  Elementwise elementwise;
  Kernel kernel;

  // From the signature, when the table is built.
  std::vector<ArgumentRow> arguments;

  bool isInternal() const { return where == Where::INTERNAL; }
  bool isDifferentiable() const { return derivative.apply != nullptr; }
  // Written straight into its first argument, rather than computed first and copied then.
  bool writesInPlace() const { return elementwise.inputs > 0 || where == Where::IN_PLACE; }

  // Calls it; arguments left out at the end take their defaults. Gives output 0.
  template <class... Given>
  Tensor operator()(const Given&... given) const;
};

// Every op, in the order of the table; built on the first call.
const std::vector<Op*>& opTable();
const Op* findOp(const std::string& name);

void dispatch(const Op& op, Arguments& args, Tensor* outs);
// Writes into the first argument, which must be a tensor.
void dispatchInPlace(const Op& op, Arguments& args);

// Whether one of them wants a gradient.
bool wantsGradient(const Arguments& args);
// Says that `op` changed the values of x in place.
void noteChange(const Tensor& x, const char* op);

// Whoever looks at what ops make, at every depth, on this thread (inspect/watch.h).
class OpWatcher {
 public:
  virtual ~OpWatcher() = default;
  // The outputs are there; those of a composed op were told by the ops it is written in.
  virtual void made(const Op& op, const Arguments& args, const Tensor* outs) = 0;
  // Around an op that writes into its first argument; `before` gives what `changed` gets back.
  virtual double before(const Op& op, const Arguments& args) = 0;
  virtual void changed(const Op& op, const Arguments& args, double before) = 0;
  // x was written to, by an op or otherwise.
  virtual void wrote(const Tensor& x, const char* op) = 0;
};
extern thread_local OpWatcher* opWatcher;

// How autograd sees every differentiable call without being known here: it runs `forward` and records.
using Recorder = void (*)(const Op& op, Arguments& args, Tensor* outs, bool isInPlace);
extern Recorder recorder;

// Whether ops record, on this thread.
extern thread_local bool gradMode;
// Whether what is made can never become part of a graph, on this thread.
extern thread_local bool inferenceMode;
class GradModeGuard {
 public:
  explicit GradModeGuard(bool enabled) : before_(gradMode) { gradMode = enabled; }
  ~GradModeGuard() { gradMode = before_; }

 private:
  bool before_;
};

template <class... Given>
Tensor Op::operator()(const Given&... given) const {
  Arguments args;
  (args.push(Argument(given)), ...);
  Tensor outs[kMaxOutputs];
  dispatch(*this, args, outs);
  return std::move(outs[0]);
}

}  // namespace descent
