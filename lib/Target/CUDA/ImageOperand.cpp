// SPDX-License-Identifier: Apache-2.0
#include "ImageOperand.h"

#include "MatrixOperand.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

// ---- matching ---------------------------------------------------------------

std::optional<ImageOperand> ImageOperand::match(const LoopNest &nest,
                                                const ContractionSide &side) {
  const Stmt &load = nest.stmts[side.stmt];
  if (load.kind != Stmt::Kind::load || side.dims.size() < 2 ||
      nest.innerSizes().empty() || !isLinear(nest, load.expr))
    return std::nullopt;
  ImageOperand operand;
  operand.nest_ = &nest;
  operand.load_ = &load;
  operand.pixels_ = side.dims.back();
  operand.rows_.assign(side.dims.begin(), side.dims.end() - 1);
  if (!operand.matchWindow() || !operand.matchGuards())
    return std::nullopt;
  return operand;
}

/// The inner dims are lines and pieces of a window, and elements of a piece;
/// without a guard along x, or with one tap, the last two are one.
bool ImageOperand::matchWindow() {
  auto stride = [&](unsigned dim) { return *strideOf(load_->expr, dim); };
  unsigned row = rows_.back(), last = nest_->sizes.size() - 1;
  if (stride(pixels_) != kImagePiece || stride(row) <= 0 || stride(last) != 1 ||
      pieceAlong(*nest_, *load_, last) != kImagePiece)
    return false;
  for (unsigned dim = nest_->numParallel; dim < last; ++dim) {
    // A line has at least the pieces that the results begin with.
    bool isDown = stride(dim) >= width() * kImagePiece;
    int &tap = isDown ? downTap_ : acrossTap_;
    if (tap >= 0 || (isDown && acrossTap_ >= 0) || stride(dim) <= 0)
      return false;
    tap = static_cast<int>(dim);
  }
  across_.taps = nest_->sizes[last] / kImagePiece;
  if (acrossTap_ >= 0) {
    if (across_.taps != 1 || stride(acrossTap_) % kImagePiece != 0)
      return false;
    across_.taps = nest_->sizes[acrossTap_];
    across_.step = stride(acrossTap_) / kImagePiece;
  }
  lineStride_ = stride(row);
  if (downTap_ >= 0) {
    lineStride_ = std::gcd(lineStride_, stride(downTap_));
    down_.taps = nest_->sizes[downTap_];
    down_.step = stride(downTap_) / lineStride_;
  }
  rowStep_ = stride(row) / lineStride_;
  return true;
}

bool ImageOperand::matchGuards() {
  for (const Guard &guard : load_->guards)
    if (!(guard.expr.isFunctionOfDim(pixels_)
              ? matchGuard(across_, pixels_, 1, acrossTap_, guard)
              : matchGuard(down_, rows_.back(), rowStep_, downTap_, guard)))
      return false;
  return true;
}

/// `guard` must be of the position along one axis, which `own` and `tap` add up
/// to, and of nothing else.
bool ImageOperand::matchGuard(Axis &axis, unsigned own, int64_t ownStep,
                              int tap, const Guard &guard) {
  if (axis.isGuarded || !isLinear(*nest_, guard.expr))
    return false;
  axis.isGuarded = true;
  axis.scale = *strideOf(guard.expr, own) / ownStep;
  axis.start = valueAtZero(guard.expr, *nest_) - guard.low;
  axis.size = guard.high - guard.low;
  for (unsigned dim = 0; dim < nest_->sizes.size(); ++dim) {
    int64_t steps = dim == own                     ? ownStep
                    : static_cast<int>(dim) == tap ? axis.step
                                                   : 0;
    if (*strideOf(guard.expr, dim) != axis.scale * steps)
      return false;
  }
  return true;
}

int64_t ImageOperand::numRows() const {
  int64_t rows = 1;
  for (unsigned dim : rows_)
    rows *= nest_->sizes[dim];
  return rows;
}

