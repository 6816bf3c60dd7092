// Arguments of ops, from JavaScript values to what the table's rows take.
#include "arguments.h"

#include <cmath>

#include "../ops/random.h"
#include "typed_array.h"

namespace descent::binding {

namespace {

// Handles made while it lives end with it, an error thrown or not.
class HandleScope {
 public:
  explicit HandleScope(napi_env env) : env_(env) { napi_open_handle_scope(env, &scope_); }
  ~HandleScope() { napi_close_handle_scope(env_, scope_); }
  HandleScope(const HandleScope&) = delete;
  HandleScope& operator=(const HandleScope&) = delete;

 private:
  napi_env env_;
  napi_handle_scope scope_;
};

// A number, bigint or boolean; false when the value is none.
bool readScalar(const CallInfo& call, napi_value value, napi_valuetype type, Scalar* scalar) {
  if (type == napi_number) {
    double number = 0;
    napi_get_value_double(call.env(), value, &number);
    *scalar = Scalar::fromJavaScript(number);
    return true;
  }
  if (type == napi_boolean) {
    bool boolean = false;
    napi_get_value_bool(call.env(), value, &boolean);
    *scalar = Scalar(boolean);
    return true;
  }
  if (type == napi_bigint) {
    int64_t integer = 0;
    bool isExact = false;
    napi_get_value_bigint_int64(call.env(), value, &integer, &isExact);
    if (!isExact) throw Error("argument", call.name, "a bigint does not fit into int64");
    *scalar = Scalar(integer);
    scalar->isBigInt = true;
    return true;
  }
  return false;
}

// How long the array is. Sizes and dims: nobody has thousands, and an array can claim four billion elements
// without holding one.
uint32_t lengthOf(const CallInfo& call, napi_value value, const char* what) {
  uint32_t length = 0;
  napi_get_array_length(call.env(), value, &length);
  constexpr uint32_t kMost = 4096;
  if (length > kMost)
    throw Error("argument", call.name,
                std::string(what) + " has too many elements, " + std::to_string(length),
                {{"argument", what}});
  return length;
}

napi_valuetype typeOf(const CallInfo& call, napi_value value) {
  napi_valuetype type = napi_undefined;
  napi_typeof(call.env(), value, &type);
  return type;
}

// Calls take(element) for each element, or for the value itself where it is no array.
template <class Take>
void forElements(const CallInfo& call, napi_value value, const char* what, const Take& take) {
  bool isArray = false;
  napi_is_array(call.env(), value, &isArray);
  if (!isArray) return take(value);
  const uint32_t length = lengthOf(call, value, what);
  for (uint32_t k = 0; k < length; k++) {
    const HandleScope scope(call.env());
    napi_value element;
    check(call.environment, napi_get_element(call.env(), value, k, &element), call.name);
    take(element);
  }
}

// Sizes, null for those left open.
Argument readSizes(const CallInfo& call, napi_value value, const char* what) {
  std::vector<int64_t> sizes;
  forElements(call, value, what, [&](napi_value element) {
    const bool isOpen = typeOf(call, element) == napi_null;
    sizes.push_back(isOpen ? kOpenSize : integerOf(call, element, what));
  });
  return Argument(std::move(sizes));
}

Argument readNumbers(const CallInfo& call, napi_value value, const char* what) {
  std::vector<double> numbers;
  forElements(call, value, what, [&](napi_value element) {
    double number = 0;
    if (napi_get_value_double(call.env(), element, &number) != napi_ok)
      call.failType(what, "a number", element);
    numbers.push_back(number);
  });
  return Argument(std::move(numbers));
}

Argument readIntegers(const CallInfo& call, napi_value value, const char* what) {
  bool isArray = false;
  napi_is_array(call.env(), value, &isArray);
  if (!isArray) {
    napi_valuetype type;
    napi_typeof(call.env(), value, &type);
    if (type != napi_number && type != napi_bigint)
      call.failType(what, "an integer or an array of integers", value);
    return Argument(std::vector<int64_t>{integerOf(call, value, what)});
  }
  const uint32_t length = lengthOf(call, value, what);
  std::vector<int64_t> integers(length);
  for (uint32_t k = 0; k < length; k++) {
    const HandleScope scope(call.env());
    napi_value element;
    check(call.environment, napi_get_element(call.env(), value, k, &element), call.name);
    integers[k] = integerOf(call, element, what);
  }
  return Argument(std::move(integers));
}

Argument readTensors(const CallInfo& call, napi_value value, const char* what) {
  const CallInfo single(call.environment, call.name, &value, 1);
  return Argument(single.tensors(0, what));
}

std::string readText(const CallInfo& call, napi_value value, const char* what) {
  const CallInfo single(call.environment, call.name, &value, 1);
  return single.text(0, what);
}

// What an argument of a kind must be, in words.
const char* wordsOf(ArgumentRow::Kind kind) {
  switch (kind) {
    case ArgumentRow::Kind::tensor:
    case ArgumentRow::Kind::optionalTensor:
      return "a tensor";
    case ArgumentRow::Kind::operand:
      return "a tensor or a number";
    case ArgumentRow::Kind::tensors:
      return "an array of tensors";
    case ArgumentRow::Kind::number:
      return "a number";
    case ArgumentRow::Kind::integer:
      return "an integer";
    case ArgumentRow::Kind::boolean:
      return "true or false";
    case ArgumentRow::Kind::integers:
      return "an integer or an array of integers";
    case ArgumentRow::Kind::padding:
      return "an integer, an array of integers or a word";
    case ArgumentRow::Kind::sizes:
      return "a size or an array of sizes";
    case ArgumentRow::Kind::numbers:
      return "a number or an array of numbers";
    case ArgumentRow::Kind::dtype:
      return "a dtype such as 'float32'";
    case ArgumentRow::Kind::generator:
      return "a Generator";
    case ArgumentRow::Kind::text:
      break;
  }
  return "a string";
}

}  // namespace

DType readDType(const CallInfo& call, napi_value value) {
  double number = -1;
  if (napi_get_value_double(call.env(), value, &number) != napi_ok) {
    const std::string name = readText(call, value, "dtype");
    for (int k = 0; k < kDTypeCount; k++) {
      if (name == nameOf(static_cast<DType>(k))) number = k;
    }
    if (number < 0) throw Error("dtype", call.name, "there is no dtype '" + name + "'");
  }
  if (!(number >= 0 && number < kDTypeCount && std::trunc(number) == number)) {
    throw Error("dtype", call.name, "there is no dtype of this number");
  }
  return static_cast<DType>(static_cast<int>(number));
}

Argument readArgument(const CallInfo& call, napi_value value, const ArgumentRow& row) {
  napi_valuetype type = napi_undefined;
  napi_typeof(call.env(), value, &type);
  const char* what = row.name.c_str();
  if (type == napi_undefined || type == napi_null) {
    if (!row.isRequired || row.kind == ArgumentRow::Kind::optionalTensor) return {};
    call.failType(what, wordsOf(row.kind), value);
  }
  Scalar scalar;
  switch (row.kind) {
    case ArgumentRow::Kind::tensor:
    case ArgumentRow::Kind::optionalTensor:
      return Argument(tensorOf(call, value, what));
    case ArgumentRow::Kind::operand:
      if (type == napi_object) return Argument(tensorOf(call, value, what));
      if (readScalar(call, value, type, &scalar)) return Argument(scalar);
      call.failType(what, wordsOf(row.kind), value);
    case ArgumentRow::Kind::number:
      if (readScalar(call, value, type, &scalar)) return Argument(scalar);
      call.failType(what, wordsOf(row.kind), value);
    case ArgumentRow::Kind::integer:
      return Argument(integerOf(call, value, what));
    case ArgumentRow::Kind::boolean:
      if (type != napi_boolean) call.failType(what, wordsOf(row.kind), value);
      readScalar(call, value, type, &scalar);
      return Argument(scalar);
    case ArgumentRow::Kind::integers:
      return readIntegers(call, value, what);
    case ArgumentRow::Kind::padding:
      if (type == napi_string) return Argument(readText(call, value, what));
      return readIntegers(call, value, what);
    case ArgumentRow::Kind::sizes:
      return readSizes(call, value, what);
    case ArgumentRow::Kind::numbers:
      return readNumbers(call, value, what);
    case ArgumentRow::Kind::tensors:
      return readTensors(call, value, what);
    case ArgumentRow::Kind::dtype:
      return Argument(readDType(call, value));
    case ArgumentRow::Kind::generator: {
      // What Generator of engine/generator.ts keeps: the seed and the offset.
      static_assert(sizeof(RandomState) == 2 * sizeof(uint64_t), "shared with JavaScript");
      const ArrayInfo state = readTypedArray(call.env(), value);
      if (!state.holds(napi_biguint64_array, 2)) call.failType(what, wordsOf(row.kind), value);
      return Argument(static_cast<RandomState*>(state.data));
    }
    case ArgumentRow::Kind::text:
      return Argument(readText(call, value, what));
  }
  return {};
}

}  // namespace descent::binding
