// SPDX-License-Identifier: Apache-2.0
// The largest element of a window is the same before a relu as behind it.
#include "weft/Transforms/Passes.h"

#include "weft/IR/Dialect.h"
#include "weft/Transforms/LibraryWork.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace weft {
#define GEN_PASS_DEF_POOLBEFORERELU
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

namespace {

/// maxpool(relu(conv)) -> relu(maxpool(conv)), where a library convolves.
struct MovePool final : OpRewritePattern<MaxpoolOp> {
  MovePool(MLIRContext *context, Library library)
      : OpRewritePattern(context), library_(library) {}

  LogicalResult matchAndRewrite(MaxpoolOp pool,
                                PatternRewriter &rewriter) const override {
    auto relu = pool.getX().getDefiningOp<ReluOp>();
    if (!relu || !relu->hasOneUse())
      return rewriter.notifyMatchFailure(pool, "pools no relu of its own");
    auto conv = relu.getX().getDefiningOp<ConvOp>();
    if (!conv || !conv->hasOneUse() || !isLibraryWork(library_, conv))
      return rewriter.notifyMatchFailure(relu,
                                         "of no convolution of a library");
    for (auto [i, padding] : llvm::enumerate(pool.getPadding()))
      if (padding >= pool.getKernel()[i / 2])
        return rewriter.notifyMatchFailure(pool,
                                           "a window may hold padding only");
    Value pooled = rewriter.create<MaxpoolOp>(
        pool.getLoc(), pool.getType(), conv.getResult(), pool.getKernel(),
        pool.getStride(), pool.getPadding(), pool.getChannelsLast());
    rewriter.replaceOp(pool, rewriter.create<ReluOp>(relu.getLoc(), pooled));
    return success();
  }

private:
  Library library_;
};

struct PoolBeforeRelu : weft::impl::PoolBeforeReluBase<PoolBeforeRelu> {
  using PoolBeforeReluBase::PoolBeforeReluBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<MovePool>(&getContext(), library);
    if (failed(
            applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace
