// What a debugger asks of tensors: statistics and histograms, on the device where they lie.
#include "../inspect/summary.h"
#include "environment.h"

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

}  // namespace

void addInspectFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "summarize", summarize);
  addFunction(environment, exports, "bins", bins);
}

}  // namespace descent::binding
