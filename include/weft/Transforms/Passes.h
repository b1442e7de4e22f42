// SPDX-License-Identifier: Apache-2.0
// Weft's passes for C++; what each does is in Passes.td.
#pragma once

#include "weft/IR/Dialect.h"
#include "weft/Transforms/LibraryWork.h"

#include "mlir/Pass/Pass.h"

#include <functional>

namespace weft {

/// Whether a device has one kernel for a group of a convolution, what puts its
/// data in the order in which it reads them, element-wise ops behind it, and
/// max pooling of their results; the first or the last may not be there.
using ImageRule = std::function<bool(ir::GroupOp)>;

/// Whether one kernel for a pair takes less time than two, of which that of the
/// second group is one.
using PairRule = std::function<bool(ir::GroupOp second, ir::GroupOp pair)>;

/// Whether a device has a kernel for the product that two become whose results
/// are added: a conv or matmul of rows that lie in two tensors.
using SumRule = std::function<bool(mlir::Operation *product)>;

/// Whether a device has a kernel that reads the weights of a product, which
/// have been rounded to TF32, as they lie in memory.
using WeightsRule = std::function<bool(mlir::Operation *product)>;

#define GEN_PASS_DECL
#include "weft/Transforms/Passes.h.inc"
/// weft-fuse for a device with such kernels.
std::unique_ptr<mlir::Pass> createFuse(FuseOptions options,
                                       ImageRule takesImage);
/// weft-pair-products for the pairs that gain; for all without a rule.
std::unique_ptr<mlir::Pass> createPairProducts(PairRule gains);
/// weft-sum-products for the sums that a kernel takes; for all without a rule.
std::unique_ptr<mlir::Pass> createSumProducts(SumRule takesSum);
/// weft-round-weights for the products of such kernels; for all without a rule.
std::unique_ptr<mlir::Pass> createRoundWeights(WeightsRule readsTf32);

#define GEN_PASS_REGISTRATION
#include "weft/Transforms/Passes.h.inc"

} // namespace weft
