// SPDX-License-Identifier: Apache-2.0
// Element-wise ops of random graphs.
#include "RandomGraph.h"

using namespace mlir;

namespace weft::random {
namespace {

struct Floating {
  static bool accepts(DType dtype) { return is_floating(dtype); }
};
struct Number {
  static bool accepts(DType dtype) { return dtype != boolean; }
};
struct Bool {
  static bool accepts(DType dtype) { return dtype == boolean; }
};
struct Any {
  static bool accepts(DType) { return true; }
};

/// The rows with so many operands that accept a type.
std::vector<OpKind> rowsFor(DType dtype, int operands) {
  std::vector<OpKind> kinds;
#define WEFT_ROW(mnemonic, opClass, arity, predicate, types, ...)              \
  if (arity == operands && types::accepts(dtype))                              \
    kinds.push_back(OpKind::mnemonic);
#include "weft/IR/Rows.inc"
#undef WEFT_ROW
  return kinds;
}

} // namespace

mlir::Value GraphBuilder::row(OpKind kind, ValueRange operands) {
  ++numOps_;
  return ir::createRow(builder_, builder_.getUnknownLoc(), kind, operands);
}

GraphBuilder::MaybeValue GraphBuilder::unary() {
  mlir::Value x = some();
  // exp of exp of a large number tells nothing: prefer what stays small.
  if (is_floating(dtypeOf(x)) && draw_.chance(0.5))
    return row(draw_.pick({OpKind::relu, OpKind::tanh, OpKind::sigmoid,
                           OpKind::erf, OpKind::gelu, OpKind::sin}),
               x);
  return row(draw_.pick(rowsFor(dtypeOf(x), 1)), x);
}

GraphBuilder::MaybeValue GraphBuilder::binary() {
  mlir::Value x = some();
  OpKind kind = dtypeOf(x) != boolean && draw_.chance(0.5)
                    ? draw_.pick({OpKind::add, OpKind::mul, OpKind::sub})
                    : draw_.pick(rowsFor(dtypeOf(x), 2));
  mlir::Value y = companionOf(x);
  return draw_.chance(0.5) ? row(kind, {x, y}) : row(kind, {y, x});
}

mlir::Value GraphBuilder::comparisonOf(mlir::Value x) {
  return row(
      draw_.pick({OpKind::less, OpKind::greater_equal, OpKind::not_equal}),
      {x, companionOf(x)});
}

GraphBuilder::MaybeValue GraphBuilder::where() {
  mlir::Value x = some(), y = companionOf(x);
  return create<ir::WhereOp>(x.getType(), comparisonOf(x), x, y);
}

/// Bools are few, and ops of them fewer.
GraphBuilder::MaybeValue GraphBuilder::logic() {
  mlir::Value x = some();
  mlir::Value a = comparisonOf(x), b = comparisonOf(x);
  return row(draw_.pick(rowsFor(boolean, 2)), {a, b});
}

GraphBuilder::MaybeValue GraphBuilder::cast() {
  mlir::Value x = some();
  return create<ir::CastOp>(type(someDType(), shapeOf(x)), x);
}

} // namespace weft::random
