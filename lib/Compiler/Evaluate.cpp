// SPDX-License-Identifier: Apache-2.0
// Evaluation: from nodes without elements to nodes with them.
#include "OnceMap.h"
#include "Sequence.h"

#include "weft/Compiler/Compiler.h"

#include "runtime/Log.h"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace weft::compiler {
namespace {

/// Roots without elements, each once, grouped by device in order of first
/// appearance. Fails if a root has failed.
StatusOr<std::vector<std::vector<NodePtr>>>
pendingByDevice(std::span<const NodePtr> roots) {
  std::vector<std::vector<NodePtr>> groups;
  std::unordered_set<const Node *> seen;
  std::lock_guard<std::mutex> lock(graph_mutex());
  for (const NodePtr &root : roots) {
    if (root->failed())
      return root->status;
    if (root->storage || !seen.insert(root.get()).second)
      continue;
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
  std::vector<std::vector<Operand>> released; // destroyed outside the lock
  std::lock_guard<std::mutex> lock(graph_mutex());
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i]->storage)
      continue;
    nodes[i]->storage = std::move(outputs[i]);
    released.push_back(std::move(nodes[i]->inputs));
    nodes[i]->inputs.clear();
  }
}

/// What computes graphs that were seen before, by their keys: a map for each
/// way of tuning.
OnceMap<Sequence> &sequences(Tuning tuning) {
  static auto *caches = new std::array{
      OnceMap<Sequence>(256), OnceMap<Sequence>(256), OnceMap<Sequence>(256)};
  return (*caches)[static_cast<size_t>(tuning)]; // never destroyed
}

/// Of graphs that were not compiled before, where none may be.
Status refusalToCompile(std::span<const NodePtr> roots) {
  const Node &root = *roots.front();
  std::string_view file = root.location.file_name();
  return failed_precondition_error(
      "eval: " + std::string(name(root.kind)) + " of " +
      std::string(name(root.dtype)) + " " + to_string(root.shape) +
      ": not compiled before, and compiling is forbidden (" +
      std::string(file.substr(file.find_last_of('/') + 1)) + ":" +
      std::to_string(root.location.line()) + ")");
}

Status evaluateOn(std::span<const NodePtr> roots, Device device) {
  CompileRules rules;
  OnceMap<Sequence> &known = sequences(rules.tuning);
  OnceMap<Sequence>::Result sequence = std::shared_ptr<const Sequence>();
  Capture captured = capture(roots, [&](const std::string &key) {
    sequence = known.find(key);
    return *sequence != nullptr;
  });
  if (Status status = refusePlaceholders(captured); !status.ok())
    return status;
  warnOfUnloaded(captured);
  if (*sequence) {
    counters().graphsReused += static_cast<int64_t>((*sequence)->size());
    runtime::log(LogLevel::debug, "graph found in memory");
  } else {
    if (compilation() == Compilation::forbid)
      rules.refusal = refusalToCompile(roots);
    sequence = known.get(captured.key, [&]() -> OnceMap<Sequence>::Result {
      StatusOr<Sequence> made =
          Sequence::of(std::move(captured.program), device, rules);
      if (!made.ok())
        return made.status();
      return std::make_shared<const Sequence>(std::move(*made));
    });
  }
  if (!sequence.ok())
    return sequence.status();
  Storages outputs;
  Status status =
      (*sequence)->run(pointersTo(captured.storages), captured.scalars, outputs,
                       /*stream=*/nullptr);
  if (!status.ok())
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
    if (Status status = evaluateOn(group, group.front()->device); !status.ok())
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
