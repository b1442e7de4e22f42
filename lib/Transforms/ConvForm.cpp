// SPDX-License-Identifier: Apache-2.0
#include "ConvForm.h"

#include "FusionRules.h"

#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>

using namespace mlir;
using namespace weft::ir;

namespace weft {

SmallVector<int64_t> toLast(int64_t rank) {
  auto permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::rotate(permutation.begin() + 1, permutation.begin() + 2,
              permutation.end());
  return permutation;
}

RankedTensorType lastType(Value value) {
  RankedTensorType type = typeOf(value);
  return RankedTensorType::get(
      permuted(type.getShape(), toLast(type.getRank())), type.getElementType());
}

Value transpose(OpBuilder &builder, Value x, ArrayRef<int64_t> permutation) {
  return builder.createOrFold<TransposeOp>(x.getLoc(), x, permutation);
}

Value contiguous(OpBuilder &builder, Value x) {
  return builder.create<ContiguousOp>(x.getLoc(), x);
}

bool multipliesRows(ConvOp conv, bool mayStep) {
  auto areAll = [](ArrayRef<int64_t> values, int64_t value) {
    return llvm::all_of(values, [=](int64_t x) { return x == value; });
  };
  ArrayRef<int64_t> window = shapeOf(conv.getW()).slice(1);
  return conv.getChannelsLast() && conv.getGroups() == 1 &&
         areAll(window.drop_back(), 1) && areAll(conv.getPadding(), 0) &&
         (mayStep || areAll(conv.getStride(), 1));
}

ConvForm::ConvForm(ConvOp conv) : channels(typeOf(conv.getX()).getDimSize(1)) {
  RankedTensorType x = typeOf(conv.getX()), w = typeOf(conv.getW());
  if (conv.getGroups() != 1)
    return;
  // Of float32, four are a piece that is copied at once.
  const bool isWide = x.getElementTypeBitWidth() == 32;
  channels = llvm::alignTo(channels, channels <= 4 || isWide ? 4 : 8);
  int64_t width = x.getShape().back(), window = w.getShape().back(),
          before = *(conv.getPadding().end() - 2),
          results = typeOf(conv).getShape().back();
  // Pairs of a window of two pixels or one would be zeros by half and more.
  if (isWide || channels != 4 || window < 3 || conv.getStride().back() != 2 ||
      conv.getDilation().back() != 1)
    return;
  // A window of an even size then begins with a pair, and needs no taps beside
  // its own. One of an odd size always reads a pixel too many.
  if (window % 2 == 0)
    columnsBefore = before % 2;
  before -= columnsBefore;
  width += columnsBefore;
  paddingBefore = llvm::divideCeil(before, 2);
  tapsBefore = 2 * paddingBefore - before;
  taps = llvm::divideCeil(window + tapsBefore, 2);
  paddingAfter =
      results - 1 + taps - llvm::divideCeil(width, 2) - paddingBefore;
  pairs = paddingAfter >= 0;
}

/// `value` with zeros before and behind it along an axis.
static Value padded(OpBuilder &builder, Value value, int64_t axis,
                    int64_t before, int64_t after) {
  RankedTensorType type = typeOf(value);
  SmallVector<Value> parts;
  SmallVector<int64_t> shape(type.getShape());
  auto addZeros = [&](int64_t size) {
    shape[axis] = size;
    RankedTensorType zeros = type.clone(shape);
    if (size > 0)
      parts.push_back(builder.create<ConstantOp>(
          value.getLoc(), zeros,
          DenseElementsAttr::get(zeros,
                                 builder.getZeroAttr(type.getElementType()))));
  };
  addZeros(before);
  parts.push_back(value);
  addZeros(after);
  if (parts.size() == 1)
    return value;
  shape[axis] = before + type.getDimSize(axis) + after;
  return builder.create<ConcatenateOp>(value.getLoc(), type.clone(shape), parts,
                                       static_cast<uint64_t>(axis));
}

/// Two neighbours along the last spatial axis as one, behind `before` zeros; an
/// odd one gets a zero.
static Value paired(OpBuilder &builder, Value value, int64_t before) {
  int64_t axis = typeOf(value).getRank() - 2;
  value = padded(builder, value, axis, before,
                 (before + typeOf(value).getDimSize(axis)) % 2);
  RankedTensorType type = typeOf(value);
  SmallVector<int64_t> shape(type.getShape());
  shape[shape.size() - 2] /= 2;
  shape.back() *= 2;
  return builder.create<ReshapeOp>(value.getLoc(), type.clone(shape), value);
}

Value ConvForm::dataOf(OpBuilder &builder, Value last) const {
  RankedTensorType type = typeOf(last);
  Value wide = padded(builder, last, type.getRank() - 1, 0,
                      channels - type.getShape().back());
  return pairs ? paired(builder, wide, columnsBefore) : wide;
}

/// Neighbouring outputs of groups read neighbouring weights.
static Value groupWeightsOf(OpBuilder &builder, Value w) {
  int64_t rank = typeOf(w).getRank();
  auto reversed = llvm::to_vector(llvm::seq<int64_t>(2, rank));
  reversed.append({1, 0});
  auto back = llvm::to_vector(llvm::seq<int64_t>(-1, rank - 1));
  back.front() = rank - 1;
  return transpose(builder,
                   contiguous(builder, transpose(builder, w, reversed)), back);
}

Value ConvForm::weightsOf(OpBuilder &builder, ConvOp conv) const {
  Value w = conv.getW();
  if (conv.getGroups() != 1)
    return groupWeightsOf(builder, w);
  RankedTensorType type = typeOf(w);
  int64_t rank = type.getRank(), missing = channels - type.getDimSize(1),
          window =
              type.getNumElements() / (type.getDimSize(0) * type.getDimSize(1));
  // In a window of one pixel the channels are neighbours already.
  if (window == 1 && missing == 0 && !pairs)
    return builder.createOrFold<ReshapeOp>(w.getLoc(), lastType(w), w);
  Value last = padded(builder, transpose(builder, w, toLast(rank)), rank - 1, 0,
                      missing);
  return contiguous(builder, pairs ? paired(builder, last, tapsBefore) : last);
}

} // namespace weft
