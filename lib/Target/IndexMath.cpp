// SPDX-License-Identifier: Apache-2.0
#include "IndexMath.h"

#include <algorithm>

using namespace mlir;

namespace weft {

/// Splits a sum into its terms.
static void terms(AffineExpr expr, SmallVectorImpl<AffineExpr> &out) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary || binary.getKind() != AffineExprKind::Add) {
    out.push_back(expr);
    return;
  }
  terms(binary.getLHS(), out);
  terms(binary.getRHS(), out);
}

/// The parts of a sum that are multiples of `divisor`, and the rest.
static std::pair<AffineExpr, AffineExpr> splitMultiples(AffineExpr expr,
                                                        int64_t divisor) {
  SmallVector<AffineExpr> parts;
  terms(expr, parts);
  AffineExpr multiples = getAffineConstantExpr(0, expr.getContext());
  AffineExpr rest = multiples;
  for (AffineExpr part : parts) {
    // So that neighbours, as (i + 9) and (i + 23) over 14, are one apart.
    if (auto number = dyn_cast<AffineConstantExpr>(part);
        number && number.getValue() > divisor) {
      int64_t over = number.getValue() % divisor;
      multiples = multiples + (number.getValue() - over);
      rest = rest + over;
      continue;
    }
    // Not isMultipleOf: it takes (2 * i) floordiv 6 for a multiple of 2.
    if (part.getLargestKnownDivisor() % divisor == 0)
      multiples = multiples + part;
    else
      rest = rest + part;
  }
  return {multiples, rest};
}

std::pair<int64_t, int64_t> rangeOf(AffineExpr expr, ArrayRef<int64_t> sizes) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return {constant.getValue(), constant.getValue()};
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return {0, std::max<int64_t>(sizes[dim.getPosition()] - 1, 0)};
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto [la, lb] = rangeOf(binary.getLHS(), sizes);
  auto [ra, rb] = rangeOf(binary.getRHS(), sizes);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return {la + ra, lb + rb};
  case AffineExprKind::Mul: // the right-hand side is a constant
    return {std::min(la * ra, lb * ra), std::max(la * ra, lb * ra)};
  case AffineExprKind::FloorDiv:
    return {llvm::divideFloorSigned(la, ra), llvm::divideFloorSigned(lb, ra)};
  case AffineExprKind::Mod:
    if (la >= 0 && lb < ra)
      return {la, lb};
    return {0, ra - 1};
  default:
    llvm_unreachable("the builder makes no other expression");
  }
}

AffineExpr IndexMath::floorDiv(AffineExpr expr, int64_t divisor) const {
  if (divisor == 1)
    return expr;
  auto [multiples, rest] = splitMultiples(expr, divisor);
  auto [low, high] = range(rest);
  AffineExpr quotient = multiples.floorDiv(divisor);
  if (low >= 0 && high < divisor)
    return quotient;
  if (multiples == constant(0))
    rest = expr; // in the form that mod keeps, so that both recombine
  return quotient + rest.floorDiv(divisor);
}

AffineExpr IndexMath::mod(AffineExpr expr, int64_t divisor) const {
  if (divisor == 1)
    return constant(0);
  AffineExpr rest = splitMultiples(expr, divisor).second;
  auto [low, high] = range(rest);
  if (low >= 0 && high < divisor)
    return rest;
  return rest % divisor;
}

namespace {

/// A sum as terms `base * factor`, dims first and in order, so that equal sums
/// are equal expressions.
class Sum {
public:
  void add(AffineExpr expr, int64_t factor) {
    if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
      constant_ += constant.getValue() * factor;
      return;
    }
    auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
    if (binary && binary.getKind() == AffineExprKind::Add) {
      add(binary.getLHS(), factor);
      add(binary.getRHS(), factor);
      return;
    }
    if (binary && binary.getKind() == AffineExprKind::Mul) {
      int64_t by = cast<AffineConstantExpr>(binary.getRHS()).getValue();
      add(binary.getLHS(), factor * by);
      return;
    }
    auto same = llvm::find_if(terms_, [&](auto &t) { return t.first == expr; });
    if (same != terms_.end())
      same->second += factor;
    else
      terms_.push_back({expr, factor});
  }

  /// (e floordiv c) * c + e mod c is e, also where e is itself mod a multiple.
  void recombine() {
    for (size_t i = 0; i < terms_.size();) {
      auto [base, factor] = terms_[i];
      auto remainder = dyn_cast<AffineBinaryOpExpr>(base);
      AffineExpr whole;
      if (remainder && remainder.getKind() == AffineExprKind::Mod)
        whole = takeQuotient(remainder, factor);
      if (!whole) {
        ++i;
        continue;
      }
      llvm::erase_if(terms_, [&](auto &t) { return t.first == base; });
      add(whole, factor);
      i = 0; // what was merged may merge again
    }
  }

