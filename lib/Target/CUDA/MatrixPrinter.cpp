// SPDX-License-Identifier: Apache-2.0
#include "MatrixPrinter.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

MatrixPrinter::MatrixPrinter(ir::GroupOp group, const LoopNest &nest,
                             const Contraction &contraction,
                             bool rowsAlongDepth, bool columnsAlongDepth,
                             const MatrixTile &tile)
    : nest_(nest), p_(group, nest), contraction_(contraction),
      rowsAlongDepth_(rowsAlongDepth), columnsAlongDepth_(columnsAlongDepth),
      tile_(tile), tiles_(llvm::divideCeil(nest.numInnerPoints(),
                                           matrixDepth(contraction.type))) {
  for (const char *word :
       {"row",          "column",   "a",           "b",       "thread",
        "block",        "part",     "batch",       "lane",    "first_row",
        "first_column", "warp_row", "warp_column", "tile",    "tiles",
        "next",         "stage",    "shared",      "depth",   "step",
        "line",         "sums",     "along",       "turn",    "total",
        "more",         "other",    "a_tile",      "b_tile",  "full",
        "empty",        "place",    "team",        "number",  "results",
        "result",       "free",     "written",     "later",   "first",
        "own",          "down",     "patch",       "tap",     "chunk",
        "weights",      "kept",     "first_x",     "first_y", "first_z",
        "first_image"})
    p_.fresh(word);
  sum_ = p_.fresh("sum");
}

void MatrixPrinter::locate(const llvm::SmallBitVector &used) {
  StringRef type = p_.indexType();
  int64_t across = tilesAcross(), down = tilesDown();
  std::string column = "0", row = "block";
  if (across > 1) {
    column = "block % " + std::to_string(across);
    row += " / " + std::to_string(across);
  }
  if (contraction_.batches > 1)
    row += " % " + std::to_string(down);
  p_.line("const " + type + " first_column = " + column + " * " +
          Twine(tile_.columns) + ";");
  p_.line("const " + type + " first_row = " + row + " * " + Twine(tile_.rows) +
          ";");
  if (contraction_.batches > 1)
    p_.line("const " + type + " batch = block / " + Twine(across * down) + ";");
  p_.splitDims(contraction_.batches > 1 ? "batch" : "0", contraction_.batch,
               used);
}

void MatrixPrinter::locateWarp(StringRef thread) {
  int64_t warps = tile_.warpGroups ? 4 : 1; // that work on the same rows
  p_.line("const int warp_row = " + thread + " / " +
          Twine(32 * warps * tile_.warpsAcross) + " * " +
          Twine(tile_.warpRows() * warps) + ";");
  p_.line("const int warp_column = " +
          (tile_.warpsAcross > 1
               ? (thread + " / 32 % ").str() +
                     std::to_string(tile_.warpsAcross) + " * " +
                     std::to_string(tile_.warpColumns())
               : std::string("0")) +
          ";");
}

void MatrixPrinter::claimPlace(StringRef turn, StringRef bytes) {
  std::string stages = std::to_string(tile_.stages);
  p_.line("const int place = " + turn + " % " + stages + ";");
  p_.open("if (" + turn + " >= " + stages + ")");
  p_.line("weft::wait_at(empty + place, (" + turn + " / " + stages +
          " + 1) % 2);");
  p_.close();
  p_.line("weft::expect_bytes(full + place, " + bytes + ");");
}

void MatrixPrinter::printBulkCopies(const BulkOperand &rows,
                                    const BulkOperand &columns, StringRef turn,
                                    StringRef step,
                                    const llvm::SmallBitVector &used,
                                    bool columnsStay) {
  int64_t rowBytes = tile_.rows * kMatrixLineBytes;
  std::string isNew = (turn + " < " + Twine(tile_.stages)).str(),
              bytes = std::to_string(stageBytes());
  // The tiles of a block have the same columns, whatever its rows.
  if (tilesAcross() > 1)
    isNew = "(" + isNew + " || gridDim.x % " + std::to_string(tilesAcross()) +
            " != 0)";
  if (columnsStay)
    bytes = isNew + " ? " + bytes + " : " + std::to_string(rowBytes);
  claimPlace(turn, bytes);
  p_.line("unsigned char *stage = shared + place * " + Twine(stageBytes()) +
          ";");
  p_.line("const int depth = " + step + " * " + Twine(kMatrixDepth) + ";");
  rows.copy(p_, "depth", "stage", "full + place", used);
  if (columnsStay)
    p_.open("if (" + isNew + ")");
  columns.copy(p_, "depth", "stage + " + std::to_string(rowBytes),
               "full + place", used);
  if (columnsStay)
    p_.close();
}

void MatrixPrinter::declareTiles(StringRef place) {
  p_.line("const unsigned char *a_tile = shared + " + place + " * " +
          Twine(stageBytes()) + ";");
  p_.line("const unsigned char *b_tile = a_tile + " +
          Twine(tile_.rows * kMatrixLineBytes) + ";");
}

void MatrixPrinter::printGroupProducts() {
  auto stepBytes = [](bool isAlongDepth) {
    return isAlongDepth ? kMatrixStep * 2 : kMatrixStep * kMatrixLineBytes;
  };
  auto flag = [](bool isAlongDepth) {
    return std::string(isAlongDepth ? "false" : "true");
  };
  p_.line("weft::begin_products();");
  p_.openLoop("k", kMatrixDepth / kMatrixStep, /*unrolled=*/true);
  p_.openLoop("i", sumsDown(), true);
  p_.line("weft::multiply_group<" + elementType() + ", " +
          flag(rowsAlongDepth_) + ", " + flag(columnsAlongDepth_) + ">(" +
          sum_ + "[i], a_tile + (warp_row / 64 + i) * " +
          Twine(kMatrixDepth * kMatrixLineBytes) + " + k * " +
          Twine(stepBytes(rowsAlongDepth_)) + ", b_tile + k * " +
          Twine(stepBytes(columnsAlongDepth_)) + ");");
  p_.close();
  p_.close();
  p_.line("weft::commit_products();");
}

void MatrixPrinter::printFinish() {
  p_.openLoop("i", sumsDown(), true);
  p_.line("weft::finish_products(" + sum_ + "[i]);");
  p_.close();
}

} // namespace weft::cuda
