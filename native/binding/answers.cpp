// What is asked about pins, for the thread that answers while the program stands still.
#include "../inspect/cells.h"
#include "../inspect/find.h"
#include "../inspect/pieces.h"
#include "../inspect/pins.h"
#include "environment.h"
#include "typed_array.h"

namespace descent::binding {

namespace {

// The elements that arguments 0 to 2 name: (pin, isGrad, minus), where minus is a pin or 0.
struct Asked {
  std::shared_ptr<const inspect::Pin> pin, minusPin;  // keep the memory while it is looked at
  inspect::Elements x, minus;

  explicit Asked(const CallInfo& call) {
    const bool isGrad = call.boolean(1, "isGrad");
    pin = inspect::pinOf(call.integer(0, "pin"));
    x = part(*pin, isGrad);
    const int64_t other = call.integer(2, "minus");
    if (other == 0) return;
    minusPin = inspect::pinOf(other);
    minus = part(*minusPin, isGrad);
    if (minus.shape() != x.shape()) {
      throw Error("argument", "inspect",
                  "only tensors of one shape can be subtracted, these are " + x.shape().text() + " and " +
                      minus.shape().text());
    }
  }
  // On x's device.
  const inspect::Elements* other() {
    if (!minusPin) return nullptr;
    minus = inspect::broughtTo(minus, x.device);
    return &minus;
  }
  bool hasOther() const { return static_cast<bool>(minusPin); }

