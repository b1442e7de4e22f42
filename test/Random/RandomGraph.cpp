// SPDX-License-Identifier: Apache-2.0
// Which op comes next, and what it is given.
#include "RandomGraph.h"

#include "mlir/IR/Verifier.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace weft::random {

GraphOptions optionsOf(uint64_t seed, bool large) {
  GraphOptions options;
  if (seed % 8 == 3)
    options.focus = Focus::moves;
  if (seed % 8 == 5)
    options.focus = Focus::windows;
  if (seed % 32 == 9)
    options.focus = Focus::sums;
  if (seed % 16 != 0 && !large)
    return options;
  options.maxOps = 12;
  options.maxElements = 40000;
  options.maxWork = 1000000;
  options.hasLargeSizes = true;
  return options;
}

OwningOpRef<ModuleOp> randomGraph(MLIRContext *context, uint64_t seed,
                                  const GraphOptions &options) {
  context->loadDialect<ir::WeftDialect, func::FuncDialect>();
  OpBuilder builder(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder.getUnknownLoc());
  builder.setInsertionPointToStart(module->getBody());
  auto main = builder.create<func::FuncOp>(
      builder.getUnknownLoc(), ir::kMainName, builder.getFunctionType({}, {}));
  main.addEntryBlock();
  Draw draw(seed);
  GraphBuilder graph(main, draw, options);
  auto numOps = draw.integer(options.minOps, options.maxOps);
  while (graph.numOps() < numOps)
    graph.addSomething();
  graph.finish();
  return module;
}

GraphBuilder::GraphBuilder(func::FuncOp main, Draw &draw,
                           const GraphOptions &options)
    : main_(main), draw_(draw), options_(options),
      builder_(OpBuilder::atBlockEnd(&main.getBody().front())) {
  pool_.push_back(argument(someFloat(), someShape(1, 5), false));
  if (options.focus == Focus::sums) {
    mlir::Value sum = sumOfProducts();
    pool_ = {sum}; // nothing else reads what it is made from
  }
}

namespace {
/// Of the weights below, for what a graph is about.
constexpr int kFocusFactor = 12;
} // namespace

void GraphBuilder::addSomething() {
  using enum Focus;
  struct Maker {
    MaybeValue (GraphBuilder::*make)();
    int weight;
    Focus focus;
  };
  static constexpr Maker kMakers[] = {
      {&GraphBuilder::unary, 12, none},
      {&GraphBuilder::binary, 24, none},
      {&GraphBuilder::where, 4, none},
      {&GraphBuilder::logic, 2, none},
      {&GraphBuilder::cast, 7, none},
      {&GraphBuilder::broadcast, 4, moves},
      {&GraphBuilder::reshape, 6, moves},
      {&GraphBuilder::transpose, 5, moves},
      {&GraphBuilder::slice, 5, moves},
      {&GraphBuilder::resample, 3, moves},
      {&GraphBuilder::concatenate, 4, moves},
      {&GraphBuilder::iota, 2, none},
      {&GraphBuilder::asStrided, 1, moves},
      {&GraphBuilder::rolls, 1, moves},
      {&GraphBuilder::partsOfNothing, 1, moves},
      {&GraphBuilder::constant, 2, none},
      {&GraphBuilder::splat, 2, none},
      {&GraphBuilder::reduction, 8, none},
      {&GraphBuilder::argReduction, 2, none},
      {&GraphBuilder::softmax, 3, none},
      {&GraphBuilder::batchNorm, 3, none},
      {&GraphBuilder::layerNorm, 2, none},
      {&GraphBuilder::matmul, 3, windows},
      {&GraphBuilder::linear, 2, windows},
      {&GraphBuilder::attention, 1, windows},
      {&GraphBuilder::conv, 2, windows},
      {&GraphBuilder::convBlock, 3, windows},
      {&GraphBuilder::stem, 2, windows},
      {&GraphBuilder::maxpool, 2, windows},
      {&GraphBuilder::avgpool, 2, windows},
      {&GraphBuilder::residual, 2, windows},
  };
  auto weightOf = [&](const Maker &maker) {
    bool isFocus = maker.focus != none && maker.focus == options_.focus;
    return isFocus ? maker.weight * kFocusFactor : maker.weight;
  };
  int64_t total = 0;
  for (const Maker &maker : kMakers)
    total += weightOf(maker);
  int64_t at = draw_.integer(0, total - 1);
  for (const Maker &maker : kMakers) {
    at -= weightOf(maker);
    if (at >= 0)
      continue;
    if (MaybeValue value = (this->*maker.make)())
      pool_.push_back(*value);
    return;
  }
}

