// SPDX-License-Identifier: Apache-2.0
// Checks of constructor arguments. What fails becomes a failed parameter, which
// the first call reports.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Status.h"

#include <cmath>
#include <string>

namespace weft::nn::arguments {

inline Status at_least_one(const char *module, const char *what,
                           int64_t value) {
  if (value >= 1)
    return {};
  return invalid_argument_error(std::string(module) + ": " + what +
                                " below 1: got " + std::to_string(value));
}

inline Status floating(const char *module, DType dtype) {
  if (is_floating(dtype))
    return {};
  return invalid_argument_error(std::string(module) +
                                ": needs a floating-point type: got " +
                                std::string(name(dtype)));
}

inline Status multiple(const char *module, const char *what, int64_t value,
                       int64_t groups) {
  if (groups >= 1 && value % groups == 0)
    return {};
  return invalid_argument_error(
      std::string(module) + ": " + what + " is not a multiple of groups: got " +
      std::to_string(value) + " and " + std::to_string(groups));
}

} // namespace weft::nn::arguments
