// SPDX-License-Identifier: Apache-2.0
// The primitives of Elementwise.td as arith and math ops, on scalars or on
// vectors of them. A scalar operand beside a vector is broadcast.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Graph.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

namespace weft::cpu {

/// The type values of `dtype` have in registers: f32 for floats of up to 32
/// bits, i8 for int4 (sign-extended), i1 for bool.
mlir::Type computeType(mlir::MLIRContext *context, DType dtype);
/// `like` with `element` as its element type (or `element`, if it is a scalar).
mlir::Type withElement(mlir::Type like, mlir::Type element);

class ScalarBuilder {
public:
  /// `dtype` is the type of the operands of what is built.
  ScalarBuilder(mlir::OpBuilder &builder, mlir::Location location, DType dtype)
      : b_(builder), loc_(location), dtype_(dtype) {}

  using Value = mlir::Value;

  Value constant(double value);
  Value integer(mlir::Type like, int64_t value);
  Value real(mlir::Type like, double value);

  Value neg(Value x);
  Value abs(Value x);
  Value sqrt(Value x);
  Value exp(Value x);
  Value log(Value x);
  Value sin(Value x) { return libm("sin", {x}); }
  Value cos(Value x) { return libm("cos", {x}); }
  Value tanh(Value x);
  Value erf(Value x);
  Value floor(Value x);

  Value add(Value x, Value y);
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value div(Value x, Value y);
  Value floor_div(Value x, Value y);
  Value mod(Value x, Value y);
  Value pow(Value x, Value y);
  Value maximum(Value x, Value y);
  Value minimum(Value x, Value y);

  Value less(Value x, Value y);
  Value less_equal(Value x, Value y);
  Value greater(Value x, Value y) { return less(y, x); }
  Value greater_equal(Value x, Value y) { return less_equal(y, x); }
  Value equal(Value x, Value y);
  Value not_equal(Value x, Value y);
  Value logical_and(Value x, Value y);
  Value logical_or(Value x, Value y);
  Value logical_not(Value x);
  Value select(Value condition, Value x, Value y);

  /// `x` itself, or as many copies of it as `lanes` has (0: a scalar).
  Value broadcast(Value x, int64_t lanes);
  /// Gives `x` and `y` the same number of lanes.
  void match(Value &x, Value &y);
  /// A call of the C library for every lane; `f` is appended for f32.
  Value libm(llvm::StringRef function, llvm::ArrayRef<Value> operands);
  bool isFloat() const { return is_floating(dtype_); }

private:
  bool isBool() const { return dtype_ == DType::boolean; }
  bool isUnsigned() const { return dtype_ == DType::uint8 || isBool(); }
  Value wrap(Value x); // int4: back to 4 bits
  Value compare(mlir::arith::CmpIPredicate integers,
                mlir::arith::CmpFPredicate floats, Value x, Value y);
  Value quotient(Value x, Value y); // integers, towards 0
  Value remainder(Value x, Value y, Value quotient);
  Value rest(Value x, Value y, Value quotient); // floats
  Value floorQuotient(Value x, Value y);
  Value floatMod(Value x, Value y);
  Value integerPow(Value x, Value y);
  Value isNan(Value x);

  mlir::OpBuilder &b_;
  mlir::Location loc_;
  DType dtype_;
};

/// The row `op` on `operands`, in terms of the primitives above.
mlir::Value buildRow(ScalarBuilder &s, OpKind op,
                     llvm::ArrayRef<mlir::Value> operands);

} // namespace weft::cpu
