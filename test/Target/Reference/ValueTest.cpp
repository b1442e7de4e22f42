// SPDX-License-Identifier: Apache-2.0
// Rounding, wrapping and casts of elements.
#include "Program.h"

#include <cmath>
#include <limits>

namespace weft::reference {
namespace {

using testing::ElementsAre;

constexpr double kInf = std::numeric_limits<double>::infinity();
const double kNaN = std::nan("");

TEST(Value, WrapsIntegers) {
  EXPECT_EQ(wrap(DType::int8, 128), -128);
  EXPECT_EQ(wrap(DType::int8, -129), 127);
  EXPECT_EQ(wrap(DType::int4, 8), -8);
  EXPECT_EQ(wrap(DType::int4, -9), 7);
  EXPECT_EQ(wrap(DType::uint8, -1), 255);
  EXPECT_EQ(wrap(DType::int32, int64_t{1} << 31), INT32_MIN);
  EXPECT_EQ(wrap(DType::boolean, 256), 1);
}

TEST(Value, RoundsToTf32AwayFromZeroInTheMiddle) {
  EXPECT_EQ(roundToTf32(2049), 2050); // even would be 2048
  EXPECT_EQ(roundToTf32(-2049), -2050);
  EXPECT_EQ(roundToTf32(2048.999), 2048);
  EXPECT_EQ(roundToTf32(2047), 2047);
  EXPECT_EQ(roundToTf32(0x1.ffep127), 0x1.ffcp127); // not infinite
  EXPECT_EQ(roundToTf32(-kInf), -kInf);
  EXPECT_TRUE(std::isnan(roundToTf32(std::nan(""))));
  // Subnormal: multiples of 2^-136.
  EXPECT_EQ(roundToTf32(0x1.8p-136), 0x1p-135);
  EXPECT_EQ(roundToTf32(0x1.7p-137), 0x1p-136);
  EXPECT_EQ(roundToTf32(0x1.fp-138), 0);
}

TEST(Value, RoundsToNearestEven) {
  EXPECT_EQ(roundTo(DType::float16, 2049), 2048);
  EXPECT_EQ(roundTo(DType::float16, 2051), 2052);
  EXPECT_EQ(roundTo(DType::float16, 65520), kInf);
  EXPECT_EQ(roundTo(DType::bfloat16, 257), 256);
  EXPECT_EQ(roundTo(DType::float32, 16777217), 16777216);
  EXPECT_EQ(roundTo(DType::float8, 17), 16);
  EXPECT_TRUE(std::isnan(roundTo(DType::float8, 1000)));
}

TEST(Value, CastSaturatesToIntegers) {
  Value x = f32({6}, {3.9, -3.9, 1e30, -1e30, kNaN, kInf});
  EXPECT_THAT(cast(x, DType::int32).ints,
              ElementsAre(3, -3, INT32_MAX, INT32_MIN, 0, INT32_MAX));
  EXPECT_THAT(cast(x, DType::int64).ints,
              ElementsAre(3, -3, INT64_MAX, INT64_MIN, 0, INT64_MAX));
  EXPECT_THAT(cast(x, DType::uint8).ints, ElementsAre(3, 0, 255, 0, 0, 255));
  EXPECT_THAT(cast(x, DType::int4).ints, ElementsAre(3, -3, 7, -8, 0, 7));
}

TEST(Value, CastOfIntegersWraps) {
  Value x = i32({4}, {300, -1, 128, 0});
  EXPECT_THAT(cast(x, DType::uint8).ints, ElementsAre(44, 255, 128, 0));
  EXPECT_THAT(cast(x, DType::int8).ints, ElementsAre(44, -1, -128, 0));
  EXPECT_THAT(cast(x, DType::boolean).ints, ElementsAre(1, 1, 1, 0));
}

TEST(Value, CastToBoolIsNotZero) {
  EXPECT_THAT(cast(f32({4}, {0.5, -0.0, kNaN, 0}), DType::boolean).ints,
              ElementsAre(1, 0, 1, 0));
}

TEST(Value, CastOfLargeIntegersRoundsOnce) {
  // 2^62 + 2^38 + 1 lies just above the middle of two floats; rounding to
  // double first would put it in the middle, and then to the even one below.
  int64_t x = (int64_t{1} << 62) + (int64_t{1} << 38) + 1;
  EXPECT_EQ(cast(ints(DType::int64, {1}, {x}), DType::float32).reals[0],
            std::ldexp(1, 62) + std::ldexp(1, 39));
}

TEST(Value, GoesThroughMemory) {
  Value x = reals(DType::float16, {3}, {1.5, -kInf, 0.1});
  uint16_t memory[3];
  toMemory(x, memory);
  EXPECT_EQ(memory[0], 0x3e00);
  EXPECT_EQ(memory[1], 0xfc00);
  EXPECT_EQ(memory[2], 0x2e66);
  EXPECT_THAT(fromMemory(DType::float16, {3}, memory).reals,
              ElementsAre(1.5, -kInf, 0.0999755859375));
  const int8_t small[2] = {-8, 7};
  EXPECT_THAT(fromMemory(DType::int4, {2}, small).ints, ElementsAre(-8, 7));
}

} // namespace
} // namespace weft::reference
