// SPDX-License-Identifier: Apache-2.0
// Group normalisation against values worked out by hand.
#include "test/Tensor/Values.h"

#include "weft/NN/GroupNorm.h"

namespace weft::nn {
namespace {

using test::expect_near;
using test::message;

TEST(GroupNorm, NormalisesGroupsOfChannels) {
  GroupNorm norm(2, 4, {.eps = 0});
  norm.weight = tensor({1.0, 1.0, 2.0, 2.0});
  norm.bias = tensor({0.0, 10.0, 0.0, 0.0});
  // Group 0: mean 2, deviation 1; group 1: mean 0, deviation 3.
  expect_near(
      norm(tensor({{{1.0, 1.0}, {3.0, 3.0}, {-3.0, 3.0}, {3.0, -3.0}}})),
      {1, 4, 2}, {-1, -1, 11, 11, -2, 2, 2, -2});
}

TEST(GroupNorm, WithoutSpatialAxes) {
  GroupNorm norm(1, 2, {.eps = 0});
  norm.weight = ones({2});
  norm.bias = zeros({2});
  expect_near(norm(tensor({{1.0, 3.0}, {10.0, 20.0}})), {2, 2}, {-1, 1, -1, 1});
}

TEST(GroupNorm, Errors) {
  EXPECT_EQ(message(GroupNorm(3, 4)(zeros({1, 4}))),
            "GroupNorm: channels is not a multiple of groups: got 4 and 3");
  EXPECT_EQ(message(GroupNorm(0, 4)(zeros({1, 4}))),
            "GroupNorm: channels is not a multiple of groups: got 4 and 0");
  EXPECT_EQ(message(GroupNorm(1, 0)(zeros({1, 4}))),
            "GroupNorm: channels below 1: got 0");
  EXPECT_EQ(message(GroupNorm(2, 4)(zeros({1, 6}))),
            "group_norm: weight or bias does not match the channels: x [1, 6], "
            "got [4]");
}

} // namespace
} // namespace weft::nn
