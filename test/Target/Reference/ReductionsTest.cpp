// SPDX-License-Identifier: Apache-2.0
// Reductions and normalisations.
#include "Program.h"

#include <cmath>

namespace weft::reference {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::IsNan;

const double kNaN = std::nan("");

Value reduce(const std::string &op, const std::string &axes,
             const std::string &from, const std::string &to, Value x) {
  return evaluate("weft." + op + " %a0 over " + axes + " : " + from + " -> " +
                      to,
                  from + " -> " + to, {std::move(x)});
}

TEST(Reductions, OverSomeAxes) {
  Value x = f32({2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  const char *from = "tensor<2x3x2xf32>";
  EXPECT_THAT(reduce("sum", "[1]", from, "tensor<2x2xf32>", x).reals,
              ElementsAre(9, 12, 27, 30));
  EXPECT_THAT(reduce("sum", "[0, 2]", from, "tensor<3xf32>", x).reals,
              ElementsAre(18, 26, 34));
  EXPECT_THAT(reduce("sum", "[0, 1, 2]", from, "tensor<f32>", x).reals,
              ElementsAre(78));
  EXPECT_THAT(reduce("prod", "[2]", from, "tensor<2x3xf32>", x).reals,
              ElementsAre(2, 12, 30, 56, 90, 132));
  EXPECT_THAT(reduce("max", "[0]", from, "tensor<3x2xf32>", x).reals,
              ElementsAre(7, 8, 9, 10, 11, 12));
  EXPECT_THAT(reduce("min", "[0, 1]", from, "tensor<2xf32>", x).reals,
              ElementsAre(1, 2));
  EXPECT_THAT(reduce("sum", "[]", from, from, x).reals, x.reals);
}

TEST(Reductions, OfNothing) {
  Value none = f32({0, 2}, {});
  EXPECT_THAT(
      reduce("sum", "[0]", "tensor<0x2xf32>", "tensor<2xf32>", none).reals,
      ElementsAre(0, 0));
  EXPECT_THAT(
      reduce("prod", "[0]", "tensor<0x2xf32>", "tensor<2xf32>", none).reals,
      ElementsAre(1, 1));
  EXPECT_THAT(
      reduce("all", "[0]", "tensor<0xi1>", "tensor<i1>", i1({0}, {})).ints,
      ElementsAre(1));
  EXPECT_THAT(
      reduce("any", "[0]", "tensor<0xi1>", "tensor<i1>", i1({0}, {})).ints,
      ElementsAre(0));
}

TEST(Reductions, IntegersWrap) {
  EXPECT_THAT(reduce("sum", "[0]", "tensor<3xi8>", "tensor<i8>",
                     ints(DType::int8, {3}, {127, 1, 1}))
                  .ints,
              ElementsAre(-127));
  EXPECT_THAT(reduce("max", "[0]", "tensor<3xi32>", "tensor<i32>",
                     i32({3}, {-5, -2, -9}))
                  .ints,
              ElementsAre(-2));
}

TEST(Reductions, AllAndAny) {
  Value x = i1({2, 2}, {1, 1, 0, 1});
  EXPECT_THAT(reduce("all", "[1]", "tensor<2x2xi1>", "tensor<2xi1>", x).ints,
              ElementsAre(1, 0));
  EXPECT_THAT(reduce("any", "[0, 1]", "tensor<2x2xi1>", "tensor<i1>", x).ints,
              ElementsAre(1));
}

TEST(Reductions, NaNWins) {
  Value x = f32({2, 3}, {1, kNaN, 3, 4, 6, 5});
  EXPECT_THAT(reduce("max", "[1]", "tensor<2x3xf32>", "tensor<2xf32>", x).reals,
              ElementsAre(IsNan(), 6));
  EXPECT_THAT(reduce("min", "[1]", "tensor<2x3xf32>", "tensor<2xf32>", x).reals,
              ElementsAre(IsNan(), 4));
  EXPECT_THAT(reduce("argmax", "1", "tensor<2x3xf32>", "tensor<2xi32>", x).ints,
              ElementsAre(1, 1));
  EXPECT_THAT(reduce("argmin", "1", "tensor<2x3xf32>", "tensor<2xi32>", x).ints,
              ElementsAre(1, 0));
}

TEST(Reductions, FirstOfEqualPositions) {
  Value x = i32({2, 3}, {5, 7, 7, 1, 1, 2});
  EXPECT_THAT(reduce("argmax", "1", "tensor<2x3xi32>", "tensor<2xi32>", x).ints,
              ElementsAre(1, 2));
  EXPECT_THAT(reduce("argmin", "0", "tensor<2x3xi32>", "tensor<3xi32>", x).ints,
              ElementsAre(1, 1, 1));
}

TEST(Reductions, Softmax) {
  Value y = evaluate("weft.softmax %a0 over 0 : tensor<2x2xf32>",
                     "tensor<2x2xf32> -> tensor<2x2xf32>",
                     {f32({2, 2}, {1000, 0, 1000, 1})});
  EXPECT_THAT(y.reals, ElementsAre(0.5, DoubleNear(0.2689414213699951, 1e-15),
                                   0.5, DoubleNear(0.7310585786300049, 1e-15)));
}

TEST(Reductions, BatchNorm) {
  // Channel 0: (x - 1) / 2 * 3 + 5; channel 1: (x - 0) / 1 * 1 + 0.
  std::string c = "tensor<2xf32>", t = "tensor<1x2x2xf32>";
  Value y = evaluate(
      "weft.batch_norm %a0, %a1, %a2, %a3, %a4 eps 1.000000e+00 : " + t + ", " +
          c + ", " + c + ", " + c + ", " + c,
      t + ", " + c + ", " + c + ", " + c + ", " + c + " -> " + t,
      {f32({1, 2, 2}, {1, 3, 7, 8}), f32({2}, {3, 1}), f32({2}, {5, 0}),
       f32({2}, {1, 0}), f32({2}, {3, 0})});
  EXPECT_THAT(y.reals, ElementsAre(5, 8, 7, 8));
}

} // namespace
} // namespace weft::reference
