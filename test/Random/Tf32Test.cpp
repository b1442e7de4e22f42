// SPDX-License-Identifier: Apache-2.0
// Products of float32 in TF32, of sizes that tensor cores take: exact for
// numbers that TF32 has, rounded to it for others.
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

using testing::Each;
using testing::HasSubstr;
using testing::Not;

/// Windows, a stride, few channels and many, odd sizes; what follows them.
constexpr const char *kConvolutions = R"(
func.func @main(%x: tensor<2x3x23x30xf32>, %z: tensor<2x48x12x15xf32>,
                %u: tensor<32x3x7x7xf32> {weft.parameter, weft.name = "u"},
                %b: tensor<32xf32> {weft.parameter, weft.name = "b"},
                %v: tensor<48x32x3x3xf32> {weft.parameter, weft.name = "v"},
                %w: tensor<20x48x1x1xf32> {weft.parameter, weft.name = "w"})
    -> (tensor<2x48x12x15xf32>, tensor<2x20x6x8xf32>) {
  %0 = weft.conv %x, %u, %b stride [2, 2] padding [3, 3, 3, 3] dilation [1, 1] groups 1
      : tensor<2x3x23x30xf32>, tensor<32x3x7x7xf32>, tensor<32xf32> -> tensor<2x32x12x15xf32>
  %1 = weft.relu %0 : tensor<2x32x12x15xf32>
  %2 = weft.conv %1, %v stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1
      : tensor<2x32x12x15xf32>, tensor<48x32x3x3xf32> -> tensor<2x48x12x15xf32>
  %3 = weft.neg %2 : tensor<2x48x12x15xf32>
  %4 = weft.conv %z, %w stride [2, 2] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<2x48x12x15xf32>, tensor<20x48x1x1xf32> -> tensor<2x20x6x8xf32>
  return %3, %4 : tensor<2x48x12x15xf32>, tensor<2x20x6x8xf32>
}
)";

/// Operands whose lines run along k, and whose lines do not; several matrices;
/// a k that is no multiple of a tile's, and one that blocks share, of pieces of
/// two elements.
constexpr const char *kProducts = R"(
func.func @main(%x: tensor<30x84xf32>, %t: tensor<84x44xf32>,
                %w: tensor<84x72xf32> {weft.parameter, weft.name = "w"},
                %u: tensor<72x84xf32> {weft.parameter, weft.name = "u"},
                %b: tensor<72xf32> {weft.parameter, weft.name = "b"},
                %p: tensor<3x20x64xf32>, %q: tensor<3x64x36xf32>,
                %l: tensor<18x1002xf32>, %r: tensor<1002x38xf32>)
    -> (tensor<30x72xf32>, tensor<30x72xf32>, tensor<44x72xf32>, tensor<3x20x36xf32>, tensor<18x38xf32>) {
  %0 = weft.matmul %x, %w : tensor<30x84xf32>, tensor<84x72xf32> -> tensor<30x72xf32>
  %1 = weft.transpose %u [1, 0] : tensor<72x84xf32> -> tensor<84x72xf32>
  %2 = weft.matmul %x, %1 : tensor<30x84xf32>, tensor<84x72xf32> -> tensor<30x72xf32>
  %3 = weft.broadcast %b : tensor<72xf32> -> tensor<30x72xf32>
  %4 = weft.add %2, %3 : tensor<30x72xf32>
  %5 = weft.relu %4 : tensor<30x72xf32>
  %6 = weft.transpose %t [1, 0] : tensor<84x44xf32> -> tensor<44x84xf32>
  %7 = weft.matmul %6, %w : tensor<44x84xf32>, tensor<84x72xf32> -> tensor<44x72xf32>
  %8 = weft.matmul %p, %q : tensor<3x20x64xf32>, tensor<3x64x36xf32> -> tensor<3x20x36xf32>
  %9 = weft.matmul %l, %r : tensor<18x1002xf32>, tensor<1002x38xf32> -> tensor<18x38xf32>
  return %0, %5, %7, %8, %9 : tensor<30x72xf32>, tensor<30x72xf32>, tensor<44x72xf32>, tensor<3x20x36xf32>, tensor<18x38xf32>
}
)";

constexpr const char *kProduct = R"(
func.func @main(%x: tensor<32x64xf32>, %w: tensor<64x64xf32>) -> tensor<32x64xf32> {
  %0 = weft.matmul %x, %w : tensor<32x64xf32>, tensor<64x64xf32> -> tensor<32x64xf32>
  return %0 : tensor<32x64xf32>
}
)";

