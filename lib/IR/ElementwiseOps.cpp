// SPDX-License-Identifier: Apache-2.0
// The classes of the element-wise ops.
#include "weft/IR/Dialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace weft::ir {

/// Comparisons: bool in the shape of the operands.
static LogicalResult inferPredicateType(MLIRContext *context,
                                        ValueRange operands,
                                        SmallVectorImpl<Type> &types) {
  auto type = dyn_cast<RankedTensorType>(operands[0].getType());
  if (!type)
    return failure();
  types.push_back(type.clone(IntegerType::get(context, 1)));
  return success();
}

} // namespace weft::ir

#define GET_OP_CLASSES
#include "weft/IR/Ops.cpp.inc"
