// SPDX-License-Identifier: Apache-2.0
// Convolution layers: options, values by hand, errors.
#include "test/Tensor/Values.h"

#include "weft/NN/Conv.h"

namespace weft::nn {
namespace {

using test::expect_values;
using test::message;

TEST(Conv, CrossCorrelates) {
  Conv layer(1, 1, {.kernel = {2, 2}});
  layer.weight = tensor({{{{1.0, 2.0}, {3.0, 4.0}}}});
  layer.bias = tensor({100.0});
  // 1*1 + 2*2 + 3*4 + 4*5 = 37, and so on.
  expect_values(
      layer(tensor({{{{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}, {7.0, 8.0, 9.0}}}})),
      {1, 1, 2, 2}, {137, 147, 167, 177});
}

TEST(Conv, OptionsOfOneEntryCountForAllAxes) {
  Conv layer(3, 64,
             {.kernel = {7, 7}, .stride = {2}, .padding = {3}, .bias = false});
  EXPECT_FALSE(layer.bias);
  EXPECT_EQ(layer(zeros({2, 3, 224, 224})).shape(), (Shape{2, 64, 112, 112}));
}

TEST(Conv, AsymmetricPaddingDilationAndGroups) {
  Conv layer(2, 2,
             {.kernel = {2},
              .padding = {{1, 0}},
              .dilation = {2},
              .groups = 2,
              .bias = false});
  EXPECT_EQ(layer.weight.shape(), (Shape{2, 1, 2}));
  layer.weight = tensor({{{1.0, 10.0}}, {{1.0, 1.0}}});
  // Rows 0 1 2 3 and 4 5 6 7, a zero before each; taps two apart.
  expect_values(layer(tensor({{{0.0, 1.0, 2.0, 3.0}, {4.0, 5.0, 6.0, 7.0}}})),
                {1, 2, 3}, {10, 20, 31, 5, 10, 12});
}

TEST(Conv, ThreeSpatialAxes) {
  Conv layer(1, 1, {.kernel = {2, 1, 2}, .bias = false});
  EXPECT_EQ(layer(zeros({1, 1, 3, 3, 3})).shape(), (Shape{1, 1, 2, 3, 2}));
}

TEST(Conv, Errors) {
  Tensor x = zeros({1, 2, 4, 4});
  EXPECT_EQ(message(Conv(0, 1, {.kernel = {1}})(x)), "Conv: in below 1: got 0");
  EXPECT_EQ(message(Conv(2, 3, {.kernel = {1}, .groups = 2})(x)),
            "Conv: out is not a multiple of groups: got 3 and 2");
  EXPECT_EQ(message(Conv(2, 2, {.kernel = {1}, .groups = 0})(x)),
            "Conv: in is not a multiple of groups: got 2 and 0");
  EXPECT_EQ(message(Conv(2, 2, {})(x)),
            "Conv: needs one to three kernel sizes: got []");
  EXPECT_EQ(message(Conv(3, 1, {.kernel = {1, 1}})(x)),
            "conv: input channels are not weight channels x groups: input "
            "[1, 2, 4, 4], weight [1, 3, 1, 1], groups 1");
  EXPECT_EQ(message(Conv(2, 1, {.kernel = {1, 1}, .stride = {1, 1, 1}})(x)),
            "conv: wrong number of strides: got 3, expected 2 for 2 spatial "
            "dims");
  EXPECT_EQ(message(Conv(2, 1, {.kernel = {1, 1}, .padding = {1, 1, 1}})(x)),
            "conv: wrong number of paddings: got 3 (low, high), expected 2 for "
            "2 spatial dims");
  EXPECT_EQ(message(Conv(2, 1, {.kernel = {3}})(x)),
            "conv: not one kernel size a spatial dim: weight [1, 2, 3] has 1, "
            "input [1, 2, 4, 4] has 2");
}

} // namespace
} // namespace weft::nn
