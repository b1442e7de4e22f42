// SPDX-License-Identifier: Apache-2.0
// Batch normalisation against values worked out by hand.
#include "test/Tensor/Values.h"

#include "weft/NN/BatchNorm.h"

namespace weft::nn {
namespace {

using test::expect_near;
using test::message;

BatchNorm loaded(BatchNormOptions options = {}) {
  BatchNorm norm(2, options);
  norm.weight = tensor({2.0, 3.0}, options.dtype);
  norm.bias = tensor({0.5, -1.0}, options.dtype);
  norm.running_mean = tensor({1.0, 2.0}, options.dtype);
  norm.running_var = tensor({4.0, 0.25}, options.dtype);
  return norm;
}

TEST(BatchNorm, NormalisesEveryChannel) {
  // Channel 0: (x - 1) / 2 * 2 + 0.5; channel 1: (x - 2) / 0.5 * 3 - 1.
  BatchNorm norm = loaded({.eps = 0});
  expect_near(norm(tensor({{1.0, 2.0}, {3.0, 3.0}})), {2, 2},
              {0.5, -1, 2.5, 5});
  expect_near(norm(tensor({{{1.0, 3.0}, {2.0, 3.0}}})), {1, 2, 2},
              {0.5, 2.5, -1, 5});
}

TEST(BatchNorm, EpsCounts) {
  BatchNorm norm = loaded({.eps = 12});
  // sqrt(4 + 12) = 4 and sqrt(0.25 + 12) = 3.5
  expect_near(norm(tensor({{5.0, 9.0}})), {1, 2}, {2.5, 5});
}

TEST(BatchNorm, EveryFloat) {
  for (DType type : {float64, float16, bfloat16}) {
    BatchNorm norm = loaded({.dtype = type, .eps = 0});
    Tensor y = norm(tensor({{3.0, 3.0}}, type));
    EXPECT_EQ(y.dtype(), type);
    expect_near(y, {1, 2}, {2.5, 5});
  }
}

TEST(BatchNorm, HalfPrecisionInputBesideFloatStatistics) {
  Tensor y = loaded({.eps = 0})(tensor({{3.0, 3.0}}, float16));
  EXPECT_EQ(y.dtype(), float16);
  expect_near(y, {1, 2}, {2.5, 5});
}

TEST(BatchNorm, Errors) {
  BatchNorm norm(2);
  EXPECT_EQ(message(norm(zeros({1, 3, 4}))),
            "batch_norm: weight does not match the channels: weight [2], input "
            "[1, 3, 4]");
  EXPECT_EQ(message(norm(zeros({2}))),
            "batch_norm: input is not of rank 2 to 5: input [2]");
  EXPECT_EQ(message(norm(zeros({1, 2}, float64))),
            "batch_norm: mixed types: float64 and float32");
  EXPECT_EQ(message(BatchNorm(0)(zeros({1, 2}))),
            "BatchNorm: num_features below 1: got 0");
  EXPECT_EQ(message(BatchNorm(2, {.dtype = int32})(zeros({1, 2}))),
            "BatchNorm: needs a floating-point type: got int32");
}

} // namespace
} // namespace weft::nn
