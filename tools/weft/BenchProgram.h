// SPDX-License-Identifier: Apache-2.0
// A function compiled for a device and run on plain memory: what kernels take,
// without what tensors add.
#pragma once

#include "weft/Compile.h"

#include "lib/Compiler/Codegen.h"
#include "runtime/Executor.h"

#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace weft::tools {

using BenchFunction = std::function<Tensor(const std::vector<Tensor> &inputs)>;

/// A recorded function whose inputs have no elements.
struct RecordedFunction {
  Tensor result;
  compiler::Capture capture;
};
StatusOr<RecordedFunction> recordFunction(const BenchFunction &function,
                                          std::span<const InputSpec> inputs,
                                          Device device);

class BenchProgram {
public:
  /// Compiles, and runs `@prepare` once. Caches on disk take no part, but for
  /// the tiles that `tuning()` finds.
  static StatusOr<BenchProgram> compile(const BenchFunction &function,
                                        std::span<const InputSpec> inputs,
                                        Device device);

  /// Enqueues one run; all that `LoadedPlan::run` says holds.
  Status run(std::span<void *const> inputs, void *output,
             runtime::CudaStream stream) const;

  const InputSpec &output() const { return output_; }
  /// Kernels that one run launches.
  int64_t numLaunches() const { return numLaunches_; }

private:
  Status load(const RecordedFunction &recorded, Device device);
  Status prepare(const compiler::CompiledProgram &program,
                 const compiler::Capture &capture, Device device);

  InputSpec output_;
  int64_t numLaunches_ = 0;
  /// Inputs of the plan: number of the function's, or a weight.
  struct Source {
    int32_t placeholder;
    std::shared_ptr<runtime::Storage> storage;
  };
  std::vector<Source> sources_;
  std::vector<std::shared_ptr<runtime::Storage>> prepared_;
  std::vector<void *> preparedData_;
  std::vector<Scalar> scalars_;
  std::shared_ptr<const runtime::LoadedPlan> plan_;
};

} // namespace weft::tools
