// SPDX-License-Identifier: Apache-2.0
// Contractions with a short k: many rows pass by a small matrix.
#pragma once

#include "KernelPrinter.h"

namespace weft::cuda {

struct ThinKernel {
  CudaKernel kernel; // of one tile, `thin`
  /// Whether it should take less time than a tile of any other schedule.
  bool comesFirst = false;
};

/// Nothing where k is long, elements are no neighbours along k, or `arch` has
/// no tensor cores.
std::optional<ThinKernel> emitThin(ir::GroupOp group, const LoopNest &nest,
                                   llvm::StringRef arch);

} // namespace weft::cuda
