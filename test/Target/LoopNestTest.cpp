// SPDX-License-Identifier: Apache-2.0
#include "weft/Target/LoopNest.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace mlir;
using namespace weft;
using testing::HasSubstr;
using testing::Not;

namespace {

class LoopNestTest : public testing::Test {
protected:
  LoopNestTest() { context_.loadDialect<ir::WeftDialect, func::FuncDialect>(); }

  /// The nest of a group of `inputs` (its arguments with their types) that
  /// holds `body` and yields one value of `result`.
  FailureOr<LoopNest> nest(const std::string &inputs, const std::string &types,
                           const std::string &body, const std::string &result) {
    std::string pairs;
    for (char c : inputs)
      pairs += (pairs.empty() ? "%" : ", %") + std::string(1, c) + " = %a" + c;
    std::string text = "func.func @main(" + argumentList(inputs, types) +
                       ") -> " + result + " {\n  %r = weft.group(" + pairs +
                       ") : " + types + " -> " + result + " {\n" + body +
                       "    weft.yield %y : " + result +
                       "\n  }\n  return %r : " + result + "\n}\n";
    module_ = parseSourceString<ModuleOp>(text, ParserConfig(&context_));
    EXPECT_TRUE(module_) << text;
    FailureOr<LoopNest> result_nest = failure();
    if (module_)
      module_->walk(
          [&](ir::GroupOp group) { result_nest = buildLoopNest(group, why_); });
    return result_nest;
  }

  std::string text(const LoopNest &nest) {
    std::string out;
    llvm::raw_string_ostream os(out);
    print(nest, os);
    return out;
  }

  std::string why_;

private:
  static std::string argumentList(const std::string &inputs,
                                  const std::string &types) {
    std::string out;
    size_t at = 0;
    for (char c : inputs) {
      size_t end = types.find(", ", at);
      std::string type = types.substr(at, end - at);
      out += (out.empty() ? "%a" : ", %a") + std::string(1, c) + ": " + type;
      at = end == std::string::npos ? types.size() : end + 2;
    }
    return out;
  }

  MLIRContext context_;
  OwningOpRef<ModuleOp> module_;
};

TEST_F(LoopNestTest, ChannelScaleKeepsBatchChannelAndMergedSpace) {
  auto built = nest("xs", "tensor<2x3x4x5xf32>, tensor<3xf32>", R"(
    %c = weft.reshape %s : tensor<3xf32> -> tensor<1x3x1x1xf32>
    %b = weft.broadcast %c : tensor<1x3x1x1xf32> -> tensor<2x3x4x5xf32>
    %y = weft.mul %x, %b : tensor<2x3x4x5xf32>
)",
                    "tensor<2x3x4x5xf32>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_THAT(built->sizes, testing::ElementsAre(2, 3, 20));
  EXPECT_THAT(text(*built), HasSubstr("load 1[d1]"));
  EXPECT_THAT(text(*built), HasSubstr("load 0[d0 * 60 + d1 * 20 + d2]"));
}

TEST_F(LoopNestTest, APairHasTwoNests) {
  std::string pair = R"(
func.func @main(%x: tensor<6x4xf32>, %w: tensor<4x5xf32>, %v: tensor<5x3xf32>) {
  %r:2 = weft.group(%a = %x, %b = %w, %c = %v) : tensor<6x4xf32>, tensor<4x5xf32>, tensor<5x3xf32> -> tensor<6x5xf32>, tensor<6x3xf32> {
    %m = weft.matmul %a, %b : tensor<6x4xf32>, tensor<4x5xf32> -> tensor<6x5xf32>
    %y = weft.relu %m : tensor<6x5xf32>
    %z = weft.matmul %y, %c : tensor<6x5xf32>, tensor<5x3xf32> -> tensor<6x3xf32>
    weft.yield %y, %z : tensor<6x5xf32>, tensor<6x3xf32>
  }
  return
}
)";
  MLIRContext context;
  context.loadDialect<ir::WeftDialect, func::FuncDialect>();
  auto module = parseSourceString<ModuleOp>(pair, ParserConfig(&context));
  ASSERT_TRUE(module);
  module->walk([&](ir::GroupOp group) {
    EXPECT_TRUE(failed(buildLoopNest(group, why_)));
    EXPECT_EQ(why_, "two products have loops of their own");
    auto nests = buildPairNests(group, why_);
    ASSERT_TRUE(succeeded(nests)) << why_;
    EXPECT_THAT(nests->first.sizes, testing::ElementsAre(6, 5, 4));
    EXPECT_THAT(text(nests->first), HasSubstr("to 0[d0 * 5 + d1]"));
    // What the first stores is input 3 + 0.
    EXPECT_THAT(nests->second.sizes, testing::ElementsAre(6, 3, 5));
    EXPECT_THAT(text(nests->second), HasSubstr("load 3[d0 * 5 + d2]"));
    EXPECT_THAT(text(nests->second), HasSubstr("to 1[d0 * 3 + d1]"));
    EXPECT_THAT(text(nests->second), Not(HasSubstr("relu")));
  });
}

