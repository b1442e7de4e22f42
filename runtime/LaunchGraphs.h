// SPDX-License-Identifier: Apache-2.0
// Launches that are repeated, replayed as CUDA graphs.
#pragma once

#include "runtime/Storage.h"
#include "weft/Core/Status.h"

#include "absl/functional/function_ref.h"

#include <cstdint>
#include <list>
#include <mutex>
#include <span>
#include <vector>

namespace weft::runtime {

using CudaGraphExec = struct CUgraphExec_st *;

/// The graphs of one sequence of launches, one for each set of arguments that
/// came back. Launching a graph costs the host a few microseconds, however many
/// kernels it has. Safe from several threads at once.
///
///   graphs.run(addresses, stream, [&](CudaStream s) { return launchAll(s); });
class LaunchGraphs {
public:
  explicit LaunchGraphs(Gpu &gpu) : gpu_(gpu) {}
  LaunchGraphs(const LaunchGraphs &) = delete;
  LaunchGraphs &operator=(const LaunchGraphs &) = delete;
  /// Graphs that still run go when they are over.
  ~LaunchGraphs();

  /// Enqueues on `stream` what `launch` enqueues on the stream it is given:
  /// itself, or in a graph from the second time on that `arguments`, all that
  /// decides what it enqueues, are the same. What cannot be captured, or comes
  /// while `stream` is being captured by its owner, is launched as it is.
  Status run(std::span<const uint64_t> arguments, CudaStream stream,
             absl::FunctionRef<Status(CudaStream)> launch);

private:
  struct Entry {
    std::vector<uint64_t> arguments;
    CudaGraphExec graph = nullptr;
    bool fails = false; // cannot be captured
  };

  Entry *find(std::span<const uint64_t> arguments);
  void add(std::span<const uint64_t> arguments);
  CudaGraphExec capture(absl::FunctionRef<Status(CudaStream)> launch) const;

  Gpu &gpu_;
  std::mutex mutex_;
  std::list<Entry> entries_; // newest use first
};

} // namespace weft::runtime
