// SPDX-License-Identifier: Apache-2.0
// Reductions, and the ops that normalise by them.
#include "Evaluate.h"
#include "Oracle.h"

#include <cmath>
#include <optional>

namespace weft::reference {
namespace oracle = ir::oracle;

template <class T> static T combine(OpKind kind, T x, T y) {
  switch (kind) {
  case OpKind::sum:
    return oracle::add(x, y);
  case OpKind::prod:
    return oracle::mul(x, y);
  case OpKind::max:
    return oracle::maximum(x, y);
  case OpKind::min:
    return oracle::minimum(x, y);
  case OpKind::all:
    return x && y;
  case OpKind::any:
    return x || y;
  default:
    llvm_unreachable("not a reduction");
  }
}

/// The position in the result of the element of x at `index`.
static int64_t keptPosition(const Shape &shape, Index index,
                            llvm::ArrayRef<int64_t> axes) {
  int64_t position = 0;
  for (int dim = 0; dim < shape.rank(); ++dim)
    if (!llvm::is_contained(axes, dim))
      position = position * shape[dim] + index[dim];
  return position;
}

Value evaluateReduction(mlir::Operation *op, Operands operands) {
  const Value &x = *operands[0];
  const OpKind kind = *ir::opKind(op);
  auto axes = op->getAttrOfType<mlir::DenseI64ArrayAttr>("axes").asArrayRef();
  Value y = zeros(x.dtype, ir::toShape(op->getResult(0).getType()));
  // Of nothing: 0, 1, true or false. max and min start at their first element.
  const bool isOne = kind == OpKind::prod || kind == OpKind::all;
  std::fill(y.reals.begin(), y.reals.end(), isOne);
  std::fill(y.ints.begin(), y.ints.end(), isOne);
  const bool hasIdentity = kind != OpKind::max && kind != OpKind::min;
  std::vector<bool> started(static_cast<size_t>(y.size()), hasIdentity);

  int64_t i = 0;
  forEachIndex(x.shape, [&](Index index) {
    int64_t to = keptPosition(x.shape, index, axes), from = i++;
    if (x.isReal())
      y.reals[to] = started[to] ? combine(kind, y.reals[to], x.reals[from])
                                : x.reals[from];
    else
      y.ints[to] = started[to]
                       ? wrap(y.dtype, combine(kind, y.ints[to], x.ints[from]))
                       : x.ints[from];
    started[to] = true;
  });
  return y;
}

/// Whether x takes the place of y; a NaN is the most extreme number.
template <class T> static bool beats(T x, T y, bool largest) {
  if constexpr (std::is_floating_point_v<T>)
    if (std::isnan(x) || std::isnan(y))
      return !std::isnan(y);
  return largest ? x > y : x < y;
}

static Value firstExtreme(mlir::Operation *op, const Value &x, int64_t axis,
                          bool largest) {
  Value y = zeros(DType::int32, ir::toShape(op->getResult(0).getType()));
  std::vector<std::optional<int64_t>> best(static_cast<size_t>(y.size()));
  int64_t i = 0;
  forEachIndex(x.shape, [&](Index index) {
    int64_t to = keptPosition(x.shape, index, axis), from = i++;
    bool wins = !best[to] ||
                (x.isReal() ? beats(x.reals[from], x.reals[*best[to]], largest)
                            : beats(x.ints[from], x.ints[*best[to]], largest));
    if (!wins)
      return;
    best[to] = from;
    y.ints[to] = index[axis];
  });
  return y;
}

Value evaluate(ir::ArgmaxOp op, Operands operands) {
  return firstExtreme(op, *operands[0], static_cast<int64_t>(op.getAxis()),
                      /*largest=*/true);
}

Value evaluate(ir::ArgminOp op, Operands operands) {
  return firstExtreme(op, *operands[0], static_cast<int64_t>(op.getAxis()),
                      /*largest=*/false);
}

Value evaluate(ir::SoftmaxOp op, Operands operands) {
  Value y = *operands[0];
  auto axis = static_cast<int64_t>(op.getAxis());
  Shape kept = y.shape;
  kept[static_cast<int>(axis)] = 1;
  auto rows = static_cast<size_t>(kept.num_elements());
  std::vector<double> largest(rows, -INFINITY), sum(rows, 0.0);
  auto forEach = [&](auto visit) {
    int64_t i = 0;
    forEachIndex(y.shape, [&](Index index) {
      visit(y.reals[i++], keptPosition(y.shape, index, axis));
    });
  };
  forEach([&](double x, int64_t row) {
    largest[row] = oracle::maximum(largest[row], x);
  });
  forEach([&](double &x, int64_t row) {
    x = std::exp(x - largest[row]);
    sum[row] += x;
  });
  forEach([&](double &x, int64_t row) { x /= sum[row]; });
  return y;
}

Value evaluate(ir::BatchNormOp op, Operands operands) {
  Value y = *operands[0];
  const Value &weight = *operands[1], &bias = *operands[2],
              &mean = *operands[3], &var = *operands[4];
  double eps = op.getEps().convertToDouble();
  int64_t i = 0;
  forEachIndex(y.shape, [&](Index index) {
    int64_t c = index[1];
    double &x = y.reals[i++];
    x = (x - mean.reals[c]) / std::sqrt(var.reals[c] + eps) * weight.reals[c] +
        bias.reals[c];
  });
  return y;
}

} // namespace weft::reference
