// SPDX-License-Identifier: Apache-2.0
// Shapes: indexing, printing, ranks beyond the limit.
#include "weft/Core/Shape.h"

#include <gtest/gtest.h>
#include <sstream>
#include <vector>

namespace weft {
namespace {

TEST(Shape, ApiExamples) {
  Shape s{2, 3};
  EXPECT_EQ(s.rank(), 2);
  EXPECT_EQ(s[-1], 3);
  EXPECT_EQ(s.num_elements(), 6);
  EXPECT_EQ(to_string(s), "[2, 3]");
}

TEST(Shape, ScalarsHaveOneElement) {
  EXPECT_EQ(Shape().num_elements(), 1);
  EXPECT_EQ(to_string(Shape()), "[]");
  EXPECT_TRUE(Shape().empty());
}

TEST(Shape, KeepsEightSizesAndTheTrueRank) {
  std::vector<int64_t> nine{1, 2, 3, 4, 5, 6, 7, 8, 9};
  Shape shape{std::span<const int64_t>(nine)};
  EXPECT_EQ(shape.rank(), 9);
  EXPECT_EQ(shape.size(), 8u);
  EXPECT_EQ(to_string(shape), "[1, 2, 3, 4, 5, 6, 7, 8, ...]");
  Shape pushed;
  for (int64_t size : nine)
    pushed.push_back(size);
  EXPECT_EQ(pushed, shape);
  EXPECT_FALSE(pushed == Shape(std::span<const int64_t>(nine).first(8)));
}

TEST(Shape, PrintsToStreams) {
  std::ostringstream os;
  os << Shape{7} << Shape{0, -1};
  EXPECT_EQ(os.str(), "[7][0, -1]");
}

} // namespace
} // namespace weft
