// SPDX-License-Identifier: Apache-2.0
#include "ImageOperand.h"

#include "MatrixOperand.h"

#include "llvm/ADT/STLExtras.h"

#include <numeric>

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

/// In which a copy counts along x: a box has at most 256 of them.
static constexpr int64_t kWordBytes = 8;
static constexpr int64_t kWords = kImagePieceBytes / kWordBytes; // of a piece

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
  if (!operand.matchWindow() || !operand.matchGuards() || !operand.makeMap())
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
  down_.size = linesOfImage();
  across_.size = width() + across_.reach();
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

/// Of words of 8 bytes along x, which a line has fewer of than elements.
bool ImageOperand::makeMap() {
  constexpr int64_t elementBytes = 2, mostRank = 5;
  constexpr int64_t mostWords = int64_t{1} << 31, mostBytes = int64_t{1} << 40;
  if (across_.scale != 1 || lineStride_ % down_.scale != 0 ||
      rows_.size() + 1 > mostRank)
    return false;
  int64_t stride = lineStride_ / down_.scale;
  map_.argument = static_cast<int32_t>(load_->input);
  map_.dtype = DType::int64;
  map_.offset = (valueAtZero(load_->expr, *nest_) - down_.start * stride -
                 across_.start * kImagePiece) *
                elementBytes;
  map_.sizes = {across_.size * kWords, down_.size};
  map_.strides = {stride * elementBytes};
  for (unsigned dim : llvm::reverse(ArrayRef(rows_).drop_back())) {
    map_.sizes.push_back(nest_->sizes[dim]);
    map_.strides.push_back(*strideOf(load_->expr, dim) * elementBytes);
  }
  return map_.offset >= 0 && map_.offset % kImagePieceBytes == 0 &&
         llvm::all_of(map_.sizes,
                      [](int64_t size) { return size <= mostWords; }) &&
         llvm::all_of(map_.strides, [](int64_t stride) {
           return stride > 0 && stride % kImagePieceBytes == 0 &&
                  stride < mostBytes;
         });
}

int64_t ImageOperand::numRows() const {
  int64_t rows = 1;
  for (unsigned dim : rows_)
    rows *= nest_->sizes[dim];
  return rows;
}

int64_t ImageOperand::mostPixels() const {
  constexpr int64_t mostWords = 256; // of a box
  return mostWords / kWords - across_.reach();
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
          Twine(places()) + " * " + Twine(pitch(pixels)))
      .str();
}

void ImageOperand::declare(KernelPrinter &p, int64_t pixels) {
  map_.box.assign(map_.sizes.size(), 1);
  map_.box[0] = static_cast<int32_t>(lineBytes(pixels) / kWordBytes);
  name_ = p.addTensorMap("map", map_);
}

void ImageOperand::copy(KernelPrinter &p, StringRef row, int64_t pixels,
                        StringRef barrier,
                        const llvm::SmallBitVector &used) const {
  std::string type = p.indexType().str(),
              behind = "first + " + std::to_string(span());
  auto asInt = [&](const std::string &text) {
    return type == "int" ? text : "static_cast<int>(" + text + ")";
  };
  p.line("const " + type + " first = " + firstLine(row) + ";");
  p.line(type + " line = first < ready ? ready : first;");
  p.line("ready = " + behind + ";");
  p.line("weft::expect_bytes(" + barrier + ", " + asInt("(ready - line)") +
         " * " + Twine(lineBytes(pixels)) + ");");
  p.open("for (; line < ready; ++line)");
  std::string inImage = "line", images;
  if (rows_.size() > 1) {
    std::string lines = std::to_string(linesOfImage());
    p.line("const " + type + " image = line / " + lines + ";");
    p.splitDims("image", ArrayRef(rows_).drop_back(), used);
    inImage += " % " + lines;
  }
  for (unsigned dim : llvm::reverse(ArrayRef(rows_).drop_back()))
    images += ", " + asInt(p.dims[dim]);
  p.line("weft::copy_tile(shared + line % " + Twine(places()) + " * " +
         Twine(pitch(pixels)) + ", " + name_ + ", {" +
         asInt(plus(times("first_pixel", kWords), across_.start * kWords)) +
         ", " + asInt(plus(times(inImage, down_.scale), down_.start)) + images +
         "}, " + barrier + ");");
  p.close();
}

} // namespace weft::cuda
