// SPDX-License-Identifier: Apache-2.0
// How tiles of one operand of a contraction come into shared memory by the
// tensor memory accelerator. They lie there as MatrixOperand.h says.
#pragma once

#include "Contraction.h"
#include "KernelPrinter.h"

#include "weft/Core/TensorMap.h"

namespace weft::cuda {

/// Whether the driver takes the map.
bool isSupported(const TensorMap &map);

class BulkOperand {
public:
  /// Nothing where the elements do not lie as the accelerator reads them: along
  /// k or along the operand's own dims, or around the pixels of a convolution
  /// with channels last; in lines that start at multiples of 16 bytes.
  static std::optional<BulkOperand> match(const LoopNest &nest,
                                          const ContractionSide &side,
                                          const Contraction &contraction);

  /// A spatial dim of a window.
  struct Axis {
    int dim = -1;         // loop dim of its positions; -1: there is one
    int tap = -1;         // loop dim of its taps; -1: there is one
    int64_t dilation = 0; // between taps
  };

  bool isAlongDepth() const { return form_ != Form::blocks; }
  bool isWindow() const { return form_ == Form::window; }
  const TensorMap &map() const { return map_; }
  // Of windows.
  llvm::ArrayRef<Axis> axes() const { return axes_; } // innermost first
  int images() const { return images_; } // loop dim; -1: there is one

  /// The map of a tile of `extent` lines, and its name among the parameters.
  void declare(KernelPrinter &p, int64_t extent, llvm::StringRef name,
               llvm::StringRef position);
  /// Declares where the lines of this block start.
  void locate(KernelPrinter &p, const llvm::SmallBitVector &used) const;
  /// Starts the copies of the tile whose first step of k is `depth`.
  void copy(KernelPrinter &p, llvm::StringRef depth,
            llvm::StringRef destination, llvm::StringRef barrier,
            const llvm::SmallBitVector &used) const;

private:
  enum class Form {
    lines,  // (k, own dims, batch dims)
    blocks, // (own dims, k, batch dims)
    window, // (channels, pixels, images)
  };

  bool matchPlain(const LoopNest &nest, int64_t ownStride, int64_t depthStride,
                  const Contraction &contraction);
  bool matchWindow(const LoopNest &nest, const Contraction &contraction);
  bool reachesTaps() const;
  void copyWindow(KernelPrinter &p, llvm::StringRef depth,
                  llvm::StringRef destination, llvm::StringRef barrier,
                  const llvm::SmallBitVector &used) const;

  ContractionSide side_;
  const Stmt *load_ = nullptr;
  const LoopNest *nest_ = nullptr;
  Form form_ = Form::lines;
  TensorMap map_;
  llvm::SmallVector<unsigned> batch_; // loop dims of the outer dims of the map
  llvm::SmallVector<Axis> axes_;
  int images_ = -1;
  int64_t extent_ = 0;
  std::string name_, position_;
};

} // namespace weft::cuda
