// SPDX-License-Identifier: Apache-2.0
// Type inference and verifiers of the ops with a shape rule of their own. The
// rules are those of Core/ShapeRules; here they meet MLIR's types.
#include "weft/Core/ShapeRules.h"
#include "weft/IR/Dialect.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace mlir;

namespace weft::ir {

static std::span<const int64_t> span(ArrayRef<int64_t> array) {
  return {array.data(), array.size()};
}

static LogicalResult inferred(const StatusOr<Shape> &shape, Type element,
                              std::optional<Location> location,
                              SmallVectorImpl<Type> &types) {
  if (!shape.ok())
    return emitOptionalError(location, shape.status().message());
  types.push_back(
      RankedTensorType::get(ArrayRef(shape->begin(), shape->size()), element));
  return success();
}

static Type elementOf(Value value) {
  return getElementTypeOrSelf(value.getType());
}

/// The op's result must have the shape that the rule gives and the element type
/// of `like`.
static LogicalResult verifyResult(Operation *op, const StatusOr<Shape> &shape,
                                  Type element) {
  if (!shape.ok())
    return op->emitError() << shape.status().message();
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  if (toShape(result) != *shape)
    return op->emitError() << mnemonic(op)
                           << ": result has another shape: rule "
                           << to_string(*shape) << ", written "
                           << to_string(toShape(result));
  if (result.getElementType() != element)
    return op->emitError() << mnemonic(op) << ": result has another type: rule "
                           << element << ", written "
                           << result.getElementType();
  return success();
}

static LogicalResult sameElements(Operation *op, ValueRange values) {
  for (Value value : values)
    if (elementOf(value) != elementOf(values[0]))
      return op->emitError()
             << mnemonic(op)
             << ": operand types differ: " << elementOf(values[0]) << " and "
             << elementOf(value);
  return success();
}

/// A parameter has the type of x, or f32 where x is narrower: it meets x in
/// f32, rounded once at the end.
static LogicalResult verifyParameterType(Operation *op, StringRef name,
                                         Value parameter, Value x) {
  Type type = elementOf(parameter), data = elementOf(x);
  if (type == data || (type.isF32() && data.getIntOrFloatBitWidth() < 32))
    return success();
  return op->emitError() << mnemonic(op) << ": " << name
                         << " is not of x's type or f32 for a narrower x: x "
                         << data << ", " << name << ' ' << type;
}

// ---- values -----------------------------------------------------------------

LogicalResult ConstantOp::verify() {
  if (!isa<DenseElementsAttr>(getValue()))
    return emitError() << "constant: elements are not dense: " << getValue();
  return success();
}

LogicalResult SplatOp::verify() {
  if (getScalar().getType() != elementOf(getResult()))
    return emitError() << "splat: result has another type: scalar "
                       << getScalar().getType() << ", result "
                       << elementOf(getResult());
  return success();
}

/// The front end has made axes non-negative.
static LogicalResult verifyAxis(Operation *op, uint64_t attribute) {
  auto written = static_cast<int64_t>(attribute);
  StatusOr<int> axis = shape_rules::axis(
      mnemonic(op), written, toShape(op->getResult(0).getType()).rank());
  if (!axis.ok())
    return op->emitError() << axis.status().message();
  if (*axis != written)
    return op->emitError() << mnemonic(op) << ": axis is negative: " << written;
  return success();
}

LogicalResult IotaOp::verify() { return verifyAxis(*this, getAxis()); }

// ---- moving elements --------------------------------------------------------

LogicalResult BroadcastOp::verify() {
  return verifyResult(
      *this, shape_rules::expand(toShape(getX().getType()), toShape(getType())),
      elementOf(getX()));
}

LogicalResult ReshapeOp::verify() {
  return verifyResult(
      *this,
      shape_rules::reshape(toShape(getX().getType()), toShape(getType())),
      elementOf(getX()));
}

LogicalResult
TransposeOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                              ValueRange operands, DictionaryAttr attributes,
                              OpaqueProperties properties, RegionRange regions,
                              SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  return inferred(shape_rules::transpose(toShape(adaptor.getX().getType()),
                                         span(adaptor.getPermutation())),
                  elementOf(adaptor.getX()), location, types);
}

LogicalResult TransposeOp::verify() {
  return verifyResult(
      *this,
      shape_rules::transpose(toShape(getX().getType()), span(getPermutation())),
      elementOf(getX()));
}

LogicalResult SliceOp::verify() {
  Shape sizes = toShape(getType());
  return verifyResult(
      *this,
      shape_rules::strided_slice(
          toShape(getX().getType()), span(getStarts()), span(getSteps()),
          std::span<const int64_t>(sizes.begin(), sizes.size())),
      elementOf(getX()));
}

