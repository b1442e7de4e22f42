// SPDX-License-Identifier: Apache-2.0
// Reductions and normalisations of random graphs.
#include "RandomGraph.h"

#include "weft/Core/ShapeRules.h"

using namespace mlir;

namespace weft::random {

/// The shape without `axes`.
static Shape without(const Shape &shape, ArrayRef<int64_t> axes) {
  Shape kept;
  for (int dim = 0; dim < shape.rank(); ++dim)
    if (!llvm::is_contained(axes, dim))
      kept.push_back(shape[dim]);
  return kept;
}

static Shape withOnes(Shape shape, ArrayRef<int64_t> axes) {
  for (int64_t axis : axes)
    shape[static_cast<int>(axis)] = 1;
  return shape;
}

GraphBuilder::MaybeValue GraphBuilder::reduction() {
  mlir::Value x = some();
  Shape shape = shapeOf(x);
  std::vector<int64_t> axes;
  bool hasNothing = false;
  for (int dim = 0; dim < shape.rank(); ++dim)
    if (draw_.chance(0.5)) {
      axes.push_back(dim);
      hasNothing |= shape[dim] == 0;
    }
  Shape kept = without(shape, axes);
  Type result = type(dtypeOf(x), kept);
  mlir::Value y;
  if (dtypeOf(x) == boolean) {
    y = draw_.chance(0.5) ? create<ir::AllOp>(result, x, axes)
                          : create<ir::AnyOp>(result, x, axes);
  } else {
    int64_t which = draw_.integer(0, hasNothing ? 2 : 5);
    y = which < 2    ? create<ir::SumOp>(result, x, axes)
        : which == 2 ? create<ir::ProdOp>(result, x, axes)
        : which == 3 ? create<ir::MinOp>(result, x, axes)
                     : create<ir::MaxOp>(result, x, axes);
  }
  if (draw_.chance(0.6))
    return y;
  // Back to the shape of x, as a normalisation does.
  y = create<ir::ReshapeOp>(type(dtypeOf(x), withOnes(shape, axes)), y);
  return row(draw_.pick({OpKind::sub, OpKind::less_equal, OpKind::mul}),
             {x, expand(y, shape)});
}

GraphBuilder::MaybeValue GraphBuilder::argReduction() {
  mlir::Value x = someOf(
      [&](mlir::Value value) {
        return dtypeOf(value) != boolean && shapeOf(value).rank() > 0;
      },
      someFloat(), someShape(1, 3));
  Shape shape = shapeOf(x);
  int64_t axis = draw_.integer(0, shape.rank() - 1);
  if (shape[static_cast<int>(axis)] == 0)
    return std::nullopt;
  Type result = type(int32, without(shape, axis));
  auto at = static_cast<uint64_t>(axis);
  return draw_.chance(0.5) ? create<ir::ArgmaxOp>(result, x, at)
                           : create<ir::ArgminOp>(result, x, at);
}

GraphBuilder::MaybeValue GraphBuilder::softmax() {
  mlir::Value x = someFloating(1, 4);
  return create<ir::SoftmaxOp>(
      x.getType(), x,
      static_cast<uint64_t>(draw_.integer(0, shapeOf(x).rank() - 1)));
}

GraphBuilder::MaybeValue GraphBuilder::batchNorm() {
  return batchNorm(someFloating(2, 5));
}

GraphBuilder::MaybeValue GraphBuilder::batchNorm(mlir::Value x) {
  Shape channels{shapeOf(x)[1]};
  DType dtype = dtypeOf(x);
  // Statistics are often parameters, but need not be.
  auto vector = [&] {
    return argument(dtype, channels, /*isParameter=*/draw_.chance(0.9));
  };
  mlir::Value weight = vector(), bias = vector(), mean = vector();
  // A variance is not negative.
  mlir::Value var = row(OpKind::abs, vector());
  return create<ir::BatchNormOp>(
      x.getType(), x, weight, bias, mean, var,
      builder_.getF64FloatAttr(draw_.pick({1e-5, 1e-3, 0.1})));
}

GraphBuilder::MaybeValue GraphBuilder::layerNorm() {
  mlir::Value x = someFloating(1, 3);
  Shape shape = shapeOf(x);
  int64_t n = shape[-1], axis = shape.rank() - 1;
  if (n == 0)
    return std::nullopt;
  mlir::Value narrow = x;
  DType dtype = dtypeOf(x) == float64 ? float64 : float32;
  if (dtypeOf(x) != dtype)
    x = create<ir::CastOp>(type(dtype, shape), x);
  Shape row1 = withOnes(shape, axis);
  auto meanOf = [&](mlir::Value y) {
    std::vector<int64_t> axes = {axis};
    y = create<ir::SumOp>(type(dtype, without(shape, axis)), y, axes);
    y = create<ir::ReshapeOp>(type(dtype, row1), y);
    return row(OpKind::mul,
               {y, number(dtype, row1, 1.0 / static_cast<double>(n))});
  };
  mlir::Value centred = row(OpKind::sub, {x, expand(meanOf(x), shape)});
  mlir::Value var = meanOf(row(OpKind::mul, {centred, centred}));
  var = row(OpKind::add, {var, number(dtype, row1, 1e-5)});
  mlir::Value y =
      row(OpKind::mul, {centred, expand(row(OpKind::rsqrt, var), shape)});
  y = row(OpKind::mul, {y, expand(parameter(dtype, {n}), shape)});
  y = row(OpKind::add, {y, expand(parameter(dtype, {n}), shape)});
  return narrow == x ? y : create<ir::CastOp>(narrow.getType(), y);
}

} // namespace weft::random
