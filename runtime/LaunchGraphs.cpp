// SPDX-License-Identifier: Apache-2.0
// Launches that are repeated, replayed as CUDA graphs.
#include "runtime/LaunchGraphs.h"

#include "runtime/Gpu.h"

#include <algorithm>

namespace weft::runtime {

/// A graph takes tens of kilobytes of the device; programs come back to few
/// sets of buffers, or to none.
static constexpr size_t kMostEntries = 8;

LaunchGraphs::~LaunchGraphs() {
  ScopedContext scope(gpu_);
  for (const Entry &entry : entries_)
    if (entry.graph)
      (void)gpu_.driver().graphExecDestroy(entry.graph);
}

LaunchGraphs::Entry *LaunchGraphs::find(std::span<const uint64_t> arguments) {
  for (auto it = entries_.begin(); it != entries_.end(); ++it)
    if (std::ranges::equal(it->arguments, arguments)) {
      entries_.splice(entries_.begin(), entries_, it);
      return &entries_.front();
    }
  return nullptr;
}

void LaunchGraphs::add(std::span<const uint64_t> arguments) {
  if (entries_.size() == kMostEntries) {
    if (CudaGraphExec graph = entries_.back().graph)
      (void)gpu_.driver().graphExecDestroy(graph);
    entries_.pop_back();
  }
  entries_.push_front({{arguments.begin(), arguments.end()}});
}

/// Null if the driver refuses.
CudaGraphExec
LaunchGraphs::capture(absl::FunctionRef<Status(CudaStream)> launch) const {
  const Driver &driver = gpu_.driver();
  CudaStream stream = nullptr;
  if (driver.streamCreate(&stream, cuda::nonBlockingStream) != cuda::success)
    return nullptr;
  CudaGraph graph = nullptr;
  CudaGraphExec executable = nullptr;
  // Relaxed: this thread and others may go on allocating meanwhile.
  if (driver.streamBeginCapture(stream, cuda::captureRelaxed) ==
      cuda::success) {
    bool launched = launch(stream).ok();
    bool ended = driver.streamEndCapture(stream, &graph) == cuda::success;
    if (launched && ended && graph &&
        driver.graphInstantiate(&executable, graph, 0) != cuda::success)
      executable = nullptr;
    if (graph)
      (void)driver.graphDestroy(graph);
  }
  (void)driver.streamDestroy(stream);
  return executable;
}

Status LaunchGraphs::run(std::span<const uint64_t> arguments, CudaStream stream,
                         absl::FunctionRef<Status(CudaStream)> launch) {
  if (gpu_.isCaptured(stream))
    return launch(stream);
  {
    // A graph is launched by one thread at a time.
    std::lock_guard lock(mutex_);
    Entry *entry = find(arguments);
    if (!entry)
      add(arguments);
    if (entry && !entry->graph && !entry->fails) {
      entry->graph = capture(launch);
      entry->fails = !entry->graph;
    }
    if (entry && entry->graph)
      return gpu_.driver().check(
          gpu_.driver().graphLaunch(entry->graph, stream),
          "run: cuGraphLaunch");
  }
  return launch(stream);
}

} // namespace weft::runtime
