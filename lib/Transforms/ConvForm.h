// SPDX-License-Identifier: Apache-2.0
// The form in which a convolution with its channels last reads its operands.
#pragma once

#include "weft/IR/Dialect.h"

#include "mlir/IR/Builders.h"

namespace weft {

/// [N, C, ...] to [N, ..., C]: what axis i of the result is of x.
mlir::SmallVector<int64_t> toLast(int64_t rank);

template <typename T>
mlir::SmallVector<T> permuted(mlir::ArrayRef<T> list,
                              mlir::ArrayRef<int64_t> permutation) {
  mlir::SmallVector<T> result;
  for (int64_t i : permutation)
    result.push_back(list[i]);
  return result;
}

/// The type of `value` with the channels last.
mlir::RankedTensorType lastType(mlir::Value value);

mlir::Value transpose(mlir::OpBuilder &builder, mlir::Value x,
                      mlir::ArrayRef<int64_t> permutation);

/// In memory, as a product copies it.
mlir::Value contiguous(mlir::OpBuilder &builder, mlir::Value x);

/// Whether `conv` multiplies rows of its data, those of the pixels, by a
/// matrix: the channels are last, and the window is one pixel. Where `mayStep`
/// is, it may leave pixels out.
bool multipliesRows(ir::ConvOp conv, bool mayStep);

/// Without groups the channels are padded with zeros, which add nothing to the
/// sums, so that pieces of a few bytes can be copied.
struct ConvForm {
  explicit ConvForm(ir::ConvOp conv);

  /// Its data, of which `last` has the channels last.
  mlir::Value dataOf(mlir::OpBuilder &builder, mlir::Value last) const;
  mlir::Value weightsOf(mlir::OpBuilder &builder, ir::ConvOp conv) const;

  int64_t channels;
  /// Few channels and a stride of 2: two neighbouring pixels count as one with
  /// twice the channels, in steps of 1, so that pieces are twice as large.
  bool pairs = false;
  int64_t columnsBefore = 0;        // of zeros in front of the data
  int64_t tapsBefore = 0, taps = 0; // of zero weights in front; of pairs
  int64_t paddingBefore = 0, paddingAfter = 0;
};

} // namespace weft
