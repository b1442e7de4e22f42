// SPDX-License-Identifier: Apache-2.0
// Narrow floats against an oracle that shares nothing with the conversion: the
// ordered list of all values of a format, and the nearest of them.
#include "weft/Core/Float.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace weft {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kMax64 = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min();

/// A format as its definition has it, and the functions under test.
struct Format {
  const char *name;
  int exponent_bits, mantissa_bits;
  bool has_infinity;
  uint32_t (*from)(double);
  double (*to)(uint32_t);

  uint32_t sign() const { return 1u << (exponent_bits + mantissa_bits); }
  uint32_t num_patterns() const { return 2 * sign(); }

  /// The value of a pattern by the formula of IEEE 754.
  double value(uint32_t bits) const {
    const uint32_t mantissa = bits % (1u << mantissa_bits);
    const uint32_t exponent =
        bits / (1u << mantissa_bits) % (1u << exponent_bits);
    const uint32_t top = (1u << exponent_bits) - 1;
    const double sign_factor = bits & sign() ? -1 : 1;
    if (has_infinity && exponent == top)
      return mantissa ? kNaN : sign_factor * kInfinity;
    if (!has_infinity && exponent == top &&
        mantissa == (1u << mantissa_bits) - 1)
      return kNaN;
    const double fraction = mantissa / std::pow(2.0, mantissa_bits);
    const double bias = std::pow(2.0, exponent_bits - 1) - 1;
    return sign_factor *
           (exponent == 0 ? fraction * std::pow(2.0, 1 - bias)
                          : (1 + fraction) * std::pow(2.0, exponent - bias));
  }

  /// All finite values from +0 up; the index is the pattern.
  std::vector<double> magnitudes() const {
    std::vector<double> values;
    for (uint32_t bits = 0; std::isfinite(value(bits)); ++bits)
      values.push_back(value(bits));
    return values;
  }
};

const Format kFormats[] = {
    {"float16", 5, 10, true,
     [](double v) -> uint32_t { return float16_from_double(v); },
     [](uint32_t b) { return float16_to_double(static_cast<uint16_t>(b)); }},
    {"bfloat16", 8, 7, true,
     [](double v) -> uint32_t { return bfloat16_from_double(v); },
     [](uint32_t b) { return bfloat16_to_double(static_cast<uint16_t>(b)); }},
    {"float8", 4, 3, false,
     [](double v) -> uint32_t { return float8_from_double(v); },
     [](uint32_t b) { return float8_to_double(static_cast<uint8_t>(b)); }},
};

class NarrowFloat : public testing::TestWithParam<Format> {};
INSTANTIATE_TEST_SUITE_P(Formats, NarrowFloat, testing::ValuesIn(kFormats),
                         [](const auto &info) {
                           return std::string(info.param.name);
                         });

TEST_P(NarrowFloat, EveryPatternHasItsValue) {
  const Format &format = GetParam();
  for (uint32_t bits = 0; bits < format.num_patterns(); ++bits) {
    const double expected = format.value(bits), got = format.to(bits);
    if (std::isnan(expected))
      ASSERT_TRUE(std::isnan(got)) << bits;
    else
      ASSERT_EQ(std::bit_cast<uint64_t>(got),
                std::bit_cast<uint64_t>(expected))
          << bits; // bits, for the sign of zero
  }
}

TEST_P(NarrowFloat, EveryPatternSurvivesTheWayThroughDouble) {
  const Format &format = GetParam();
  for (uint32_t bits = 0; bits < format.num_patterns(); ++bits) {
    const uint32_t back = format.from(format.to(bits));
    if (!std::isnan(format.value(bits)))
      ASSERT_EQ(back, bits);
    else // signalling ones come back quiet; sign and payload stay
      ASSERT_EQ(back | 1u << (format.mantissa_bits - 1),
                bits | 1u << (format.mantissa_bits - 1));
  }
}

