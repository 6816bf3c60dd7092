// Every row of the op table as a function of `native.ops`, and its description for the generator.
#include "../ops/ops.h"

#include <optional>
#include <string>
#include <utility>

#include "../device/site.h"
#include "../ops/signature.h"
#include "arguments.h"
#include "guard.h"

namespace descent::binding {

namespace {

// What stands behind one function of `native.ops`; lives as long as the process.
struct OpFunction {
  Environment* environment;
  const Op* op;
  bool isInPlace;
  std::string name;
};

// An op that is written in others fails in their name; the user called this one.
Error inTheNameOf(const std::string& name, const Error& error) {
  std::string sentence = error.what();
  const std::string prefix = error.op + ": ";
  if (!error.op.empty() && sentence.compare(0, prefix.size(), prefix) == 0) sentence.erase(0, prefix.size());
  return Error(error.code, name, sentence, error.facts);
}

napi_value callOp(napi_env env, napi_callback_info info) {
  size_t count = kMaxArguments + kMaxOutputs;
  napi_value values[kMaxArguments + kMaxOutputs];
  void* data = nullptr;
  napi_get_cb_info(env, info, &count, values, nullptr, &data);
  const OpFunction& function = *static_cast<OpFunction*>(data);
  const Op& op = *function.op;
  Environment& environment = *function.environment;
  const SiteScope scope(0, function.name.c_str());
  return guarded(environment, function.name.c_str(), [&]() -> napi_value {
    environment.beforeOp(function.name.c_str());
    environment.calls++;
    if (environment.sites.isAlways()) siteHere();
    const CallInfo call(environment, function.name.c_str(), values, count);
    const int outputs = function.isInPlace ? 0 : op.outputs;
    const auto run = [&](auto body) {
      try {
        body();
      } catch (const Error& error) {
        throw inTheNameOf(function.name, error);
      }
    };
    Arguments args;
    for (size_t i = 0; i < op.arguments.size(); i++) {
      args.push(readArgument(call, call[static_cast<size_t>(outputs) + i], op.arguments[i]));
    }
    Watch* watch = environment.watch.isArmed() ? &environment.watch : nullptr;
    if (function.isInPlace) {
      if (!args.items[0].isTensor()) call.failType(op.arguments[0].name.c_str(), "a tensor", call[0]);
      const std::optional<Watch::Call> watched =
          watch ? std::optional<Watch::Call>(std::in_place, *watch, &op, &args.items[0].tensor)
                : std::nullopt;
      run([&] { dispatchInPlace(op, args); });
      if (watch) watch->afterOp(call, op, args, &args.items[0].tensor, 1, true);
      environment.describe(0, args.items[0].tensor);
      return nullptr;
    }
    const std::optional<Watch::Call> watched =
        watch ? std::optional<Watch::Call>(std::in_place, *watch) : std::nullopt;
    Tensor outs[kMaxOutputs];
    run([&] { dispatch(op, args, outs); });
    for (int k = 0; k < outputs; k++) {
      if (outs[k].isDefined()) call.give(call[static_cast<size_t>(k)], outs[k], k);
    }
    if (watch && watch->afterOp(call, op, args, outs, outputs, false)) {
      // Somebody stopped there, and may have called ops that described theirs in the same place.
      for (int k = 0; k < outputs; k++) {
        if (outs[k].isDefined()) environment.describe(k, outs[k]);
      }
    }
    return nullptr;
  });
}

// "normalInPlace" is normal_ in JavaScript: its row cannot be called as the creating op is.
std::string inPlaceName(const Op& op) {
  std::string name = op.name;
  const std::string suffix = "InPlace";
  if (name.size() > suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0) {
    name.resize(name.size() - suffix.size());
  }
  return name + "_";
}

bool hasInPlace(const Op& op) { return op.where == Where::METHOD_IN_PLACE || op.where == Where::IN_PLACE; }

void addOpFunction(Environment& environment, napi_value object, const Op& op, bool isInPlace) {
  auto* function = new OpFunction{&environment, &op, isInPlace, isInPlace ? inPlaceName(op) : op.name};
  napi_value value;
  napi_create_function(environment.env, function->name.c_str(), NAPI_AUTO_LENGTH, callOp, function, &value);
  napi_set_named_property(environment.env, object, function->name.c_str(), value);
}

void setText(napi_env env, napi_value object, const char* key, const std::string& text) {
  napi_value value;
  napi_create_string_utf8(env, text.data(), text.size(), &value);
  napi_set_named_property(env, object, key, value);
}

void setBoolean(napi_env env, napi_value object, const char* key, bool boolean) {
  napi_value value;
  napi_get_boolean(env, boolean, &value);
  napi_set_named_property(env, object, key, value);
}

napi_value describeArgument(napi_env env, const Op& op, const ArgumentRow& row) {
  napi_value argument, null;
  napi_create_object(env, &argument);
  setText(env, argument, "name", row.name);
  setText(env, argument, "kind", nameOf(row.kind));
  if (row.isRequired) {
    napi_get_null(env, &null);
    napi_set_named_property(env, argument, "default", null);
  } else {
    setText(env, argument, "default", row.defaultText);
  }
  setBoolean(env, argument, "positional", row.isPositional);
  setText(env, argument, "sentence", sentenceOfArgument(op.name, row.name));
  return argument;
}

napi_value describeOps(const CallInfo& call) {
  napi_env env = call.env();
  napi_value list;
  napi_create_array(env, &list);
  uint32_t next = 0;
  for (const Op* op : opTable()) {
    if (op->isInternal()) continue;
    napi_value row, arguments;
    napi_create_object(env, &row);
    const bool isOnlyInPlace = op->where == Where::IN_PLACE;
    setText(env, row, "name",
            isOnlyInPlace ? inPlaceName(*op).substr(0, inPlaceName(*op).size() - 1) : op->name);
    setText(env, row, "family", op->family);
    napi_create_array(env, &arguments);
    for (size_t i = 0; i < op->arguments.size(); i++) {
      napi_set_element(env, arguments, static_cast<uint32_t>(i),
                       describeArgument(env, *op, op->arguments[i]));
    }
    napi_set_named_property(env, row, "arguments", arguments);
    napi_set_named_property(env, row, "outputs", call.toNumber(op->outputs));
    setBoolean(env, row, "method", op->where == Where::METHOD || op->where == Where::METHOD_IN_PLACE);
    setBoolean(env, row, "inPlace", hasInPlace(*op));
    setBoolean(env, row, "inPlaceOnly", isOnlyInPlace);
    setBoolean(env, row, "functionalOnly", op->where == Where::FUNCTION);
    setBoolean(env, row, "differentiable", op->isDifferentiable() || op->isComposed);
    setText(env, row, "sentence", op->sentence);
    setText(env, row, "shapes", op->shapes);
    setText(env, row, "errors", op->errors);
    napi_set_element(env, list, next++, row);
  }
  return list;
}

}  // namespace

void addOps(Environment& environment, napi_value exports) {
  napi_value functions;
  napi_create_object(environment.env, &functions);
  for (const Op* op : opTable()) {
    if (op->where != Where::IN_PLACE) addOpFunction(environment, functions, *op, false);
    if (hasInPlace(*op)) addOpFunction(environment, functions, *op, true);
  }
  napi_set_named_property(environment.env, exports, "ops", functions);
  addFunction(environment, exports, "describeOps", describeOps);
}

}  // namespace descent::binding
