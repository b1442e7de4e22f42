// SPDX-License-Identifier: Apache-2.0
// A compiled program on a device, and the cache of them.
#pragma once

#include "Codegen.h"

#include "runtime/Executor.h"
#include "runtime/Storage.h"

#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace weft::compiler {

using Storages = std::vector<std::shared_ptr<runtime::Storage>>;
/// Storages that somebody else holds meanwhile.
using StoragePointers = std::vector<runtime::Storage *>;
StoragePointers pointersTo(const Storages &storages);

/// A program ready to run. Safe from several threads at once.
class Executable {
public:
  static StatusOr<std::shared_ptr<const Executable>>
  load(CompiledProgram program, Device device);

  const runtime::Plan &plan() const { return program_.main; }

  /// What @prepare made.
  struct PreparedValues {
    std::vector<void *> data;
    /// Holds all of it, and stands for it in the order of streams: the values
    /// are written together and read by every run.
    std::shared_ptr<runtime::Storage> memory;
  };
  using PreparedPtr = std::shared_ptr<const PreparedValues>;

  /// What @prepare makes of the weights among the program's inputs, from now or
  /// from before; the other inputs may be null. Null without a @prepare.
  StatusOr<PreparedPtr> prepared(std::span<runtime::Storage *const> inputs,
                                 runtime::CudaStream stream) const;

  /// The same if it was made before and nobody is at it, else null. The weights
  /// are there, but are not looked at.
  PreparedPtr preparedBefore(std::span<runtime::Storage *const> inputs) const;

  /// The inputs of the program that a run reads, beside what is prepared.
  const std::vector<int32_t> &inputsRead() const { return program_.mainInputs; }

  /// Enqueues one evaluation. `inputs` are those of the program; `outputs` may
  /// hold nulls, which are allocated. With `fixed` no weights are prepared, and
  /// inputs that a run does not read may be null.
  Status run(std::span<runtime::Storage *const> inputs,
             std::span<const Scalar> scalars, Storages &outputs,
             runtime::CudaStream stream, PreparedPtr fixed = nullptr) const;

private:
  class Prepared;

  /// Of `preparing_`'s holder.
  PreparedPtr findPrepared(std::span<runtime::Storage *const> inputs) const;
  StatusOr<PreparedPtr> runPrepare(std::span<runtime::Storage *const> inputs,
                                   runtime::CudaStream stream) const;

  CompiledProgram program_;
  std::shared_ptr<const runtime::LoadedPlan> main_, prepare_;
  Device device_;
  mutable std::mutex preparing_; // held while @prepare runs: others wait for it
  mutable std::list<std::shared_ptr<Prepared>> prepared_; // newest use first
};

/// What an executable is made of.
struct ProgramSource {
  std::string key;      // all that decides what is compiled
  size_t numInputs = 0; // tensors that a run takes
  /// Makes the module, if it has to be compiled.
  llvm::function_ref<mlir::OwningOpRef<mlir::ModuleOp>()> import;
};
/// How a program gets its executable.
struct CompileRules {
  CompileSettings settings = {};
  Status refusal = {}; // instead of compiling, unless it is ok
};
/// The executable of a program: from memory, from disk, or compiled.
StatusOr<std::shared_ptr<const Executable>>
executableOf(const ProgramSource &source, Device device,
             const CompileRules &rules = {});
StatusOr<std::shared_ptr<const Executable>>
executableOf(const Program &program, Device device,
             const CompileRules &rules = {});

/// Counters behind compiler::statistics().
struct Counters {
  std::atomic<int64_t> evaluations, graphsCompiled, graphsLoaded, graphsReused,
      kernelsLaunched, prepares;
};
Counters &counters();

} // namespace weft::compiler