// The loops are those of the convolution; they store what is pooled.
TEST_F(LoopNestTest, PoolingReadsTheResultsOfAConvolution) {
  auto built = nest("xw", "tensor<1x8x8x4xf16>, tensor<6x3x3x4xf16>", R"(
    %c = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 channels_last : tensor<1x8x8x4xf16>, tensor<6x3x3x4xf16> -> tensor<1x6x6x6xf16>
    %r = weft.relu %c : tensor<1x6x6x6xf16>
    %y = weft.maxpool %r kernel [2, 2] stride [2, 2] padding [0, 0, 0, 0] channels_last : tensor<1x6x6x6xf16> -> tensor<1x3x3x6xf16>
)",
                    "tensor<1x3x3x6xf16>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_THAT(built->sizes, testing::ElementsAre(6, 6, 6, 3, 12));
  EXPECT_THAT(text(*built),
              HasSubstr("to 0[d0 * 36 + d1 * 6 + d2]\n"
                        "  pooled kernel [2, 2] stride [2, 2] padding [0, 0, "
                        "0, 0]\n"));
}

TEST_F(LoopNestTest, PlainElementwiseIsOneDim) {
  auto built = nest("xz", "tensor<2x3x4xf32>, tensor<2x3x4xf32>", R"(
    %s = weft.add %x, %z : tensor<2x3x4xf32>
    %y = weft.relu %s : tensor<2x3x4xf32>
)",
                    "tensor<2x3x4xf32>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_THAT(built->sizes, testing::ElementsAre(24));
}

TEST_F(LoopNestTest, ReshapeThereAndBackLeavesNoDivision) {
  auto built = nest("x", "tensor<4x6xf32>", R"(
    %a = weft.reshape %x : tensor<4x6xf32> -> tensor<2x12xf32>
    %b = weft.relu %a : tensor<2x12xf32>
    %c = weft.reshape %b : tensor<2x12xf32> -> tensor<4x6xf32>
    %y = weft.add %c, %x : tensor<4x6xf32>
)",
                    "tensor<4x6xf32>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_THAT(text(*built), Not(HasSubstr("floordiv")));
  EXPECT_THAT(built->sizes, testing::ElementsAre(24));
}

TEST_F(LoopNestTest, TransposeBecomesStrides) {
  auto built = nest("x", "tensor<4x6xf32>", R"(
    %y = weft.transpose %x [1, 0] : tensor<4x6xf32> -> tensor<6x4xf32>
)",
                    "tensor<6x4xf32>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_THAT(built->sizes, testing::ElementsAre(6, 4));
  EXPECT_THAT(text(*built), HasSubstr("load 0[d0 + d1 * 6]"));
}

TEST_F(LoopNestTest, ResampledNeighboursShareTheirDivision) {
  auto built = nest("x", "tensor<16xf32>", R"(
    %a = weft.resample %x from [9] by [4] over [5] : tensor<16xf32> -> tensor<10xf32>
    %b = weft.resample %x from [14] by [4] over [5] : tensor<16xf32> -> tensor<10xf32>
    %y = weft.add %a, %b : tensor<10xf32>
)",
                    "tensor<10xf32>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_THAT(text(*built), HasSubstr("load 0[(d0 * 4 + 4) floordiv 5 + 1]"));
  EXPECT_THAT(text(*built), HasSubstr("load 0[(d0 * 4 + 4) floordiv 5 + 2]"));
}

