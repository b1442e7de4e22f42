// SPDX-License-Identifier: Apache-2.0
// How index expressions behave along the lanes of a vector.
#include "Lanes.h"

#include <numeric>

using namespace mlir;

namespace weft::cpu {

static std::optional<int64_t> constantOf(AffineExpr expr) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue();
  return std::nullopt;
}

bool Lanes::isMultiple(AffineExpr expr, int64_t divisor) const {
  if (divisor == 1)
    return true;
  if (auto value = constantOf(expr))
    return *value % divisor == 0;
  if (auto index = dyn_cast<AffineDimExpr>(expr))
    return index.getPosition() == dim && count % divisor == 0;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto factor = constantOf(binary.getRHS());
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return isMultiple(binary.getLHS(), divisor) &&
           isMultiple(binary.getRHS(), divisor);
  case AffineExprKind::Mul:
    return factor &&
           (*factor == 0 ||
            isMultiple(binary.getLHS(), divisor / std::gcd(divisor, *factor)));
  case AffineExprKind::Mod:
    return factor && *factor % divisor == 0 &&
           isMultiple(binary.getLHS(), divisor);
  case AffineExprKind::FloorDiv:
    return factor && isMultiple(binary.getLHS(), divisor * *factor);
  default:
    return false;
  }
}

std::optional<int64_t> Lanes::stride(AffineExpr expr) const {
  if (count == 1 || !expr.isFunctionOfDim(dim))
    return 0;
  if (isa<AffineDimExpr>(expr))
    return 1;
  auto binary = cast<AffineBinaryOpExpr>(expr);
  auto left = stride(binary.getLHS());
  if (!left)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Add) {
    auto right = stride(binary.getRHS());
    return right ? std::optional(*left + *right) : std::nullopt;
  }
  auto factor = constantOf(binary.getRHS());
  if (!factor)
    return std::nullopt;
  if (binary.getKind() == AffineExprKind::Mul)
    return *left * *factor;
  // All lanes lie between the same two multiples of the divisor.
  bool together =
      *left == 1 && *factor % count == 0 && isMultiple(binary.getLHS(), count);
  if (binary.getKind() == AffineExprKind::FloorDiv) {
    if (*left % *factor == 0)
      return *left / *factor;
    return together ? std::optional<int64_t>(0) : std::nullopt;
  }
  if (binary.getKind() == AffineExprKind::Mod) {
    if (*left % *factor == 0)
      return 0;
    return together ? std::optional<int64_t>(1) : std::nullopt;
  }
  return std::nullopt;
}

} // namespace weft::cpu
