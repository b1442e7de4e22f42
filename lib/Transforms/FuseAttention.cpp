// SPDX-License-Identifier: Apache-2.0
// softmax(q k^T * scale + bias) v -> attention(q, k, v, scale, bias), which a
// kernel computes without keeping the scores.
#include "weft/Transforms/Passes.h"

#include "FusionRules.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

#include <numeric>

namespace weft {
#define GEN_PASS_DEF_FUSEATTENTION
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

namespace {

/// The parts of softmax(query key^T * scale + bias).
struct Weights {
  MatmulOp scores;
  Value scale, bias; // may be null
  bool divides = false;
};

class Matcher {
public:
  explicit Matcher(Type element) : element_(element) {}

  std::optional<Weights> match(Value weights) const {
    auto softmax = under<SoftmaxOp>(weights);
    if (!softmax)
      return std::nullopt;
    auto rank = static_cast<uint64_t>(softmax.getType().getRank());
    if (softmax.getAxis() + 1 != rank)
      return std::nullopt;
    if (std::optional<Weights> found = matchScaled(softmax.getX()))
      return found;
    auto add = under<AddOp>(softmax.getX());
    if (!add)
      return std::nullopt;
    for (unsigned i : {0, 1})
      if (std::optional<Weights> found = matchScaled(add->getOperand(i))) {
        found->bias = add->getOperand(1 - i);
        return found;
      }
    return std::nullopt;
  }

private:
  /// The op of a type that gives `value`, also under casts to f32 and back, if
  /// nothing else reads what lies between.
  template <class Op> Op under(Value value) const {
    auto isKnown = [&](Value v) {
      Type type = getElementTypeOrSelf(v);
      return v.hasOneUse() && (type == element_ || type.isF32());
    };
    while (isKnown(value)) {
      if (auto op = value.getDefiningOp<Op>())
        return op;
      auto cast = value.getDefiningOp<CastOp>();
      if (!cast)
        break;
      value = cast.getX();
    }
    return {};
  }

  std::optional<Weights> matchScaled(Value value) const {
    if (auto scores = under<MatmulOp>(value))
      return Weights{scores, {}, {}};
    if (auto mul = under<MulOp>(value))
      for (unsigned i : {0, 1})
        if (auto scores = under<MatmulOp>(mul->getOperand(i));
            scores && splatUnder(mul->getOperand(1 - i)))
          return Weights{scores, mul->getOperand(1 - i), {}};
    if (auto div = under<DivOp>(value))
      if (auto scores = under<MatmulOp>(div->getOperand(0));
          scores && splatUnder(div->getOperand(1)))
        return Weights{scores, div->getOperand(1), {}, /*divides=*/true};
    return std::nullopt;
  }

  Type element_; // of query, key, value and result
};

Value number(OpBuilder &builder, Location location, FloatType type,
             double value) {
  return builder.create<ConstantOp>(
      location, DenseElementsAttr::get(RankedTensorType::get({}, type),
                                       builder.getFloatAttr(type, value)));
}

/// The scale as a tensor of one element.
Value scaleOf(OpBuilder &builder, Location location, const Weights &weights) {
  FloatType f32 = builder.getF32Type();
  if (!weights.scale)
    return number(builder, location, f32, 1);
  Operation *op = splatUnder(weights.scale);
  if (auto constant = dyn_cast<ConstantOp>(op)) {
    double value = cast<DenseElementsAttr>(constant.getValue())
                       .getSplatValue<APFloat>()
                       .convertToDouble();
    return number(builder, location, f32, weights.divides ? 1 / value : value);
  }
  auto type = cast<FloatType>(getElementTypeOrSelf(op->getResult(0)));
  Value scale = builder.create<SplatOp>(
      location, RankedTensorType::get({}, type), cast<SplatOp>(op).getScalar());
  if (!weights.divides)
    return scale;
  return builder.create<DivOp>(location, number(builder, location, type, 1),
                               scale);
}

/// The last two axes exchanged.
Value transposed(OpBuilder &builder, Location location, Value x) {
  SmallVector<int64_t> order(shapeOf(x).size());
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return builder.create<TransposeOp>(location, x, order);
}

/// matmul(softmax(matmul(q, k^T) * scale + bias), v)
///   -> attention(q, k, v, scale, bias)
struct FuseWeights : OpRewritePattern<MatmulOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MatmulOp op,
                                PatternRewriter &rewriter) const override {
    std::optional<Weights> weights =
        Matcher(getElementTypeOrSelf(op.getType())).match(op.getLhs());
    if (!weights)
      return rewriter.notifyMatchFailure(op, "no softmax of scores");
    Value query = weights->scores.getLhs();
    if (getElementTypeOrSelf(query) != getElementTypeOrSelf(op.getType()))
      return rewriter.notifyMatchFailure(op, "the scores have another type");
    Location location =
        rewriter.getFusedLoc({weights->scores.getLoc(), op.getLoc()});
    ArrayRef<int64_t> kT = shapeOf(weights->scores.getRhs());
    if (!AttentionOp::suitsTensorCores(
            getElementTypeOrSelf(query), shapeOf(query)[kT.size() - 2],
            kT.back(), kT[kT.size() - 2], shapeOf(op.getRhs()).back()))
      return rewriter.notifyMatchFailure(op, "sizes for other kernels");
    Value scale = scaleOf(rewriter, location, *weights);
    Value key = transposed(rewriter, location, weights->scores.getRhs());
    auto attention = rewriter.create<AttentionOp>(
        location, op.getType(), query, key, op.getRhs(), scale, weights->bias);
    rewriter.replaceOp(op, attention);
    return success();
  }
};

struct FuseAttention : weft::impl::FuseAttentionBase<FuseAttention> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<FuseWeights>(&getContext());
    if (failed(
            applyPatternsAndFoldGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