LogicalResult ResampleOp::verify() {
  Shape sizes = toShape(getType());
  return verifyResult(
      *this,
      shape_rules::resample(
          toShape(getX().getType()), span(getStarts()), span(getSteps()),
          span(getDivisors()),
          std::span<const int64_t>(sizes.begin(), sizes.size())),
      elementOf(getX()));
}

static StatusOr<Shape> concatenatedShape(ValueRange inputs, int64_t axis) {
  SmallVector<Shape> shapes;
  for (Value input : inputs)
    shapes.push_back(toShape(input.getType()));
  return shape_rules::concatenate({shapes.data(), shapes.size()}, axis);
}

LogicalResult ConcatenateOp::inferReturnTypes(
    MLIRContext *, std::optional<Location> location, ValueRange operands,
    DictionaryAttr attributes, OpaqueProperties properties, RegionRange regions,
    SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  if (operands.empty())
    return emitOptionalError(location, "concatenate: no inputs");
  return inferred(concatenatedShape(adaptor.getInputs(),
                                    static_cast<int64_t>(adaptor.getAxis())),
                  elementOf(operands[0]), location, types);
}

LogicalResult ConcatenateOp::verify() {
  if (getInputs().empty())
    return emitError() << "concatenate: no inputs";
  if (failed(verifyAxis(*this, getAxis())) ||
      failed(sameElements(*this, getInputs())))
    return failure();
  return verifyResult(
      *this, concatenatedShape(getInputs(), static_cast<int64_t>(getAxis())),
      elementOf(getInputs()[0]));
}

LogicalResult AsStridedOp::verify() {
  auto source = cast<RankedTensorType>(getX().getType());
  Shape shape = toShape(getType());
  if (source.getRank() != 1)
    return emitError() << "as_strided: x must have rank 1: got "
                       << to_string(toShape(source));
  if (static_cast<int64_t>(getStrides().size()) != shape.rank())
    return emitError() << "as_strided: one stride a dimension: got "
                       << getStrides().size() << " for rank " << shape.rank();
  // Wide enough for any sum of products of two int64.
  __int128 low = static_cast<int64_t>(getOffset()), high = low;
  for (auto [size, stride] : llvm::zip(shape, getStrides()))
    (stride < 0 ? low : high) += __int128(size - 1) * stride;
  auto clamped = [](__int128 position) {
    return static_cast<int64_t>(
        std::clamp<__int128>(position, INT64_MIN, INT64_MAX));
  };
  if (shape.num_elements() > 0 && (low < 0 || high >= source.getDimSize(0)))
    return emitError() << "as_strided: elements outside x: reaches "
                       << clamped(low) << " to " << clamped(high) << " of "
                       << source.getDimSize(0);
  return verifyResult(*this, shape, elementOf(getX()));
}

// ---- reductions -------------------------------------------------------------

static LogicalResult inferReductionType(StringRef name,
                                        std::optional<Location> location,
                                        Value x, ArrayRef<int64_t> axes,
                                        SmallVectorImpl<Type> &types) {
  return inferred(shape_rules::reduce(name, toShape(x.getType()), span(axes)),
                  elementOf(x), location, types);
}

static LogicalResult inferArgReductionType(StringRef name,
                                           std::optional<Location> location,
                                           Value x, int64_t axis,
                                           SmallVectorImpl<Type> &types) {
  return inferred(shape_rules::reduce(name, toShape(x.getType()), span({axis})),
                  IntegerType::get(x.getContext(), 32), location, types);
}

/// Reductions along the innermost axis read rows; others read columns.
static ScheduleKind reductionSchedule(Value x, ArrayRef<int64_t> axes) {
  int64_t innermost = -1;
  for (auto [i, size] :
       llvm::enumerate(cast<RankedTensorType>(x.getType()).getShape()))
    if (size != 1)
      innermost = static_cast<int64_t>(i);
  return llvm::is_contained(axes, innermost) ? ScheduleKind::row
                                             : ScheduleKind::column;
}

static LogicalResult verifyReduction(StringRef name, Operation *op, Value x,
                                     ArrayRef<int64_t> axes) {
  Shape shape = toShape(x.getType());
  const bool isArg = name.starts_with("arg");
  Status status;
  if (isArg)
    status = shape_rules::positions(name, shape, axes.front());
  else if (name == "max" || name == "min")
    status = shape_rules::non_empty(name, shape, span(axes));
  if (!status.ok())
    return op->emitError() << status.message();
  Type element = isArg ? IntegerType::get(op->getContext(), 32) : elementOf(x);
  return verifyResult(op, shape_rules::reduce(name, shape, span(axes)),
                      element);
}

