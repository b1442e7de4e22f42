// SPDX-License-Identifier: Apache-2.0
#include "BulkResult.h"

#include "BulkOperand.h"
#include "MatrixOperand.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

/// Columns of a block: 128 bytes.
static constexpr int64_t kBlockColumns = 64;

/// What both kinds begin with: the columns.
std::optional<BulkResult> BulkResult::start(const LoopNest &nest,
                                            const Contraction &contraction,
                                            unsigned argument, AffineExpr expr,
                                            Type type) {
  if (!(type.isF16() || type.isBF16()) || !isLinear(nest, expr) ||
      commonStride(nest, expr, contraction.columns.dims) != 1)
    return std::nullopt;
  BulkResult result;
  result.map_.argument = static_cast<int32_t>(argument);
  result.map_.dtype = ir::toDType(type);
  result.map_.offset = valueAtZero(expr, nest) * storageBytes(type);
  result.map_.sizes = {contraction.columns.extent};
  return result;
}

std::optional<BulkResult> BulkResult::match(const LoopNest &nest,
                                            const Contraction &contraction,
                                            unsigned argument, AffineExpr expr,
                                            Type type) {
  auto result = start(nest, contraction, argument, expr, type);
  if (!result)
    return std::nullopt;
  auto row = commonStride(nest, expr, contraction.rows.dims);
  if (!row)
    return std::nullopt;
  const int64_t bytes = storageBytes(type);
  TensorMap &map = result->map_;
  result->first_ = {"first_row"};
  map.sizes.push_back(contraction.rows.extent);
  map.strides = {*row * bytes};
  for (unsigned dim : contraction.batch) {
    result->batch_.push_back(dim);
    map.sizes.push_back(nest.sizes[dim]);
    map.strides.push_back(*strideOf(expr, dim) * bytes);
  }
  if (!isSupported(map))
    return std::nullopt;
  return result;
}

std::optional<BulkResult> BulkResult::match(const LoopNest &nest,
                                            const Contraction &contraction,
                                            unsigned argument, AffineExpr expr,
                                            Type type,
                                            const PatchOperand &patch) {
  auto result = start(nest, contraction, argument, expr, type);
  if (!result)
    return std::nullopt;
  TensorMap &map = result->map_;
  int64_t next = contraction.columns.extent; // elements of what is inside
  for (const PatchOperand::Axis &axis : patch.axes()) {
    result->first_.push_back(axis.first);
    int64_t stride = axis.dim < 0 ? 0 : *strideOf(expr, axis.dim);
    if (axis.windows == 1) // anything
      stride = next;
    map.sizes.push_back(axis.windows);
    map.strides.push_back(stride * storageBytes(type));
    next = stride * axis.windows;
    if (axis.size == 0)
      continue;
    map.lower.push_back(0);
    map.upper.push_back(static_cast<int32_t>(axis.size - axis.windows));
    map.steps.push_back(1);
  }
  if (!isSupported(map))
    return std::nullopt;
  return result;
}

void BulkResult::declare(KernelPrinter &p, int64_t rows, StringRef name) {
  rows_ = rows;
  map_.box.assign(map_.isWindow() ? 2 : map_.sizes.size(), 1);
  map_.box[0] = static_cast<int32_t>(kBlockColumns);
  map_.box[1] = static_cast<int32_t>(rows);
  name_ = p.addTensorMap(name, map_);
}

std::string BulkResult::position(const KernelPrinter &p) const {
  auto asInt = [](const Twine &text) {
    return ("static_cast<int>(" + text + ")").str();
  };
  std::string text = "{" + asInt("first_column + i * " + Twine(kBlockColumns));
  for (const std::string &first : first_)
    text += ", " + asInt(first);
  for (unsigned dim : batch_)
    text += ", " + asInt(p.dims[dim]);
  return text + "}";
}

void BulkResult::load(KernelPrinter &p, int64_t columns, StringRef place,
                      StringRef barrier) const {
  p.line("weft::expect_bytes(" + barrier + ", " + Twine(rows_ * columns * 2) +
         ");");
  p.openLoop("i", columns / kBlockColumns, /*unrolled=*/true);
  std::string taps;
  for (size_t i = 0; i < map_.lower.size(); ++i)
    taps += i > 0 ? ", 0" : "0";
  if (map_.isWindow())
    taps = ", {" + taps + "}";
  p.line("weft::copy_" + Twine(map_.isWindow() ? "window" : "tile") + "(" +
         place + " + i * " + Twine(rows_ * kMatrixLineBytes) + ", " + name_ +
         ", " + position(p) + taps + ", " + barrier + ");");
  p.close();
}

void BulkResult::store(KernelPrinter &p, int64_t columns,
                       StringRef place) const {
  p.openLoop("i", columns / kBlockColumns, /*unrolled=*/true);
  p.line("weft::store_tile(" + name_ + ", " + position(p) + ", " + place +
         " + i * " + Twine(rows_ * kMatrixLineBytes) + ");");
  p.close();
  p.line("weft::commit_stores();");
}

std::string BulkResult::placeOf(int64_t rows, StringRef line,
                                StringRef column) {
  std::string block = std::to_string(kBlockColumns);
  return (column + " / " + block + " * " + Twine(rows * kMatrixLineBytes) +
          " + weft::swizzled(" + line + ", " + column + " % " + block + " * 2)")
      .str();
}

std::string BulkResult::place(int64_t rows, StringRef own, StringRef down) {
  std::string pairs = std::to_string(kBlockColumns / 8);
  return ("(" + own + " ^ j % " + pairs + " * 16) + (j / " + pairs + " * " +
          Twine(rows) + " + " + down + ") * " + Twine(kMatrixLineBytes))
      .str();
}

} // namespace weft::cuda
