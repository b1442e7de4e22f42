// SPDX-License-Identifier: Apache-2.0
// Memory is what such a contraction waits for, so that its elements move once,
// 16 bytes at a time, and by way of nothing else: tensor cores read and leave
// them in registers as memory has them. A warp keeps columns of b and goes over
// rows of a, 16 at a time, on its own.
//
// In a product of 16 x 16 by 16 x 8, lane number q of four has steps 2q, 2q +
// 1, 2q + 8 and 2q + 9 of k and the sums of columns 2q and 2q + 1. Which steps
// and columns these are is free, as long as both operands agree: here a lane
// takes neighbouring ones, a piece of k for two products and eight columns of
// four.
#include "ThinSchedule.h"

#include "Lanes.h"
#include "MatrixOperand.h"
#include "MatrixTile.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

namespace {

constexpr int64_t kThreads = 128;
constexpr int64_t kRows = 16; // of a product
/// Registers for b: as many as leave room for enough warps, and at most.
constexpr int64_t kFewRegisters = 64, kMostRegisters = 96;

class ThinEmitter {
public:
  ThinEmitter(ir::GroupOp group, const LoopNest &nest,
              const Contraction &contraction, const ThinTile &tile,
              int64_t multiprocessors)
      : nest_(nest), p_(group, nest), contraction_(contraction), tile_(tile),
        multiprocessors_(multiprocessors) {}

  CudaKernel emit();

private:
  int64_t rows() const { return contraction_.rows.extent; }
  int64_t rowTiles() const { return llvm::divideCeil(rows(), kRows); }
  int64_t columns() const { return contraction_.columns.extent; }
  int64_t warpsDown() const;
  void printLoad(const ContractionSide &side, StringRef to, StringRef name,
                 int64_t most);
  void printColumns();
  void printRows();
  void printProducts();
  void printResults(LanePrinter &lanes);

