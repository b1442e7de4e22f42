// SPDX-License-Identifier: Apache-2.0
// Strides come from callers: they may be anything that fits int64.
#include "Strides.h"

#include "weft/Core/ShapeRules.h"

#include <algorithm>
#include <string>

namespace weft {
namespace {

/// Axes of size 1 are never stepped along, so their stride does not count.
bool is_row_major(const Shape &shape, const std::vector<int64_t> &strides) {
  int64_t dense = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    const int64_t size = shape[static_cast<int>(i)];
    if (size != 1 && strides[i] != dense)
      return false;
    dense *= size;
  }
  return true;
}

/// The lowest and highest element reached from index 0; nothing if they are too
/// far apart.
std::optional<StridedMemory> reach(const Shape &shape,
                                   const std::vector<int64_t> &strides) {
  int64_t low = 0, high = 0;
  for (size_t i = 0; i < strides.size(); ++i) {
    int64_t distance = 0;
    if (__builtin_mul_overflow(shape[static_cast<int>(i)] - 1, strides[i],
                               &distance))
      return std::nullopt;
    int64_t &end = distance < 0 ? low : high;
    if (__builtin_add_overflow(end, distance, &end))
      return std::nullopt;
  }
  int64_t span = 0;
  if (__builtin_sub_overflow(high, low, &span) ||
      span >= shape_rules::kMaxElements)
    return std::nullopt;
  return StridedMemory{false, -low, span + 1};
}

} // namespace

StatusOr<StridedMemory>
strided_memory(std::string_view op, const Shape &shape,
               const std::optional<std::vector<int64_t>> &strides) {
  if (Status status = shape_rules::valid(op, shape); !status.ok())
    return status;
  if (strides && strides->size() != shape.size())
    return invalid_argument_error(
        std::string(op) + ": wrong number of strides: got " +
        std::to_string(strides->size()) + ", shape " + to_string(shape));
  const int64_t count = shape.num_elements();
  if (!strides || count == 0 || is_row_major(shape, *strides))
    return StridedMemory{true, 0, count};
  std::optional<StridedMemory> memory = reach(shape, *strides);
  if (!memory)
    return invalid_argument_error(
        std::string(op) + ": strides reach too far: strides " +
        to_string(Shape(std::span(*strides))) + ", shape " + to_string(shape));
  return *memory;
}

} // namespace weft
