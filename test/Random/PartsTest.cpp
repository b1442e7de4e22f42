// SPDX-License-Identifier: Apache-2.0
// Random graphs of a batch that threads work on in parts, with work that a
// library gains from: they are too large to come up among others. All numbers
// are whole and so small that sums are exact in any order.
#include "Draw.h"
#include "Options.h"

#include "test/BackEnds/BackEnds.h"
#include "weft/IR/Dialect.h"
#include "weft/Runtime.h"
#include "weft/Transforms/Pipelines.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <iostream>

namespace weft::random {
namespace {

constexpr int kParts = 2;
/// Of multiplications: what a library gains from, of an image or of the rows of
/// a part.
constexpr int64_t kWork = 8'000'000;
constexpr int64_t kMost = 4; // of the elements that are multiplied

class BatchGraph {
public:
  BatchGraph(mlir::MLIRContext &context, uint64_t seed);

  mlir::ModuleOp module() const { return *module_; }
  const reference::Arguments &arguments() const { return arguments_; }

private:
  using Value = mlir::Value;
  using Sizes = std::vector<int64_t>;

  void elementwise();
  void move();
  void largeProduct();
  void smallProduct();
  void reduce(bool ofBatch);
  void finish();

  Sizes shapeOf(Value value) const { return ir::shapeOf(value).vec(); }
  mlir::RankedTensorType type(const Sizes &shape) {
    return mlir::RankedTensorType::get(shape, builder_.getF32Type());
  }
  template <typename Op, typename... Args>
  Value create(const Sizes &shape, Args &&...args) {
    return builder_.create<Op>(builder_.getUnknownLoc(), type(shape),
                               std::forward<Args>(args)...);
  }
  Value row(OpKind kind, mlir::ValueRange operands) {
    return ir::createRow(builder_, builder_.getUnknownLoc(), kind, operands);
  }
  Value argument(const Sizes &shape, bool isParameter);
  /// `y_` with no element beyond `kMost`.
  Value clamped();

