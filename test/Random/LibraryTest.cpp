// SPDX-License-Identifier: Apache-2.0
// Graphs with work for a library: they are too large to come up at random. They
// agree with the interpreter whether a library is installed or not.
#include "Draw.h"

#include "test/BackEnds/BackEnds.h"
#include "weft/IR/Dialect.h"
#include "weft/Runtime.h"

#include "mlir/Parser/Parser.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weft::random {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

/// Winograd's convolution divides by numbers that are no powers of two.
constexpr double kWinograd = 1e-5;

class LibraryTest : public testing::Test {
protected:
  LibraryTest() : context_(mlir::MLIRContext::Threading::DISABLED) {
    context_.loadDialect<ir::WeftDialect, mlir::func::FuncDialect>();
  }
  void TearDown() override { EXPECT_TRUE(set_num_threads(0).ok()); }

  mlir::OwningOpRef<mlir::ModuleOp> parse(const std::string &text) {
    return mlir::parseSourceString<mlir::ModuleOp>(text, &context_);
  }

  /// Whole numbers so small that sums are exact in any order, and in a
  /// bfloat16.
  static reference::Value wholeNumbers(mlir::Type type, Draw &draw) {
    auto tensor = mlir::cast<mlir::RankedTensorType>(type);
    Shape shape(std::span<const int64_t>(tensor.getShape()));
    const DType dtype = ir::toDType(tensor.getElementType());
    const int64_t most = dtype == float32 ? 4 : 1;
    reference::Value value = reference::zeros(dtype, shape);
    for (double &element : value.reals)
      element = static_cast<double>(draw.integer(-most, most));
    return value;
  }

  /// In float32, up to `tolerance` of the largest of a result, and in bfloat16.
  void expectRight(const std::string &text, double tolerance = 0) {
    expectNear(text, tolerance);
    expectNear(inBfloat16(text), 0);
  }

  static std::string inBfloat16(std::string text) {
    for (size_t at = 0; (at = text.find("xf32", at)) != std::string::npos;)
      text.replace(at, 4, "xbf16");
    return text;
  }

  void expectNear(const std::string &text, double tolerance) {
    auto module = parse(text);
    ASSERT_TRUE(module);
    reference::Arguments arguments;
    Draw draw(1);
    auto main = module->lookupSymbol<mlir::func::FuncOp>(ir::kMainName);
    for (mlir::BlockArgument argument : main.getArguments()) {
      reference::Value value = wholeNumbers(argument.getType(), draw);
      if (auto name = main.getArgAttrOfType<mlir::StringAttr>(
              argument.getArgNumber(), ir::kNameAttr))
        arguments.parameters[name.str()] = value;
      else
        arguments.inputs.push_back(value);
    }
    auto expected = reference::interpret(*module, arguments);
    ASSERT_TRUE(expected.ok()) << expected.status();
    for (int threads : {1, 3}) {
      ASSERT_TRUE(set_num_threads(threads).ok());
      test::Results results = test::runOnCpu({{*module, &arguments}}).front();
      ASSERT_TRUE(results.ok()) << results.status();
      ASSERT_EQ(results->size(), expected->size());
      for (size_t i = 0; i < expected->size(); ++i) {
        double largest = 0;
        for (double element : (*expected)[i].reals)
          largest = std::max(largest, std::abs(element));
        EXPECT_THAT((*results)[i].reals,
                    testing::Pointwise(testing::DoubleNear(tolerance * largest),
                                       (*expected)[i].reals))
            << "result " << i << ", " << threads << " threads";
      }
    }
  }

private:
  mlir::MLIRContext context_;
};

