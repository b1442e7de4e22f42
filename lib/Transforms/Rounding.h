// SPDX-License-Identifier: Apache-2.0
// Where narrow floats are rounded, so that a value is the same to all readers
// (docs/decisions/0008-narrow-floats-have-one-value.md).
#pragma once

#include "weft/IR/Dialect.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/DenseSet.h"

namespace weft {

/// Adds weft.reduce_precision to the ops of `body` that `isShared` says, where
/// ops of the body read results that their type may not hold.
void roundShared(mlir::Block &body,
                 llvm::function_ref<bool(mlir::Operation *)> isShared);

} // namespace weft
