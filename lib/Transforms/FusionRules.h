// SPDX-License-Identifier: Apache-2.0
// What one kernel can compute: the rules that weft-fuse asks, each with the
// reason it gives for saying no.
#pragma once

#include "weft/Transforms/Passes.h"

#include "llvm/ADT/DenseSet.h"

#include <string>

namespace weft {

/// Ops that may become one group, and which of their results others read.
struct Candidate {
  llvm::DenseSet<mlir::Operation *> ops;
  /// In program order.
  llvm::SmallVector<mlir::Value> results;
  /// Views that lie in memory unless they are among `ops`.
  const llvm::DenseSet<mlir::Operation *> &kept;
  Library library; // computes what it multiplies
  /// What runs in the kernel of a convolution before and behind it.
  const ImageRule &takesImage;

  /// Whether the kernel computes what `op` shows or repeats from its operands.
  bool readsThrough(mlir::Operation *op) const;
};

/// Why `candidate` cannot be one kernel; empty if it can.
std::string whyNotOneKernel(const Candidate &candidate);

/// How its loops run. Needs a candidate that can be one kernel.
ir::ScheduleKind scheduleOf(const Candidate &candidate);

/// A view or a source: every group that reads it holds a copy.
bool isFree(mlir::Operation *op);
/// An element-wise op that may be computed twice rather than kept.
bool isCheap(mlir::Operation *op);

/// Cheap enough for the operand of a conv or matmul, where it is computed at
/// every access: a cast, or a sum or product with one number.
bool isPrologue(mlir::Operation *op);

/// The number in every element of `value`, as an op: a constant or a splat,
/// also under views; null if there is none.
mlir::Operation *splatUnder(mlir::Value value);

} // namespace weft
