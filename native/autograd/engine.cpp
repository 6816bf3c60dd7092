// Backward: visits the graph once, each node after all that depend on it, without recursion.
#include <algorithm>
#include <queue>

#include "../device/site.h"
#include "../ops/launch.h"
#include "autograd.h"
#include "node.h"

namespace descent {

thread_local Anomaly anomaly;
thread_local GradientWatcher* gradientWatcher = nullptr;

// One backward call. Nodes point into it while it lasts; a run within a run (from a hook) puts back what it
// found.
struct Run {
  struct Task {
    Node* node;
    Run* outerRun;
    int outerSlot;
    int waitingFor = 0;             // edges that have not delivered yet
    bool isNeeded = false;          // with inputs given: lies between them and the roots
    int firstCapture = -1;          // in `captures`; -1: none
    std::vector<Tensor> gradients;  // by output of the node
  };
  // A gradient asked for by name: of output `index` of a node.
  struct Capture {
    Edge edge;
    int next;  // of the same node; -1: none
  };

  BackwardOptions options;
  bool accumulates = true;
  std::vector<Task> tasks;
  std::vector<Capture> captures;  // by input
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
  void capture(Node* node, const std::vector<Tensor>& gradients);
  void keepRetained(Node* node, const std::vector<Tensor>& gradients);
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
  for (Task& task : tasks) order.push_back(task.node);
  std::sort(order.begin(), order.end(),
            [](const Node* a, const Node* b) { return a->sequence < b->sequence; });
  for (Node* node : order) {
    bool isNeeded = false;
    for (const Edge& edge : node->edges) {
      if (!edge.node) continue;
      const Task& task = taskOf(edge.node.get());
      isNeeded = isNeeded || task.isNeeded || task.firstCapture >= 0;
    }
    taskOf(node).isNeeded |= isNeeded;
  }
}

void Run::deliver(const Edge& edge, Tensor gradient) {
  if (!gradient.isDefined()) return;
  Tensor& held = taskOf(edge.node.get()).gradients[static_cast<size_t>(edge.index)];
  held =
      held.isDefined() ? addGradients(std::move(held), gradient, options.createGraph) : std::move(gradient);
}

namespace {

void runHooks(Node* node, std::vector<Tensor>& gradients) {
  for (const auto& [output, hook] : node->hooksNow()) {
    Tensor& gradient = gradients[static_cast<size_t>(output)];
    if (!gradient.isDefined() || hook->isRemoved()) continue;
    const Tensor given = hook->call(gradient);
    if (!given.isDefined()) continue;
    if (given.shape() != gradient.shape() || given.dtype() != gradient.dtype() ||
        given.device() != gradient.device()) {
      const bool isElsewhere = given.device() != gradient.device();
      const auto text = [isElsewhere](const Tensor& x) {
        return x.shape().text() + " of " + nameOf(x.dtype()) +
               (isElsewhere ? " on " + nameOf(x.device()) : "");
      };
      throw Error("autograd", "registerHook",
                  "a hook must return a gradient like the one it got, " + text(gradient) +
                      ", or nothing, got " + text(given));
    }
    gradient = given;
  }
}

[[noreturn]] void failNaN(const Node& node, size_t edge, const std::vector<Tensor>& gradients) {
  const bool cameIn = std::any_of(gradients.begin(), gradients.end(),
                                  [](const Tensor& g) { return g.isDefined() && hasNaN(g); });
  const std::string site = textOfSite(node.site);
  std::string sentence = "its gradient with respect to its tensor " + std::to_string(edge) + " has NaN";
  sentence += site.empty() ? "; where it was called is not known, because that was outside detectAnomaly"
                           : "; it was called at " + site;
  if (node.isForwardNaN) {
    sentence += ", and what it computed there had NaN already";
  } else if (!site.empty()) {
    sentence += ", and what it computed there had none";
  }
  sentence += cameIn ? ". The gradient that arrived had NaN too" : ". The gradient that arrived had none";
  throw Error("autograd", node.name(), sentence,
              {{"site", site},
               {"input", std::to_string(edge)},
               {"forwardHadNaN", node.isForwardNaN ? "true" : "false"},
               {"gradientHadNaN", cameIn ? "true" : "false"}});
}

}  // namespace

void Run::capture(Node* node, const std::vector<Tensor>& gradients) {
  for (int k = taskOf(node).firstCapture; k >= 0; k = captures[static_cast<size_t>(k)].next) {
    const size_t input = static_cast<size_t>(k);
    captured[input] = gradients[static_cast<size_t>(captures[input].edge.index)];
  }
}

void Run::keepRetained(Node* node, const std::vector<Tensor>& gradients) {
  for (const auto& [index, meta] : node->retained) {
    const Tensor& gradient = gradients[static_cast<size_t>(index)];
    if (!gradient.isDefined()) continue;
    if (meta->grad.isDefined()) {
      meta->grad = ops::add(meta->grad, gradient);
    } else {
      // A copy: the gradient flows on, and other tensors may be handed the same one.
      meta->grad = options.createGraph ? gradient : contiguousCopy(gradient);
    }
  }
}

void Run::visit(Node* node, std::vector<Tensor>& gradients, std::vector<Tensor>& results) {
  results.assign(node->edges.size(), Tensor());
  const bool isNeeded = accumulates || taskOf(node).isNeeded;
  // A gradient that is asked for is the one before the hooks where the run goes on from here, the one after
  // them where it ends: PyTorch's order.
  if (isNeeded) capture(node, gradients);
  const bool hasGradient =
      std::any_of(gradients.begin(), gradients.end(), [](const Tensor& g) { return g.isDefined(); });
  if (!hasGradient) return;
  const SiteScope scope(node->site ? node->site : allocationContext().site, nullptr);
  runHooks(node, gradients);
  if (!isNeeded) capture(node, gradients);
  if (!node->retained.empty()) keepRetained(node, gradients);
  if (!isNeeded) return;
  if (gradientWatcher) gradientWatcher->begin(*node);
  node->apply(gradients.data(), results.data(), options.createGraph);
  if (gradientWatcher) gradientWatcher->end(*node, gradients, results);
  if (anomaly.isOn && anomaly.checksNaN) {
    for (size_t k = 0; k < results.size(); k++) {
      if (results[k].isDefined() && hasNaN(results[k])) failNaN(*node, k, gradients);
    }
  }
  if (options.retainGraph) return;
  node->releaseSaved();
  if (!node->hooks.empty()) node->letHooksGo();
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
    return filledTensor(root.shape(), root.dtype(), root.device(), 1);
  }
  if (given.shape() != root.shape()) {
    throw Error(
        "shape", op,
        "the gradient must be " + root.shape().text() + " as the tensor is, got " + given.shape().text());
  }
  if (given.device() != root.device()) {
    throw Error("device", op,
                "the gradient must be on " + nameOf(root.device()) + " as the tensor is, got one on " +
                    nameOf(given.device()));
  }
  return given.dtype() == root.dtype() ? given : ops::cast(given, root.dtype());
}

