// SPDX-License-Identifier: Apache-2.0
// Bounds on partial sums and products, from the op itself on other operands.
#include "Overflow.h"

#include "llvm/ADT/TypeSwitch.h"

#include <cmath>
#include <limits>

namespace weft::reference {
namespace {

template <class Number> struct Range {
  static constexpr double least = std::numeric_limits<Number>::min();
  static constexpr double most = std::numeric_limits<Number>::max();
};

/// The op on `function` of every element of its operands.
template <typename Function>
Value evaluateOn(mlir::Operation *op, Operands operands, Function function) {
  std::vector<Value> values;
  for (const Value *operand : operands) {
    Value &value = values.emplace_back(*operand);
    for (double &x : value.reals)
      x = function(x);
  }
  llvm::SmallVector<const Value *> changed;
  for (const Value &value : values)
    changed.push_back(&value);
  return llvm::TypeSwitch<mlir::Operation *, Value>(op)
      .Case<ir::MatmulOp, ir::ConvOp, ir::AvgpoolOp>(
          [&](auto o) { return evaluate(o, changed); })
      .Default(
          [&](mlir::Operation *o) { return evaluateReduction(o, changed); });
}

/// No part of a sum is larger than the sum of absolute values. What is infinite
/// before the sum is so in any order.
std::vector<bool> sumMayLeave(mlir::Operation *op, Operands operands,
                              double most) {
  // Most graphs have no number that is large enough.
  double bound = 0x1p31; // terms
  for (const Value *operand : operands) {
    double largest = 1;
    for (double x : operand->reals)
      if (std::isfinite(x))
        largest = std::max(largest, std::fabs(x));
    bound *= largest;
  }
  if (bound <= most)
    return {};
  Value sizes = evaluateOn(op, operands, [](double x) {
    return std::isfinite(x) ? std::fabs(x) : 0;
  });
  // avgpool divides its sum.
  double terms = 1;
  if (auto pool = mlir::dyn_cast<ir::AvgpoolOp>(op))
    for (int64_t size : pool.getKernel())
      terms *= static_cast<double>(size);
  std::vector<bool> leaves;
  for (double size : sizes.reals)
    leaves.push_back(size * terms > most);
  return leaves;
}

/// The largest part of a product is that of the factors above 1, the smallest
/// that of those below. One of them alone ends beyond the range in any order. 0
/// and infinity only tell which of the two there are.
std::vector<bool> productMayLeave(mlir::Operation *op, Operands operands,
                                  double least, double most) {
  Value large = evaluateOn(op, operands, [](double x) {
    return std::isfinite(x) ? std::max(std::fabs(x), 1.0) : 2;
  });
  Value small = evaluateOn(op, operands, [](double x) {
    return x == 0 ? 0.5 : std::isfinite(x) ? std::min(std::fabs(x), 1.0) : 1;
  });
  std::vector<bool> leaves;
  for (auto [above, below] : llvm::zip(large.reals, small.reals))
    leaves.push_back((above > most || below < least) && above > 1 && below < 1);
  return leaves;
}

} // namespace

std::vector<bool> mayLeaveRange(mlir::Operation *op, Operands operands) {
  if (operands.empty() || !operands[0]->isReal())
    return {};
  const bool isDouble = operands[0]->dtype == DType::float64;
  const double least = isDouble ? Range<double>::least : Range<float>::least;
  const double most = isDouble ? Range<double>::most : Range<float>::most;
  if (mlir::isa<ir::ProdOp>(op))
    return productMayLeave(op, operands, least, most);
  if (mlir::isa<ir::SumOp, ir::MatmulOp, ir::ConvOp, ir::AvgpoolOp>(op))
    return sumMayLeave(op, operands, most);
  return {};
}

} // namespace weft::reference