  AffineExpr build(MLIRContext *context) const {
    SmallVector<std::pair<AffineExpr, int64_t>> dims, others;
    for (auto term : terms_)
      (isa<AffineDimExpr>(term.first) ? dims : others).push_back(term);
    llvm::sort(dims, [](auto &a, auto &b) {
      return cast<AffineDimExpr>(a.first).getPosition() <
             cast<AffineDimExpr>(b.first).getPosition();
    });
    AffineExpr expr = getAffineConstantExpr(0, context);
    for (auto [base, factor] :
         llvm::concat<std::pair<AffineExpr, int64_t>>(dims, others))
      expr = expr + base * factor;
    return expr + constant_;
  }

private:
  /// Removes the term `(e floordiv c) * (factor * c)` that goes with
  /// `(e mod c) * factor` and returns e; null if it is not there.
  AffineExpr takeQuotient(AffineBinaryOpExpr remainder, int64_t factor) {
    int64_t by = cast<AffineConstantExpr>(remainder.getRHS()).getValue();
    for (auto it = terms_.begin(); it != terms_.end(); ++it) {
      auto quotient = dyn_cast<AffineBinaryOpExpr>(it->first);
      if (!quotient || quotient.getKind() != AffineExprKind::FloorDiv ||
          quotient.getRHS() != remainder.getRHS() || it->second != factor * by)
        continue;
      AffineExpr whole = quotient.getLHS();
      auto inner = dyn_cast<AffineBinaryOpExpr>(whole);
      bool nested = inner && inner.getKind() == AffineExprKind::Mod &&
                    inner.getLHS() == remainder.getLHS() &&
                    inner.getRHS().isMultipleOf(by);
      if (whole != remainder.getLHS() && !nested)
        continue;
      terms_.erase(it);
      return whole;
    }
    return {};
  }

  SmallVector<std::pair<AffineExpr, int64_t>> terms_;
  int64_t constant_ = 0;
};

} // namespace

AffineExpr IndexMath::simplify(AffineExpr expr) const {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return expr;
  AffineExpr lhs = simplify(binary.getLHS());
  Sum sum;
  switch (binary.getKind()) {
  case AffineExprKind::FloorDiv:
    return floorDiv(lhs, cast<AffineConstantExpr>(binary.getRHS()).getValue());
  case AffineExprKind::Mod:
    return mod(lhs, cast<AffineConstantExpr>(binary.getRHS()).getValue());
  case AffineExprKind::Mul:
    sum.add(lhs, cast<AffineConstantExpr>(binary.getRHS()).getValue());
    break;
  default:
    sum.add(lhs, 1);
    sum.add(simplify(binary.getRHS()), 1);
  }
  sum.recombine();
  return sum.build(context_);
}

AffineExpr IndexMath::linearize(ArrayRef<AffineExpr> index,
                                ArrayRef<int64_t> shape) const {
  AffineExpr position = constant(0);
  for (auto [expr, size] : llvm::zip(index, shape))
    position = position * size + expr;
  return simplify(position);
}

SmallVector<AffineExpr> IndexMath::delinearize(AffineExpr position,
                                               ArrayRef<int64_t> shape) const {
  SmallVector<AffineExpr> index(shape.size(), constant(0));
  int64_t outer = 1;
  for (int64_t size : shape)
    outer *= size;
  int64_t inner = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    // The outermost size that counts needs no mod: the position is in range.
    bool outermost = inner * shape[i] == outer;
    if (shape[i] != 1) {
      AffineExpr quotient = floorDiv(position, inner);
      index[i] = outermost ? quotient : mod(quotient, shape[i]);
    }
    inner *= shape[i];
    if (outermost)
      break;
  }
  return index;
}

SmallVector<AffineExpr> IndexMath::spread(ArrayRef<AffineExpr> index,
                                          ArrayRef<int64_t> from,
                                          ArrayRef<int64_t> to) const {
  SmallVector<AffineExpr> result(to.size(), constant(0));
  size_t next = 0;
  for (size_t i = 0; i < to.size(); ++i) {
    if (to[i] == 1)
      continue;
    while (next < from.size() && from[next] == 1)
      ++next;
    if (next == from.size() || from[next] != to[i])
      return SmallVector<AffineExpr>(to.size(), constant(0));
    result[i] = index[next++];
  }
  return result;
}

