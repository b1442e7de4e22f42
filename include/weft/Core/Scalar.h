// SPDX-License-Identifier: Apache-2.0
// A C++ number beside a tensor: `x * 2`, `full({3}, 0.5)`.
#pragma once

#include "weft/Core/DType.h"

#include <concepts>
#include <cstdint>

namespace weft {

/// A bool, an integer or a real number, converted to the type of the tensor it
/// meets: an integer fits every type, a real number only floating-point types,
/// a bool every type.
class Scalar {
public:
  enum class Kind : uint8_t { boolean, integer, real };

  Scalar() : Scalar(0) {}
  Scalar(bool value) : kind_(Kind::boolean), integer_(value) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Scalar(T value)
      : kind_(Kind::integer), integer_(static_cast<int64_t>(value)) {}
  template <std::floating_point T>
  Scalar(T value) : kind_(Kind::real), real_(static_cast<double>(value)) {}

  Kind kind() const { return kind_; }
  double to_double() const {
    return kind_ == Kind::real ? real_ : static_cast<double>(integer_);
  }
  /// Truncates a real number towards zero, saturating.
  int64_t to_int64() const;

  friend bool operator==(const Scalar &a, const Scalar &b) {
    return a.kind_ == b.kind_ && a.integer_ == b.integer_; // bits, for NaN
  }

private:
  Kind kind_;
  union {
    int64_t integer_;
    double real_;
  };
};

/// The type a tensor made from this scalar alone has: bool, int32 (int64 where
/// it does not fit), float32.
DType default_dtype(Scalar value);

} // namespace weft
