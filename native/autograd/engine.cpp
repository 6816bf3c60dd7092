// Backward: visits the graph once, each node after all that depend on it, without recursion.
#include <algorithm>
#include <queue>

#include "autograd.h"
#include "node.h"

namespace descent {

// One backward call. Nodes point into it while it lasts; a run within a run (from a hook) puts back what it
// found.
struct Run {
  struct Task {
    Node* node;
    Run* outerRun;
    int outerSlot;
    int waitingFor = 0;  // edges that have not delivered yet
    bool isNeeded = true;
    bool isCaptured = false;
    std::vector<Tensor> gradients;  // by output of the node
  };
  // A gradient asked for by name: of output `index` of a node.
  struct Capture {
    Edge edge;
    int input;
  };

  BackwardOptions options;
  bool accumulates = true;
  std::vector<Task> tasks;
  std::vector<Capture> captures;
  std::vector<Tensor> captured;

  ~Run() {
    for (auto task = tasks.rbegin(); task != tasks.rend(); ++task) {
      task->node->run = task->outerRun;
      task->node->slot = task->outerSlot;
    }
  }

  Task& taskOf(Node* node) { return tasks[static_cast<size_t>(node->slot)]; }
  void add(Node* node);
  void discover(const std::vector<Edge>& roots);
  void findNeeded();
  void deliver(const Edge& edge, Tensor gradient);
  void execute();
  void visit(Node* node, std::vector<Tensor>& gradients, std::vector<Tensor>& results);
};

void Run::add(Node* node) {
  Task task;
  task.node = node;
  task.outerRun = node->run;
  task.outerSlot = node->slot;
  task.gradients.resize(static_cast<size_t>(node->outputs));
  node->run = this;
  node->slot = static_cast<int>(tasks.size());
  tasks.push_back(std::move(task));
}

void Run::discover(const std::vector<Edge>& roots) {
  for (const Edge& root : roots) {
    if (root.node->run != this) add(root.node.get());
  }
  for (size_t next = 0; next < tasks.size(); next++) {
    Node* node = tasks[next].node;
    for (const Edge& edge : node->edges) {
      if (!edge.node) continue;
      if (edge.node->run != this) add(edge.node.get());
      taskOf(edge.node.get()).waitingFor++;
    }
  }
}

// With inputs given, only what lies between them and the roots is computed.
void Run::findNeeded() {
  std::vector<Node*> order;
  for (Task& task : tasks) {
    task.isNeeded = false;
    order.push_back(task.node);
  }
  std::sort(order.begin(), order.end(),
            [](const Node* a, const Node* b) { return a->sequence < b->sequence; });
  for (Node* node : order) {
    bool isNeeded = false;
    for (const Edge& edge : node->edges) {
      if (!edge.node) continue;
      const Task& task = taskOf(edge.node.get());
      isNeeded = isNeeded || task.isNeeded || task.isCaptured;
    }
    taskOf(node).isNeeded = isNeeded;
  }
}

void Run::deliver(const Edge& edge, Tensor gradient) {
  if (!gradient.isDefined()) return;
  Tensor& held = taskOf(edge.node.get()).gradients[static_cast<size_t>(edge.index)];
  held =
      held.isDefined() ? addGradients(std::move(held), gradient, options.createGraph) : std::move(gradient);
}

void Run::visit(Node* node, std::vector<Tensor>& gradients, std::vector<Tensor>& results) {
  for (const Capture& capture : captures) {
    if (!taskOf(node).isCaptured) break;
    if (capture.edge.node.get() == node)
      captured[static_cast<size_t>(capture.input)] = gradients[static_cast<size_t>(capture.edge.index)];
  }
  for (const auto& [index, meta] : node->retained) {
    if (gradients[static_cast<size_t>(index)].isDefined()) meta->grad = gradients[static_cast<size_t>(index)];
  }
  results.assign(node->edges.size(), Tensor());
  if (!accumulates && !taskOf(node).isNeeded) return;
  const bool hasGradient =
      std::any_of(gradients.begin(), gradients.end(), [](const Tensor& g) { return g.isDefined(); });
  if (!hasGradient) return;
  node->apply(gradients.data(), results.data(), options.createGraph);
  if (!options.retainGraph) node->releaseSaved();
}

void Run::execute() {
  const auto isEarlier = [](const Node* a, const Node* b) { return a->sequence < b->sequence; };
  std::priority_queue<Node*, std::vector<Node*>, decltype(isEarlier)> ready(isEarlier);
  for (const Task& task : tasks) {
    if (task.waitingFor == 0) ready.push(task.node);
  }
  std::vector<Tensor> results;
  while (!ready.empty()) {
    Node* node = ready.top();
    ready.pop();
    // Taken out of the task, so that nobody but this visit refers to them and they die with it.
    std::vector<Tensor> gradients = std::move(taskOf(node).gradients);
    visit(node, gradients, results);
    gradients.clear();
    for (size_t k = 0; k < node->edges.size(); k++) {
      const Edge& edge = node->edges[k];
      if (!edge.node) continue;
      deliver(edge, std::move(results[k]));
      if (--taskOf(edge.node.get()).waitingFor == 0) ready.push(edge.node.get());
    }
  }
}

namespace {

[[noreturn]] void failWithoutHistory(const char* op) {
  throw Error("autograd", op,
              "the tensor does not require a gradient and was not made from one that does; was it made "
              "within noGrad, or detached?");
}

Tensor startGradient(const char* op, const Tensor& root, const Tensor& given) {
  if (!root.impl()->wantsGradient()) failWithoutHistory(op);
  if (!given.isDefined()) {
    if (root.numel() != 1) {
      throw Error("autograd", op,
                  "a gradient is made up for scalars only, got " + root.shape().text() +
                      "; pass one, or reduce to a loss first",
                  {{"shape", root.shape().text()}});
    }
    return ops::ones(root.shape(), root.dtype());
  }
  if (given.shape() != root.shape()) {
    throw Error(
        "shape", op,
        "the gradient must be " + root.shape().text() + " as the tensor is, got " + given.shape().text());
  }
  return given.dtype() == root.dtype() ? given : ops::cast(given, root.dtype());
}

std::vector<Tensor> run(const char* op, const std::vector<Tensor>& roots, const std::vector<Tensor>* inputs,
                        const std::vector<Tensor>& gradients, const BackwardOptions& options) {
  const GradModeGuard mode(options.createGraph);
  std::vector<Edge> edges;
  std::vector<Tensor> starts;
  for (size_t k = 0; k < roots.size(); k++) {
    starts.push_back(startGradient(op, roots[k], k < gradients.size() ? gradients[k] : Tensor()));
    edges.push_back(edgeOf(roots[k]));
    if (!edges.back().node) failWithoutHistory(op);
  }
  Run run;
  run.options = options;
  run.accumulates = inputs == nullptr;
  run.discover(edges);
  if (inputs) {
    run.captured.resize(inputs->size());
    for (size_t k = 0; k < inputs->size(); k++) {
      if (!(*inputs)[k].requiresGrad())
        throw Error("autograd", op, "input " + std::to_string(k) + " does not require a gradient");
      run.captures.push_back({edgeOf((*inputs)[k]), static_cast<int>(k)});
      Node* node = run.captures.back().edge.node.get();
      if (node->run == &run) run.taskOf(node).isCaptured = true;
    }
    run.findNeeded();
  }
  for (size_t k = 0; k < edges.size(); k++) run.deliver(edges[k], std::move(starts[k]));
  run.execute();
  return std::move(run.captured);
}

}  // namespace

void backward(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients,
              const BackwardOptions& options) {
  run("backward", roots, nullptr, gradients, options);
}

std::vector<Tensor> gradientsOf(const std::vector<Tensor>& roots, const std::vector<Tensor>& inputs,
                                const std::vector<Tensor>& gradients, const BackwardOptions& options) {
  return run("grad", roots, &inputs, gradients, options);
}

}  // namespace descent
