// SPDX-License-Identifier: Apache-2.0
#include "RandomGraph.h"

#include "weft/Core/ShapeRules.h"

#include <algorithm>

using namespace mlir;
using namespace weft::ir;

namespace weft::testing {

static StringRef parameterNameFor(unsigned number, std::string &storage) {
  storage = "p" + std::to_string(number) + ".weight";
  return storage;
}

RandomGraph::RandomGraph(MLIRContext *context, uint64_t seed)
    : random_(seed), builder_(context), location_(builder_.getUnknownLoc()),
      module_(ModuleOp::create(location_)) {
  builder_.setInsertionPointToStart(module_->getBody());
  main_ = builder_.create<func::FuncOp>(location_, kMainName,
                                        builder_.getFunctionType({}, {}));
  Block *entry = main_.addEntryBlock();
  builder_.setInsertionPointToStart(entry);
  addArguments();
  int64_t count = pick(4, 24);
  for (int64_t i = 0; i < count; ++i)
    if (Value value = addOp())
      values_.push_back(value);
  SmallVector<Value> results;
  for (int64_t i = pick(1, 4); i > 0; --i)
    results.push_back(i == 1 ? values_.back() : pickValue());
  results.append(empty_.begin(), empty_.end());
  builder_.create<func::ReturnOp>(location_, results);
  main_.setType(builder_.getFunctionType(entry->getArgumentTypes(),
                                         ValueRange(results).getTypes()));
}

int64_t RandomGraph::pick(int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random_() %
                                    static_cast<uint64_t>(high - low + 1));
}

RankedTensorType RandomGraph::typeOf(Value value) const {
  return cast<RankedTensorType>(value.getType());
}

RankedTensorType RandomGraph::f32(ArrayRef<int64_t> shape) {
  return RankedTensorType::get(shape, builder_.getF32Type());
}

SmallVector<int64_t> RandomGraph::pickShape() {
  SmallVector<int64_t> shape;
  for (int64_t rank = pick(0, 4); rank > 0; --rank)
    shape.push_back(pick(1, 4));
  return shape;
}

Value RandomGraph::pickValue() {
  // Often the latest: chains are what fusion is about.
  auto size = static_cast<int64_t>(values_.size());
  return values_[pick(0, 2) == 0 ? pick(0, size - 1)
                                 : std::max<int64_t>(0, size - pick(1, 3))];
}

Value RandomGraph::pickOfRank(int64_t low, int64_t high) {
  for (int attempt = 0; attempt < 8; ++attempt) {
    Value value = pickValue();
    if (typeOf(value).getRank() >= low && typeOf(value).getRank() <= high)
      return value;
  }
  return {};
}

// ---- arguments --------------------------------------------------------------

Value RandomGraph::parameter(ArrayRef<int64_t> shape, bool positive) {
  unsigned number = main_.getBody().getNumArguments();
  BlockArgument argument = main_.getBody().addArgument(f32(shape), location_);
  std::string storage;
  // The type first: attributes are kept for as many arguments as it has.
  main_.setType(
      builder_.getFunctionType(main_.getBody().getArgumentTypes(), {}));
  main_.setArgAttr(number, kParameterAttr, builder_.getUnitAttr());
  main_.setArgAttr(number, kNameAttr,
                   builder_.getStringAttr(parameterNameFor(number, storage)));
  positive_.resize(number + 1);
  positive_[number] = positive;
  return argument;
}

void RandomGraph::addArguments() {
  Block &entry = main_.getBody().front();
  for (int64_t i = pick(1, 3); i > 0; --i)
    values_.push_back(entry.addArgument(f32(pickShape()), location_));
  values_.push_back(
      entry.addArgument(f32({pick(1, 3), 4, pick(2, 5), 3}), location_));
  BlockArgument number = entry.addArgument(builder_.getF32Type(), location_);
  main_.setType(builder_.getFunctionType(entry.getArgumentTypes(), {}));
  values_.push_back(
      builder_.create<SplatOp>(location_, f32(pickShape()), number));
  values_.push_back(parameter(pickShape()));
}

