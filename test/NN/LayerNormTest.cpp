// SPDX-License-Identifier: Apache-2.0
// Layer normalisation against values worked out by hand.
#include "test/Tensor/Values.h"

#include "weft/NN/LayerNorm.h"

namespace weft::nn {
namespace {

using test::expect_near;
using test::message;

LayerNorm plain(const Shape &shape, LayerNormOptions options = {}) {
  LayerNorm norm(shape, options);
  norm.weight = ones(shape, options.dtype);
  norm.bias = zeros(shape, options.dtype);
  return norm;
}

TEST(LayerNorm, ApiExamples) {
  expect_near(plain({3})(tensor({{1.0, 2.0, 3.0}})), {1, 3},
              {-1.2247, 0, 1.2247}, 1e-4);
}

TEST(LayerNorm, OverSeveralAxesThenScalesAndShifts) {
  LayerNorm norm = plain({2, 2}, {.eps = 0});
  norm.weight = tensor({{1.0, 1.0}, {1.0, 2.0}});
  norm.bias = tensor({{0.0, 0.0}, {0.0, 10.0}});
  // Mean 0, variance 4.
  expect_near(norm(tensor({{{-2.0, 2.0}, {-2.0, 2.0}}})), {1, 2, 2},
              {-1, 1, -1, 12});
  expect_near(plain({2}, {.eps = 0})(tensor({4.0, 8.0})), {2}, {-1, 1});
}

TEST(LayerNorm, HalfPrecisionSumsInFloat32) {
  // The sum of squares, 4 x 300^2, is no float16.
  expect_near(plain({4}, {.dtype = float16, .eps = 0})(
                  tensor({-300.0, 300.0, -300.0, 300.0}, float16)),
              {4}, {-1, 1, -1, 1}, 1e-3);
}

TEST(LayerNorm, Errors) {
  EXPECT_EQ(message(LayerNorm(Shape{})(zeros({2}))),
            "LayerNorm: needs at least one size: got []");
  EXPECT_EQ(message(plain({3})(zeros({2, 4}))),
            "layer_norm: weight and bias are not the last sizes of x: x "
            "[2, 4], weight [3], bias [3]");
  EXPECT_EQ(message(LayerNorm({3}, {.dtype = int8})(zeros({3}))),
            "LayerNorm: needs a floating-point type: got int8");
}

} // namespace
} // namespace weft::nn
