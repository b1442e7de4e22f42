// SPDX-License-Identifier: Apache-2.0
// Rewrites that one op and its operands decide. Only those that give the same
// IEEE result for every input, NaN and -0 included.
#include "weft/IR/Dialect.h"

#include "ConstantFolding.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace weft::ir {

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

// ---- arithmetic -------------------------------------------------------------
// Commutative ops have their constants on the right by now.

OpFoldResult AddOp::fold(FoldAdaptor adaptor) {
  // x + -0.0 = x, but -0.0 + 0.0 = 0.0. Integers have one zero.
  bool isFloat = isa<FloatType>(getElementTypeOrSelf(getType()));
  if (isSplatOf(adaptor.getY(), isFloat ? -0.0 : 0.0))
    return getX();
  return foldArithmetic(OpKind::add, adaptor.getX(), adaptor.getY());
}

OpFoldResult SubOp::fold(FoldAdaptor adaptor) {
  // x - 0.0 = x, but -0.0 - -0.0 = 0.0.
  if (isSplatOf(adaptor.getY(), 0.0))
    return getX();
  return foldArithmetic(OpKind::sub, adaptor.getX(), adaptor.getY());
}

OpFoldResult MulOp::fold(FoldAdaptor adaptor) {
  // x * 0 stays: it is NaN for an infinite x.
  if (isSplatOf(adaptor.getY(), 1.0))
    return getX();
  return foldArithmetic(OpKind::mul, adaptor.getX(), adaptor.getY());
}

OpFoldResult DivOp::fold(FoldAdaptor adaptor) {
  if (isSplatOf(adaptor.getY(), 1.0))
    return getX();
  return foldArithmetic(OpKind::div, adaptor.getX(), adaptor.getY());
}

// ---- cast -------------------------------------------------------------------

/// Whether cast(cast(x, middle), to) = cast(x, to) for every x.
static bool mayDropMiddle(Type from, Type middle, Type to) {
  if (!holdsEvery(middle, from))
    return false;
  // Integers wrap on their way to a narrower integer, floats saturate.
  return !(isa<IntegerType>(from) && isa<FloatType>(middle) &&
           isa<IntegerType>(to)) ||
         to.isInteger(1) || holdsEvery(to, from);
}

/// Whether `x` is surely a value of its type: what a kernel has just computed
/// may be a narrow float that is not rounded yet.
static bool isRounded(Value x) {
  Operation *op = x.getDefiningOp();
  return !op || isa<CastOp, ConstantOp>(op) ||
         !isNarrowFloat(getElementTypeOrSelf(x.getType()));
}

OpFoldResult CastOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  auto inner = getX().getDefiningOp<CastOp>();
  // Back to the narrow type means rounded to it.
  bool isRounding =
      inner && inner.getX().getType() == getType() && !isRounded(inner.getX());
  if (inner && !isRounding &&
      mayDropMiddle(getElementTypeOrSelf(inner.getX()),
                    getElementTypeOrSelf(inner.getType()),
                    getElementTypeOrSelf(getType()))) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return foldCast(adaptor.getX(), cast<RankedTensorType>(getType()));
}

// ---- moving elements --------------------------------------------------------

/// The one value of `x` in every element of `type`; null if x has several.
static Attribute resizeSplat(Attribute x, Type type) {
  auto dense = dyn_cast_if_present<DenseElementsAttr>(x);
  auto shaped = cast<ShapedType>(type);
  if (!dense || dense.empty() || !dense.isSplat() ||
      shaped.getNumElements() == 0)
    return {};
  return dense.resizeSplat(shaped);
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto inner = getX().getDefiningOp<BroadcastOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return resizeSplat(adaptor.getX(), getType());
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getType())
    return getX();
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  if (auto dense = dyn_cast_if_present<DenseElementsAttr>(adaptor.getX()))
    return dense.reshape(cast<ShapedType>(getType()));
  return {};
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  return getX().getType() == getType() &&
                 llvm::all_of(getSteps(), [](int64_t s) { return s == 1; })
             ? getX()
             : Value();
}

OpFoldResult ResampleOp::fold(FoldAdaptor) {
  auto areAll = [](ArrayRef<int64_t> list, int64_t value) {
    return llvm::all_of(list, [&](int64_t each) { return each == value; });
  };
  return getX().getType() == getType() && areAll(getStarts(), 0) &&
                 areAll(getSteps(), 1) && areAll(getDivisors(), 1)
             ? getX()
             : Value();
}

OpFoldResult ConcatenateOp::fold(FoldAdaptor) {
  return getInputs().size() == 1 ? getInputs()[0] : Value();
}

static bool isIdentity(ArrayRef<int64_t> permutation) {
  for (auto [i, axis] : llvm::enumerate(permutation))
    if (static_cast<int64_t>(i) != axis)
      return false;
  return true;
}

/// The elements of a small constant under permuted axes.
static Attribute transposed(Attribute x, ArrayRef<int64_t> permutation,
                            RankedTensorType type) {
  if (Attribute splat = resizeSplat(x, type))
    return splat;
  DenseElementsAttr dense = foldable(x);
  if (!dense)
    return {};
  ArrayRef<int64_t> from = cast<RankedTensorType>(dense.getType()).getShape();
  SmallVector<int64_t> strides(from.size(), 1);
  for (size_t i = from.size(); i-- > 1;)
    strides[i - 1] = strides[i] * from[i];
  SmallVector<Attribute> values;
  for (int64_t linear = 0; linear < type.getNumElements(); ++linear) {
    int64_t rest = linear, source = 0;
    for (size_t i = from.size(); i-- > 0; rest /= type.getDimSize(i))
      source += rest % type.getDimSize(i) * strides[permutation[i]];
    values.push_back(dense.getValues<Attribute>()[source]);
  }
  return DenseElementsAttr::get(type, values);
}

OpFoldResult TransposeOp::fold(FoldAdaptor adaptor) {
  if (isIdentity(getPermutation()))
    return getX();
  if (auto inner = getX().getDefiningOp<TransposeOp>()) {
    SmallVector<int64_t> both;
    for (int64_t axis : getPermutation())
      both.push_back(inner.getPermutation()[axis]);
    if (isIdentity(both))
      return inner.getX();
    setPermutation(both);
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return transposed(adaptor.getX(), getPermutation(),
                    cast<RankedTensorType>(getType()));
}

} // namespace weft::ir
