// SPDX-License-Identifier: Apache-2.0
// Element-wise ops: values at the edges of their definitions.
#include "Program.h"

#include <cmath>
#include <limits>

namespace weft::reference {
namespace {

using testing::DoubleEq;
using testing::ElementsAre;
using testing::IsNan;

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::nan("");

TEST(Rows, UnaryFormulas) {
  auto at = [](const std::string &op, double x) {
    return evaluate("weft." + op + " %a0 : tensor<1xf64>",
                    "tensor<1xf64> -> tensor<1xf64>",
                    {reals(DType::float64, {1}, {x})})
        .reals[0];
  };
  EXPECT_EQ(at("neg", 0), 0);
  EXPECT_TRUE(std::signbit(at("neg", 0)));
  EXPECT_EQ(at("abs", -2.5), 2.5);
  EXPECT_EQ(at("floor", -2.5), -3);
  EXPECT_EQ(at("sqrt", 6.25), 2.5);
  EXPECT_DOUBLE_EQ(at("exp", 1), 2.718281828459045);
  EXPECT_DOUBLE_EQ(at("log", 10), 2.302585092994046);
  EXPECT_DOUBLE_EQ(at("sin", 1), 0.8414709848078965);
  EXPECT_DOUBLE_EQ(at("cos", 1), 0.5403023058681398);
  EXPECT_DOUBLE_EQ(at("tanh", 1), 0.7615941559557649);
  EXPECT_DOUBLE_EQ(at("erf", 1), 0.8427007929497149);
  EXPECT_EQ(at("rsqrt", 4), 0.5);
  EXPECT_DOUBLE_EQ(at("sigmoid", 1), 0.7310585786300049);
  EXPECT_DOUBLE_EQ(at("silu", -1), -0.2689414213699951);
  EXPECT_DOUBLE_EQ(at("gelu", 1), 0.8413447460685429);
  EXPECT_EQ(at("relu", -3), 0);
  EXPECT_TRUE(std::isnan(at("relu", kNaN)));
}

TEST(Rows, IntegersWrapAndDivideByZero) {
  auto of = [](const std::string &op, std::vector<int64_t> x,
               std::vector<int64_t> y) {
    auto n = static_cast<int64_t>(x.size());
    std::string t = "tensor<" + std::to_string(n) + "xi32>";
    return evaluate("weft." + op + " %a0, %a1 : " + t,
                    t + ", " + t + " -> " + t, {i32({n}, x), i32({n}, y)})
        .ints;
  };
  EXPECT_THAT(of("add", {INT32_MAX}, {1}), ElementsAre(INT32_MIN));
  EXPECT_THAT(of("mul", {1 << 16}, {1 << 16}), ElementsAre(0));
  EXPECT_THAT(of("div", {7, -7, 5, INT32_MIN}, {2, 2, 0, -1}),
              ElementsAre(3, -3, 0, INT32_MIN));
  EXPECT_THAT(of("floor_div", {7, -7, 7, -8, 5}, {2, 2, -2, 2, 0}),
              ElementsAre(3, -4, -4, -4, 0));
  EXPECT_THAT(of("mod", {7, -7, 7, -7, 5}, {3, 3, -3, -3, 0}),
              ElementsAre(1, 2, -2, -1, 5));
  EXPECT_THAT(
      of("pow", {2, -3, 0, 2, 1, -1, 0, 3}, {10, 3, 0, -1, -5, -3, -1, 40}),
      ElementsAre(1024, -27, 1, 0, 1, -1, 0, 689956897));
  EXPECT_THAT(of("maximum", {3, -4}, {5, -9}), ElementsAre(5, -4));
  EXPECT_THAT(of("minimum", {3, -4}, {5, -9}), ElementsAre(3, -9));
}

TEST(Rows, NarrowIntegersWrapInTheirType) {
  EXPECT_THAT(evaluate("weft.neg %a0 : tensor<3xui8>",
                       "tensor<3xui8> -> tensor<3xui8>",
                       {ints(DType::uint8, {3}, {0, 1, 255})})
                  .ints,
              ElementsAre(0, 255, 1));
  EXPECT_THAT(evaluate("weft.abs %a0 : tensor<2xi4>",
                       "tensor<2xi4> -> tensor<2xi4>",
                       {ints(DType::int4, {2}, {-8, -7})})
                  .ints,
              ElementsAre(-8, 7));
  EXPECT_THAT(evaluate("weft.neg %a0 : tensor<1xi64>",
                       "tensor<1xi64> -> tensor<1xi64>",
                       {ints(DType::int64, {1}, {INT64_MIN})})
                  .ints,
              ElementsAre(INT64_MIN));
}

TEST(Rows, BoolCountsAsZeroAndOne) {
  auto of = [](const std::string &op) {
    return evaluate("weft." + op + " %a0, %a1 : tensor<4xi1>",
                    "tensor<4xi1>, tensor<4xi1> -> tensor<4xi1>",
                    {i1({4}, {0, 0, 1, 1}), i1({4}, {0, 1, 0, 1})})
        .ints;
  };
  EXPECT_THAT(of("add"), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(of("sub"), ElementsAre(0, 1, 1, 0));
  EXPECT_THAT(of("mul"), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(of("div"), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(of("logical_and"), ElementsAre(0, 0, 0, 1));
  EXPECT_THAT(of("logical_or"), ElementsAre(0, 1, 1, 1));
  EXPECT_THAT(of("less"), ElementsAre(0, 1, 0, 0));
}

TEST(Rows, NaNWinsInMaximum) {
  std::string s = "tensor<4xf32>, tensor<4xf32> -> tensor<4xf32>";
  std::vector<Value> x = {f32({4}, {kNaN, 1, 0, -0.0}),
                          f32({4}, {1, kNaN, -0.0, 0})};
  EXPECT_THAT(evaluate("weft.maximum %a0, %a1 : tensor<4xf32>", s, x).reals,
              ElementsAre(IsNan(), IsNan(), 0, 0));
  Value y = evaluate("weft.minimum %a0, %a1 : tensor<4xf32>", s, x);
  EXPECT_THAT(y.reals, ElementsAre(IsNan(), IsNan(), 0, 0));
  EXPECT_TRUE(std::signbit(y.reals[2]) && std::signbit(y.reals[3]));
}

TEST(Rows, RealDivisionAndRemainder) {
  std::string t = "tensor<4xf32>", s = t + ", " + t + " -> " + t;
  std::vector<Value> x = {f32({4}, {7, -7, 1, 0}), f32({4}, {2, 2, 0, 0})};
  EXPECT_THAT(evaluate("weft.div %a0, %a1 : " + t, s, x).reals,
              ElementsAre(3.5, -3.5, kInf, IsNan()));
  EXPECT_THAT(evaluate("weft.floor_div %a0, %a1 : " + t, s, x).reals,
              ElementsAre(3, -4, kInf, IsNan()));
  EXPECT_THAT(evaluate("weft.mod %a0, %a1 : " + t, s, x).reals,
              ElementsAre(1, 1, IsNan(), IsNan()));
}

// What Python answers; and where it refuses to divide by 0, PyTorch.
TEST(Rows, RealRemaindersFollowTheDivisor) {
  std::string t = "tensor<8xf32>", s = t + ", " + t + " -> " + t;
  std::vector<Value> x = {f32({8}, {5, -5, 5, -5, kInf, kInf, -0.0, -6}),
                          f32({8}, {kInf, kInf, -kInf, -kInf, 2, 0, 3, -3})};
  Value q = evaluate("weft.floor_div %a0, %a1 : " + t, s, x);
  EXPECT_THAT(q.reals, ElementsAre(0, -1, -1, 0, IsNan(), kInf, 0, 2));
  EXPECT_TRUE(std::signbit(q.reals[6]));
  Value r = evaluate("weft.mod %a0, %a1 : " + t, s, x);
  EXPECT_THAT(r.reals, ElementsAre(5, kInf, -kInf, -5, IsNan(), IsNan(), 0, 0));
  EXPECT_FALSE(std::signbit(r.reals[6]));
  EXPECT_TRUE(std::signbit(r.reals[7]));
}

// 1 / 0.1 rounds to 10, but 0.1 in double is more than a tenth.
TEST(Rows, RealRemaindersAreExact) {
  std::string t = "tensor<3xf64>", s = t + ", " + t + " -> " + t;
  Value x{float64, {3}, {1, -1, 0x1p100}, {}},
      y{float64, {3}, {0.1, 0.1, 3}, {}};
  EXPECT_THAT(evaluate("weft.floor_div %a0, %a1 : " + t, s, {x, y}).reals,
              ElementsAre(9, -10, testing::_));
  EXPECT_THAT(evaluate("weft.mod %a0, %a1 : " + t, s, {x, y}).reals,
              ElementsAre(0.09999999999999995, 0x1p-54, 1));
}

TEST(Rows, ComparisonsAreFalseOnNaN) {
  auto of = [](const std::string &op) {
    return evaluate("weft." + op + " %a0, %a1 : tensor<3xf32>",
                    "tensor<3xf32>, tensor<3xf32> -> tensor<3xi1>",
                    {f32({3}, {kNaN, 1, 2}), f32({3}, {kNaN, 1, 1})})
        .ints;
  };
  EXPECT_THAT(of("less"), ElementsAre(0, 0, 0));
  EXPECT_THAT(of("less_equal"), ElementsAre(0, 1, 0));
  EXPECT_THAT(of("greater"), ElementsAre(0, 0, 1));
  EXPECT_THAT(of("greater_equal"), ElementsAre(0, 1, 1));
  EXPECT_THAT(of("equal"), ElementsAre(0, 1, 0));
  EXPECT_THAT(of("not_equal"), ElementsAre(1, 0, 1));
}

TEST(Rows, WhereAndLogicalNot) {
  EXPECT_THAT(
      evaluate("weft.where %a0, %a1, %a2 : tensor<2xi1>, tensor<2xf32>",
               "tensor<2xi1>, tensor<2xf32>, tensor<2xf32> -> tensor<2xf32>",
               {i1({2}, {1, 0}), f32({2}, {1, 2}), f32({2}, {3, kNaN})})
          .reals,
      ElementsAre(1, IsNan()));
  EXPECT_THAT(evaluate("weft.logical_not %a0 : tensor<2xi1>",
                       "tensor<2xi1> -> tensor<2xi1>", {i1({2}, {1, 0})})
                  .ints,
              ElementsAre(0, 1));
}

TEST(Rows, RoundOnlyWhenTold) {
  std::string s = "tensor<1xf16>, tensor<1xf16> -> tensor<1xf16>";
  std::vector<Value> x = {reals(DType::float16, {1}, {2048}),
                          reals(DType::float16, {1}, {1})};
  std::string body = "weft.add %a0, %a1 : tensor<1xf16>";
  EXPECT_THAT(evaluate(body, s, x).reals, ElementsAre(2049));
  EXPECT_THAT(evaluate(body, s, x, {.roundEachOp = true}).reals,
              ElementsAre(2048));
}

} // namespace
} // namespace weft::reference
