// SPDX-License-Identifier: Apache-2.0
// How tiles of query, key and value come into shared memory for tensor cores.
//
// A tile consists of blocks that are 64 columns wide: lines of 128 bytes with
// their eight 16-byte pieces permuted as MatrixOperand.h describes.
#pragma once

#include "Contraction.h"
#include "KernelPrinter.h"

namespace weft::cuda {

class AttentionOperand {
public:
  /// Lines follow `lineDims`; a line has `width` elements along
  /// `columnDim`. `name` is what lines are called: row or token.
  AttentionOperand(const LoopNest &nest, int stmt,
                   llvm::ArrayRef<unsigned> lineDims, unsigned columnDim,
                   llvm::StringRef name);

  int64_t width() const { return width_; }
  int64_t lines() const { return lines_; } // of the whole operand
  int64_t tileBytes(int64_t lines) const;
  /// Where element `column` (that of the block's 64, `block` of them before) of
  /// line `line` lies in a tile of `lines`.
  std::string place(int64_t lines, const llvm::Twine &block,
                    const llvm::Twine &line, const llvm::Twine &bytes) const;

  /// Starts the copies of `lines` lines from number `first` on to
  /// `destination`; lines behind the last are 0.
  void copy(KernelPrinter &p, llvm::StringRef first, int64_t lines,
            llvm::StringRef destination, int64_t threads,
            const llvm::SmallBitVector &used) const;

private:
  void copyPiece(KernelPrinter &p, llvm::StringRef place,
                 llvm::StringRef inside) const;
  void computeElement(KernelPrinter &p, llvm::StringRef place,
                      llvm::StringRef inside) const;

  const LoopNest &nest_;
  int stmt_;
  llvm::SmallVector<unsigned> lineDims_;
  unsigned columnDim_;
  std::string name_;
  int64_t width_, lines_ = 1;
  int64_t piece_ = 1; // elements that one copy moves; 1: they are computed
};

} // namespace weft::cuda
