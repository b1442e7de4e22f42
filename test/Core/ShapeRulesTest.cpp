// SPDX-License-Identifier: Apache-2.0
// The shape rule of every op: results, and every message.
#include "weft/Core/ShapeRules.h"

#include "test/Core/Expect.h"

#include <gtest/gtest.h>
#include <limits>

namespace weft::shape_rules {
namespace {

constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
const std::string kHugeText = "9223372036854775807";
const std::string kLimit = ", limit 576460752303423488";

using Ints = std::vector<int64_t>;
using Shapes = std::vector<Shape>;

const Shape kNine(Ints{1, 1, 1, 1, 1, 1, 1, 1, 1});
const Shape kEight(Ints{1, 1, 1, 1, 1, 1, 1, 1});

TEST(Valid, RankSignAndNumberOfElements) {
  EXPECT_TRUE(valid("full", {}).ok());
  EXPECT_TRUE(valid("full", kEight).ok());
  EXPECT_TRUE(valid("full", {0, 3}).ok());
  EXPECT_TRUE(valid("full", {int64_t{1} << 59}).ok());
  EXPECT_MESSAGE(valid("full", kNine), "full: too many dims: got 9, limit 8");
  EXPECT_MESSAGE(valid("full", {2, -3}), "full: negative size: shape [2, -3]");
  EXPECT_MESSAGE(valid("full", {(int64_t{1} << 59) + 1}),
                 "full: too many elements: shape [576460752303423489]" +
                     kLimit);
  EXPECT_MESSAGE(valid("full", {kHuge, kHuge, kHuge, kHuge}),
                 "full: too many elements: shape [" + kHugeText + ", " +
                     kHugeText + ", " + kHugeText + ", " + kHugeText + "]" +
                     kLimit);
  // Strides are products of the sizes that are not 0.
  EXPECT_FALSE(valid("full", {0, kHuge, kHuge}).ok());
}

TEST(Broadcast, ApiExamples) {
  EXPECT_VALUE(broadcast("add", Shapes{{2, 1}, {3}}), Shape{2, 3});
  EXPECT_MESSAGE(broadcast("add", Shapes{{2}, {3}}),
                 "add: shapes do not broadcast: [2] and [3]");
}

TEST(Broadcast, SizesAreEqualOrOne) {
  EXPECT_VALUE(broadcast("add", Shapes{}), Shape{});
  EXPECT_VALUE(broadcast("add", Shapes{{}, {4}}), Shape{4});
  EXPECT_VALUE(broadcast("add", Shapes{{0}, {1}}), Shape{0});
  EXPECT_VALUE(broadcast("where", Shapes{{2, 1, 1}, {3, 1}, {4}}),
               Shape{2, 3, 4});
  EXPECT_MESSAGE(broadcast("add", Shapes{{0}, {2}}),
                 "add: shapes do not broadcast: [0] and [2]");
  EXPECT_MESSAGE(broadcast("where", Shapes{{2, 1}, {1, 3}, {4, 3}}),
                 "where: shapes do not broadcast: [2, 1], [1, 3] and [4, 3]");
  EXPECT_MESSAGE(broadcast("add", Shapes{{kNine}, {1}}),
                 "add: too many dims: got 9, limit 8");
  EXPECT_MESSAGE(broadcast("add", Shapes{{1 << 30, 1}, {1 << 30}}),
                 "add: too many elements: shape [1073741824, 1073741824]" +
                     kLimit);
}

TEST(Expand, KeepsOrRepeats) {
  EXPECT_VALUE(expand({3, 1}, {2, -1, 4}), Shape{2, 3, 4});
  EXPECT_VALUE(expand({}, {2}), Shape{2});
  EXPECT_VALUE(expand({1}, {0}), Shape{0});
  EXPECT_MESSAGE(expand({2, 3}, {3}),
                 "expand: fewer sizes than dims: sizes [3], shape [2, 3]");
  EXPECT_MESSAGE(
      expand({3}, {-1, 3}),
      "expand: -1 for a dim that x does not have: sizes [-1, 3], shape [3]");
  EXPECT_MESSAGE(
      expand({3}, {4}),
      "expand: shape does not broadcast to sizes: sizes [4], shape [3]");
  EXPECT_MESSAGE(expand({1}, {-2}), "expand: negative size: shape [-2]");
  EXPECT_MESSAGE(expand({1}, kNine), "expand: too many dims: got 9, limit 8");
  EXPECT_MESSAGE(expand(kNine, {1}), "expand: too many dims: got 9, limit 8");
  EXPECT_FALSE(expand({1}, {kHuge}).ok());
}

TEST(Axis, CountsFromBothEnds) {
  EXPECT_VALUE(axis("softmax", 1, 2), 1);
  EXPECT_VALUE(axis("softmax", -2, 2), 0);
  EXPECT_MESSAGE(axis("softmax", 2, 2),
                 "softmax: axis out of range: axis 2, rank 2");
  EXPECT_MESSAGE(axis("softmax", -3, 2),
                 "softmax: axis out of range: axis -3, rank 2");
  EXPECT_MESSAGE(axis("softmax", 0, 0),
                 "softmax: axis out of range: axis 0, rank 0");
  EXPECT_FALSE(axis("softmax", kLowest, 2).ok());
  EXPECT_FALSE(axis("softmax", kHuge, 2).ok());
}

TEST(Axes, AscendWithoutDuplicates) {
  EXPECT_VALUE(axes("sum", Ints{-1, 0}, 3), Ints{0, 2});
  EXPECT_VALUE(axes("sum", std::nullopt, 3), Ints{0, 1, 2});
  EXPECT_VALUE(axes("sum", Ints{}, 3), Ints{});
  EXPECT_MESSAGE(axes("sum", Ints{0, 3}, 3),
                 "sum: axis out of range: axis 3, rank 3");
  EXPECT_MESSAGE(axes("sum", Ints{1, -2}, 3),
                 "sum: duplicate axis: axes [1, -2], rank 3");
}

TEST(Reshape, KeepsTheElements) {
  EXPECT_VALUE(reshape({2, 6}, {3, 4}), Shape{3, 4});
  EXPECT_VALUE(reshape({2, 6}, {-1, 4}), Shape{3, 4});
  EXPECT_VALUE(reshape({2, 6}, {-1}), Shape{12});
  EXPECT_VALUE(reshape({}, {1, 1}), Shape{1, 1});
  EXPECT_VALUE(reshape({1}, {}), Shape{});
  EXPECT_VALUE(reshape({0, 3}, {7, 0}), Shape{7, 0});
  EXPECT_VALUE(reshape({0, 3}, {-1, 3}), Shape{0, 3});
  EXPECT_MESSAGE(reshape({2, 3}, {4}),
                 "reshape: element counts differ: shape [2, 3], sizes [4]");
  EXPECT_MESSAGE(reshape({2, 3}, {-1, 4}),
                 "reshape: element counts differ: shape [2, 3], sizes [-1, 4]");
  EXPECT_MESSAGE(reshape({6}, {-1, -1}),
                 "reshape: more than one -1: sizes [-1, -1]");
  EXPECT_MESSAGE(reshape({0}, {-1, 0}),
                 "reshape: -1 is ambiguous beside a size of 0: shape [0], "
                 "sizes [-1, 0]");
  EXPECT_MESSAGE(reshape({6}, {-2, -3}),
                 "reshape: negative size: shape [-2, -3]");
  EXPECT_MESSAGE(reshape({1}, kNine), "reshape: too many dims: got 9, limit 8");
  EXPECT_MESSAGE(reshape(kNine, {1}), "reshape: too many dims: got 9, limit 8");
  EXPECT_MESSAGE(reshape({6}, {kHuge, kHuge}),
                 "reshape: too many elements: shape [" + kHugeText + ", " +
                     kHugeText + "]" + kLimit);
}

TEST(Transpose, TakesAPermutation) {
  EXPECT_VALUE(transpose({2, 3, 4}, Ints{2, 0, 1}), Shape{4, 2, 3});
  EXPECT_VALUE(transpose({}, Ints{}), Shape{});
  EXPECT_MESSAGE(transpose({2, 3}, Ints{0}),
                 "transpose: permutation does not name every dim: permutation "
                 "[0], shape [2, 3]");
  EXPECT_MESSAGE(
      transpose({2, 3}, Ints{0, 2}),
      "transpose: axis out of range: permutation [0, 2], shape [2, 3]");
  EXPECT_MESSAGE(
      transpose({2, 3}, Ints{0, -1}),
      "transpose: axis out of range: permutation [0, -1], shape [2, 3]");
  EXPECT_MESSAGE(transpose({2, 3}, Ints{1, 1}),
                 "transpose: duplicate axis: permutation [1, 1], shape [2, 3]");
}

TEST(Flatten, JoinsNeighbours) {
  EXPECT_VALUE(flatten({2, 3, 4}, 0, -1), Shape{24});
  EXPECT_VALUE(flatten({2, 3, 4}, 1, 2), (Shape{2, 12}));
  EXPECT_VALUE(flatten({2, 3, 4}, 1, 1), (Shape{2, 3, 4}));
  EXPECT_VALUE(flatten({2, 0, 4}, 0, 1), (Shape{0, 4}));
  EXPECT_VALUE(flatten({}, 0, -1), Shape{1});
  EXPECT_MESSAGE(flatten({2, 3}, 1, 0),
                 "flatten: start lies behind end: start 1, end 0, rank 2");
  EXPECT_MESSAGE(flatten({2, 3}, 2, 2),
                 "flatten: axis out of range: axis 2, rank 2");
  EXPECT_MESSAGE(flatten({2, 3}, 0, -3),
                 "flatten: axis out of range: axis -3, rank 2");
}

TEST(Squeeze, DropsSizesOfOne) {
  EXPECT_VALUE(squeeze({1, 2, 1}, Ints{0, -1}), Shape{2});
  EXPECT_VALUE(squeeze({1, 2}, Ints{}), (Shape{1, 2}));
  EXPECT_MESSAGE(squeeze({1, 2}, Ints{1}),
                 "squeeze: size is not 1: axis 1, shape [1, 2]");
  EXPECT_MESSAGE(squeeze({1, 2}, Ints{2}),
                 "squeeze: axis out of range: axis 2, rank 2");
  EXPECT_MESSAGE(squeeze({1, 2}, Ints{0, -2}),
                 "squeeze: duplicate axis: axes [0, -2], rank 2");
}

TEST(Unsqueeze, InsertsASizeOfOne) {
  EXPECT_VALUE(unsqueeze({2, 3}, 0), (Shape{1, 2, 3}));
  EXPECT_VALUE(unsqueeze({2, 3}, 2), (Shape{2, 3, 1}));
  EXPECT_VALUE(unsqueeze({2, 3}, -1), (Shape{2, 3, 1}));
  EXPECT_VALUE(unsqueeze({2, 3}, -3), (Shape{1, 2, 3}));
  EXPECT_VALUE(unsqueeze({}, 0), Shape{1});
  EXPECT_MESSAGE(unsqueeze({2, 3}, 3),
                 "unsqueeze: axis out of range: axis 3, rank 2");
  EXPECT_MESSAGE(unsqueeze(kEight, 0),
                 "unsqueeze: too many dims: got 9, limit 8");
}

TEST(StridedSlice, StaysInside) {
  EXPECT_VALUE(strided_slice({5, 4}, Ints{4, 0}, Ints{-2, 3}, Ints{3, 2}),
               (Shape{3, 2}));
  EXPECT_VALUE(strided_slice({0}, Ints{9}, Ints{1}, Ints{0}), Shape{0});
  EXPECT_MESSAGE(strided_slice({5}, Ints{}, Ints{1}, Ints{2, 2}),
                 "slice: not one start, step and size a dim: 0 starts, 1 "
                 "steps, 2 sizes, shape [5]");
  EXPECT_MESSAGE(strided_slice({5}, Ints{0}, Ints{0}, Ints{2}),
                 "slice: step is 0: start 0, step 0, size 2 of dim 0, shape "
                 "[5]");
  EXPECT_MESSAGE(strided_slice({5}, Ints{0}, Ints{1}, Ints{-1}),
                 "slice: negative size: start 0, step 1, size -1 of dim 0, "
                 "shape [5]");
  for (auto [start, step, size] :
       {std::tuple{5, 1, 1}, {-1, 1, 1}, {0, 1, 6}, {0, 2, 4}, {3, -2, 3}})
    EXPECT_MESSAGE(strided_slice({5}, Ints{start}, Ints{step}, Ints{size}),
                   "slice: elements outside the tensor: start " +
                       std::to_string(start) + ", step " +
                       std::to_string(step) + ", size " + std::to_string(size) +
                       " of dim 0, shape [5]");
  EXPECT_FALSE(strided_slice({5}, Ints{0}, Ints{kHuge}, Ints{kHuge}).ok());
  EXPECT_FALSE(strided_slice({5}, Ints{4}, Ints{kLowest}, Ints{kHuge}).ok());
}

TEST(Resample, StaysInsideByOne) {
  EXPECT_VALUE(
      resample({2, 3}, Ints{-1, 0}, Ints{1, 1}, Ints{2, 1}, Ints{6, 3}),
      (Shape{6, 3}));
  EXPECT_VALUE(resample({0}, Ints{0}, Ints{1}, Ints{1}, Ints{0}), Shape{0});
  EXPECT_MESSAGE(resample({2}, Ints{0}, Ints{1}, Ints{1}, Ints{-1}),
                 "resample: negative size: start 0, step 1, divisor 1, size -1 "
                 "of dim 0, shape [2]");
  for (auto [start, step, divisor, size] :
       {std::tuple{-2, 1, 1, 1}, {-3, 1, 2, 1}, {0, 1, 2, 7}, {6, 0, 2, 1}})
    EXPECT_MESSAGE(
        resample({2}, Ints{start}, Ints{step}, Ints{divisor}, Ints{size}),
        "resample: elements outside the tensor: start " +
            std::to_string(start) + ", step " + std::to_string(step) +
            ", divisor " + std::to_string(divisor) + ", size " +
            std::to_string(size) + " of dim 0, shape [2]");
  EXPECT_FALSE(
      resample({2}, Ints{0}, Ints{kHuge}, Ints{kHuge}, Ints{kHuge}).ok());
}

TEST(Resize, KeepsBatchAndChannels) {
  EXPECT_VALUE(resize({2, 3, 4, 5}, Ints{8, 1}), (Shape{2, 3, 8, 1}));
  EXPECT_VALUE(resize({0, 3, 4}, Ints{8}), (Shape{0, 3, 8}));
  EXPECT_FALSE(resize({2, 3, 4, 5, 6, 7}, Ints{1, 1, 1, 1}).ok());
}

TEST(Concatenate, AddsAlongTheAxis) {
  EXPECT_VALUE(concatenate(Shapes{{2, 3}, {2, 0}, {2, 4}}, -1), (Shape{2, 7}));
  EXPECT_VALUE(concatenate(Shapes{{2, 3}}, 0), (Shape{2, 3}));
  EXPECT_MESSAGE(concatenate(Shapes{}, 0),
                 "concatenate: needs at least one tensor: got 0");
  EXPECT_MESSAGE(concatenate(Shapes{{2}, {2, 1}}, 0),
                 "concatenate: ranks differ: [2] and [2, 1]");
  EXPECT_MESSAGE(concatenate(Shapes{{2, 3}, {1, 4}}, 1),
                 "concatenate: sizes differ outside the axis: [2, 3] and [1, "
                 "4], axis 1");
  EXPECT_MESSAGE(concatenate(Shapes{{2}}, 1),
                 "concatenate: axis out of range: axis 1, rank 1");
  EXPECT_MESSAGE(concatenate(Shapes{{}, {}}, 0),
                 "concatenate: axis out of range: axis 0, rank 0");
  Shapes large(20, Shape{int64_t{1} << 59}); // the sum exceeds int64
  EXPECT_MESSAGE(concatenate(large, 0),
                 "concatenate: too many elements: shape [" + kHugeText + "]" +
                     kLimit);
}

TEST(Reduce, DropsOrKeepsDims) {
  EXPECT_VALUE(reduce("sum", {2, 3, 4}, Ints{0, 2}), Shape{3});
  EXPECT_VALUE(reduce("sum", {2, 3, 4}, Ints{0, 2}, true), (Shape{1, 3, 1}));
  EXPECT_VALUE(reduce("sum", {2, 3}, Ints{}), (Shape{2, 3}));
  EXPECT_VALUE(reduce("sum", {}, Ints{}), Shape{});
  for (const Ints &bad : {Ints{2}, Ints{-1}, Ints{1, 0}, Ints{0, 0}})
    EXPECT_FALSE(reduce("sum", {2, 3}, bad).ok());
  EXPECT_MESSAGE(reduce("sum", {2, 3}, Ints{1, 0}),
                 "sum: axes are not ascending dims of the tensor: axes [1, 0], "
                 "shape [2, 3]");
}

TEST(NonEmpty, LooksAtTheReducedAxesOnly) {
  EXPECT_TRUE(non_empty("max", {0, 2}, Ints{1}).ok());
  EXPECT_MESSAGE(non_empty("max", {0, 2}, Ints{0}),
                 "max: no value over an empty axis: axis 0, shape [0, 2]");
  EXPECT_FALSE(non_empty("max", {2}, Ints{1}).ok());
}

TEST(Positions, AreCountedIn32Bits) {
  const int64_t most = 2147483647;
  EXPECT_TRUE(positions("argmin", {4, most}, 1).ok());
  EXPECT_TRUE(positions("argmin", {most + 1, 2}, 1).ok());
  EXPECT_MESSAGE(positions("argmin", {2, most + 1}, 1),
                 "argmin: positions do not fit int32: axis 1 has 2147483648 "
                 "elements, at most 2147483647");
  EXPECT_MESSAGE(positions("argmax", {0, 2}, 0),
                 "argmax: no value over an empty axis: axis 0, shape [0, 2]");
}

TEST(Matmul, ApiExamples) {
  EXPECT_VALUE(matmul({4, 3}, {3, 2}), (Shape{4, 2}));
  EXPECT_VALUE(matmul({7, 5, 4, 3}, {7, 5, 3, 2}), (Shape{7, 5, 4, 2}));
  EXPECT_VALUE(matmul({4, 0}, {0, 2}), (Shape{4, 2}));
  EXPECT_MESSAGE(matmul({4, 3}, {5, 2}),
                 "matmul: inner sizes differ: lhs [4, 3], rhs [5, 2]");
}

TEST(Matmul, RefusesOtherRanksAndBatches) {
  EXPECT_MESSAGE(matmul({3}, {3, 2}),
                 "matmul: rank below 2: lhs [3], rhs [3, 2]");
  EXPECT_MESSAGE(matmul({1, 4, 3}, {3, 2}),
                 "matmul: ranks differ: lhs [1, 4, 3], rhs [3, 2]");
  EXPECT_MESSAGE(matmul({2, 4, 3}, {1, 3, 2}),
                 "matmul: batch sizes differ: lhs [2, 4, 3], rhs [1, 3, 2]");
  EXPECT_MESSAGE(matmul(kNine, {3, 2}),
                 "matmul: too many dims: got 9, limit 8");
  EXPECT_FALSE(matmul({1 << 30, 1}, {1, 1 << 30}).ok());
}

/// A window that holds its lists.
struct Lists {
  Ints stride, padding, dilation;
  int64_t groups;
  operator Window() const { return {stride, padding, dilation, groups}; }
};
const Lists kOne2d{{1, 1}, {0, 0, 0, 0}, {1, 1}, 1};

TEST(Conv, OutputSizes) {
  EXPECT_VALUE(conv({8, 3, 32, 32}, {16, 3, 3, 3}, Shape{16},
                    Lists{{1, 1}, {1, 1, 1, 1}, {1, 1}, 1}),
               (Shape{8, 16, 32, 32}));
  // (7 + 1 + 2 - 2 * (3 - 1) - 1) / 2 + 1 = 3
  EXPECT_VALUE(
      conv({1, 4, 7}, {6, 2, 3}, std::nullopt, Lists{{2}, {1, 2}, {2}, 2}),
      (Shape{1, 6, 3}));
  EXPECT_VALUE(conv({2, 1, 5, 6, 7}, {1, 1, 5, 1, 2}, std::nullopt,
                    Lists{{1, 2, 3}, {0, 0, 0, 0, 0, 0}, {1, 1, 1}, 1}),
               (Shape{2, 1, 1, 3, 2}));
  EXPECT_VALUE(conv({0, 3, 4, 4}, {2, 3, 1, 1}, std::nullopt, kOne2d),
               (Shape{0, 2, 4, 4}));
}

TEST(Conv, RefusesWhatDoesNotFit) {
  const Shape x{1, 4, 5, 5}, w{6, 4, 3, 3};
  EXPECT_MESSAGE(conv({4, 5}, {6, 4}, std::nullopt, kOne2d),
                 "conv: input is not of rank 3 to 5: input [4, 5]");
  EXPECT_MESSAGE(conv(x, {6, 4, 3}, std::nullopt, kOne2d),
                 "conv: not one kernel size a spatial dim: weight [6, 4, 3] "
                 "has 1, input [1, 4, 5, 5] has 2");
  EXPECT_MESSAGE(conv(x, {6, 4}, std::nullopt, kOne2d),
                 "conv: weight has no kernel sizes: weight [6, 4]");
  EXPECT_MESSAGE(conv(x, {6, 3, 3, 3}, std::nullopt, kOne2d),
                 "conv: input channels are not weight channels x groups: input "
                 "[1, 4, 5, 5], weight [6, 3, 3, 3], groups 1");
  Lists window = kOne2d;
  window.groups = 0;
  EXPECT_MESSAGE(conv(x, w, std::nullopt, window),
                 "conv: groups below 1: got 0");
  window.groups = 4;
  EXPECT_MESSAGE(conv(x, {6, 1, 3, 3}, std::nullopt, window),
                 "conv: output channels are not a multiple of groups: weight "
                 "[6, 1, 3, 3], groups 4");
  window.groups = kHuge;
  EXPECT_FALSE(conv(x, w, std::nullopt, window).ok());
  EXPECT_MESSAGE(conv(x, w, Shape{4}, kOne2d),
                 "conv: bias does not match the output channels: bias [4], "
                 "weight [6, 4, 3, 3]");
  EXPECT_MESSAGE(conv(x, w, std::nullopt, Lists{{1}, {0, 0, 0, 0}, {1, 1}, 1}),
                 "conv: wrong number of strides: got 1, expected 2 for 2 "
                 "spatial dims");
  EXPECT_MESSAGE(conv(x, w, std::nullopt, Lists{{1, 1}, {0, 0}, {1, 1}, 1}),
                 "conv: wrong number of paddings: got 1 (low, high), expected "
                 "2 for 2 spatial dims");
  EXPECT_MESSAGE(conv(x, w, std::nullopt, Lists{{1, 1}, {0, 0, 0}, {1, 1}, 1}),
                 "conv: wrong number of paddings: got 3, expected 4 for 2 "
                 "spatial dims");
  EXPECT_MESSAGE(conv(x, w, std::nullopt, Lists{{1, 1}, {0, 0, 0, 0}, {}, 1}),
                 "conv: wrong number of dilations: got 0, expected 2 for 2 "
                 "spatial dims");
  EXPECT_MESSAGE(
      conv(x, w, std::nullopt, Lists{{1, 0}, {0, 0, 0, 0}, {1, 1}, 1}),
      "conv: stride below 1: got [1, 0]");
  EXPECT_MESSAGE(
      conv(x, w, std::nullopt, Lists{{1, 1}, {0, 0, -1, 0}, {1, 1}, 1}),
      "conv: padding below 0: got [0, 0, -1, 0]");
  EXPECT_MESSAGE(
      conv(x, w, std::nullopt, Lists{{1, 1}, {0, 0, 0, 0}, {1, 0}, 1}),
      "conv: dilation below 1: got [1, 0]");
  EXPECT_MESSAGE(conv(x, {6, 4, 0, 3}, std::nullopt, kOne2d),
                 "conv: kernel size below 1: got [0, 3]");
  EXPECT_MESSAGE(conv(x, {6, 4, 3, 6}, std::nullopt, kOne2d),
                 "conv: kernel is larger than the padded input: kernel [3, 6] "
                 "with dilation [1, 1], input [1, 4, 5, 5] with padding [0, 0, "
                 "0, 0]");
}

TEST(Conv, NumbersAtTheEndsOfTheRange) {
  const Shape x{1, 1, 5}, w{1, 1, 3};
  EXPECT_FALSE(conv(x, w, std::nullopt, Lists{{1}, {0, 0}, {kHuge}, 1}).ok());
  EXPECT_MESSAGE(conv(x, w, std::nullopt, Lists{{1}, {kHuge, kHuge}, {1}, 1}),
                 "conv: too many elements: shape [1, 1, " + kHugeText + "]" +
                     kLimit);
  EXPECT_VALUE(conv(x, w, std::nullopt, Lists{{kHuge}, {0, 0}, {1}, 1}),
               (Shape{1, 1, 1}));
  EXPECT_VALUE(conv(x, w, std::nullopt, Lists{{kHuge}, {kHuge, kHuge}, {1}, 1}),
               (Shape{1, 1, 3}));
}

TEST(Pool, OutputSizesAndErrors) {
  EXPECT_VALUE(pool("maxpool", {2, 3, 7, 7}, Ints{3, 2},
                    Lists{{2, 2}, {1, 1, 0, 0}, {1, 1}, 1}),
               (Shape{2, 3, 4, 3}));
  EXPECT_MESSAGE(pool("maxpool", {3, 7}, Ints{3}, Lists{{1}, {0, 0}, {1}, 1}),
                 "maxpool: input is not of rank 3 to 5: input [3, 7]");
  EXPECT_MESSAGE(pool("avgpool", {2, 3, 7}, Ints{3, 3}, kOne2d),
                 "avgpool: not one kernel size a spatial dim: kernel [3, 3], "
                 "input [2, 3, 7]");
  EXPECT_MESSAGE(
      pool("avgpool", {2, 3, 7}, Ints{8}, Lists{{1}, {0, 0}, {1}, 1}),
      "avgpool: kernel is larger than the padded input: kernel [8] "
      "with dilation [1], input [2, 3, 7] with padding [0, 0]");
  EXPECT_MESSAGE(
      pool("avgpool", {2, 3, 7}, Ints{0}, Lists{{1}, {0, 0}, {1}, 1}),
      "avgpool: kernel size below 1: got [0]");
  EXPECT_FALSE(
      pool("maxpool", {2, 3, 7}, Ints{kHuge}, Lists{{1}, {0, 0}, {kHuge}, 1})
          .ok());
}

TEST(BatchNorm, ParametersMatchTheChannels) {
  const Shape c{4};
  for (const Shape &x :
       Shapes{{2, 4}, {2, 4, 5}, {2, 4, 5, 5}, {2, 4, 1, 1, 1}})
    EXPECT_VALUE(batch_norm(x, c, c, c, c), x);
  const Shape x{2, 4, 5};
  EXPECT_MESSAGE(batch_norm({4}, c, c, c, c),
                 "batch_norm: input is not of rank 2 to 5: input [4]");
  EXPECT_MESSAGE(
      batch_norm({1, 4, 1, 1, 1, 1}, c, c, c, c),
      "batch_norm: input is not of rank 2 to 5: input [1, 4, 1, 1, 1, 1]");
  EXPECT_MESSAGE(batch_norm(x, {3}, c, c, c),
                 "batch_norm: weight does not match the channels: weight [3], "
                 "input [2, 4, 5]");
  EXPECT_MESSAGE(batch_norm(x, c, {4, 1}, c, c),
                 "batch_norm: bias does not match the channels: bias [4, 1], "
                 "input [2, 4, 5]");
  EXPECT_MESSAGE(batch_norm(x, c, c, {}, c),
                 "batch_norm: running_mean does not match the channels: "
                 "running_mean [], input [2, 4, 5]");
  EXPECT_MESSAGE(batch_norm(x, c, c, c, {5}),
                 "batch_norm: running_var does not match the channels: "
                 "running_var [5], input [2, 4, 5]");
}

} // namespace
} // namespace weft::shape_rules
