// SPDX-License-Identifier: Apache-2.0
// The first convolution of a network for images reads few bytes and writes
// many. Its weights lie in registers and stay there; lines of the image pass
// through shared memory once, where tensor cores read the windows as they lie.
// So the product is turned around: 64 columns of the result times the pixels of
// one row. Four warps make a block, and several blocks share a multiprocessor:
// one multiplies while others finish their results.
//
// A block computes neighbouring rows, one after the other. The sums of a row
// pass through shared memory, so that a thread finishes neighbouring columns of
// a pixel.
#include "ImageSchedule.h"

#include "ImageOperand.h"
#include "Lanes.h"
#include "MatrixTile.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

namespace {

constexpr int64_t kThreads = 128;
constexpr int64_t kMostColumns = 64, kMostPixels = 128; // of a block's row
/// Below this most of an instruction would be empty.
constexpr int64_t kLeastExtent = 16;

/// How the work is cut.
struct ImageTile {
  int64_t columns = 0; // of the result that are finished
  int64_t pixels = 0;  // of a row
  int64_t blocksDown = 0, blocksAlong = 0, blocksAcross = 0; // rows, pixels...
  int64_t zerosAt = 0, sumsAt = 0, sharedBytes = 0;

  /// Between the pixels of a tile of sums: what a warp stores at once lies in
  /// different banks.
  int64_t pitch() const { return columns + 4; }
};

class ImageEmitter {
public:
  ImageEmitter(ir::GroupOp group, const LoopNest &nest,
               const Contraction &contraction, const ImageOperand &image,
               const ImageTile &tile)
      : nest_(nest), p_(group, nest), contraction_(contraction), image_(image),
        tile_(tile) {}

  CudaKernel emit();

private:
  int64_t pairs() const { return llvm::divideCeil(image_.pieces(), 2); }
  bool hasOddPiece() const { return image_.pieces() % 2 != 0; }

  void printBlock();
  void printWeights();
  void printZeros();
  void printProducts();
  void printSums();
  void printResults();

