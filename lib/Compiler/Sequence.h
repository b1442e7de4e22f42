// SPDX-License-Identifier: Apache-2.0
// The executables that compute a captured program, one after the other.
#pragma once

#include "Executable.h"

namespace weft::compiler {

/// What evaluates a program: one executable for each of its pieces. Safe from
/// several threads at once.
class Sequence {
public:
  /// Finds or compiles every piece.
  static StatusOr<Sequence> of(Program program, Device device,
                               const CompileRules &rules);

  /// Has every @prepare run now, on the weights among `inputs`; the others may
  /// be null. Runs take what it made from now on, whatever weights they get.
  Status fixWeights(std::span<runtime::Storage *const> inputs);

  /// For each input of the program whether a run reads it, beside what is
  /// prepared.
  std::vector<bool> inputsRead() const;

  /// Enqueues one evaluation: as Executable::run, of the whole program.
  Status run(std::span<runtime::Storage *const> inputs,
             std::span<const Scalar> scalars, Storages &outputs,
             runtime::CudaStream stream) const;

  /// The inputs of one evaluation.
  struct Inputs {
    StoragePointers all; // those that no run reads may be null
    Storages owners;
    Executable::PreparedPtr prepared; // of weights, if that is all they are for
  };
  /// Holds of `all`, which the caller keeps meanwhile, what a run will read.
  /// Not a weight that has been prepared before: most are.
  Inputs hold(StoragePointers all) const;
  Status run(const Inputs &inputs, std::span<const Scalar> scalars,
             Storages &outputs) const;

  /// How many executables it consists of.
  size_t size() const { return steps_.size(); }

private:
  struct Step {
    std::shared_ptr<const Executable> executable;
    // Which values and numbers of the program its own are.
    std::vector<int32_t> inputs, outputs, scalars;
    std::vector<int32_t> dead;        // values that no later step reads
    Executable::PreparedPtr prepared; // of weights that are fixed, or null
  };

  void findDead();
  Status runStep(const Step &step, StoragePointers &values, Storages &owners,
                 std::span<const Scalar> scalars,
                 runtime::CudaStream stream) const;

  std::vector<Step> steps_;
  std::vector<int32_t> outputs_; // values of the program
  size_t numInputs_ = 0, numValues_ = 0;
};

} // namespace weft::compiler
