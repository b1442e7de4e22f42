// SPDX-License-Identifier: Apache-2.0
// Linear layers of any rank of input.
#include "test/Tensor/Values.h"

#include "weft/NN/Linear.h"

namespace weft::nn {
namespace {

using test::expect_values;
using test::message;

TEST(Linear, AddsBiasToEveryRow) {
  Linear layer(2, 1);
  layer.weight = tensor({{1.0, 1.0}});
  layer.bias = tensor({10.0});
  expect_values(layer(tensor({{1.0, 2.0}, {3.0, 4.0}})), {2, 1}, {13, 17});
}

TEST(Linear, AcceptsAnyRank) {
  Linear layer(2, 3);
  layer.weight = tensor({{1.0, 0.0}, {0.0, 1.0}, {1.0, 1.0}});
  layer.bias = tensor({0.0, 0.0, 1.0});
  expect_values(layer(tensor({1.0, 2.0})), {3}, {1, 2, 4});
  expect_values(layer(tensor({{{1.0, 2.0}}, {{3.0, 4.0}}})), {2, 1, 3},
                {1, 2, 4, 3, 4, 8});
}

TEST(Linear, Options) {
  Linear layer(2, 1, {.bias = false, .dtype = float16});
  EXPECT_FALSE(layer.bias);
  EXPECT_EQ(layer.weight.dtype(), float16);
  expect_values(layer(tensor({{1.0, 2.0}}, float16)), {1, 1}, {2});
}

TEST(Linear, Errors) {
  Tensor x = zeros({1, 2});
  EXPECT_EQ(message(Linear(0, 1)(x)), "Linear: in below 1: got 0");
  EXPECT_EQ(message(Linear(2, -1)(x)), "Linear: out below 1: got -1");
  EXPECT_EQ(message(Linear(2, 1, {.dtype = int32})(x)),
            "Linear: needs a floating-point type: got int32");
  EXPECT_EQ(message(Linear(3, 1)(x)),
            "linear: last size of x is not the weight's: x [1, 2], weight "
            "[1, 3]");
  EXPECT_EQ(message(Linear(2, 1)(zeros({1, 2}, float16))),
            "linear: mixed types: float16 and float32");
}

} // namespace
} // namespace weft::nn
