// SPDX-License-Identifier: Apache-2.0
#include "MatrixOperand.h"

#include "Vectors.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

// ---- matching ---------------------------------------------------------------

/// Whether `expr` is a sum of terms of parallel dims and terms of inner dims.
static bool isSeparable(AffineExpr expr, const LoopNest &nest) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return true;
  if (binary.getKind() == AffineExprKind::Add)
    return isSeparable(binary.getLHS(), nest) &&
           isSeparable(binary.getRHS(), nest);
  bool parallel = false, inner = false;
  for (unsigned i = 0; i < nest.sizes.size(); ++i)
    if (expr.isFunctionOfDim(i))
      (i < nest.numParallel ? parallel : inner) = true;
  return !parallel || !inner;
}

/// `expr` where the dims in [begin, end) are 0.
static AffineExpr withZeros(AffineExpr expr, unsigned begin, unsigned end) {
  MLIRContext *context = expr.getContext();
  for (unsigned i = begin; i < end; ++i)
    expr = expr.replace(getAffineDimExpr(i, context),
                        getAffineConstantExpr(0, context));
  return expr;
}

/// The two parts of a separable expression; constants belong to the first.
static std::pair<AffineExpr, AffineExpr> separate(AffineExpr expr,
                                                  const LoopNest &nest) {
  unsigned dims = nest.sizes.size();
  AffineExpr zero = withZeros(expr, 0, dims);
  return {withZeros(expr, nest.numParallel, dims),
          withZeros(expr, 0, nest.numParallel) - zero};
}

int64_t pieceAlong(const LoopNest &nest, const Stmt &load, unsigned dim) {
  for (const Guard &guard : load.guards)
    if (guard.expr.isFunctionOfDim(dim))
      return 1;
  const int64_t bytes = storageBytes(load.type);
  for (int64_t piece = kWidestAccess / bytes; piece > 1; piece /= 2)
    if (nest.sizes[dim] % piece == 0 &&
        isVectorAccess(load.expr, dim, piece, bytes))
      return piece;
  return 1;
}

std::optional<MatrixOperand> MatrixOperand::match(const LoopNest &nest,
                                                  const ContractionSide &side) {
  const Stmt &load = nest.stmts[side.stmt];
  if (load.kind != Stmt::Kind::load || side.dims.empty() ||
      nest.innerSizes().empty() || !isSeparable(load.expr, nest))
    return std::nullopt;
  MatrixOperand operand;
  operand.nest_ = &nest;
  operand.side_ = side;
  operand.load_ = &load;
  std::tie(operand.own_, operand.depth_) = separate(load.expr, nest);
  for (const Guard &guard : load.guards) {
    if (!isSeparable(guard.expr, nest))
      return std::nullopt;
    auto [own, depth] = separate(guard.expr - guard.low, nest);
    operand.guards_.push_back({own, depth, guard.high - guard.low, ""});
  }
  int64_t alongDepth = pieceAlong(nest, load, nest.sizes.size() - 1),
          alongOwn = pieceAlong(nest, load, side.dims.back());
  operand.alongDepth_ = alongDepth >= alongOwn;
  operand.piece_ = std::max(alongDepth, alongOwn);
  if (operand.piece_ == 1)
    return std::nullopt;
  return operand;
}

// ---- text -------------------------------------------------------------------

/// What copy number `index` of a thread knows of the operand's own dims.
void MatrixOperand::declareOwn(KernelPrinter &p, StringRef index,
                               const llvm::SmallBitVector &used) const {
  p.splitDims(name_, side_.dims, used);
  p.line(prefix_ + "_base[" + index + "] = " + p.index(own_) + ";");
  if (side_.extent % extent_ != 0)
    p.line(prefix_ + "_inside[" + index + "] = " + name_ + " < " +
           Twine(side_.extent) + ";");
  for (const SplitGuard &guard : guards_)
    p.line(guard.name + "[" + index + "] = " + p.index(guard.own) + ";");
}

