// SPDX-License-Identifier: Apache-2.0
// A C++ number beside a tensor: `x * 2`, `full({3}, 0.5)`.
#pragma once

#include "weft/Core/DType.h"

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace weft {

/// A bool, an integer or a real number, converted to the type of the tensor it
/// meets: an integer fits every type, a real number only floating-point types,
/// a bool every type. Of the unsigned integers those above int64's largest are
/// integers that fit floating-point types alone.
///
///   full({2}, 18446744073709551615u, int64)
///   // error: full: number does not fit int64: got 18446744073709551615
class Scalar {
public:
  /// `large`: an integer above int64's largest.
  enum class Kind : uint8_t { truth, integer, real, large };

  Scalar() : Scalar(0) {}
  Scalar(bool value) : kind_(Kind::truth), integer_(value) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Scalar(T value)
      : kind_(std::is_unsigned_v<T> && static_cast<int64_t>(value) < 0
                  ? Kind::large
                  : Kind::integer),
        integer_(static_cast<int64_t>(value)) {}
  template <std::floating_point T>
  Scalar(T value) : kind_(Kind::real), real_(static_cast<double>(value)) {}

  Kind kind() const { return kind_; }
  double to_double() const {
    if (kind_ == Kind::large)
      return static_cast<double>(to_uint64());
    return kind_ == Kind::real ? real_ : static_cast<double>(integer_);
  }
  /// Of an integer that is not negative.
  uint64_t to_uint64() const { return static_cast<uint64_t>(integer_); }
  /// Truncates a real number towards zero; saturates.
  int64_t to_int64() const;

  friend bool operator==(const Scalar &a, const Scalar &b) {
    return a.kind_ == b.kind_ && a.integer_ == b.integer_; // bits, for NaN
  }

private:
  Kind kind_;
  union {
    int64_t integer_; // of `large` the bits of a uint64_t
    double real_;
  };
};

/// The type a tensor made from this scalar alone has: bool, int32 (int64 where
/// it does not fit int32), float32.
DType default_dtype(Scalar value);

} // namespace weft
