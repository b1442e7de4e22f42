// SPDX-License-Identifier: Apache-2.0
// Matrix products, convolutions and pooling.
#include "Program.h"

#include <limits>

namespace weft::reference {
namespace {

using testing::ElementsAre;

TEST(Windows, BatchedMatmul) {
  EXPECT_THAT(
      evaluate("weft.matmul %a0, %a1 : tensor<2x1x2xf32>, tensor<2x2x2xf32> -> "
               "tensor<2x1x2xf32>",
               "tensor<2x1x2xf32>, tensor<2x2x2xf32> -> tensor<2x1x2xf32>",
               {f32({2, 1, 2}, {1, 2, 3, 4}),
                f32({2, 2, 2}, {1, 0, 0, 1, 1, 2, 3, 4})})
          .reals,
      ElementsAre(1, 2, 15, 22));
  EXPECT_THAT(evaluate("weft.matmul %a0, %a1 : tensor<1x2xi8>, tensor<2x1xi8> "
                       "-> tensor<1x1xi8>",
                       "tensor<1x2xi8>, tensor<2x1xi8> -> tensor<1x1xi8>",
                       {ints(DType::int8, {1, 2}, {100, 1}),
                        ints(DType::int8, {2, 1}, {2, 1})})
                  .ints,
              ElementsAre(-55)); // 201 - 256
}

TEST(Windows, Conv1DWithAsymmetricPaddingAndStride) {
  // x = 0 [1 2 3 4]: taps at -1, 1, 3 of (1, 10), bias 100.
  EXPECT_THAT(
      evaluate("weft.conv %a0, %a1, %a2 stride [2] padding [1, 0] dilation [1] "
               "groups 1 : tensor<1x1x4xf32>, tensor<1x1x2xf32>, tensor<1xf32> "
               "-> tensor<1x1x2xf32>",
               "tensor<1x1x4xf32>, tensor<1x1x2xf32>, tensor<1xf32> -> "
               "tensor<1x1x2xf32>",
               {f32({1, 1, 4}, {1, 2, 3, 4}), f32({1, 1, 2}, {1, 10}),
                f32({1}, {100})})
          .reals,
      ElementsAre(110, 132));
}

TEST(Windows, PaddingIsZeros) {
  // 0 * inf + 1 * 1, 1 * inf + 2 * 1.
  std::vector<double> y =
      evaluate("weft.conv %a0, %a1 stride [1] padding [1, 0] dilation [1] "
               "groups 1 : tensor<1x1x2xf32>, tensor<1x1x2xf32> -> "
               "tensor<1x1x2xf32>",
               "tensor<1x1x2xf32>, tensor<1x1x2xf32> -> tensor<1x1x2xf32>",
               {f32({1, 1, 2}, {1, 2}),
                f32({1, 1, 2}, {std::numeric_limits<float>::infinity(), 1})})
          .reals;
  EXPECT_THAT(y, ElementsAre(testing::IsNan(),
                             std::numeric_limits<double>::infinity()));
}

TEST(Windows, Conv2DWithGroupsAndDilation) {
  // Two groups of one channel; dilation 2 along the width: w[0] x[c, h, 0] +
  // w[1] x[c, h, 2].
  EXPECT_THAT(
      evaluate("weft.conv %a0, %a1 stride [1, 1] padding [0, 0, 0, 0] dilation "
               "[1, 2] groups 2 : tensor<1x2x2x3xf32>, tensor<2x1x1x2xf32> -> "
               "tensor<1x2x2x1xf32>",
               "tensor<1x2x2x3xf32>, tensor<2x1x1x2xf32> -> "
               "tensor<1x2x2x1xf32>",
               {f32({1, 2, 2, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}),
                f32({2, 1, 1, 2}, {1, 10, 2, 20})})
          .reals,
      ElementsAre(31, 64, 194, 260));
}

TEST(Windows, ConvWithChannelsLast) {
  // Pixels (1, 2) and (3, 4); outputs 1 * c0 + 10 * c1 and c1.
  EXPECT_THAT(
      evaluate("weft.conv %a0, %a1 stride [1] padding [0, 0] dilation [1] "
               "groups 1 channels_last : tensor<1x2x2xf32>, tensor<2x1x2xf32> "
               "-> tensor<1x2x2xf32>",
               "tensor<1x2x2xf32>, tensor<2x1x2xf32> -> tensor<1x2x2xf32>",
               {f32({1, 2, 2}, {1, 2, 3, 4}), f32({2, 1, 2}, {1, 10, 0, 1})})
          .reals,
      ElementsAre(21, 2, 43, 4));
  // Two taps of one channel, then two channels of one tap.
  EXPECT_THAT(
      evaluate("weft.conv %a0, %a1 stride [1] padding [0, 0] dilation [1] "
               "groups 1 channels_last : tensor<1x3x2xf32>, tensor<1x2x2xf32> "
               "-> tensor<1x2x1xf32>",
               "tensor<1x3x2xf32>, tensor<1x2x2xf32> -> tensor<1x2x1xf32>",
               {f32({1, 3, 2}, {1, 2, 3, 4, 5, 6}),
                f32({1, 2, 2}, {1, 10, 100, 1000})})
          .reals,
      ElementsAre(4321, 6543));
}

TEST(Windows, PoolingWithChannelsLast) {
  EXPECT_THAT(evaluate("weft.maxpool %a0 kernel [2] stride [1] padding [0, 0] "
                       "channels_last : tensor<1x3x2xf32> -> tensor<1x2x2xf32>",
                       "tensor<1x3x2xf32> -> tensor<1x2x2xf32>",
                       {f32({1, 3, 2}, {1, 9, 3, 4, 2, 8})})
                  .reals,
              ElementsAre(3, 9, 3, 8));
  EXPECT_THAT(evaluate("weft.avgpool %a0 kernel [3] stride [1] padding [0, 0] "
                       "count_include_pad true channels_last : "
                       "tensor<1x3x2xf32> -> tensor<1x1x2xf32>",
                       "tensor<1x3x2xf32> -> tensor<1x1x2xf32>",
                       {f32({1, 3, 2}, {1, 9, 3, 4, 2, 8})})
                  .reals,
              ElementsAre(2, 7));
}

TEST(Windows, Conv2DSumsOverChannels) {
  EXPECT_THAT(
      evaluate(
          "weft.conv %a0, %a1 stride [1, 1] padding [0, 0, 0, 0] dilation "
          "[1, 1] groups 1 : tensor<1x2x1x2xf32>, tensor<2x2x1x1xf32> -> "
          "tensor<1x2x1x2xf32>",
          "tensor<1x2x1x2xf32>, tensor<2x2x1x1xf32> -> "
          "tensor<1x2x1x2xf32>",
          {f32({1, 2, 1, 2}, {1, 2, 3, 4}), f32({2, 2, 1, 1}, {1, 10, 0, 1})})
          .reals,
      ElementsAre(31, 42, 3, 4));
}

TEST(Windows, Conv3D) {
  // All of a cube of ones under padding 1: the middle sees 8 of them.
  EXPECT_THAT(
      evaluate("weft.conv %a0, %a1 stride [2, 2, 2] padding [1, 1, 1, 1, 1, 1] "
               "dilation [1, 1, 1] groups 1 : tensor<1x1x2x2x2xf32>, "
               "tensor<1x1x2x2x2xf32> -> tensor<1x1x2x2x2xf32>",
               "tensor<1x1x2x2x2xf32>, tensor<1x1x2x2x2xf32> -> "
               "tensor<1x1x2x2x2xf32>",
               {f32({1, 1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}),
                f32({1, 1, 2, 2, 2}, {1, 1, 1, 1, 1, 1, 1, 10})})
          .reals,
      ElementsAre(10, 2, 3, 4, 5, 6, 7, 8));
}

TEST(Windows, MaxpoolIgnoresPadding) {
  EXPECT_THAT(
      evaluate("weft.maxpool %a0 kernel [2] stride [2] padding [1, 1] : "
               "tensor<1x1x4xf32> -> tensor<1x1x3xf32>",
               "tensor<1x1x4xf32> -> tensor<1x1x3xf32>",
               {f32({1, 1, 4}, {-1, -2, -3, -4})})
          .reals,
      ElementsAre(-1, -2, -4));
  EXPECT_THAT(
      evaluate("weft.maxpool %a0 kernel [1, 2] stride [1, 1] padding "
               "[0, 0, 0, 0] : tensor<1x1x1x3xi8> -> tensor<1x1x1x2xi8>",
               "tensor<1x1x1x3xi8> -> tensor<1x1x1x2xi8>",
               {ints(DType::int8, {1, 1, 1, 3}, {-100, -90, -128})})
          .ints,
      ElementsAre(-90, -90));
}

TEST(Windows, AvgpoolCountsPaddingIfTold) {
  auto of = [](const std::string &count) {
    return evaluate("weft.avgpool %a0 kernel [2] stride [2] padding [1, 1] "
                    "count_include_pad " +
                        count + " : tensor<1x1x4xf32> -> tensor<1x1x3xf32>",
                    "tensor<1x1x4xf32> -> tensor<1x1x3xf32>",
                    {f32({1, 1, 4}, {2, 4, 6, 8})})
        .reals;
  };
  EXPECT_THAT(of("true"), ElementsAre(1, 5, 4));
  EXPECT_THAT(of("false"), ElementsAre(2, 5, 8));
}

TEST(Windows, AvgpoolOfIntegersTruncates) {
  EXPECT_THAT(evaluate("weft.avgpool %a0 kernel [2] stride [1] padding [0, 0] "
                       "count_include_pad true : tensor<1x1x3xi32> -> "
                       "tensor<1x1x2xi32>",
                       "tensor<1x1x3xi32> -> tensor<1x1x2xi32>",
                       {i32({1, 1, 3}, {1, 2, -5})})
                  .ints,
              ElementsAre(1, -1));
}

} // namespace
} // namespace weft::reference
