// SPDX-License-Identifier: Apache-2.0
// Sums of two products, of sizes that tensor cores take: they are too large to
// come up at random. All the ways to run them agree with the interpreter.
#include "Compare.h"
#include "Draw.h"

#include "test/BackEnds/BackEnds.h"
#include "weft/IR/Dialect.h"
#include "weft/Runtime.h"
#include "weft/Transforms/Pipelines.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include <cmath>

namespace weft::random {
namespace {

/// How a stage of a residual network begins, with a stride in the shortcut, and
/// the convolution behind it.
constexpr const char *kStage = R"(
func.func @main(%x: tensor<1x64x5x7xf16>, %z: tensor<1x128x9x14xf16>,
                %v: tensor<128x64x1x1xf16> {weft.parameter, weft.name = "v"},
                %w: tensor<128x128x1x1xf16> {weft.parameter, weft.name = "w"},
                %a0: tensor<128xf16> {weft.parameter, weft.name = "a0"},
                %a1: tensor<128xf16> {weft.parameter, weft.name = "a1"},
                %a2: tensor<128xf16> {weft.parameter, weft.name = "a2"},
                %a3: tensor<128xf16> {weft.parameter, weft.name = "variance0"},
                %b0: tensor<128xf16> {weft.parameter, weft.name = "b0"},
                %b1: tensor<128xf16> {weft.parameter, weft.name = "b1"},
                %b2: tensor<128xf16> {weft.parameter, weft.name = "b2"},
                %b3: tensor<128xf16> {weft.parameter, weft.name = "variance1"},
                %u: tensor<64x128x1x1xf16> {weft.parameter, weft.name = "u"})
    -> (tensor<1x128x5x7xf16>, tensor<1x64x5x7xf16>) {
  %0 = weft.conv %x, %v stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<1x64x5x7xf16>, tensor<128x64x1x1xf16> -> tensor<1x128x5x7xf16>
  %1 = weft.batch_norm %0, %a0, %a1, %a2, %a3 eps 1.0e-5
      : tensor<1x128x5x7xf16>, tensor<128xf16>, tensor<128xf16>, tensor<128xf16>, tensor<128xf16>
  %2 = weft.conv %z, %w stride [2, 2] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<1x128x9x14xf16>, tensor<128x128x1x1xf16> -> tensor<1x128x5x7xf16>
  %3 = weft.batch_norm %2, %b0, %b1, %b2, %b3 eps 1.0e-5
      : tensor<1x128x5x7xf16>, tensor<128xf16>, tensor<128xf16>, tensor<128xf16>, tensor<128xf16>
  %4 = weft.add %1, %3 : tensor<1x128x5x7xf16>
  %5 = weft.relu %4 : tensor<1x128x5x7xf16>
  %6 = weft.conv %5, %u stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1
      : tensor<1x128x5x7xf16>, tensor<64x128x1x1xf16> -> tensor<1x64x5x7xf16>
  return %5, %6 : tensor<1x128x5x7xf16>, tensor<1x64x5x7xf16>
}
)";

/// Gates of a recurrent net, with weights as a linear layer keeps them.
constexpr const char *kGates = R"(
func.func @main(%x: tensor<30x64xf16>, %h: tensor<30x128xf16>,
                %w: tensor<256x64xf16> {weft.parameter, weft.name = "w"},
                %u: tensor<256x128xf16> {weft.parameter, weft.name = "u"},
                %b: tensor<256xf16> {weft.parameter, weft.name = "b"},
                %c: tensor<256xf16> {weft.parameter, weft.name = "c"}) -> tensor<30x256xf16> {
  %0 = weft.transpose %w [1, 0] : tensor<256x64xf16> -> tensor<64x256xf16>
  %1 = weft.matmul %x, %0 : tensor<30x64xf16>, tensor<64x256xf16> -> tensor<30x256xf16>
  %2 = weft.broadcast %b : tensor<256xf16> -> tensor<30x256xf16>
  %3 = weft.add %1, %2 : tensor<30x256xf16>
  %4 = weft.transpose %u [1, 0] : tensor<256x128xf16> -> tensor<128x256xf16>
  %5 = weft.matmul %h, %4 : tensor<30x128xf16>, tensor<128x256xf16> -> tensor<30x256xf16>
  %6 = weft.broadcast %c : tensor<256xf16> -> tensor<30x256xf16>
  %7 = weft.add %5, %6 : tensor<30x256xf16>
  %8 = weft.add %3, %7 : tensor<30x256xf16>
  %9 = weft.sigmoid %8 : tensor<30x256xf16>
  return %9 : tensor<30x256xf16>
}
)";