void MatrixOperand::declare(KernelPrinter &p, int64_t extent, int64_t threads,
                            const llvm::SmallBitVector &used) {
  extent_ = extent;
  threads_ = threads;
  copies_ = extent * tileDepth() / piece_ / threads;
  prefix_ = StringRef(tile_).split('_').first.str(); // a, b
  std::string type = p.indexType().str();
  // Along k, a thread copies pieces of several rows at one step of k; else at
  // one row and several steps.
  int64_t across = (alongDepth_ ? tileDepth() : extent) / piece_;
  int64_t own = alongDepth_ ? copies_ : 1;
  std::string line = "thread / " + std::to_string(across),
              piece = "thread % " + std::to_string(across) + " * " +
                      std::to_string(piece_);
  p.line("const int " + prefix_ + "_line = " + line + ";");
  p.line("const int " + prefix_ + "_piece = " + piece + ";");
  p.line(type + " " + prefix_ + "_base[" + Twine(own) + "];");
  if (side_.extent % extent != 0)
    p.line("bool " + prefix_ + "_inside[" + Twine(own) + "];");
  for (SplitGuard &guard : guards_) {
    guard.name = p.fresh(prefix_ + "_at");
    p.line(type + " " + guard.name + "[" + Twine(own) + "];");
  }
  p.openLoop("u", own, /*unrolled=*/true);
  p.line("const " + type + " " + name_ + " = first_" + name_ + " + " + prefix_ +
         (alongDepth_ ? "_line + u * " + std::to_string(threads / across)
                      : std::string("_piece")) +
         ";");
  declareOwn(p, "u", used);
  p.close();
}

/// The condition under which copy `u` reads memory; what it does not read is 0.
std::string MatrixOperand::isInside(const KernelPrinter &p,
                                    StringRef index) const {
  std::string text;
  auto add = [&](const Twine &part) {
    text += (text.empty() ? "" : " && ") + part.str();
  };
  if (side_.extent % extent_ != 0)
    add(prefix_ + "_inside[" + index + "]");
  if (nest_->numInnerPoints() % tileDepth() != 0)
    add("step < " + Twine(nest_->numInnerPoints()));
  std::string type = p.indexType() == "int" ? "unsigned" : "unsigned long long";
  for (const SplitGuard &guard : guards_)
    add("static_cast<" + type + ">(" + guard.name + "[" + index + "] + " +
        p.index(guard.depth) + ") < " + Twine(guard.size));
  return text.empty() ? "true" : text;
}

void MatrixOperand::copy(KernelPrinter &p, StringRef depth,
                         StringRef destination,
                         const llvm::SmallBitVector &used) const {
  int64_t across = (alongDepth_ ? tileDepth() : extent_) / piece_;
  std::string lines = std::to_string(threads_ / across);
  std::string bytes = std::to_string(piece_ * elementBytes()),
              elementBytes = std::to_string(this->elementBytes());
  auto declareStep = [&](const Twine &step) {
    p.line("const " + p.indexType() + " step = " + depth + " + " + prefix_ +
           step + ";");
    p.splitPosition("step", nest_->numParallel, nest_->innerSizes(), used);
  };
  auto start = [&](StringRef index, const Twine &place) {
    p.line("weft::copy_async<" + bytes + ">(" + destination + " + " + place +
           ", " + p.input(load_->input) + " + (" + prefix_ + "_base[" + index +
           "] + " + p.index(depth_) + "), " + isInside(p, index) + ");");
  };
  if (alongDepth_) {
    p.open("");
    declareStep("_piece");
    p.openLoop("u", copies_, /*unrolled=*/true);
    start("u", "weft::swizzled(" + prefix_ + "_line + u * " + lines + ", " +
                   prefix_ + "_piece * " + elementBytes + ")");
  } else {
    p.openLoop("u", copies_, /*unrolled=*/true);
    p.line("const int line = " + prefix_ + "_line + u * " + lines + ";");
    declareStep("_line + u * " + lines);
    std::string block = std::to_string(tileDepth());
    start("0", prefix_ + "_piece / " + block + " * " +
                   Twine(tileDepth() * kMatrixLineBytes) +
                   " + weft::swizzled(line, " + prefix_ + "_piece % " + block +
                   " * " + elementBytes + ")");
  }
  p.close();
  if (alongDepth_)
    p.close();
}

} // namespace weft::cuda
