// SPDX-License-Identifier: Apache-2.0
// Narrow floating-point formats by integer arithmetic on the bits of a double:
// one rounding, whatever the host's floating-point unit supports.
#include "weft/Core/Float.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace weft {
namespace {

/// An IEEE-like format: sign, exponent, mantissa from the top bit down.
struct Format {
  int exponent_bits;
  int mantissa_bits;
  uint32_t largest;    // bits of the largest finite value
  uint32_t overflow;   // what lies beyond it: infinity, or NaN if there is none
  uint32_t quiet_bits; // set in every NaN

  constexpr int bias() const { return (1 << (exponent_bits - 1)) - 1; }
  constexpr int sign_shift() const { return exponent_bits + mantissa_bits; }
  constexpr bool has_infinity() const { return overflow != quiet_bits; }
};

constexpr Format kFloat16{5, 10, 0x7bff, 0x7c00, 0x7e00};
constexpr Format kBFloat16{8, 7, 0x7f7f, 0x7f80, 0x7fc0};
constexpr Format kFloat8{4, 3, 0x7e, 0x7f, 0x7f};

constexpr int kDoubleMantissa = 52;
constexpr int kDoubleBias = 1023;
constexpr uint64_t kHiddenBit = uint64_t{1} << kDoubleMantissa;

uint32_t encode(const Format &format, double value) {
  const uint64_t bits = std::bit_cast<uint64_t>(value);
  const uint32_t sign = static_cast<uint32_t>(bits >> 63)
                        << format.sign_shift();
  const uint64_t mantissa = bits & (kHiddenBit - 1);
  if (std::isnan(value)) // keep what fits of the payload, as hardware does
    return sign | format.quiet_bits |
           static_cast<uint32_t>(mantissa >>
                                 (kDoubleMantissa - format.mantissa_bits));
  if (std::isinf(value))
    return sign | format.overflow;

  // Subnormal doubles lie far below half the smallest value of every format.
  const int biased = static_cast<int>(bits >> kDoubleMantissa) & 0x7ff;
  if (biased == 0)
    return sign;

  // Subnormal results lose one more bit for every step below the smallest
  // normal exponent; past all 53 bits and the guard bit nothing is left.
  const int above = biased - kDoubleBias - (1 - format.bias());
  const int shift =
      kDoubleMantissa - format.mantissa_bits + std::max(0, -above);
  if (shift > kDoubleMantissa + 1)
    return sign;
  const uint64_t significand = mantissa | kHiddenBit;
  const uint64_t is_odd = (significand >> shift) & 1;
  const uint64_t rounded =
      (significand + (uint64_t{1} << (shift - 1)) - 1 + is_odd) >> shift;
  // The hidden bit adds one to the exponent, and so does a carry out of the
  // mantissa.
  const uint64_t magnitude =
      (static_cast<uint64_t>(std::max(0, above)) << format.mantissa_bits) +
      rounded;
  if (magnitude > format.largest)
    return sign | format.overflow;
  return sign | static_cast<uint32_t>(magnitude);
}

double decode(const Format &format, uint32_t bits) {
  const uint32_t sign = bits >> format.sign_shift() & 1;
  const uint32_t magnitude = bits & ((1u << format.sign_shift()) - 1);
  const uint32_t mantissa = magnitude & ((1u << format.mantissa_bits) - 1);
  const int exponent = static_cast<int>(magnitude >> format.mantissa_bits);
  if (magnitude > format.largest) {
    bool is_infinite = format.has_infinity() && magnitude == format.overflow;
    uint64_t wide = is_infinite
                        ? 0x7ff0000000000000
                        : 0x7ff8000000000000 |
                              static_cast<uint64_t>(mantissa)
                                  << (kDoubleMantissa - format.mantissa_bits);
    return std::bit_cast<double>(wide | static_cast<uint64_t>(sign) << 63);
  }
  const int scale = 1 - format.bias() - format.mantissa_bits;
  const double value = exponent == 0
                           ? std::ldexp(mantissa, scale)
                           : std::ldexp(mantissa | 1u << format.mantissa_bits,
                                        scale + exponent - 1);
  return sign ? -value : value;
}

template <typename T> T load(const void *data, int64_t index) {
  T value;
  std::memcpy(&value, static_cast<const T *>(data) + index, sizeof(T));
  return value;
}

template <typename T> void store(void *data, int64_t index, T value) {
  std::memcpy(static_cast<T *>(data) + index, &value, sizeof(T));
}

/// The low four bits of `value` as a number from -8 to 7.
int8_t wrap_int4(int64_t value) {
  return static_cast<int8_t>(((value & 15) ^ 8) - 8);
}

/// A double that rounds to every narrower format as `value` itself does: where
/// it does not fit into 53 bits, the lost ones leave a mark in the last bit.
double round_to_odd(int64_t value) {
  constexpr uint64_t kLost = 0x7ff;
  uint64_t magnitude = static_cast<uint64_t>(value);
  if (value < 0)
    magnitude = -magnitude;
  if (magnitude >= kHiddenBit << 1 && (magnitude & kLost))
    magnitude = (magnitude & ~kLost) | (kLost + 1);
  double result = static_cast<double>(magnitude);
  return value < 0 ? -result : result;
}

} // namespace

