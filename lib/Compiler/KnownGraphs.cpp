// SPDX-License-Identifier: Apache-2.0
// Graphs that were evaluated before: recorded anew, they run at once.
#include "KnownGraphs.h"

namespace weft::compiler {

uint64_t KnownGraphs::signatureOf(std::span<const NodePtr> roots) {
  uint64_t signature = 0;
  for (const NodePtr &root : roots)
    signature =
        signature * 31 + root->signature.load(std::memory_order_relaxed);
  return signature;
}

template <typename Matches>
const KnownGraphs::Graph *KnownGraphs::find(uint64_t signature,
                                            Matches matches) {
  auto [begin, end] = positions_.equal_range(signature);
  for (auto it = begin; it != end; ++it)
    if (matches(*it->second)) {
      graphs_.splice(graphs_.begin(), graphs_, it->second);
      return &graphs_.front();
    }
  return nullptr;
}

std::optional<ReadyGraph> KnownGraphs::find(std::span<const NodePtr> roots,
                                            const CompileSettings &settings) {
  std::scoped_lock lock(graph_mutex(), mutex_);
  std::optional<BorrowedArguments> arguments;
  const Graph *found = find(signatureOf(roots), [&](const Graph &graph) {
    arguments = argumentsIf(graph.key, roots, settings);
    return arguments.has_value();
  });
  if (!found)
    return std::nullopt;
  return ReadyGraph{found->sequence,
                    found->sequence->hold(std::move(arguments->storages)),
                    std::move(arguments->scalars)};
}

std::shared_ptr<const Sequence> KnownGraphs::find(uint64_t signature,
                                                  const GraphKey &key) {
  std::lock_guard lock(mutex_);
  const Graph *found =
      find(signature, [&](const Graph &graph) { return graph.key == key; });
  return found ? found->sequence : nullptr;
}

void KnownGraphs::add(uint64_t signature, GraphKey key,
                      std::shared_ptr<const Sequence> sequence) {
  std::lock_guard lock(mutex_);
  if (find(signature, [&](const Graph &graph) { return graph.key == key; }))
    return; // another thread was faster
  graphs_.push_front({signature, std::move(key), std::move(sequence)});
  positions_.emplace(signature, graphs_.begin());
  if (graphs_.size() <= capacity_)
    return;
  const Position oldest = std::prev(graphs_.end());
  auto [begin, end] = positions_.equal_range(oldest->signature);
  for (auto it = begin; it != end; ++it)
    if (it->second == oldest) {
      positions_.erase(it);
      break;
    }
  graphs_.pop_back();
}

KnownGraphs &knownGraphs() {
  static auto &graphs = *new KnownGraphs(256); // never destroyed
  return graphs;
}

} // namespace weft::compiler