// The first is large; the others come along: odd sizes, strides, dilation,
// uneven padding, groups, one channel to each, one and three axes, weights that
// are an argument, a residual.
TEST_F(LibraryTest, ConvolutionsOfAllKinds) {
  expectRight(R"(
func.func @main(%large: tensor<1x61x17x15xf32>, %w0: tensor<67x61x3x3xf32> {weft.parameter, weft.name = "w0"},
                %b0: tensor<67xf32> {weft.parameter, weft.name = "b0"},
                %x: tensor<2x6x7x5xf32>, %w1: tensor<5x6x3x2xf32> {weft.parameter, weft.name = "w1"},
                %b1: tensor<5xf32> {weft.parameter, weft.name = "b1"},
                %w2: tensor<9x2x3x3xf32> {weft.parameter, weft.name = "w2"},
                %w3: tensor<6x1x3x3xf32>, %r: tensor<2x6x7x5xf32>,
                %line: tensor<1x3x11xf32>, %w4: tensor<4x3x3xf32>,
                %body: tensor<1x2x4x5x3xf32>, %w5: tensor<3x2x2x2x2xf32>)
    -> (tensor<1x67x17x15xf32>, tensor<2x5x4x6xf32>, tensor<2x9x7x5xf32>,
        tensor<2x6x7x5xf32>, tensor<1x4x4xf32>, tensor<1x3x3x4x2xf32>) {
  %0 = weft.conv %large, %w0, %b0 stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1x61x17x15xf32>, tensor<67x61x3x3xf32>, tensor<67xf32> -> tensor<1x67x17x15xf32>
  %1 = weft.relu %0 : tensor<1x67x17x15xf32>
  %2 = weft.conv %x, %w1, %b1 stride [2, 1] padding [1, 2, 0, 3] dilation [1, 2] groups 1
      : tensor<2x6x7x5xf32>, tensor<5x6x3x2xf32>, tensor<5xf32> -> tensor<2x5x4x6xf32>
  %3 = weft.conv %x, %w2 stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 3
      : tensor<2x6x7x5xf32>, tensor<9x2x3x3xf32> -> tensor<2x9x7x5xf32>
  %4 = weft.neg %3 : tensor<2x9x7x5xf32>
  %5 = weft.conv %x, %w3 stride [1, 1] padding [2, 2, 2, 2] dilation [2, 2] groups 6
      : tensor<2x6x7x5xf32>, tensor<6x1x3x3xf32> -> tensor<2x6x7x5xf32>
  %6 = weft.add %5, %r : tensor<2x6x7x5xf32>
  %7 = weft.relu %6 : tensor<2x6x7x5xf32>
  %8 = weft.conv %line, %w4 stride [3] padding [1, 0] dilation [1] groups 1
      : tensor<1x3x11xf32>, tensor<4x3x3xf32> -> tensor<1x4x4xf32>
  %9 = weft.conv %body, %w5 stride [1, 1, 1] padding [0, 0, 0, 0, 0, 0] dilation [1, 1, 1] groups 1
      : tensor<1x2x4x5x3xf32>, tensor<3x2x2x2x2xf32> -> tensor<1x3x3x4x2xf32>
  return %1, %2, %4, %7, %8, %9 : tensor<1x67x17x15xf32>, tensor<2x5x4x6xf32>,
      tensor<2x9x7x5xf32>, tensor<2x6x7x5xf32>, tensor<1x4x4xf32>, tensor<1x3x3x4x2xf32>
}
)",
              kWinograd);
}

// Weights as a linear layer keeps them, with a bias; a batch of products.
TEST_F(LibraryTest, Products) {
  expectRight(R"(
func.func @main(%x: tensor<67x351xf32>, %w: tensor<353x351xf32> {weft.parameter, weft.name = "w"},
                %b: tensor<353xf32> {weft.parameter, weft.name = "b"},
                %y: tensor<2x37x211xf32>, %z: tensor<2x211x1030xf32>)
    -> (tensor<67x353xf32>, tensor<2x37x1030xf32>) {
  %0 = weft.transpose %w [1, 0] : tensor<353x351xf32> -> tensor<351x353xf32>
  %1 = weft.matmul %x, %0 : tensor<67x351xf32>, tensor<351x353xf32> -> tensor<67x353xf32>
  %2 = weft.broadcast %b : tensor<353xf32> -> tensor<67x353xf32>
  %3 = weft.add %1, %2 : tensor<67x353xf32>
  %4 = weft.relu %3 : tensor<67x353xf32>
  %5 = weft.matmul %y, %z : tensor<2x37x211xf32>, tensor<2x211x1030xf32> -> tensor<2x37x1030xf32>
  return %4, %5 : tensor<67x353xf32>, tensor<2x37x1030xf32>
}
)");
}