/// With weights, which are rounded where they are prepared, and a k that is
/// long enough for bulk copies.
constexpr const char *kLinear = R"(
func.func @main(%x: tensor<32x160xf32>, %w: tensor<64x160xf32> {weft.parameter, weft.name = "w"}) -> tensor<32x64xf32> {
  %t = weft.transpose %w [1, 0] : tensor<64x160xf32> -> tensor<160x64xf32>
  %0 = weft.matmul %x, %t : tensor<32x160xf32>, tensor<160x64xf32> -> tensor<32x64xf32>
  return %0 : tensor<32x64xf32>
}
)";

class Tf32Test : public testing::Test {
protected:
  Tf32Test() : context_(mlir::MLIRContext::Threading::DISABLED) {
    context_.loadDialect<ir::WeftDialect, mlir::func::FuncDialect>();
    set_float32_precision(Float32Precision::tf32);
  }
  ~Tf32Test() override { set_float32_precision(Float32Precision::ieee); }

  mlir::OwningOpRef<mlir::ModuleOp> parse(const char *text) {
    return mlir::parseSourceString<mlir::ModuleOp>(text, &context_);
  }

  /// Calls `run` on both graphs, with whole numbers of up to 2: all that is
  /// multiplied is below 2048, and exact in TF32.
  template <typename Run> void expectExact(Run run) {
    for (const char *text : {kConvolutions, kProducts}) {
      SCOPED_TRACE(text);
      auto module = parse(text);
      ASSERT_TRUE(module);
      Draw draw(1);
      reference::Arguments arguments;
      auto main = module->lookupSymbol<mlir::func::FuncOp>(ir::kMainName);
      for (mlir::BlockArgument argument : main.getArguments()) {
        reference::Value value =
            reference::zeros(float32, ir::toShape(argument.getType()));
        for (double &element : value.reals)
          element = static_cast<double>(draw.integer(-2, 2));
        if (auto name = main.getArgAttrOfType<mlir::StringAttr>(
                argument.getArgNumber(), ir::kNameAttr))
          arguments.parameters[name.str()] = std::move(value);
        else
          arguments.inputs.push_back(std::move(value));
      }
      auto expected = reference::interpret(*module, arguments);
      ASSERT_TRUE(expected.ok()) << expected.status();
      test::Results results = run(*module, arguments);
      ASSERT_TRUE(results.ok()) << results.status();
      ASSERT_EQ(results->size(), expected->size());
      for (size_t i = 0; i < expected->size(); ++i)
        EXPECT_EQ((*results)[i].reals, (*expected)[i].reals) << "result " << i;
    }
  }

  /// Calls `run` on a product of numbers 1 + 2^-11, which lie in the middle
  /// between two that TF32 has, and ones.
  template <typename Run> void expectSum(double sum, Run run) {
    auto module = parse(kProduct);
    ASSERT_TRUE(module);
    reference::Arguments arguments;
    for (auto [rows, number] : {std::pair(32, 1 + 0x1p-11), {64, 1.0}}) {
      arguments.inputs.push_back(reference::zeros(float32, {rows, 64}));
      std::ranges::fill(arguments.inputs.back().reals, number);
    }
    test::Results results = run(*module, arguments);
    ASSERT_TRUE(results.ok()) << results.status();
    EXPECT_THAT(results->front().reals, Each(sum));
  }

  /// The same of data and weights, each of one number.
  template <typename Run>
  void expectSumOfLinear(double data, double weights, double sum, Run run) {
    auto module = parse(kLinear);
    ASSERT_TRUE(module);
    reference::Arguments arguments;
    arguments.inputs = {reference::zeros(float32, {32, 160})};
    reference::Value w = reference::zeros(float32, {64, 160});
    std::ranges::fill(arguments.inputs[0].reals, data);
    std::ranges::fill(w.reals, weights);
    arguments.parameters["w"] = std::move(w);
    test::Results results = run(*module, arguments);
    ASSERT_TRUE(results.ok()) << results.status();
    EXPECT_THAT(results->front().reals, Each(sum)) << data << " " << weights;
  }
  /// Of both, what lies in the middle is rounded up, and what is below down.
  template <typename Run> void expectRoundedLinear(Run run) {
    constexpr double middle = 1 + 0x1p-11, next = 1 + 0x1p-10,
                     below = middle - 0x1p-23;
    expectSumOfLinear(middle, 1, 160 * next, run);
    expectSumOfLinear(1, middle, 160 * next, run);
    expectSumOfLinear(-1, -middle, 160 * next, run);
    expectSumOfLinear(below, 1, 160, run);
    expectSumOfLinear(1, below, 160, run);
  }

