// What is asked about pins, for the thread that answers while the program stands still.
#include "../inspect/cells.h"
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
    if (minus.device != x.device) {
      throw Error("argument", "inspect",
                  "only tensors of one device can be subtracted, these are on " + nameOf(x.device) + " and " +
                      nameOf(minus.device));
    }
  }
  bool hasMinus() const { return static_cast<bool>(minusPin); }

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
  const Asked asked(call);
  const std::vector<int64_t> numbers = integersOf(call, 4, "the rectangle", 9);
  const inspect::Rectangle rectangle = rectangleOf(integersOf(call, 3, "the index"), numbers);
  if (numbers[8] < 0 || numbers[8] >= inspect::kCellKinds)
    throw Error("argument", call.name, "there is no such way to put elements together");
  const inspect::CellGrid grid = inspect::gridOf(asked.x, rectangle, numbers[6], numbers[7]);
  inspect::CellGrid minus;
  if (asked.hasMinus()) minus = inspect::gridOf(asked.minus, rectangle, numbers[6], numbers[7]);
  const inspect::CellGrid* const other = asked.hasMinus() ? &minus : nullptr;
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

}  // namespace

void addAnswerFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "sliceOfPin", sliceOfPin);
}

}  // namespace descent::binding
