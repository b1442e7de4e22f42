// SPDX-License-Identifier: Apache-2.0
// Has the weights of float32 products rounded to TF32 where they are prepared.
#include "weft/Transforms/Passes.h"

#include "DeadOps.h"
#include "ParameterCode.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"

namespace weft {
#define GEN_PASS_DEF_ROUNDWEIGHTS
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

/// Rows, columns and steps of k that tensor cores want at least.
static constexpr int64_t kLeastExtent = 16;

/// Whether tensor cores multiply rows of data by the weights of `op`, its
/// second operand.
static bool isForTensorCores(Operation *op) {
  if (!isa<MatmulOp, ConvOp>(op) ||
      !getElementTypeOrSelf(op->getResult(0)).isF32())
    return false;
  ArrayRef<int64_t> weights = shapeOf(op->getOperand(1)),
                    result = shapeOf(op->getResult(0));
  int64_t depth = weights[weights.size() - 2];
  if (auto conv = dyn_cast<ConvOp>(op)) {
    if (!conv.getChannelsLast() || conv.getGroups() != 1)
      return false;
    depth = ShapedType::getNumElements(weights.drop_front());
  }
  return std::min({ShapedType::getNumElements(result.drop_back()),
                   result.back(), depth}) >= kLeastExtent;
}

/// What is rounded, by what it was: products share it as they do the weights.
using Rounded = llvm::DenseMap<Value, Value>; // only looked up

/// `value` with what it is a view of rounded: reading through a view costs
/// nothing, a tensor that is made of one would lie otherwise.
static Value rounded(OpBuilder &builder, Value value, Rounded &known) {
  SmallVector<Operation *> views;
  while (Operation *op = value.getDefiningOp()) {
    if (!isView(op) || op->getNumOperands() != 1)
      break;
    views.push_back(op);
    value = op->getOperand(0);
  }
  Value &found = known[value];
  if (!found)
    found = builder.create<ReducePrecisionOp>(value.getLoc(), value.getType(),
                                              value, /*tf32=*/true);
  Value result = found;
  for (Operation *view : llvm::reverse(views)) {
    IRMapping map;
    map.map(view->getOperand(0), result);
    result = builder.clone(*view, map)->getResult(0);
  }
  return result;
}

namespace {
struct RoundWeights : weft::impl::RoundWeightsBase<RoundWeights> {
  RoundWeights() = default;
  explicit RoundWeights(WeightsRule readsTf32)
      : readsTf32_(std::move(readsTf32)) {}

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    ParameterCode parameterCode;
    Rounded known;
    getOperation()->walk([&](Operation *op) {
      if (!isForTensorCores(op) || op->hasAttr("tf32_weights") ||
          !parameterCode.contains(op->getOperand(1)) ||
          parameterCode.contains(op->getResult(0)))
        return;
      OpBuilder builder(op);
      Value weights = op->getOperand(1);
      op->setOperand(1, rounded(builder, weights, known));
      op->setAttr("tf32_weights", builder.getUnitAttr());
      if (readsTf32_ && !readsTf32_(op)) {
        op->setOperand(1, weights);
        op->removeAttr("tf32_weights");
      }
    });
    // What no kernel reads.
    eraseDeadOps(getOperation().getBody().front());
  }

  WeightsRule readsTf32_;
};
} // namespace

std::unique_ptr<Pass> weft::createRoundWeights(WeightsRule readsTf32) {
  return std::make_unique<RoundWeights>(std::move(readsTf32));
}
