// SPDX-License-Identifier: Apache-2.0
// Ops that stayed whole while passes looked for them, written as rows and
// reductions.
#include "weft/Transforms/Passes.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

namespace weft {
#define GEN_PASS_DEF_DECOMPOSE
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

/// One element a row, repeated along `axis` of `type`.
static Value alongRow(OpBuilder &builder, Location location, Value rows,
                      RankedTensorType type, int64_t axis) {
  SmallVector<int64_t> shape(type.getShape());
  shape[axis] = 1;
  rows = builder.create<ReshapeOp>(location, type.clone(shape), rows);
  return builder.create<BroadcastOp>(location, type, rows);
}

/// The largest element is subtracted, so that exp does not overflow.
static Value decompose(SoftmaxOp op) {
  auto type = cast<RankedTensorType>(op.getType());
  // Nothing to compute, and no largest element.
  if (type.getNumElements() == 0)
    return op.getX();
  OpBuilder builder(op);
  Location location = op.getLoc();
  Type element = type.getElementType();
  bool narrow = element.getIntOrFloatBitWidth() < 32;
  auto wide = type.clone(narrow ? builder.getF32Type() : element);
  int64_t axis = static_cast<int64_t>(op.getAxis());

  Value x = op.getX();
  if (narrow)
    x = builder.create<CastOp>(location, wide, x);
  SmallVector<int64_t> rowShape(type.getShape());
  rowShape.erase(rowShape.begin() + axis);
  auto rows = wide.clone(rowShape);
  auto axes = builder.getDenseI64ArrayAttr({axis});
  Value largest = builder.create<MaxOp>(location, rows, x, axes);
  Value exponent = builder.create<SubOp>(
      location, x, alongRow(builder, location, largest, wide, axis));
  Value e = builder.create<ExpOp>(location, exponent);
  Value sum = builder.create<SumOp>(location, rows, e, axes);
  Value result = builder.create<DivOp>(
      location, e, alongRow(builder, location, sum, wide, axis));
  if (narrow)
    result = builder.create<CastOp>(location, type, result);
  return result;
}

/// Whole products; the softmax is left to what follows.
static Value decompose(AttentionOp op) {
  OpBuilder builder(op);
  Location location = op.getLoc();
  Type element = getElementTypeOrSelf(op.getType());
  Type wide = element.isF64() ? element : builder.getF32Type();
  auto cast = [&](Value value, Type to) -> Value {
    auto type = mlir::cast<RankedTensorType>(value.getType());
    if (type.getElementType() == to)
      return value;
    return builder.create<CastOp>(location, type.clone(to), value);
  };
  auto rank = static_cast<int64_t>(shapeOf(op.getKey()).size());
  auto order = llvm::to_vector(llvm::seq<int64_t>(rank));
  std::swap(order[rank - 2], order[rank - 1]);
  Value scores = builder.create<MatmulOp>(
      location, op.getQuery(),
      builder.create<TransposeOp>(location, op.getKey(), order));
  scores = cast(scores, wide);
  Value scale = builder.create<BroadcastOp>(location, scores.getType(),
                                            cast(op.getScale(), wide));
  scores = builder.create<MulOp>(location, scores, scale);
  if (op.getBias())
    scores = builder.create<AddOp>(location, scores, cast(op.getBias(), wide));
  Value weights = builder.create<SoftmaxOp>(location, scores,
                                            static_cast<uint64_t>(rank - 1));
  return builder.create<MatmulOp>(location, cast(weights, element),
                                  op.getValue());
}

namespace {
struct Decompose : weft::impl::DecomposeBase<Decompose> {
  using DecomposeBase::DecomposeBase;

  void runOnOperation() override {
    SmallVector<AttentionOp> attentions;
    getOperation().walk([&](AttentionOp op) {
      if (!keepAttention || !op.suitsTensorCores())
        attentions.push_back(op);
    });
    for (AttentionOp op : attentions) {
      op.replaceAllUsesWith(decompose(op));
      op.erase();
    }
    SmallVector<SoftmaxOp> all;
    getOperation().walk([&](SoftmaxOp op) { all.push_back(op); });
    for (SoftmaxOp op : all) {
      op.replaceAllUsesWith(decompose(op));
      op.erase();
    }
  }
};
} // namespace
