// SPDX-License-Identifier: Apache-2.0
#include "BulkResult.h"

#include "BulkOperand.h"
#include "MatrixOperand.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

/// Columns of a block: 128 bytes.
static constexpr int64_t kBlockColumns = 64;

std::optional<BulkResult> BulkResult::match(const LoopNest &nest,
                                            const Contraction &contraction,
                                            unsigned argument, AffineExpr expr,
                                            Type type) {
  if (!(type.isF16() || type.isBF16()) || !isLinear(nest, expr))
    return std::nullopt;
  auto row = commonStride(nest, expr, contraction.rows.dims),
       column = commonStride(nest, expr, contraction.columns.dims);
  if (!row || column != 1)
    return std::nullopt;
  const int64_t bytes = storageBytes(type);
  BulkResult result;
  TensorMap &map = result.map_;
  map.argument = static_cast<int32_t>(argument);
  map.dtype = ir::toDType(type);
  map.offset = valueAtZero(expr, nest) * bytes;
  map.sizes = {contraction.columns.extent, contraction.rows.extent};
  map.strides = {*row * bytes};
  for (unsigned dim : contraction.batch) {
    result.batch_.push_back(dim);
    map.sizes.push_back(nest.sizes[dim]);
    map.strides.push_back(*strideOf(expr, dim) * bytes);
  }
  if (!isSupported(map))
    return std::nullopt;
  return result;
}

void BulkResult::declare(KernelPrinter &p, int64_t rows, StringRef name) {
  rows_ = rows;
  map_.box.assign(map_.sizes.size(), 1);
  map_.box[0] = static_cast<int32_t>(kBlockColumns);
  map_.box[1] = static_cast<int32_t>(rows);
  name_ = p.addTensorMap(name, map_);
}

std::string BulkResult::position(const KernelPrinter &p) const {
  auto asInt = [](const Twine &text) {
    return ("static_cast<int>(" + text + ")").str();
  };
  std::string text = "{" + asInt("first_column + i * " + Twine(kBlockColumns)) +
                     ", " + asInt("first_row");
  for (unsigned dim : batch_)
    text += ", " + asInt(p.dims[dim]);
  return text + "}";
}

void BulkResult::load(KernelPrinter &p, int64_t columns, StringRef place,
                      StringRef barrier) const {
  p.line("weft::expect_bytes(" + barrier + ", " + Twine(rows_ * columns * 2) +
         ");");
  p.openLoop("i", columns / kBlockColumns, /*unrolled=*/true);
  p.line("weft::copy_tile(" + place + " + i * " +
         Twine(rows_ * kMatrixLineBytes) + ", " + name_ + ", " + position(p) +
         ", " + barrier + ");");
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

std::string BulkResult::place(int64_t rows, StringRef own, StringRef down) {
  std::string pairs = std::to_string(kBlockColumns / 8);
  return ("(" + own + " ^ j % " + pairs + " * 16) + (j / " + pairs + " * " +
          Twine(rows) + " + " + down + ") * " + Twine(kMatrixLineBytes))
      .str();
}

} // namespace weft::cuda
