// SPDX-License-Identifier: Apache-2.0
// Errors as values: Abseil's interface without Abseil's types, because
// applications bring their own Abseil under another inline namespace.
#pragma once

#include <cassert>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace weft {

/// The numbers are those of absl::StatusCode.
enum class StatusCode : int {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
};

std::string_view name(StatusCode code);

/// Success, or a code and a message. Copying costs one reference count.
///
///   Status s = exe.run(inputs);
///   if (!s.ok())
///     std::cerr << s << '\n';   // invalid_argument: run: expects 2 inputs,
///                               // got 1
class [[nodiscard]] Status {
public:
  Status() = default;
  Status(StatusCode code, std::string message);

  bool ok() const { return !error_; }
  StatusCode code() const;
  /// Empty for success.
  std::string_view message() const;
  /// `ok`, or `invalid_argument: message`.
  std::string to_string() const;

  friend bool operator==(const Status &a, const Status &b) {
    return a.code() == b.code() && a.message() == b.message();
  }

private:
  struct Error;
  std::shared_ptr<const Error> error_;
};

std::ostream &operator<<(std::ostream &os, const Status &status);

Status invalid_argument_error(std::string message);
Status not_found_error(std::string message);
Status failed_precondition_error(std::string message);
Status resource_exhausted_error(std::string message);
Status unavailable_error(std::string message);
Status unimplemented_error(std::string message);
Status data_loss_error(std::string message);
Status internal_error(std::string message);

/// A value or the Status that says why there is none.
///
///   StatusOr<Device> d = Device::parse("gpu");
///   if (d.ok())
///     use(*d);
template <typename T> class [[nodiscard]] StatusOr {
public:
  StatusOr(T value) : value_(std::move(value)) {}
  StatusOr(Status error) : status_(std::move(error)) {
    assert(!status_.ok() && "a StatusOr without value needs an error");
  }

  bool ok() const { return value_.has_value(); }
  const Status &status() const { return status_; }

  /// The value; only if `ok()`.
  T &value() & { return *value_; }
  const T &value() const & { return *value_; }
  T &&value() && { return *std::move(value_); }
  T &operator*() & { return *value_; }
  const T &operator*() const & { return *value_; }
  T &&operator*() && { return *std::move(value_); }
  T *operator->() { return &*value_; }
  const T *operator->() const { return &*value_; }

  template <typename U> T value_or(U &&other) const & {
    return value_ ? *value_ : static_cast<T>(std::forward<U>(other));
  }

private:
  std::optional<T> value_;
  Status status_;
};

} // namespace weft
