// SPDX-License-Identifier: Apache-2.0
// How tiles of one operand of a contraction come into shared memory by the
// tensor memory accelerator. They lie there as MatrixOperand.h says.
#pragma once

#include "Contraction.h"
#include "KernelPrinter.h"
#include "MatrixOperand.h"

#include "weft/Core/TensorMap.h"

namespace weft::cuda {

/// Whether the driver takes the map.
bool isSupported(const TensorMap &map);

/// The elements of one tensor: for all steps of k, or for some of them.
class BulkPart {
public:
  /// Nothing where the elements do not lie as the accelerator reads them: along
  /// k or along the operand's own dims, or around the pixels of a convolution
  /// with channels last; in lines that start at multiples of 16 bytes. `guards`
  /// are those of `load` that do not tell parts apart, [begin, end) is what the
  /// innermost dim of k runs through.
  static std::optional<BulkPart>
  match(const LoopNest &nest, const ContractionSide &side,
        const Contraction &contraction, const Stmt &load,
        llvm::ArrayRef<Guard> guards, int64_t begin, int64_t end);

  /// A spatial dim of a window.
  struct Axis {
    int dim = -1;         // loop dim of its positions; -1: there is one
    int tap = -1;         // loop dim of its taps; -1: there is one
    int64_t dilation = 0; // between taps
  };

  bool isAlongDepth() const { return form_ != Form::blocks; }
  bool isWindow() const { return form_ == Form::window; }
  int64_t begin() const { return begin_; }
  int64_t end() const { return end_; }
  const TensorMap &map() const { return map_; }
  // Of windows.
  llvm::ArrayRef<Axis> axes() const { return axes_; } // innermost first
  int images() const { return images_; } // loop dim; -1: there is one

  void declare(KernelPrinter &p, int64_t extent, llvm::StringRef name);
  void copy(KernelPrinter &p, llvm::StringRef position, llvm::StringRef depth,
            llvm::StringRef destination, llvm::StringRef barrier,
            const llvm::SmallBitVector &used) const;

private:
  enum class Form {
    lines,  // (k, own dims, batch dims)
    blocks, // (own dims, k, batch dims)
    window, // (channels, pixels, images)
  };

  int64_t elementBytes() const { return size_in_bytes(map_.dtype); }
  /// Steps of k in a tile.
  int64_t tileDepth() const { return kMatrixLineBytes / elementBytes(); }
  bool matchPlain(int64_t ownStride, int64_t depthStride,
                  const Contraction &contraction);
  bool matchWindow(const Contraction &contraction,
                   llvm::ArrayRef<Guard> guards);
  bool reachesTaps() const;
  void copyWindow(KernelPrinter &p, llvm::StringRef depth,
                  llvm::StringRef destination, llvm::StringRef barrier,
                  const llvm::SmallBitVector &used) const;

  ContractionSide side_;
  const Stmt *load_ = nullptr;
  const LoopNest *nest_ = nullptr;
  int64_t begin_ = 0, end_ = 0;
  Form form_ = Form::lines;
  TensorMap map_;
  llvm::SmallVector<unsigned> batch_; // loop dims of the outer dims of the map
  llvm::SmallVector<Axis> axes_;
  int images_ = -1;
  int64_t extent_ = 0;
  std::string name_;
};

class BulkOperand {
public:
  /// Of one tensor, or of several that lie one after the other along k, each of
  /// a multiple of the steps of a tile. Nothing where one of them lies
  /// otherwise than the accelerator reads it, or they do not all run along k.
  static std::optional<BulkOperand> match(const LoopNest &nest,
                                          const ContractionSide &side,
                                          const Contraction &contraction);

  bool isAlongDepth() const { return parts_[0].isAlongDepth(); }
  /// The operand, if it is one window; else null.
  const BulkPart *window() const {
    return parts_.size() == 1 && parts_[0].isWindow() ? &parts_[0] : nullptr;
  }

  /// The maps of a tile of `extent` lines, and their name among the parameters.
  void declare(KernelPrinter &p, int64_t extent, llvm::StringRef name,
               llvm::StringRef position);
  /// Declares where the lines of this block start.
  void locate(KernelPrinter &p, const llvm::SmallBitVector &used) const;
  /// Starts the copies of the tile whose first step of k is `depth`.
  void copy(KernelPrinter &p, llvm::StringRef depth,
            llvm::StringRef destination, llvm::StringRef barrier,
            const llvm::SmallBitVector &used) const;

private:
  ContractionSide side_;
  llvm::SmallVector<BulkPart, 1> parts_; // along k
  std::string position_;
};

} // namespace weft::cuda
