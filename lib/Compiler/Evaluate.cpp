// SPDX-License-Identifier: Apache-2.0
// Evaluation: from nodes without elements to nodes with them.
#include "KnownGraphs.h"

#include "weft/Compiler/Compiler.h"
#include "weft/Runtime.h"

#include "runtime/Log.h"

#include <algorithm>

namespace weft::compiler {
namespace {

/// Roots without elements, each once, grouped by device in order of first
/// appearance. Fails if a root has failed.
StatusOr<std::vector<std::vector<NodePtr>>>
pendingByDevice(std::span<const NodePtr> roots) {
  std::vector<std::vector<NodePtr>> groups;
  std::lock_guard<std::mutex> lock(graph_mutex());
  Visits seen;
  for (const NodePtr &root : roots) {
    if (root->failed())
      return root->status;
    if (root->storage || seen.contains(*root))
      continue;
    seen.add(*root);
    auto group = std::find_if(groups.begin(), groups.end(), [&](auto &nodes) {
      return nodes.front()->device == root->device;
    });
    if (group == groups.end())
      group = groups.insert(groups.end(), std::vector<NodePtr>());
    group->push_back(root);
  }
  return groups;
}

Status refusePlaceholders(const Capture &capture) {
  for (const NodePtr &leaf : capture.leaves)
    if (leaf->placeholder >= 0)
      return failed_precondition_error(
          "eval: input " + std::to_string(leaf->placeholder) +
          " of a function being compiled has no value: return the tensor "
          "instead of reading it");
  return {};
}

/// Says once which parameters still hold the values they were made with.
void warnOfUnloaded(const Capture &capture) {
  std::string names;
  {
    std::lock_guard<std::mutex> lock(graph_mutex());
    for (const NodePtr &leaf : capture.leaves) {
      if (!leaf->is_unloaded || leaf->warned_unloaded)
        continue;
      leaf->warned_unloaded = true;
      names += names.empty() ? "" : ", ";
      names += leaf->parameter_name ? *leaf->parameter_name : "(unnamed)";
    }
  }
  if (!names.empty())
    runtime::log(LogLevel::warning,
                 "parameters that nobody loaded hold 0, 1, 2, ...: " + names);
}

/// Gives the nodes their elements. Another thread may have been faster: its
/// values stay, they are the same.
void store(std::span<const NodePtr> nodes, Storages &outputs) {
  std::vector<std::vector<NodePtr>> released; // destroyed outside the lock
  std::lock_guard<std::mutex> lock(graph_mutex());
  for (size_t i = 0; i < nodes.size(); ++i)
    if (!nodes[i]->storage)
      released.push_back(nodes[i]->settle(std::move(outputs[i])));
}

/// `eval: relu of float32 [64]: RULE (net.cpp:12)`: what was to be computed,
/// and where it was recorded.
std::string messageOf(const Node &root, std::string_view rule) {
  std::string_view file = root.location.file_name();
  return "eval: " + std::string(name(root.kind)) + " of " +
         std::string(name(root.dtype)) + " " + to_string(root.shape) + ": " +
         std::string(rule) + " (" +
         std::string(file.substr(file.find_last_of('/') + 1)) + ":" +
         std::to_string(root.location.line()) + ")";
}

/// Of graphs that were not compiled before, where none may be.
Status refusalToCompile(const Node &root) {
  return failed_precondition_error(
      messageOf(root, "not compiled before, and compiling is forbidden"));
}

/// Recording asks no device whether it is there.
Status checkDevice(const Node &root) {
  Status status = is_usable(root.device);
  return status.ok() ? status
                     : Status(status.code(), messageOf(root, status.message()));
}

void noteReuse(const Sequence &sequence) {
  counters().graphsReused += static_cast<int64_t>(sequence.size());
  runtime::log(LogLevel::debug, "graph found in memory");
}

/// Of a graph that is not known yet: finds or compiles its executables.
StatusOr<ReadyGraph> prepare(std::span<const NodePtr> roots,
                             CompileRules rules) {
  if (Status status = checkDevice(*roots.front()); !status.ok())
    return status;
  const uint64_t signature = KnownGraphs::signatureOf(roots);
  Capture captured = capture(roots, rules.settings);
  if (Status status = refusePlaceholders(captured); !status.ok())
    return status;
  warnOfUnloaded(captured);
  // It is known all the same if there was something to warn of.
  auto sequence = knownGraphs().find(signature, captured.key);
  if (sequence) {
    noteReuse(*sequence);
  } else {
    if (compilation() == Compilation::forbid)
      rules.refusal = refusalToCompile(*roots.front());
    StatusOr<Sequence> made =
        Sequence::of(std::move(captured.program), roots.front()->device, rules);
    if (!made.ok())
      return made.status();
    sequence = std::make_shared<const Sequence>(std::move(*made));
    knownGraphs().add(signature, std::move(captured.key), sequence);
  }
  Arguments &arguments = captured.arguments;
  return ReadyGraph{
      std::move(sequence),
      {pointersTo(arguments.storages), std::move(arguments.storages), nullptr},
      std::move(arguments.scalars)};
}

Status evaluateTogether(std::span<const NodePtr> roots) {
  StatusOr<ReadyGraph> graph = internal_error("not known");
  const CompileRules rules;
  if (auto known = knownGraphs().find(roots, rules.settings)) {
    noteReuse(*known->sequence);
    graph = std::move(*known);
  } else if (graph = prepare(roots, rules); !graph.ok()) {
    return graph.status();
  }
  Storages outputs;
  if (Status status = graph->run(outputs); !status.ok())
    return status;
  ++counters().evaluations;
  store(roots, outputs);
  return {};
}

} // namespace

Status evaluate(std::span<const NodePtr> roots) {
  StatusOr<std::vector<std::vector<NodePtr>>> groups = pendingByDevice(roots);
  if (!groups.ok())
    return groups.status();
  for (const std::vector<NodePtr> &group : *groups)
    if (Status status = evaluateTogether(group); !status.ok())
      return status;
  return {};
}

Statistics statistics() {
  const Counters &c = counters();
  return {c.evaluations,  c.graphsCompiled,     c.graphsLoaded,
          c.graphsReused, numKernelsCompiled(), c.kernelsLaunched,
          c.prepares};
}

} // namespace weft::compiler
