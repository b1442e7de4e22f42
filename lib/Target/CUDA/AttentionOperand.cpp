// SPDX-License-Identifier: Apache-2.0
#include "AttentionOperand.h"

#include "MatrixOperand.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

constexpr int64_t kBlockColumns = kMatrixLineBytes / 2;

AttentionOperand::AttentionOperand(const LoopNest &nest, int stmt,
                                   ArrayRef<unsigned> lineDims,
                                   unsigned columnDim, StringRef name)
    : nest_(nest), stmt_(stmt), lineDims_(lineDims), columnDim_(columnDim),
      name_(name.str()), width_(nest.sizes[columnDim]) {
  for (unsigned dim : lineDims)
    lines_ *= nest.sizes[dim];
  if (nest.stmts[stmt].kind == Stmt::Kind::load)
    piece_ = pieceAlong(nest, nest.stmts[stmt], columnDim);
}

int64_t AttentionOperand::tileBytes(int64_t lines) const {
  return llvm::divideCeil(width_, kBlockColumns) * lines * kMatrixLineBytes;
}

std::string AttentionOperand::place(int64_t lines, const Twine &block,
                                    const Twine &line,
                                    const Twine &bytes) const {
  std::string text = ("weft::swizzled(" + line + ", " + bytes + ")").str();
  if (width_ <= kBlockColumns)
    return text;
  return (block + " * " + Twine(lines * kMatrixLineBytes) + " + " + text).str();
}

/// As it lies in memory.
void AttentionOperand::copyPiece(KernelPrinter &p, StringRef place,
                                 StringRef inside) const {
  const Stmt &load = nest_.stmts[stmt_];
  std::string condition = inside.str();
  if (!load.guards.empty())
    condition += (condition.empty() ? "" : " && ") + p.condition(load.guards);
  p.line("weft::copy_async<" + Twine(piece_ * 2) + ">(" + place + ", " +
         p.input(load.input) + " + (" + p.index(load.expr) + "), " +
         (condition.empty() ? "true" : condition) + ");");
}

void AttentionOperand::computeElement(KernelPrinter &p, StringRef place,
                                      StringRef inside) const {
  std::string type = storageType(nest_.stmts[stmt_].type);
  p.line(type + " element = {};");
  if (!inside.empty())
    p.open("if (" + inside + ")");
  p.define(closure(nest_, {stmt_}));
  p.line("weft::narrow(" + p.value(stmt_) + ", element);");
  if (!inside.empty())
    p.close();
  p.line("*reinterpret_cast<" + type + " *>(" + place + ") = element;");
}

void AttentionOperand::copy(KernelPrinter &p, StringRef first, int64_t lines,
                            StringRef destination, int64_t threads,
                            const llvm::SmallBitVector &used) const {
  // Threads side by side copy a part of a line; a thread's copies are a
  // constant apart.
  constexpr int64_t most = 32;
  int64_t pieces = width_ / piece_;
  int64_t side = std::min(most, pieces & -pieces), down = threads / side;
  bool isPartial = lines % down != 0, unrolled = piece_ > 1;
  p.openLoop("u", llvm::divideCeil(lines, down), unrolled);
  p.line("const int line = thread / " + Twine(side) + " + u * " + Twine(down) +
         ";");
  if (isPartial)
    p.open("if (line < " + Twine(lines) + ")");
  p.line("const " + p.indexType() + " " + name_ + " = " + first + " + line;");
  p.splitDims(name_, lineDims_, used);
  p.openLoop("k", pieces / side, unrolled);
  p.line("const int column = (thread % " + Twine(side) + " + k * " +
         Twine(side) + ") * " + Twine(piece_) + ";");
  p.splitDims("column", {columnDim_}, used);
  bool wide = width_ > kBlockColumns;
  std::string to =
      (destination + " + " +
       place(lines, "column / " + Twine(kBlockColumns), "line",
             wide ? "column % " + Twine(kBlockColumns) + " * 2" : "column * 2"))
          .str();
  std::string inside;
  if (lines_ % lines != 0)
    inside = name_ + " < " + std::to_string(lines_);
  if (piece_ > 1)
    copyPiece(p, to, inside);
  else
    computeElement(p, to, inside);
  p.close();
  if (isPartial)
    p.close();
  p.close();
}

} // namespace weft::cuda
