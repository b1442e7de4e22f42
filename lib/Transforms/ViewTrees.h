// SPDX-License-Identifier: Apache-2.0
// Views are index arithmetic where they are read, and that adds up: an op that
// reads through a tree of views has an expression for each of its paths. Where
// a tree is too large for one kernel, some of its views are kept in memory.
#pragma once

#include "weft/IR/Dialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseSet.h"

namespace weft {

/// A launch passes its tensors in a few hundred bytes.
inline constexpr size_t kMaxTensors = 64;
/// Every step of a kernel is an expression of its text. The views that one op
/// reads through take a part of them.
inline constexpr size_t kMaxSteps = 2048;
inline constexpr size_t kMaxStepsOfOp = 256;

/// How many times longer than an index of the loops an index may become.
inline constexpr int64_t kMaxIndexGrowth = 16;

/// How often the index of a view is repeated in the index of its operand: a
/// reshape that splits a dim in two takes quotient and remainder of one
/// position. Repeated reshapes multiply.
int64_t indexGrowth(mlir::Operation *view);

/// Writes concatenations of more tensors than a kernel may read as
/// concatenations of concatenations.
void splitConcatenations(mlir::func::FuncOp function);

/// The views that are kept in memory: with them no op alone reads more than a
/// kernel can, and heads of an attention lie beside each other where that is
/// how they are read. Only looked up, never walked.
llvm::DenseSet<mlir::Operation *> findKeptViews(mlir::func::FuncOp function);

} // namespace weft
