// SPDX-License-Identifier: Apache-2.0
// What a kernel takes of a GPU's multiprocessor, read from the assembler's
// report.
#pragma once

#include "weft/Core/Status.h"

#include <cstdint>
#include <string_view>

namespace weft::runtime {

/// Registers, stack and spills are those of a thread, shared memory and
/// barriers those of a block.
struct KernelResources {
  int64_t registers = 0;
  int64_t stackBytes = 0;
  int64_t spillStoreBytes = 0;
  int64_t spillLoadBytes = 0;
  int64_t sharedBytes = 0; // static
  int64_t barriers = 0;
  friend bool operator==(const KernelResources &,
                         const KernelResources &) = default;
};

/// Finds `kernel` in what `Nvrtc::compile` logs when asked for a report.
///
/// Error: `assembler's report: nothing about kernel "relu"`.
StatusOr<KernelResources> readAssemblerReport(std::string_view log,
                                              std::string_view kernel);

} // namespace weft::runtime
