// SPDX-License-Identifier: Apache-2.0
// What the functions compute; expected values are worked out by hand. Accuracy
// of the rows on both back ends is tested where the rows are.
#include "Values.h"

#include <cmath>
#include <limits>

namespace weft {
namespace {

using test::expect_near;
using test::expect_values;
using test::values;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Functions, ElementwiseExamples) {
  expect_values(add(tensor({1, 2}), 10), {2}, {11, 12});
  expect_values(tensor({{1}, {2}}) * tensor({3, 4}), {2, 2}, {3, 4, 6, 8});
}

TEST(Functions, Operators) {
  Tensor x = tensor({7, -7, 8}), y = tensor({2, 2, 8});
  expect_values(x + y, {3}, {9, -5, 16});
  expect_values(x - y, {3}, {5, -9, 0});
  expect_values(x * y, {3}, {14, -14, 64});
  expect_values(x / y, {3}, {3, -3, 1});
  expect_values(x % y, {3}, {1, 1, 0});
  expect_values(-x, {3}, {-7, 7, -8});
  expect_values(x == y, {3}, {0, 0, 1});
  expect_values(x != y, {3}, {1, 1, 0});
  expect_values(x < y, {3}, {0, 1, 0});
  expect_values(x <= y, {3}, {0, 1, 1});
  expect_values(x > y, {3}, {1, 0, 0});
  expect_values(x >= y, {3}, {1, 0, 1});
  expect_values((x > 0) & (x > 7), {3}, {0, 0, 1});
  expect_values((x < 0) | (x > 7), {3}, {0, 1, 1});
  expect_values(!(x > 0), {3}, {0, 1, 0});
  expect_values(~(x > 0), {3}, {0, 1, 0});
}

TEST(Functions, ScalarsOnEitherSide) {
  Tensor x = tensor({1.0, 2.0});
  expect_values(10 - x, {2}, {9, 8});
  expect_values(x - 10, {2}, {-9, -8});
  expect_values(1 / x, {2}, {1, 0.5});
  expect_values(x / 2, {2}, {0.5, 1});
  expect_values(1.5 < x, {2}, {0, 1});
  expect_values(pow(2, x), {2}, {2, 4});
  expect_values(add(2, 3), {}, {5});
  EXPECT_EQ(add(2, 3).dtype(), int32);
  EXPECT_EQ(add(2, 3.5).dtype(), float32);
}

/// As docs/functions.md writes them.
TEST(Functions, WhatIsWrittenWithOthers) {
  Tensor x = tensor({-2.5, 0.5, 3.0});
  expect_values(minimum(maximum(x, -1), 1), {3}, {-1, 0.5, 1});   // clamp
  expect_values(-floor(-x), {3}, {-2, 1, 3});                     // ceil
  expect_values(where(x > 0, x, 0.5 * x), {3}, {-1.25, 0.5, 3});  // leaky
  expect_values(slice(x, {{.step = -1}}), {3}, {3.0, 0.5, -2.5}); // flip
  expect_values(mean(reshape(arange(0, 4), {1, 1, 2, 2}), {2, 3}, true),
                {1, 1, 1, 1}, {1.5}); // adaptive_avg_pool2d

  Tensor far = tensor({0.0, 1000.0, -1000.0});
  expect_near(maximum(far, 0) + log(1 + exp(-abs(far))), {3},
              {std::log(2.0), 1000, 0}, 1e-6); // softplus
  Tensor rows = tensor({{1000.0, 1000.0}, {0.0, std::log(3.0)}});
  Tensor z = rows - max(rows, -1, true);
  expect_near(z - log(sum(exp(z), -1, true)), {2, 2},
              {-std::log(2.0), -std::log(2.0), -std::log(4.0), std::log(0.75)},
              1e-6); // log_softmax
}

TEST(Functions, CompoundAssignment) {
  Tensor x = tensor({4.0, 8.0});
  x += 2;
  x *= tensor({1.0, 2.0});
  x -= 1;
  x /= 5;
  expect_near(x, {2}, {1, 3.8});
}

TEST(Functions, ComparisonsOfNan) {
  Tensor x = tensor({kNan, 1.0});
  expect_values(x == x, {2}, {0, 1});
  expect_values(x != x, {2}, {1, 0});
  expect_values(x <= x, {2}, {0, 1});
  expect_values(x >= x, {2}, {0, 1});
  EXPECT_TRUE(std::isnan(values(maximum(x, 0))[0]));
}

TEST(Functions, FloorDivisionAndRemainderFollowTheDivisor) {
  Tensor x = tensor({7, -7}), y = tensor({-2, 2});
  expect_values(floor_div(x, y), {2}, {-4, -4});
  expect_values(mod(x, y), {2}, {-1, 1});
}

TEST(Functions, BoolCountsAsZeroAndOne) {
  Tensor t = tensor({true, true, false}), u = tensor({true, false, false});
  expect_values(t + u, {3}, {1, 1, 0});
  EXPECT_EQ((t + u).dtype(), boolean);
}

TEST(Functions, WhereAndMaskedFill) {
  Tensor c = tensor({true, false});
  expect_values(where(c, tensor({1, 2}), 0), {2}, {1, 0});
  expect_values(where(c, 1, 0.5), {2}, {1, 0.5});
  expect_values(where(c, tensor({{1}, {2}}), tensor({8, 9})), {2, 2},
                {1, 9, 2, 9});
  expect_values(masked_fill(tensor({1, 2}), c, 9), {2}, {9, 2});
}

TEST(Functions, Cast) {
  expect_values(cast(tensor({0.5, -1.7}), int32), {2}, {0, -1});
  expect_values(cast(tensor({kNan, 1e10, -1e10}), int32), {3},
                {0, 2147483647.0, -2147483648.0});
  expect_values(cast(tensor({0.0, 0.5}), boolean), {2}, {0, 1});
  expect_values(cast(tensor({257}), int8), {1}, {1});
  Tensor x = tensor({1});
  EXPECT_EQ(cast(x, int32).node(), x.node());
}

TEST(Functions, EveryTypeCastsToEveryOther) {
  for (int from = 0; from < kNumDTypes; ++from)
    for (int to = 0; to < kNumDTypes; ++to) {
      Tensor x = tensor({true, false}, static_cast<DType>(from));
      Tensor y = cast(x, static_cast<DType>(to));
      EXPECT_EQ(values(y), (std::vector<double>{1, 0}))
          << name(static_cast<DType>(from)) << " to "
          << name(static_cast<DType>(to));
    }
}

TEST(Functions, Shapes) {
  Tensor x = reshape(arange(0, 6), {2, -1});
  expect_values(x, {2, 3}, {0, 1, 2, 3, 4, 5});
  expect_values(transpose(x), {3, 2}, {0, 3, 1, 4, 2, 5});
  EXPECT_EQ(permute(zeros({2, 3, 4}), {2, 0, 1}).shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(permute(zeros({2, 3, 4}), {-1, 0, 1}).shape(), (Shape{4, 2, 3}));
  EXPECT_EQ(flatten(zeros({2, 3, 4}), 1).shape(), (Shape{2, 12}));
  EXPECT_EQ(squeeze(zeros({2, 1, 3}), {1}).shape(), (Shape{2, 3}));
  EXPECT_EQ(unsqueeze(zeros({2, 3}), -1).shape(), (Shape{2, 3, 1}));
  expect_values(expand(tensor({{1}, {2}}), {-1, 2}), {2, 2}, {1, 1, 2, 2});
  EXPECT_EQ(reshape(x, {2, 3}).node(), x.node());
}

TEST(Functions, Slice) {
  Tensor x = arange(0, 5, 1, int32);
  expect_values(slice(x, {{1, 4}}), {3}, {1, 2, 3});
  expect_values(slice(x, {{.step = -2}}), {3}, {4, 2, 0});
  expect_values(slice(x, {{-2}}), {2}, {3, 4});
  expect_values(slice(x, {{4, 1}}), {0}, {});
  EXPECT_EQ(slice(zeros({4, 4}), {{}, {.stop = 2}}).shape(), (Shape{4, 2}));
  EXPECT_EQ(slice(x, {{}}).node(), x.node());
}

TEST(Functions, ConcatenateAndStack) {
  expect_values(concatenate({tensor({1}), tensor({2, 3})}), {3}, {1, 2, 3});
  Tensor a = tensor({{1}, {2}}), b = tensor({{3}, {4}});
  expect_values(concatenate({a, b}, -1), {2, 2}, {1, 3, 2, 4});
  expect_values(stack({tensor({1, 2}), tensor({3, 4})}), {2, 2}, {1, 2, 3, 4});
  expect_values(stack({tensor({1, 2}), tensor({3, 4})}, -1), {2, 2},
                {1, 3, 2, 4});
}

TEST(Functions, ConcatenateMany) {
  // More tensors than one kernel takes.
  for (int64_t count : {63, 64, 65, 200, 3000}) {
    std::vector<Tensor> parts;
    std::vector<double> expected;
    for (int64_t i = 0; i < count; ++i) {
      parts.push_back(tensor({double(i), double(-i)}));
      expected.insert(expected.end(), {double(i), double(-i)});
    }
    expect_values(concatenate(parts), {2 * count}, expected);
    expect_values(sum(concatenate(parts) + 1), {}, {double(2 * count)});
  }
}

TEST(Functions, ManyViewsOfViews) {
  // Read through, n of these are 2^n paths to the elements of x.
  for (int count : {5, 11, 12, 24}) {
    Tensor x = arange(0, 8), y = x;
    ASSERT_TRUE(x.eval().ok());
    for (int i = 0; i < count; ++i)
      y = concatenate({slice(y, {{3}}), slice(y, {{0, 3}})});
    std::vector<double> rolled;
    for (int i = 0; i < 8; ++i)
      rolled.push_back((i + 3 * count) % 8);
    expect_values(y, {8}, rolled);
    expect_values(sum(y * y), {}, {140});
  }
}

TEST(Functions, Reductions) {
  Tensor x = tensor({{1, 2}, {3, 4}});
  expect_values(sum(x), {}, {10});
  expect_values(sum(x, 0), {2}, {4, 6});
  expect_values(sum(x, 1, true), {2, 1}, {3, 7});
  expect_values(sum(x, {0, 1}, true), {1, 1}, {10});
  expect_values(prod(x, 1), {2}, {2, 12});
  expect_values(max(x, -1), {2}, {2, 4});
  expect_values(min(x), {}, {1});
  expect_values(mean(tensor({1.0, 2.0})), {}, {1.5});
  expect_values(mean(tensor({1, 2, -6})), {}, {-1});
  expect_values(mean(full({300}, 100, int8)), {}, {100});
  expect_values(var(tensor({1.0, 3.0})), {}, {2});
  expect_values(var(tensor({1.0, 3.0}), {}, false, 0), {}, {1});
  expect_values(sum(tensor(3.0)), {}, {3});
  // An empty list, written or computed, is all axes.
  expect_values(sum(x, {}), {}, {10});
  expect_values(sum(x, std::vector<int64_t>{}), {}, {10});
  expect_values(mean(x, std::vector<int64_t>{}, true), {1, 1}, {2});
  expect_values(max(x, std::initializer_list<int64_t>{}), {}, {4});
}

TEST(Functions, ReductionsOfBools) {
  Tensor x = tensor({{true, false}, {true, true}});
  expect_values(all(x, 1), {2}, {0, 1});
  expect_values(any(x, 1), {2}, {1, 1});
  expect_values(all(x), {}, {0});
}

TEST(Functions, ReductionsOfNothing) {
  Tensor none = zeros({0, 2});
  expect_values(sum(none, 0), {2}, {0, 0});
  expect_values(prod(none, 0), {2}, {1, 1});
  EXPECT_TRUE(std::isnan(values(mean(none))[0]));
}

TEST(Functions, MeanOfHalvesIsSummedInFloat32) {
  // The sum, 80000, is no float16.
  expect_values(mean(full({4}, 20000, float16)), {}, {20000});
  EXPECT_EQ(mean(full({4}, 1, float16)).dtype(), float16);
}

TEST(Functions, ArgReductions) {
  Tensor x = tensor({{1, 5}, {7, 2}});
  expect_values(argmax(x, 1), {2}, {1, 0});
  expect_values(argmin(x, 0), {2}, {0, 1});
  expect_values(argmax(x), {}, {2});
  EXPECT_EQ(argmax(x, {}, true).shape(), (Shape{1, 1}));
  EXPECT_EQ(argmax(x, 1, true).shape(), (Shape{2, 1}));
  expect_values(argmax(tensor({3, 3})), {}, {0});
  expect_values(argmax(tensor({1.0, kNan, 2.0})), {}, {1});
  EXPECT_EQ(argmax(x).dtype(), int32);
}

TEST(Functions, Matmul) {
  Tensor m = tensor({{1.0, 2.0}, {3.0, 4.0}}), v = tensor({1.0, 1.0});
  expect_values(matmul(m, v), {2}, {3, 7});
  expect_values(matmul(v, m), {2}, {4, 6});
  expect_values(matmul(v, v), {}, {2});
  expect_values(matmul(m, m), {2, 2}, {7, 10, 15, 22});
  expect_values(matmul(tensor({{1, 2}}), tensor({{3}, {4}})), {1, 1}, {11});
}

TEST(Functions, MatmulBatches) {
  Tensor a = reshape(arange(0, 8), {2, 2, 2}),
         b = tensor({{0.0, 1.0}, {1.0, 0.0}});
  expect_values(matmul(a, b), {2, 2, 2}, {1, 0, 3, 2, 5, 4, 7, 6});
  expect_values(matmul(b, a), {2, 2, 2}, {2, 3, 0, 1, 6, 7, 4, 5});
  EXPECT_EQ(matmul(zeros({3, 1, 2, 4}), zeros({5, 4, 6})).shape(),
            (Shape{3, 5, 2, 6}));
  expect_values(matmul(a, tensor({1.0, 1.0})), {2, 2}, {1, 5, 9, 13});
  expect_values(matmul(zeros({2, 0}), zeros({0, 2})), {2, 2}, {0, 0, 0, 0});
}

TEST(Functions, OuterAndLinear) {
  expect_values(outer(tensor({1, 2}), tensor({3, 4})), {2, 2}, {3, 4, 6, 8});
  expect_values(
      linear(tensor({1.0, 2.0}), tensor({{1.0, 1.0}}), tensor({10.0})), {1},
      {13});
  expect_values(linear(tensor({1.0, 2.0}), tensor({{1.0, 1.0}, {0.0, 1.0}}),
                       tensor({10.0, 0.0})),
                {2}, {13, 2});
}

TEST(Functions, Normalisations) {
  // (5 - 3) / sqrt(4) * 2 + 1
  expect_near(batch_norm(tensor({{5.0}}), tensor({2.0}), tensor({1.0}),
                         tensor({3.0}), tensor({4.0})),
              {1, 1}, {3});
  expect_near(layer_norm(tensor({1.0, 3.0}), ones({2}), zeros({2})), {2},
              {-1, 1});
  expect_near(
      group_norm(tensor({{1.0, 3.0, 10.0, 30.0}}), 2, ones({4}), zeros({4})),
      {1, 4}, {-1, 1, -1, 1});
}

TEST(Functions, ConvAndPools) {
  expect_values(conv(ones({1, 1, 3, 3}), ones({1, 1, 2, 2})), {1, 1, 2, 2},
                {4, 4, 4, 4});
  Tensor x = reshape(arange(0, 4), {1, 1, 2, 2});
  expect_values(maxpool(x, {2}), {1, 1, 1, 1}, {3});
  expect_values(avgpool(x, {2}), {1, 1, 1, 1}, {1.5});
  PoolOptions padded{.stride = {2}, .padding = {1}};
  expect_values(maxpool(x - 5, {2}, padded), {1, 1, 2, 2}, {-5, -4, -3, -2});
  expect_values(avgpool(x + 4, {2}, padded), {1, 1, 2, 2},
                {1, 1.25, 1.5, 1.75});
  padded.count_include_pad = false;
  expect_values(avgpool(x + 4, {2}, padded), {1, 1, 2, 2}, {4, 5, 6, 7});
}

TEST(Functions, MeanOfIntegersDoesNotWrap) {
  // 4 * 255 and 256 are no uint8 and int8.
  expect_values(avgpool(full({1, 1, 2, 2}, 255, uint8), {2, 2}), {1, 1, 1, 1},
                {255});
  expect_values(avgpool(full({1, 1, 16, 16}, 5, int8), {16, 16}), {1, 1, 1, 1},
                {5});
  // Towards 0, over the elements that are inside.
  Tensor x = tensor({-100, -101, 7, 127}, int8);
  expect_values(avgpool(reshape(x, {1, 1, 4}), {2}, {.stride = {2}}), {1, 1, 2},
                {-100, 67});
  expect_values(
      avgpool(full({1, 1, 3}, -2147483647, int32), {3},
              {.stride = {3}, .padding = {1}, .count_include_pad = false}),
      {1, 1, 1}, {-2147483647});
  // A count that float8 does not have.
  expect_values(avgpool(full({1, 1, 21}, 2, float8), {21}), {1, 1, 1}, {2});
}

TEST(Functions, MaximumBesideSpecialNumbers) {
  const double nan = std::nan(""), inf = HUGE_VAL;
  Tensor x = tensor({0.0, -1.0, 2.0});
  for (const Tensor &beside : {full({3}, nan), full({3}, 0) / full({3}, 0.0)})
    for (double value : values(maximum(x, beside)))
      EXPECT_TRUE(std::isnan(value));
  for (double value : values(maximum(x, nan)))
    EXPECT_TRUE(std::isnan(value));
  for (double value : values(minimum(x, nan)))
    EXPECT_TRUE(std::isnan(value));
  // +0 is larger than -0, on either side.
  Tensor zeros = tensor({0.0, -0.0});
  expect_values(1 / maximum(zeros, -0.0), {2}, {inf, -inf});
  expect_values(1 / maximum(zeros, 0.0), {2}, {inf, inf});
  expect_values(1 / minimum(zeros, -0.0), {2}, {-inf, -inf});
  expect_values(1 / max(zeros), {}, {inf});
  expect_values(1 / max(-zeros), {}, {inf});
  expect_values(1 / min(zeros), {}, {-inf});
  expect_values(1 / min(-zeros), {}, {-inf});
}

TEST(Functions, SizesOfZero) {
  Tensor x = zeros({2, 0}), s = sum(x, {1}, true), y = x - s;
  ASSERT_TRUE(eval({s, y}).ok());
  expect_values(s, {2, 1}, {0, 0});
  expect_values(y, {2, 0}, {});
  expect_values(sum(concatenate({zeros({0}), zeros({0})})), {}, {0});
  expect_values(prod(reshape(y, {0, 2}), {0}), {2}, {1, 1});
}

TEST(Functions, Softmax) {
  expect_near(softmax(tensor({0.0, 0.0})), {2}, {0.5, 0.5});
  expect_near(softmax(tensor({1000.0, 1000.0})), {2}, {0.5, 0.5});
  // e : 1 and 1 : e^2
  expect_near(softmax(tensor({{1.0, 0.0}, {0.0, 2.0}})), {2, 2},
              {0.7310586, 0.2689414, 0.1192029, 0.8807971});
  expect_near(softmax(tensor({{1.0}, {0.0}}), 0), {2, 1},
              {0.7310586, 0.2689414});
}

TEST(Functions, Creation) {
  expect_values(full({2}, 0.5), {2}, {0.5, 0.5});
  expect_values(full({2}, 7, int8), {2}, {7, 7});
  expect_values(iota({2, 3}), {2, 3}, {0, 0, 0, 1, 1, 1});
  expect_values(iota({2, 3}, 1), {2, 3}, {0, 1, 2, 0, 1, 2});
  expect_values(iota_like(zeros({3}, int32), -1), {3}, {0, 1, 2});
  expect_values(full({2, 0}, 1), {2, 0}, {});
}

TEST(Functions, BorrowedStrides) {
  float pixels[6] = {1, 2, 3, 4, 5, 6};
  expect_values(borrow(pixels, float32, {3, 2}, {.strides = {{1, 3}}}) + 0,
                {3, 2}, {1, 4, 2, 5, 3, 6});
  expect_values(borrow(pixels + 5, float32, {6}, {.strides = {{-1}}}), {6},
                {6, 5, 4, 3, 2, 1});
  expect_values(borrow(pixels, float32, {2, 2}, {.strides = {{0, 1}}}), {2, 2},
                {1, 2, 1, 2});
}

TEST(Functions, ComparingWholeTensors) {
  Tensor x = tensor({1.0, 2.0});
  EXPECT_TRUE(*allclose(x, x + 1e-6));
  EXPECT_FALSE(*allclose(x, x + 1e-3));
  EXPECT_FALSE(*allclose(tensor({kNan}), tensor({kNan})));
  EXPECT_TRUE(*allclose(tensor({INFINITY}), tensor({INFINITY})));
  EXPECT_FALSE(*allclose(tensor({1.0}), tensor({INFINITY})));
  EXPECT_FALSE(*allclose(tensor({-INFINITY}), tensor({INFINITY})));
  EXPECT_TRUE(*allclose(tensor({1, 2}), tensor({1, 2})));
  EXPECT_FALSE(*allclose(tensor({1, 2}), tensor({1, 3})));
  EXPECT_TRUE(*allclose(tensor({100, 200}), tensor({101, 200}), 0.01));
  EXPECT_TRUE(*allclose(tensor({true, false}), tensor({true, false})));
  EXPECT_EQ(allclose(tensor({1}), tensor({1.0})).status().message(),
            "allclose: mixed types: int32 and float32");
  EXPECT_EQ(allclose(tensor({1, 2}), tensor({1, 2, 3})).status().message(),
            "allclose: shapes do not broadcast: [2] and [3]");
  EXPECT_TRUE(*array_equal(tensor({1, 2}), tensor({1, 2})));
  EXPECT_FALSE(*array_equal(tensor({1, 2}), tensor({{1, 2}})));
  EXPECT_FALSE(*array_equal(tensor({1, 2}), tensor({1, 3})));
  EXPECT_FALSE(*array_equal(tensor({1, 2}), tensor({1})));
  EXPECT_EQ(array_equal(tensor({1}), tensor({1.0})).status().message(),
            "array_equal: mixed types: int32 and float32");
}

} // namespace
} // namespace weft
