// SPDX-License-Identifier: Apache-2.0
// Element-wise ops, by the oracle formulas of their rows.
#include "Evaluate.h"
#include "Oracle.h"

namespace weft::ir::oracle {
#include "weft/IR/RowOracle.inc"
} // namespace weft::ir::oracle

namespace weft::reference {
namespace {

// What the rows accept: formulas are instantiated only for the numbers that can
// occur, because `std::exp` of an integer means nothing here.
struct Floating {
  static constexpr bool reals = true, ints = false;
};
struct Number {
  static constexpr bool reals = true, ints = true;
};
struct Bool {
  static constexpr bool reals = false, ints = true;
};
using Any = Number;

template <int arity, class T, class Formula>
auto apply(Formula formula, llvm::ArrayRef<const std::vector<T> *> x,
           size_t i) {
  if constexpr (arity == 1)
    return formula((*x[0])[i]);
  else
    return formula((*x[0])[i], (*x[1])[i]);
}

template <class Types, int arity, class Formula>
Value applyRow(Formula formula, Operands operands, Value y) {
  const auto count = static_cast<size_t>(y.size());
  if constexpr (Types::reals) {
    if (operands[0]->isReal()) {
      llvm::SmallVector<const std::vector<double> *> x;
      for (const Value *operand : operands)
        x.push_back(&operand->reals);
      for (size_t i = 0; i < count; ++i)
        if (y.isReal())
          y.reals[i] = apply<arity, double>(formula, x, i);
        else
          y.ints[i] = apply<arity, double>(formula, x, i) != 0;
      return y;
    }
  }
  if constexpr (Types::ints) {
    llvm::SmallVector<const std::vector<int64_t> *> x;
    for (const Value *operand : operands)
      x.push_back(&operand->ints);
    for (size_t i = 0; i < count; ++i)
      y.ints[i] = wrap(y.dtype, apply<arity, int64_t>(formula, x, i));
  }
  return y;
}

} // namespace

Value evaluateRow(mlir::Operation *op, Operands operands) {
  Value y = zeros(ir::elementDType(op->getResult(0)), operands[0]->shape);
  switch (*ir::opKind(op)) {
#define WEFT_ROW(mnemonic, opClass, arity, predicate, types, ...)              \
  case OpKind::mnemonic:                                                       \
    return applyRow<types, arity>(                                             \
        [](auto... x) { return ir::oracle::mnemonic(x...); }, operands,        \
        std::move(y));
#include "weft/IR/Rows.inc"
#undef WEFT_ROW
  default:
    llvm_unreachable("not a row");
  }
}

Value evaluate(ir::WhereOp, Operands operands) {
  const Value &condition = *operands[0], &x = *operands[1];
  Value y = *operands[2];
  for (int64_t i = 0; i < condition.size(); ++i) {
    if (!condition.ints[i])
      continue;
    if (y.isReal())
      y.reals[i] = x.reals[i];
    else
      y.ints[i] = x.ints[i];
  }
  return y;
}

} // namespace weft::reference
