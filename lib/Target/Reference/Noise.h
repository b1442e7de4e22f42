// SPDX-License-Identifier: Apache-2.0
// Rounding errors made on purpose: where results of runs with different errors
// agree, so must those of a kernel.
#pragma once

#include "Evaluate.h"

namespace weft::reference {

class Noise {
public:
  Noise(double units, uint64_t seed) : units_(units), state_(seed) {}

  /// The operands of ops whose error depends on what cancels inside (sums,
  /// products of matrices, quotients before they are floored), moved; empty for
  /// all others.
  std::vector<Value> moveOperands(mlir::Operation *op, Operands operands);

  /// Moves what the op cannot compute exactly.
  void moveResult(mlir::Operation *op, Operands operands, Value &result);

private:
  double amount(); // in [-1, 1]
  void moveRow(mlir::Operation *op, Operands operands, Value &result);

  double units_;
  uint64_t state_;
};

} // namespace weft::reference
