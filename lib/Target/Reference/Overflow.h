// SPDX-License-Identifier: Apache-2.0
// Sums and products whose order decides what comes out.
#pragma once

#include "Evaluate.h"

namespace weft::reference {

/// The elements of a sum, product, matmul, conv or avgpool that a kernel may
/// find infinite, NaN or 0 where the interpreter does not: a part of their
/// terms leaves the range of the type that kernels compute in. Empty if there
/// is none.
std::vector<bool> mayLeaveRange(mlir::Operation *op, Operands operands);

} // namespace weft::reference
