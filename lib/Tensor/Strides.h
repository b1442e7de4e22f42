// SPDX-License-Identifier: Apache-2.0
// Memory of the caller's that is not row-major: how far its strides reach.
#pragma once

#include "weft/Core/Shape.h"
#include "weft/Core/Status.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace weft {

/// Where the elements of strided memory lie.
struct StridedMemory {
  bool is_dense = true; // row-major without gaps
  int64_t offset = 0;   // of index 0 from the lowest element
  int64_t elements = 0; // from the lowest to the highest
};

/// `strides` are in elements and row-major if absent; may be 0 or negative.
///
/// Errors, beginning with `op`: a shape that no tensor can have; a wrong number
/// of strides; strides that reach further than memory can.
StatusOr<StridedMemory>
strided_memory(std::string_view op, const Shape &shape,
               const std::optional<std::vector<int64_t>> &strides);

} // namespace weft
