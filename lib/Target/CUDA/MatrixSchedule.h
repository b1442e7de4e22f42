// SPDX-License-Identifier: Apache-2.0
// Contractions of 16-bit floats on tensor cores; of float32 in TF32 where that
// is asked for.
#pragma once

#include "BulkOperand.h"
#include "MatrixOperand.h"
#include "MatrixTile.h"
#include "PersistentSchedule.h"

#include <variant>

namespace weft::cuda {

/// Both operands of a contraction.
template <typename Operand> struct OperandPair {
  Operand rows, columns;
};
using CopiedOperands = OperandPair<MatrixOperand>; // by threads
using BulkOperands = OperandPair<BulkOperand>;     // by the accelerator
using MatrixOperands = std::variant<CopiedOperands, BulkOperands>;

class MatrixSchedule {
public:
  /// Nothing but for contractions of float16 or bfloat16, or of float32 where
  /// `target` asks for TF32, whose operands are copied as they lie in memory;
  /// by the accelerator alone where one of them lies in several tensors.
  static std::optional<MatrixSchedule>
  match(ir::GroupOp group, const LoopNest &nest, const CudaTarget &target);

  /// Whether the accelerator brings the operands.
  bool isBulk() const { return units_.bulk; }
  /// By name; those that should take the least time first.
  const std::vector<std::string> &tiles() const { return names_; }
  /// The kernel with the tile of this name, one of `tiles()`.
  CudaKernel emit(llvm::StringRef tile) const;

private:
  MatrixSchedule(ir::GroupOp group, const LoopNest &nest,
                 Contraction contraction, MatrixOperands operands,
                 MatrixUnits units);

  void matchStaying(const BulkOperands &operands);
  CudaKernel emitTile(const MatrixTile &tile) const;

  ir::GroupOp group_;
  const LoopNest *nest_;
  Contraction contraction_;
  MatrixOperands operands_; // of blocks with one tile
  MatrixUnits units_;
  // Of blocks that stay, without and with patches.
  std::optional<PersistentOperands> staying_, patches_;
  std::vector<MatrixTile> tiles_;
  std::vector<std::string> names_;
};

} // namespace weft::cuda
