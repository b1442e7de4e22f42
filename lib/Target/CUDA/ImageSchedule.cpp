// SPDX-License-Identifier: Apache-2.0
// The first convolution of a network for images reads few bytes and writes
// many. Its weights lie in registers and stay there; lines of the image pass
// through shared memory once, where tensor cores read the windows as they lie.
// So the product is turned around: 64 columns of the result times the pixels of
// one row. Four warps make a block, and several blocks share a multiprocessor:
// one multiplies while others finish their results.
//
// A block computes neighbouring rows, one after the other. A thread has the
// sums of two columns and finishes them; the results of a row pass through
// shared memory, so that those that are neighbours in memory are stored
// together. Where max pooling reads them alone, ImagePooling takes the rows
// instead, and blocks share rows of its results: those of the convolution that
// two blocks need are computed by both.
#include "ImageSchedule.h"

#include "ImageOperand.h"
#include "ImagePooling.h"
#include "Lanes.h"
#include "MatrixOperand.h"
#include "MatrixTile.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

namespace {

constexpr int64_t kThreads = 128;
constexpr int64_t kMostColumns = 64; // of a block
/// Below this most of an instruction would be empty.
constexpr int64_t kLeastExtent = 16;

/// How the work is cut.
struct ImageTile {
  int64_t columns = 0; // of the result that are finished
  int64_t pixels = 0;  // of a row
  int64_t pooled = 0;  // results of the pooling that they give
  int64_t blocksDown = 0, blocksAlong = 0, blocksAcross = 0; // rows, pixels...
  // In shared memory, behind the lines; the barriers are last.
  int64_t zerosAt = 0, resultsAt = 0, keptAt = 0, barrierAt = 0;

  int64_t sharedBytes() const { return barrierAt + 16; }
  /// Between the pixels of a tile of results, in elements: eight of them lie in
  /// different banks.
  int64_t pitch() const { return columns + 8; }
  int64_t resultBytes() const { return pixels * pitch() * 2; }
};

/// Of a column's weights in shared memory, every line of the window with an
/// even number of them.
int64_t piecesOfWeights(const ImageOperand &image) {
  return image.lines() * llvm::alignTo(image.pieces(), 2);
}
/// In bytes; eight columns lie in different banks.
int64_t weightsPitch(const ImageOperand &image) {
  return (piecesOfWeights(image) + 1) * kImagePieceBytes;
}

/// A nest that the schedule computes.
struct ImageMatch {
  Contraction contraction;
  ImageOperand image;
  std::optional<ImagePooling> pooling;
  ImageTile tile;
};

class ImageEmitter {
public:
  ImageEmitter(ir::GroupOp group, const LoopNest &nest, ImageMatch match)
      : nest_(nest), p_(group, nest),
        contraction_(std::move(match.contraction)),
        image_(std::move(match.image)), pooling_(match.pooling),
        tile_(match.tile) {}

  CudaKernel emit();

private:
  int64_t pairs() const { return llvm::divideCeil(image_.pieces(), 2); }
  bool hasOddPiece() const { return image_.pieces() % 2 != 0; }

  void printBlock();
  void printShare(StringRef first, StringRef end, int64_t rows);
  void printWeights();
  void printZeros();
  void declareBarriers();
  void printWidening();
  void printProducts();
  void declareResults();
  void printFinish();
  std::string pixelOf(StringRef place) const;
  std::string hasColumns() const;
  void finishPixels();
  void printStores();
  ImagePooling::Places places() const;

