// SPDX-License-Identifier: Apache-2.0
// The element types of tensors.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string_view>

namespace weft {

/// The type of a tensor's elements.
///
///   float8   E4M3 without infinities (largest value 448), one byte
///   int4     -8 ... 7; one byte an element in memory, two a byte in files
///   boolean  one byte, 0 or 1; prints as `bool`
enum class DType : uint8_t {
  float64,
  float32,
  float16,
  bfloat16,
  float8,
  int64,
  int32,
  int8,
  int4,
  uint8,
  boolean,
};

inline constexpr int kNumDTypes = 11;

inline constexpr DType float64 = DType::float64;
inline constexpr DType float32 = DType::float32;
inline constexpr DType float16 = DType::float16;
inline constexpr DType bfloat16 = DType::bfloat16;
inline constexpr DType float8 = DType::float8;
inline constexpr DType int64 = DType::int64;
inline constexpr DType int32 = DType::int32;
inline constexpr DType int8 = DType::int8;
inline constexpr DType int4 = DType::int4;
inline constexpr DType uint8 = DType::uint8;
inline constexpr DType boolean = DType::boolean;

/// `float32`, `bool`, ...: the name nvtripy and PyTorch print.
std::string_view name(DType type);

/// The type whose `name` this is; nothing for an unknown name.
std::optional<DType> dtype_from_name(std::string_view name);

/// Bytes one element takes in memory.
int64_t size_in_bytes(DType type);

bool is_floating(DType type);
/// int64, int32, int8, int4 and uint8; not bool.
bool is_integer(DType type);

std::ostream &operator<<(std::ostream &os, DType type);

/// The DType of a C++ type: `dtype_of<float>() == float32`.
template <typename T> constexpr DType dtype_of() = delete;
template <> constexpr DType dtype_of<double>() { return float64; }
template <> constexpr DType dtype_of<float>() { return float32; }
template <> constexpr DType dtype_of<int64_t>() { return int64; }
template <> constexpr DType dtype_of<long long>() { return int64; }
template <> constexpr DType dtype_of<int32_t>() { return int32; }
template <> constexpr DType dtype_of<int8_t>() { return int8; }
template <> constexpr DType dtype_of<uint8_t>() { return uint8; }
template <> constexpr DType dtype_of<bool>() { return boolean; }

} // namespace weft