/// A small network for `batch` images: a residual block, then rows of 10, with
/// the images among the results.
static std::string networkFor(int64_t batch) {
  std::string text = R"(
func.func @main(%x: tensor<Nx64x16x16xf32>, %w: tensor<64x64x3x3xf32> {weft.parameter, weft.name = "w"},
                %b: tensor<64xf32> {weft.parameter, weft.name = "b"},
                %v: tensor<64x10xf32> {weft.parameter, weft.name = "v"})
    -> (tensor<Nx10xf32>, tensor<Nx64x16x16xf32>, tensor<Nx64x16x16xf32>, tensor<Nx10xf32>) {
  %0 = weft.conv %x, %w, %b stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<Nx64x16x16xf32>, tensor<64x64x3x3xf32>, tensor<64xf32> -> tensor<Nx64x16x16xf32>
  %1 = weft.add %0, %x : tensor<Nx64x16x16xf32>
  %2 = weft.relu %1 : tensor<Nx64x16x16xf32>
  %3 = weft.maxpool %2 kernel [8, 8] stride [8, 8] padding [0, 0, 0, 0]
      : tensor<Nx64x16x16xf32> -> tensor<Nx64x2x2xf32>
  %4 = weft.sum %3 over [2, 3] : tensor<Nx64x2x2xf32> -> tensor<Nx64xf32>
  %5 = weft.matmul %4, %v : tensor<Nx64xf32>, tensor<64x10xf32> -> tensor<Nx10xf32>
  return %5, %2, %x, %5 : tensor<Nx10xf32>, tensor<Nx64x16x16xf32>, tensor<Nx64x16x16xf32>, tensor<Nx10xf32>
}
)";
  for (size_t at = 0; (at = text.find("<Nx", at)) != std::string::npos;)
    text.replace(at, 3, "<" + std::to_string(batch) + "x");
  return text;
}

// On three threads 3 and 6 images are split and 5 are not. Parts of rows of 10
// begin anywhere between the boundaries that vectors are stored at.
TEST_F(LibraryTest, PartsOfABatch) {
  for (int64_t batch : {3, 5, 6}) {
    SCOPED_TRACE(batch);
    expectNear(networkFor(batch), kWinograd);
  }
}

// What is prepared of a parameter has a row for each of the batch.
TEST_F(LibraryTest, PreparedRowsOfABatch) {
  expectRight(R"(
func.func @main(%x: tensor<192x512xf32>, %w: tensor<512x512xf32>,
                %p: tensor<192x512xf32> {weft.parameter, weft.name = "p"}) -> tensor<192x512xf32> {
  %0 = weft.neg %p : tensor<192x512xf32>
  %1 = weft.matmul %x, %w : tensor<192x512xf32>, tensor<512x512xf32> -> tensor<192x512xf32>
  %2 = weft.add %1, %0 : tensor<192x512xf32>
  return %2 : tensor<192x512xf32>
}
)");
}

// Operands that are parts of one tensor, as queries and keys are, seen with
// their axes in another order, with steps; rows of two axes; a part of a bias.
TEST_F(LibraryTest, ProductsOfParts) {
  expectRight(R"(
func.func @main(%qkv: tensor<1000x192xf32>, %rows: tensor<2x100x256xf32>,
                %w: tensor<512x512xf32>, %b: tensor<1024xf32>)
    -> (tensor<2x500x500xf32>, tensor<200x512xf32>) {
  %0 = weft.reshape %qkv : tensor<1000x192xf32> -> tensor<2x500x3x64xf32>
  %1 = weft.transpose %0 [2, 0, 1, 3] : tensor<2x500x3x64xf32> -> tensor<3x2x500x64xf32>
  %2 = weft.slice %1 from [0, 0, 0, 0] by [1, 1, 1, 1] : tensor<3x2x500x64xf32> -> tensor<1x2x500x64xf32>
  %3 = weft.reshape %2 : tensor<1x2x500x64xf32> -> tensor<2x500x64xf32>
  %4 = weft.slice %1 from [1, 0, 0, 0] by [1, 1, 1, 1] : tensor<3x2x500x64xf32> -> tensor<1x2x500x64xf32>
  %5 = weft.reshape %4 : tensor<1x2x500x64xf32> -> tensor<2x500x64xf32>
  %6 = weft.transpose %5 [0, 2, 1] : tensor<2x500x64xf32> -> tensor<2x64x500xf32>
  %7 = weft.matmul %3, %6 : tensor<2x500x64xf32>, tensor<2x64x500xf32> -> tensor<2x500x500xf32>
  %8 = weft.reshape %rows : tensor<2x100x256xf32> -> tensor<200x256xf32>
  %9 = weft.slice %w from [3, 0] by [1, 1] : tensor<512x512xf32> -> tensor<256x512xf32>
  %10 = weft.slice %b from [5] by [1] : tensor<1024xf32> -> tensor<512xf32>
  %11 = weft.matmul %8, %9 : tensor<200x256xf32>, tensor<256x512xf32> -> tensor<200x512xf32>
  %12 = weft.broadcast %10 : tensor<512xf32> -> tensor<200x512xf32>
  %13 = weft.add %11, %12 : tensor<200x512xf32>
  return %7, %13 : tensor<2x500x500xf32>, tensor<200x512xf32>
}
)");
}

