// SPDX-License-Identifier: Apache-2.0
// What tests of tensors expect: shapes, values, messages.
#pragma once

#include "weft/Functions.h"
#include "weft/Tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weft::test {

/// The elements as doubles, whatever the type; fails the test on an error.
inline std::vector<double> values(const Tensor &x) {
  if (x.dtype() == boolean) {
    StatusOr<std::vector<bool>> bools = x.to_vector<bool>();
    EXPECT_TRUE(bools.ok()) << bools.status();
    if (!bools.ok())
      return {};
    return {bools->begin(), bools->end()};
  }
  if (x.dtype() == int64) {
    StatusOr<std::vector<int64_t>> integers = x.to_vector<int64_t>();
    EXPECT_TRUE(integers.ok()) << integers.status();
    if (!integers.ok())
      return {};
    return {integers->begin(), integers->end()};
  }
  StatusOr<std::vector<double>> doubles = x.to_vector<double>();
  EXPECT_TRUE(doubles.ok()) << doubles.status();
  return doubles.value_or(std::vector<double>());
}

inline void expect_values(const Tensor &x, const Shape &shape,
                          const std::vector<double> &expected) {
  EXPECT_TRUE(x.ok()) << x.status();
  EXPECT_EQ(x.shape(), shape);
  EXPECT_EQ(values(x), expected);
}

inline void expect_near(const Tensor &x, const Shape &shape,
                        const std::vector<double> &expected,
                        double tolerance = 1e-5) {
  EXPECT_TRUE(x.ok()) << x.status();
  EXPECT_EQ(x.shape(), shape);
  const std::vector<double> got = values(x);
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    EXPECT_NEAR(got[i], expected[i], tolerance) << "element " << i;
}

/// The message without the place of the call, which has a test of its own.
inline std::string message(const Status &status) {
  std::string text(status.message());
  return text.substr(0, text.rfind(" ("));
}
inline std::string message(const Tensor &x) { return message(x.status()); }

} // namespace weft::test
