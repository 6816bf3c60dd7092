// What a debugger asks of tensors: statistics and histograms, on the device where they lie.
#include "../inspect/facts.h"
#include "../inspect/summary.h"
#include "environment.h"
#include "typed_array.h"

namespace descent::binding {

namespace {

int64_t mostElements(const CallInfo& call, size_t i) {
  return call.isMissing(i) ? inspect::kAllElements : call.integer(i, "most");
}

napi_value listOf(const CallInfo& call, const std::vector<double>& numbers) {
  napi_value list;
  napi_create_array_with_length(call.env(), numbers.size(), &list);
  for (size_t k = 0; k < numbers.size(); ++k)
    napi_set_element(call.env(), list, static_cast<uint32_t>(k), call.toNumber(numbers[k]));
  return list;
}

// 11 numbers for each tensor, in the order of engine/native.ts.
napi_value summarize(const CallInfo& call) {
  const std::vector<Tensor> tensors = call.tensors(0);
  const std::vector<inspect::View> views(tensors.begin(), tensors.end());
  std::vector<double> numbers;
  for (const inspect::Summary& one : inspect::summarize(views, mostElements(call, 1)))
    inspect::appendNumbers(one, numbers);
  return listOf(call, numbers);
}

// Counts of the bins, below, above, whether they are of a sample.
napi_value bins(const CallInfo& call) {
  inspect::BinsAsk ask;
  ask.view = call.tensor(0);
  ask.from = call.number(1, "from");
  ask.to = call.number(2, "to");
  const int64_t count = call.integer(3, "bins");
  ask.bins = count < 1 || count > inspect::kMostBins ? 0 : static_cast<int>(count);
  const inspect::Bins bins = inspect::bins({ask}, mostElements(call, 4))[0];
  std::vector<double> numbers(bins.counts.begin(), bins.counts.end());
  for (const int64_t count : {bins.below, bins.above}) numbers.push_back(static_cast<double>(count));
  numbers.push_back(bins.isSampled);
  return listOf(call, numbers);
}

// So many handles that most are waiting for the collector.
constexpr int64_t kManyHandles = 20'000;

// The table of facts is `rows`, from now on. False: it is too small.
bool attach(const CallInfo& call, Environment& environment) {
  const ArrayInfo rows = readTypedArray(call.env(), call[0]);
  const size_t slots = environment.handles.slots();
  if (!rows.holds(napi_float64_array, slots * inspect::kFactColumns)) return false;
  if (environment.stops.rows) napi_delete_reference(call.env(), environment.stops.rows);
  check(environment, napi_create_reference(call.env(), call[0], 1, &environment.stops.rows), call.name);
  environment.handles.attachRows(static_cast<double*>(rows.data), inspect::kFactColumns, slots);
  return true;
}

napi_value faultsOf(const CallInfo& call) {
  napi_value list;
  napi_create_array(call.env(), &list);
  uint32_t next = 0;
  for (const inspect::Fault& fault : inspect::faults()) {
    napi_value record;
    napi_create_object(call.env(), &record);
    const auto set = [&](const char* key, const std::string& text) {
      napi_set_named_property(call.env(), record, key, call.toText(text));
    };
    set("device", fault.device);
    set("code", fault.code);
    set("op", fault.op);
    set("message", fault.message);
    if (!fault.line.empty()) set("line", fault.line);
    napi_set_element(call.env(), list, next++, record);
  }
  return list;
}

// Fills the table of facts for all tensors of this thread; the number of doubles it needs where it has fewer.
napi_value lookAtAll(const CallInfo& call) {
  Environment& environment = call.environment;
  HandlePool& handles = environment.handles;
  const double milliseconds = call.number(1, "milliseconds");
  if (handles.alive() > kManyHandles) environment.collect(false);
  if (!attach(call, environment))
    return call.toNumber(static_cast<double>(handles.slots() * inspect::kFactColumns));
  Stops& stops = environment.stops;
  // This call is one itself.
  if (stops.number == 0 || environment.calls != stops.calls + 1) stops.number++;
  stops.calls = environment.calls;
  const napi_value faults = faultsOf(call);
  std::vector<inspect::Fact> facts;
  double* rows = static_cast<double*>(readTypedArray(call.env(), call[0]).data);
  handles.forEach([&](const Handle& handle) {
    facts.push_back(
        {handle.isDisposed ? nullptr : &handle.tensor, rows + handle.slot * inspect::kFactColumns});
  });
  inspect::writeFacts(facts, stops.number, stops.names);
  inspect::Described described;
  std::string problem;
  try {
    described = inspect::writeNumbers(facts, stops.number, milliseconds);
  } catch (const Error& error) {
    problem = error.what();  // what can be shown is shown
  }
  napi_value result, names;
  napi_create_object(call.env(), &result);
  const auto set = [&](const char* key, napi_value value) {
    napi_set_named_property(call.env(), result, key, value);
  };
  set("stop", call.toNumber(stops.number));
  set("described", call.toNumber(static_cast<double>(described.withNumbers)));
  set("left", call.toNumber(static_cast<double>(described.without)));
  set("faults", faults);
  if (!problem.empty()) set("problem", call.toText(problem));
  napi_create_array(call.env(), &names);
  for (size_t k = 0; k < stops.names.all().size(); ++k)
    napi_set_element(call.env(), names, static_cast<uint32_t>(k), call.toText(stops.names.all()[k]));
  set("gradFns", names);
  return result;
}

napi_value tensorAt(const CallInfo& call) {
  const int64_t slot = call.integer(1, "slot");
  const Handle* handle = call.environment.handles.at(slot);
  if (!handle || handle->isDisposed) return call.toBoolean(false);
  call.give(call[0], handle->tensor);
  return call.toBoolean(true);
}

}  // namespace

void addInspectFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "summarize", summarize);
  addFunction(environment, exports, "bins", bins);
  addFunction(environment, exports, "lookAtAll", lookAtAll);
  addFunction(environment, exports, "tensorAt", tensorAt);
}

}  // namespace descent::binding
