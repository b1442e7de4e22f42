// SPDX-License-Identifier: Apache-2.0
#include "BuildGroup.h"

#include "Rounding.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {

/// Whether a group holds a copy of `op`: its own ops and the free ones between
/// them. Constants with different elements stay outside: they are data.
static bool isInside(Operation *op, const Candidate &candidate) {
  if (candidate.ops.contains(op))
    return true;
  if (isa<ConstantOp>(op))
    return splatUnder(op->getResult(0));
  return candidate.readsThrough(op);
}

/// All ops of a group in program order.
static SmallVector<Operation *> opsOf(const Candidate &candidate) {
  SmallVector<Operation *> ops;
  llvm::DenseSet<Operation *> seen;
  SmallVector<Value> stack(candidate.results);
  while (!stack.empty()) {
    Operation *op = stack.pop_back_val().getDefiningOp();
    if (!op || !isInside(op, candidate) || !seen.insert(op).second)
      continue;
    ops.push_back(op);
    llvm::append_range(stack, op->getOperands());
  }
  llvm::sort(ops,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return ops;
}

GroupOp buildGroup(OpBuilder &builder, const Candidate &candidate,
                   ScheduleKind schedule,
                   const llvm::DenseSet<Operation *> &shared,
                   const IRMapping &outer) {
  SmallVector<Operation *> ops = opsOf(candidate);
  llvm::SetVector<Value> inputs;
  SmallVector<Location> locations;
  for (Operation *op : ops) {
    locations.push_back(op->getLoc());
    for (Value operand : op->getOperands())
      if (!operand.getDefiningOp() ||
          !isInside(operand.getDefiningOp(), candidate))
        inputs.insert(operand);
  }
  // A result may be a view of what is an input as well.
  ArrayRef<Value> results = candidate.results;
  SmallVector<Value> operands;
  for (Value input : inputs)
    operands.push_back(outer.lookupOrDefault(input));
  auto group = builder.create<GroupOp>(
      builder.getFusedLoc(locations), ValueRange(results).getTypes(), operands,
      ScheduleAttr::get(builder.getContext(), schedule));

  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&group.getBody());
  IRMapping inner;
  for (Value input : inputs)
    inner.map(input, body->addArgument(input.getType(), input.getLoc()));
  llvm::DenseSet<Operation *> sharedCopies;
  for (Operation *op : ops) {
    Operation *copy = builder.clone(*op, inner);
    if (shared.contains(op))
      sharedCopies.insert(copy);
  }
  SmallVector<Value> yielded;
  for (Value result : results)
    yielded.push_back(inner.lookup(result));
  builder.create<YieldOp>(group.getLoc(), yielded);
  roundShared(*body, [&](Operation *op) { return sharedCopies.contains(op); });
  return group;
}

} // namespace weft
