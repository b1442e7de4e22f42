// SPDX-License-Identifier: Apache-2.0
// From recorded graphs to values: the one header that joins the front end, the
// compiler and the run time.
#pragma once

#include "weft/Core/Graph.h"
#include "weft/Core/Status.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weft::compiler {

/// Computes every root and keeps its value in `Node::storage`; their inputs
/// are released. Work shared by several roots is done once. On a GPU this only
/// enqueues; the Status covers compilation, allocation and launch. Roots on
/// several devices are evaluated a device at a time.
Status evaluate(std::span<const NodePtr> roots);

/// What an evaluation did; for `explain` and the tests.
struct Statistics {
  int64_t evaluations = 0;
  int64_t graphsCompiled = 0;  // ran MLIR
  int64_t graphsLoaded = 0;    // found on disk
  int64_t graphsReused = 0;    // found in memory
  int64_t kernelsCompiled = 0; // NVRTC or LLVM
  int64_t kernelsLaunched = 0;
  int64_t prepares = 0; // runs of @prepare
};
/// Counts since the start of the process.
Statistics statistics();

/// Every stage of a compilation, as text. Of a long loop, the different pieces
/// it is cut into, with `// -----` between them.
struct Stages {
  std::string graph;                // as recorded
  std::string folded;               // batch norms folded, parameters hoisted
  std::string fused;                // groups
  std::string plan;                 // groups with memory
  std::vector<std::string> kernels; // CUDA text, or LLVM IR for the CPU
  std::vector<std::string> notes;   // how each batch norm was folded, ...
  std::vector<std::string> fusionReasons; // pairs not fused, and why
  int64_t recordedOps = 0;
  int64_t launches = 0; // kernels that one evaluation runs
};

/// What `explain` compiles for and how far it goes.
struct ExplainOptions {
  /// `cpu`, `cuda`, `cuda:sm_90a`; empty: the device of the graph.
  std::string target;
  /// Whether to write the kernels. None is compiled for a GPU: the text needs
  /// neither a driver nor NVRTC.
  bool kernels = true;
};

/// Compiles and does not run.
StatusOr<Stages> explain(std::span<const NodePtr> roots,
                         const ExplainOptions &options = {});
/// The same for a module of weft ops in MLIR's text form; `name` is what
/// messages call it.
StatusOr<Stages> explain(std::string_view moduleText, std::string_view name,
                         const ExplainOptions &options = {});

/// A graph compiled ahead of its inputs: leaves with `placeholder >= 0` are the
/// inputs of `run`.
class CompiledFunction {
public:
  static StatusOr<std::shared_ptr<const CompiledFunction>>
  compile(std::span<const NodePtr> outputs,
          std::span<const NodePtr> placeholders, Device device);
  virtual ~CompiledFunction() = default;

  /// Only enqueues; never compiles. `inputs` in placeholder order; dense memory
  /// on the function's device. `stream` null: Weft's own stream.
  virtual Status run(std::span<const std::shared_ptr<runtime::Storage>> inputs,
                     std::span<const std::shared_ptr<runtime::Storage>> outputs,
                     void *stream) const = 0;
  virtual Device device() const = 0;
};

} // namespace weft::compiler
