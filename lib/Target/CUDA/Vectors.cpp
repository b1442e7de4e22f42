// SPDX-License-Identifier: Apache-2.0
#include "Vectors.h"

#include "KernelPrinter.h"

using namespace mlir;

namespace weft::cuda {

bool isVectorAccess(AffineExpr expr, unsigned dim, int64_t lanes,
                    int64_t bytes) {
  if (strideOf(expr, dim) != 1)
    return false;
  MLIRContext *context = expr.getContext();
  AffineExpr start = expr.replace(getAffineDimExpr(dim, context),
                                  getAffineConstantExpr(0, context));
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
