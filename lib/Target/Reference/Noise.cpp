// SPDX-License-Identifier: Apache-2.0
// How wrong each op may be.
#include "Noise.h"

#include "Overflow.h"

#include <algorithm>
#include <cmath>

namespace weft::reference {
namespace {

/// Half a unit in the last place of 1, and the smallest positive number.
struct Precision {
  double unit, tiny;
};

Precision precisionOf(DType dtype) {
  switch (dtype) {
  case DType::float64:
    return {0x1p-53, 0};
  case DType::float16:
    return {0x1p-11, 0x1p-24};
  case DType::bfloat16:
    return {0x1p-8, 0x1p-133};
  case DType::float8:
    return {0x1p-4, 0x1p-9};
  default:
    return {0x1p-24, 0x1p-149};
  }
}

bool isNarrow(DType dtype) { return precisionOf(dtype).unit > 0x1p-24; }

/// The precision that kernels compute a type in.
double computingUnit(DType dtype) {
  return dtype == DType::float64 ? 0x1p-53 : 0x1p-24;
}

/// Sums of products of such numbers are exact.
bool isOnGrid(const Value &x) {
  return llvm::all_of(x.reals, [](double e) {
    return std::fabs(e) < 64 && e * 8 == std::trunc(e * 8);
  });
}

/// Whether a kernel surely computes `y` without rounding. What the interpreter
/// itself rounds to double looks exact; numbers of few bits are.
bool isRepresentable(DType dtype, double y) {
  return roundTo(dtype == DType::float64 ? DType::float32 : dtype, y) == y;
}

bool accumulates(OpKind kind) {
  switch (kind) {
  case OpKind::sum:
  case OpKind::prod:
  case OpKind::softmax:
  case OpKind::batch_norm:
  case OpKind::matmul:
  case OpKind::conv:
  case OpKind::avgpool:
    return true;
  default:
    return false;
  }
}

/// Rows that choose among numbers, or whose result is an integer.
bool isExact(OpKind kind) {
  switch (kind) {
  case OpKind::neg:
  case OpKind::abs:
  case OpKind::floor:
  case OpKind::relu:
  case OpKind::maximum:
  case OpKind::minimum:
  case OpKind::floor_div:
    return true;
  default:
    return false;
  }
}

/// What a row claims, and where.
struct Claim {
  double ulp, low, high;
};

Claim claimOf(OpKind kind) {
  switch (kind) {
#define WEFT_ROW(mnemonic, opClass, arity, predicate, types, cpu, cuda,        \
                 percent, low, high)                                           \
  case OpKind::mnemonic:                                                       \
    return {static_cast<double>(std::max(cpu, cuda)), low, high};
#include "weft/IR/Rows.inc"
#undef WEFT_ROW
  default:
    return {0, 0, 0};
  }
}

} // namespace

double Noise::amount() {
  return static_cast<double>(generator_() >> 11) * 0x1p-52 - 1;
}

double Noise::compute(DType dtype, double y) {
  const DType computed = dtype == DType::float64 ? dtype : DType::float32;
  const Precision precision = precisionOf(computed);
  y += y * units_ * precision.unit * amount() + precision.tiny * amount();
  return roundTo(computed, y);
}

/// x * scale + shift, as passes rewrite a batch norm: other cancellations, NaN
/// where statistics are infinite, and steps that leave the range of the type.
Value Noise::foldedBatchNorm(ir::BatchNormOp op, Operands operands) {
  Value y = *operands[0];
  auto step = [&](double x) { return compute(y.dtype, x); };
  std::vector<double> scales, shifts;
  for (int64_t c = 0; c < operands[1]->size(); ++c) {
    auto at = [&](int n) { return operands[n]->reals[c]; };
    double root = std::sqrt(step(at(4) + op.getEps().convertToDouble()));
    scales.push_back(step(at(1) * step(1 / root)));
    shifts.push_back(step(at(2) - step(at(3) * scales.back())));
  }
  int64_t i = 0;
  forEachIndex(y.shape, [&](Index index) {
    double &x = y.reals[i++];
    x = step(step(x * scales[index[1]]) + shifts[index[1]]);
  });
  return y;
}

