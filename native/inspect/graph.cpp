// The autograd graph around a tensor, breadth first.
#include "graph.h"

#include <unordered_map>

#include "../autograd/autograd.h"
#include "../autograd/node.h"

namespace descent::inspect {

Graph graphOf(const Tensor& x, size_t most) {
  Graph graph;
  const Edge start = isLeaf(x) ? Edge{} : edgeOf(x);
  if (!start.node || most == 0) return graph;
  std::vector<Node*> found{start.node.get()};
  std::unordered_map<const Node*, uint32_t> places{{start.node.get(), 0}};
  graph.nodes.emplace_back();
  graph.nodes[0].hasShape = true;
  graph.nodes[0].shape = x.shape();
  for (size_t at = 0; at < found.size(); at++) {
    Node* const node = found[at];
    graph.nodes[at].name = node->name();
    graph.nodes[at].label = node->label();
    graph.nodes[at].site = node->site;
    for (size_t k = 0; k < node->edges.size(); k++) {
      Node* const next = node->edges[k].node.get();
      if (!next) continue;
      const auto known = places.find(next);
      if (known != places.end()) {
        graph.nodes[at].next.push_back(known->second);
        continue;
      }
      if (found.size() == most) {
        graph.isTruncated = true;
        continue;
      }
      const auto place = static_cast<uint32_t>(found.size());
      places.emplace(next, place);
      found.push_back(next);
      graph.nodes[at].next.push_back(place);
      GraphNode& reached = graph.nodes.emplace_back();
      if (const Shape* shape = node->shapeOfInput(k)) {
        reached.hasShape = true;
        reached.shape = *shape;
      }
    }
  }
  return graph;
}

}  // namespace descent::inspect
