// SPDX-License-Identifier: Apache-2.0
// Affine index arithmetic that knows the range of every loop index.
#pragma once

#include "weft/Target/LoopNest.h"

namespace weft {

/// Builds affine expressions of loop indices, dropping what the ranges of the
/// indices make void: (8 * i + j) floordiv 8 is i for j < 8.
class IndexMath {
public:
  IndexMath(mlir::MLIRContext *context, llvm::ArrayRef<int64_t> sizes)
      : context_(context), sizes_(sizes.begin(), sizes.end()) {}

  mlir::AffineExpr constant(int64_t value) const {
    return mlir::getAffineConstantExpr(value, context_);
  }
  mlir::AffineExpr floorDiv(mlir::AffineExpr expr, int64_t divisor) const;
  mlir::AffineExpr mod(mlir::AffineExpr expr, int64_t divisor) const;
  /// The same expression with like terms merged and void divisions dropped.
  mlir::AffineExpr simplify(mlir::AffineExpr expr) const;
  std::pair<int64_t, int64_t> range(mlir::AffineExpr expr) const {
    return rangeOf(expr, sizes_);
  }

  /// Position in row-major order of `index` in `shape`.
  mlir::AffineExpr linearize(llvm::ArrayRef<mlir::AffineExpr> index,
                             llvm::ArrayRef<int64_t> shape) const;
  /// The index in `to` of the element at `index` of a tensor of shape `from`,
  /// both in row-major order.
  llvm::SmallVector<mlir::AffineExpr>
  reindex(llvm::ArrayRef<mlir::AffineExpr> index, llvm::ArrayRef<int64_t> from,
          llvm::ArrayRef<int64_t> to) const;

private:
  /// The same index between shapes that differ in dims of size 1 alone; zeros
  /// for others.
  llvm::SmallVector<mlir::AffineExpr>
  spread(llvm::ArrayRef<mlir::AffineExpr> index, llvm::ArrayRef<int64_t> from,
         llvm::ArrayRef<int64_t> to) const;
  llvm::SmallVector<mlir::AffineExpr>
  delinearize(mlir::AffineExpr position, llvm::ArrayRef<int64_t> shape) const;

  mlir::MLIRContext *context_;
  llvm::SmallVector<int64_t> sizes_;
};

/// Merges neighbouring loop dims where every access allows it.
void collapseDims(LoopNest &nest, mlir::MLIRContext *context);

} // namespace weft