TEST_F(LoopNestTest, ConcatenationChoosesByGuards) {
  auto built = nest("ab", "tensor<3xf32>, tensor<5xf32>", R"(
    %y = weft.concatenate %a, %b along 0 : tensor<3xf32>, tensor<5xf32> -> tensor<8xf32>
)",
                    "tensor<8xf32>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_THAT(text(*built), HasSubstr("load 1[d0 - 3] if 3 <= d0 < 8"));
  EXPECT_THAT(text(*built), HasSubstr("if 0 <= d0 < 3"));
}

TEST_F(LoopNestTest, SoftmaxRowsHaveTwoReducingStagesAndOneStore) {
  auto built = nest("x", "tensor<8x32xf32>", R"(
    %m = weft.max %x over [1] : tensor<8x32xf32> -> tensor<8xf32>
    %m1 = weft.reshape %m : tensor<8xf32> -> tensor<8x1xf32>
    %mb = weft.broadcast %m1 : tensor<8x1xf32> -> tensor<8x32xf32>
    %d = weft.sub %x, %mb : tensor<8x32xf32>
    %e = weft.exp %d : tensor<8x32xf32>
    %s = weft.sum %e over [1] : tensor<8x32xf32> -> tensor<8xf32>
    %s1 = weft.reshape %s : tensor<8xf32> -> tensor<8x1xf32>
    %sb = weft.broadcast %s1 : tensor<8x1xf32> -> tensor<8x32xf32>
    %y = weft.div %e, %sb : tensor<8x32xf32>
)",
                    "tensor<8x32xf32>");
  ASSERT_TRUE(succeeded(built)) << why_;
  ASSERT_EQ(built->stages.size(), 3u);
  EXPECT_EQ(built->numParallel, 1u);
  EXPECT_EQ(built->stages[0].accumulators.size(), 1u);
  EXPECT_EQ(built->stages[1].accumulators.size(), 1u);
  EXPECT_EQ(built->stages[2].stores.size(), 1u);
  EXPECT_TRUE(built->stages[2].inner);
}

TEST_F(LoopNestTest, ConvWithoutPaddingNeedsNoGuards) {
  auto built = nest("xw", "tensor<1x2x5x5xf32>, tensor<4x2x3x3xf32>", R"(
    %y = weft.conv %x, %w stride [1, 1] padding [0, 0, 0, 0] dilation [1, 1] groups 1 : tensor<1x2x5x5xf32>, tensor<4x2x3x3xf32> -> tensor<1x4x3x3xf32>
)",
                    "tensor<1x4x3x3xf32>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_THAT(text(*built), Not(HasSubstr(" if ")));
  EXPECT_EQ(built->numInnerPoints(), 2 * 3 * 3);
  EXPECT_EQ(built->numRows(), 4 * 3 * 3);
}

TEST_F(LoopNestTest, ConvWithPaddingGuardsItsLoads) {
  auto built = nest("xw", "tensor<1x2x5x5xf32>, tensor<4x2x3x3xf32>", R"(
    %y = weft.conv %x, %w stride [1, 1] padding [1, 1, 1, 1] dilation [1, 1] groups 1 : tensor<1x2x5x5xf32>, tensor<4x2x3x3xf32> -> tensor<1x4x5x5xf32>
)",
                    "tensor<1x4x5x5xf32>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_THAT(text(*built), HasSubstr("if 0 <= d1 + d4 - 1 < 5"));
}