TEST_P(NarrowFloat, TiesGoToEvenAndAllElseToTheNearest) {
  const Format &format = GetParam();
  const std::vector<double> values = format.magnitudes();
  for (uint32_t low = 0; low + 1 < values.size(); ++low) {
    const double middle = (values[low] + values[low + 1]) / 2; // exact
    const double below = std::nextafter(middle, 0);
    const double above = std::nextafter(middle, kInfinity);
    const uint32_t even = low % 2 == 0 ? low : low + 1;
    ASSERT_EQ(format.from(middle), even) << middle;
    ASSERT_EQ(format.from(below), low) << below;
    ASSERT_EQ(format.from(above), low + 1) << above;
    ASSERT_EQ(format.from(-middle), even | format.sign());
    ASSERT_EQ(format.from(-below), low | format.sign());
    ASSERT_EQ(format.from(-above), (low + 1) | format.sign());
  }
}

TEST_P(NarrowFloat, RandomDoublesGoToTheNearestValue) {
  const Format &format = GetParam();
  const std::vector<double> values = format.magnitudes();
  std::mt19937_64 random(7);
  for (int i = 0; i < 200000; ++i) {
    const double x = std::abs(std::bit_cast<double>(random()));
    if (!(x < values.back()))
      continue;
    const auto above = std::upper_bound(values.begin(), values.end(), x);
    const uint32_t high = static_cast<uint32_t>(above - values.begin());
    const bool is_lower = x - values[high - 1] < values[high] - x;
    ASSERT_EQ(format.from(x), is_lower ? high - 1 : high) << x;
  }
}

TEST_P(NarrowFloat, BeyondTheLargestLiesInfinityOrNaN) {
  const Format &format = GetParam();
  const std::vector<double> values = format.magnitudes();
  const uint32_t largest = static_cast<uint32_t>(values.size()) - 1;
  const double step = values[largest] - values[largest - 1];
  const double limit = values[largest] + step / 2;
  EXPECT_EQ(format.from(std::nextafter(limit, 0)), largest);
  // The tie goes to the even neighbour: the largest value of float8 is even,
  // those of the others are odd.
  EXPECT_EQ(format.from(limit), format.has_infinity ? largest + 1 : largest);
  for (double huge : {std::nextafter(limit, kInfinity), 1e300, kInfinity}) {
    EXPECT_EQ(format.from(huge), largest + 1);
    EXPECT_EQ(format.from(-huge), (largest + 1) | format.sign());
  }
}

TEST_P(NarrowFloat, ZerosKeepTheirSignAndTinyValuesVanish) {
  const Format &format = GetParam();
  EXPECT_EQ(format.from(0.0), 0u);
  EXPECT_EQ(format.from(-0.0), format.sign());
  EXPECT_EQ(format.from(5e-324), 0u);
  EXPECT_EQ(format.from(-1e-310), format.sign());
  EXPECT_EQ(format.from(1e-300), 0u);
}

TEST_P(NarrowFloat, NaNStaysNaNWithItsSign) {
  const Format &format = GetParam();
  for (uint64_t bits :
       {0x7ff0000000000001, 0x7ff8000000000000, 0x7fffffffffffffff}) {
    const uint32_t positive = format.from(std::bit_cast<double>(bits));
    EXPECT_TRUE(std::isnan(format.value(positive)));
    EXPECT_EQ(positive & format.sign(), 0u);
    const uint32_t negative =
        format.from(std::bit_cast<double>(bits | uint64_t{1} << 63));
    EXPECT_EQ(negative, positive | format.sign());
  }
}

TEST(Float8, TheLargestValueIs448) {
  EXPECT_EQ(float8_to_double(0x7e), 448.0);
  EXPECT_EQ(float8_from_double(464), 0x7e);
  EXPECT_EQ(float8_from_double(464.001), 0x7f);
  EXPECT_EQ(float8_from_double(-1000), 0xff);
}

