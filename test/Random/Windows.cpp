// SPDX-License-Identifier: Apache-2.0
// Contractions and windows of random graphs.
#include "RandomGraph.h"

#include "weft/Core/ShapeRules.h"

using namespace mlir;

namespace weft::random {

GraphBuilder::MaybeValue GraphBuilder::matmul() {
  mlir::Value x = someOf(
      [&](mlir::Value value) {
        int rank = shapeOf(value).rank();
        return dtypeOf(value) != boolean && rank >= 2 && rank <= 4;
      },
      someFloat(), someShape(2, 3));
  Shape shape = shapeOf(x), other = shape;
  other[-2] = shape[-1];
  other[-1] = someSize();
  StatusOr<Shape> result = shape_rules::matmul(shape, other);
  if (!result.ok() || !fits(*result) || !fits(other) ||
      result->num_elements() * shape[-1] > options_.maxWork)
    return std::nullopt;
  mlir::Value y = someOf(
      [&](mlir::Value value) {
        return dtypeOf(value) == dtypeOf(x) && shapeOf(value) == other;
      },
      dtypeOf(x), other);
  return create<ir::MatmulOp>(type(dtypeOf(x), *result), x, y);
}

GraphBuilder::MaybeValue GraphBuilder::linear() {
  mlir::Value x = someFloating(2, 2);
  Shape shape = shapeOf(x);
  int64_t outputs = draw_.integer(1, 20);
  // Weights as PyTorch keeps them: [out, in].
  mlir::Value w = parameter(dtypeOf(x), {outputs, shape[1]});
  if (!fits(shapeOf(w)) || !fits({shape[0], outputs}))
    return std::nullopt;
  std::vector<int64_t> swap = {1, 0};
  w = create<ir::TransposeOp>(type(dtypeOf(x), {shape[1], outputs}), w, swap);
  Shape result{shape[0], outputs};
  mlir::Value y = create<ir::MatmulOp>(type(dtypeOf(x), result), x, w);
  y = row(OpKind::add, {y, expand(parameter(dtypeOf(x), {outputs}), result)});
  if (draw_.chance(0.3))
    return batchNorm(y);
  return draw_.chance(0.5) ? row(OpKind::relu, y) : y;
}

/// As programs write it: casts, a scale and a bias stand between or not.
GraphBuilder::MaybeValue GraphBuilder::attention() {
  DType dtype = draw_.pick({float16, float16, bfloat16, float32});
  int64_t rows = draw_.integer(15, 24), keys = draw_.integer(16, 40),
          depth = 16 * draw_.integer(1, 2), columns = 16 * draw_.integer(1, 2);
  Shape heads = draw_.chance(0.5) ? Shape() : Shape{2};
  auto with = [&](int64_t height, int64_t width) {
    Shape shape = heads;
    shape.push_back(height);
    shape.push_back(width);
    return shape;
  };
  auto someOfShape = [&](const Shape &shape) {
    return someOf(
        [&](mlir::Value value) {
          return dtypeOf(value) == dtype && shapeOf(value) == shape;
        },
        dtype, shape);
  };
  for (const Shape &shape : {with(keys, depth), with(rows, keys)})
    if (!fits(shape))
      return std::nullopt;
  mlir::Value query = someOfShape(with(rows, depth));
  mlir::Value key = someOfShape(with(depth, keys));
  mlir::Value y =
      create<ir::MatmulOp>(type(dtype, with(rows, keys)), query, key);
  auto castTo = [&](DType to) {
    if (dtypeOf(y) != to)
      y = create<ir::CastOp>(type(to, shapeOf(y)), y);
  };
  if (draw_.chance(0.3))
    castTo(float32);
  if (draw_.chance(0.7)) {
    mlir::Value scale = draw_.chance(0.5) ? number(dtypeOf(y), shapeOf(y), 0.25)
                                          : scalar(dtypeOf(y), shapeOf(y));
    y = row(draw_.chance(0.7) ? OpKind::mul : OpKind::div, {y, scale});
  }
  if (draw_.chance(0.4))
    y = row(OpKind::add, {y, companionOf(y)});
  y = create<ir::SoftmaxOp>(y.getType(), y,
                            static_cast<uint64_t>(shapeOf(y).rank() - 1));
  castTo(dtype);
  mlir::Value value = someOfShape(with(keys, columns));
  return create<ir::MatmulOp>(type(dtype, with(rows, columns)), y, value);
}

std::vector<int64_t> GraphBuilder::somePadding(int n) {
  std::vector<int64_t> padding;
  for (int i = 0; i < 2 * n; ++i)
    padding.push_back(draw_.chance(0.5) ? 0 : draw_.integer(0, 3));
  return padding;
}

GraphBuilder::MaybeValue GraphBuilder::conv() {
  return conv(someFloating(3, 5), draw_.integer(1, 6));
}

GraphBuilder::MaybeValue GraphBuilder::conv(mlir::Value x, int64_t outputs) {
  Shape shape = shapeOf(x);
  const int n = shape.rank() - 2;
  const int64_t channels = shape[1];
  if (channels == 0)
    return std::nullopt;
  int64_t groups = draw_.chance(0.6) ? 1 : draw_.integer(1, channels);
  if (channels % groups != 0)
    groups = channels;
  outputs *= groups;
  Shape kernel{outputs, channels / groups};
  std::vector<int64_t> stride, padding = somePadding(n), dilation;
  for (int d = 0; d < n; ++d) {
    kernel.push_back(draw_.integer(1, draw_.chance(0.8) ? 3 : 5));
    stride.push_back(draw_.chance(0.7) ? 1 : draw_.integer(2, 3));
    dilation.push_back(draw_.chance(0.8) ? 1 : draw_.integer(2, 3));
  }
  bool hasBias = draw_.chance(0.5);
  std::optional<Shape> bias;
  if (hasBias)
    bias = Shape{outputs};
  StatusOr<Shape> result = shape_rules::conv(
      shape, kernel, bias, {stride, padding, dilation, groups});
  if (!result.ok() || !fits(*result) || !fits(kernel) ||
      result->num_elements() * kernel.num_elements() / outputs >
          options_.maxWork)
    return std::nullopt;
  DType dtype = dtypeOf(x);
  mlir::Value w = argument(dtype, kernel, draw_.chance(0.9));
  mlir::Value b = hasBias ? parameter(dtype, *bias) : mlir::Value();
  return create<ir::ConvOp>(type(dtype, *result), x, w, b, stride, padding,
                            dilation, static_cast<uint64_t>(groups));
}

GraphBuilder::MaybeValue GraphBuilder::convBlock() {
  MaybeValue y = conv(someFloating(3, 5), draw_.integer(1, 6));
  if (!y)
    return y;
  if (draw_.chance(0.8))
    y = batchNorm(*y);
  if (y && draw_.chance(0.4))
    y = row(OpKind::add, {*y, companionOf(*y)});
  return draw_.chance(0.7) ? row(OpKind::relu, *y) : *y;
}

/// How networks for images begin: few channels, a stride of 2, max pooling.
/// Windows of odd sizes are of bytes: infinities would meet the zero weights
/// that a stride of 2 adds, and be NaN.
GraphBuilder::MaybeValue GraphBuilder::stem() {
  const DType dtype = draw_.pick({float16, float16, bfloat16});
  const Shape image{draw_.integer(1, 2), draw_.integer(1, 4),
                    draw_.integer(4, 9), draw_.integer(31, 40)};
  const int64_t outputs = 8 * draw_.integer(2, 4);
  const Shape kernel{outputs, image[1], draw_.integer(1, 4),
                     draw_.integer(3, 5)};
  const std::vector<int64_t> stride = {draw_.integer(1, 2), 2},
                             padding = somePadding(2), dilation = {1, 1};
  StatusOr<Shape> result = shape_rules::conv(image, kernel, std::nullopt,
                                             {stride, padding, dilation, 1});
  if (!result.ok() || !fits(image) || !fits(*result))
    return std::nullopt;
  const bool isOdd = kernel[3] % 2 == 1;
  mlir::Value x = argument(isOdd ? uint8 : dtype, image, /*isParameter=*/false);
  if (isOdd)
    x = create<ir::CastOp>(type(dtype, image), x);
  mlir::Value y =
      create<ir::ConvOp>(type(dtype, *result), x, parameter(dtype, kernel),
                         mlir::Value(), stride, padding, dilation, uint64_t{1});
  MaybeValue block = draw_.chance(0.7) ? batchNorm(y) : y;
  if (block && draw_.chance(0.5))
    block = row(OpKind::relu, *block);
  return block ? maxpool(*block) : block;
}

GraphBuilder::MaybeValue GraphBuilder::maxpool() {
  return maxpool(someOf(
      [&](mlir::Value value) {
        int rank = shapeOf(value).rank();
        return dtypeOf(value) != boolean && rank >= 3 && rank <= 5;
      },
      someFloat(), someShape(3, 5)));
}

GraphBuilder::MaybeValue GraphBuilder::maxpool(mlir::Value x) {
  Shape shape = shapeOf(x);
  const int n = shape.rank() - 2;
  std::vector<int64_t> kernel, stride, padding, dilation(n, 1);
  for (int d = 0; d < n; ++d) {
    kernel.push_back(draw_.integer(1, draw_.chance(0.8) ? 3 : 5));
    stride.push_back(draw_.integer(1, 3));
    for (int side = 0; side < 2; ++side)
      padding.push_back(draw_.integer(0, kernel.back() / 2));
  }
  StatusOr<Shape> result =
      shape_rules::pool("maxpool", shape, kernel, {stride, padding, dilation});
  if (!result.ok() || !fits(*result))
    return std::nullopt;
  return create<ir::MaxpoolOp>(type(dtypeOf(x), *result), x, kernel, stride,
                               padding);
}

GraphBuilder::MaybeValue GraphBuilder::avgpool() {
  mlir::Value x = someOf(
      [&](mlir::Value value) {
        int rank = shapeOf(value).rank();
        return dtypeOf(value) != boolean && rank >= 3 && rank <= 5;
      },
      someFloat(), someShape(3, 5));
  Shape shape = shapeOf(x);
  const int n = shape.rank() - 2;
  std::vector<int64_t> kernel, stride, padding = somePadding(n), dilation(n, 1);
  for (int d = 0; d < n; ++d) {
    kernel.push_back(draw_.integer(1, draw_.chance(0.8) ? 3 : 5));
    stride.push_back(draw_.integer(1, 3));
  }
  StatusOr<Shape> result =
      shape_rules::pool("avgpool", shape, kernel, {stride, padding, dilation});
  if (!result.ok() || !fits(*result))
    return std::nullopt;
  return create<ir::AvgpoolOp>(type(dtypeOf(x), *result), x, kernel, stride,
                               padding, draw_.chance(0.5));
}

/// The result of one kernel added to that of another, and read by a third: the
/// sum may lie where what nothing else reads did. Either may come first.
GraphBuilder::MaybeValue GraphBuilder::residual() {
  mlir::Value y = someOf(
      [&](mlir::Value value) {
        Operation *op = value.getDefiningOp();
        return op && !ir::isElementwise(op) && !ir::isView(op) &&
               !ir::isSource(op) && dtypeOf(value) != boolean &&
               shapeOf(value).rank() > 0 && shapeOf(value).rank() < 6;
      },
      someFloat(), someShape(1, 4));
  Shape shape = shapeOf(y), parts = shape;
  parts.push_back(2);
  if (!fits(parts))
    return std::nullopt;
  mlir::Value x = argument(dtypeOf(y), parts, /*isParameter=*/false);
  std::vector<int64_t> axes = {shape.rank()};
  OpBuilder::InsertPoint end = builder_.saveInsertionPoint();
  if (y.getDefiningOp() && draw_.chance(0.5))
    builder_.setInsertionPoint(y.getDefiningOp());
  mlir::Value r = create<ir::SumOp>(y.getType(), x, axes);
  builder_.restoreInsertionPoint(end);
  mlir::Value z = row(OpKind::add, {y, r});
  if (draw_.chance(0.3))
    z = row(OpKind::relu, z);
  axes = {0};
  Shape rest(std::span<const int64_t>(shape.begin() + 1, shape.end()));
  return create<ir::SumOp>(type(dtypeOf(z), rest), z, axes);
}

/// A product of 64 or 128 steps of k, with weights that may lie the other way.
mlir::Value GraphBuilder::rowsByMatrix(DType dtype, int64_t rows,
                                       int64_t columns) {
  const int64_t depth = draw_.chance(0.7) ? 64 : 128;
  mlir::Value x = argument(dtype, {rows, depth}, /*isParameter=*/false), w;
  if (draw_.chance(0.5)) {
    w = parameter(dtype, {depth, columns});
  } else {
    std::vector<int64_t> swap = {1, 0};
    w = create<ir::TransposeOp>(type(dtype, {depth, columns}),
                                parameter(dtype, {columns, depth}), swap);
  }
  return create<ir::MatmulOp>(type(dtype, {rows, columns}), x, w);
}

/// The same of pixels, or of every second one of few channels.
mlir::Value GraphBuilder::pixelsByMatrix(DType dtype, const Shape &result) {
  const int n = result.rank() - 2;
  Shape image{result[0], draw_.chance(0.7) ? 64 : 128},
      weights{result[1], image[1]};
  std::vector<int64_t> stride, padding(2 * n, 0), dilation(n, 1);
  for (int d = 0; d < n; ++d) {
    stride.push_back(image[1] > 64 || draw_.chance(0.5) ? 1 : 2);
    // Of a step the last pixels may be left out.
    image.push_back((result[d + 2] - 1) * stride[d] +
                    draw_.integer(1, stride[d]));
    weights.push_back(1);
  }
  mlir::Value x = argument(dtype, image, /*isParameter=*/false),
              w = parameter(dtype, weights),
              b = draw_.chance(0.3) ? parameter(dtype, {result[1]})
                                    : mlir::Value();
  return create<ir::ConvOp>(type(dtype, result), x, w, b, stride, padding,
                            dilation, uint64_t{1});
}

/// How a stage of a residual network begins, and how gates are computed: what
/// is added are products of sizes that tensor cores take, just so.
mlir::Value GraphBuilder::sumOfProducts() {
  const DType dtype = draw_.pick({float16, float16, bfloat16});
  const int64_t columns = 8 * draw_.integer(2, 3);
  Shape shape{draw_.integer(16, 18), columns};
  if (draw_.chance(0.5))
    shape = draw_.pick({Shape{1, columns, 4, 4}, Shape{2, columns, 3, 3},
                        Shape{1, columns, 16}, Shape{1, columns, 3, 2, 3}});
  auto summand = [&] {
    mlir::Value y = shape.rank() == 2 ? rowsByMatrix(dtype, shape[0], columns)
                                      : pixelsByMatrix(dtype, shape);
    return draw_.chance(0.5) ? *batchNorm(y) : y;
  };
  mlir::Value first = summand(), second = summand();
  mlir::Value y = row(OpKind::add, {first, second});
  return draw_.chance(0.5) ? row(OpKind::relu, y) : y;
}

} // namespace weft::random
