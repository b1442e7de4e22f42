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
  p_.line("const int depth = " + step + " * " +
          Twine(matrixDepth(contraction_.type)) + ";");
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

void MatrixPrinter::printFragments(StringRef tile, bool isAlongDepth,
                                   bool isRows, StringRef name, int64_t count,
                                   StringRef own) {
  p_.line("unsigned " + name + "[" + Twine(count) + "][4];");
  p_.openLoop("i", count, /*unrolled=*/true);
  // Of the four 8 x 8 blocks, the second lies below the first in A, and beside
  // it in B.
  std::string below = "lane % 16", beside = "lane / 16 * 16";
  if (isRows != isAlongDepth) {
    below = "lane % 8 + lane / 16 * 8";
    beside = "lane / 8 % 2 * 16";
  }
  if (isAlongDepth)
    p_.line("weft::load_matrices(" + name + "[i], " + tile +
            " + weft::swizzled(" + own + " + " + below + ", k * 32 + " +
            beside + "));");
  else if (isTf32())
    p_.line("weft::load_word_matrices<" + Twine(isRows ? "true" : "false") +
            ">(" + name + "[i], " + tile + ", " + own + ", k * 8);");
  else
    p_.line("weft::load_transposed_matrices(" + name + "[i], " + tile + " + (" +
            own + ") / 64 * " + Twine(kMatrixDepth * kMatrixLineBytes) +
            " + weft::swizzled(k * 16 + " + below + ", (" + own +
            ") % 64 * 2 + " + beside + "));");
  if (isTf32())
    p_.line("weft::round_to_tf32(" + name + "[i]);");
  p_.close();
}

/// Rows pass through registers, where they are rounded, while the products of
/// the rows before are under way. The registers of a product are free once
/// three more have been started.
void MatrixPrinter::printTf32Products() {
  p_.openLoop("k", kMatrixLineBytes / kMatrixStepBytes, /*unrolled=*/true);
  p_.line("weft::wait_for_products<3>();");
  printFragments("a_tile", rowsAlongDepth_, /*isRows=*/true, "a", sumsDown(),
                 "warp_row + i * 64 + thread / 32 % 4 * 16");
  p_.line("weft::begin_products();");
  p_.openLoop("i", sumsDown(), true);
  p_.line("weft::multiply_group_tf32(" + sum_ + "[i], a[i], b_tile + k * " +
          Twine(kMatrixStepBytes) + ");");
  p_.close();
  p_.line("weft::commit_products();");
  p_.close();
}

void MatrixPrinter::waitForStepBefore() {
  if (!isTf32()) // which has waited
    p_.line("weft::wait_for_products<1>(); // the step before");
}

void MatrixPrinter::printGroupProducts() {
  if (isTf32())
    return printTf32Products();
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
