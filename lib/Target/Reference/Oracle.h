// SPDX-License-Identifier: Apache-2.0
// The scalar functions that the oracle column of Ops.td is written in, for
// double and for int64_t. Narrower integers are wrapped by the caller, so here
// all that matters is the low 64 bits of a result.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>

namespace weft::ir::oracle {

inline uint64_t bits(int64_t x) { return static_cast<uint64_t>(x); }
inline int64_t fromBits(uint64_t x) { return static_cast<int64_t>(x); }

inline double neg(double x) { return -x; }
inline int64_t neg(int64_t x) { return fromBits(0 - bits(x)); }

inline double abs(double x) { return std::fabs(x); }
inline int64_t abs(int64_t x) { return x < 0 ? neg(x) : x; }

inline double add(double x, double y) { return x + y; }
inline int64_t add(int64_t x, int64_t y) { return fromBits(bits(x) + bits(y)); }

inline double sub(double x, double y) { return x - y; }
inline int64_t sub(int64_t x, int64_t y) { return fromBits(bits(x) - bits(y)); }

inline double mul(double x, double y) { return x * y; }
inline int64_t mul(int64_t x, int64_t y) { return fromBits(bits(x) * bits(y)); }

inline double div(double x, double y) { return x / y; }
inline int64_t div(int64_t x, int64_t y) {
  if (y == 0)
    return 0;
  return y == -1 ? neg(x) : x / y; // the smallest integer over -1 wraps
}

/// As Python and PyTorch divide: from the remainder, because x / y may round up
/// to an integer. Infinity has no quotient (NaN), anything over 0 is x / 0.
inline double floorDiv(double x, double y) {
  double rest = std::fmod(x, y); // exact, with the sign of x
  if (y == 0 || std::isnan(rest))
    return y == 0 ? x / y : rest;
  // For an infinite y the difference is 0.
  double quotient = std::nearbyint((x - rest) / y);
  if (rest != 0 && (rest < 0) != (y < 0))
    return quotient - 1;
  return std::copysign(quotient, x / y);
}
inline int64_t floorDiv(int64_t x, int64_t y) {
  int64_t quotient = div(x, y);
  bool isExact = mul(quotient, y) == x;
  return y != 0 && !isExact && (x < 0) != (y < 0) ? quotient - 1 : quotient;
}

/// Has the sign of y, also where it is 0 (as in Python).
inline double mod(double x, double y) {
  double rest = std::fmod(x, y);
  if (rest != 0)
    return (rest < 0) != (y < 0) ? rest + y : rest;
  return std::copysign(0.0, y);
}
inline int64_t mod(int64_t x, int64_t y) {
  return sub(x, mul(floorDiv(x, y), y));
}

inline double pow(double x, double y) { return std::pow(x, y); }
/// x^y for y < 0 is 1 / x^-y towards 0, and 1 / 0 is 0.
inline int64_t pow(int64_t x, int64_t y) {
  if (y < 0)
    return x == 1 ? 1 : x == -1 ? (y % 2 ? -1 : 1) : 0;
  int64_t result = 1;
  for (; y > 0; y /= 2, x = mul(x, x))
    if (y % 2)
      result = mul(result, x);
  return result;
}

/// NaN wins, and so does +0 over -0.
inline double maximum(double x, double y) {
  if (std::isnan(x) || std::isnan(y))
    return std::numeric_limits<double>::quiet_NaN();
  if (x == y)
    return std::signbit(x) ? y : x;
  return x > y ? x : y;
}
inline int64_t maximum(int64_t x, int64_t y) { return x > y ? x : y; }

inline double minimum(double x, double y) { return -maximum(-x, -y); }
inline int64_t minimum(int64_t x, int64_t y) { return x < y ? x : y; }

} // namespace weft::ir::oracle