/// 40000 + 40000 in float32, where it is finite; a quarter of each in float16,
/// whose sum is; with a factor 1000 times the other; and 40000 - 40000.
constexpr const char *kLarge = R"(
func.func @main(%x0: tensor<30x64xf16>, %x1: tensor<30x64xf16>,
                %x2: tensor<30x64xf16>, %x3: tensor<30x64xf16>,
                %w: tensor<64x128xf16> {weft.parameter, weft.name = "w"},
                %u: tensor<64x128xf16> {weft.parameter, weft.name = "u"},
                %n: tensor<64x128xf16> {weft.parameter, weft.name = "n"},
                %q: tensor<128xf32> {weft.parameter, weft.name = "q"},
                %t: tensor<128xf32> {weft.parameter, weft.name = "t"})
    -> (tensor<30x128xf32>, tensor<30x128xf16>, tensor<30x128xf32>, tensor<30x128xf32>) {
  %0 = weft.matmul %x0, %w : tensor<30x64xf16>, tensor<64x128xf16> -> tensor<30x128xf16>
  %1 = weft.cast %0 : tensor<30x128xf16> -> tensor<30x128xf32>
  %2 = weft.matmul %x0, %u : tensor<30x64xf16>, tensor<64x128xf16> -> tensor<30x128xf16>
  %3 = weft.cast %2 : tensor<30x128xf16> -> tensor<30x128xf32>
  %r0 = weft.add %1, %3 : tensor<30x128xf32>
  %b = weft.broadcast %q : tensor<128xf32> -> tensor<30x128xf32>
  %4 = weft.matmul %x1, %w : tensor<30x64xf16>, tensor<64x128xf16> -> tensor<30x128xf16>
  %5 = weft.cast %4 : tensor<30x128xf16> -> tensor<30x128xf32>
  %6 = weft.mul %5, %b : tensor<30x128xf32>
  %7 = weft.cast %6 : tensor<30x128xf32> -> tensor<30x128xf16>
  %8 = weft.matmul %x1, %u : tensor<30x64xf16>, tensor<64x128xf16> -> tensor<30x128xf16>
  %9 = weft.cast %8 : tensor<30x128xf16> -> tensor<30x128xf32>
  %10 = weft.mul %9, %b : tensor<30x128xf32>
  %11 = weft.cast %10 : tensor<30x128xf32> -> tensor<30x128xf16>
  %r1 = weft.add %7, %11 : tensor<30x128xf16>
  %c = weft.broadcast %t : tensor<128xf32> -> tensor<30x128xf32>
  %12 = weft.matmul %x2, %w : tensor<30x64xf16>, tensor<64x128xf16> -> tensor<30x128xf16>
  %13 = weft.cast %12 : tensor<30x128xf16> -> tensor<30x128xf32>
  %14 = weft.mul %13, %c : tensor<30x128xf32>
  %15 = weft.matmul %x2, %u : tensor<30x64xf16>, tensor<64x128xf16> -> tensor<30x128xf16>
  %16 = weft.cast %15 : tensor<30x128xf16> -> tensor<30x128xf32>
  %r2 = weft.add %14, %16 : tensor<30x128xf32>
  %17 = weft.matmul %x3, %w : tensor<30x64xf16>, tensor<64x128xf16> -> tensor<30x128xf16>
  %18 = weft.cast %17 : tensor<30x128xf16> -> tensor<30x128xf32>
  %19 = weft.matmul %x3, %n : tensor<30x64xf16>, tensor<64x128xf16> -> tensor<30x128xf16>
  %20 = weft.cast %19 : tensor<30x128xf16> -> tensor<30x128xf32>
  %r3 = weft.add %18, %20 : tensor<30x128xf32>
  return %r0, %r1, %r2, %r3 : tensor<30x128xf32>, tensor<30x128xf16>, tensor<30x128xf32>, tensor<30x128xf32>
}
)";

class SumsTest : public testing::Test {
protected:
  SumsTest() : context_(mlir::MLIRContext::Threading::DISABLED) {
    context_.loadDialect<ir::WeftDialect, mlir::func::FuncDialect>();
  }