 private:
  static inspect::Elements part(const inspect::Pin& pin, bool isGrad) {
    if (!isGrad) return pin.value;
    if (!pin.hasGrad) throw Error("argument", "inspect", "the tensor had no gradient when it was pinned");
    return pin.grad;
  }
};

std::vector<int64_t> integersOf(const CallInfo& call, size_t i, const char* what, size_t least = 0) {
  const ArrayInfo array = readTypedArray(call.env(), call[i]);
  if (!array.holds(napi_float64_array, least)) call.failType(what, "a Float64Array", call[i]);
  const double* numbers = static_cast<const double*>(array.data);
  std::vector<int64_t> integers(array.length);
  for (size_t k = 0; k < array.length; k++) {
    if (!(numbers[k] >= -9007199254740992.0 && numbers[k] <= 9007199254740992.0))
      throw Error("argument", "inspect", std::string(what) + " must hold whole numbers");
    integers[k] = static_cast<int64_t>(numbers[k]);
  }
  return integers;
}

void* newBuffer(const CallInfo& call, size_t bytes, napi_value* buffer) {
  void* data = nullptr;
  check(call.environment, napi_create_arraybuffer(call.env(), bytes, &data, buffer), call.name);
  return data;
}

void set(const CallInfo& call, napi_value record, const char* name, napi_value value) {
  napi_set_named_property(call.env(), record, name, value);
}

napi_value numberOrNull(const CallInfo& call, bool isThere, double number) {
  if (isThere) return call.toNumber(number);
  napi_value null;
  napi_get_null(call.env(), &null);
  return null;
}

// Of rowDim, columnDim (-1: none), row, column, rows, columns.
inspect::Rectangle rectangleOf(std::vector<int64_t> index, const std::vector<int64_t>& numbers) {
  inspect::Rectangle rectangle;
  rectangle.index = std::move(index);
  rectangle.rowDim = static_cast<int>(numbers[0]);
  rectangle.columnDim = static_cast<int>(numbers[1]);
  rectangle.row = numbers[2];
  rectangle.column = numbers[3];
  rectangle.rows = numbers[4];
  rectangle.columns = numbers[5];
  return rectangle;
}

// (pin, isGrad, minus, index, [rowDim, columnDim, row, column, rows, columns, mostRows, mostColumns, by]):
// a SliceAnswer of engine/inspection.ts.
napi_value sliceOfPin(const CallInfo& call) {
  Asked asked(call);
  const std::vector<int64_t> numbers = integersOf(call, 4, "the rectangle", 9);
  const inspect::Rectangle rectangle = rectangleOf(integersOf(call, 3, "the index"), numbers);
  if (numbers[8] < 0 || numbers[8] >= inspect::kCellKinds)
    throw Error("argument", call.name, "there is no such way to put elements together");
  const inspect::CellGrid grid = inspect::gridOf(asked.x, rectangle, numbers[6], numbers[7]);
  inspect::CellGrid minus;
  if (asked.hasOther()) {
    minus = inspect::gridOf(asked.minus, rectangle, numbers[6], numbers[7]);
    minus.x = inspect::broughtTo(minus.x, grid.x.device);
  }
  const inspect::CellGrid* const other = asked.hasOther() ? &minus : nullptr;
  const bool isWide = inspect::hasWideIntegers(grid, other);
  const auto count = static_cast<size_t>(grid.rows * grid.columns);
  napi_value record, values, flags;
  void* const valueData = newBuffer(call, count * sizeof(double), &values);
  void* const flagData = newBuffer(call, count, &flags);
  const inspect::CellsFound found = inspect::fillCells(grid, other, static_cast<inspect::CellBy>(numbers[8]),
                                                       isWide, valueData, static_cast<uint8_t*>(flagData));
  napi_create_object(call.env(), &record);
  set(call, record, "kind", call.toText("slice"));
  set(call, record, "rows", call.toNumber(static_cast<double>(grid.rows)));
  set(call, record, "columns", call.toNumber(static_cast<double>(grid.columns)));
  set(call, record, "number", call.toText(isWide ? "int64" : "float64"));
  set(call, record, "values", values);
  set(call, record, "flags", flags);
  set(call, record, "min", numberOrNull(call, found.hasFinite, found.min));
  set(call, record, "max", numberOrNull(call, found.hasFinite, found.max));
  set(call, record, "sampled", call.toBoolean(found.isSampled));
  return record;
}

napi_value listOf(const CallInfo& call, const std::vector<double>& numbers) {
  napi_value list;
  napi_create_array_with_length(call.env(), numbers.size(), &list);
  for (size_t k = 0; k < numbers.size(); k++)
    napi_set_element(call.env(), list, static_cast<uint32_t>(k), call.toNumber(numbers[k]));
  return list;
}

// 11 numbers each, as `summarize` gives them.
napi_value listOf(const CallInfo& call, const std::vector<inspect::Summary>& summaries) {
  std::vector<double> numbers;
  for (const inspect::Summary& one : summaries) inspect::appendNumbers(one, numbers);
  return listOf(call, numbers);
}

// (pin, isGrad, minus): the least and the greatest finite number, NaN where there is none.
napi_value extremesOfPin(const CallInfo& call) {
  Asked asked(call);
  const inspect::Summary summary = inspect::extremesOf(asked.x, asked.other());
  return listOf(call, std::vector<double>{summary.min, summary.max});
}

// (pin, isGrad, minus, most)
napi_value statisticsOfPin(const CallInfo& call) {
  Asked asked(call);
  return listOf(call, std::vector{inspect::statisticsOf(asked.x, asked.other(), call.integer(3, "most"))});
}

// (pin, isGrad, minus, from, to, bins, most): counts of the bins, below, above, whether they are of a sample.
napi_value histogramOfPin(const CallInfo& call) {
  Asked asked(call);
  const int64_t count = call.integer(5, "bins");
  if (count < 1 || count > inspect::kMostBins)
    throw Error("argument", call.name, "there can be 1 to " + std::to_string(inspect::kMostBins) + " bins");
  const inspect::Bins bins =
      inspect::histogramOf(asked.x, asked.other(), call.number(3, "from"), call.number(4, "to"),
                           static_cast<int>(count), call.integer(6, "most"));
  std::vector<double> numbers(bins.counts.begin(), bins.counts.end());
  for (const int64_t count : {bins.below, bins.above}) numbers.push_back(static_cast<double>(count));
  numbers.push_back(bins.isSampled);
  return listOf(call, numbers);
}

// (pin, isGrad, minus, dim, first, count, most): 11 numbers for each index.
napi_value channelsOfPin(const CallInfo& call) {
  Asked asked(call);
  return listOf(
      call, inspect::channelsOf(asked.x, asked.other(), static_cast<int>(call.integer(3, "dim")),
                                call.integer(4, "first"), call.integer(5, "count"), call.integer(6, "most")));
}

// (pin, isGrad, minus, what, first, number): the row-major place, -1 for none.
napi_value findInPin(const CallInfo& call) {
  Asked asked(call);
  const int64_t what = call.integer(3, "what"), first = call.integer(4, "first");
  if (what < 0 || what >= inspect::kSoughtKinds || first < 0)
    throw Error("argument", call.name, "there is nothing like that to look for");
  const int64_t place = inspect::findElement(asked.x, asked.other(), static_cast<inspect::Sought>(what),
                                             first, call.number(5, "number"));
  return call.toNumber(static_cast<double>(place));
}

// (pin, isGrad, minus, index, rectangle of 6 numbers or null, most): the elements in order, { dtype, bytes }.
napi_value elementsOfPin(const CallInfo& call) {
  Asked asked(call);
  inspect::Elements x = asked.x, minus = asked.minus;
  if (!call.isMissing(4)) {
    const inspect::Rectangle rectangle =
        rectangleOf(integersOf(call, 3, "the index"), integersOf(call, 4, "the rectangle", 6));
    constexpr int64_t kEach = INT64_MAX / 2;
    x = inspect::gridOf(x, rectangle, kEach, kEach).x;
    if (asked.hasOther()) minus = inspect::gridOf(minus, rectangle, kEach, kEach).x;
  }
  if (asked.hasOther()) minus = inspect::broughtTo(minus, x.device);
  inspect::Pieces pieces(x, asked.hasOther() ? &minus : nullptr, inspect::kReadAtOnce);
  const DType dtype = pieces.dtype();
  const auto size = static_cast<int64_t>(sizeOf(dtype));
  const int64_t bytes = x.shape().numel() * size, most = call.integer(5, "most");
  if (bytes > most) {
    throw Error("memory", call.name,
                "these are " + inspect::mebibytes(static_cast<size_t>(bytes)) + ", at most " +
                    inspect::mebibytes(static_cast<size_t>(most)) +
                    " leave the process: choose a part of it");
  }
  napi_value record, buffer;
  char* const data = static_cast<char*>(newBuffer(call, static_cast<size_t>(bytes), &buffer));
  for (int64_t k = 0; k < pieces.count(); k++) inspect::readInto(pieces.at(k), data + pieces.first(k) * size);
  napi_create_object(call.env(), &record);
  set(call, record, "dtype", call.toNumber(static_cast<int>(dtype)));
  set(call, record, "bytes", buffer);
  return record;
}

}  // namespace

void addAnswerFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "sliceOfPin", sliceOfPin);
  addFunction(environment, exports, "extremesOfPin", extremesOfPin);
  addFunction(environment, exports, "statisticsOfPin", statisticsOfPin);
  addFunction(environment, exports, "histogramOfPin", histogramOfPin);
  addFunction(environment, exports, "channelsOfPin", channelsOfPin);
  addFunction(environment, exports, "findInPin", findInPin);
  addFunction(environment, exports, "elementsOfPin", elementsOfPin);
}

}  // namespace descent::binding
