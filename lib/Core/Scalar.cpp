// SPDX-License-Identifier: Apache-2.0
// Numbers beside tensors: conversions that never leave the target's range.
#include "weft/Core/Scalar.h"

#include <cmath>
#include <limits>

namespace weft {

int64_t Scalar::to_int64() const {
  if (kind_ == Kind::large)
    return std::numeric_limits<int64_t>::max();
  if (kind_ != Kind::real)
    return integer_;
  if (std::isnan(real_))
    return 0;
  // 2^63 is the first double that does not fit.
  if (real_ >= 0x1p63)
    return std::numeric_limits<int64_t>::max();
  if (real_ < -0x1p63)
    return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(real_);
}

DType default_dtype(Scalar value) {
  switch (value.kind()) {
  case Scalar::Kind::truth:
    return boolean;
  case Scalar::Kind::real:
    return float32;
  case Scalar::Kind::integer:
  case Scalar::Kind::large:
    break;
  }
  int64_t integer = value.to_int64();
  return integer == static_cast<int32_t>(integer) ? int32 : int64;
}

} // namespace weft