// ---- whole ops --------------------------------------------------------------

LogicalResult SoftmaxOp::verify() { return verifyAxis(*this, getAxis()); }

LogicalResult BatchNormOp::verify() {
  for (auto [name, value] :
       {std::pair("weight", getWeight()), std::pair("bias", getBias()),
        std::pair("running_mean", getRunningMean()),
        std::pair("running_var", getRunningVar())})
    if (failed(verifyParameterType(*this, name, value, getX())))
      return failure();
  double eps = getEps().convertToDouble();
  if (!std::isfinite(eps) || eps < 0)
    return emitError() << "batch_norm: eps is negative or not finite: got "
                       << eps;
  auto shape = [](Value v) { return toShape(v.getType()); };
  return verifyResult(*this,
                      shape_rules::batch_norm(
                          shape(getX()), shape(getWeight()), shape(getBias()),
                          shape(getRunningMean()), shape(getRunningVar())),
                      elementOf(getX()));
}

// ---- contractions and windows -----------------------------------------------

LogicalResult
MatmulOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                           ValueRange operands, DictionaryAttr attributes,
                           OpaqueProperties properties, RegionRange regions,
                           SmallVectorImpl<Type> &types) {
  return inferred(shape_rules::matmul(toShape(operands[0].getType()),
                                      toShape(operands[1].getType())),
                  elementOf(operands[0]), location, types);
}

/// What says that something is rounded to TF32 must be about f32.
static LogicalResult verifyTf32(Operation *op, bool isTf32) {
  Type element = elementOf(op->getResult(0));
  if (isTf32 && !element.isF32())
    return op->emitError() << mnemonic(op) << ": tf32 is of f32: got "
                           << element;
  return success();
}

LogicalResult ReducePrecisionOp::verify() {
  return verifyTf32(*this, getTf32());
}

LogicalResult MatmulOp::verify() {
  if (failed(sameElements(*this, getOperands())) ||
      failed(verifyTf32(*this, getTf32Weights())))
    return failure();
  return verifyResult(*this,
                      shape_rules::matmul(toShape(getLhs().getType()),
                                          toShape(getRhs().getType())),
                      elementOf(getLhs()));
}

SmallVector<int64_t> MatmulOp::getInnerSizes() {
  return {cast<RankedTensorType>(getLhs().getType()).getShape().back()};
}

ScheduleKind MatmulOp::getScheduleKind() { return ScheduleKind::gemm; }

/// The same shape with another end.
static Shape withEnd(const Shape &shape, int64_t rows, int64_t columns) {
  Shape result = shape;
  result[-2] = rows;
  result[-1] = columns;
  return result;
}

LogicalResult AttentionOp::verify() {
  if (failed(sameElements(*this, {getQuery(), getKey(), getValue()})))
    return failure();
  Shape query = toShape(getQuery().getType()),
        key = toShape(getKey().getType()),
        value = toShape(getValue().getType());
  auto refuse = [&](StringRef name, const Shape &rule, const Shape &written) {
    return emitError() << "attention: " << name << " has another shape: rule "
                       << to_string(rule) << ", written " << to_string(written);
  };
  if (query.rank() < 2)
    return emitError() << "attention: query has no rows: " << to_string(query);
  if (key.rank() != query.rank() || value.rank() != query.rank())
    return emitError() << "attention: ranks differ: query " << query.rank()
                       << ", key " << key.rank() << ", value " << value.rank();
  if (Shape rule = withEnd(query, key[-2], query[-1]); key != rule)
    return refuse("key", rule, key);
  if (Shape rule = withEnd(query, key[-2], value[-1]); value != rule)
    return refuse("value", rule, value);
  if (Shape scale = toShape(getScale().getType()); scale.rank() != 0)
    return refuse("scale", Shape(), scale);
  if (getBias()) {
    Shape bias = toShape(getBias().getType()),
          rule = withEnd(query, query[-2], key[-2]);
    if (bias != rule)
      return refuse("bias", rule, bias);
  }
  StatusOr<Shape> scores =
      shape_rules::matmul(query, withEnd(key, key[-1], key[-2]));
  return verifyResult(
      *this, scores.ok() ? shape_rules::matmul(*scores, value) : scores,
      elementOf(getQuery()));
}
SmallVector<int64_t> AttentionOp::getInnerSizes() {
  return {shapeOf(getKey())[shapeOf(getKey()).size() - 2],
          shapeOf(getKey()).back()};
}
bool AttentionOp::suitsTensorCores(Type type, int64_t rows, int64_t keys,
                                   int64_t depth, int64_t columns) {
  // Of fewer, most of a tile would be empty.
  constexpr int64_t least = 16;
  auto fits = [](int64_t width) {
    return width > 0 && width % 16 == 0 && width <= 256;
  };
  return (type.isF16() || type.isBF16()) && rows >= least && keys >= least &&
         fits(depth) && fits(columns);
}
bool AttentionOp::suitsTensorCores() {
  Shape query = toShape(getQuery().getType()),
        value = toShape(getValue().getType());
  auto fits = [](Value number) {
    return !number || elementOf(number).getIntOrFloatBitWidth() <= 32;
  };
  return query.num_elements() > 0 && fits(getScale()) && fits(getBias()) &&
         suitsTensorCores(elementOf(getQuery()), query[-2], value[-2],
                          query[-1], value[-1]);
}
ScheduleKind AttentionOp::getScheduleKind() { return ScheduleKind::attention; }

