// SPDX-License-Identifier: Apache-2.0
// Contractions by blocks that stay: each takes tile after tile.
#pragma once

#include "BulkOperand.h"
#include "BulkResult.h"
#include "MatrixTile.h"
#include "PatchOperand.h"

namespace weft::cuda {

/// What the accelerator moves: both operands, the result, and an operand that
/// is read where the result is written, if there is one.
struct PersistentOperands {
  BulkOperand rows, columns;
  std::optional<PatchOperand> patches; // in place of the rows
  BulkResult result = {};
  int residualStmt = -1; // a load
  std::optional<BulkResult> residual;

  /// Nothing unless the nest stores one result of 16 bits that the accelerator
  /// can write.
  static std::optional<PersistentOperands>
  match(ir::GroupOp group, const LoopNest &nest, const Contraction &contraction,
        const BulkOperand &rows, const BulkOperand &columns);
  /// The same with patches: nothing, too, if what is done to the sums depends
  /// on their rows, but for the residual.
  static std::optional<PersistentOperands>
  matchPatches(ir::GroupOp group, const LoopNest &nest,
               const Contraction &contraction, const BulkOperand &rows,
               const BulkOperand &columns);

private:
  static std::optional<PersistentOperands> match(ir::GroupOp group,
                                                 const LoopNest &nest,
                                                 const Contraction &contraction,
                                                 PersistentOperands operands);
};

/// The dims that a thread needs behind the sum; not those of `residualStmt`,
/// which is at hand (-1: nothing is).
llvm::SmallBitVector usedBehindSum(const LoopNest &nest, int residualStmt);

/// The kernel with a tile of at least one team; one of patches if there are
/// any.
CudaKernel emitPersistent(ir::GroupOp group, const LoopNest &nest,
                          const Contraction &contraction,
                          PersistentOperands operands, const MatrixTile &tile,
                          int64_t blocks);

} // namespace weft::cuda
