// SPDX-License-Identifier: Apache-2.0
// Images of other sizes. Expected values follow from the formulas in the
// header, by hand.
#include "Values.h"

#include "weft/Compiler/Compiler.h"

#include <limits>

namespace weft {
namespace {

using test::expect_near;
using test::expect_values;
using test::message;

constexpr ResizeOptions kNearest{.mode = ResizeMode::nearest};
constexpr ResizeOptions kCorners{.align_corners = true};

TEST(Resize, Examples) {
  Tensor x = tensor({{{0.0, 4.0}}});
  expect_values(resize(x, {4}), {1, 1, 4}, {0, 1, 3, 4});
  expect_values(resize(x, {3}, kCorners), {1, 1, 3}, {0, 2, 4});
  expect_values(resize(x, {4}, kNearest), {1, 1, 4}, {0, 0, 4, 4});
  EXPECT_EQ(resize_by(ones({1, 3, 5, 4}), {2.0, 0.5}).shape(),
            (Shape{1, 3, 10, 2}));
}

TEST(Resize, NearestTakesTheElementBefore) {
  Tensor x = tensor({{{0, 1, 2, 3, 4}}});
  // floor(i * 5 / 3), floor(i * 5 / 8)
  expect_values(resize(x, {3}, kNearest), {1, 1, 3}, {0, 1, 3});
  expect_values(resize(x, {8}, kNearest), {1, 1, 8}, {0, 0, 1, 1, 2, 3, 3, 4});
  EXPECT_EQ(resize(x, {8}, kNearest).dtype(), int32);
  expect_values(resize(cast(x, boolean), {2}, kNearest), {1, 1, 2}, {0, 1});
}

TEST(Resize, LinearDownwards) {
  Tensor x = tensor({{{0.0, 1.0, 2.0, 3.0, 4.0}}});
  // Positions (i + 0.5) * 5 / 2 - 0.5 and (i + 0.5) * 5 / 3 - 0.5.
  expect_values(resize(x, {2}), {1, 1, 2}, {0.75, 3.25});
  expect_near(resize(x, {3}), {1, 1, 3}, {1.0 / 3, 2, 11.0 / 3});
  expect_values(resize(x, {1}), {1, 1, 1}, {2});
  expect_values(resize(x, {1}, kCorners), {1, 1, 1}, {0});
  expect_values(resize(x, {2}, kCorners), {1, 1, 2}, {0, 4});
  expect_values(resize(x, {5}), {1, 1, 5}, {0, 1, 2, 3, 4});
}

TEST(Resize, OneElementFillsEverything) {
  Tensor x = tensor({{{7.0}}});
  for (const ResizeOptions &options : {ResizeOptions{}, kCorners, kNearest})
    expect_values(resize(x, {3}, options), {1, 1, 3}, {7, 7, 7});
}

TEST(Resize, Bilinear) {
  Tensor x = tensor({{{{0.0, 4.0}, {8.0, 12.0}}}});
  // Rows at 0, 0.25, 0.75, 1 and columns likewise: 8 a row, 4 a column.
  expect_values(resize(x, {4}), {1, 1, 4, 4},
                {0, 1, 3, 4, 2, 3, 5, 6, 6, 7, 9, 10, 8, 9, 11, 12});
  expect_values(resize(x, {3, 2}, kCorners), {1, 1, 3, 2}, {0, 4, 4, 8, 8, 12});
}

TEST(Resize, TrilinearOfEveryChannel) {
  Tensor x = reshape(arange(0, 16), {1, 2, 2, 2, 2});
  // Corners stay, the middle is the mean of two, four or all eight.
  Tensor y = resize(x, {3}, kCorners);
  EXPECT_EQ(y.shape(), (Shape{1, 2, 3, 3, 3}));
  expect_values(slice(y, {{}, {}, {1, 2}, {1, 2}, {1, 2}}), {1, 2, 1, 1, 1},
                {3.5, 11.5});
  expect_values(slice(y, {{}, {}, {0, 1}, {1, 2}, {0, 3}}), {1, 2, 1, 1, 3},
                {1, 1.5, 2, 9, 9.5, 10});
}

TEST(Resize, ScalesKeepTheirSpacing) {
  Tensor x = tensor({{{0.0, 1.0, 2.0}}});
  // 1.5: size 4, positions (i + 0.5) / 1.5 - 0.5; of sizes it would be 3 / 4.
  expect_near(resize_by(x, {1.5}), {1, 1, 4}, {0, 0.5, 7.0 / 6, 11.0 / 6});
  expect_near(resize(x, {4}), {1, 1, 4}, {0, 0.625, 1.375, 2});
  // 0.7: size 2, positions i / 0.7; of a scale that no fraction of integers is.
  expect_values(resize_by(x, {0.7}, kNearest), {1, 1, 2}, {0, 1});
  expect_near(resize_by(x, {0.8017837257372732}), {1, 1, 2},
              {0.12360956, 1.37082868});
  // 3 is 10 tenths thrice: no size is lost to rounding.
  EXPECT_EQ(resize_by(ones({1, 1, 10}), {1.1}).shape(), (Shape{1, 1, 11}));
}

TEST(Resize, HalfPrecisionIsMixedInFloat32) {
  // 2048 + 2 * 0.75: in float16 each product would be rounded.
  Tensor x = cast(tensor({{{2048.0, 2050.0}}}), float16);
  Tensor y = resize(x, {4});
  EXPECT_EQ(y.dtype(), float16);
  expect_values(y, {1, 1, 4}, {2048, 2048, 2050, 2050});
  Tensor d = cast(tensor({{{0.0, 1.0}}}), float64);
  expect_values(resize(d, {8}), {1, 1, 8},
                {0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1});
}

TEST(Resize, BordersAreExact) {
  // 0.1 * (1 - w) + 0.1 * w may differ from 0.1; before the first element w is
  // 0.
  Tensor x = tensor({{{0.1, 0.1, 0.7}}});
  Tensor y = resize(x, {24});
  EXPECT_EQ(*slice(y, {{}, {}, {0, 4}}).to_vector<float>(),
            std::vector<float>(4, 0.1f));
}

TEST(Resize, EmptyBatches) {
  EXPECT_EQ(resize(zeros({0, 3, 2, 2}), {4}).shape(), (Shape{0, 3, 4, 4}));
  EXPECT_TRUE(resize(zeros({0, 3, 2, 2}), {4}).eval().ok());
  EXPECT_TRUE(resize(zeros({2, 0, 2}), {4}, kNearest).eval().ok());
}

TEST(Resize, IsOneKernelWithItsNeighbours) {
  Tensor x = reshape(cast(tensor({1, 2, 3, 4}), float32), {1, 1, 2, 2});
  ASSERT_TRUE(x.eval().ok());
  int64_t before = compiler::statistics().kernelsLaunched;
  Tensor y = relu(resize(relu(x - 2), {4}) * 2);
  ASSERT_TRUE(y.eval().ok());
  EXPECT_EQ(compiler::statistics().kernelsLaunched - before, 1);
  expect_values(slice(y, {{}, {}, {3, 4}}), {1, 1, 1, 4}, {2, 2.5, 3.5, 4});
}

TEST(Resize, RefusesBadInput) {
  Tensor x = ones({1, 2, 4, 4});
  EXPECT_EQ(message(resize(ones({2, 3}), {4})),
            "resize: x is not [N, C, D...] with one to three D: got [2, 3]");
  EXPECT_EQ(message(resize(x, {4, 4, 4})),
            "resize: wrong number of sizes: got 3, expected 2 for shape [1, 2, "
            "4, 4]");
  EXPECT_EQ(message(resize(x, {})),
            "resize: wrong number of sizes: got 0, expected 2 for shape [1, 2, "
            "4, 4]");
  EXPECT_EQ(message(resize(x, {4, 0})), "resize: size below 1: got [4, 0]");
  EXPECT_EQ(
      message(resize(zeros({1, 2, 0}), {4})),
      "resize: nothing to take elements from: shape [1, 2, 0], sizes [4]");
  EXPECT_EQ(message(resize(cast(x, int32), {4})),
            "resize: needs a floating-point type: got int32");
  EXPECT_EQ(message(resize(x, {4}, {ResizeMode::nearest, true})),
            "resize: align_corners means nothing to the nearest element: got "
            "nearest, expected linear");
  EXPECT_EQ(message(resize(x, {int64_t(1) << 40})),
            "resize: too many elements: shape [1, 2, 1099511627776, "
            "1099511627776], limit 576460752303423488");
  for (double scale : {0.0, -1.0, 2e6, std::numeric_limits<double>::infinity()})
    EXPECT_THAT(message(resize_by(x, {scale})),
                testing::StartsWith("resize: scale out of range: got "));
  EXPECT_EQ(message(resize_by(x, {std::numeric_limits<double>::quiet_NaN()})),
            "resize: scale out of range: got nan, expected above 0 and at most "
            "1048576");
  EXPECT_EQ(message(resize_by(x, {1.0, 0.1})),
            "resize: size below 1: got [4, 0]");
  EXPECT_EQ(message(resize_by(x, {1.0, 1.0, 1.0})),
            "resize: wrong number of sizes: got 3, expected 2 for shape [1, 2, "
            "4, 4]");
}

TEST(Resize, PassesErrorsOn) {
  Tensor bad = reshape(ones({2}), {3});
  EXPECT_EQ(message(resize(bad, {4})), message(bad));
  EXPECT_EQ(message(resize_by(bad, {2.0})), message(bad));
}

} // namespace
} // namespace weft