// Columns in steps of 2 and from the back, which the library reads in order.
TEST_F(LibraryTest, ProductsOfEveryOtherColumn) {
  expectRight(R"(
func.func @main(%x: tensor<200x512xf32>, %w: tensor<256x512xf32>)
    -> (tensor<200x512xf32>, tensor<200x512xf32>) {
  %0 = weft.slice %x from [0, 1] by [1, 2] : tensor<200x512xf32> -> tensor<200x256xf32>
  %1 = weft.matmul %0, %w : tensor<200x256xf32>, tensor<256x512xf32> -> tensor<200x512xf32>
  %2 = weft.slice %x from [0, 255] by [1, -1] : tensor<200x512xf32> -> tensor<200x256xf32>
  %3 = weft.matmul %2, %w : tensor<200x256xf32>, tensor<256x512xf32> -> tensor<200x512xf32>
  return %1, %3 : tensor<200x512xf32>, tensor<200x512xf32>
}
)");
}

// Worked out by hand: all weights are 1, so that an element is the sum of its
// window. relu keeps NaN and makes 0 of minus infinity.
TEST_F(LibraryTest, NaNAndInfinityGoThroughReluAsTheyDoElsewhere) {
  const std::string text = R"(
func.func @main(%x: tensor<1x64x16x16xf32>, %w: tensor<64x64x3x3xf32> {weft.parameter, weft.name = "w"},
                %r: tensor<1x64x16x16xf32>) -> tensor<1x64x16x16xf32> {
  %0 = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<1x64x16x16xf32>, tensor<64x64x3x3xf32> -> tensor<1x64x16x16xf32>
  %1 = weft.add %0, %r : tensor<1x64x16x16xf32>
  %2 = weft.relu %1 : tensor<1x64x16x16xf32>
  return %2 : tensor<1x64x16x16xf32>
}
)";
  for (DType dtype : {float32, bfloat16}) {
    SCOPED_TRACE(name(dtype));
    auto module = parse(dtype == float32 ? text : inBfloat16(text));
    ASSERT_TRUE(module);
    reference::Value x{dtype, {1, 64, 16, 16}, {}, {}}, w, r;
    x.reals.assign(64 * 256, 1);
    w = {dtype, {64, 64, 3, 3}, std::vector<double>(64 * 64 * 9, 1), {}};
    r = {dtype, {1, 64, 16, 16}, std::vector<double>(64 * 256, -500), {}};
    auto at = [](int64_t channel, int64_t row, int64_t column) {
      return static_cast<size_t>((channel * 16 + row) * 16 + column);
    };
    x.reals[at(5, 2, 2)] = kNaN;
    x.reals[at(6, 2, 10)] = kInf;
    x.reals[at(7, 10, 2)] = -kInf;
    r.reals[at(8, 10, 10)] = kNaN;
    r.reals[at(9, 10, 10)] = -kInf;
    reference::Arguments arguments;
    arguments.inputs = {x, r};
    arguments.parameters["w"] = w;
    test::Results results = test::runOnCpu({{*module, &arguments}}).front();
    ASSERT_TRUE(results.ok()) << results.status();
    auto result = [&](int64_t channel, int64_t row, int64_t column) {
      return (*results)[0].reals[at(channel, row, column)];
    };
    for (int64_t channel : {0, 8, 9, 63}) {
      EXPECT_EQ(result(channel, 6, 6), 9 * 64 - 500) << channel;
      EXPECT_EQ(result(channel, 0, 0), 0) << channel; // 4 * 64 - 500
      EXPECT_TRUE(std::isnan(result(channel, 2, 2))) << channel;
      EXPECT_TRUE(std::isnan(result(channel, 1, 3))) << channel;
      EXPECT_EQ(result(channel, 2, 10), kInf) << channel;
      EXPECT_EQ(result(channel, 10, 2), 0) << channel;
    }
    EXPECT_TRUE(std::isnan(result(8, 10, 10)));
    EXPECT_EQ(result(9, 10, 10), 0);
    EXPECT_EQ(result(10, 10, 10), 9 * 64 - 500);
  }
}

} // namespace
} // namespace weft::random
