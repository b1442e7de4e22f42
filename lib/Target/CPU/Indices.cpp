// SPDX-License-Identifier: Apache-2.0
// Affine expressions of the loop indices as code, and the guards over them.
#include "Emitter.h"

#include <limits>

using namespace mlir;

namespace weft::cpu {

Emitter::Point Emitter::lanePoint(const Point &point, int64_t lane) const {
  Point moved = point;
  moved[s_.lanes.dim] += lane;
  return moved;
}

Value Emitter::both(Value x, Value y) {
  if (!x || !y)
    return x ? x : y;
  return ops(DType::boolean).logical_and(x, y);
}

/// floordiv or mod of `numerator`, the value of the left side of `expr`, by the
/// constant on its right side.
Value Emitter::divide(AffineExpr expr, Value numerator) {
  auto binary = cast<AffineBinaryOpExpr>(expr);
  ScalarBuilder s = ops(DType::int64);
  Type type = numerator.getType();
  int64_t factor = cast<AffineConstantExpr>(binary.getRHS()).getValue();
  Value divisor = s.integer(type, factor);
  bool isMod = binary.getKind() == AffineExprKind::Mod;
  if (rangeOf(binary.getLHS(), nest_.sizes).first >= 0)
    return isMod ? Value(b_.create<arith::RemUIOp>(loc_, numerator, divisor))
                 : Value(b_.create<arith::DivUIOp>(loc_, numerator, divisor));
  Value quotient = b_.create<arith::DivSIOp>(loc_, numerator, divisor);
  Value rest = b_.create<arith::RemSIOp>(loc_, numerator, divisor);
  Value below = s.less(rest, s.integer(type, 0));
  if (isMod)
    return s.select(below, s.add(rest, divisor), rest);
  return s.select(below, s.sub(quotient, s.integer(type, 1)), quotient);
}

/// The part of `expr` that is no constant, as i64 (null if there is none), and
/// the constant part: equal for all points that differ by constants alone.
Value Emitter::scalarIndex(AffineExpr expr, const Point &point,
                           int64_t &constant) {
  struct Term {
    unsigned depth;
    Value value;
    int64_t factor;
  };
  SmallVector<Term> terms;
  auto collect = [&](auto &&self, AffineExpr part, int64_t factor) -> void {
    if (auto number = dyn_cast<AffineConstantExpr>(part)) {
      constant += factor * number.getValue();
      return;
    }
    if (auto index = dyn_cast<AffineDimExpr>(part)) {
      unsigned d = index.getPosition();
      constant += factor * point[d];
      if (indices_[d].value)
        terms.push_back({depth_[d], indices_[d].value, factor});
      else
        constant += factor * indices_[d].constant;
      return;
    }
    auto binary = cast<AffineBinaryOpExpr>(part);
    if (binary.getKind() == AffineExprKind::Add) {
      self(self, binary.getLHS(), factor);
      self(self, binary.getRHS(), factor);
      return;
    }
    if (binary.getKind() == AffineExprKind::Mul) {
      int64_t by = cast<AffineConstantExpr>(binary.getRHS()).getValue();
      self(self, binary.getLHS(), factor * by);
      return;
    }
    unsigned depth = 0;
    for (unsigned d = 0; d < nest_.sizes.size(); ++d)
      if (part.isFunctionOfDim(d))
        depth = std::max(depth, depth_[d]);
    Value numerator = scalarIndex(binary.getLHS(), point);
    terms.push_back({depth, divide(part, numerator), factor});
  };
  collect(collect, expr, 1);
  // Outer loops first: partial sums are computed outside the inner loops.
  SmallVector<Term> sorted;
  for (unsigned depth = 0; depth < nest_.sizes.size(); ++depth)
    llvm::copy_if(terms, std::back_inserter(sorted),
                  [&](const Term &term) { return term.depth == depth; });
  Value sum;
  for (const Term &term : sorted) {
    Value value = term.value;
    if (term.factor == 0)
      continue;
    if (term.factor != 1)
      value = b_.create<arith::MulIOp>(loc_, value, number(term.factor));
    sum = sum ? b_.create<arith::AddIOp>(loc_, sum, value) : value;
  }
  return sum;
}

Value Emitter::scalarIndex(AffineExpr expr, const Point &point) {
  int64_t constant = 0;
  Value sum = scalarIndex(expr, point, constant);
  if (!sum)
    return number(constant);
  if (constant == 0)
    return sum;
  return b_.create<arith::AddIOp>(loc_, sum, number(constant));
}

Type Emitter::laneIndexType(AffineExpr expr) {
  auto [low, high] = rangeOf(expr, nest_.sizes);
  // Room for the parts of a sum and for bounds.
  constexpr int64_t kNarrow = std::numeric_limits<int32_t>::max() / 4;
  return low >= -kNarrow && high <= kNarrow ? b_.getI32Type() : b_.getI64Type();
}

/// `expr` for every lane, as integers of `type`; a scalar in scalar code.
Value Emitter::laneIndex(AffineExpr expr, const Point &point, Type type) {
  ScalarBuilder s = ops(DType::int64);
  auto scalar = [&](AffineExpr part) -> Value {
    Value value = scalarIndex(part, point);
    return type.isInteger(64)
               ? value
               : Value(b_.create<arith::TruncIOp>(loc_, type, value));
  };
  if (width_ == 1)
    return scalar(expr);
  auto vector = VectorType::get({width_}, type);
  if (auto stride = lanes().stride(expr)) {
    Value base = s.broadcast(scalar(expr), width_);
    if (*stride == 0)
      return base;
    SmallVector<APInt> steps;
    for (int64_t lane = 0; lane < width_; ++lane)
      steps.push_back(APInt(type.getIntOrFloatBitWidth(),
                            static_cast<uint64_t>(*stride * lane), true));
    Value step = b_.create<arith::ConstantOp>(
        loc_, DenseElementsAttr::get(vector, steps));
    return s.add(base, step);
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Value left = laneIndex(binary.getLHS(), point, type);
  if (binary.getKind() == AffineExprKind::Add)
    return s.add(left, laneIndex(binary.getRHS(), point, type));
  if (binary.getKind() == AffineExprKind::Mul)
    return s.mul(left, laneIndex(binary.getRHS(), point, type));
  return divide(expr, left);
}

/// `low <= index < high`, leaving out what always holds.
Value Emitter::withinBounds(Value index, const Guard &guard) {
  auto [least, most] = rangeOf(guard.expr, nest_.sizes);
  ScalarBuilder s = ops(DType::int64);
  Type type = index.getType();
  if (least >= guard.low)
    return s.less(index, s.integer(type, guard.high));
  if (most < guard.high)
    return s.greater_equal(index, s.integer(type, guard.low));
  // One comparison of unsigned numbers.
  Value above = s.sub(index, s.integer(type, guard.low));
  return b_.create<arith::CmpIOp>(loc_, arith::CmpIPredicate::ult, above,
                                  s.integer(type, guard.high - guard.low));
}

Emitter::Condition Emitter::condition(ArrayRef<Guard> guards,
                                      const Point &point) {
  Condition result;
  for (const Guard &guard : guards) {
    auto [least, most] = rangeOf(guard.expr, nest_.sizes);
    if (least >= guard.low && most < guard.high)
      continue;
    if (most < guard.low || least >= guard.high || guard.low >= guard.high) {
      result.isNever = true;
      return result;
    }
    if (width_ == 1 || lanes().stride(guard.expr) == 0)
      result.all =
          both(result.all, withinBounds(scalarIndex(guard.expr, point), guard));
    else
      result.lanes = both(
          result.lanes,
          withinBounds(laneIndex(guard.expr, point, laneIndexType(guard.expr)),
                       guard));
  }
  return result;
}

} // namespace weft::cpu
