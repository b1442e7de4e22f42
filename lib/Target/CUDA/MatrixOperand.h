// SPDX-License-Identifier: Apache-2.0
// How tiles of one operand of a contraction come into shared memory for tensor
// cores.
//
// A tile holds as many steps of k as 128 bytes have elements, 64 of 16 bits or
// 32 of float32. Where neighbouring elements in memory are neighbours along k,
// a line of a tile is a row (or column) of the operand, 128 bytes of it: "along
// k". Where they are neighbours along the operand's own dims, a line is one
// step of k, and a tile consists of blocks that are 128 bytes wide. In both,
// the eight 16-byte pieces of line i are permuted by an exclusive or with i %
// 8, so that the same piece of eight lines lies in different banks; it is the
// layout that wgmma calls 128-byte swizzle.
#pragma once

#include "Contraction.h"
#include "KernelPrinter.h"

namespace weft::cuda {

inline constexpr int64_t kMatrixLineBytes = 128; // of a line of a tile
inline constexpr int64_t kMatrixStepBytes = 32;  // that an instruction reads
// Steps of k in a tile and in an instruction, of 16-bit floats.
inline constexpr int64_t kMatrixDepth = kMatrixLineBytes / 2;
inline constexpr int64_t kMatrixStep = kMatrixStepBytes / 2;

/// Steps of k in a tile of such elements.
inline int64_t matrixDepth(mlir::Type type) {
  return kMatrixLineBytes / storageBytes(type);
}

/// The elements that can be copied at once along `dim`; 1 if there are no
/// aligned neighbours.
int64_t pieceAlong(const LoopNest &nest, const Stmt &load, unsigned dim);

class MatrixOperand {
public:
  /// Nothing where the elements cannot be copied as they lie in memory, in
  /// aligned pieces of two or more.
  static std::optional<MatrixOperand> match(const LoopNest &nest,
                                            const ContractionSide &side);

  const ContractionSide &side() const { return side_; }
  bool isAlongDepth() const { return alongDepth_; }
  int64_t elementBytes() const { return storageBytes(load_->type); }
  /// Steps of k in a tile.
  int64_t tileDepth() const { return matrixDepth(load_->type); }

  /// `name` is what positions are called, `row` or `column`, `tile` the pointer
  /// to the tiles in shared memory.
  void setNames(llvm::StringRef name, llvm::StringRef tile) {
    name_ = name.str();
    tile_ = tile.str();
  }
  const std::string &tile() const { return tile_; }
  int64_t tileBytes(int64_t extent) const { return extent * kMatrixLineBytes; }

  /// Declares what a thread keeps between copies. `extent` is that of a tile
  /// along the operand's own dims, a multiple of 64.
  void declare(KernelPrinter &p, int64_t extent, int64_t threads,
               const llvm::SmallBitVector &used);
  /// Starts the copies of the tile whose first step of k is `depth` to
  /// `destination`.
  void copy(KernelPrinter &p, llvm::StringRef depth,
            llvm::StringRef destination,
            const llvm::SmallBitVector &used) const;

private:
  struct SplitGuard {
    mlir::AffineExpr own, depth; // whose sum lies in [0, size)
    int64_t size;
    std::string name;
  };

  std::string isInside(const KernelPrinter &p, llvm::StringRef index) const;
  void declareOwn(KernelPrinter &p, llvm::StringRef index,
                  const llvm::SmallBitVector &used) const;

  const LoopNest *nest_ = nullptr;
  ContractionSide side_;
  const Stmt *load_ = nullptr;
  bool alongDepth_ = true;
  int64_t piece_ = 8; // elements that one copy moves
  // The load's offset, as what the own dims and what those of k add to it.
  mlir::AffineExpr own_, depth_;
  llvm::SmallVector<SplitGuard> guards_;
  std::string name_, tile_, prefix_;
  int64_t extent_ = 0, threads_ = 0, copies_ = 0;
};

} // namespace weft::cuda
