// What the addon keeps for one JavaScript environment (the main thread, or a worker), and how it talks to it.
#pragma once

#include <node_api.h>

#include <atomic>
#include <string>
#include <unordered_map>
#include <vector>

#include "../autograd/node.h"
#include "../ops/optimize.h"
#include "../tensor/error.h"
#include "../tensor/tensor.h"
#include "handles.h"
#include "reference.h"
#include "sites.h"
#include "stops.h"
#include "watch.h"

namespace descent::binding {

// Where output k is described: engine/native.ts, `descriptionStride` and `description`.
constexpr int kDescriptionStride = 20;
constexpr int kMostOutputs = 4;

// Where in the control array it says that what to stop at has changed (`control.breaks`,
// engine/runtime/shared.ts).
constexpr int kBreaksChanged = 13;

// The backward of a user's function that is running.
struct RunningFunction {
  Node* node;
  bool createGraph;
};

// Gradient norms that a device works out, and the array they go into, held until they are read.
struct PendingNorms {
  napi_ref array;
  NormsOnDevice norms;
};

struct Environment {
  napi_env env = nullptr;
  HandlePool handles;
  double* description = nullptr;
  napi_ref descriptionArray = nullptr;
  napi_ref errorClass = nullptr;
  napi_ref collector = nullptr;
  napi_ref unpacker = nullptr;
  napi_ref controlArray = nullptr;
  std::atomic<int32_t>* control = nullptr;
  bool hasBreakFlag = false;         // `control` is long enough to have it
  napi_ref tensorFactory = nullptr;  // () => new Tensor()
  ReferenceQueue references;
  CallSites sites{*this};
  Watch watch{*this};
  std::unordered_map<uint32_t, Hook*> hooks;  // by number; they take themselves off
  uint32_t lastHook = 0;
  std::unordered_map<uint32_t, Ref<Node>> functions;  // whose forward runs, by number
  uint32_t lastFunction = 0;
  napi_ref modeReader = nullptr;  // () => 1 records, 2 infers, while async bodies of noGrad are pending
  bool readsModes = false;
  int passes = 0;  // backward passes that are running
  std::vector<PendingNorms> norms;
  RunningFunction* runningFunction = nullptr;
  int64_t handlesAtCollection = 0;
  int64_t reportedBytes = 0;
  uint64_t calls = 0;  // of the addon, so far
  Stops stops;

  explicit Environment(napi_env env);
  // Throws Error("stop") when the run was asked to stop; asks for a collection when very many handles have
  // piled up.
  void beforeOp(const char* op);
  // Whether ops record now, where JavaScript knows better than the flag of this thread.
  void readModes();
  void collect(bool full);
  // `slot`: of the handle; -1 where it is the one it was.
  void describe(int output, const Tensor& tensor, int64_t slot = -1);
};

// A JavaScript exception is pending already; there is nothing more to say.
struct PendingException {};

void check(Environment& environment, napi_status status, const char* what);
// Throws what `error` says into JavaScript.
void throwError(Environment& environment, const Error& error, const char* op);

// The arguments of one call from JavaScript.
class CallInfo {
 public:
  CallInfo(Environment& environment, const char* name, const napi_value* values, size_t count)
      : environment(environment), name(name), values_(values), count_(count) {}

  Environment& environment;
  const char* const name;

  napi_env env() const { return environment.env; }
  size_t count() const { return count_; }
  napi_value operator[](size_t i) const;  // undefined beyond the last
  bool isMissing(size_t i) const;         // undefined or null

  // Each throws Error("argument") naming `what` when the value is of another type.
  const Tensor& tensor(size_t i, const char* what = "x") const;
  Tensor optionalTensor(size_t i, const char* what = "x") const;
  std::vector<Tensor> tensors(size_t i, const char* what = "tensors") const;
  double number(size_t i, const char* what) const;
  int64_t integer(size_t i, const char* what) const;
  bool boolean(size_t i, const char* what) const;
  std::string text(size_t i, const char* what) const;
  // Two numbers: the place of its kind in deviceKinds(), and its own among those of that kind.
  DeviceId device(size_t i) const;

  [[noreturn]] void failType(const char* what, const char* expected, napi_value value) const;
  // Wraps `tensor` into the object `out`, and describes it as output `output`.
  void give(napi_value out, const Tensor& tensor, int output = 0) const;

  napi_value undefined() const;
  napi_value toNumber(double value) const;
  napi_value toBoolean(bool value) const;
  napi_value toText(const std::string& value) const;

 private:
  const napi_value* values_;
  size_t count_;
};

// Reads single values; `what` and `call` are for the error.
const Tensor& tensorOf(const CallInfo& call, napi_value value, const char* what);
int64_t integerOf(const CallInfo& call, napi_value value, const char* what);

// A function of the addon: gets its arguments, gives its result, may throw Error.
using Function = napi_value (*)(const CallInfo& call);
void addFunction(Environment& environment, napi_value object, const char* name, Function function);

// The parts of the addon, each in a file of its own.
void addOps(Environment& environment, napi_value exports);
void addTensorFunctions(Environment& environment, napi_value exports);
void addAutogradFunctions(Environment& environment, napi_value exports);
void addFunctionFunctions(Environment& environment, napi_value exports);
void addSiteFunctions(Environment& environment, napi_value exports);
void addWatchFunctions(Environment& environment, napi_value exports);
void addUnpackingFunctions(Environment& environment, napi_value exports);
void addOptimizerFunctions(Environment& environment, napi_value exports);
void addInspectFunctions(Environment& environment, napi_value exports);
void addMemoryFunctions(Environment& environment, napi_value exports);
void addByteFunctions(Environment& environment, napi_value exports);
void addPinnedFunctions(Environment& environment, napi_value exports);
void addSharingFunctions(Environment& environment, napi_value exports);
void addPinFunctions(Environment& environment, napi_value exports);
void addAnswerFunctions(Environment& environment, napi_value exports);
void addProcessFunctions(Environment& environment, napi_value exports);

}  // namespace descent::binding
