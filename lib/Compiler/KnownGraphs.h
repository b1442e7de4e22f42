// SPDX-License-Identifier: Apache-2.0
// Graphs that were evaluated before: recorded anew, they run at once.
#pragma once

#include "Program.h"
#include "Sequence.h"

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>

namespace weft::compiler {

/// What computes a graph, and what on.
struct ReadyGraph {
  std::shared_ptr<const Sequence> sequence;
  Sequence::Inputs inputs;
  std::vector<Scalar> scalars;

  Status run(Storages &outputs) const {
    return sequence->run(inputs, scalars, outputs);
  }
};

/// Sequences by the graphs that they compute. A graph is looked up by the
/// signatures of its roots, which recording leaves behind, and then compared
/// word by word with the keys that have them: no key is written. The least
/// recently used leave when there are more than `capacity`. Safe from several
/// threads at once.
class KnownGraphs {
public:
  explicit KnownGraphs(size_t capacity) : capacity_(capacity) {}

  std::optional<ReadyGraph> find(std::span<const NodePtr> roots,
                                 const CompileSettings &settings = {});
  /// By a key that has been written; null if there is none.
  std::shared_ptr<const Sequence> find(uint64_t signature, const GraphKey &key);
  void add(uint64_t signature, GraphKey key,
           std::shared_ptr<const Sequence> sequence);

  static uint64_t signatureOf(std::span<const NodePtr> roots);

private:
  struct Graph {
    uint64_t signature;
    GraphKey key;
    std::shared_ptr<const Sequence> sequence;
  };
  using Position = std::list<Graph>::iterator;

  /// The first graph with the signature that `matches`, now the newest.
  template <typename Matches>
  const Graph *find(uint64_t signature, Matches matches);

  const size_t capacity_;
  std::mutex mutex_;        // taken inside of the graph lock
  std::list<Graph> graphs_; // newest use first
  std::unordered_multimap<uint64_t, Position> positions_;
};

/// Those of the process.
KnownGraphs &knownGraphs();

} // namespace weft::compiler
