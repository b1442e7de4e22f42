// SPDX-License-Identifier: Apache-2.0
// Conversions to and from the statuses of the Abseil that the including program
// brings. Nothing else of Weft's interface knows Abseil.
#pragma once

#include "weft/Core/Status.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include <string>
#include <utility>

namespace weft {

/// The same code and message.
///
///   absl::Status s = weft::to_absl(x.eval());
///   absl::StatusOr<int> sum = weft::to_absl(weft::sum(x).item<int>());
inline absl::Status to_absl(const Status &status) {
  std::string_view message = status.message();
  return absl::Status(static_cast<absl::StatusCode>(status.code()),
                      absl::string_view(message.data(), message.size()));
}

template <typename T> absl::StatusOr<T> to_absl(StatusOr<T> value) {
  if (!value.ok())
    return to_absl(value.status());
  return *std::move(value);
}

/// The same code, also one that Weft has no name for, and message.
///
///   weft::Status s = weft::from_absl(absl::NotFoundError("x"));
///   // not_found: x
inline Status from_absl(const absl::Status &status) {
  if (status.ok())
    return {};
  return Status(static_cast<StatusCode>(status.code()),
                std::string(status.message()));
}

template <typename T> StatusOr<T> from_absl(absl::StatusOr<T> value) {
  if (!value.ok())
    return from_absl(value.status());
  return *std::move(value);
}

} // namespace weft
