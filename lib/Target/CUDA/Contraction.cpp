// SPDX-License-Identifier: Apache-2.0
#include "Contraction.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace weft::cuda {

std::vector<int> closure(const LoopNest &nest, ArrayRef<int> roots) {
  std::vector<bool> needed(nest.stmts.size(), false);
  for (int root : roots)
    needed[root] = true;
  for (size_t id = needed.size(); id-- > 0;)
    if (needed[id])
      for (int operand : nest.stmts[id].operands)
        needed[operand] = true;
  std::vector<int> stmts;
  for (size_t id = 0; id < needed.size(); ++id)
    if (needed[id])
      stmts.push_back(static_cast<int>(id));
  return stmts;
}

llvm::SmallBitVector dependences(const LoopNest &nest, int id) {
  llvm::SmallBitVector dims(nest.sizes.size());
  for (int stmt : closure(nest, {id})) {
    auto visit = [&](AffineExpr expr) {
      for (unsigned i = 0; expr && i < nest.sizes.size(); ++i)
        if (expr.isFunctionOfDim(i))
          dims.set(i);
    };
    visit(nest.stmts[stmt].expr);
    for (const Guard &guard : nest.stmts[stmt].guards)
      visit(guard.expr);
  }
  return dims;
}

int64_t valueAtZero(AffineExpr expr, const LoopNest &nest) {
  SmallVector<AffineExpr> zeros(nest.sizes.size(),
                                getAffineConstantExpr(0, expr.getContext()));
  return cast<AffineConstantExpr>(expr.replaceDims(zeros)).getValue();
}

std::optional<int64_t> commonStride(const LoopNest &nest, AffineExpr expr,
                                    ArrayRef<unsigned> dims) {
  std::optional<int64_t> inner;
  int64_t expected = 0;
  for (unsigned dim : llvm::reverse(dims)) {
    std::optional<int64_t> stride = strideOf(expr, dim);
    if (!stride || (inner && *stride != expected))
      return std::nullopt;
    if (!inner)
      inner = stride;
    expected = *stride * nest.sizes[dim];
  }
  return inner;
}

bool isLinear(const LoopNest &nest, AffineExpr expr) {
  for (unsigned i = 0; i < nest.sizes.size(); ++i)
    if (!strideOf(expr, i))
      return false;
  return true;
}

SmallVector<unsigned> innerDims(const LoopNest &nest) {
  SmallVector<unsigned> dims;
  for (unsigned i = nest.numParallel; i < nest.sizes.size(); ++i)
    dims.push_back(i);
  return dims;
}

/// The product whose sum is the nest's only one; -1 if there is none.
static int productOf(const LoopNest &nest) {
  if (nest.stages.empty() || !nest.stages[0].inner ||
      nest.stages[0].accumulators.size() != 1 ||
      !nest.stages[0].stores.empty() || nest.numRows() == 0)
    return -1;
  for (const Stage &stage : ArrayRef(nest.stages).drop_front())
    if (stage.inner)
      return -1;
  const Accumulator &sum = nest.stages[0].accumulators[0];
  const Stmt &product = nest.stmts[sum.value];
  bool isProduct = sum.op == OpKind::sum && product.kind == Stmt::Kind::row &&
                   product.op == OpKind::mul;
  return isProduct ? sum.value : -1;
}

std::optional<Contraction> matchContraction(const LoopNest &nest) {
  int product = productOf(nest);
  if (product < 0)
    return std::nullopt;
  Contraction c;
  c.type = nest.stmts[product].type;
  c.rows.stmt = nest.stmts[product].operands[0];
  c.columns.stmt = nest.stmts[product].operands[1];
  llvm::SmallBitVector ofRows = dependences(nest, c.rows.stmt),
                       ofColumns = dependences(nest, c.columns.stmt);
  if (ofRows.test(nest.numParallel - 1)) {
    std::swap(c.rows.stmt, c.columns.stmt);
    std::swap(ofRows, ofColumns);
  }
  for (unsigned i = 0; i < nest.numParallel; ++i) {
    if (ofRows.test(i) == ofColumns.test(i)) {
      c.batch.push_back(i);
      c.batches *= nest.sizes[i];
      continue;
    }
    ContractionSide &side = ofRows.test(i) ? c.rows : c.columns;
    side.dims.push_back(i);
    side.extent *= nest.sizes[i];
  }
  return c;
}

} // namespace weft::cuda
