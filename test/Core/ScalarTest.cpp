// SPDX-License-Identifier: Apache-2.0
// Scalars: kinds, conversions at the ends of the range, identity.
#include "weft/Core/Scalar.h"

#include <gtest/gtest.h>
#include <limits>

namespace weft {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

TEST(Scalar, KindFollowsTheCppType) {
  EXPECT_EQ(Scalar(true).kind(), Scalar::Kind::truth);
  EXPECT_EQ(Scalar(1).kind(), Scalar::Kind::integer);
  EXPECT_EQ(Scalar(uint8_t{1}).kind(), Scalar::Kind::integer);
  EXPECT_EQ(Scalar(1.0f).kind(), Scalar::Kind::real);
  EXPECT_EQ(Scalar().kind(), Scalar::Kind::integer);
}

TEST(Scalar, RealNumbersTruncateAndSaturate) {
  EXPECT_EQ(Scalar(2.9).to_int64(), 2);
  EXPECT_EQ(Scalar(-2.9).to_int64(), -2);
  EXPECT_EQ(Scalar(0x1p62).to_int64(), int64_t{1} << 62);
  EXPECT_EQ(Scalar(0x1p63).to_int64(), kMax);
  EXPECT_EQ(Scalar(-0x1p63).to_int64(), kMin);
  EXPECT_EQ(Scalar(-0x1.0000000000001p63).to_int64(), kMin);
  EXPECT_EQ(Scalar(kInfinity).to_int64(), kMax);
  EXPECT_EQ(Scalar(-kInfinity).to_int64(), kMin);
  EXPECT_EQ(Scalar(kNaN).to_int64(), 0);
}

TEST(Scalar, IntegersConvert) {
  EXPECT_EQ(Scalar(kMin).to_int64(), kMin);
  EXPECT_EQ(Scalar(true).to_int64(), 1);
  EXPECT_EQ(Scalar(3).to_double(), 3.0);
  EXPECT_EQ(Scalar(true).to_double(), 1.0);
}

TEST(Scalar, UnsignedIntegersAboveInt64) {
  const Scalar largest(std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(largest.kind(), Scalar::Kind::large);
  EXPECT_EQ(largest.to_double(), 0x1p64);
  EXPECT_EQ(largest.to_uint64(), std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(largest.to_int64(), kMax);
  EXPECT_EQ(default_dtype(largest), int64);
  EXPECT_FALSE(largest == Scalar(-1));
  EXPECT_EQ(Scalar(static_cast<uint64_t>(kMax)), Scalar(kMax));
}

TEST(Scalar, EqualMeansEqualKindAndBits) {
  EXPECT_EQ(Scalar(kNaN), Scalar(kNaN));
  EXPECT_FALSE(Scalar(0.0) == Scalar(-0.0));
  EXPECT_FALSE(Scalar(1) == Scalar(1.0));
  EXPECT_FALSE(Scalar(1) == Scalar(true));
  EXPECT_EQ(Scalar(1), Scalar(int64_t{1}));
}

TEST(Scalar, DefaultTypeIsTheSmallestUsualOne) {
  EXPECT_EQ(default_dtype(true), boolean);
  EXPECT_EQ(default_dtype(0.5), float32);
  EXPECT_EQ(default_dtype(2147483647), int32);
  EXPECT_EQ(default_dtype(2147483648), int64);
  EXPECT_EQ(default_dtype(-2147483648LL), int32);
  EXPECT_EQ(default_dtype(-2147483649LL), int64);
}

} // namespace
} // namespace weft
