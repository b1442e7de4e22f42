// SPDX-License-Identifier: Apache-2.0
// Contractions of 16-bit floats on tensor cores.
#pragma once

#include "KernelPrinter.h"
#include "MatrixTile.h"

namespace weft::cuda {

/// The kernel of a contraction of float16 or bfloat16 whose operands are copied
/// as they lie in memory; nothing for other nests. `tile` names one of its
/// tiles; the model chooses if it names none.
std::optional<CudaKernel> emitMatrix(ir::GroupOp group, const LoopNest &nest,
                                     llvm::StringRef arch,
                                     llvm::StringRef tile = "");

} // namespace weft::cuda
