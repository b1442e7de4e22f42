// SPDX-License-Identifier: Apache-2.0
// What Weft makes of a graph, as text and numbers: for curiosity, for tests and
// for finding out why something is slow.
#pragma once

#include "weft/Tensor.h"

#include <cstdint>
#include <string>
#include <vector>

namespace weft {

/// Every stage of a graph's way to kernels.
struct Explanation {
  std::string graph;                // as recorded
  std::string folded;               // batch norms folded, parameters hoisted
  std::string fused;                // one group a kernel
  std::vector<std::string> kernels; // CUDA text, or LLVM IR for the CPU
  std::vector<std::string> notes;   // how each batch norm was folded, ...
  int64_t recorded_ops = 0;
  int64_t launches = 0;
};

/// Compiles what `tensors` need, and does not run it.
///
///   StatusOr<Explanation> e = explain({net(images)});
///   if (e.ok())
///     std::cout << e->fused;
///
/// Errors: those of the tensors; compilation. A tensor that has been evaluated
/// needs nothing: its graph is gone. Without a change to the program the
/// environment variable WEFT_DUMP_DIR names a folder for the stages of all
/// compilations.
StatusOr<Explanation> explain(const std::vector<Tensor> &tensors);

/// Counts since the start of the process.
struct Statistics {
  int64_t evaluations = 0;
  int64_t graphs_compiled = 0; // not found anywhere
  int64_t graphs_loaded = 0;   // found on disk
  int64_t graphs_reused = 0;   // found in memory
  int64_t kernels_compiled = 0;
  int64_t kernels_launched = 0;
  int64_t prepares = 0; // times that weights were prepared
};
Statistics statistics();

} // namespace weft
