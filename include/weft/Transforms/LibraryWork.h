// SPDX-License-Identifier: Apache-2.0
// Which work a library does better than a kernel of Weft's own: one rule for
// the passes and for the plan.
#pragma once

#include "mlir/IR/Operation.h"
#include "llvm/Support/CommandLine.h"

namespace weft {

/// What the library at hand multiplies: nothing, float32, or bfloat16 as well.
enum class Library { none, float32, bfloat16 };

/// Its values as they are written on a command line.
llvm::cl::ValuesClass libraryNames();

/// Whether `op` is a convolution or product of operands of one type, which the
/// library multiplies.
bool isMultipliedBy(Library library, mlir::Operation *op);

/// Whether it is so large that the library gains more than it costs: at least 8
/// million multiply-adds for one image or matrix, with each weight used by 16
/// of its rows or more. Measured: below that, one fused kernel is as fast as a
/// primitive and the kernel behind it; a product of few rows waits for its
/// weights, whoever computes it.
bool gainsFromLibrary(Library library, mlir::Operation *op);

/// Whether the library computes `op`: products that gain, and convolutions that
/// weft-assign-layout has prepared for it. That takes all of a graph if one of
/// them gains, since they share a layout.
bool isLibraryWork(Library library, mlir::Operation *op);

/// Whether threads compute `split`, all that depends on the batch, faster if
/// each computes a part of the batch than if they share every op: if the
/// library is asked for one at all, and for each that it would compute whole;
/// if few weights are read again for each part with fewer than 48 rows to use
/// them for; and if `whole`, which each part computes again, is little work.
bool gainsFromParts(Library library, llvm::ArrayRef<mlir::Operation *> split,
                    llvm::ArrayRef<mlir::Operation *> whole, int64_t parts);

} // namespace weft
