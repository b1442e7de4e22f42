// SPDX-License-Identifier: Apache-2.0
// How index expressions behave along the lanes of a vector: lane l stands for
// the loop index `base + l`, where base is a multiple of the number of lanes.
#pragma once

#include "mlir/IR/AffineExpr.h"

#include <cstdint>
#include <optional>

namespace weft::cpu {

struct Lanes {
  unsigned dim = 0; // the loop dim that lanes run along
  int64_t count = 1;

  /// By how much `expr` grows from lane to lane; nothing if that varies.
  std::optional<int64_t> stride(mlir::AffineExpr expr) const;
  /// Whether lane 0 of `expr` is a multiple of `divisor` everywhere.
  bool isMultiple(mlir::AffineExpr expr, int64_t divisor) const;
};

} // namespace weft::cpu
