// SPDX-License-Identifier: Apache-2.0
// Graphs that nobody thought of: random ops on small tensors, the same for the
// same seed.
#pragma once

#include "weft/IR/Dialect.h"
#include "weft/Target/Reference/Interpreter.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include <cstdint>
#include <random>
#include <vector>

namespace weft::testing {

/// A module whose `@main` takes tensors, parameters and a number and returns
/// one to four values. Its ops keep numbers small and depend on them smoothly,
/// so that rounding differences stay differences.
class RandomGraph {
public:
  RandomGraph(mlir::MLIRContext *context, uint64_t seed);

  mlir::ModuleOp module() const { return *module_; }
  /// Values for the arguments of `@main`.
  reference::Arguments arguments();

private:
  using Value = mlir::Value;

  int64_t pick(int64_t low, int64_t high); // both included
  Value pickValue();
  Value pickOfRank(int64_t low, int64_t high);
  mlir::RankedTensorType typeOf(Value value) const;
  mlir::RankedTensorType f32(llvm::ArrayRef<int64_t> shape);
  llvm::SmallVector<int64_t> pickShape();

  void addArguments();
  Value addOp();
  Value addRow();
  Value addView();
  Value addSlice(Value x);
  Value addConcatenation(Value x);
  Value addReshape(Value x);
  Value addRolls(Value x);
  Value addSumOfNothing(Value x);
  Value addBroadcastOfRow();
  Value addReduction();
  Value addWholeOp();
  Value addMatmul(Value x);
  Value addConv(Value x);
  Value addPool(Value x);
  Value addBatchNorm(Value x);
  Value parameter(llvm::ArrayRef<int64_t> shape, bool positive = false);
  /// Something of exactly this shape, old if there is something.
  Value ofShape(llvm::ArrayRef<int64_t> shape);

  std::mt19937_64 random_;
  mlir::OpBuilder builder_;
  mlir::Location location_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  mlir::func::FuncOp main_;
  std::vector<Value> values_;
  std::vector<Value> empty_; // without elements: returned, read by nothing else
  std::vector<bool> positive_; // by argument: a variance
};

} // namespace weft::testing