SmallVector<AffineExpr> IndexMath::reindex(ArrayRef<AffineExpr> index,
                                           ArrayRef<int64_t> from,
                                           ArrayRef<int64_t> to) const {
  SmallVector<AffineExpr> result;
  // Nothing is ever computed at an index of an empty tensor, but dims of size 1
  // that come or go leave the others as they are here, too.
  if (llvm::is_contained(from, 0) || llvm::is_contained(to, 0))
    return spread(index, from, to);
  // Runs of dims with equal products are independent of each other.
  size_t i = 0, j = 0;
  while (i < from.size() || j < to.size()) {
    size_t i0 = i, j0 = j;
    int64_t a = 1, b = 1;
    if (i < from.size())
      a = from[i++];
    if (j < to.size())
      b = to[j++];
    while (a != b) {
      if (a < b)
        a *= from[i++];
      else
        b *= to[j++];
    }
    AffineExpr position =
        linearize(index.slice(i0, i - i0), from.slice(i0, i - i0));
    llvm::append_range(result, delinearize(position, to.slice(j0, j - j0)));
  }
  return result;
}

std::optional<int64_t> strideOf(AffineExpr expr, unsigned dim) {
  if (!expr.isFunctionOfDim(dim))
    return 0;
  if (isa<AffineDimExpr>(expr))
    return 1;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  if (binary.getKind() == AffineExprKind::Add) {
    auto l = strideOf(binary.getLHS(), dim), r = strideOf(binary.getRHS(), dim);
    if (l && r)
      return *l + *r;
    return std::nullopt;
  }
  auto factor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() == AffineExprKind::Mul && factor)
    if (auto l = strideOf(binary.getLHS(), dim))
      return *l * factor.getValue();
  return std::nullopt;
}

/// Whether `expr` uses dims i and i + 1 as i * size + (i + 1) alone.
static bool usesMerged(AffineExpr expr, unsigned dim, int64_t size) {
  SmallVector<AffineExpr> parts;
  terms(expr, parts);
  int64_t outer = 0, inner = 0;
  for (AffineExpr part : parts) {
    if (!part.isFunctionOfDim(dim) && !part.isFunctionOfDim(dim + 1))
      continue;
    auto a = strideOf(part, dim), b = strideOf(part, dim + 1);
    if (a && b) {
      outer += *a;
      inner += *b;
      continue;
    }
    auto binary = cast<AffineBinaryOpExpr>(part);
    if (!usesMerged(binary.getLHS(), dim, size))
      return false;
  }
  return outer == inner * size;
}

/// Calls `visit` with a reference to every expression of the nest.
static void forEachExpr(LoopNest &nest,
                        llvm::function_ref<void(AffineExpr &)> visit) {
  for (Stmt &stmt : nest.stmts) {
    if (stmt.expr)
      visit(stmt.expr);
    for (Guard &guard : stmt.guards)
      visit(guard.expr);
  }
  for (Stage &stage : nest.stages) {
    for (Accumulator &accumulator : stage.accumulators)
      if (accumulator.index)
        visit(accumulator.index);
    for (Store &store : stage.stores)
      visit(store.offset);
  }
}

/// Removes dim `dim`, which stands for `replacement` from now on.
static void removeDim(LoopNest &nest, MLIRContext *context, unsigned dim) {
  SmallVector<AffineExpr> dims;
  for (unsigned i = 0; i < nest.sizes.size(); ++i)
    dims.push_back(i == dim ? getAffineConstantExpr(0, context)
                            : getAffineDimExpr(i - (i > dim), context));
  forEachExpr(nest, [&](AffineExpr &expr) { expr = expr.replaceDims(dims); });
  nest.sizes.erase(nest.sizes.begin() + dim);
  if (dim < nest.numParallel)
    --nest.numParallel;
}

void collapseDims(LoopNest &nest, MLIRContext *context) {
  for (unsigned i = nest.sizes.size(); i-- > 0;)
    if (nest.sizes[i] == 1)
      removeDim(nest, context, i);
  for (unsigned i = nest.sizes.size(); i-- > 1;) {
    unsigned outer = i - 1;
    if (i == nest.numParallel) // a parallel dim and an inner one
      continue;
    bool mergeable = true;
    forEachExpr(nest, [&](AffineExpr &expr) {
      mergeable &= usesMerged(expr, outer, nest.sizes[i]);
    });
    if (!mergeable)
      continue;
    nest.sizes[i] *= nest.sizes[outer];
    removeDim(nest, context, outer);
  }
  if (nest.numParallel == 0) {
    forEachExpr(nest, [&](AffineExpr &expr) {
      expr = expr.shiftDims(nest.sizes.size(), 1);
    });
    nest.sizes.insert(nest.sizes.begin(), 1);
    nest.numParallel = 1;
  }
}

} // namespace weft
