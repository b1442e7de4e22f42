// SPDX-License-Identifier: Apache-2.0
// Statuses: codes, texts, copies.
#include "weft/Core/Status.h"

#include <gtest/gtest.h>
#include <sstream>

namespace weft {
namespace {

TEST(Status, ApiExamples) {
  Status status = invalid_argument_error("run: expects 2 inputs, got 1");
  std::ostringstream os;
  os << status;
  EXPECT_EQ(os.str(), "invalid_argument: run: expects 2 inputs, got 1");
}

TEST(Status, SuccessHasNoMessage) {
  Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), StatusCode::ok);
  EXPECT_EQ(status.message(), "");
  EXPECT_EQ(status.to_string(), "ok");
  EXPECT_EQ(Status(StatusCode::ok, "dropped"), status);
}

TEST(Status, EveryMakerHasItsCode) {
  const std::pair<Status, std::string> cases[] = {
      {invalid_argument_error("m"), "invalid_argument: m"},
      {not_found_error("m"), "not_found: m"},
      {failed_precondition_error("m"), "failed_precondition: m"},
      {resource_exhausted_error("m"), "resource_exhausted: m"},
      {unavailable_error("m"), "unavailable: m"},
      {unimplemented_error("m"), "unimplemented: m"},
      {data_loss_error("m"), "data_loss: m"},
      {internal_error("m"), "internal: m"},
      {Status(StatusCode::cancelled, "m"), "cancelled: m"},
      {Status(StatusCode::unknown, "m"), "unknown: m"},
      {Status(StatusCode::already_exists, "m"), "already_exists: m"},
      {Status(StatusCode::permission_denied, "m"), "permission_denied: m"},
      {Status(StatusCode::out_of_range, "m"), "out_of_range: m"},
  };
  for (const auto &[status, text] : cases) {
    EXPECT_FALSE(status.ok());
    EXPECT_EQ(status.message(), "m");
    EXPECT_EQ(status.to_string(), text);
  }
}

TEST(Status, CodeNumbersOfAbseilThatWeftDoesNotUseHaveAName) {
  EXPECT_EQ(name(static_cast<StatusCode>(4)), "unknown");
}

TEST(Status, CopiesShareAndCompareByContent) {
  Status a = not_found_error("a"), copy = a;
  EXPECT_EQ(copy, a);
  EXPECT_EQ(copy.message().data(), a.message().data());
  EXPECT_EQ(a, not_found_error("a"));
  EXPECT_FALSE(a == not_found_error("b"));
  EXPECT_FALSE(a == data_loss_error("a"));
  EXPECT_FALSE(a == Status());
}

TEST(StatusOr, HoldsAValueOrAnError) {
  StatusOr<std::string> value = std::string("v");
  ASSERT_TRUE(value.ok());
  EXPECT_TRUE(value.status().ok());
  EXPECT_EQ(value->size(), 1u);
  EXPECT_EQ(*std::move(value), "v");

  StatusOr<std::string> error = not_found_error("gone");
  EXPECT_FALSE(error.ok());
  EXPECT_EQ(error.status(), not_found_error("gone"));
  EXPECT_EQ(error.value_or("other"), "other");
}

TEST(StatusOr, HoldsTypesThatOnlyMove) {
  StatusOr<std::unique_ptr<int>> result = std::make_unique<int>(3);
  std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 3);
}

} // namespace
} // namespace weft
