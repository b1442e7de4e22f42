// SPDX-License-Identifier: Apache-2.0
// Arithmetic on constants, with the results that the kernels would give: floats
// below 32 bits are folded where the result is exact in their type, because a
// kernel may go on with the unrounded one.
#pragma once

#include "weft/Core/Graph.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"

namespace weft::ir {

/// Constants with more elements are left to the kernels: folding is for the
/// numbers that modules write, not for data.
inline constexpr int64_t kMaxFoldedElements = 64;

/// The elements, if `attribute` is a constant small enough to fold.
mlir::DenseElementsAttr foldable(mlir::Attribute attribute);

/// add, sub, mul or div of two constants; null if they are not folded.
mlir::Attribute foldArithmetic(OpKind kind, mlir::Attribute x,
                               mlir::Attribute y);
/// The same elements in another type; null if they are not folded.
mlir::Attribute foldCast(mlir::Attribute x, mlir::RankedTensorType type);

/// Whether every element of `attribute` is the number `value`; of the zeros
/// only the one with the sign of `value`.
bool isSplatOf(mlir::Attribute attribute, double value);

/// Whether every value of type `from` is a value of type `to`.
bool holdsEvery(mlir::Type to, mlir::Type from);

} // namespace weft::ir