reference::Arguments RandomGraph::arguments() {
  reference::Arguments arguments;
  std::uniform_real_distribution<double> between(-1, 1);
  for (BlockArgument argument : main_.getArguments()) {
    unsigned number = argument.getArgNumber();
    auto type = dyn_cast<RankedTensorType>(argument.getType());
    reference::Value value =
        reference::zeros(DType::float32, type ? toShape(type) : Shape());
    bool positive = number < positive_.size() && positive_[number];
    for (double &element : value.reals) {
      element = reference::roundTo(DType::float32, between(random_));
      if (positive)
        element = std::abs(element) + 0.5;
    }
    if (auto name = main_.getArgAttrOfType<StringAttr>(number, kNameAttr))
      arguments.parameters[name.str()] = std::move(value);
    else
      arguments.inputs.push_back(std::move(value));
  }
  return arguments;
}

// ---- ops --------------------------------------------------------------------

Value RandomGraph::addOp() {
  switch (pick(0, 9)) {
  case 0:
  case 1:
  case 2:
    return addRow();
  case 3:
  case 4:
    return addView();
  case 5:
  case 6:
    return addBroadcastOfRow();
  case 7:
  case 8:
    return addReduction();
  default:
    return addWholeOp();
  }
}

Value RandomGraph::ofShape(ArrayRef<int64_t> shape) {
  for (int attempt = 0; attempt < 4; ++attempt)
    if (Value value = pickValue(); typeOf(value).getShape() == shape)
      return value;
  for (int attempt = 0; attempt < 4; ++attempt) {
    Value value = pickValue();
    std::span<const int64_t> sizes(shape.data(), shape.size());
    if (shape_rules::expand(toShape(value.getType()), Shape(sizes)).ok())
      return builder_.create<BroadcastOp>(location_, f32(shape), value);
  }
  auto type = f32(shape);
  switch (pick(0, 2)) {
  case 0:
    if (!shape.empty())
      return builder_.create<IotaOp>(
          location_, type, pick(0, static_cast<int64_t>(shape.size()) - 1));
    [[fallthrough]];
  case 1:
    return builder_.create<ConstantOp>(location_, type,
                                       DenseElementsAttr::get(type, 0.5f));
  default:
    return parameter(shape);
  }
}

Value RandomGraph::addRow() {
  Value x = pickValue();
  RankedTensorType type = typeOf(x);
  switch (pick(0, 7)) {
  case 0:
    return builder_.create<TanhOp>(location_, x);
  case 1:
    return builder_.create<SigmoidOp>(location_, x);
  case 2:
    return builder_.create<ReluOp>(location_, x);
  case 3: {
    auto wide = type.clone(builder_.getF64Type());
    return builder_.create<CastOp>(location_, type,
                                   builder_.create<CastOp>(location_, wide, x));
  }
  case 4:
    return builder_.create<SubOp>(location_, x, ofShape(type.getShape()));
  case 5:
    return builder_.create<MulOp>(
        location_, builder_.create<TanhOp>(location_, x).getResult(),
        ofShape(type.getShape()));
  case 6:
    return builder_.create<MaximumOp>(location_, ofShape(type.getShape()), x);
  default:
    return builder_.create<AddOp>(location_, ofShape(type.getShape()), x);
  }
}

Value RandomGraph::addSlice(Value x) {
  SmallVector<int64_t> starts, steps, sizes;
  for (int64_t size : typeOf(x).getShape()) {
    int64_t taken = pick(1, size),
            step = taken > 1 ? (size - 1) / (taken - 1) : 1;
    bool backwards = pick(0, 1);
    steps.push_back(backwards ? -step : step);
    starts.push_back(backwards ? size - 1 : 0);
    sizes.push_back(taken);
  }
  return builder_.create<SliceOp>(location_, f32(sizes), x, starts, steps);
}

Value RandomGraph::addConcatenation(Value x) {
  RankedTensorType type = typeOf(x);
  int64_t axis = pick(0, type.getRank() - 1);
  SmallVector<int64_t> shape(type.getShape());
  Value other = ofShape(shape);
  shape[axis] *= 2;
  return builder_.create<ConcatenateOp>(location_, f32(shape),
                                        ValueRange{x, other}, axis);
}

