// SPDX-License-Identifier: Apache-2.0
// A scale and a shift per output channel of conv or matmul become part of its
// weights and bias. The new weights are parameter-only code, which
// weft-hoist-parameters moves to @prepare.
#include "weft/Transforms/Passes.h"
#include "weft/Transforms/Pipelines.h"

#include "ParameterCode.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace weft {
#define GEN_PASS_DEF_FOLDINTOWEIGHTS
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

// ---- one number per channel -------------------------------------------------

/// Whether `value`, which has the shape of a result, varies along `axis` alone.
static bool isPerChannel(Value value, int64_t axis) {
  RankedTensorType full = typeOf(value);
  if (full.getNumElements() == 0)
    return false;
  if (auto constant = value.getDefiningOp<ConstantOp>())
    if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
      if (dense.isSplat())
        return true;
  if (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getX();
  ArrayRef<int64_t> shape = typeOf(value).getShape();
  int64_t missing = full.getRank() - static_cast<int64_t>(shape.size());
  for (auto [i, size] : llvm::enumerate(shape))
    if (static_cast<int64_t>(i) + missing != axis && size != 1)
      return false;
  return true;
}

/// Such a value as a vector of its channels.
static Value perChannel(PatternRewriter &rewriter, Value value, int64_t axis) {
  RankedTensorType full = typeOf(value);
  Location location = value.getLoc();
  auto vector =
      RankedTensorType::get({full.getDimSize(axis)}, full.getElementType());
  if (auto constant = value.getDefiningOp<ConstantOp>())
    if (auto dense = dyn_cast<DenseElementsAttr>(constant.getValue()))
      if (dense.isSplat())
        return rewriter.create<ConstantOp>(location, vector,
                                           dense.resizeSplat(vector));
  if (auto broadcast = value.getDefiningOp<BroadcastOp>())
    value = broadcast.getX();
  auto flat = RankedTensorType::get({typeOf(value).getNumElements()},
                                    full.getElementType());
  value = rewriter.createOrFold<ReshapeOp>(location, flat, value);
  return rewriter.createOrFold<BroadcastOp>(location, vector, value);
}

/// A vector of channels along `axis` of a tensor of type `like`.
static Value along(PatternRewriter &rewriter, Value vector, int64_t axis,
                   RankedTensorType like) {
  SmallVector<int64_t> shape(like.getRank(), 1);
  shape[axis] = typeOf(vector).getNumElements();
  Location location = vector.getLoc();
  vector = rewriter.createOrFold<ReshapeOp>(
      location, RankedTensorType::get(shape, like.getElementType()), vector);
  return rewriter.createOrFold<BroadcastOp>(location, like, vector);
}

// ---- notes ------------------------------------------------------------------

static std::string nameOr(StringRef name, StringRef otherwise) {
  return (name.empty() ? otherwise : name).str();
}

/// What the scale or shift is called: the batch norm it came from.
static std::string nameOf(Operation *op) {
  if (auto name = dyn_cast<NameLoc>(op->getLoc()))
    return name.getName().str();
  return mnemonic(op).str();
}

namespace {
/// The two operands of a sum or product, and what all patterns ask first.
struct Match {
  Operation *anchor; // conv or matmul, or a sum with its bias
  Value factor;      // or summand, of the result's shape
};

/// Shared by the patterns: matching, and the notes.
struct WeightPattern {
  WeightPattern(ParameterCode &parameterCode, bool explain)
      : parameterCode(parameterCode), explain(explain) {}

  /// A product or sum of what `Anchor` computes and parameter-only code.
  template <typename Anchor>
  FailureOr<Match> matchOperands(Operation *op,
                                 PatternRewriter &rewriter) const {
    for (unsigned i : {0u, 1u}) {
      auto anchor = op->getOperand(i).template getDefiningOp<Anchor>();
      Value other = op->getOperand(1 - i);
      if (!anchor || !parameterCode.contains(other))
        continue;
      if (!anchor->hasOneUse())
        return rewriter.notifyMatchFailure(op, "the result has another use");
      return Match{anchor, other};
    }
    return rewriter.notifyMatchFailure(op, "no anchor with a parameter");
  }

  /// Weights may be replaced by computed ones.
  LogicalResult checkWeights(Value weights, PatternRewriter &rewriter) const {
    if (!parameterCode.contains(weights))
      return rewriter.notifyMatchFailure(weights.getLoc(),
                                         "weights are computed anew each time");
    return checkPrecision(weights, rewriter);
  }

  LogicalResult checkPrecision(Value changed, PatternRewriter &rewriter) const {
    Type element = getElementTypeOrSelf(changed);
    if (element.isF32() || element.isF64())
      return success();
    return rewriter.notifyMatchFailure(changed.getLoc(),
                                       "what is folded would be rounded");
  }

  /// A bias of its own type could not be multiplied by the scale.
  LogicalResult checkBias(ConvOp conv, PatternRewriter &rewriter) const {
    Value bias = conv.getBias();
    if (!bias ||
        (parameterCode.contains(bias) &&
         getElementTypeOrSelf(bias) == getElementTypeOrSelf(conv.getW())))
      return success();
    return rewriter.notifyMatchFailure(conv, "the bias is no such parameter");
  }

  void note(Operation *op, StringRef what, Operation *anchor,
            Value weights) const {
    if (explain)
      emitRemark(op->getLoc())
          << kFoldedNote << nameOf(op) << ": " << what << " of "
          << nameOr(moduleName(weights), mnemonic(anchor));
  }

  /// Shared by all patterns, so that deep parameter code is walked once.
  ParameterCode &parameterCode;
  bool explain;
};

/// The new conv stands where the scale was applied: what computes the new
/// weights may come after the old one.
static void replace(PatternRewriter &rewriter, Operation *op, ConvOp conv,
                    Value weights, Value bias) {
  Value result = rewriter.create<ConvOp>(
      conv.getLoc(), conv.getType(), conv.getX(), weights, bias,
      conv.getStrideAttr(), conv.getPaddingAttr(), conv.getDilationAttr(),
      conv.getGroupsAttr(), conv.getChannelsLastAttr());
  rewriter.replaceOp(op, result);
}

/// conv(x, w, b) * scale[c] -> conv(x, w * scale, b * scale)
struct ScaleConv final : OpRewritePattern<MulOp>, WeightPattern {
  ScaleConv(MLIRContext *context, ParameterCode &parameterCode, bool explain)
      : OpRewritePattern(context), WeightPattern(parameterCode, explain) {}

  LogicalResult matchAndRewrite(MulOp mul,
                                PatternRewriter &rewriter) const override {
    FailureOr<Match> found = matchOperands<ConvOp>(mul, rewriter);
    if (failed(found))
      return failure();
    auto conv = cast<ConvOp>(found->anchor);
    if (failed(checkWeights(conv.getW(), rewriter)) ||
        failed(checkBias(conv, rewriter)))
      return failure();
    int64_t axis = conv.getChannelAxis();
    if (!isPerChannel(found->factor, axis))
      return rewriter.notifyMatchFailure(mul, "not one number a channel");
    Value scale = perChannel(rewriter, found->factor, axis);
    note(mul, "scale folded into the weights", conv, conv.getW());
    Location location = mul.getLoc();
    Value wide = along(rewriter, scale, 0, typeOf(conv.getW()));
    Value weights = rewriter.create<MulOp>(location, conv.getW(), wide);
    Value bias = conv.getBias();
    if (bias)
      bias = rewriter.create<MulOp>(location, bias, scale);
    replace(rewriter, mul, conv, weights, bias);
    return success();
  }
};

/// conv(x, w, b) + shift[c] -> conv(x, w, b + shift)
struct ShiftConv final : OpRewritePattern<AddOp>, WeightPattern {
  ShiftConv(MLIRContext *context, ParameterCode &parameterCode, bool explain)
      : OpRewritePattern(context), WeightPattern(parameterCode, explain) {}

  LogicalResult matchAndRewrite(AddOp add,
                                PatternRewriter &rewriter) const override {
    FailureOr<Match> found = matchOperands<ConvOp>(add, rewriter);
    if (failed(found))
      return failure();
    auto conv = cast<ConvOp>(found->anchor);
    if (failed(checkWeights(conv.getW(), rewriter)) ||
        failed(checkBias(conv, rewriter)))
      return failure();
    int64_t axis = conv.getChannelAxis();
    if (!isPerChannel(found->factor, axis))
      return rewriter.notifyMatchFailure(add, "not one number a channel");
    Value shift = perChannel(rewriter, found->factor, axis);
    note(add, "shift folded into the bias", conv, conv.getW());
    if (conv.getBias())
      shift = rewriter.create<AddOp>(add.getLoc(), conv.getBias(), shift);
    replace(rewriter, add, conv, conv.getW(), shift);
    return success();
  }
};

/// matmul(x, w) * scale[n] -> matmul(x, w * scale)
struct ScaleMatmul final : OpRewritePattern<MulOp>, WeightPattern {
  ScaleMatmul(MLIRContext *context, ParameterCode &parameterCode, bool explain)
      : OpRewritePattern(context), WeightPattern(parameterCode, explain) {}

  LogicalResult matchAndRewrite(MulOp mul,
                                PatternRewriter &rewriter) const override {
    FailureOr<Match> found = matchOperands<MatmulOp>(mul, rewriter);
    if (failed(found))
      return failure();
    auto matmul = cast<MatmulOp>(found->anchor);
    if (failed(checkWeights(matmul.getRhs(), rewriter)))
      return failure();
    int64_t axis = typeOf(matmul).getRank() - 1;
    if (!isPerChannel(found->factor, axis))
      return rewriter.notifyMatchFailure(mul, "not one number a column");
    Value scale = perChannel(rewriter, found->factor, axis);
    note(mul, "scale folded into the weights", matmul, matmul.getRhs());
    Value weights = scaled(rewriter, mul.getLoc(), matmul.getRhs(), scale);
    Value product = rewriter.create<MatmulOp>(matmul.getLoc(), matmul.getType(),
                                              matmul.getLhs(), weights);
    rewriter.replaceOp(mul, product);
    return success();
  }

  /// Whether columns are not repeated. One number may be: it has no axes.
  static bool hasColumnsOf(RankedTensorType narrow, RankedTensorType wide) {
    return narrow.getRank() > 0 &&
           narrow.getShape().back() == wide.getShape().back();
  }

  /// Weights shared by the batch are scaled before they are repeated.
  static Value scaled(PatternRewriter &rewriter, Location location,
                      Value weights, Value scale) {
    auto broadcast = weights.getDefiningOp<BroadcastOp>();
    if (broadcast && hasColumnsOf(typeOf(broadcast.getX()), typeOf(weights)))
      weights = broadcast.getX();
    else
      broadcast = nullptr;
    RankedTensorType type = typeOf(weights);
    Value wide = along(rewriter, scale, type.getRank() - 1, type);
    Value product = rewriter.create<MulOp>(location, weights, wide);
    if (!broadcast)
      return product;
    return rewriter.create<BroadcastOp>(location, broadcast.getType(), product);
  }
};

/// (matmul(x, w) + b[n]) * scale[n] -> matmul(x, w) * scale + b * scale
struct DistributeScale final : OpRewritePattern<MulOp>, WeightPattern {
  DistributeScale(MLIRContext *context, ParameterCode &parameterCode,
                  bool explain)
      : OpRewritePattern(context), WeightPattern(parameterCode, explain) {}

  LogicalResult matchAndRewrite(MulOp mul,
                                PatternRewriter &rewriter) const override {
    FailureOr<Match> outer = matchOperands<AddOp>(mul, rewriter);
    if (failed(outer))
      return failure();
    auto add = cast<AddOp>(outer->anchor);
    FailureOr<Match> inner = matchOperands<MatmulOp>(add, rewriter);
    if (failed(inner))
      return failure();
    auto matmul = cast<MatmulOp>(inner->anchor);
    if (failed(checkWeights(matmul.getRhs(), rewriter)))
      return failure();
    int64_t axis = typeOf(matmul).getRank() - 1;
    if (!isPerChannel(outer->factor, axis) ||
        !isPerChannel(inner->factor, axis))
      return rewriter.notifyMatchFailure(mul, "not one number a column");
    Value scale = perChannel(rewriter, outer->factor, axis);
    Value bias = perChannel(rewriter, inner->factor, axis);
    note(mul, "scale taken past the bias", matmul, matmul.getRhs());
    Location location = mul.getLoc();
    Value product =
        rewriter.create<MulOp>(location, matmul.getResult(), outer->factor);
    Value shift = along(
        rewriter, rewriter.create<MulOp>(add.getLoc(), bias, scale).getResult(),
        axis, typeOf(matmul));
    rewriter.replaceOpWithNewOp<AddOp>(mul, product, shift);
    return success();
  }
};

/// (matmul(x, w) + b[n]) + shift[n] -> matmul(x, w) + (b + shift)[n]
struct MergeShifts final : OpRewritePattern<AddOp>, WeightPattern {
  MergeShifts(MLIRContext *context, ParameterCode &parameterCode, bool explain)
      : OpRewritePattern(context), WeightPattern(parameterCode, explain) {}

  LogicalResult matchAndRewrite(AddOp outerAdd,
                                PatternRewriter &rewriter) const override {
    FailureOr<Match> outer = matchOperands<AddOp>(outerAdd, rewriter);
    if (failed(outer))
      return failure();
    auto add = cast<AddOp>(outer->anchor);
    FailureOr<Match> inner = matchOperands<MatmulOp>(add, rewriter);
    if (failed(inner))
      return failure();
    auto matmul = cast<MatmulOp>(inner->anchor);
    if (failed(checkPrecision(inner->factor, rewriter)))
      return failure();
    int64_t axis = typeOf(matmul).getRank() - 1;
    if (!isPerChannel(outer->factor, axis) ||
        !isPerChannel(inner->factor, axis))
      return rewriter.notifyMatchFailure(outerAdd, "not one number a column");
    Value shift = perChannel(rewriter, outer->factor, axis);
    Value bias = perChannel(rewriter, inner->factor, axis);
    note(outerAdd, "shift folded into the bias", matmul, matmul.getRhs());
    Value both = rewriter.create<AddOp>(outerAdd.getLoc(), bias, shift);
    rewriter.replaceOpWithNewOp<AddOp>(
        outerAdd, matmul.getResult(),
        along(rewriter, both, axis, typeOf(matmul)));
    return success();
  }
};

/// Keeps what is known of parameter code true while ops come and go.
struct Forgetting final : RewriterBase::Listener {
  explicit Forgetting(ParameterCode &parameterCode)
      : parameterCode(parameterCode) {}
  void notifyOperationErased(Operation *op) override {
    parameterCode.forget(op);
  }
  ParameterCode &parameterCode;
};

struct FoldIntoWeights : weft::impl::FoldIntoWeightsBase<FoldIntoWeights> {
  using FoldIntoWeightsBase::FoldIntoWeightsBase;

  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    ParameterCode parameterCode;
    Forgetting listener(parameterCode);
    patterns
        .add<ScaleConv, ShiftConv, ScaleMatmul, DistributeScale, MergeShifts>(
            &getContext(), parameterCode, explain);
    GreedyRewriteConfig config;
    config.listener = &listener;
    // The order of the notes is that of the program.
    config.useTopDownTraversal = true;
    if (failed(applyPatternsAndFoldGreedily(getOperation(), std::move(patterns),
                                            config)))
      signalPassFailure();
  }
};
} // namespace
