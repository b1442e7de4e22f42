// SPDX-License-Identifier: Apache-2.0
// Ops that make or move elements.
#include "Program.h"

#include <limits>

namespace weft::reference {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Moves, Constants) {
  EXPECT_THAT(evaluate("weft.constant dense<[1.5, -2.0]> : tensor<2xf16>",
                       " -> tensor<2xf16>", {})
                  .reals,
              ElementsAre(1.5, -2));
  EXPECT_THAT(
      evaluate("weft.constant dense<7> : tensor<3xi8>", " -> tensor<3xi8>", {})
          .ints,
      ElementsAre(7, 7, 7));
  EXPECT_THAT(evaluate("weft.constant dense<[200, 1]> : tensor<2xui8>",
                       " -> tensor<2xui8>", {})
                  .ints,
              ElementsAre(200, 1));
  EXPECT_THAT(evaluate("weft.constant dense<[true, false]> : tensor<2xi1>",
                       " -> tensor<2xi1>", {})
                  .ints,
              ElementsAre(1, 0));
  EXPECT_THAT(
      evaluate("weft.constant dense<-8> : tensor<1xi4>", " -> tensor<1xi4>", {})
          .ints,
      ElementsAre(-8));
}

TEST(Moves, SplatAndIota) {
  EXPECT_THAT(evaluate("weft.splat %a0 : f32 -> tensor<2x1xf32>",
                       "f32 -> tensor<2x1xf32>", {f32({}, {0.5})})
                  .reals,
              ElementsAre(0.5, 0.5));
  EXPECT_THAT(
      evaluate("weft.iota 0 : tensor<3x2xi32>", " -> tensor<3x2xi32>", {}).ints,
      ElementsAre(0, 0, 1, 1, 2, 2));
  EXPECT_THAT(
      evaluate("weft.iota 1 : tensor<2x3xf32>", " -> tensor<2x3xf32>", {})
          .reals,
      ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST(Moves, Broadcast) {
  EXPECT_THAT(
      evaluate("weft.broadcast %a0 : tensor<2x1xi32> -> tensor<2x2x3xi32>",
               "tensor<2x1xi32> -> tensor<2x2x3xi32>", {i32({2, 1}, {7, 9})})
          .ints,
      ElementsAre(7, 7, 7, 9, 9, 9, 7, 7, 7, 9, 9, 9));
}

TEST(Moves, ReshapeAndTranspose) {
  Value x = i32({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_THAT(evaluate("weft.reshape %a0 : tensor<2x3xi32> -> tensor<3x2xi32>",
                       "tensor<2x3xi32> -> tensor<3x2xi32>", {x})
                  .ints,
              ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(
      evaluate("weft.transpose %a0 [1, 0] : tensor<2x3xi32> -> tensor<3x2xi32>",
               "tensor<2x3xi32> -> tensor<3x2xi32>", {x})
          .ints,
      ElementsAre(1, 4, 2, 5, 3, 6));
  // Axis 0 of the result is axis 2 of x: not the inverse permutation.
  EXPECT_THAT(evaluate("weft.transpose %a0 [2, 0, 1] : tensor<1x2x3xi32> -> "
                       "tensor<3x1x2xi32>",
                       "tensor<1x2x3xi32> -> tensor<3x1x2xi32>",
                       {i32({1, 2, 3}, {1, 2, 3, 4, 5, 6})})
                  .ints,
              ElementsAre(1, 4, 2, 5, 3, 6));
}

TEST(Moves, SliceBackwards) {
  EXPECT_THAT(evaluate("weft.slice %a0 from [1, 2] by [-1, -2] : "
                       "tensor<2x3xi32> -> tensor<2x2xi32>",
                       "tensor<2x3xi32> -> tensor<2x2xi32>",
                       {i32({2, 3}, {1, 2, 3, 4, 5, 6})})
                  .ints,
              ElementsAre(6, 4, 3, 1));
  EXPECT_THAT(
      evaluate(
          "weft.slice %a0 from [0] by [1] : tensor<3xi32> -> tensor<0xi32>",
          "tensor<3xi32> -> tensor<0xi32>", {i32({3}, {1, 2, 3})})
          .ints,
      IsEmpty());
}

TEST(Moves, ResampleStaysInside) {
  // Positions -1, 0, 1, 2, 3, 4 halved: -1 and 2 lie outside.
  EXPECT_THAT(evaluate("weft.resample %a0 from [-1] by [1] over [2] : "
                       "tensor<2xi32> -> tensor<6xi32>",
                       "tensor<2xi32> -> tensor<6xi32>", {i32({2}, {5, 6})})
                  .ints,
              ElementsAre(5, 5, 5, 6, 6, 6));
  EXPECT_THAT(evaluate("weft.resample %a0 from [0, 1] by [1, 3] over [2, 4] : "
                       "tensor<1x3xi32> -> tensor<2x4xi32>",
                       "tensor<1x3xi32> -> tensor<2x4xi32>",
                       {i32({1, 3}, {5, 6, 7})})
                  .ints,
              ElementsAre(5, 6, 6, 7, 5, 6, 6, 7));
}

TEST(Moves, Concatenate) {
  EXPECT_THAT(evaluate("weft.concatenate %a0, %a1 along 1 : tensor<2x1xi32>, "
                       "tensor<2x2xi32> -> tensor<2x3xi32>",
                       "tensor<2x1xi32>, tensor<2x2xi32> -> tensor<2x3xi32>",
                       {i32({2, 1}, {1, 2}), i32({2, 2}, {3, 4, 5, 6})})
                  .ints,
              ElementsAre(1, 3, 4, 2, 5, 6));
}

TEST(Moves, AsStrided) {
  EXPECT_THAT(evaluate("weft.as_strided %a0 offset 4 strides [-3, 1] : "
                       "tensor<6xi32> -> tensor<2x2xi32>",
                       "tensor<6xi32> -> tensor<2x2xi32>",
                       {i32({6}, {0, 1, 2, 3, 4, 5})})
                  .ints,
              ElementsAre(4, 5, 1, 2));
}

TEST(Moves, CastRounds) {
  EXPECT_THAT(evaluate("weft.cast %a0 : tensor<2xf32> -> tensor<2xf16>",
                       "tensor<2xf32> -> tensor<2xf16>",
                       {f32({2}, {2049, 1e6})})
                  .reals,
              ElementsAre(2048, std::numeric_limits<double>::infinity()));
}

} // namespace
} // namespace weft::reference