Value RandomGraph::addReshape(Value x) {
  SmallVector<int64_t> shape(typeOf(x).getShape());
  switch (pick(0, 2)) {
  case 0:
    shape.insert(shape.begin() + pick(0, static_cast<int64_t>(shape.size())),
                 1);
    break;
  case 1:
    shape = {typeOf(x).getNumElements()};
    break;
  default: // two neighbours become one
    if (shape.size() < 2)
      return {};
    shape[0] *= shape[1];
    shape.erase(shape.begin() + 1);
  }
  if (shape.size() > 5)
    return {};
  return builder_.create<ReshapeOp>(location_, f32(shape), x);
}

/// Rolled along an axis again and again: n times are 2^n paths to the elements.
Value RandomGraph::addRolls(Value x) {
  SmallVector<int64_t> shape(typeOf(x).getShape());
  int64_t axis = pick(0, typeOf(x).getRank() - 1), size = shape[axis];
  if (size < 2)
    return {};
  auto part = [&](int64_t begin, int64_t end) -> Value {
    SmallVector<int64_t> starts(shape.size(), 0), steps(shape.size(), 1),
        sizes(shape);
    starts[axis] = begin;
    sizes[axis] = end - begin;
    return builder_.create<SliceOp>(location_, f32(sizes), x, starts, steps);
  };
  for (int64_t times = pick(1, 10); times > 0; --times) {
    int64_t at = pick(1, size - 1);
    Value low = part(at, size), high = part(0, at);
    x = builder_.create<ConcatenateOp>(location_, f32(shape),
                                       ValueRange{low, high}, axis);
  }
  return x;
}

/// Two parts without elements joined, their sum, and the sum beside them.
Value RandomGraph::addSumOfNothing(Value x) {
  SmallVector<int64_t> shape(typeOf(x).getShape()), kept, keepdim;
  int64_t axis = pick(0, typeOf(x).getRank() - 1);
  for (auto [i, size] : llvm::enumerate(shape)) {
    bool isEmpty = static_cast<int64_t>(i) == axis;
    keepdim.push_back(isEmpty ? 1 : size);
    if (!isEmpty)
      kept.push_back(size);
  }
  shape[axis] = 0;
  SmallVector<int64_t> starts(shape.size(), 0), steps(shape.size(), 1);
  Value part =
      builder_.create<SliceOp>(location_, f32(shape), x, starts, steps);
  Value joined = builder_.create<ConcatenateOp>(location_, f32(shape),
                                                ValueRange{part, part}, axis);
  Value sum = builder_.create<SumOp>(location_, f32(kept), joined,
                                     ArrayRef<int64_t>{axis});
  sum = builder_.create<ReshapeOp>(location_, f32(keepdim), sum);
  Value wide = builder_.create<BroadcastOp>(location_, f32(shape), sum);
  empty_.push_back(builder_.create<SubOp>(location_, joined, wide));
  return sum;
}

Value RandomGraph::addView() {
  Value x = pickOfRank(1, 5);
  if (!x || typeOf(x).getNumElements() > 4096)
    return {};
  switch (pick(0, 9)) {
  case 0:
    return addSumOfNothing(x);
  case 1:
    return addRolls(x);
  case 2:
  case 3:
    return addSlice(x);
  case 4:
  case 5:
    return addConcatenation(x);
  case 6:
  case 7:
    return addReshape(x);
  default: {
    SmallVector<int64_t> permutation, shape;
    for (int64_t i = 0; i < typeOf(x).getRank(); ++i)
      permutation.push_back(i);
    std::shuffle(permutation.begin(), permutation.end(), random_);
    for (int64_t axis : permutation)
      shape.push_back(typeOf(x).getDimSize(axis));
    return builder_.create<TransposeOp>(location_, f32(shape), x, permutation);
  }
  }
}

/// x op stat(x) with the statistic repeated: what normalisations are made of.
Value RandomGraph::addBroadcastOfRow() {
  Value x = pickOfRank(1, 4);
  if (!x)
    return {};
  RankedTensorType type = typeOf(x);
  SmallVector<int64_t> axes, kept, keepdim;
  for (auto [i, size] : llvm::enumerate(type.getShape())) {
    bool reduced = pick(0, 1);
    if (reduced)
      axes.push_back(static_cast<int64_t>(i));
    else
      kept.push_back(size);
    keepdim.push_back(reduced ? 1 : size);
  }
  Value y = pick(0, 1) ? builder_.create<TanhOp>(location_, x).getResult() : x;
  Value row = builder_.create<SumOp>(location_, f32(kept), y, axes);
  if (pick(0, 1))
    row = builder_.create<TanhOp>(location_, row);
  row = builder_.create<ReshapeOp>(location_, f32(keepdim), row);
  Value wide = builder_.create<BroadcastOp>(location_, type, row);
  if (pick(0, 3) == 0)
    values_.push_back(row);
  return builder_.create<SubOp>(location_, x, wide);
}

