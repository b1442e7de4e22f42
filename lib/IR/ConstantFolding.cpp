// SPDX-License-Identifier: Apache-2.0
// Arithmetic on constants: one rounding for floats, wrapping for integers,
// "true unless 0" for bool.
#include "ConstantFolding.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/APSInt.h"

using namespace mlir;

namespace weft::ir {

DenseElementsAttr foldable(Attribute attribute) {
  auto dense = dyn_cast_if_present<DenseElementsAttr>(attribute);
  if (!dense || dense.empty())
    return {};
  // Conversions to float8 are the back ends' business: they saturate.
  if (isa<Float8E4M3FNType>(dense.getElementType()))
    return {};
  if (!dense.isSplat() && dense.getNumElements() > kMaxFoldedElements)
    return {};
  return dense;
}

// ---- arithmetic -------------------------------------------------------------

static APFloat::opStatus apply(OpKind kind, APFloat &x, const APFloat &y) {
  constexpr auto nearest = APFloat::rmNearestTiesToEven;
  switch (kind) {
  case OpKind::add:
    return x.add(y, nearest);
  case OpKind::sub:
    return x.subtract(y, nearest);
  case OpKind::mul:
    return x.multiply(y, nearest);
  default:
    return x.divide(y, nearest);
  }
}

/// Nothing where a kernel, which computes narrow floats in f32, may go on with
/// more than their type holds.
static std::optional<APFloat> compute(OpKind kind, APFloat x,
                                      const APFloat &y) {
  bool isNarrow = APFloat::semanticsSizeInBits(x.getSemantics()) < 32;
  APFloat::opStatus status = apply(kind, x, y);
  constexpr int rounded =
      APFloat::opInexact | APFloat::opOverflow | APFloat::opUnderflow;
  if (isNarrow && (status & rounded))
    return std::nullopt;
  return x;
}

/// bool: 0 and 1 as integers, true unless the result is 0.
static APInt computeBool(OpKind kind, const APInt &x, const APInt &y) {
  switch (kind) {
  case OpKind::add:
    return x | y;
  case OpKind::sub:
    return x ^ y;
  default: // 1 / 1 = 1, x / 0 = 0: the table of the product
    return x & y;
  }
}

static APInt compute(OpKind kind, const APInt &x, const APInt &y,
                     bool isUnsigned) {
  if (x.getBitWidth() == 1)
    return computeBool(kind, x, y);
  switch (kind) {
  case OpKind::add:
    return x + y;
  case OpKind::sub:
    return x - y;
  case OpKind::mul:
    return x * y;
  default:
    if (y.isZero())
      return y;
    return isUnsigned ? x.udiv(y) : x.sdiv(y);
  }
}

/// Applies `function` to pairs of elements, to one pair if both are splats;
/// null if it gives nothing for one of them.
template <typename T, typename Function>
static Attribute zip(DenseElementsAttr x, DenseElementsAttr y,
                     Function function) {
  SmallVector<T> values;
  auto add = [&](const T &a, const T &b) {
    std::optional<T> result = function(a, b);
    if (result)
      values.push_back(*std::move(result));
    return result.has_value();
  };
  if (x.isSplat() && y.isSplat()) {
    if (!add(x.getSplatValue<T>(), y.getSplatValue<T>()))
      return {};
    return DenseElementsAttr::get(x.getType(), values);
  }
  if (x.getNumElements() > kMaxFoldedElements)
    return {};
  for (auto [a, b] : llvm::zip(x.getValues<T>(), y.getValues<T>()))
    if (!add(a, b))
      return {};
  return DenseElementsAttr::get(x.getType(), values);
}

Attribute foldArithmetic(OpKind kind, Attribute lhs, Attribute rhs) {
  DenseElementsAttr x = foldable(lhs), y = foldable(rhs);
  if (!x || !y || x.getType() != y.getType())
    return {};
  if (isa<FloatType>(x.getElementType()))
    return zip<APFloat>(x, y, [&](const APFloat &a, const APFloat &b) {
      return compute(kind, a, b);
    });
  bool isUnsigned = x.getElementType().isUnsignedInteger();
  return zip<APInt>(x, y, [&](const APInt &a, const APInt &b) {
    return compute(kind, a, b, isUnsigned);
  });
}

// ---- cast -------------------------------------------------------------------

/// bool counts as 0 and 1, so it is unsigned here.
static bool isUnsignedSource(Type type) {
  return type.isUnsignedInteger() || type.isInteger(1);
}

static APInt toInteger(const APFloat &x, Type type) {
  if (type.isInteger(1))
    return APInt(1, !x.isZero());
  APSInt result(type.getIntOrFloatBitWidth(), type.isUnsignedInteger());
  bool exact;
  // Saturates; NaN gives 0.
  x.convertToInteger(result, APFloat::rmTowardZero, &exact);
  return result;
}

static APInt toInteger(const APInt &x, Type from, Type to) {
  if (to.isInteger(1))
    return APInt(1, !x.isZero());
  unsigned width = to.getIntOrFloatBitWidth();
  return isUnsignedSource(from) ? x.zextOrTrunc(width) : x.sextOrTrunc(width);
}

static APFloat toFloat(APFloat x, FloatType type) {
  bool loses;
  x.convert(type.getFloatSemantics(), APFloat::rmNearestTiesToEven, &loses);
  return x;
}

static APFloat toFloat(const APInt &x, Type from, FloatType to) {
  APFloat result(to.getFloatSemantics());
  result.convertFromAPInt(x, !isUnsignedSource(from),
                          APFloat::rmNearestTiesToEven);
  return result;
}

template <typename From, typename To, typename Function>
static Attribute map(DenseElementsAttr x, RankedTensorType type,
                     Function function) {
  SmallVector<To> values;
  if (x.isSplat())
    values.push_back(function(x.getSplatValue<From>()));
  else
    for (const From &value : x.getValues<From>())
      values.push_back(function(value));
  return DenseElementsAttr::get(type, values);
}

Attribute foldCast(Attribute attribute, RankedTensorType type) {
  DenseElementsAttr x = foldable(attribute);
  Type to = type.getElementType();
  if (!x || isa<Float8E4M3FNType>(to))
    return {};
  Type from = x.getElementType();
  auto toFloatType = dyn_cast<FloatType>(to);
  if (isa<FloatType>(from)) {
    if (toFloatType)
      return map<APFloat, APFloat>(
          x, type, [&](const APFloat &v) { return toFloat(v, toFloatType); });
    return map<APFloat, APInt>(
        x, type, [&](const APFloat &v) { return toInteger(v, to); });
  }
  if (toFloatType)
    return map<APInt, APFloat>(
        x, type, [&](const APInt &v) { return toFloat(v, from, toFloatType); });
  return map<APInt, APInt>(
      x, type, [&](const APInt &v) { return toInteger(v, from, to); });
}

// ---- predicates -------------------------------------------------------------

bool isSplatOf(Attribute attribute, double value) {
  auto dense = dyn_cast_if_present<DenseElementsAttr>(attribute);
  if (!dense || dense.empty() || !dense.isSplat())
    return false;
  if (auto type = dyn_cast<FloatType>(dense.getElementType()))
    return dense.getSplatValue<APFloat>().bitwiseIsEqual(
        toFloat(APFloat(value), type));
  return dense.getSplatValue<APInt>() == static_cast<uint64_t>(value);
}

bool holdsEvery(Type to, Type from) {
  if (to == from)
    return true;
  if (to.isInteger(1))
    return false;
  if (from.isInteger(1))
    return true;
  auto a = dyn_cast<FloatType>(from), b = dyn_cast<FloatType>(to);
  if (a && b) {
    const llvm::fltSemantics &x = a.getFloatSemantics(),
                             &y = b.getFloatSemantics();
    return APFloat::semanticsPrecision(x) <= APFloat::semanticsPrecision(y) &&
           APFloat::semanticsMaxExponent(x) <=
               APFloat::semanticsMaxExponent(y) &&
           APFloat::semanticsMinExponent(x) >= APFloat::semanticsMinExponent(y);
  }
  if (a)
    return false;
  bool isUnsigned = from.isUnsignedInteger();
  unsigned bits = from.getIntOrFloatBitWidth() - !isUnsigned; // of magnitude
  if (b)
    return bits <= APFloat::semanticsPrecision(b.getFloatSemantics()) &&
           !isa<Float8E4M3FNType>(to);
  if (isUnsigned && to.isUnsignedInteger())
    return bits <= to.getIntOrFloatBitWidth();
  return !to.isUnsignedInteger() && bits <= to.getIntOrFloatBitWidth() - 1;
}

} // namespace weft::ir
