// SPDX-License-Identifier: Apache-2.0
// One graph of a single op for every row and type, with what it is run on.
#pragma once

#include "weft/Core/Graph.h"
#include "weft/IR/Dialect.h"
#include "weft/Target/Reference/Interpreter.h"

#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace weft::test {

/// What a row of Ops.td claims.
struct RowClaim {
  OpKind kind;
  std::string name;
  int arity;
  bool predicate;
  bool (*accepts)(DType);
  double cpuUlp, cudaUlp;
  double cudaPercent; // of a unit, more where results have 16 bits
  double low, high;
};
const std::vector<RowClaim> &rowClaims();

struct Case {
  const RowClaim *row = nullptr; // null for casts
  DType dtype;                   // of the operands
  mlir::OwningOpRef<mlir::ModuleOp> module;
  reference::Arguments arguments;
  std::string name; // "exp float16"
};

/// So many elements of a row's case lie in its domain; the others are NaN,
/// infinities, zeros, subnormal and extreme numbers, each with each other one.
inline constexpr int64_t kOnDomain = 4096;

/// Floats are drawn from [low, high], integers from all there are.
Case rowCase(mlir::MLIRContext *context, const RowClaim &row, DType dtype);
/// A cast of special and random numbers, of ties among them.
Case castCase(mlir::MLIRContext *context, DType from, DType to);

} // namespace weft::test