  const LoopNest &nest_;
  KernelPrinter p_;
  const Contraction &contraction_;
  const ImageOperand &image_;
  ImageTile tile_;
  llvm::SmallBitVector used_;
  std::string sum_, weights_;
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
  cut("first_pixel", tile_.blocksAlong, tile_.pixels);
  // The first few blocks have a row more.
  int64_t least = image_.numRows() / tile_.blocksDown,
          more = image_.numRows() % tile_.blocksDown;
  std::string firstRow = "block * " + std::to_string(least), rest;
  p_.line("const " + type + " block = " + down + ";");
  if (more > 0) {
    std::string last = std::to_string(more);
    firstRow += " + (block < " + last + " ? block : " + last + ")";
    rest = " + (block < " + last + ")";
  }
  p_.line("const " + type + " first_row = " + firstRow + ";");
  p_.line("const " + type + " end_row = first_row + " + Twine(least) + rest +
          ";");
}

// ---- products ---------------------------------------------------------------

/// What a thread has of the weights: for every line of the window and every two
/// pieces of it 64 x 16 elements, as the left operand of a product.
void ImageEmitter::printWeights() {
  const Stmt &load = nest_.stmts[contraction_.columns.stmt];
  AffineExpr offset = load.expr;
  for (unsigned dim = nest_.numParallel; dim < nest_.sizes.size(); ++dim)
    offset = offset.replace(getAffineDimExpr(dim, offset.getContext()),
                            getAffineConstantExpr(0, offset.getContext()));
  p_.line("unsigned " + weights_ + "[" + Twine(image_.lines() * pairs()) +
          "][4];");
  p_.openLoop("i", 4, /*unrolled=*/true);
  p_.line("const " + p_.indexType() +
          " column = first_column + thread / 32 * 16 + lane / 4 + i % 2 * 8;");
  p_.splitDims("column", contraction_.columns.dims, used_);
  p_.openLoop("tap", image_.lines(), true);
  p_.openLoop("pair", pairs(), true);
  p_.line("const int piece = pair * 2 + i / 2;");
  std::string inside;
  int64_t extent = contraction_.columns.extent;
  if (extent % kMostColumns != 0)
    inside = "column < " + std::to_string(extent);
  if (hasOddPiece())
    inside += (inside.empty() ? "" : " && ") + std::string("piece < ") +
              std::to_string(image_.pieces());
  std::string element = p_.input(load.input) + " + (" + p_.index(offset) +
                        " + (tap * " + std::to_string(image_.pieces()) +
                        " + piece) * " + std::to_string(kImagePiece) +
                        " + lane % 4 * 2)";
  p_.line(weights_ + "[tap * " + Twine(pairs()) + " + pair][i] = " +
          (inside.empty() ? "" : inside + " ? ") + "weft::load_pair(" +
          element + ")" + (inside.empty() ? "" : " : 0u") + ";");
  p_.close();
  p_.close();
  p_.close();
}

/// What stands beside the last piece of a line where their number is odd.
void ImageEmitter::printZeros() {
  p_.line("unsigned char *zeros = shared + " + Twine(tile_.zerosAt) + ";");
  p_.open("for (int i = thread; i < " + Twine(tile_.pixels) +
          "; i += " + Twine(kThreads) + ")");
  p_.line("weft::store_vector(reinterpret_cast<unsigned *>(zeros) + i * 4, "
          "weft::Vector<unsigned, 4>{});");
  p_.close();
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
  p_.line("weft::finish_products(" + sum_ + ");");
}

// ---- results ----------------------------------------------------------------

/// Puts the sums into shared memory, the columns of a pixel side by side.
void ImageEmitter::printSums() {
  if (tile_.columns < kMostColumns)
    p_.open("if (thread < " + Twine(tile_.columns * 2) + ")");
  p_.openLoop("i", tile_.pixels / 8, true);
  p_.openLoop("k", 4, true);
  p_.line("sums[(i * 8 + lane % 4 * 2 + k % 2) * " + Twine(tile_.pitch()) +
          " + thread / 32 * 16 + lane / 4 + k / 2 * 8] = " + sum_ + "[i][k];");
  p_.close();
  p_.close();
  if (tile_.columns < kMostColumns)
    p_.close();
  p_.line("__syncthreads();");
}

void ImageEmitter::printResults() {
  unsigned last = nest_.numParallel - 1;
  // Of four floats, eight threads read 128 bytes in a row.
  LanePrinter vectors(p_, last, LanePrinter::widest(p_, last, 4));
  int64_t across = tile_.columns / vectors.count(), atOnce = kThreads / across;
  StringRef type = p_.indexType();
  p_.line("const int along = thread % " + Twine(across) + " * " +
          Twine(vectors.count()) + ";");
  p_.line("const " + type + " column = first_column + along;");
  p_.splitDims("row", image_.rowDims(), used_);
  p_.splitDims("column", contraction_.columns.dims, used_);
  p_.line("#pragma unroll 4");
  p_.open("for (int turn = 0; turn < " +
          Twine(llvm::divideCeil(tile_.pixels, atOnce)) + "; ++turn)");
  p_.line("const int place = thread / " + Twine(across) + " + turn * " +
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
  p_.line("const auto total = weft::load_vector<" + Twine(vectors.count()) +
          ">(sums + place * " + Twine(tile_.pitch()) + " + along);");
  vectors.storeAll(storesOf(nest_), [&] {
    p_.finish(nest_.stages[0].accumulators[0], "total[k]");
  });
  if (!inside.empty())
    p_.close();
  p_.close();
}

// ---- the kernel -------------------------------------------------------------

CudaKernel ImageEmitter::emit() {
  used_ = p_.usedDims();
  for (const char *word :
       {"thread",      "lane",     "block",   "row",       "column",
        "pixel",       "first",    "ready",   "line",      "image",
        "in_image",    "from",     "to",      "at",        "piece",
        "tap",         "pair",     "pieces",  "window",    "zeros",
        "shared",      "sums",     "total",   "along",     "turn",
        "place",       "next",     "end_row", "first_row", "first_column",
        "first_pixel", "is_inside"})
    p_.fresh(word);
  sum_ = p_.fresh("sum");
  weights_ = p_.fresh("weights");
  StringRef type = p_.indexType();
  p_.line("WEFT_DYNAMIC_SHARED(shared);");
  printBlock();
  p_.line("float *sums = reinterpret_cast<float *>(shared + " +
          Twine(tile_.sumsAt) + ");");
  if (hasOddPiece())
    printZeros();
  p_.line("weft::follow_previous();");
  printWeights();
  p_.line(type + " ready = 0;");
  // While a row is multiplied, the lines of the next are under way.
  p_.line("#pragma unroll 1");
  p_.open("for (" + type + " row = first_row - 1; row < end_row; ++row)");
  p_.line("weft::wait_for_copies<0>();");
  p_.line("weft::publish_copies();");
  p_.line("__syncthreads();");
  p_.line("const " + type + " next = row + 1;");
  p_.open("if (next < end_row)");
  image_.copy(p_, "next", tile_.pixels, kThreads, used_);
  p_.line("weft::commit_copies();");
  p_.close();
  p_.open("if (row >= first_row)");
  printProducts();
  printSums();
  printResults();
  p_.close();
  p_.close();
  CudaKernel kernel = p_.take(
      tile_.blocksDown * tile_.blocksAlong * tile_.blocksAcross, kThreads);
  kernel.sharedBytes = static_cast<uint32_t>(tile_.sharedBytes);
  return kernel;
}

/// Whether the weights of a column lie in a row in memory, in pairs that one
/// access reads.
bool hasPlainWeights(const LoopNest &nest, const ContractionSide &side) {
  const Stmt &load = nest.stmts[side.stmt];
  return load.kind == Stmt::Kind::load && load.guards.empty() &&
         isLinear(nest, load.expr) &&
         commonStride(nest, load.expr, innerDims(nest)) == 1 &&
         isVectorAccess(load.expr, nest.sizes.size() - 1, 2, 2);
}

/// Nothing where the weights or the lines do not fit.
std::optional<ImageTile> tileFor(const Contraction &contraction,
                                 const ImageOperand &image,
                                 const MatrixUnits &units) {
  // Of a thread: sums and weights, and what it needs besides.
  constexpr int64_t registers = 128, others = 56, registersInAll = 65536;
  int64_t weights = 4 * image.lines() * llvm::divideCeil(image.pieces(), 2);
  int64_t most =
      std::min<int64_t>(kMostPixels, (registers - weights) / 8 * kLeastExtent);
  if (most < kLeastExtent)
    return std::nullopt;
  ImageTile tile;
  tile.columns = std::min<int64_t>(
      kMostColumns,
      std::max<int64_t>(kLeastExtent,
                        llvm::PowerOf2Ceil(contraction.columns.extent)));
  tile.blocksAcross =
      llvm::divideCeil(contraction.columns.extent, tile.columns);
  tile.blocksAlong = llvm::divideCeil(image.width(), most);
  tile.pixels = llvm::alignTo(llvm::divideCeil(image.width(), tile.blocksAlong),
                              kLeastExtent);
  tile.zerosAt = image.places() * image.lineBytes(tile.pixels);
  tile.sumsAt =
      tile.zerosAt + (image.pieces() % 2 ? tile.pixels * kImagePieceBytes : 0);
  tile.sharedBytes = tile.sumsAt + tile.pixels * tile.pitch() *
                                       static_cast<int64_t>(sizeof(float));
  if (tile.sharedBytes > units.sharedBytes)
    return std::nullopt;
  constexpr int64_t reserved = 1 << 10; // shared memory of every block
  int64_t blocks =
      units.multiprocessors *
      std::min((units.sharedBytes + reserved) / (tile.sharedBytes + reserved),
               registersInAll /
                   (kThreads * (tile.pixels / 2 + weights + others)));
  tile.blocksDown = std::clamp<int64_t>(
      blocks / (tile.blocksAlong * tile.blocksAcross), 1, image.numRows());
  return tile;
}

} // namespace

std::optional<CudaKernel> emitImage(ir::GroupOp group, const LoopNest &nest,
                                    StringRef arch) {
  std::optional<MatrixUnits> units = matrixUnitsOf(arch);
  std::optional<Contraction> c = matchContraction(nest);
  if (!units || !units->warpGroups || !c ||
      !(c->type.isF16() || c->type.isBF16()) || c->batches != 1 ||
      c->columns.extent < kLeastExtent || !hasPlainWeights(nest, c->columns))
    return std::nullopt;
  std::optional<ImageOperand> image = ImageOperand::match(nest, c->rows);
  if (!image || image->width() < kLeastExtent)
    return std::nullopt;
  std::optional<ImageTile> tile = tileFor(*c, *image, *units);
  if (!tile)
    return std::nullopt;
  return ImageEmitter(group, nest, *c, *image, *tile).emit();
}

} // namespace weft::cuda
