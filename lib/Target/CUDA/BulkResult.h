// SPDX-License-Identifier: Apache-2.0
// Tiles of a result, or of what is read where the result is written, moved
// between memory and shared memory by the tensor memory accelerator.
#pragma once

#include "Contraction.h"
#include "KernelPrinter.h"
#include "PatchOperand.h"

#include "weft/Core/TensorMap.h"

namespace weft::cuda {

/// In shared memory a tile consists of blocks of 64 columns, whose lines are
/// rows, 128 bytes each, permuted as those of operands.
class BulkResult {
public:
  /// For the elements of 16 bits at `expr` of the kernel's parameter
  /// `argument`. Nothing where neighbouring columns are not neighbours in
  /// memory, or rows do not step evenly.
  static std::optional<BulkResult>
  match(const LoopNest &nest, const Contraction &contraction, unsigned argument,
        mlir::AffineExpr expr, mlir::Type type);

  /// The same where rows are the positions of patches: `locate` of these says
  /// where a tile starts. Such tiles are only loaded: the accelerator stores
  /// none that reach into the padding.
  static std::optional<BulkResult>
  match(const LoopNest &nest, const Contraction &contraction, unsigned argument,
        mlir::AffineExpr expr, mlir::Type type, const PatchOperand &patch);

  /// The map of blocks of `rows` rows, and its name among the parameters.
  void declare(KernelPrinter &p, int64_t rows, llvm::StringRef name);
  /// Starts the copy of the tile at first_column, first_row to `place`; its
  /// bytes arrive at `barrier`.
  void load(KernelPrinter &p, int64_t columns, llvm::StringRef place,
            llvm::StringRef barrier) const;
  /// The other way; elements outside of the tensor are left out.
  void store(KernelPrinter &p, int64_t columns, llvm::StringRef place) const;

  /// Where elements `column` and the next of line `line` lie in a tile.
  static std::string placeOf(int64_t rows, llvm::StringRef line,
                             llvm::StringRef column);
  /// Where a thread's pair of columns `j * 8` lies in a tile, `down` lines
  /// below the thread's first, a multiple of eight: `own` is where its first
  /// one does. Eight places are enough to reach all of them by constants.
  static std::string place(int64_t rows, llvm::StringRef own,
                           llvm::StringRef down);

private:
  static std::optional<BulkResult>
  start(const LoopNest &nest, const Contraction &contraction, unsigned argument,
        mlir::AffineExpr expr, mlir::Type type);
  std::string position(const KernelPrinter &p) const;

  TensorMap map_;
  llvm::SmallVector<std::string> first_; // of the rows of a tile
  llvm::SmallVector<unsigned> batch_; // loop dims of the outer dims of the map
  int64_t rows_ = 0;
  std::string name_;
};

} // namespace weft::cuda
