// SPDX-License-Identifier: Apache-2.0
// Rounding errors made on purpose: where results of runs with different errors
// agree, so must those of a kernel.
#pragma once

#include "Evaluate.h"

#include <random>

namespace weft::reference {

class Noise {
public:
  Noise(double units, uint64_t seed) : units_(units), generator_(seed) {}

  /// The operands of ops whose error depends on what cancels inside (sums,
  /// products of matrices), moved; empty for all others.
  std::vector<Value> moveOperands(mlir::Operation *op, Operands operands);

  /// Moves what the op cannot compute exactly.
  void moveResult(mlir::Operation *op, Operands operands, Value &result);

private:
  double amount(); // in [-1, 1]
  /// What a kernel may make of the number y on its way to a result.
  double compute(DType dtype, double y);
  Value foldedBatchNorm(ir::BatchNormOp op, Operands operands);
  void moveRow(mlir::Operation *op, Operands operands, Value &result);

  double units_;
  // Runs have to be independent of each other at every element. The streams of
  // a linear congruential generator are not: those of neighbouring seeds lie at
  // equal distances, and at some elements the distance is next to nothing.
  std::mt19937_64 generator_;
};

} // namespace weft::reference
