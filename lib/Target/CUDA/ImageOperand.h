// SPDX-License-Identifier: Apache-2.0
// How the windows of a convolution of few channels come into shared memory for
// tensor cores.
//
// Where a step from one result to its neighbour along x is eight elements of
// the image, 16 bytes, the windows of neighbours overlap: the pieces of eight
// elements that they begin with lie side by side in a line of the image, and so
// do those that follow. So nothing is gathered. Lines are kept as they are, one
// piece after the other, and an operand of a product is a place in them: of
// eight neighbours, 128 bytes in a row.
//
// The lines lie in a ring. Those of all images are counted through, and line i
// has place i % places(); the next row of results needs a few more. The tensor
// memory accelerator brings them, and zeros for what lies around an image.
//
// An image may lie in memory as planes, one for each channel. Then the lines of
// planes are copied, to another place, and threads put the channels of a pixel
// side by side, with zeros for those that the image does not have.
#pragma once

#include "Contraction.h"
#include "KernelPrinter.h"

#include "weft/Core/TensorMap.h"

#include "llvm/Support/MathExtras.h"

#include <functional>

namespace weft::cuda {

inline constexpr int64_t kImagePiece = 8; // elements
inline constexpr int64_t kImagePieceBytes = 16;

class ImageOperand {
public:
  /// Nothing where the operand is no such convolution.
  static std::optional<ImageOperand> match(const LoopNest &nest,
                                           const ContractionSide &side);

  /// Results along x, and rows of them in all images.
  int64_t width() const { return nest_->sizes[pixels_]; }
  int64_t numRows() const;
  unsigned pixelDim() const { return pixels_; }
  llvm::ArrayRef<unsigned> rowDims() const { return rows_; }

  // Of a window.
  int64_t lines() const { return down_.taps; }
  int64_t pieces() const { return across_.taps; } // in a line
  int64_t pieceStep() const { return across_.step; }

  /// The most pixels that one copy brings a line for, of 128 pieces.
  int64_t mostPixels() const;
  /// Between the lines that `pixels` results are computed from.
  int64_t pitch(int64_t pixels) const {
    return llvm::alignTo(lineBytes(pixels), kBulkAlignment);
  }
  /// Of the ring: the windows of a row and of the next have room in it, also
  /// where they are of two images.
  int64_t places() const { return span() + std::max(span(), rowStep_); }

  bool hasPlanes() const { return planes_.count > 0; }
  /// Of the ring and the lines of planes behind it.
  int64_t bytes(int64_t pixels) const {
    return places() * pitch(pixels) +
           (hasPlanes() ? planesPlaces() * planesPitch(pixels) : 0);
  }

  /// The number of the first line of row `row` of results.
  std::string firstLine(llvm::StringRef row) const;
  /// Where line `tap` of the window whose first line is `first` lies.
  std::string place(llvm::StringRef first, llvm::StringRef tap,
                    int64_t pixels) const;

  /// The map of lines for `pixels` results.
  void declare(KernelPrinter &p, int64_t pixels);
  /// What one thread does: starts the copies of the lines of row `row` that are
  /// not `ready` yet, and sets `ready` to the first line behind them. Their
  /// bytes arrive at `barrier`.
  void copy(KernelPrinter &p, llvm::StringRef row, int64_t pixels,
            llvm::StringRef barrier, const llvm::SmallBitVector &used) const;
  /// What all threads do with lines of planes that have arrived for row `row`:
  /// those that are not in the ring yet come there, and `widened` is set to the
  /// first line behind them. A thread has one piece of a line at most.
  void widen(KernelPrinter &p, llvm::StringRef row, int64_t pixels) const;

private:
  /// A dim of the window, counted in lines or pieces. Position i of the window
  /// is that of the image at scale * i + start.
  struct Axis {
    int64_t taps = 1, step = 1;
    int64_t scale = 1, start = 0, size = 0;
    bool isGuarded = false;

    int64_t reach() const { return (taps - 1) * step; }
  };

  /// Of an image with its channels in planes; else `count` is 0.
  struct Planes {
    int64_t count = 0, stride = 0; // elements between them
  };

  bool matchPlanes();
  bool matchWindow();
  bool matchGuards();
  bool makeMap();
  bool matchGuard(Axis &axis, unsigned own, int64_t ownStep, int tap,
                  const Guard &guard);
  void openLines(KernelPrinter &p, llvm::StringRef row, llvm::StringRef next,
                 const std::function<void()> &prepare) const;
  std::string firstElement() const;
  static constexpr int64_t kBulkAlignment = 128; // in shared memory
  int64_t lineBytes(int64_t pixels) const {
    return (pixels + across_.reach()) * kImagePieceBytes;
  }
  /// The channels of a pixel that a piece has, those of zeros included.
  int64_t channels() const { return kImagePiece / pieceElements_; }
  /// What one plane has of a line, in words: also where it begins within one.
  int64_t planeWords(int64_t pixels) const;
  int64_t planesPitch(int64_t pixels) const;
  /// For the lines of two rows that are not in the ring yet.
  int64_t planesPlaces() const;
  /// Lines from the first to the last of a window, and of all of an image.
  int64_t span() const { return down_.reach() + 1; }
  int64_t linesOfImage() const {
    return (nest_->sizes[rows_.back()] - 1) * rowStep_ + span();
  }

  const LoopNest *nest_ = nullptr;
  const Stmt *load_ = nullptr;
  mlir::AffineExpr at_; // of the first element of a piece
  Planes planes_;
  int64_t pieceElements_ = kImagePiece; // between pieces in memory
  unsigned pixels_ = 0;                 // loop dim
  llvm::SmallVector<unsigned> rows_;  // loop dims; the last counts in an image
  int downTap_ = -1, acrossTap_ = -1; // loop dims; -1: there is none
  Axis down_, across_;
  int64_t rowStep_ = 1;    // lines between rows of results
  int64_t lineStride_ = 0; // elements between lines
  TensorMap map_;
  std::string name_; // of the map
};

} // namespace weft::cuda
