// SPDX-License-Identifier: Apache-2.0
// Patches of the images that a convolution reads, in shared memory.
//
// Rows of the tiles are positions, counted through all images in a line, as if
// a line of an image had so much padding behind it as it needs, and an image so
// many lines: there the padding before the next one serves as well. Then the
// elements that all windows of a tile read at one tap lie one behind the other,
// and those of another tap are the same ones, shifted: a tile and what its last
// windows reach beyond it is read from memory once, for all taps. The results
// at positions within the padding are not wanted, and not stored.
#pragma once

#include "BulkOperand.h"
#include "MatrixTile.h"

namespace weft::cuda {

class PatchOperand {
public:
  /// For the operand whose dims count the windows. Nothing unless these are
  /// neighbours (stride 1) of several taps.
  static std::optional<PatchOperand> match(const LoopNest &nest,
                                           const BulkOperand &operand);

  /// A dim of the positions.
  struct Axis {
    int dim = -1; // loop dim, or -1
    int64_t windows = 1;
    int64_t size = 1; // with padding; 0: as many as there are (images)
    int64_t pitch = 1;
    std::string first; // what the first position of a tile is called
  };
  /// Innermost first, the images last.
  llvm::ArrayRef<Axis> axes() const { return axes_; }
  const PatchShape &shape() const { return shape_; }
  int64_t taps() const { return taps_; }
  /// Pieces of 64 channels.
  int64_t chunks() const { return shape_.steps / taps_; }

  /// The map of patches of so many lines.
  void declare(KernelPrinter &p, int64_t lines, llvm::StringRef name);
  /// Declares where the tile at first_row starts, by axis.
  void locate(KernelPrinter &p) const;
  /// Starts the copy of a patch of chunk `chunk` of the channels.
  void copy(KernelPrinter &p, llvm::StringRef chunk,
            llvm::StringRef destination, llvm::StringRef barrier) const;
  /// By how many lines of a patch the elements of tap `tap` lie behind those of
  /// the first one.
  std::string shift(llvm::StringRef tap) const;
  /// The step of k of a chunk and a tap.
  std::string depth(llvm::StringRef chunk, llvm::StringRef tap) const;

private:
  struct Tap {
    int64_t count, lines; // of a patch, between taps
  };

  TensorMap map_;
  llvm::SmallVector<Axis> axes_;
  llvm::SmallVector<Tap> tapDims_; // outermost first
  PatchShape shape_;
  int64_t taps_ = 1;
  std::string name_;
};

} // namespace weft::cuda