  const LoopNest &nest_;
  KernelPrinter p_;
  Contraction contraction_;
  ImageOperand image_;
  std::optional<ImagePooling> pooling_;
  ImageTile tile_;
  llvm::SmallBitVector used_;
  std::string sum_, weights_;
  std::vector<std::string> tiles_; // of results, by store
};

// ---- where a block works ----------------------------------------------------

void ImageEmitter::printBlock() {
  StringRef type = p_.indexType();
  p_.line("const int thread = threadIdx.x;");
  p_.line("const int lane = thread % 32;");
  std::string down = "blockIdx.x";
  auto cut = [&](const Twine &name, int64_t blocks, int64_t size) {
    std::string first = "0";
    if (blocks > 1) {
      std::string count = std::to_string(blocks);
      first = down + " % " + count + " * " + std::to_string(size);
      down += " / " + count;
    }
    p_.line("const " + type + " " + name + " = " + first + ";");
  };
  cut("first_column", tile_.blocksAcross, tile_.columns);
  if (!pooling_) {
    cut("first_pixel", tile_.blocksAlong, tile_.pixels);
    p_.line("const " + type + " block = " + down + ";");
    printShare("first_row", "end_row", image_.numRows());
    return;
  }
  cut("first_across", tile_.blocksAlong, tile_.pooled);
  p_.line("const " + type + " first_pixel = " +
          (tile_.blocksAlong > 1 ? pooling_->firstPixel("first_across") : "0") +
          ";");
  p_.line("const " + type + " block = " + down + ";");
  printShare("first_down", "end_down", pooling_->numRows());
  pooling_->printRows(p_);
}

/// The rows of block `block`; the first few blocks have one more.
void ImageEmitter::printShare(StringRef first, StringRef end, int64_t rows) {
  int64_t least = rows / tile_.blocksDown, more = rows % tile_.blocksDown;
  std::string text = "block * " + std::to_string(least), rest;
  if (more > 0) {
    std::string last = std::to_string(more);
    text += " + (block < " + last + " ? block : " + last + ")";
    rest = " + (block < " + last + ")";
  }
  p_.line("const " + p_.indexType() + " " + first + " = " + text + ";");
  p_.line("const " + p_.indexType() + " " + end + " = " + first + " + " +
          Twine(least) + rest + ";");
}

// ---- products ---------------------------------------------------------------

/// What a thread has of the weights: for every line of the window and every two
/// pieces of it 64 x 16 elements, as the left operand of a product. They pass
/// through shared memory, where results will lie.
void ImageEmitter::printWeights() {
  const Stmt &load = nest_.stmts[contraction_.columns.stmt];
  AffineExpr offset = load.expr;
  for (unsigned dim = nest_.numParallel; dim < nest_.sizes.size(); ++dim)
    offset = offset.replace(getAffineDimExpr(dim, offset.getContext()),
                            getAffineConstantExpr(0, offset.getContext()));
  std::string count = std::to_string(piecesOfWeights(image_)),
              pitch = std::to_string(weightsPitch(image_));
  p_.line("unsigned char *staged = shared + " + Twine(tile_.resultsAt) + ";");
  p_.open("for (int i = thread; i < " + Twine(kMostColumns) + " * " + count +
          "; i += " + Twine(kThreads) + ")");
  p_.line("const int own = i / " + count + ";");
  p_.line("const int place = i % " + count + ";");
  p_.line("const " + p_.indexType() + " column = first_column + own;");
  p_.splitDims("column", contraction_.columns.dims, used_);
  std::string inside, piece = "place";
  int64_t extent = contraction_.columns.extent;
  if (extent % kMostColumns != 0)
    inside = "column < " + std::to_string(extent);
  if (hasOddPiece()) {
    std::string padded = std::to_string(2 * pairs()),
                pieces = std::to_string(image_.pieces());
    inside +=
        (inside.empty() ? "" : " && ") + ("place % " + padded) + " < " + pieces;
    piece =
        "(place / " + padded + " * " + pieces + " + place % " + padded + ")";
  }
  p_.line("weft::copy_async<" + Twine(kImagePieceBytes) + ">(staged + own * " +
          pitch + " + place * " + Twine(kImagePieceBytes) + ", " +
          p_.input(load.input) + " + (" + p_.index(offset) + " + " + piece +
          " * " + Twine(kImagePiece) + "), " +
          (inside.empty() ? "true" : inside) + ");");
  p_.close();
  p_.line("weft::commit_copies();");
  p_.line("weft::wait_for_copies<0>();");
  p_.line("__syncthreads();");
  int64_t steps = image_.lines() * pairs();
  p_.line("unsigned " + weights_ + "[" + Twine(steps) + "][4];");
  p_.openLoop("step", steps, /*unrolled=*/true);
  p_.line("weft::load_matrices(" + weights_ +
          "[step], staged + (thread / 32 * 16 + lane % 16) * " + pitch +
          " + (step * 2 + lane / 16) * " + Twine(kImagePieceBytes) + ");");
  p_.close();
  p_.line("__syncthreads(); // the place of results is free");
}

/// What stands beside the last piece of a line where their number is odd.
void ImageEmitter::printZeros() {
  p_.line("unsigned char *zeros = shared + " + Twine(tile_.zerosAt) + ";");
  p_.open("for (int i = thread; i < " + Twine(tile_.pixels) +
          "; i += " + Twine(kThreads) + ")");
  p_.line("weft::store_vector(reinterpret_cast<unsigned *>(zeros) + i * 4, "
          "weft::Vector<unsigned, 4>{});");
  p_.close();
  p_.line("weft::publish_copies();");
}

/// They count the bytes of the lines that a row waits for; one for every other
/// row, so that none turns over twice before all threads have seen it.
void ImageEmitter::declareBarriers() {
  p_.line("weft::Barrier *full = reinterpret_cast<weft::Barrier *>(shared + " +
          Twine(tile_.barrierAt) + ");");
  p_.open("if (thread == 0)");
  p_.line("weft::init_barrier(full, 1);");
  p_.line("weft::init_barrier(full + 1, 1);");
  p_.line("weft::publish_barriers();");
  p_.close();
  p_.line("__syncthreads();");
}

/// For the lines of a row, or of their planes.
static std::string waitFor(StringRef row) {
  return ("weft::wait_at(full + (" + row + " - first_row) % 2, (" + row +
          " - first_row) / 2 % 2);")
      .str();
}

/// Lines of planes are copied two rows ahead: a row's are widened while the one
/// before it is multiplied.
void ImageEmitter::printWidening() {
  StringRef type = p_.indexType();
  p_.line(type + " widened = 0;");
  p_.open("const auto widen_lines = [&](" + type + " row)");
  p_.line(waitFor("row"));
  image_.widen(p_, "row", tile_.pixels);
  p_.close(";");
  p_.line("widen_lines(first_row);");
  p_.line("__syncthreads();");
  p_.line("if (thread == 0 && first_row + 1 < end_row)");
  p_.line("  copy_lines(first_row + 1);");
}

void ImageEmitter::printProducts() {
  std::string type = storageType(contraction_.type);
  p_.line("const " + p_.indexType() + " first = " + image_.firstLine("row") +
          ";");
  p_.line("float " + sum_ + "[" + Twine(tile_.pixels / 8) + "][4] = {};");
  p_.line("weft::begin_products();");
  p_.openLoop("tap", image_.lines(), /*unrolled=*/true);
  p_.line("const unsigned char *window = shared + " +
          image_.place("first", "tap", tile_.pixels) + ";");
  p_.openLoop("pair", pairs(), true);
  int64_t step = image_.pieceStep() * kImagePieceBytes;
  std::string beside = std::to_string(step);
  p_.line("const unsigned char *pieces = window + pair * " + Twine(2 * step) +
          ";");
  if (hasOddPiece())
    beside = "pair < " + std::to_string(pairs() - 1) + " ? " + beside +
             " : static_cast<int>(zeros - pieces)";
  p_.line("weft::multiply_group_pieces<" + type + ">(" + sum_ + ", " +
          weights_ + "[tap * " + Twine(pairs()) + " + pair], pieces, " +
          beside + ");");
  p_.close();
  p_.close();
  p_.line("weft::commit_products();");
}

// ---- results ----------------------------------------------------------------

/// Two tiles for each store: what one row leaves is stored while threads that
/// are ahead work on the next. Pooling needs one, and has threads wait.
void ImageEmitter::declareResults() {
  std::string at = std::to_string(tile_.resultsAt);
  for (const Store *store : storesOf(nest_)) {
    std::string type = storageType(p_.outputType(store->output));
    tiles_.push_back(p_.fresh(p_.output(store->output) + "_tile"));
    p_.line(type + " *" + tiles_.back() + " = reinterpret_cast<" + type +
            " *>(shared + " + at +
            (pooling_ ? ""
                      : " + (row - first_row) % 2 * " +
                            std::to_string(tile_.resultBytes())) +
            ");");
    at = std::to_string(tile_.resultsAt + static_cast<int64_t>(tiles_.size()) *
                                              2 * tile_.resultBytes());
  }
}

/// `text`, or what lies inside where it does not: there nothing is kept, but
/// operands are loaded.
static std::string clamped(StringRef text, int64_t size, bool mayExceed) {
  if (!mayExceed)
    return text.str();
  return (text + " < " + Twine(size) + " ? " + text + " : " + Twine(size - 1))
      .str();
}

std::string ImageEmitter::pixelOf(StringRef place) const {
  std::string own = ("first_pixel + " + place).str();
  int64_t width = image_.width();
  bool overlaps = pooling_ && tile_.blocksAlong > 1;
  std::string pixel =
      clamped(own, width, overlaps || width % tile_.pixels != 0);
  return overlaps ? own + " < 0 ? 0 : " + pixel : pixel;
}

/// Two neighbouring pixels of a column: what is stored of them, as bits.
void ImageEmitter::finishPixels() {
  SmallVector<const Store *> stores = storesOf(nest_);
  StringRef type = p_.indexType();
  std::vector<std::string> pairs;
  std::vector<int> values;
  for (const Store *store : stores) {
    values.push_back(store->value);
    pairs.push_back(p_.fresh(p_.output(store->output) + "_pair"));
    p_.line("float " + pairs.back() + "[2];");
  }
  p_.openLoop("k", 2, /*unrolled=*/true);
  p_.line("const int place = i * 16 + part / 2 * 8 + lane % 4 * 2 + k;");
  p_.line("const " + type + " pixel = " + pixelOf("place") + ";");
  p_.splitDims("pixel", {image_.pixelDim()}, used_);
  p_.finish(nest_.stages[0].accumulators[0],
            sum_ + "[i * 2 + part / 2][part % 2 * 2 + k]");
  p_.define(closure(nest_, values));
  for (auto [store, pair] : llvm::zip(stores, pairs))
    p_.line(pair + "[k] = " + p_.value(store->value) + ";");
  p_.close();
  for (auto [i, pair] : llvm::enumerate(pairs))
    p_.line(tiles_[i] + "_bits" + (pooling_ ? "[i]" : "") +
            "[part] = weft::pack_halves<" +
            storageType(p_.outputType(stores[i]->output)) + ">(" + pair +
            "[0], " + pair + "[1]);");
}

/// What the group does to the sums; then its results lie in shared memory, the
/// columns of a pixel side by side.
void ImageEmitter::printFinish() {
  StringRef type = p_.indexType();
  p_.splitDims("row", image_.rowDims(), used_);
  if (pooling_)
    p_.line("unsigned " + tiles_[0] + "_bits[" + Twine(tile_.pixels / 16) +
            "][4];");
  if (std::string has = hasColumns(); !has.empty())
    p_.open("if (" + has + ")");
  p_.openLoop("i", tile_.pixels / 16, /*unrolled=*/true);
  if (!pooling_)
    for (const std::string &tile : tiles_)
      p_.line("unsigned " + tile + "_bits[4];");
  p_.openLoop("part", 4, true);
  p_.line("const " + type +
          " own = first_column + thread / 32 * 16 + lane / 4 + part % 2 * 8;");
  p_.line("const " + type + " column = " +
          clamped("own", contraction_.columns.extent,
                  contraction_.columns.extent % tile_.columns != 0) +
          ";");
  p_.splitDims("column", contraction_.columns.dims, used_);
  finishPixels();
  p_.close();
  if (!pooling_)
    for (const std::string &tile : tiles_)
      p_.line("weft::store_transposed_matrices(" + tile +
              " + (i * 16 + lane / 16 * 8 + lane % 8) * " +
              Twine(tile_.pitch()) +
              " + thread / 32 * 16 + lane / 8 % 2 * 8, " + tile + "_bits);");
  p_.close();
  if (!hasColumns().empty())
    p_.close();
  // All have read the lines of the row, and what it leaves of the row before.
  p_.line("__syncthreads();");
}

/// Threads that have columns to finish; empty: all do.
std::string ImageEmitter::hasColumns() const {
  if (tile_.columns == kMostColumns)
    return "";
  return "thread < " + std::to_string(tile_.columns * 2);
}

ImagePooling::Places ImageEmitter::places() const {
  const Store *store = storesOf(nest_).front();
  return {.type = storageType(p_.outputType(store->output)),
          .bits = tiles_[0] + "_bits",
          .tile = tiles_[0],
          .guard = hasColumns(),
          .keptAt = tile_.keptAt,
          .pixels = tile_.pixels,
          .results = tile_.pooled,
          .pitch = tile_.pitch(),
          .columns = tile_.columns,
          .threads = kThreads,
          .extent = contraction_.columns.extent};
}

void ImageEmitter::printStores() {
  unsigned last = nest_.numParallel - 1;
  int64_t lanes = LanePrinter::widest(p_, last, 8),
          across = tile_.columns / lanes, atOnce = kThreads / across;
  StringRef type = p_.indexType();
  p_.line("const int along = thread % " + Twine(across) + " * " + Twine(lanes) +
          ";");
  p_.line("const " + type + " column = first_column + along;");
  p_.splitDims("column", contraction_.columns.dims, used_);
  p_.line("#pragma unroll 4");
  p_.open("for (int i = 0; i < " +
          Twine(llvm::divideCeil(tile_.pixels, atOnce)) + "; ++i)");
  p_.line("const int place = thread / " + Twine(across) + " + i * " +
          Twine(atOnce) + ";");
  p_.line("const " + type + " pixel = first_pixel + place;");
  std::string inside;
  auto need = [&](const Twine &part) {
    inside += (inside.empty() ? "" : " && ") + part.str();
  };
  if (image_.width() % tile_.pixels != 0)
    need("pixel < " + Twine(image_.width()));
  if (tile_.pixels % atOnce != 0)
    need("place < " + Twine(tile_.pixels));
  if (contraction_.columns.extent % tile_.columns != 0)
    need("column < " + Twine(contraction_.columns.extent));
  if (!inside.empty())
    p_.open("if (" + inside + ")");
  p_.splitDims("pixel", {image_.pixelDim()}, used_);
  for (auto [store, tile] : llvm::zip(storesOf(nest_), tiles_))
    p_.line("weft::store_vector(" +
            p_.address(p_.output(store->output), store->offset) +
            ", weft::load_vector<" + Twine(lanes) + ">(" + tile +
            " + place * " + Twine(tile_.pitch()) + " + along));");
  if (!inside.empty())
    p_.close();
  p_.close();
}

// ---- the kernel -------------------------------------------------------------

CudaKernel ImageEmitter::emit() {
  used_ = p_.usedDims();
  for (const char *word :
       {"thread",      "lane",    "block",       "row",       "column",
        "pixel",       "first",   "ready",       "line",      "image",
        "full",        "barrier", "piece",       "tap",       "pair",
        "pieces",      "window",  "zeros",       "shared",    "along",
        "planes",      "place",   "own",         "part",      "end_row",
        "copy_lines",  "staged",  "step",        "first_row", "first_column",
        "first_pixel", "widened", "widen_lines", "from"})
    p_.fresh(word);
  if (pooling_)
    pooling_->reserveNames(p_);
  sum_ = p_.fresh("sum");
  weights_ = p_.fresh("weights");
  StringRef type = p_.indexType();
  p_.line("WEFT_DYNAMIC_SHARED(shared);");
  printBlock();
  image_.declare(p_, tile_.pixels);
  if (hasOddPiece())
    printZeros();
  declareBarriers();
  p_.line("weft::follow_previous();");
  p_.line(type + " ready = 0;");
  p_.open("const auto copy_lines = [&](" + type + " row)");
  p_.line("weft::Barrier *barrier = full + (row - first_row) % 2;");
  image_.copy(p_, "row", tile_.pixels, "barrier", used_);
  p_.close(";");
  p_.line("if (thread == 0)");
  p_.line("  copy_lines(first_row);");
  printWeights();
  if (image_.hasPlanes())
    printWidening();
  if (pooling_) {
    declareResults();
    pooling_->printStart(p_, places());
  }
  p_.line("#pragma unroll 1");
  p_.open("for (" + type + " row = first_row; row < end_row; ++row)");
  if (!pooling_)
    declareResults();
  if (!image_.hasPlanes())
    p_.line(waitFor("row"));
  printProducts();
  // Places that this row does not need: those of the row before it.
  std::string ahead = image_.hasPlanes() ? "row + 2" : "row + 1";
  p_.line("if (thread == 0 && " + ahead + " < end_row)");
  p_.line("  copy_lines(" + ahead + ");");
  if (image_.hasPlanes()) {
    p_.line("if (row + 1 < end_row)");
    p_.line("  widen_lines(row + 1);");
  }
  if (pooling_)
    pooling_->printCompleted(p_);
  p_.line("weft::finish_products(" + sum_ + ");");
  printFinish();
  if (pooling_)
    pooling_->print(p_, places());
  else
    printStores();
  p_.close();
  if (pooling_)
    pooling_->printCompleted(p_);
  CudaKernel kernel = p_.take(
      tile_.blocksDown * tile_.blocksAlong * tile_.blocksAcross, kThreads);
  kernel.sharedBytes = static_cast<uint32_t>(tile_.sharedBytes());
  return kernel;
}

/// Whether the weights of a column lie in a row in memory, in pieces that one
/// copy moves.
bool hasPlainWeights(const LoopNest &nest, const ContractionSide &side) {
  const Stmt &load = nest.stmts[side.stmt];
  return load.kind == Stmt::Kind::load && load.guards.empty() &&
         isLinear(nest, load.expr) &&
         commonStride(nest, load.expr, innerDims(nest)) == 1 &&
         pieceAlong(nest, load, nest.sizes.size() - 1) == kImagePiece;
}

/// Cuts the rows of what is stored among so many blocks that all run at once.
void cutAlong(ImageTile &tile, int64_t most, const ImageOperand &image,
              const ImagePooling *pooling) {
  int64_t width = image.width();
  if (!pooling) {
    tile.blocksAlong = llvm::divideCeil(width, most);
    tile.pixels =
        llvm::alignTo(llvm::divideCeil(width, tile.blocksAlong), kLeastExtent);
    return;
  }
  tile.blocksAlong = 1;
  tile.pooled = pooling->width();
  int64_t pixels = width;
  if (width > most) {
    tile.blocksAlong =
        llvm::divideCeil(pooling->width(), pooling->resultsOf(most));
    tile.pooled = llvm::divideCeil(pooling->width(), tile.blocksAlong);
    pixels = pooling->pixelsOf(tile.pooled);
  }
  tile.pixels = llvm::alignTo(pixels, kLeastExtent);
}

/// Nothing where the weights or the lines do not fit.
std::optional<ImageTile> tileFor(const LoopNest &nest,
                                 const Contraction &contraction,
                                 const ImageOperand &image,
                                 const ImagePooling *pooling,
                                 const MatrixUnits &units) {
  // Of a thread: sums and weights, and what it needs besides.
  constexpr int64_t registers = 128, registersInAll = 65536;
  int64_t others = pooling ? 48 : 40;
  int64_t weights = 4 * image.lines() * llvm::divideCeil(image.pieces(), 2);
  int64_t most = std::min(image.mostPixels(), (registers - weights) * 2) /
                 kLeastExtent * kLeastExtent;
  if (most < kLeastExtent || (pooling && pooling->pixelsOf(1) > most))
    return std::nullopt;
  ImageTile tile;
  int64_t columns = contraction.columns.extent;
  tile.columns =
      std::clamp<int64_t>(static_cast<int64_t>(llvm::PowerOf2Ceil(columns)),
                          kLeastExtent, kMostColumns);
  tile.blocksAcross = llvm::divideCeil(columns, tile.columns);
  cutAlong(tile, most, image, pooling);
  tile.zerosAt = image.bytes(tile.pixels);
  tile.resultsAt =
      tile.zerosAt +
      (image.pieces() % 2 == 0 ? 0 : tile.pixels * kImagePieceBytes);
  tile.keptAt = tile.resultsAt + tile.resultBytes();
  int64_t results =
      pooling ? tile.resultBytes() + pooling->keptBytes(tile.pixels, kThreads)
              : 2 * tile.resultBytes() *
                    static_cast<int64_t>(storesOf(nest).size());
  tile.barrierAt =
      tile.resultsAt + std::max(results, kMostColumns * weightsPitch(image));
  if (tile.sharedBytes() > units.sharedBytes)
    return std::nullopt;
  constexpr int64_t reserved = 1 << 10; // shared memory of every block
  int64_t atOnce = std::min(
      (units.sharedBytes + reserved) / (tile.sharedBytes() + reserved),
      registersInAll / (kThreads * (tile.pixels / 2 + weights + others)));
  tile.blocksDown = std::clamp<int64_t>(
      units.multiprocessors * atOnce / (tile.blocksAlong * tile.blocksAcross),
      1, pooling ? pooling->numRows() : image.numRows());
  return tile;
}

/// Results that pass through shared memory as matrices of 16 bits.
bool storesHalves(const LoopNest &nest, const KernelPrinter &p) {
  return llvm::all_of(storesOf(nest), [&](const Store *store) {
    Type type = p.outputType(store->output);
    return type.isF16() || type.isBF16();
  });
}

std::optional<ImageMatch> match(ir::GroupOp group, const LoopNest &nest,
                                const CudaTarget &target) {
  std::optional<MatrixUnits> units = matrixUnitsOf(target);
  std::optional<Contraction> c = matchContraction(nest);
  if (!units || !units->warpGroups || !c ||
      !(c->type.isF16() || c->type.isBF16()) || c->batches != 1 ||
      c->columns.extent < kLeastExtent || !hasPlainWeights(nest, c->columns) ||
      !storesHalves(nest, KernelPrinter(group, nest)))
    return std::nullopt;
  std::optional<ImageOperand> image = ImageOperand::match(nest, c->rows);
  if (!image || image->width() < kLeastExtent)
    return std::nullopt;
  std::optional<ImagePooling> pooling = ImagePooling::match(nest);
  if (nest.pooling && (!pooling || pooling->pixels() != image->width()))
    return std::nullopt;
  std::optional<ImageTile> tile =
      tileFor(nest, *c, *image, pooling ? &*pooling : nullptr, *units);
  if (!tile)
    return std::nullopt;
  return ImageMatch{std::move(*c), std::move(*image), pooling, *tile};
}

} // namespace

std::optional<CudaKernel> emitImage(ir::GroupOp group, const LoopNest &nest,
                                    const CudaTarget &target) {
  std::optional<ImageMatch> found = match(group, nest, target);
  if (!found)
    return std::nullopt;
  return ImageEmitter(group, nest, std::move(*found)).emit();
}

bool takesImage(ir::GroupOp group, const LoopNest &nest,
                const CudaTarget &target) {
  return match(group, nest, target).has_value();
}

} // namespace weft::cuda
