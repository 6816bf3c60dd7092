// Pins for JavaScript: made on the thread of the tensor, asked about and let go on any.
#include "../inspect/pins.h"

#include "../autograd/autograd.h"
#include "../device/allocator.h"
#include "../inspect/facts.h"
#include "../inspect/graph.h"
#include "environment.h"

namespace descent::binding {

namespace {

napi_value numbersOf(const CallInfo& call, const std::vector<int64_t>& numbers) {
  napi_value list;
  napi_create_array_with_length(call.env(), numbers.size(), &list);
  for (uint32_t k = 0; k < numbers.size(); k++)
    napi_set_element(call.env(), list, k, call.toNumber(static_cast<double>(numbers[k])));
  return list;
}

// (x, copies, note): the number of a new pin.
napi_value pinTensor(const CallInfo& call) {
  const Tensor x = call.tensor(0);
  const bool copies = call.boolean(1, "copies");
  return call.toNumber(static_cast<double>(inspect::addPin(x, copies, call.text(2, "note"))));
}

napi_value noteOfPin(const CallInfo& call) {
  return call.toText(inspect::pinOf(call.integer(0, "pin"))->note);
}

napi_value releasePin(const CallInfo& call) {
  return call.toBoolean(inspect::releasePin(call.integer(0, "pin")));
}

napi_value hasPin(const CallInfo& call) {
  try {
    inspect::pinOf(call.integer(0, "pin"));
    return call.toBoolean(true);
  } catch (const Error&) {
    return call.toBoolean(false);
  }
}

// (pin, isGrad): { shape, dtype }, null for a gradient that is not there.
napi_value describePin(const CallInfo& call) {
  const auto pin = inspect::pinOf(call.integer(0, "pin"));
  const bool isGrad = call.boolean(1, "isGrad");
  napi_value record;
  if (isGrad && !pin->hasGrad) {
    napi_get_null(call.env(), &record);
    return record;
  }
  const inspect::Elements& elements = isGrad ? pin->grad : pin->value;
  napi_create_object(call.env(), &record);
  napi_set_named_property(call.env(), record, "shape", numbersOf(call, elements.shape().list()));
  napi_set_named_property(call.env(), record, "dtype", call.toNumber(static_cast<int>(elements.dtype)));
  return record;
}

// (x, most): { nodes: [{ name, shape, label, site, next }], truncated }, breadth first.
napi_value graphOf(const CallInfo& call) {
  napi_env env = call.env();
  const inspect::Graph graph = inspect::graphOf(call.tensor(0), static_cast<size_t>(call.integer(1, "most")));
  napi_value record, nodes, null;
  napi_get_null(env, &null);
  napi_create_object(env, &record);
  napi_create_array_with_length(env, graph.nodes.size(), &nodes);
  for (uint32_t k = 0; k < graph.nodes.size(); k++) {
    const inspect::GraphNode& node = graph.nodes[k];
    napi_value entry;
    napi_create_object(env, &entry);
    const auto set = [&](const char* name, napi_value value) {
      napi_set_named_property(env, entry, name, value);
    };
    set("name", call.toText(node.name));
    set("shape", node.hasShape ? numbersOf(call, node.shape.list()) : null);
    set("label", node.label.empty() ? null : call.toText(node.label));
    set("site", call.toNumber(node.site));
    set("next", numbersOf(call, {node.next.begin(), node.next.end()}));
    napi_set_element(env, nodes, k, entry);
  }
  napi_set_named_property(env, record, "nodes", nodes);
  napi_set_named_property(env, record, "truncated", call.toBoolean(graph.isTruncated));
  return record;
}

// (x): bytes of its storage, a number for it, whether there is a gradient, category, call site.
napi_value storageOf(const CallInfo& call) {
  const Tensor& x = call.tensor(0);
  const Storage& storage = x.storage();
  const auto id = static_cast<int64_t>(inspect::numberOf(storage));
  const auto category = static_cast<int64_t>(static_cast<const Block*>(storage.block())->category);
  return numbersOf(call, {static_cast<int64_t>(storage.bytes), id, gradOf(x).isDefined() ? 1 : 0, category,
                          static_cast<int64_t>(siteOf(x))});
}

}  // namespace

void addPinFunctions(Environment& environment, napi_value exports) {
  addFunction(environment, exports, "pinTensor", pinTensor);
  addFunction(environment, exports, "noteOfPin", noteOfPin);
  addFunction(environment, exports, "hasPin", hasPin);
  addFunction(environment, exports, "releasePin", releasePin);
  addFunction(environment, exports, "describePin", describePin);
  addFunction(environment, exports, "graphOf", graphOf);
  addFunction(environment, exports, "storageOf", storageOf);
}

}  // namespace descent::binding
