// SPDX-License-Identifier: Apache-2.0
// Conversions to and from Abseil's statuses.
#include "weft/Absl.h"

#include <gtest/gtest.h>

namespace weft {
namespace {

TEST(Absl, StatusesKeepCodeAndMessage) {
  EXPECT_TRUE(to_absl(Status()).ok());
  EXPECT_TRUE(from_absl(absl::OkStatus()).ok());
  for (auto make : {invalid_argument_error, not_found_error,
                    resource_exhausted_error, internal_error}) {
    const Status ours = make("a: b: c");
    EXPECT_EQ(from_absl(to_absl(ours)), ours);
  }
  EXPECT_EQ(to_absl(data_loss_error("x")), absl::DataLossError("x"));
}

TEST(Absl, ValuesOrErrors) {
  EXPECT_EQ(*to_absl(StatusOr<int>(7)), 7);
  EXPECT_EQ(*from_absl(absl::StatusOr<int>(7)), 7);
  EXPECT_EQ(to_absl(StatusOr<int>(not_found_error("x"))).status(),
            absl::NotFoundError("x"));
  EXPECT_EQ(
      from_absl(absl::StatusOr<int>(absl::UnavailableError("x"))).status(),
      unavailable_error("x"));
}

} // namespace
} // namespace weft