  /// Calls `run` on a product of which rows are the largest number, infinite
  /// and NaN, and columns 2^-70 and 0.
  template <typename Run> void expectLargest(Run run) {
    auto module = parse(kProduct);
    ASSERT_TRUE(module);
    constexpr double kInf = std::numeric_limits<double>::infinity();
    reference::Arguments arguments;
    arguments.inputs = {reference::zeros(float32, {32, 64}),
                        reference::zeros(float32, {64, 64})};
    auto &x = arguments.inputs[0].reals, &w = arguments.inputs[1].reals;
    x[0] = std::numeric_limits<float>::max();
    x[64] = -kInf;
    x[2 * 64] = std::numeric_limits<double>::quiet_NaN();
    w[0] = 0x1p-70;
    test::Results results = run(*module, arguments);
    ASSERT_TRUE(results.ok()) << results.status();
    const auto &y = results->front().reals;
    EXPECT_EQ(y[0], 0x1.ffcp57); // cut off, not rounded to infinity
    EXPECT_EQ(y[1], 0);
    EXPECT_EQ(y[64], -kInf);
    EXPECT_TRUE(std::isnan(y[64 + 1])); // infinity times 0
    EXPECT_TRUE(std::isnan(y[2 * 64]));
    EXPECT_EQ(y[3 * 64], 0);
  }

  /// The same of weights, which are rounded where they are prepared.
  template <typename Run> void expectLargestWeights(Run run) {
    auto module = parse(kLinear);
    ASSERT_TRUE(module);
    constexpr double kInf = std::numeric_limits<double>::infinity();
    reference::Arguments arguments;
    arguments.inputs = {reference::zeros(float32, {32, 160})};
    arguments.inputs[0].reals[0] = 0x1p-70;
    reference::Value w = reference::zeros(float32, {64, 160});
    w.reals[0] = std::numeric_limits<float>::max();
    w.reals[160] = -kInf;
    w.reals[2 * 160] = std::numeric_limits<double>::quiet_NaN();
    arguments.parameters["w"] = std::move(w);
    test::Results results = run(*module, arguments);
    ASSERT_TRUE(results.ok()) << results.status();
    const auto &y = results->front().reals;
    EXPECT_EQ(y[0], 0x1.ffcp57);
    EXPECT_EQ(y[1], -kInf);
    EXPECT_TRUE(std::isnan(y[2]));
    EXPECT_EQ(y[3], 0);
    EXPECT_EQ(y[64], 0);
    EXPECT_TRUE(std::isnan(y[64 + 1])); // 0 times infinity
  }

  /// The last kernel, or all of them.
  std::string textFor(const std::string &architecture,
                      const char *program = kProduct, bool all = false) {
    auto module = parse(program);
    reference::Arguments arguments;
    arguments.parameters["w"] = reference::zeros(float32, {64, 160});
    auto kernels = test::cudaKernelsOf({*module, &arguments}, architecture);
    EXPECT_TRUE(kernels.ok()) << kernels.status();
    std::string text;
    if (kernels.ok())
      for (const auto &kernel : *kernels)
        text = all ? text + kernel.text : kernel.text;
    return text;
  }

private:
  mlir::MLIRContext context_;
};

test::Results emulate(mlir::ModuleOp module,
                      const reference::Arguments &arguments) {
  return test::runEmulated({{module, &arguments}}).front();
}
test::Results onGpu(mlir::ModuleOp module,
                    const reference::Arguments &arguments) {
  return test::runOnGpu({{module, &arguments}}).front();
}

TEST_F(Tf32Test, EmulatedIsExactWhereTf32Is) { expectExact(emulate); }

TEST_F(Tf32Test, EmulatedRoundsOperands) {
  expectSum(64 * (1 + 0x1p-10), emulate);
  set_float32_precision(Float32Precision::ieee);
  expectSum(64 * (1 + 0x1p-11), emulate);
}

