// SPDX-License-Identifier: Apache-2.0
// Which values depend on parameters and constants alone, and what modules call
// the parameters.
#pragma once

#include "weft/IR/Dialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace weft {

/// Knows for the values of one function whether they need computing only once
/// per set of weights. Remembers what it was asked: whoever changes the
/// function says what it erased.
class ParameterCode {
public:
  /// No other input reaches `value`.
  bool contains(mlir::Value value);
  /// Another op may soon have the address of `op`.
  void forget(mlir::Operation *op) {
    for (mlir::Value result : op->getResults())
      known_.erase(result);
  }

private:
  llvm::DenseMap<mlir::Value, bool> known_; // only looked up
};

/// `weft.name` of the parameter that `value` is, or is a view of, or is
/// computed from first; empty if there is none.
llvm::StringRef parameterName(mlir::Value value);

/// The module that owns the parameter: `layer1.0.bn1` for
/// `layer1.0.bn1.weight`.
llvm::StringRef moduleName(mlir::Value parameter);

} // namespace weft