  const LoopNest &nest_;
  KernelPrinter p_;
  const Contraction &contraction_;
  const ThinTile &tile_;
  int64_t multiprocessors_;
  llvm::SmallBitVector used_;
  std::string sum_;
};

// ---- choices ----------------------------------------------------------------

std::optional<ThinTile> tileFor(ir::GroupOp group, const LoopNest &nest,
                                const Contraction &contraction) {
  // Below this most of a product would be empty.
  int64_t columns = contraction.columns.extent, depth = nest.numInnerPoints();
  if (contraction.rows.extent < kRows || columns < 8)
    return std::nullopt;
  unsigned deepest = nest.sizes.size() - 1, last = nest.numParallel - 1;
  ThinTile tile;
  tile.piece = depth <= 16 ? 4 : 8;
  for (const ContractionSide *side :
       {&contraction.rows, &contraction.columns}) {
    const Stmt &load = nest.stmts[side->stmt];
    if (load.kind != Stmt::Kind::load || side->dims.empty())
      return std::nullopt;
    tile.piece = std::min(tile.piece, pieceAlong(nest, load, deepest));
  }
  KernelPrinter types(group, nest);
  tile.lanes = LanePrinter::widest(types, last, columns <= 16 ? 4 : 8);
  if (tile.piece < 4 || tile.lanes < 2)
    return std::nullopt;
  tile.pieces = llvm::divideCeil(depth, tile.depth());
  int64_t registers = tile.registersOfGroup(),
          groups = llvm::divideCeil(columns, tile.columns());
  if (registers > kMostRegisters)
    return std::nullopt;
  int64_t most = std::clamp<int64_t>(kFewRegisters / registers, 1, groups);
  tile.parts = llvm::divideCeil(groups, most);
  tile.groups = llvm::divideCeil(groups, tile.parts);
  return tile;
}

/// Warps side by side, each with rows of its own: as many as can run at once,
/// and no more than give all equally much to do.
int64_t ThinEmitter::warpsDown() const {
  constexpr int64_t registers = 65536, lanes = 32, most = 64;
  int64_t perThread =
      48 + tile_.groups * tile_.registersOfGroup() + 8 * tile_.pieces;
  int64_t atOnce = multiprocessors_ *
                   std::min(most, registers / lanes / perThread) / tile_.parts;
  int64_t turns = llvm::divideCeil(rowTiles(), atOnce);
  return llvm::divideCeil(rowTiles(), turns);
}

// ---- operands ---------------------------------------------------------------

/// Loads piece number `piece` of the row or column `name`.
void ThinEmitter::printLoad(const ContractionSide &side, StringRef to,
                            StringRef name, int64_t most) {
  const Stmt &load = nest_.stmts[side.stmt];
  p_.line("const " + p_.indexType() + " depth = piece * " +
          Twine(tile_.depth()) + " + lane % 4 * " + Twine(tile_.piece) + ";");
  p_.splitDims(name, side.dims, used_);
  p_.splitPosition("depth", nest_.numParallel, nest_.innerSizes(), used_);
  std::string inside = p_.condition(load.guards);
  auto need = [&](StringRef index, int64_t size) {
    std::string part = (index + " < " + Twine(size)).str();
    inside = inside == "true" ? part : inside + " && " + part;
  };
  if (side.extent % most != 0)
    need(name, side.extent);
  if (nest_.numInnerPoints() % tile_.depth() != 0)
    need("depth", nest_.numInnerPoints());
  p_.line(to + " = weft::load_words<" + Twine(tile_.words()) + ">(" + inside +
          ", " + p_.address(p_.input(load.input), load.expr) + ");");
}

/// The columns that a warp keeps.
void ThinEmitter::printColumns() {
  p_.line("weft::Vector<unsigned, " + Twine(tile_.words()) + "> b[" +
          Twine(tile_.groups) + "][" + Twine(tile_.pieces) + "][" +
          Twine(tile_.products()) + "];");
  p_.openLoop("group", tile_.groups, /*unrolled=*/true);
  p_.openLoop("piece", tile_.pieces, true);
  p_.openLoop("u", tile_.products(), true);
  p_.line("const " + p_.indexType() + " column = first_column + group * " +
          Twine(tile_.columns()) + " + lane / 8 * " + Twine(tile_.lanes) +
          " + u * 2 + lane / 4 % 2;");
  printLoad(contraction_.columns, "b[group][piece][u]", "column",
            tile_.parts * tile_.groups * tile_.columns());
  for (int loop = 0; loop < 3; ++loop)
    p_.close();
}

void ThinEmitter::printRows() {
  p_.line("weft::Vector<unsigned, " + Twine(tile_.words()) + "> a[" +
          Twine(tile_.pieces) + "][2];");
  p_.openLoop("piece", tile_.pieces, /*unrolled=*/true);
  p_.openLoop("half", 2, true);
  p_.line("const " + p_.indexType() + " row = tile * " + Twine(kRows) +
          " + half * 8 + lane / 4;");
  printLoad(contraction_.rows, "a[piece][half]", "row", kRows);
  p_.close();
  p_.close();
}

// ---- products and results ---------------------------------------------------

void ThinEmitter::printProducts() {
  p_.line("float " + sum_ + "[" + Twine(tile_.products()) + "][4] = {};");
  p_.openLoop("piece", tile_.pieces, /*unrolled=*/true);
  p_.openLoop("step", tile_.words() / 2, true);
  p_.line("const unsigned steps[4] = {a[piece][0][step * 2], a[piece][1][step "
          "* 2], a[piece][0][step * 2 + 1], a[piece][1][step * 2 + 1]};");
  p_.openLoop("u", tile_.products(), true);
  p_.line("weft::multiply_matrices<" + storageType(contraction_.type) + ">(" +
          sum_ +
          "[u], steps, b[group][piece][u][step * 2], b[group][piece][u][step * "
          "2 + 1]);");
  for (int loop = 0; loop < 3; ++loop)
    p_.close();
}

void ThinEmitter::printResults(LanePrinter &lanes) {
  StringRef type = p_.indexType();
  p_.line("const " + type + " column = first_column + group * " +
          Twine(tile_.columns()) + " + lane % 4 * " + Twine(tile_.lanes) + ";");
  std::string inside;
  if (rows() % kRows != 0)
    inside = "row < " + std::to_string(rows());
  if (columns() % (tile_.parts * tile_.groups * tile_.columns()) != 0)
    inside += (inside.empty() ? "column < " : " && column < ") +
              std::to_string(columns());
  auto place = [&] {
    p_.line("const int half = turn + u;");
    p_.line("const " + type + " row = tile * " + Twine(kRows) +
            " + half * 8 + lane / 4;");
    if (!inside.empty())
      p_.open("if (" + inside + ")");
    p_.splitDims("row", contraction_.rows.dims, used_);
    p_.splitDims("column", contraction_.columns.dims, used_);
    return inside.empty() ? 0 : 1;
  };
  SmallVector<const Store *> stores = storesOf(nest_);
  lanes.printTurns(2, stores, place, [&] {
    lanes.storeAll(stores, [&] {
      p_.finish(nest_.stages[0].accumulators[0],
                sum_ + "[k / 2][half * 2 + k % 2]");
    });
  });
}

CudaKernel ThinEmitter::emit() {
  StringRef type = p_.indexType();
  used_ = p_.usedDims();
  for (const char *word :
       {"a", "b", "lane", "warp", "row", "column", "depth", "tile", "group",
        "piece", "step", "steps", "turn", "first_column"})
    p_.fresh(word);
  sum_ = p_.fresh("sum");
  LanePrinter lanes(p_, nest_.numParallel - 1, tile_.lanes);
  int64_t down = warpsDown(), warps = down * tile_.parts;
  int64_t blocks = llvm::divideCeil(warps, kThreads / 32);
  std::string first = "warp", column = "0";
  if (tile_.parts > 1) {
    std::string parts = std::to_string(tile_.parts);
    first += " / " + parts;
    column = "warp % " + parts + " * " +
             std::to_string(tile_.groups * tile_.columns());
  }
  p_.line("const int lane = threadIdx.x % 32;");
  p_.line("const int warp = blockIdx.x * " + Twine(kThreads / 32) +
          " + threadIdx.x / 32;");
  if (warps % (kThreads / 32) != 0) {
    p_.line("if (warp >= " + Twine(warps) + ")");
    p_.line("  return;");
  }
  p_.line("const " + type + " first_column = " + column + ";");
  p_.line("weft::follow_previous();");
  printColumns();
  p_.open("for (" + type + " tile = " + first + "; tile < " +
          Twine(rowTiles()) + "; tile += " + Twine(down) + ")");
  printRows();
  p_.openLoop("group", tile_.groups, /*unrolled=*/true);
  printProducts();
  printResults(lanes);
  p_.close();
  p_.close();
  return p_.take(blocks, kThreads);
}

} // namespace

std::optional<ThinSchedule> ThinSchedule::match(ir::GroupOp group,
                                                const LoopNest &nest,
                                                const CudaTarget &target) {
  std::optional<MatrixUnits> units = matrixUnitsOf(target);
  std::optional<Contraction> c = matchContraction(nest);
  if (!units || !c || !c->batch.empty() ||
      !(c->type.isF16() || c->type.isBF16()))
    return std::nullopt;
  std::optional<ThinTile> tile = tileFor(group, nest, *c);
  if (!tile)
    return std::nullopt;
  return ThinSchedule(group, nest, *std::move(c), *tile,
                      units->multiprocessors);
}

/// Other schedules load b for many rows at once, and rows for many columns:
/// here each part of the columns reads all rows.
bool ThinSchedule::comesFirst() const {
  constexpr int64_t fewWarps = 8, fewParts = 2;
  int64_t rowTiles = llvm::divideCeil(contraction_.rows.extent, kRows);
  return tile_.parts <= fewParts &&
         rowTiles * tile_.parts >= multiprocessors_ * fewWarps;
}

CudaKernel ThinSchedule::emit() const {
  return ThinEmitter(group_, *nest_, contraction_, tile_, multiprocessors_)
      .emit();
}

} // namespace weft::cuda