TEST(Elements, EveryTypeStoresAndLoads) {
  alignas(8) char data[16];
  for (int i = 0; i < kNumDTypes; ++i) {
    const DType type = static_cast<DType>(i);
    SCOPED_TRACE(name(type));
    store_from_double(data, type, 0, 1);
    store_from_int64(data, type, 1, type == boolean ? 0 : 6);
    EXPECT_EQ(load_as_double(data, type, 0), 1);
    EXPECT_EQ(load_as_int64(data, type, 0), 1);
    EXPECT_EQ(load_as_double(data, type, 1), type == boolean ? 0 : 6);
    EXPECT_EQ(load_as_int64(data, type, 1), type == boolean ? 0 : 6);
    store_scalar(data, type, 0, 0);
    EXPECT_EQ(load_as_double(data, type, 0), 0);
    store_scalar(data, type, 0, true);
    EXPECT_EQ(load_as_double(data, type, 0), 1);
  }
}

int64_t stored(DType type, int64_t value) {
  alignas(8) char data[8];
  store_from_int64(data, type, 0, value);
  return load_as_int64(data, type, 0);
}
double stored(DType type, double value) {
  alignas(8) char data[8];
  store_from_double(data, type, 0, value);
  return load_as_double(data, type, 0);
}

TEST(Elements, IntegersWrap) {
  EXPECT_EQ(stored(int32, int64_t{1} << 31), -(int64_t{1} << 31));
  EXPECT_EQ(stored(int8, int64_t{200}), -56);
  EXPECT_EQ(stored(int4, int64_t{8}), -8);
  EXPECT_EQ(stored(int4, int64_t{-9}), 7);
  EXPECT_EQ(stored(int4, int64_t{7}), 7);
  EXPECT_EQ(stored(uint8, int64_t{-1}), 255);
  EXPECT_EQ(stored(int64, kMin64), kMin64);
  EXPECT_EQ(stored(int8, 300.7), 44);
  EXPECT_EQ(stored(uint8, -1.5), 255);
}

TEST(Elements, RealNumbersTruncateIntoIntegersAndSaturateAtInt64) {
  EXPECT_EQ(stored(int32, -2.9), -2);
  EXPECT_EQ(stored(int32, kNaN), 0);
  alignas(8) char data[8];
  store_from_double(data, int64, 0, 1e30);
  EXPECT_EQ(load_as_int64(data, int64, 0), kMax64);
  store_from_double(data, float64, 0, -1e30);
  EXPECT_EQ(load_as_int64(data, float64, 0), kMin64);
}

TEST(Elements, BoolIsWhetherTheValueIsNotZero) {
  EXPECT_EQ(stored(boolean, 0.5), 1);
  EXPECT_EQ(stored(boolean, -0.0), 0);
  EXPECT_EQ(stored(boolean, kNaN), 1);
  EXPECT_EQ(stored(boolean, int64_t{256}), 1);
}

TEST(Elements, LargeIntegersRoundOnce) {
  // 2^62 + 2^54 lies half way between two bfloat16; one more decides. A way
  // through double would lose it and round down to even.
  const int64_t tie = (int64_t{1} << 62) + (int64_t{1} << 54);
  EXPECT_EQ(stored(bfloat16, tie), int64_t{1} << 62);
  EXPECT_EQ(stored(bfloat16, tie + 1), (int64_t{1} << 62) + (int64_t{1} << 55));
  EXPECT_EQ(stored(bfloat16, -tie - 1),
            -(int64_t{1} << 62) - (int64_t{1} << 55));
  // The same for float32, whose half step at 2^62 is 2^38.
  const int64_t tie32 = (int64_t{1} << 62) + (int64_t{1} << 38);
  EXPECT_EQ(stored(float32, tie32 + 1),
            (int64_t{1} << 62) + (int64_t{1} << 39));
  alignas(8) char data[8];
  store_from_int64(data, float32, 0, kMin64);
  EXPECT_EQ(load_as_double(data, float32, 0), -0x1p63);
}

TEST(Elements, IndicesCountElements) {
  uint16_t halves[3] = {0, 0, 0};
  store_from_double(halves, float16, 1, 1);
  EXPECT_EQ(halves[0], 0);
  EXPECT_EQ(halves[1], 0x3c00);
  EXPECT_EQ(halves[2], 0);
}

} // namespace
} // namespace weft
