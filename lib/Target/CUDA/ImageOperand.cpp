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
static constexpr int64_t kElementBytes = 2;
static constexpr int64_t kWordElements = kWordBytes / kElementBytes;

// ---- matching ---------------------------------------------------------------

static bool isZero(const Stmt &stmt) {
  auto value = dyn_cast_or_null<FloatAttr>(stmt.value);
  return stmt.kind == Stmt::Kind::constant && value &&
         value.getValue().isPosZero();
}

/// The load that gives the elements of `id`, and zeros wherever zeros are
/// chosen around it; null if there is none.
static const Stmt *loadOf(const LoopNest &nest, int id) {
  SmallVector<Guard> chosen;
  while (nest.stmts[id].kind == Stmt::Kind::select &&
         isZero(nest.stmts[nest.stmts[id].operands[1]])) {
    llvm::append_range(chosen, nest.stmts[id].guards);
    id = nest.stmts[id].operands[0];
  }
  const Stmt &load = nest.stmts[id];
  bool isLoad = load.kind == Stmt::Kind::load &&
                llvm::all_of(chosen, [&](const Guard &guard) {
                  return llvm::is_contained(load.guards, guard);
                });
  return isLoad ? &load : nullptr;
}

std::optional<ImageOperand> ImageOperand::match(const LoopNest &nest,
                                                const ContractionSide &side) {
  const Stmt *load = loadOf(nest, side.stmt);
  if (!load || side.dims.size() < 2 || nest.innerSizes().empty())
    return std::nullopt;
  ImageOperand operand;
  operand.nest_ = &nest;
  operand.load_ = load;
  operand.at_ = load->expr;
  operand.pixels_ = side.dims.back();
  operand.rows_.assign(side.dims.begin(), side.dims.end() - 1);
  if ((!isLinear(nest, load->expr) && !operand.matchPlanes()) ||
      !operand.matchWindow() || !operand.matchGuards() || !operand.makeMap())
    return std::nullopt;
  return operand;
}

/// The elements of a piece are those of a few pixels, and of each the channels;
/// those behind the planes are zero.
bool ImageOperand::matchPlanes() {
  unsigned last = nest_->sizes.size() - 1;
  if (nest_->sizes[last] != kImagePiece)
    return false;
  auto with = [&](AffineExpr expr, int64_t element) {
    return expr.replace(getAffineDimExpr(last, expr.getContext()),
                        getAffineConstantExpr(element, expr.getContext()));
  };
  at_ = with(load_->expr, 0);
  if (!isLinear(*nest_, at_))
    return false;
  // Zeros behind the pixels of a line that is a part of a longer one: a copy
  // would bring what lies there.
  for (const Guard &guard : load_->guards)
    if (guard.expr.isFunctionOfDim(last) &&
        !isa<AffineConstantExpr>(with(guard.expr, 0)))
      return false;
  pieceElements_ = *strideOf(at_, pixels_);
  if (pieceElements_ <= 0 || kImagePiece % pieceElements_ != 0)
    return false;
  auto offsetOf = [&](int64_t element) {
    AffineExpr offset = simplifyAffineExpr(with(load_->expr, element) - at_,
                                           nest_->sizes.size(), 0);
    auto constant = dyn_cast<AffineConstantExpr>(offset);
    return constant ? constant.getValue() : -1;
  };
  auto isInside = [&](int64_t element) {
    return llvm::all_of(load_->guards, [&](const Guard &guard) {
      auto place = dyn_cast<AffineConstantExpr>(with(guard.expr, element));
      return !place ||
             (place.getValue() >= guard.low && place.getValue() < guard.high);
    });
  };
  while (planes_.count < channels() && isInside(planes_.count))
    ++planes_.count;
  planes_.stride = planes_.count > 1 ? offsetOf(1) : kImagePiece;
  for (int64_t element = 0; element < kImagePiece; ++element) {
    int64_t channel = element % channels();
    if (isInside(element) != (channel < planes_.count) ||
        (isInside(element) &&
         offsetOf(element) != channel * planes_.stride + element / channels()))
      return false;
  }
  return planes_.count > 0;
}

