// SPDX-License-Identifier: Apache-2.0
// Builds the groups that FusionPlan decided on and moves the ops into them.
#include "weft/Transforms/Passes.h"
#include "weft/Transforms/Pipelines.h"

#include "FusionPlan.h"
#include "Rounding.h"
#include "ViewTrees.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace weft {
#define GEN_PASS_DEF_FUSE
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

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

/// Adds a group to the end of the block; `outer` maps what earlier groups
/// computed.
static void build(OpBuilder &builder, const FusionPlan::Group &group,
                  const llvm::DenseSet<Operation *> &shared, IRMapping &outer) {
  SmallVector<Operation *> ops = opsOf(group.candidate);
  llvm::SetVector<Value> inputs;
  SmallVector<Location> locations;
  for (Operation *op : ops) {
    locations.push_back(op->getLoc());
    for (Value operand : op->getOperands())
      if (!operand.getDefiningOp() ||
          !isInside(operand.getDefiningOp(), group.candidate))
        inputs.insert(operand);
  }
  // A result may be a view of what is an input as well.
  ArrayRef<Value> results = group.candidate.results;
  SmallVector<Value> operands;
  for (Value input : inputs)
    operands.push_back(outer.lookupOrDefault(input));
  auto groupOp = builder.create<GroupOp>(
      builder.getFusedLoc(locations), ValueRange(results).getTypes(), operands,
      ScheduleAttr::get(builder.getContext(), group.schedule));

  OpBuilder::InsertionGuard guard(builder);
  Block *body = builder.createBlock(&groupOp.getBody());
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
  builder.create<YieldOp>(groupOp.getLoc(), yielded);
  roundShared(*body, [&](Operation *op) { return sharedCopies.contains(op); });
  outer.map(results, groupOp.getResults());
}

static void buildAll(func::FuncOp function, const FusionPlan &plan) {
  Block &block = function.getBody().front();
  Operation *terminator = block.getTerminator();
  SmallVector<Operation *> old;
  for (Operation &op : block.without_terminator())
    old.push_back(&op);
  OpBuilder builder(terminator);
  IRMapping outer;
  llvm::DenseSet<Operation *> shared = plan.sharedOps();
  for (const FusionPlan::Group &group : plan.groups())
    build(builder, group, shared, outer);
  for (OpOperand &operand : terminator->getOpOperands())
    operand.set(outer.lookupOrDefault(operand.get()));
  for (Operation *op : llvm::reverse(old))
    if (op->use_empty())
      op->erase();
}

namespace {
struct Fuse : weft::impl::FuseBase<Fuse> {
  using FuseBase::FuseBase;
  Fuse(FuseOptions options, ImageRule takesImage)
      : FuseBase(std::move(options)), takesImage_(std::move(takesImage)) {}

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (function.isExternal() || failed(checkOps(function)))
      return;
    eraseDead(function);
    splitConcatenations(function);
    FusionPlan plan(function, library, takesImage_);
    if (explain)
      for (const FusionPlan::Refusal &refusal : plan.refusals())
        emitRemark(refusal.consumer->getLoc())
            << kNotFusedNote << mnemonic(refusal.producer) << " -> "
            << mnemonic(refusal.consumer) << ": " << refusal.why;
    buildAll(function, plan);
  }

  /// Every group needs a result.
  static void eraseDead(func::FuncOp function) {
    SmallVector<Operation *> ops;
    for (Operation &op : function.getBody().front().without_terminator())
      ops.push_back(&op);
    for (Operation *op : llvm::reverse(ops))
      if (op->use_empty())
        op->erase();
  }

  /// Fails for what earlier passes should have removed; a function that is
  /// fused already, or is no graph, is left as it is.
  LogicalResult checkOps(func::FuncOp function) {
    if (!function.getBody().hasOneBlock())
      return failure();
    for (Operation &op : function.getBody().front().without_terminator()) {
      if (op.getName().getDialectNamespace() != "weft" || isa<GroupOp>(op))
        return failure();
      if (!isFusable(&op)) {
        op.emitError() << mnemonic(&op) << ": must be decomposed before fusion";
        signalPassFailure();
        return failure();
      }
    }
    return success();
  }

  ImageRule takesImage_;
};
} // namespace

std::unique_ptr<Pass> weft::createFuse(FuseOptions options,
                                       ImageRule takesImage) {
  return std::make_unique<Fuse>(std::move(options), std::move(takesImage));
}