uint16_t float16_from_double(double value) {
  return static_cast<uint16_t>(encode(kFloat16, value));
}
double float16_to_double(uint16_t bits) { return decode(kFloat16, bits); }

uint16_t bfloat16_from_double(double value) {
  return static_cast<uint16_t>(encode(kBFloat16, value));
}
double bfloat16_to_double(uint16_t bits) { return decode(kBFloat16, bits); }

uint8_t float8_from_double(double value) {
  return static_cast<uint8_t>(encode(kFloat8, value));
}
double float8_to_double(uint8_t bits) { return decode(kFloat8, bits); }

double load_as_double(const void *data, DType type, int64_t index) {
  switch (type) {
  case DType::float64:
    return load<double>(data, index);
  case DType::float32:
    return load<float>(data, index);
  case DType::float16:
    return float16_to_double(load<uint16_t>(data, index));
  case DType::bfloat16:
    return bfloat16_to_double(load<uint16_t>(data, index));
  case DType::float8:
    return float8_to_double(load<uint8_t>(data, index));
  default:
    return static_cast<double>(load_as_int64(data, type, index));
  }
}

int64_t load_as_int64(const void *data, DType type, int64_t index) {
  switch (type) {
  case DType::int64:
    return load<int64_t>(data, index);
  case DType::int32:
    return load<int32_t>(data, index);
  case DType::int8:
    return load<int8_t>(data, index);
  case DType::int4:
    return wrap_int4(load<int8_t>(data, index));
  case DType::uint8:
    return load<uint8_t>(data, index);
  case DType::boolean:
    return load<uint8_t>(data, index) != 0;
  default:
    return Scalar(load_as_double(data, type, index)).to_int64();
  }
}

void store_from_double(void *data, DType type, int64_t index, double value) {
  switch (type) {
  case DType::float64:
    return store(data, index, value);
  case DType::float32:
    return store(data, index, static_cast<float>(value));
  case DType::float16:
    return store(data, index, float16_from_double(value));
  case DType::bfloat16:
    return store(data, index, bfloat16_from_double(value));
  case DType::float8:
    return store(data, index, float8_from_double(value));
  case DType::boolean: // 0.5 is true, and so is NaN
    return store(data, index, static_cast<uint8_t>(value != 0));
  default:
    return store_from_int64(data, type, index, Scalar(value).to_int64());
  }
}

void store_from_int64(void *data, DType type, int64_t index, int64_t value) {
  switch (type) {
  case DType::int64:
    return store(data, index, value);
  case DType::int32:
    return store(data, index, static_cast<int32_t>(value));
  case DType::int8:
    return store(data, index, static_cast<int8_t>(value));
  case DType::int4:
    return store(data, index, wrap_int4(value));
  case DType::uint8:
    return store(data, index, static_cast<uint8_t>(value));
  case DType::boolean:
    return store(data, index, static_cast<uint8_t>(value != 0));
  case DType::float64:
    return store(data, index, static_cast<double>(value));
  default:
    return store_from_double(data, type, index, round_to_odd(value));
  }
}

void store_scalar(void *data, DType type, int64_t index, Scalar value) {
  if (value.kind() == Scalar::Kind::real || value.kind() == Scalar::Kind::large)
    return store_from_double(data, type, index, value.to_double());
  store_from_int64(data, type, index, value.to_int64());
}

} // namespace weft
