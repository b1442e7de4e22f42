// SPDX-License-Identifier: Apache-2.0
// Every way to run a graph: the same passes and plans as the library's, on the
// CPU, on a GPU, and as CUDA text executed by the emulator.
#pragma once

#include "test/Target/CUDA/Emulator.h"
#include "weft/Core/Status.h"
#include "weft/Target/Reference/Interpreter.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace weft::test {

/// A module as recorded (its `@main` marks inputs with `weft.input` and
/// `weft.scalar` as the importer does), and what it is run on. The module is
/// left as it is.
struct Job {
  mlir::ModuleOp module;
  const reference::Arguments *arguments;
};
using Results = StatusOr<std::vector<reference::Value>>;

/// One result list a job, in order. A write outside a buffer is an error, and
/// memory that nobody wrote reads as NaN or -1.
std::vector<Results> runOnCpu(const std::vector<Job> &jobs);

/// All kernels are compiled together.
std::vector<Results> runEmulated(const std::vector<Job> &jobs);

/// The text of every kernel for an architecture, `@prepare`'s first; nothing is
/// compiled.
StatusOr<std::vector<emulator::Source>>
cudaKernelsOf(const Job &job, const std::string &architecture);

/// Needs `is_usable(Device::gpu())`.
std::vector<Results> runOnGpu(const std::vector<Job> &jobs);

} // namespace weft::test
