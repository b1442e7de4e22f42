// SPDX-License-Identifier: Apache-2.0
// What the files of the interpreter share: one function for each kind of op.
#pragma once

#include "weft/IR/Dialect.h"
#include "weft/Target/Reference/Interpreter.h"

#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft::reference {

using Operands = llvm::ArrayRef<const Value *>;
using Index = llvm::ArrayRef<int64_t>;

/// Calls `visit` for every index of `shape` in row-major order.
void forEachIndex(const Shape &shape, llvm::function_ref<void(Index)> visit);
/// The position of `index` in a row-major tensor of `shape`.
int64_t positionOf(const Shape &shape, Index index);

/// A value of `shape` whose element at an index is element `source(index)` of
/// x.
Value gather(const Value &x, const Shape &shape,
             llvm::function_ref<int64_t(Index)> source);

// Each evaluates its ops on values of the right shapes and types, and knows
// the shape and type of the result from the op.
Value evaluateRow(mlir::Operation *op, Operands operands);
Value evaluate(ir::WhereOp op, Operands operands);

Value evaluate(ir::ConstantOp op);
Value evaluate(ir::SplatOp op, Operands operands);
Value evaluate(ir::IotaOp op);
Value evaluate(ir::BroadcastOp op, Operands operands);
Value evaluate(ir::ReshapeOp op, Operands operands);
Value evaluate(ir::TransposeOp op, Operands operands);
Value evaluate(ir::SliceOp op, Operands operands);
Value evaluate(ir::ResampleOp op, Operands operands);
Value evaluate(ir::ConcatenateOp op, Operands operands);
Value evaluate(ir::AsStridedOp op, Operands operands);

/// sum, prod, max, min, all and any.
Value evaluateReduction(mlir::Operation *op, Operands operands);
Value evaluate(ir::ArgmaxOp op, Operands operands);
Value evaluate(ir::ArgminOp op, Operands operands);
Value evaluate(ir::SoftmaxOp op, Operands operands);
Value evaluate(ir::BatchNormOp op, Operands operands);

Value evaluate(ir::MatmulOp op, Operands operands);
Value evaluate(ir::AttentionOp op, Operands operands);
Value evaluate(ir::ConvOp op, Operands operands);
Value evaluate(ir::MaxpoolOp op, Operands operands);
Value evaluate(ir::AvgpoolOp op, Operands operands);

} // namespace weft::reference
