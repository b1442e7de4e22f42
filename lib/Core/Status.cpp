// SPDX-License-Identifier: Apache-2.0
// Status: one shared, immutable error record; success is a null pointer.
#include "weft/Core/Status.h"

#include <ostream>

namespace weft {

struct Status::Error {
  StatusCode code;
  std::string message;
};

std::string_view name(StatusCode code) {
  switch (code) {
  case StatusCode::ok:
    return "ok";
  case StatusCode::cancelled:
    return "cancelled";
  case StatusCode::unknown:
    return "unknown";
  case StatusCode::invalid_argument:
    return "invalid_argument";
  case StatusCode::not_found:
    return "not_found";
  case StatusCode::already_exists:
    return "already_exists";
  case StatusCode::permission_denied:
    return "permission_denied";
  case StatusCode::resource_exhausted:
    return "resource_exhausted";
  case StatusCode::failed_precondition:
    return "failed_precondition";
  case StatusCode::out_of_range:
    return "out_of_range";
  case StatusCode::unimplemented:
    return "unimplemented";
  case StatusCode::internal:
    return "internal";
  case StatusCode::unavailable:
    return "unavailable";
  case StatusCode::data_loss:
    return "data_loss";
  }
  return "unknown"; // a number of absl::StatusCode that Weft does not use
}

Status::Status(StatusCode code, std::string message) {
  if (code != StatusCode::ok)
    error_ = std::make_shared<const Error>(Error{code, std::move(message)});
}

StatusCode Status::code() const {
  return error_ ? error_->code : StatusCode::ok;
}

std::string_view Status::message() const {
  return error_ ? std::string_view(error_->message) : std::string_view();
}

std::string Status::to_string() const {
  std::string text(name(code()));
  if (!ok())
    text.append(": ").append(message());
  return text;
}

std::ostream &operator<<(std::ostream &os, const Status &status) {
  return os << status.to_string();
}

Status invalid_argument_error(std::string message) {
  return Status(StatusCode::invalid_argument, std::move(message));
}
Status not_found_error(std::string message) {
  return Status(StatusCode::not_found, std::move(message));
}
Status failed_precondition_error(std::string message) {
  return Status(StatusCode::failed_precondition, std::move(message));
}
Status resource_exhausted_error(std::string message) {
  return Status(StatusCode::resource_exhausted, std::move(message));
}
Status unavailable_error(std::string message) {
  return Status(StatusCode::unavailable, std::move(message));
}
Status unimplemented_error(std::string message) {
  return Status(StatusCode::unimplemented, std::move(message));
}
Status data_loss_error(std::string message) {
  return Status(StatusCode::data_loss, std::move(message));
}
Status internal_error(std::string message) {
  return Status(StatusCode::internal, std::move(message));
}

} // namespace weft
