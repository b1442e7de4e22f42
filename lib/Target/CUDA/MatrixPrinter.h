// SPDX-License-Identifier: Apache-2.0
// What the schedules for tensor cores print alike: where a block works, and
// products of tiles that lie in shared memory.
#pragma once

#include "BulkOperand.h"
#include "KernelPrinter.h"
#include "MatrixOperand.h"
#include "MatrixTile.h"

#include "llvm/Support/MathExtras.h"

namespace weft::cuda {

class MatrixPrinter {
protected:
  /// Of each operand, whether a line of its tile runs along k.
  MatrixPrinter(ir::GroupOp group, const LoopNest &nest,
                const Contraction &contraction, bool rowsAlongDepth,
                bool columnsAlongDepth, const MatrixTile &tile);

  int64_t tilesDown() const {
    return llvm::divideCeil(contraction_.rows.extent, tile_.rows);
  }
  int64_t tilesAcross() const {
    return llvm::divideCeil(contraction_.columns.extent, tile_.columns);
  }
  /// Tiles of the result.
  int64_t tilesInAll() const {
    return tilesDown() * tilesAcross() * contraction_.batches;
  }
  int64_t stageBytes() const {
    return (tile_.rows + tile_.columns) * kMatrixLineBytes;
  }
  // Of the sums that a thread holds: sum[down][across][4].
  int64_t sumsDown() const {
    return tile_.warpGroups ? tile_.rows / (16 * tile_.warpsDown)
                            : tile_.warpRows() / 16;
  }
  int64_t sumsAcross() const { return tile_.warpColumns() / 8; }
  bool isTf32() const { return contraction_.type.isF32(); }
  std::string elementType() const { return storageType(contraction_.type); }

  /// Declares the position of tile `block` of the result.
  void locate(const llvm::SmallBitVector &used);
  /// Declares where the sums of this warp lie in the tile; `thread` is counted
  /// among those that share it.
  void locateWarp(llvm::StringRef thread);
  /// Of the thread that starts bulk copies, for its `turn`th stage: declares
  /// its `place` in the ring, once that is free, and says how many bytes come.
  void claimPlace(llvm::StringRef turn, llvm::StringRef bytes);
  /// Starts the copies of both operands for the step of k with number `step`.
  /// Where the columns of a stage stay the same, for all tiles of a block, they
  /// are copied once.
  void printBulkCopies(const BulkOperand &rows, const BulkOperand &columns,
                       llvm::StringRef turn, llvm::StringRef step,
                       const llvm::SmallBitVector &used,
                       bool columnsStay = false);
  /// Declares where the operands of a step lie: at stage `place`.
  void declareTiles(llvm::StringRef place);
  /// Loads 16 lines of 32 bytes along k a time of the operand at `tile`, as the
  /// lanes of a warp need them: the first at `own`.
  void printFragments(llvm::StringRef tile, bool isAlongDepth, bool isRows,
                      llvm::StringRef name, int64_t count, llvm::StringRef own);
  /// Starts the products of a step by warp groups.
  void printGroupProducts();
  /// Until those of the step before are done.
  void waitForStepBefore();
  /// Until all products of the tile are done.
  void printFinish();

  void printTf32Products();

  const LoopNest &nest_;
  KernelPrinter p_;
  const Contraction &contraction_;
  bool rowsAlongDepth_, columnsAlongDepth_;
  MatrixTile tile_;
  int64_t tiles_; // of k
  std::string sum_;
};

} // namespace weft::cuda
