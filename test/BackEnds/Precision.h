// SPDX-License-Identifier: Apache-2.0
// How finely a type resolves numbers.
#pragma once

#include "weft/Core/DType.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace weft::test {

/// One unit in the last place of the finite number `x` in a floating-point
/// type.
inline double unitInLastPlace(DType dtype, double x) {
  auto [digits, least] = [&]() -> std::pair<int, double> {
    switch (dtype) {
    case DType::float64:
      return {52, std::numeric_limits<double>::denorm_min()};
    case DType::float16:
      return {10, 0x1p-24};
    case DType::bfloat16:
      return {7, 0x1p-133};
    case DType::float8:
      return {3, 0x1p-9};
    default:
      return {23, 0x1p-149};
    }
  }();
  return x == 0 ? least
                : std::max(std::ldexp(1.0, std::ilogb(x) - digits), least);
}

} // namespace weft::test