  Draw draw_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  mlir::func::FuncOp main_;
  mlir::OpBuilder builder_;
  Value y_; // the latest
  std::vector<Value> earlier_;
  reference::Arguments arguments_;
};

BatchGraph::BatchGraph(mlir::MLIRContext &context, uint64_t seed)
    : draw_(seed), builder_(&context) {
  context.loadDialect<ir::WeftDialect, mlir::func::FuncDialect>();
  module_ = mlir::ModuleOp::create(builder_.getUnknownLoc());
  builder_.setInsertionPointToStart(module_->getBody());
  main_ = builder_.create<mlir::func::FuncOp>(builder_.getUnknownLoc(),
                                              ir::kMainName,
                                              builder_.getFunctionType({}, {}));
  builder_.setInsertionPointToStart(main_.addEntryBlock());
  Sizes shape = {48 * kParts + 2 * draw_.integer(0, 3),
                 draw_.integer(300, 400)};
  if (draw_.chance(0.5))
    shape = {kParts, draw_.integer(40, 64), draw_.integer(15, 17),
             draw_.integer(15, 17)};
  y_ = argument(shape, /*isParameter=*/false);
  auto steps = [&] {
    for (auto count = draw_.integer(0, 3); count > 0; --count)
      draw_.chance(0.7) ? elementwise() : move();
  };
  for (auto count = draw_.integer(0, 2); count > 0; --count)
    elementwise();
  largeProduct();
  steps();
  if (draw_.chance(0.5))
    smallProduct();
  steps();
  if (draw_.chance(0.4))
    reduce(/*ofBatch=*/draw_.chance(0.3));
  finish();
}

mlir::Value BatchGraph::argument(const Sizes &shape, bool isParameter) {
  unsigned number = main_.getNumArguments();
  std::string name = "p" + std::to_string(number);
  reference::Value value =
      reference::zeros(float32, Shape(std::span<const int64_t>(shape)));
  for (double &element : value.reals)
    element = static_cast<double>(draw_.integer(-1, 1));
  llvm::SmallVector<mlir::NamedAttribute> attributes;
  if (isParameter) {
    attributes = {
        builder_.getNamedAttr(ir::kParameterAttr, builder_.getUnitAttr()),
        builder_.getNamedAttr(ir::kNameAttr, builder_.getStringAttr(name))};
    arguments_.parameters[name] = std::move(value);
  } else {
    arguments_.inputs.push_back(std::move(value));
  }
  main_.insertArgument(number, type(shape),
                       builder_.getDictionaryAttr(attributes),
                       builder_.getUnknownLoc());
  return main_.getArgument(number);
}

/// With a number for each channel, elements of their own, or what came before.
void BatchGraph::elementwise() {
  earlier_.push_back(y_);
  if (draw_.chance(0.4)) {
    y_ = row(draw_.pick({OpKind::relu, OpKind::neg, OpKind::abs}), {y_});
    return;
  }
  Sizes shape = shapeOf(y_), channels(shape.size(), 1);
  channels[1] = shape[1];
  Value other;
  for (Value value : earlier_)
    if (shapeOf(value) == shape && draw_.chance(0.5))
      other = value;
  if (!other && draw_.chance(0.5))
    other = argument(shape, /*isParameter=*/false);
  if (!other)
    other = create<ir::BroadcastOp>(shape,
                                    argument(channels, /*isParameter=*/true));
  y_ = row(
      draw_.pick({OpKind::add, OpKind::sub, OpKind::maximum, OpKind::minimum}),
      {y_, other});
}

/// Of what belongs to one of the batch.
void BatchGraph::move() {
  Sizes shape = shapeOf(y_);
  if (shape.size() == 2) { // every second column
    shape[1] = (shape[1] + 1) / 2;
    y_ = create<ir::SliceOp>(shape, y_, Sizes{0, 0}, Sizes{1, 2});
    return;
  }
  if (draw_.chance(0.5) && shape[2] > 2 && shape[3] > 2) {
    shape[2] /= 2;
    shape[3] /= 2;
    y_ = create<ir::MaxpoolOp>(shape, y_, Sizes{2, 2}, Sizes{2, 2},
                               Sizes{0, 0, 0, 0});
    return;
  }
  std::swap(shape[2], shape[3]);
  y_ = create<ir::TransposeOp>(shape, y_, Sizes{0, 1, 3, 2});
}

mlir::Value BatchGraph::clamped() {
  auto number = [&](double value) {
    auto shaped = mlir::cast<mlir::RankedTensorType>(y_.getType());
    return builder_.create<ir::ConstantOp>(
        builder_.getUnknownLoc(), shaped,
        mlir::DenseElementsAttr::get(shaped, static_cast<float>(value)));
  };
  return row(OpKind::minimum,
             {row(OpKind::maximum, {y_, number(-kMost)}), number(kMost)});
}

/// With as many columns or channels as make it large.
void BatchGraph::largeProduct() {
  Sizes shape = shapeOf(y_);
  auto outputsFor = [&](int64_t work) { // of one
    return (kWork + work - 1) / work + draw_.integer(0, 8);
  };
  Value x = draw_.chance(0.5) ? clamped() : y_;
  if (shape.size() == 2) {
    Sizes weights = {shape[1], outputsFor(shape[0] / kParts * shape[1])};
    y_ = create<ir::MatmulOp>({shape[0], weights[1]}, x,
                              argument(weights, /*isParameter=*/true));
    return;
  }
  // Not of 3x3 taps: Winograd's way to convolve is not exact.
  Sizes weights = {outputsFor(15 * shape[1] * shape[2] * shape[3]), shape[1], 3,
                   5},
        ones = {1, 1};
  Value w = argument(weights, /*isParameter=*/true),
        b = draw_.chance(0.5) ? argument({weights[0]}, true) : Value();
  y_ = create<ir::ConvOp>({shape[0], weights[0], shape[2], shape[3]}, x, w, b,
                          ones, Sizes{1, 1, 2, 2}, ones, uint64_t{1});
}

/// As networks end: a few numbers for each of the batch.
void BatchGraph::smallProduct() {
  Sizes shape = shapeOf(y_);
  int64_t depth = 1;
  for (size_t i = 1; i < shape.size(); ++i)
    depth *= shape[i];
  Value x = clamped();
  if (shape.size() > 2)
    x = create<ir::ReshapeOp>({shape[0], depth}, x);
  int64_t columns = draw_.integer(2, 10);
  y_ = create<ir::MatmulOp>({shape[0], columns}, x,
                            argument({depth, columns}, /*isParameter=*/true));
}

/// The largest along the last axis, or along that of the batch: then there are
/// no parts.
void BatchGraph::reduce(bool ofBatch) {
  Sizes shape = shapeOf(y_), axes = {0};
  if (!ofBatch)
    axes = {static_cast<int64_t>(shape.size()) - 1};
  shape.erase(shape.begin() + axes[0]);
  y_ = create<ir::MaxOp>(shape, y_, axes);
}

void BatchGraph::finish() {
  std::vector<Value> results = {y_};
  for (Value value : earlier_)
    if (draw_.chance(0.2))
      results.push_back(value);
  builder_.create<mlir::func::ReturnOp>(builder_.getUnknownLoc(), results);
  main_.setType(builder_.getFunctionType(
      main_.getBody().front().getArgumentTypes(),
      llvm::to_vector(mlir::ValueRange(results).getTypes())));
}

/// Whether threads with a library work on parts of it.
bool hasParts(mlir::ModuleOp module) {
  mlir::OwningOpRef<mlir::ModuleOp> split = module.clone();
  mlir::PassManager passes(module.getContext());
  buildPipeline(passes, {.until = PipelineStage::fused,
                         .library = Library::float32,
                         .parts = kParts});
  EXPECT_TRUE(mlir::succeeded(passes.run(*split)));
  return split->lookupSymbol(ir::kMainName)->hasAttr(ir::kPartsAttr);
}

std::string textOf(mlir::ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os);
  return text;
}

// Whether there is a library or not.
TEST(PartsTest, CpuAgrees) {
  const int numGraphs = std::max(1, options().numCompiledGraphs / 8);
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  int numSplit = 0;
  ASSERT_TRUE(set_num_threads(kParts).ok());
  for (int i = 0; i < numGraphs; ++i) {
    uint64_t seed = options().firstSeed + static_cast<uint64_t>(i);
    BatchGraph graph(context, seed);
    SCOPED_TRACE("--seed " + std::to_string(seed) + " --count 1\n" +
                 textOf(graph.module()));
    auto expected = reference::interpret(graph.module(), graph.arguments());
    ASSERT_TRUE(expected.ok()) << expected.status();
    test::Results results =
        test::runOnCpu({{graph.module(), &graph.arguments()}}).front();
    ASSERT_TRUE(results.ok()) << results.status();
    ASSERT_EQ(results->size(), expected->size());
    for (size_t r = 0; r < expected->size(); ++r)
      EXPECT_EQ((*results)[r].reals, (*expected)[r].reals) << "result " << r;
    numSplit += hasParts(graph.module());
  }
  EXPECT_TRUE(set_num_threads(0).ok());
  std::cout << numGraphs << " graphs, " << numSplit << " in parts\n";
  EXPECT_TRUE(numGraphs < 8 || (numSplit > 0 && numSplit < numGraphs));
}

} // namespace
} // namespace weft::random
