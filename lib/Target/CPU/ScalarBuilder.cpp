// SPDX-License-Identifier: Apache-2.0
// The primitives of Elementwise.td as arith and math ops.
#include "ScalarBuilder.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"

#include <limits>

using namespace mlir;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

namespace weft::cpu {

Type computeType(MLIRContext *context, DType dtype) {
  switch (dtype) {
  case DType::float64:
    return Float64Type::get(context);
  case DType::float32:
  case DType::float16:
  case DType::bfloat16:
  case DType::float8:
    return Float32Type::get(context);
  case DType::int64:
    return IntegerType::get(context, 64);
  case DType::int32:
    return IntegerType::get(context, 32);
  case DType::int8:
  case DType::int4:
  case DType::uint8:
    return IntegerType::get(context, 8);
  case DType::boolean:
    return IntegerType::get(context, 1);
  }
  llvm_unreachable("all types are listed");
}

Type withElement(Type like, Type element) {
  if (auto vector = dyn_cast<VectorType>(like))
    return VectorType::get(vector.getShape(), element);
  return element;
}

static int64_t lanesOf(Value x) {
  auto vector = dyn_cast<VectorType>(x.getType());
  return vector ? vector.getNumElements() : 0;
}

// ---- constants and shapes ---------------------------------------------------

Value ScalarBuilder::constant(double value) {
  Type type = computeType(b_.getContext(), dtype_);
  return isFloat() ? real(type, value)
                   : integer(type, static_cast<int64_t>(value));
}

Value ScalarBuilder::integer(Type like, int64_t value) {
  Type element = getElementTypeOrSelf(like);
  TypedAttr attr = IntegerAttr::get(
      element, APInt(element.getIntOrFloatBitWidth(),
                     static_cast<uint64_t>(value), /*isSigned=*/true));
  if (auto vector = dyn_cast<VectorType>(like))
    attr = SplatElementsAttr::get(vector, Attribute(attr));
  return b_.create<arith::ConstantOp>(loc_, attr);
}

Value ScalarBuilder::real(Type like, double value) {
  TypedAttr attr = FloatAttr::get(getElementTypeOrSelf(like), value);
  if (auto vector = dyn_cast<VectorType>(like))
    attr = SplatElementsAttr::get(vector, Attribute(attr));
  return b_.create<arith::ConstantOp>(loc_, attr);
}

Value ScalarBuilder::broadcast(Value x, int64_t lanes) {
  if (lanes == 0 || isa<VectorType>(x.getType()))
    return x;
  auto type = VectorType::get({lanes}, x.getType());
  Attribute known;
  if (matchPattern(x, m_Constant(&known)))
    return b_.create<arith::ConstantOp>(
        loc_, cast<TypedAttr>(Attribute(SplatElementsAttr::get(type, known))));
  return b_.create<vector::SplatOp>(loc_, type, x);
}

void ScalarBuilder::match(Value &x, Value &y) {
  int64_t lanes = std::max(lanesOf(x), lanesOf(y));
  x = broadcast(x, lanes);
  y = broadcast(y, lanes);
}

Value ScalarBuilder::libm(StringRef function, ArrayRef<Value> operands) {
  SmallVector<Value> args(operands);
  if (args.size() == 2)
    match(args[0], args[1]);
  Type element = getElementTypeOrSelf(args[0].getType());
  std::string name = function.str() + (element.isF32() ? "f" : "");
  auto module =
      b_.getInsertionBlock()->getParent()->getParentOfType<ModuleOp>();
  auto callee = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
  if (!callee) {
    OpBuilder::InsertionGuard guard(b_);
    b_.setInsertionPointToStart(module.getBody());
    SmallVector<Type> types(args.size(), element);
    callee = b_.create<LLVM::LLVMFuncOp>(
        loc_, name, LLVM::LLVMFunctionType::get(element, types));
  }
  int64_t lanes = lanesOf(args[0]);
  if (lanes == 0)
    return b_.create<LLVM::CallOp>(loc_, callee, args).getResult();
  Value result = real(args[0].getType(), 0);
  for (int64_t lane = 0; lane < lanes; ++lane) {
    SmallVector<Value> scalars;
    for (Value arg : args)
      scalars.push_back(b_.create<vector::ExtractOp>(loc_, arg, lane));
    Value value = b_.create<LLVM::CallOp>(loc_, callee, scalars).getResult();
    result = b_.create<vector::InsertOp>(loc_, value, result, lane);
  }
  return result;
}

Value ScalarBuilder::wrap(Value x) {
  if (dtype_ != DType::int4)
    return x;
  Value four = integer(x.getType(), 4);
  return b_.create<arith::ShRSIOp>(
      loc_, b_.create<arith::ShLIOp>(loc_, x, four), four);
}

Value ScalarBuilder::isNan(Value x) {
  return b_.create<arith::CmpFOp>(loc_, CmpFPredicate::UNO, x, x);
}

// ---- one operand ------------------------------------------------------------

Value ScalarBuilder::neg(Value x) {
  if (isFloat())
    return b_.create<arith::NegFOp>(loc_, x);
  return sub(integer(x.getType(), 0), x);
}

Value ScalarBuilder::abs(Value x) {
  if (isFloat())
    return b_.create<math::AbsFOp>(loc_, x);
  if (isUnsigned())
    return x;
  return select(less(x, integer(x.getType(), 0)), neg(x), x);
}

Value ScalarBuilder::sqrt(Value x) { return b_.create<math::SqrtOp>(loc_, x); }

Value ScalarBuilder::exp(Value x) {
  if (dtype_ == DType::float64)
    return libm("exp", {x});
  return b_.create<math::ExpOp>(loc_, x);
}

Value ScalarBuilder::log(Value x) {
  if (dtype_ == DType::float64)
    return libm("log", {x});
  // The polynomial knows normal numbers only.
  Value tiny =
      b_.create<arith::AndIOp>(loc_, less(x, real(x.getType(), 0x1p-126)),
                               less(real(x.getType(), 0), x));
  Value scaled = select(tiny, mul(x, real(x.getType(), 0x1p23)), x);
  Value result = b_.create<math::LogOp>(loc_, scaled);
  Value shifted = sub(result, real(x.getType(), 15.942385152878742)); // 23 ln 2
  return select(tiny, shifted, result);
}

Value ScalarBuilder::tanh(Value x) {
  if (dtype_ == DType::float64)
    return libm("tanh", {x});
  return select(isNan(x), x, b_.create<math::TanhOp>(loc_, x));
}

Value ScalarBuilder::erf(Value x) {
  if (dtype_ == DType::float64)
    return libm("erf", {x});
  // The polynomial knows neither NaN nor -0.
  Value isItself = b_.create<arith::CmpFOp>(loc_, CmpFPredicate::UEQ, x,
                                            real(x.getType(), 0));
  return select(isItself, x, b_.create<math::ErfOp>(loc_, x));
}

Value ScalarBuilder::floor(Value x) {
  return b_.create<math::FloorOp>(loc_, x);
}

// ---- arithmetic -------------------------------------------------------------

// bool is a number of one bit whose results count as true unless they are 0:
// addition is or, subtraction exclusive or, multiplication and.

Value ScalarBuilder::add(Value x, Value y) {
  match(x, y);
  if (isFloat())
    return b_.create<arith::AddFOp>(loc_, x, y);
  if (isBool())
    return b_.create<arith::OrIOp>(loc_, x, y);
  return wrap(b_.create<arith::AddIOp>(loc_, x, y));
}

Value ScalarBuilder::sub(Value x, Value y) {
  match(x, y);
  if (isFloat())
    return b_.create<arith::SubFOp>(loc_, x, y);
  if (isBool())
    return b_.create<arith::XOrIOp>(loc_, x, y);
  return wrap(b_.create<arith::SubIOp>(loc_, x, y));
}

Value ScalarBuilder::mul(Value x, Value y) {
  match(x, y);
  if (isFloat())
    return b_.create<arith::MulFOp>(loc_, x, y);
  if (isBool())
    return b_.create<arith::AndIOp>(loc_, x, y);
  return wrap(b_.create<arith::MulIOp>(loc_, x, y));
}

/// The machine traps on division by 0 and on the smallest number over -1.
Value ScalarBuilder::quotient(Value x, Value y) {
  Value zero = integer(x.getType(), 0), one = integer(x.getType(), 1);
  Value byZero = b_.create<arith::CmpIOp>(loc_, CmpIPredicate::eq, y, zero);
  if (isUnsigned()) {
    Value safe = select(byZero, one, y);
    return select(byZero, zero, b_.create<arith::DivUIOp>(loc_, x, safe));
  }
  Value minusOne = integer(x.getType(), -1);
  Value byMinusOne =
      b_.create<arith::CmpIOp>(loc_, CmpIPredicate::eq, y, minusOne);
  Value trap = b_.create<arith::OrIOp>(loc_, byZero, byMinusOne);
  Value safe = select(trap, one, y);
  Value result = b_.create<arith::DivSIOp>(loc_, x, safe);
  Value negated = b_.create<arith::SubIOp>(loc_, zero, x);
  return select(byZero, zero, select(byMinusOne, negated, result));
}

Value ScalarBuilder::remainder(Value x, Value y, Value quotient) {
  return b_.create<arith::SubIOp>(loc_, x,
                                  b_.create<arith::MulIOp>(loc_, quotient, y));
}

Value ScalarBuilder::div(Value x, Value y) {
  match(x, y);
  if (isFloat())
    return b_.create<arith::DivFOp>(loc_, x, y);
  if (isBool())
    return b_.create<arith::AndIOp>(loc_, x, y);
  return wrap(quotient(x, y));
}

Value ScalarBuilder::floor_div(Value x, Value y) {
  match(x, y);
  if (isFloat())
    return floorQuotient(x, y);
  if (isUnsigned())
    return div(x, y);
  Value q = quotient(x, y), r = remainder(x, y, q);
  Value zero = integer(x.getType(), 0);
  // One less where the rest is not 0 and its sign differs from y's.
  Value signs = b_.create<arith::CmpIOp>(
      loc_, CmpIPredicate::slt, b_.create<arith::XOrIOp>(loc_, r, y), zero);
  Value rest = b_.create<arith::CmpIOp>(loc_, CmpIPredicate::ne, r, zero);
  Value divides = b_.create<arith::CmpIOp>(loc_, CmpIPredicate::ne, y, zero);
  Value down = b_.create<arith::AndIOp>(
      loc_, divides, b_.create<arith::AndIOp>(loc_, signs, rest));
  Value less = b_.create<arith::SubIOp>(loc_, q, integer(x.getType(), 1));
  return wrap(select(down, less, q));
}

/// What is left of x, exactly or rounded once.
Value ScalarBuilder::rest(Value x, Value y, Value quotient) {
  Value zero = real(x.getType(), 0);
  // 0 times infinity is not 0.
  return select(equal(quotient, zero), x,
                b_.create<math::FmaOp>(
                    loc_, b_.create<arith::NegFOp>(loc_, quotient), y, x));
}

/// As Python divides. A quotient that rounds up to an integer is one too many:
/// what it leaves is on the other side of 0 than y. Infinity has no quotient,
/// but over 0.
Value ScalarBuilder::floorQuotient(Value x, Value y) {
  Value zero = real(x.getType(), 0);
  Value quotient = floor(div(x, y)), left = rest(x, y, quotient);
  Value isAbove = select(less(y, zero), less(zero, left), less(left, zero));
  Value result = select(isAbove, sub(quotient, real(x.getType(), 1)), quotient);
  Value nan = sub(x, x);
  Value isUndefined =
      b_.create<arith::AndIOp>(loc_, isNan(nan), not_equal(y, zero));
  return select(isUndefined, nan, result);
}

/// As Python has it, with the sign of y. The rest of one rounded quotient is
/// right as long as every integer is a number of the type; beyond, the C
/// library divides digit by digit.
Value ScalarBuilder::floatMod(Value x, Value y) {
  Type type = x.getType();
  Value zero = real(type, 0);
  Value quotient = floorQuotient(x, y);
  double last = dtype_ == DType::float64 ? 0x1p53 : 0x1p24;
  Value isLong = greater(abs(quotient), real(type, last));
  if (lanesOf(x) != 0)
    isLong =
        b_.create<vector::ReductionOp>(loc_, vector::CombiningKind::OR, isLong);
  auto result = b_.create<scf::IfOp>(loc_, TypeRange(type), isLong,
                                     /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(b_);
    b_.setInsertionPointToStart(result.thenBlock());
    Value left = libm("fmod", {x, y}); // has the sign of x
    Value differs =
        b_.create<arith::XOrIOp>(loc_, less(left, zero), less(y, zero));
    Value moved = select(differs, add(left, y), left);
    b_.create<scf::YieldOp>(loc_, select(equal(left, zero), left, moved));
    b_.setInsertionPointToStart(result.elseBlock());
    b_.create<scf::YieldOp>(loc_, rest(x, y, quotient));
  }
  Value left = result.getResult(0);
  return select(equal(left, zero), b_.create<math::CopySignOp>(loc_, zero, y),
                left);
}

Value ScalarBuilder::mod(Value x, Value y) {
  match(x, y);
  if (isFloat())
    return floatMod(x, y);
  if (isBool()) // x - (x and y) * y
    return b_.create<arith::AndIOp>(loc_, x, logical_not(y));
  return sub(x, mul(floor_div(x, y), y));
}

Value ScalarBuilder::pow(Value x, Value y) {
  match(x, y);
  return isFloat() ? libm("pow", {x, y}) : integerPow(x, y);
}

/// By squaring, wrapping around; a negative exponent leaves 1 for x = 1, +-1
/// for x = -1 and else 0.
Value ScalarBuilder::integerPow(Value x, Value y) {
  Type type = x.getType();
  Value zero = integer(type, 0), one = integer(type, 1);
  Value result = one, base = x;
  // Exponent bit i; above the width of the type the squares no longer count.
  unsigned bits = getElementTypeOrSelf(type).getIntOrFloatBitWidth();
  unsigned exponentBits = isUnsigned() ? bits : bits - 1;
  if (dtype_ == DType::int4)
    exponentBits = 3;
  for (unsigned i = 0; i < exponentBits; ++i) {
    Value bit = b_.create<arith::AndIOp>(
        loc_, b_.create<arith::ShRUIOp>(loc_, y, integer(type, i)), one);
    Value set = b_.create<arith::CmpIOp>(loc_, CmpIPredicate::ne, bit, zero);
    result = select(set, mul(result, base), result);
    if (i + 1 < exponentBits)
      base = mul(base, base);
  }
  if (isUnsigned())
    return result;
  Value odd = b_.create<arith::CmpIOp>(
      loc_, CmpIPredicate::ne, b_.create<arith::AndIOp>(loc_, y, one), zero);
  Value minusOne = integer(type, -1);
  Value small = select(equal(x, minusOne), select(odd, minusOne, one), zero);
  small = select(equal(x, one), one, small);
  return select(less(y, zero), small, result);
}

/// Whether `x` is one constant, neither NaN nor -0.
static bool isPlainConstant(Value x) {
  Attribute value;
  if (!matchPattern(x, m_Constant(&value)))
    return false;
  if (auto dense = dyn_cast<SplatElementsAttr>(value))
    value = dense.getSplatValue<Attribute>();
  auto real = dyn_cast<FloatAttr>(value);
  return real && !real.getValue().isNaN() && !real.getValue().isNegZero();
}

/// NaN wins, and so does +0 over -0. Beside most constants (relu) one
/// comparison does it.
Value ScalarBuilder::maximum(Value x, Value y) {
  match(x, y);
  if (isBool())
    return b_.create<arith::OrIOp>(loc_, x, y);
  if (!isFloat())
    return select(less(x, y), y, x);
  if (isPlainConstant(x))
    std::swap(x, y);
  if (isPlainConstant(y))
    return select(compare(CmpIPredicate::sgt, CmpFPredicate::UGT, x, y), x, y);
  return b_.create<arith::MaximumFOp>(loc_, x, y);
}

/// NaN wins, and so does -0 over +0.
Value ScalarBuilder::minimum(Value x, Value y) {
  match(x, y);
  if (isBool())
    return b_.create<arith::AndIOp>(loc_, x, y);
  if (!isFloat())
    return select(less(y, x), y, x);
  return b_.create<arith::MinimumFOp>(loc_, x, y);
}

// ---- comparisons and logic --------------------------------------------------

Value ScalarBuilder::compare(CmpIPredicate integers, CmpFPredicate floats,
                             Value x, Value y) {
  match(x, y);
  if (isa<FloatType>(getElementTypeOrSelf(x.getType())))
    return b_.create<arith::CmpFOp>(loc_, floats, x, y);
  return b_.create<arith::CmpIOp>(loc_, integers, x, y);
}

Value ScalarBuilder::less(Value x, Value y) {
  return compare(isUnsigned() ? CmpIPredicate::ult : CmpIPredicate::slt,
                 CmpFPredicate::OLT, x, y);
}

Value ScalarBuilder::less_equal(Value x, Value y) {
  return compare(isUnsigned() ? CmpIPredicate::ule : CmpIPredicate::sle,
                 CmpFPredicate::OLE, x, y);
}

Value ScalarBuilder::equal(Value x, Value y) {
  return compare(CmpIPredicate::eq, CmpFPredicate::OEQ, x, y);
}

Value ScalarBuilder::not_equal(Value x, Value y) {
  return compare(CmpIPredicate::ne, CmpFPredicate::UNE, x, y);
}

Value ScalarBuilder::logical_and(Value x, Value y) {
  match(x, y);
  return b_.create<arith::AndIOp>(loc_, x, y);
}

Value ScalarBuilder::logical_or(Value x, Value y) {
  match(x, y);
  return b_.create<arith::OrIOp>(loc_, x, y);
}

Value ScalarBuilder::logical_not(Value x) {
  return b_.create<arith::XOrIOp>(loc_, x, integer(x.getType(), -1));
}

Value ScalarBuilder::select(Value condition, Value x, Value y) {
  match(x, y);
  if (isa<VectorType>(condition.getType()) && !isa<VectorType>(x.getType())) {
    x = broadcast(x, lanesOf(condition));
    y = broadcast(y, lanesOf(condition));
  }
  return b_.create<arith::SelectOp>(loc_, condition, x, y);
}

// ---- rows -------------------------------------------------------------------

Value buildRow(ScalarBuilder &s, OpKind op, ArrayRef<Value> operands) {
  if (op == OpKind::where)
    return s.select(operands[0], operands[1], operands[2]);
  Value x = operands[0], y = operands.size() > 1 ? operands[1] : Value();
  switch (op) {
#include "weft/IR/RowScalars.inc"
  default:
    return {};
  }
}

} // namespace weft::cpu
