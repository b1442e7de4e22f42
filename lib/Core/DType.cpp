// SPDX-License-Identifier: Apache-2.0
// What is known of each element type, in one table.
#include "weft/Core/DType.h"

#include <ostream>

namespace weft {
namespace {

enum class Class : uint8_t { floating, integer, boolean };

struct Traits {
  std::string_view name;
  int8_t bytes;
  Class kind;
};

// In the order of the enumerators.
constexpr Traits kTraits[kNumDTypes] = {
    {"float64", 8, Class::floating}, {"float32", 4, Class::floating},
    {"float16", 2, Class::floating}, {"bfloat16", 2, Class::floating},
    {"float8", 1, Class::floating},  {"int64", 8, Class::integer},
    {"int32", 4, Class::integer},    {"int8", 1, Class::integer},
    {"int4", 1, Class::integer},     {"uint8", 1, Class::integer},
    {"bool", 1, Class::boolean},
};

const Traits &traits(DType type) { return kTraits[static_cast<int>(type)]; }

} // namespace

std::string_view name(DType type) { return traits(type).name; }

std::optional<DType> dtype_from_name(std::string_view name) {
  for (int i = 0; i < kNumDTypes; ++i)
    if (kTraits[i].name == name)
      return static_cast<DType>(i);
  return std::nullopt;
}

int64_t size_in_bytes(DType type) { return traits(type).bytes; }

bool is_floating(DType type) { return traits(type).kind == Class::floating; }

bool is_integer(DType type) { return traits(type).kind == Class::integer; }

std::ostream &operator<<(std::ostream &os, DType type) {
  return os << name(type);
}

} // namespace weft