std::vector<Tensor> run(const char* op, const std::vector<Tensor>& roots, const std::vector<Tensor>* inputs,
                        const std::vector<Tensor>& gradients, const BackwardOptions& options,
                        bool intoGrads) {
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
      const Edge edge = edgeOf((*inputs)[k]);
      if (!edge.node)
        throw Error("autograd", op, "input " + std::to_string(k) + " does not require a gradient");
      const bool isReached = edge.node->run == &run;
      run.captures.push_back({edge, isReached ? run.taskOf(edge.node.get()).firstCapture : -1});
      if (!isReached) continue;
      Run::Task& task = run.taskOf(edge.node.get());
      if (intoGrads && isLeaf((*inputs)[k])) {
        task.isNeeded = true;
      } else {
        task.firstCapture = static_cast<int>(k);
      }
    }
    run.findNeeded();
  }
  for (size_t k = 0; k < edges.size(); k++) run.deliver(edges[k], std::move(starts[k]));
  run.execute();
  return std::move(run.captured);
}

}  // namespace

void backward(const std::vector<Tensor>& roots, const std::vector<Tensor>& gradients,
              const BackwardOptions& options, const std::vector<Tensor>* inputs) {
  const std::vector<Tensor> captured = run("backward", roots, inputs, gradients, options, true);
  const GradModeGuard mode(options.createGraph);
  for (size_t k = 0; k < captured.size(); k++) {
    if (captured[k].isDefined()) addToGrad((*inputs)[k], captured[k], options.createGraph);
  }
}

std::vector<Tensor> gradientsOf(const std::vector<Tensor>& roots, const std::vector<Tensor>& inputs,
                                const std::vector<Tensor>& gradients, const BackwardOptions& options) {
  return run("grad", roots, &inputs, gradients, options, false);
}

}  // namespace descent
