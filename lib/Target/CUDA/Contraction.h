// SPDX-License-Identifier: Apache-2.0
// Sums of products: y[m, n] = sum over k of a[m, k] * b[k, n]. A matmul is one
// as it stands; a conv is one whose rows or columns are the pixels of all
// images and whose k runs over channels and taps.
#pragma once

#include "weft/Target/LoopNest.h"

#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/SmallVector.h"

#include <optional>
#include <vector>

namespace weft::cuda {

/// One operand: the statement that gives its elements, and the dims that it
/// alone varies along.
struct ContractionSide {
  int stmt = -1;
  llvm::SmallVector<unsigned> dims;
  int64_t extent = 1;
};

struct Contraction {
  /// Columns are what neighbouring elements of the result vary along.
  ContractionSide rows, columns;
  llvm::SmallVector<unsigned> batch; // dims along which both or neither vary
  int64_t batches = 1;
  mlir::Type type; // of the sum
};

/// The contraction that a nest computes and does element-wise work around.
std::optional<Contraction> matchContraction(const LoopNest &nest);

/// The statements that `roots` need, themselves included, in order; those of a
/// sum end at it.
std::vector<int> closure(const LoopNest &nest, llvm::ArrayRef<int> roots);

/// The dims that a statement varies along.
llvm::SmallBitVector dependences(const LoopNest &nest, int stmt);

/// Whether `expr` grows evenly along every dim.
bool isLinear(const LoopNest &nest, mlir::AffineExpr expr);
/// A linear expression where all dims are 0.
int64_t valueAtZero(mlir::AffineExpr expr, const LoopNest &nest);
llvm::SmallVector<unsigned> innerDims(const LoopNest &nest);
/// The stride of the one dim that `dims` are, counted row-major; nothing if
/// `expr` does not step evenly through them.
std::optional<int64_t> commonStride(const LoopNest &nest, mlir::AffineExpr expr,
                                    llvm::ArrayRef<unsigned> dims);

} // namespace weft::cuda
