// SPDX-License-Identifier: Apache-2.0
// batch_norm(x) -> x * scale[c] + shift[c]. The statistics of a trained net are
// constants, so what is left for every evaluation is one multiply and one add.
#include "weft/Transforms/Passes.h"
#include "weft/Transforms/Pipelines.h"

#include "ParameterCode.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

namespace weft {
#define GEN_PASS_DEF_FOLDBATCHNORM
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

static Value castTo(OpBuilder &builder, Location location, Value value,
                    Type element) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getElementType() == element)
    return value;
  return builder.create<CastOp>(location, type.clone(element), value);
}

/// [C] along axis 1 of a tensor of type `like`.
static Value alongChannels(OpBuilder &builder, Location location, Value value,
                           RankedTensorType like) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(like.getRank(), 1);
  shape[1] = type.getDimSize(0);
  value = builder.create<ReshapeOp>(location, type.clone(shape), value);
  return builder.create<BroadcastOp>(location,
                                     like.clone(type.getElementType()), value);
}

/// The module's name as a location: later notes find it there.
static Location named(BatchNormOp op) {
  StringRef name = moduleName(op.getWeight());
  if (name.empty())
    return op.getLoc();
  return NameLoc::get(StringAttr::get(op.getContext(), name), op.getLoc());
}

static void fold(BatchNormOp op) {
  OpBuilder builder(op);
  Location location = named(op);
  auto type = cast<RankedTensorType>(op.getType());
  Type element = type.getElementType();
  Type wide = element.isF64() ? element : builder.getF32Type();
  auto widen = [&](Value value) {
    return castTo(builder, location, value, wide);
  };
  Value variance = widen(op.getRunningVar());
  auto channels = cast<RankedTensorType>(variance.getType());
  Value eps = builder.create<ConstantOp>(
      location, channels,
      DenseElementsAttr::get(channels,
                             cast<TypedAttr>(builder.getFloatAttr(
                                 wide, op.getEps().convertToDouble()))));
  Value safe = builder.create<AddOp>(location, variance, eps);
  Value scale = builder.create<MulOp>(
      location, widen(op.getWeight()),
      builder.create<RsqrtOp>(location, safe).getResult());
  Value shift = builder.create<SubOp>(
      location, widen(op.getBias()),
      builder.create<MulOp>(location, widen(op.getRunningMean()), scale)
          .getResult());
  Value scaled =
      builder.create<MulOp>(location, widen(op.getX()),
                            alongChannels(builder, location, scale, type));
  Value shifted = builder.create<AddOp>(
      location, scaled, alongChannels(builder, location, shift, type));
  op.replaceAllUsesWith(castTo(builder, location, shifted, element));
}

namespace {
struct FoldBatchNorm : weft::impl::FoldBatchNormBase<FoldBatchNorm> {
  using FoldBatchNormBase::FoldBatchNormBase;

  void runOnOperation() override {
    SmallVector<BatchNormOp> all;
    getOperation().walk([&](BatchNormOp op) { all.push_back(op); });
    for (BatchNormOp op : all) {
      fold(op);
      if (explain)
        note(op);
      op.erase();
    }
  }

  void note(BatchNormOp op) {
    StringRef name = moduleName(op.getWeight());
    Type element = getElementTypeOrSelf(op.getType());
    InFlightDiagnostic remark = emitRemark(op.getLoc());
    remark << kFoldedNote << (name.empty() ? "batch_norm" : name.str())
           << " is a scale and a shift per channel, in "
           << (element.isF64() ? "f64" : "f32");
    if (element.getIntOrFloatBitWidth() < 32)
      remark << ", the result rounded to " << element << " once";
  }
};
} // namespace