TEST_F(LoopNestTest, MatmulMergesBatchesOfOneWeight) {
  auto built = nest("xw", "tensor<2x3x4xf32>, tensor<4x5xf32>", R"(
    %b = weft.broadcast %w : tensor<4x5xf32> -> tensor<2x4x5xf32>
    %y = weft.matmul %x, %b : tensor<2x3x4xf32>, tensor<2x4x5xf32> -> tensor<2x3x5xf32>
)",
                    "tensor<2x3x5xf32>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_THAT(built->sizes, testing::ElementsAre(6, 5, 4));
}

TEST_F(LoopNestTest, AttentionHasAStageForScoresAndOneForValues) {
  // Heads share keys and values: their rows are those of one.
  auto built = nest(
      "qkvs",
      "tensor<3x4x16xf16>, tensor<5x16xf16>, tensor<5x8xf16>, tensor<f32>", R"(
    %l = weft.broadcast %k : tensor<5x16xf16> -> tensor<3x5x16xf16>
    %w = weft.broadcast %v : tensor<5x8xf16> -> tensor<3x5x8xf16>
    %y = weft.attention %q, %l, %w, %s : (tensor<3x4x16xf16>, tensor<3x5x16xf16>, tensor<3x5x8xf16>, tensor<f32>) -> tensor<3x4x8xf16>
)",
      "tensor<3x4x8xf16>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_EQ(text(*built), R"(parallel [12, 8] inner [5, 16]
  row
  inner
    %0 = load 0[d0 * 16 + d3] : f16
    %1 = load 1[d2 * 16 + d3] : f16
    %2 = mul %0 %1 : f16
    %3 = sum of %2 at d3
  row
    %4 = load 3[0] : f32
  inner
    %5 = mul %3 %4 : f32
    %6 = load 2[d1 + d2 * 8] : f16
    %7 = softmax %5 : f16
    %8 = mul %7 %6 : f16
    %9 = sum of %8 at d2
  row
    store %9 to 0[d0 * 8 + d1]
)");
}

TEST_F(LoopNestTest, AttentionStoresHeadsBesideEachOther) {
  // Head h of 3, token t of 4: element ((b * 4 + t) * 3 + h) * 8 + column.
  auto built = nest(
      "qkvs",
      "tensor<6x4x16xf16>, tensor<6x5x16xf16>, tensor<6x5x8xf16>, tensor<f32>",
      R"(
    %a = weft.attention %q, %k, %v, %s : (tensor<6x4x16xf16>, tensor<6x5x16xf16>, tensor<6x5x8xf16>, tensor<f32>) -> tensor<6x4x8xf16>
    %h = weft.reshape %a : tensor<6x4x8xf16> -> tensor<2x3x4x8xf16>
    %t = weft.transpose %h [0, 2, 1, 3] : tensor<2x3x4x8xf16> -> tensor<2x4x3x8xf16>
    %y = weft.reshape %t : tensor<2x4x3x8xf16> -> tensor<8x24xf16>
)",
      "tensor<8x24xf16>");
  ASSERT_TRUE(succeeded(built)) << why_;
  EXPECT_THAT(text(*built), testing::StartsWith("parallel [6, 4, 8] inner"));
  AffineExpr offset = built->stages.back().stores.front().offset;
  auto dim = [&](int64_t i) {
    return getAffineConstantExpr(i, offset.getContext());
  };
  for (int64_t batch = 0; batch < 2; ++batch)
    for (int64_t head = 0; head < 3; ++head)
      for (int64_t token = 0; token < 4; ++token)
        for (int64_t column = 0; column < 8; ++column)
          EXPECT_EQ(offset.replaceDims(
                        {dim(batch * 3 + head), dim(token), dim(column)}),
                    dim(((batch * 4 + token) * 3 + head) * 8 + column));
}

TEST_F(LoopNestTest, ReducedValueAtAnotherIndexIsRefused) {
  auto built = nest("x", "tensor<4x4xf32>", R"(
    %a = weft.sum %x over [1] : tensor<4x4xf32> -> tensor<4xf32>
    %y = weft.slice %a from [3] by [-1] : tensor<4xf32> -> tensor<4xf32>
)",
                    "tensor<4xf32>");
  EXPECT_TRUE(failed(built));
  EXPECT_EQ(why_, "the result of sum is used at another index than its own");
}

} // namespace
