// SPDX-License-Identifier: Apache-2.0
// Max pooling of a convolution's results before they reach memory.
//
// A block has the results of one row after the other. Each thread keeps, for
// every window down that is not complete, the largest of the elements that it
// had in the window's rows; the last row completes them. Then they lie side by
// side in shared memory, where windows across are formed and stored.
#pragma once

#include "KernelPrinter.h"

namespace weft::cuda {

class ImagePooling {
public:
  /// The pooling behind the nest, where it is that of images with channels last
  /// whose windows all begin and end near the image.
  static std::optional<ImagePooling> match(const LoopNest &nest);

  // Of the convolution, in a row and of one image; of the pooling, in a row and
  // of all images.
  int64_t pixels() const { return across_.size; }
  int64_t rows() const { return down_.size; }
  int64_t width() const { return across_.results; }
  int64_t numRows() const { return images_ * down_.results; }

  /// Pixels that neighbouring results are computed from, and results that so
  /// many pixels are enough for; at least one.
  int64_t pixelsOf(int64_t results) const {
    return (results - 1) * across_.step + across_.taps;
  }
  int64_t resultsOf(int64_t pixels) const {
    return (pixels - across_.taps) / across_.step + 1;
  }

  /// What all threads keep between two rows of `pixels` pixels.
  int64_t keptBytes(int64_t pixels, int64_t threads) const {
    return windowsKept() * (pixels / 16) * kPartBytes * threads;
  }

  /// Where a kernel has what pooling needs.
  struct Places {
    std::string type;  // of the results' elements
    std::string bits;  // of the row: [pixels / 16][4] registers
    std::string tile;  // of elements in shared memory, [pixels][pitch]
    std::string guard; // of threads that have elements of it; empty: all do
    int64_t keptAt = 0;
    int64_t pixels = 0, results = 0, pitch = 0, columns = 0, threads = 0;
    int64_t extent = 0; // of all columns
  };

  /// No value gets the name of what is printed here.
  void reserveNames(KernelPrinter &p) const;
  /// The first pixel of the first result `across`.
  std::string firstPixel(llvm::StringRef across) const;
  /// The first row of the convolution that rows of results from `first_down` on
  /// need, and the end of those before `end_down`.
  void printRows(KernelPrinter &p) const;
  /// Before the loop over rows.
  void printStart(KernelPrinter &p, const Places &places) const;
  /// Takes the results of row `row`, which all threads have, and leaves in the
  /// tile what they complete.
  void print(KernelPrinter &p, const Places &places) const;
  /// Stores that: while the next row is multiplied, and behind the last.
  void printCompleted(KernelPrinter &p) const { p.line("store_completed();"); }

private:
  struct Axis {
    int64_t size = 1, results = 1, taps = 1, step = 1, before = 0;
    bool exceeds = false; // the last window reaches beyond the image
  };
  static constexpr int64_t kPartBytes = 16; // four registers

  /// Windows down that have begun and go on behind a row.
  int64_t windowsKept() const;
  void printRow(KernelPrinter &p, const Places &places) const;
  void printParts(KernelPrinter &p, const Places &places, bool begins,
                  bool ends) const;
  void printStores(KernelPrinter &p, const Places &places) const;

  int64_t images_ = 1;
  Axis down_, across_;
};

} // namespace weft::cuda
