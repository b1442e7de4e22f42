// SPDX-License-Identifier: Apache-2.0
// Ops of random graphs that make or move elements.
#include "RandomGraph.h"

#include <algorithm>

using namespace mlir;

namespace weft::random {

GraphBuilder::MaybeValue GraphBuilder::broadcast() {
  mlir::Value x = some();
  Shape shape = shapeOf(x), wide;
  for (auto extra = draw_.integer(0, 2); extra > 0; --extra)
    wide.push_back(draw_.integer(1, 4));
  for (int64_t size : shape)
    wide.push_back(size == 1 && draw_.chance(0.7) ? someSize() : size);
  if (!fits(wide))
    return std::nullopt;
  return create<ir::BroadcastOp>(type(dtypeOf(x), wide), x);
}

GraphBuilder::MaybeValue GraphBuilder::reshape() {
  mlir::Value x = some();
  Shape shape = shapeOf(x), other;
  int64_t left = shape.num_elements();
  if (left == 0 || draw_.chance(0.2)) { // only sizes of 1 come or go
    for (int64_t size : shape)
      if (size != 1)
        other.push_back(size);
    if (draw_.chance(0.5))
      other.push_back(1);
  } else {
    while (left > 1 && other.rank() < 4) {
      int64_t size = draw_.integer(1, std::min<int64_t>(left, 12));
      if (left % size == 0) {
        other.push_back(size);
        left /= size;
      }
    }
    if (left > 1)
      other.push_back(left);
  }
  if (!fits(other))
    return std::nullopt;
  return create<ir::ReshapeOp>(type(dtypeOf(x), other), x);
}

GraphBuilder::MaybeValue GraphBuilder::transpose() {
  mlir::Value x = some();
  Shape shape = shapeOf(x), other;
  std::vector<int64_t> permutation;
  for (int64_t i = 0; i < shape.rank(); ++i)
    permutation.insert(permutation.begin() + draw_.integer(0, i), i);
  for (int64_t axis : permutation)
    other.push_back(shape[static_cast<int>(axis)]);
  return create<ir::TransposeOp>(type(dtypeOf(x), other), x, permutation);
}

GraphBuilder::MaybeValue GraphBuilder::slice() {
  mlir::Value x = some();
  Shape shape = shapeOf(x), other;
  std::vector<int64_t> starts, steps;
  for (int64_t size : shape) {
    int64_t count =
        size == 0 || draw_.chance(0.05) ? 0 : draw_.integer(1, size);
    if (count == 0) {
      starts.push_back(0);
      steps.push_back(1);
      other.push_back(0);
      continue;
    }
    int64_t longest = count > 1 ? (size - 1) / (count - 1) : 1;
    int64_t step = draw_.integer(1, std::min<int64_t>(longest, 3));
    int64_t start = draw_.integer(0, size - 1 - step * (count - 1));
    bool backwards = draw_.chance(0.3);
    starts.push_back(backwards ? start + step * (count - 1) : start);
    steps.push_back(backwards ? -step : step);
    other.push_back(count);
  }
  return create<ir::SliceOp>(type(dtypeOf(x), other), x, starts, steps);
}

/// Upwards, downwards or as it is, up to one element outside of each dim.
GraphBuilder::MaybeValue GraphBuilder::resample() {
  mlir::Value x = some();
  Shape shape = shapeOf(x), other;
  std::vector<int64_t> starts, steps, divisors;
  for (int64_t size : shape) {
    bool isKept = size == 0 || draw_.chance(0.4);
    int64_t divisor = isKept ? 1 : draw_.integer(1, 8);
    divisors.push_back(divisor);
    steps.push_back(isKept ? 1 : draw_.integer(0, 2 * divisor));
    starts.push_back(isKept ? 0 : draw_.integer(-divisor, divisor - 1));
    int64_t room = (size + 1) * divisor - 1 - starts.back();
    int64_t most =
        std::min<int64_t>(room / std::max<int64_t>(steps.back(), 1), 2 * size) +
        1;
    other.push_back(isKept ? size : draw_.integer(1, most));
  }
  if (!fits(other))
    return std::nullopt;
  return create<ir::ResampleOp>(type(dtypeOf(x), other), x, starts, steps,
                                divisors);
}

GraphBuilder::MaybeValue GraphBuilder::concatenate() {
  mlir::Value x =
      someOf([&](mlir::Value value) { return shapeOf(value).rank() > 0; },
             someDType(), someShape(1, 3));
  Shape shape = shapeOf(x);
  auto axis = static_cast<int>(draw_.integer(0, shape.rank() - 1));
  auto joins = [&](mlir::Value value) {
    Shape other = shapeOf(value);
    if (dtypeOf(value) != dtypeOf(x) || other.rank() != shape.rank())
      return false;
    other[axis] = shape[axis];
    return other == shape;
  };
  SmallVector<mlir::Value> inputs = {x};
  for (auto more = draw_.integer(0, 2); more > 0; --more) {
    Shape other = shape;
    other[axis] = draw_.integer(0, 4);
    inputs.push_back(someOf(joins, dtypeOf(x), other));
  }
  std::swap(inputs.front(), inputs[static_cast<size_t>(draw_.integer(
                                0, static_cast<int64_t>(inputs.size()) - 1))]);
  shape[axis] = 0;
  for (mlir::Value input : inputs)
    shape[axis] += shapeOf(input)[axis];
  if (!fits(shape))
    return std::nullopt;
  return create<ir::ConcatenateOp>(type(dtypeOf(x), shape), inputs,
                                   static_cast<uint64_t>(axis));
}

/// Rolled along an axis again and again: n times are 2^n paths to the elements.
GraphBuilder::MaybeValue GraphBuilder::rolls() {
  mlir::Value x =
      someOf([&](mlir::Value value) { return shapeOf(value).rank() > 0; },
             someDType(), someShape(1, 3));
  const Shape shape = shapeOf(x);
  auto axis = static_cast<int>(draw_.integer(0, shape.rank() - 1));
  if (shape[axis] < 2)
    return std::nullopt;
  auto part = [&](mlir::Value of, int64_t begin, int64_t end) {
    Shape size = shape;
    size[axis] = end - begin;
    std::vector<int64_t> starts(static_cast<size_t>(shape.rank()), 0),
        steps(starts.size(), 1);
    starts[static_cast<size_t>(axis)] = begin;
    return create<ir::SliceOp>(type(dtypeOf(x), size), of, starts, steps);
  };
  for (auto times = draw_.integer(1, 10); times > 0; --times) {
    int64_t at = draw_.integer(1, shape[axis] - 1);
    SmallVector<mlir::Value> parts = {part(x, at, shape[axis]), part(x, 0, at)};
    x = create<ir::ConcatenateOp>(x.getType(), parts,
                                  static_cast<uint64_t>(axis));
  }
  return x;
}

/// Two parts without elements joined, their sum, and the sum beside them.
GraphBuilder::MaybeValue GraphBuilder::partsOfNothing() {
  mlir::Value x = someOf(
      [&](mlir::Value value) {
        return shapeOf(value).rank() > 0 && dtypeOf(value) != boolean;
      },
      someFloat(), someShape(1, 3));
  Shape shape = shapeOf(x);
  const int64_t axis = draw_.integer(0, shape.rank() - 1);
  shape[static_cast<int>(axis)] = 0;
  std::vector<int64_t> starts(static_cast<size_t>(shape.rank()), 0),
      steps(starts.size(), 1), axes = {axis};
  RankedTensorType nothing = type(dtypeOf(x), shape);
  mlir::Value part = create<ir::SliceOp>(nothing, x, starts, steps);
  SmallVector<mlir::Value> parts = {part, part};
  mlir::Value joined =
      create<ir::ConcatenateOp>(nothing, parts, static_cast<uint64_t>(axis));
  Shape kept, keepdim = shape;
  for (int dim = 0; dim < shape.rank(); ++dim)
    if (dim != axis)
      kept.push_back(shape[dim]);
  keepdim[static_cast<int>(axis)] = 1;
  mlir::Value sum = create<ir::SumOp>(type(dtypeOf(x), kept), joined, axes);
  sum = create<ir::ReshapeOp>(type(dtypeOf(x), keepdim), sum);
  pool_.push_back(sum);
  return row(OpKind::sub, {joined, expand(sum, shape)});
}

GraphBuilder::MaybeValue GraphBuilder::iota() {
  Shape shape = someShape(1, 3);
  DType dtype = draw_.pick({float32, int32, int64, float16, uint8});
  return create<ir::IotaOp>(
      type(dtype, shape),
      static_cast<uint64_t>(draw_.integer(0, shape.rank() - 1)));
}

GraphBuilder::MaybeValue GraphBuilder::asStrided() {
  Shape shape = someShape(1, 3);
  if (shape.num_elements() == 0)
    return std::nullopt;
  std::vector<int64_t> strides;
  int64_t low = 0, high = 0;
  for (int64_t size : shape) {
    strides.push_back(draw_.integer(-3, 8));
    (strides.back() < 0 ? low : high) += (size - 1) * strides.back();
  }
  int64_t offset = draw_.integer(0, 2) - low;
  Shape memory{offset + high + 1 + draw_.integer(0, 3)};
  if (!fits(memory))
    return std::nullopt;
  mlir::Value x = argument(someDType(), memory, /*isParameter=*/false);
  return create<ir::AsStridedOp>(type(dtypeOf(x), shape), x,
                                 static_cast<uint64_t>(offset), strides);
}

static Attribute element(OpBuilder &builder, Type type, double value) {
  if (auto floating = dyn_cast<FloatType>(type))
    return FloatAttr::get(floating, value);
  auto integer = cast<IntegerType>(type);
  return IntegerAttr::get(
      integer, APInt(integer.getWidth(),
                     static_cast<uint64_t>(static_cast<int64_t>(value)),
                     /*isSigned=*/true));
}

mlir::Value GraphBuilder::number(DType dtype, const Shape &shape,
                                 double value) {
  RankedTensorType type = this->type(dtype, shape);
  if (dtype == boolean || dtype == uint8)
    value = value != 0;
  return create<ir::ConstantOp>(
      type, cast<TypedAttr>(Attribute(DenseElementsAttr::get(
                type, element(builder_, type.getElementType(), value)))));
}

GraphBuilder::MaybeValue GraphBuilder::constant() {
  RankedTensorType type = this->type(someDType(), someShape(0, 2));
  SmallVector<Attribute> elements;
  bool isSmall = dtype_of<bool>() == ir::toDType(type.getElementType());
  for (int64_t i = 0; i < type.getNumElements(); ++i)
    elements.push_back(
        element(builder_, type.getElementType(),
                isSmall ? static_cast<double>(draw_.integer(0, 1))
                        : static_cast<double>(draw_.integer(-28, 28)) * 0.25));
  return create<ir::ConstantOp>(
      type, cast<TypedAttr>(Attribute(DenseElementsAttr::get(type, elements))));
}

GraphBuilder::MaybeValue GraphBuilder::splat() {
  DType dtype = draw_.pick({float32, float32, float64, int32, boolean});
  return scalar(dtype, someShape(0, 3));
}

mlir::Value GraphBuilder::scalar(DType dtype, const Shape &shape) {
  Type scalar = ir::toElementType(builder_.getContext(), dtype);
  unsigned number = main_.getBody().front().getNumArguments();
  main_.insertArgument(
      number, scalar,
      builder_.getDictionaryAttr(builder_.getNamedAttr(
          ir::kScalarAttr, builder_.getI64IntegerAttr(numScalars_++))),
      builder_.getUnknownLoc());
  return create<ir::SplatOp>(type(dtype, shape), main_.getArgument(number));
}

} // namespace weft::random
