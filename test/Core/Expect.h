// SPDX-License-Identifier: Apache-2.0
// Expectations on results and errors that say what they got.
#pragma once

#include "weft/Core/Status.h"

#include <gmock/gmock.h>

namespace weft::test {

inline std::string message(const Status &status) {
  return std::string(status.message());
}
template <typename T> std::string message(const StatusOr<T> &result) {
  return message(result.status());
}

} // namespace weft::test

/// `result` is a value and equals `expected`.
#define EXPECT_VALUE(result, ...)                                              \
  do {                                                                         \
    const auto &result_ = (result);                                            \
    EXPECT_TRUE(result_.ok()) << result_.status();                             \
    if (result_.ok())                                                          \
      EXPECT_EQ(*result_, (__VA_ARGS__));                                      \
  } while (false)

/// `result` is an error whose whole message is `expected`.
#define EXPECT_MESSAGE(result, expected)                                       \
  EXPECT_EQ(::weft::test::message(result), expected)