/// Shape rules expect the channels at axis 1.
static Shape channelsFirst(const Shape &shape, bool isLast) {
  std::vector<int64_t> sizes(shape.begin(), shape.end());
  if (isLast && sizes.size() > 2)
    std::rotate(sizes.begin() + 1, sizes.end() - 1, sizes.end());
  return Shape(sizes);
}

static StatusOr<Shape> asWritten(const StatusOr<Shape> &shape, bool isLast) {
  if (!isLast || !shape.ok())
    return shape;
  std::vector<int64_t> sizes(shape->begin(), shape->end());
  std::rotate(sizes.begin() + 1, sizes.begin() + 2, sizes.end());
  return Shape(sizes);
}

/// `Op` is ConvOp or its adaptor.
template <typename Op> static StatusOr<Shape> convShape(Op op) {
  std::optional<Shape> bias;
  if (op.getBias())
    bias = toShape(op.getBias().getType());
  bool isLast = op.getChannelsLast();
  Shape x = channelsFirst(toShape(op.getX().getType()), isLast),
        w = channelsFirst(toShape(op.getW().getType()), isLast);
  return asWritten(
      shape_rules::conv(x, w, bias,
                        {span(op.getStride()), span(op.getPadding()),
                         span(op.getDilation()),
                         static_cast<int64_t>(op.getGroups())}),
      isLast);
}

LogicalResult
ConvOp::inferReturnTypes(MLIRContext *, std::optional<Location> location,
                         ValueRange operands, DictionaryAttr attributes,
                         OpaqueProperties properties, RegionRange regions,
                         SmallVectorImpl<Type> &types) {
  Adaptor adaptor(operands, attributes, properties, regions);
  return inferred(convShape(adaptor), elementOf(operands[0]), location, types);
}

LogicalResult ConvOp::verify() {
  if (failed(sameElements(*this, {getX(), getW()})) ||
      failed(verifyTf32(*this, getTf32Weights())) ||
      (getBias() &&
       failed(verifyParameterType(*this, "bias", getBias(), getX()))))
    return failure();
  return verifyResult(*this, convShape(*this), elementOf(getX()));
}

SmallVector<int64_t> ConvOp::getInnerSizes() {
  return SmallVector<int64_t>(
      cast<RankedTensorType>(getW().getType()).getShape().drop_front());
}

ScheduleKind ConvOp::getScheduleKind() { return ScheduleKind::window; }

static StatusOr<Shape> poolShape(StringRef name, Value x,
                                 ArrayRef<int64_t> kernel,
                                 ArrayRef<int64_t> stride,
                                 ArrayRef<int64_t> padding, bool isLast) {
  const SmallVector<int64_t> dilation(kernel.size(), 1);
  shape_rules::Window window{span(stride), span(padding), span(dilation)};
  return asWritten(
      shape_rules::pool(name, channelsFirst(toShape(x.getType()), isLast),
                        span(kernel), window),
      isLast);
}

static LogicalResult inferPoolType(StringRef name,
                                   std::optional<Location> location, Value x,
                                   ArrayRef<int64_t> kernel,
                                   ArrayRef<int64_t> stride,
                                   ArrayRef<int64_t> padding, bool isLast,
                                   SmallVectorImpl<Type> &types) {
  return inferred(poolShape(name, x, kernel, stride, padding, isLast),
                  elementOf(x), location, types);
}

static LogicalResult verifyPool(StringRef name, Operation *op, Value x,
                                ArrayRef<int64_t> kernel,
                                ArrayRef<int64_t> stride,
                                ArrayRef<int64_t> padding, bool isLast) {
  return verifyResult(op, poolShape(name, x, kernel, stride, padding, isLast),
                      elementOf(x));
}

} // namespace weft::ir

#define GET_OP_CLASSES
#include "weft/IR/StructuredOps.cpp.inc"