Value RandomGraph::addReduction() {
  Value x = pickOfRank(1, 5);
  if (!x)
    return {};
  SmallVector<int64_t> axes, kept;
  for (auto [i, size] : llvm::enumerate(typeOf(x).getShape())) {
    if (pick(0, 1))
      axes.push_back(static_cast<int64_t>(i));
    else
      kept.push_back(size);
  }
  if (pick(0, 1))
    return builder_.create<MaxOp>(location_, f32(kept), x, axes);
  return builder_.create<SumOp>(location_, f32(kept), x, axes);
}

Value RandomGraph::addWholeOp() {
  Value x = pickOfRank(2, 4);
  if (!x)
    return {};
  switch (pick(0, 4)) {
  case 0:
    return builder_.create<SoftmaxOp>(location_, x,
                                      pick(0, typeOf(x).getRank() - 1));
  case 1:
    return addMatmul(x);
  case 2:
    return addBatchNorm(x);
  case 3:
    return addPool(x);
  default:
    return addConv(x);
  }
}

Value RandomGraph::addMatmul(Value x) {
  SmallVector<int64_t> shape(typeOf(x).getShape());
  int64_t inner = shape.back(), columns = pick(1, 4);
  SmallVector<int64_t> right(shape), result(shape);
  right[right.size() - 2] = inner;
  right.back() = result.back() = columns;
  Value w = parameter({columns, inner});
  w = builder_.create<TransposeOp>(location_, f32({inner, columns}), w,
                                   ArrayRef<int64_t>{1, 0});
  if (right.size() > 2)
    w = builder_.create<BroadcastOp>(location_, f32(right), w);
  return builder_.create<MatmulOp>(location_, f32(result), x, w);
}

Value RandomGraph::addConv(Value x) {
  ArrayRef<int64_t> shape = typeOf(x).getShape();
  if (shape.size() < 3)
    return {};
  size_t spatial = shape.size() - 2;
  int64_t outputs = pick(1, 4), kernel = pick(1, 2), stride = pick(1, 2);
  SmallVector<int64_t> weights = {outputs, shape[1]},
                       result = {shape[0], outputs}, strides(spatial, stride),
                       padding(2 * spatial, 1), dilation(spatial, 1);
  for (int64_t size : shape.drop_front(2)) {
    weights.push_back(kernel);
    result.push_back((size + 2 - kernel) / stride + 1);
  }
  Value bias = pick(0, 1) ? parameter({outputs}) : Value();
  return builder_.create<ConvOp>(location_, f32(result), x, parameter(weights),
                                 bias, strides, padding, dilation, 1);
}

Value RandomGraph::addPool(Value x) {
  ArrayRef<int64_t> shape = typeOf(x).getShape();
  if (shape.size() < 3)
    return {};
  size_t spatial = shape.size() - 2;
  SmallVector<int64_t> kernel(spatial, 2), strides(spatial, pick(1, 2)),
      padding(2 * spatial, 1), result = {shape[0], shape[1]};
  for (int64_t size : shape.drop_front(2))
    result.push_back(size / strides[0] + 1);
  if (pick(0, 1))
    return builder_.create<MaxpoolOp>(location_, f32(result), x, kernel,
                                      strides, padding);
  return builder_.create<AvgpoolOp>(location_, f32(result), x, kernel, strides,
                                    padding, pick(0, 1) == 1);
}

Value RandomGraph::addBatchNorm(Value x) {
  SmallVector<int64_t> channels = {typeOf(x).getDimSize(1)};
  Value weight = parameter(channels), bias = parameter(channels),
        mean = parameter(channels),
        variance = parameter(channels, /*positive=*/true);
  return builder_.create<BatchNormOp>(location_, x.getType(), x, weight, bias,
                                      mean, variance, llvm::APFloat(1e-3));
}

} // namespace weft::testing
