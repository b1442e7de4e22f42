// SPDX-License-Identifier: Apache-2.0
// What a pass leaves behind that nobody needs.
#pragma once

#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/STLExtras.h"

namespace weft {

/// Erases the ops of `block` that nobody needs, users before what they used.
inline void eraseDeadOps(mlir::Block &block) {
  for (mlir::Operation &op : llvm::make_early_inc_range(llvm::reverse(block)))
    if (mlir::isOpTriviallyDead(&op))
      op.erase();
}

} // namespace weft