// ---- text -------------------------------------------------------------------

static std::string times(StringRef text, int64_t factor) {
  return factor == 1 ? text.str() : (text + " * " + Twine(factor)).str();
}

static std::string plus(StringRef text, int64_t number) {
  if (number == 0)
    return text.str();
  return (text + (number < 0 ? " - " : " + ") + Twine(std::abs(number))).str();
}

std::string ImageOperand::Axis::isInside(StringRef position,
                                         StringRef indexType) const {
  StringRef type = indexType == "int" ? "unsigned" : "unsigned long long";
  return ("static_cast<" + type + ">(" + plus(times(position, scale), start) +
          ") < " + Twine(size))
      .str();
}

std::string ImageOperand::firstLine(StringRef row) const {
  std::string rows = std::to_string(nest_->sizes[rows_.back()]);
  if (rows_.size() == 1)
    return times(row, rowStep_);
  return times((row + " / " + rows).str(), linesOfImage()) + " + " +
         times((row + " % " + rows).str(), rowStep_);
}

std::string ImageOperand::place(StringRef first, StringRef tap,
                                int64_t pixels) const {
  return ("(" + first + " + " + times(tap, down_.step) + ") % " +
          Twine(places()) + " * " + Twine(lineBytes(pixels)))
      .str();
}

void ImageOperand::copy(KernelPrinter &p, StringRef row, int64_t pixels,
                        int64_t threads,
                        const llvm::SmallBitVector &used) const {
  std::string type = p.indexType().str();
  bool isOne = rows_.size() == 1; // image
  p.line("const " + type + " first = " + firstLine(row) + ";");
  p.line("#pragma unroll 1");
  p.open("for (" + type +
         " line = first < ready ? ready : first; line < first "
         "+ " +
         Twine(span()) + "; ++line)");
  if (!isOne) {
    std::string lines = std::to_string(linesOfImage());
    p.line("const " + type + " image = line / " + lines + ";");
    p.splitDims("image", ArrayRef(rows_).drop_back(), used);
    p.line("const " + type + " in_image = line % " + lines + ";");
  }
  StringRef line = isOne ? "line" : "in_image";
  // The load's offset at its first pixel, row and tap.
  AffineExpr offset = load_->expr;
  for (unsigned dim = 0; dim < nest_->sizes.size(); ++dim)
    if (!llvm::is_contained(ArrayRef(rows_).drop_back(), dim))
      offset = offset.replace(getAffineDimExpr(dim, offset.getContext()),
                              getAffineConstantExpr(0, offset.getContext()));
  p.line("const " + type + " from = " + p.index(offset) + " + " +
         times(line, lineStride_) + ";");
  std::string inside;
  auto need = [&](const Twine &part) {
    inside += (inside.empty() ? "" : " && ") + part.str();
  };
  if (down_.isGuarded) {
    p.line("const bool is_inside = " + down_.isInside(line, type) + ";");
    need("is_inside");
  }
  if (across_.isGuarded)
    need(across_.isInside("at", type));
  else if (width() % pixels != 0)
    need("at < " + Twine(width() + across_.reach()));
  p.line("unsigned char *to = shared + line % " + Twine(places()) + " * " +
         Twine(lineBytes(pixels)) + ";");
  p.open("for (int piece = thread; piece < " + Twine(pixels + across_.reach()) +
         "; piece += " + Twine(threads) + ")");
  p.line("const " + type + " at = first_pixel + piece;");
  p.line("weft::copy_async<" + Twine(kImagePieceBytes) + ">(to + piece * " +
         Twine(kImagePieceBytes) + ", " + p.input(load_->input) +
         " + (from + at * " + Twine(kImagePiece) + "), " +
         (inside.empty() ? "true" : inside) + ");");
  p.close();
  p.close();
  p.line("ready = first + " + Twine(span()) + ";");
}

} // namespace weft::cuda