/// The inner dims are lines and pieces of a window, and elements of a piece;
/// without a guard along x, or with one tap, the last two are one.
bool ImageOperand::matchWindow() {
  auto stride = [&](unsigned dim) { return *strideOf(at_, dim); };
  unsigned row = rows_.back(), last = nest_->sizes.size() - 1;
  if (stride(pixels_) != pieceElements_ || stride(row) <= 0 ||
      (!hasPlanes() &&
       (stride(last) != 1 || pieceAlong(*nest_, *load_, last) != kImagePiece)))
    return false;
  for (unsigned dim = nest_->numParallel; dim < last; ++dim) {
    // A line has at least the pieces that the results begin with.
    bool isDown = stride(dim) >= width() * pieceElements_;
    int &tap = isDown ? downTap_ : acrossTap_;
    if (tap >= 0 || (isDown && acrossTap_ >= 0) || stride(dim) <= 0)
      return false;
    tap = static_cast<int>(dim);
  }
  across_.taps = nest_->sizes[last] / kImagePiece;
  if (acrossTap_ >= 0) {
    if (across_.taps != 1 || stride(acrossTap_) % pieceElements_ != 0)
      return false;
    across_.taps = nest_->sizes[acrossTap_];
    across_.step = stride(acrossTap_) / pieceElements_;
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
  unsigned last = nest_->sizes.size() - 1;
  for (const Guard &guard : load_->guards)
    // matchPlanes() knows those of channels.
    if (!(hasPlanes() && guard.expr.isFunctionOfDim(last)) &&
        !(guard.expr.isFunctionOfDim(pixels_)
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
  constexpr int64_t mostRank = 5;
  constexpr int64_t mostSize = int64_t{1} << 31, mostBytes = int64_t{1} << 40;
  int64_t elements = across_.size * pieceElements_; // of a line
  if (across_.scale != 1 || lineStride_ % down_.scale != 0 ||
      elements % kWordElements != 0)
    return false;
  int64_t stride = lineStride_ / down_.scale;
  map_.argument = static_cast<int32_t>(load_->input);
  map_.dtype = DType::int64;
  map_.offset = (valueAtZero(at_, *nest_) - down_.start * stride -
                 across_.start * pieceElements_) *
                kElementBytes;
  map_.sizes = {elements / kWordElements};
  auto add = [&](int64_t size, int64_t stride) {
    map_.sizes.push_back(size);
    map_.strides.push_back(stride * kElementBytes);
  };
  if (hasPlanes())
    add(planes_.count, planes_.stride);
  add(down_.size, stride);
  for (unsigned dim : llvm::reverse(ArrayRef(rows_).drop_back()))
    add(nest_->sizes[dim], *strideOf(at_, dim));
  return map_.sizes.size() <= mostRank && map_.offset >= 0 &&
         map_.offset % kImagePieceBytes == 0 &&
         llvm::all_of(map_.sizes,
                      [](int64_t size) { return size <= mostSize; }) &&
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
  constexpr int64_t mostWords = 256; // of a box; planes have fewer
  return mostWords / kWords - across_.reach();
}

/// Whole pieces: copies begin at multiples of 16 bytes.
int64_t ImageOperand::planeWords(int64_t pixels) const {
  int64_t elements = (pixels + across_.reach()) * pieceElements_;
  return llvm::divideCeil(elements + kImagePiece - 1, kImagePiece) * kWords;
}

int64_t ImageOperand::planesPitch(int64_t pixels) const {
  return llvm::alignTo(planes_.count * planeWords(pixels) * kWordBytes,
                       kBulkAlignment);
}

int64_t ImageOperand::planesPlaces() const {
  bool hasNext = nest_->sizes[rows_.back()] > 1; // in the same image
  return span() + (hasNext ? rowStep_ : span());
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
  map_.box[0] = static_cast<int32_t>(
      hasPlanes() ? planeWords(pixels) : lineBytes(pixels) / kWordBytes);
  if (hasPlanes())
    map_.box[1] = static_cast<int32_t>(planes_.count);
  name_ = p.addTensorMap("map", map_);
}

/// The lines of row `row` from `next` on, which is set to the end of them.
void ImageOperand::openLines(KernelPrinter &p, StringRef row, StringRef next,
                             const std::function<void()> &prepare) const {
  std::string type = p.indexType().str();
  p.line("const " + type + " first = " + firstLine(row) + ";");
  p.line(type + " line = first < " + next + " ? " + next + " : first;");
  p.line(next + " = first + " + Twine(span()) + ";");
  prepare();
  p.open("for (; line < " + next + "; ++line)");
}

void ImageOperand::copy(KernelPrinter &p, StringRef row, int64_t pixels,
                        StringRef barrier,
                        const llvm::SmallBitVector &used) const {
  std::string type = p.indexType().str();
  auto asInt = [&](const std::string &text) {
    return type == "int" ? text : "static_cast<int>(" + text + ")";
  };
  int64_t bytes = hasPlanes() ? planes_.count * planeWords(pixels) * kWordBytes
                              : lineBytes(pixels);
  openLines(p, row, "ready", [&] {
    p.line("weft::expect_bytes(" + barrier + ", " + asInt("(ready - line)") +
           " * " + Twine(bytes) + ");");
  });
  std::string inImage = "line", images;
  if (rows_.size() > 1) {
    std::string lines = std::to_string(linesOfImage());
    p.line("const " + type + " image = line / " + lines + ";");
    p.splitDims("image", ArrayRef(rows_).drop_back(), used);
    inImage += " % " + lines;
  }
  for (unsigned dim : llvm::reverse(ArrayRef(rows_).drop_back()))
    images += ", " + asInt(p.dims[dim]);
  std::string to = "line % " + std::to_string(places()) + " * " +
                   std::to_string(pitch(pixels)),
              word = plus(times("first_pixel", kWords), across_.start * kWords);
  if (hasPlanes()) {
    to = std::to_string(places() * pitch(pixels)) + " + line % " +
         std::to_string(planesPlaces()) + " * " +
         std::to_string(planesPitch(pixels));
    // Rounded down to a piece, also before the image.
    word = "((" + firstElement() + ") >> " +
           std::to_string(llvm::Log2_64(kImagePiece)) + ") * " +
           std::to_string(kWords);
  }
  p.line("weft::copy_tile(shared + " + to + ", " + name_ + ", {" + asInt(word) +
         (hasPlanes() ? ", 0" : "") + ", " +
         asInt(plus(times(inImage, down_.scale), down_.start)) + images +
         "}, " + barrier + ");");
  p.close();
}

/// The place in a line of the first element that a block's windows have.
std::string ImageOperand::firstElement() const {
  return plus(times("first_pixel", pieceElements_),
              across_.start * pieceElements_);
}

void ImageOperand::widen(KernelPrinter &p, StringRef row,
                         int64_t pixels) const {
  std::string step = std::to_string(pieceElements_),
              count = std::to_string(planes_.count),
              channel = "k % " + std::to_string(channels());
  // Products hide it: more at once would only take registers.
  openLines(p, row, "widened", [&] { p.line("#pragma unroll 1"); });
  p.open("if (thread < " + Twine(pixels + across_.reach()) + ")");
  p.line("const unsigned short *from = reinterpret_cast<const unsigned short "
         "*>(shared + " +
         Twine(places() * pitch(pixels)) + " + line % " +
         Twine(planesPlaces()) + " * " + Twine(planesPitch(pixels)) + ") + ((" +
         firstElement() + ") & " + Twine(kImagePiece - 1) + ") + " +
         times("thread", pieceElements_) + ";");
  p.line("weft::Vector<unsigned short, " + step + "> planes[" + count + "];");
  p.openLoop("k", planes_.count, /*unrolled=*/true);
  p.line("planes[k] = weft::load_vector<" + step + ">(from + k * " +
         Twine(planeWords(pixels) * kWordElements) + ");");
  p.close();
  p.line("weft::Vector<unsigned short, " + Twine(kImagePiece) + "> piece;");
  p.openLoop("k", kImagePiece, true);
  p.line("piece[k] = " +
         (planes_.count == channels() ? ""
                                      : channel + " >= " + count + " ? 0 : ") +
         "planes[" + channel + "][k / " + Twine(channels()) + "];");
  p.close();
  p.line("weft::store_vector(reinterpret_cast<unsigned short *>(shared + line "
         "% " +
         Twine(places()) + " * " + Twine(pitch(pixels)) + " + thread * " +
         Twine(kImagePieceBytes) + "), piece);");
  p.close();
  p.close();
  p.line("weft::publish_copies();");
}

} // namespace weft::cuda