TEST_F(Tf32Test, EmulatedRoundsDataAndWeights) { expectRoundedLinear(emulate); }

TEST_F(Tf32Test, EmulatedKeepsWhatIsFiniteAndWhatIsNot) {
  expectLargest(emulate);
  expectLargestWeights(emulate);
}

TEST_F(Tf32Test, GpuAgrees) {
  if (Status status = is_usable(Device::gpu()); !status.ok())
    GTEST_SKIP() << "no GPU: " << status;
  expectExact(onGpu);
  expectSum(64 * (1 + 0x1p-10), onGpu);
  expectRoundedLinear(onGpu);
  expectLargest(onGpu);
  expectLargestWeights(onGpu);
  set_float32_precision(Float32Precision::ieee);
  expectSum(64 * (1 + 0x1p-11), onGpu);
}

/// Lines along k of 158 floats, which the accelerator cannot read; lines that
/// do not run along k; few steps of k; one row of each matrix.
constexpr const char *kOtherWeights[] = {
    R"(
func.func @main(%x: tensor<32x158xf32>, %w: tensor<64x158xf32> {weft.parameter, weft.name = "w"}) -> tensor<32x64xf32> {
  %t = weft.transpose %w [1, 0] : tensor<64x158xf32> -> tensor<158x64xf32>
  %0 = weft.matmul %x, %t : tensor<32x158xf32>, tensor<158x64xf32> -> tensor<32x64xf32>
  return %0 : tensor<32x64xf32>
}
)",
    R"(
func.func @main(%x: tensor<32x64xf32>, %w: tensor<64x160xf32> {weft.parameter, weft.name = "w"}) -> tensor<32x160xf32> {
  %0 = weft.matmul %x, %w : tensor<32x64xf32>, tensor<64x160xf32> -> tensor<32x160xf32>
  return %0 : tensor<32x160xf32>
}
)",
    R"(
func.func @main(%x: tensor<32x64xf32>, %w: tensor<160x64xf32> {weft.parameter, weft.name = "w"}) -> tensor<32x160xf32> {
  %t = weft.transpose %w [1, 0] : tensor<160x64xf32> -> tensor<64x160xf32>
  %0 = weft.matmul %x, %t : tensor<32x64xf32>, tensor<64x160xf32> -> tensor<32x160xf32>
  return %0 : tensor<32x160xf32>
}
)",
    R"(
func.func @main(%x: tensor<16x1x160xf32>, %w: tensor<16x64x160xf32> {weft.parameter, weft.name = "w"}) -> tensor<16x1x64xf32> {
  %t = weft.transpose %w [0, 2, 1] : tensor<16x64x160xf32> -> tensor<16x160x64xf32>
  %0 = weft.matmul %x, %t : tensor<16x1x160xf32>, tensor<16x160x64xf32> -> tensor<16x1x64xf32>
  return %0 : tensor<16x1x64xf32>
}
)"};

TEST_F(Tf32Test, WeightsAreRoundedWhereWarpGroupsReadThem) {
  EXPECT_THAT(textFor("sm_90a", kLinear, /*all=*/true),
              HasSubstr("weft::nearest_tf32("));
  for (const char *architecture : {"sm_80", "sm_90", "sm_100a"})
    EXPECT_THAT(textFor(architecture, kLinear, true),
                Not(HasSubstr("nearest_tf32")))
        << architecture;
  for (const char *program : kOtherWeights)
    EXPECT_THAT(textFor("sm_90a", program, true),
                Not(HasSubstr("nearest_tf32")))
        << program;
}

TEST_F(Tf32Test, OnlyWhereItIsAskedForAndThereAreTensorCores) {
  EXPECT_THAT(textFor("sm_80"), HasSubstr("weft::multiply_tf32("));
  EXPECT_THAT(textFor("sm_90a"), HasSubstr("weft::multiply_tf32("));
  EXPECT_THAT(textFor("sm_80", kLinear), HasSubstr("weft::multiply_tf32("));
  EXPECT_THAT(textFor("sm_90a", kLinear),
              HasSubstr("weft::multiply_group_tf32("));
  EXPECT_THAT(textFor("sm_75"), Not(HasSubstr("tf32")));
  set_float32_precision(Float32Precision::ieee);
  EXPECT_THAT(textFor("sm_90a"), Not(HasSubstr("tf32")));
}

} // namespace
} // namespace weft::random