void GraphBuilder::finish() {
  SmallVector<mlir::Value> results;
  for (mlir::Value value : pool_) {
    bool isArgument = isa<BlockArgument>(value);
    if (isArgument ? draw_.chance(0.02)
                   : value.use_empty() || draw_.chance(0.1))
      results.push_back(value);
  }
  builder_.create<func::ReturnOp>(builder_.getUnknownLoc(), results);
  SmallVector<Type> types = llvm::to_vector(ValueRange(results).getTypes());
  main_.setType(builder_.getFunctionType(
      main_.getBody().front().getArgumentTypes(), types));
}

bool GraphBuilder::fits(const Shape &shape) const {
  return shape.rank() <= 6 && shape.num_elements() <= options_.maxElements;
}

DType GraphBuilder::someFloat() {
  return draw_.pick({float32, float32, float32, float32, float16, float16,
                     bfloat16, float64, float8});
}

DType GraphBuilder::someDType() {
  return draw_.chance(0.6)
             ? someFloat()
             : draw_.pick({int32, int32, int64, int8, int4, uint8, boolean});
}

int64_t GraphBuilder::someSize() {
  if (options_.hasLargeSizes && draw_.chance(0.4))
    return draw_.pick<int64_t>({32, 65, 100, 128, 256, 257, 1000, 1024, 5000});
  return draw_.pick<int64_t>(
      {1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 9, 12, 16, 17, 31, 33, 64, 0});
}

Shape GraphBuilder::someShape(int minRank, int maxRank) {
  while (true) {
    Shape shape;
    for (auto rank = draw_.integer(minRank, maxRank); rank > 0; --rank)
      shape.push_back(someSize());
    // Empty tensors are worth a test, but nothing comes of them.
    const int64_t count = shape.num_elements();
    bool isLarge = count > 1000 || minRank == 0;
    if (fits(shape) && (count > 0 || draw_.chance(0.1)) &&
        (isLarge || !options_.hasLargeSizes || draw_.chance(0.02)))
      return shape;
  }
}

mlir::Value GraphBuilder::argument(DType dtype, const Shape &shape,
                                   bool isParameter) {
  unsigned number = main_.getBody().front().getNumArguments();
  SmallVector<NamedAttribute> attributes = {builder_.getNamedAttr(
      ir::kInputAttr, builder_.getI64IntegerAttr(numTensors_++))};
  if (isParameter) {
    attributes.push_back(
        builder_.getNamedAttr(ir::kParameterAttr, builder_.getUnitAttr()));
    attributes.push_back(builder_.getNamedAttr(
        ir::kNameAttr,
        builder_.getStringAttr("p" + std::to_string(numParameters_++))));
  }
  Type type = this->type(dtype, shape);
  main_.insertArgument(number, type, builder_.getDictionaryAttr(attributes),
                       builder_.getUnknownLoc());
  return pool_.emplace_back(main_.getArgument(number));
}

mlir::Value GraphBuilder::some() {
  return someOf([](mlir::Value) { return true; }, someDType(), someShape(0, 4));
}

mlir::Value GraphBuilder::someFloating(int minRank, int maxRank) {
  return someOf(
      [&](mlir::Value value) {
        int rank = shapeOf(value).rank();
        return is_floating(dtypeOf(value)) && rank >= minRank &&
               rank <= maxRank;
      },
      someFloat(), someShape(minRank, maxRank));
}

mlir::Value GraphBuilder::expand(mlir::Value x, const Shape &shape) {
  return shapeOf(x) == shape
             ? x
             : create<ir::BroadcastOp>(type(dtypeOf(x), shape), x);
}

mlir::Value GraphBuilder::companionOf(mlir::Value x) {
  const Shape shape = shapeOf(x);
  const DType dtype = dtypeOf(x);
  double kind = draw_.real(0, 1);
  if (kind < 0.005 && is_floating(dtype))
    return number(dtype, shape, std::nan(""));
  if (kind < 0.15)
    return number(dtype, shape, draw_.pick({0.0, -0.0, 1.0, -1.0, 2.0, 0.5}));
  auto broadcasts = [&](mlir::Value y) {
    Shape other = shapeOf(y);
    if (y == x || dtypeOf(y) != dtype || other.rank() > shape.rank())
      return false;
    for (int dim = 1; dim <= other.rank(); ++dim)
      if (other[-dim] != 1 && other[-dim] != shape[-dim])
        return false;
    return true;
  };
  // What a new argument looks like: equal, per channel, or a row.
  Shape shapeOfNew = shape;
  if (kind < 0.6)
    for (int64_t &size : shapeOfNew)
      if (draw_.chance(0.5))
        size = 1;
  return expand(someOf(broadcasts, dtype, shapeOfNew), shape);
}

} // namespace weft::random