  /// Calls `run` on each graph, in float16 and bfloat16; it gives what its
  /// results are.
  template <typename Run> void expectRight(Run run) {
    for (std::string text : {kStage, kGates})
      for (const char *type : {"f16", "bf16"}) {
        for (size_t at = 0;
             (at = text.find("xf16", at + 1)) != std::string::npos;)
          text.replace(at + 1, 3, type);
        SCOPED_TRACE(text);
        auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context_);
        ASSERT_TRUE(module);
        reference::Arguments arguments = argumentsOf(*module);
        auto expected = expectedResults(*module, arguments);
        ASSERT_TRUE(expected.ok()) << expected.status();
        test::Results results = run(*module, arguments);
        ASSERT_TRUE(results.ok()) << results.status();
        int64_t numCompared = 0;
        EXPECT_EQ(confirmedDifference(*module, arguments, *expected, *results,
                                      numCompared),
                  "");
        EXPECT_GT(numCompared, 0);
      }
  }

  /// Calls `run` on kLarge, of which the results are known.
  template <typename Run> void expectLarge(Run run) {
    auto module = mlir::parseSourceString<mlir::ModuleOp>(kLarge, &context_);
    ASSERT_TRUE(module);
    reference::Arguments arguments;
    auto all = [](DType dtype, Shape shape, double x) {
      reference::Value value = reference::zeros(dtype, shape);
      std::fill(value.reals.begin(), value.reals.end(), x);
      return value;
    };
    arguments.inputs.assign(4, all(DType::float16, {30, 64}, 1));
    for (auto [name, x] : {std::pair("w", 625), {"u", 625}, {"n", -625}})
      arguments.parameters[name] = all(DType::float16, {64, 128}, x);
    arguments.parameters["q"] = all(DType::float32, {128}, 0.25);
    arguments.parameters["t"] = all(DType::float32, {128}, 1000);
    test::Results results = run(*module, arguments);
    ASSERT_TRUE(results.ok()) << results.status();
    ASSERT_EQ(results->size(), 4u);
    EXPECT_THAT((*results)[0].reals, testing::Each(80000));
    EXPECT_THAT((*results)[1].reals, testing::Each(20000));
    // Half a unit of float16's last place.
    EXPECT_THAT((*results)[2].reals,
                testing::Each(testing::DoubleNear(40040000, 40040000 / 2048)));
    EXPECT_THAT((*results)[3].reals, testing::Each(0));
  }

  /// The second half of the channels has no shortcut, some have no more than
  /// that: their factors are 0.
  static reference::Arguments argumentsOf(mlir::ModuleOp module) {
    Draw draw(1);
    reference::Arguments arguments;
    auto main = module.lookupSymbol<mlir::func::FuncOp>(ir::kMainName);
    for (mlir::BlockArgument argument : main.getArguments()) {
      mlir::Type type = argument.getType();
      const DType dtype = ir::toDType(mlir::getElementTypeOrSelf(type));
      reference::Value value = reference::zeros(dtype, ir::toShape(type));
      auto attribute = main.getArgAttrOfType<mlir::StringAttr>(
          argument.getArgNumber(), ir::kNameAttr);
      std::string name = attribute ? attribute.str() : "";
      for (size_t i = 0; i < value.reals.size(); ++i) {
        double x = draw.real(-1, 1);
        if (name.starts_with("variance"))
          x = 10 * x * x;
        if ((name == "a0" && i % 16 == 3) ||
            (name == "b0" && (i % 16 == 7 || i % 32 == 3)))
          x = 0;
        value.reals[i] = reference::roundTo(dtype, x);
      }
      if (name.empty())
        arguments.inputs.push_back(std::move(value));
      else
        arguments.parameters[name] = std::move(value);
    }
    return arguments;
  }

private:
  mlir::MLIRContext context_;
};

/// What the interpreter makes of `module` once `numSums` of its sums are one
/// product.
test::Results interpretJoined(mlir::ModuleOp module,
                              const reference::Arguments &arguments,
                              int numSums, bool roundEachOp) {
  mlir::OwningOpRef<mlir::ModuleOp> changed = module.clone();
  mlir::PassManager passes(module.getContext());
  buildPipeline(passes,
                {.channelsLast = true, .takesSum = [](auto) { return true; }});
  EXPECT_TRUE(mlir::succeeded(passes.run(*changed)));
  int concatenations = 0; // of data; those of weights are in @prepare
  changed->lookupSymbol<mlir::func::FuncOp>(ir::kMainName)
      .walk([&](ir::ConcatenateOp) { ++concatenations; });
  EXPECT_EQ(concatenations, numSums);
  return reference::interpret(*changed, arguments,
                              {.roundEachOp = roundEachOp});
}

TEST_F(SumsTest, PassesKeepTheMeaning) {
  expectRight([](mlir::ModuleOp module, const reference::Arguments &arguments) {
    return interpretJoined(module, arguments, 1, false);
  });
}

TEST_F(SumsTest, WhatWasFiniteStaysSo) {
  expectLarge([](mlir::ModuleOp module, const reference::Arguments &arguments) {
    return interpretJoined(module, arguments, 4, true);
  });
}

TEST_F(SumsTest, WhatWasFiniteStaysSoEmulated) {
  expectLarge([](mlir::ModuleOp module, const reference::Arguments &arguments) {
    return test::runEmulated({{module, &arguments}}).front();
  });
}

TEST_F(SumsTest, EmulatedCudaAgrees) {
  expectRight([](mlir::ModuleOp module, const reference::Arguments &arguments) {
    test::Job job{module, &arguments};
    auto kernels = test::cudaKernelsOf(job, "sm_90a");
    EXPECT_TRUE(kernels.ok()) << kernels.status();
    if (kernels.ok())
      EXPECT_THAT(*kernels, testing::Contains(testing::Field(
                                &emulator::Source::text,
                                testing::HasSubstr("TensorMap a_map2"))));
    return test::runEmulated({job}).front();
  });
}

TEST_F(SumsTest, GpuAgrees) {
  if (Status status = is_usable(Device::gpu()); !status.ok())
    GTEST_SKIP() << "no GPU: " << status;
  auto run = [](mlir::ModuleOp module, const reference::Arguments &arguments) {
    return test::runOnGpu({{module, &arguments}}).front();
  };
  expectRight(run);
  expectLarge(run);
}

} // namespace
} // namespace weft::random
