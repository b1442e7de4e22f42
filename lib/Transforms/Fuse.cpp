// SPDX-License-Identifier: Apache-2.0
// Builds the groups that FusionPlan decided on and moves the ops into them.
#include "weft/Transforms/Passes.h"
#include "weft/Transforms/Pipelines.h"

#include "BuildGroup.h"
#include "FusionPlan.h"
#include "ViewTrees.h"

namespace weft {
#define GEN_PASS_DEF_FUSE
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

static void buildAll(func::FuncOp function, const FusionPlan &plan) {
  Block &block = function.getBody().front();
  Operation *terminator = block.getTerminator();
  SmallVector<Operation *> old;
  for (Operation &op : block.without_terminator())
    old.push_back(&op);
  OpBuilder builder(terminator);
  IRMapping outer; // to what earlier groups computed
  llvm::DenseSet<Operation *> shared = plan.sharedOps();
  for (const auto &[candidate, schedule] : plan.groups()) {
    GroupOp group = buildGroup(builder, candidate, schedule, shared, outer);
    outer.map(candidate.results, group.getResults());
  }
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