/// Kernels may skip what lies outside x or multiply it as 0, which gives NaN
/// with an infinite weight.
static bool dependsOnPadding(ir::ConvOp op, Operands operands) {
  return llvm::any_of(op.getPadding(), [](int64_t p) { return p > 0; }) &&
         llvm::any_of(operands[1]->reals,
                      [](double w) { return !std::isfinite(w); });
}

std::vector<Value> Noise::moveOperands(mlir::Operation *op, Operands operands) {
  if (units_ == 0 || operands.empty() || !operands[0]->isReal())
    return {};
  const OpKind kind = *ir::opKind(op);
  if (!accumulates(kind) ||
      llvm::all_of(operands, [](const Value *x) { return isOnGrid(*x); }))
    return {};
  std::vector<Value> moved;
  for (const Value *operand : operands)
    moved.push_back(*operand);
  const double unit = units_ * computingUnit(operands[0]->dtype);
  for (Value &value : moved)
    for (double &x : value.reals)
      x *= 1 + unit * amount();
  return moved;
}

void Noise::moveRow(mlir::Operation *op, Operands operands, Value &result) {
  const OpKind kind = *ir::opKind(op);
  const Claim claim = claimOf(kind);
  const Precision precision = precisionOf(result.dtype);
  const double unit =
      std::max(units_, claim.ulp) * computingUnit(result.dtype) +
      (isNarrow(result.dtype) ? 2 * precision.unit : 0);
  for (size_t i = 0; i < result.reals.size(); ++i) {
    double &y = result.reals[i];
    if (isRepresentable(result.dtype, y))
      continue;
    double x = operands[0]->reals[i];
    y += y * unit * amount() + 1.5 * precision.tiny * amount();
    // Where nothing is claimed the error need not shrink with the result.
    if (claim.ulp > 0 && (x < claim.low || x > claim.high))
      y += std::max(1.0, std::fabs(x)) * unit * amount();
  }
}

void Noise::moveResult(mlir::Operation *op, Operands operands, Value &result) {
  if (units_ == 0 || !result.isReal())
    return;
  if (ir::isRow(op)) {
    if (!isExact(*ir::opKind(op)))
      moveRow(op, operands, result);
    return;
  }
  if (auto batchNorm = mlir::dyn_cast<ir::BatchNormOp>(op))
    result = foldedBatchNorm(batchNorm, operands);
  if (auto conv = mlir::dyn_cast<ir::ConvOp>(op))
    if (dependsOnPadding(conv, operands))
      std::fill(result.reals.begin(), result.reals.end(), std::nan(""));
  for (auto [y, leaves] : llvm::zip(result.reals, mayLeaveRange(op, operands)))
    if (leaves)
      y = std::nan("");
  const bool isCast = mlir::isa<ir::CastOp>(op);
  const bool isAttention = mlir::isa<ir::AttentionOp>(op);
  if (!isCast && !isAttention && !accumulates(*ir::opKind(op)))
    return;
  Precision precision = precisionOf(result.dtype);
  // The CPU's exp has no subnormal results.
  if (mlir::isa<ir::SoftmaxOp, ir::AttentionOp>(op))
    precision.tiny = std::max(precision.tiny, 0x1p-126);
  // A cast rounds, and which way depends on errors before it.
  const double unit =
      isNarrow(result.dtype) ? 2 * precision.unit : units_ * precision.unit;
  for (size_t i = 0; i < result.reals.size(); ++i) {
    double &y = result.reals[i];
    bool isExact = isCast ? y == operands[0]->at(static_cast<int64_t>(i))
                          : isRepresentable(result.dtype, y);
    if (!isExact)
      y += y * unit * amount() + 1.5 * precision.tiny * amount();
  }
}

} // namespace weft::reference
