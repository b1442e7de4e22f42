// SPDX-License-Identifier: Apache-2.0
#include "Vectors.h"

#include "KernelPrinter.h"

using namespace mlir;

namespace weft::cuda {

/// `expr` at the first points of aligned runs along `dim`.
static AffineExpr startOfRun(AffineExpr expr, unsigned dim, int64_t run) {
  AffineExpr point = getAffineDimExpr(dim, expr.getContext());
  return expr.replace(point, point * run);
}

/// What `expr` gains from point to point within aligned runs along `dim`, where
/// that is one number: 1 for `d mod 64` and 0 for `d floordiv 64` in runs of 8.
static std::optional<int64_t> strideWithin(AffineExpr expr, unsigned dim,
                                           int64_t run) {
  if (!expr.isFunctionOfDim(dim))
    return 0;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return 1; // the dim
  AffineExpr lhs = binary.getLHS(), rhs = binary.getRHS();
  std::optional<int64_t> stride = strideWithin(lhs, dim, run);
  if (binary.getKind() == AffineExprKind::Add) {
    std::optional<int64_t> other = strideWithin(rhs, dim, run);
    return stride && other ? std::optional(*stride + *other) : std::nullopt;
  }
  auto constant = dyn_cast<AffineConstantExpr>(rhs);
  if (!stride || !constant)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Mul)
    return *stride * constant.getValue();
  if (*stride == 0)
    return 0;
  // A run of the dividend must lie between two multiples of the divisor.
  bool isWhole = *stride == 1 && constant.getValue() % run == 0 &&
                 startOfRun(lhs, dim, run).getLargestKnownDivisor() % run == 0;
  if (!isWhole || binary.getKind() == AffineExprKind::CeilDiv)
    return std::nullopt;
  return binary.getKind() == AffineExprKind::Mod ? 1 : 0;
}

bool isVectorAccess(AffineExpr expr, unsigned dim, int64_t lanes,
                    int64_t bytes) {
  MLIRContext *context = expr.getContext();
  AffineExpr start = expr.replace(getAffineDimExpr(dim, context),
                                  getAffineConstantExpr(0, context));
  if (strideOf(expr, dim) != 1) {
    if (strideWithin(expr, dim, lanes) != 1)
      return false;
    start = startOfRun(expr, dim, lanes);
  }
  int64_t unit = std::min(lanes, kWidestAccess / bytes);
  return start.getLargestKnownDivisor() % unit == 0;
}

static Access accessOf(const Stmt &stmt, unsigned dim, int64_t lanes,
                       Access reduced, const std::vector<Access> &known) {
  if (stmt.kind == Stmt::Kind::reduced)
    return reduced;
  bool guardVaries = llvm::any_of(
      stmt.guards, [&](auto &g) { return g.expr.isFunctionOfDim(dim); });
  if (guardVaries)
    return Access::lane;
  if (stmt.expr && stmt.expr.isFunctionOfDim(dim)) {
    if (stmt.kind != Stmt::Kind::load)
      return Access::lane;
    int64_t bytes = storageBytes(stmt.type);
    return lanes > 1 && isVectorAccess(stmt.expr, dim, lanes, bytes)
               ? Access::vector
               : Access::lane;
  }
  for (int operand : stmt.operands)
    if (known[operand] != Access::uniform)
      return Access::lane;
  return Access::uniform;
}

std::vector<Access> classifyAccesses(const LoopNest &nest, unsigned dim,
                                     int64_t lanes, Access reduced) {
  std::vector<Access> accesses;
  for (const Stmt &stmt : nest.stmts) // operands come before their users
    accesses.push_back(accessOf(stmt, dim, lanes, reduced, accesses));
  return accesses;
}

} // namespace weft::cuda
