// SPDX-License-Identifier: Apache-2.0
// Shapes as text.
#include "weft/Core/Shape.h"

#include <ostream>

namespace weft {

std::string to_string(const Shape &shape) {
  std::string text = "[";
  for (int64_t size : shape) {
    if (text.size() > 1)
      text += ", ";
    text += std::to_string(size);
  }
  if (shape.rank() > Shape::kMaxRank)
    text += ", ..."; // only the first eight are kept
  return text += "]";
}

std::ostream &operator<<(std::ostream &os, const Shape &shape) {
  return os << to_string(shape);
}

} // namespace weft
