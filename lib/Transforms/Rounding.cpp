// SPDX-License-Identifier: Apache-2.0
#include "Rounding.h"

#include "FusionRules.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {

/// Results are among the operands, but for their sign.
static bool isSelection(Operation *op) {
  return isView(op) ||
         isa<ContiguousOp, NegOp, AbsOp, FloorOp, ReluOp, MaximumOp, MinimumOp,
             WhereOp, MaxOp, MinOp, MaxpoolOp>(op);
}

/// Whether `op` computes values of its type from values of theirs.
static bool isRounded(Operation *op, const llvm::DenseSet<Value> &unrounded) {
  if (op->getNumResults() == 0 ||
      !isNarrowFloat(getElementTypeOrSelf(op->getResult(0))) ||
      isa<CastOp, ReducePrecisionOp, IotaOp, SplatOp, ConstantOp>(op))
    return true;
  return isSelection(op) && llvm::none_of(op->getOperands(), [&](Value x) {
           return unrounded.contains(x);
         });
}

/// Whether an op computes with `value`, directly or under views.
static bool isComputedWith(Value value) {
  SmallVector<Operation *> stack(value.getUsers());
  llvm::DenseSet<Operation *> seen;
  while (!stack.empty()) {
    Operation *user = stack.pop_back_val();
    if (!seen.insert(user).second || user->hasTrait<OpTrait::IsTerminator>())
      continue;
    if (!isView(user))
      return true;
    llvm::append_range(stack, user->getUsers());
  }
  return false;
}

/// Ops whose results others read where a shared value may be the same: through
/// selections. Only looked up.
static llvm::DenseSet<Operation *>
findSelected(Block &body, llvm::function_ref<bool(Operation *)> isShared) {
  llvm::DenseSet<Operation *> reaching;
  for (Operation &op : llvm::reverse(body.without_terminator()))
    if (isSelection(&op) && (isShared(&op) || reaching.contains(&op)))
      for (Value operand : op.getOperands())
        if (Operation *def = operand.getDefiningOp())
          reaching.insert(def);
  llvm::DenseSet<Operation *> selected;
  for (Operation *op : reaching)
    if (!op->getResult(0).hasOneUse())
      selected.insert(op);
  return selected;
}

void roundShared(Block &body, llvm::function_ref<bool(Operation *)> isShared) {
  llvm::DenseSet<Operation *> selected = findSelected(body, isShared);
  llvm::DenseSet<Value> unrounded; // only looked up
  for (Operation &op : llvm::make_early_inc_range(body.without_terminator())) {
    if (isRounded(&op, unrounded))
      continue;
    Value result = op.getResult(0);
    unrounded.insert(result);
    if (isView(&op) || !(isShared(&op) || selected.contains(&op)) ||
        !isComputedWith(result))
      continue;
    OpBuilder builder(op.getContext());
    builder.setInsertionPointAfter(&op);
    auto rounded = builder.create<ReducePrecisionOp>(op.getLoc(), result);
    // Stores round by themselves.
    result.replaceUsesWithIf(rounded, [&](OpOperand &use) {
      return use.getOwner() != rounded &&
             !use.getOwner()->hasTrait<OpTrait::IsTerminator>();
    });
  }
}

} // namespace weft
