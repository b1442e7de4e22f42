// SPDX-License-Identifier: Apache-2.0
#include "ParameterCode.h"

using namespace mlir;
using namespace weft::ir;

namespace weft {

/// Arguments of blocks other than a function's entry are nobody's parameters.
static func::FuncOp functionOf(BlockArgument argument) {
  if (!argument.getOwner()->isEntryBlock())
    return {};
  return dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
}

bool ParameterCode::contains(Value root) {
  // Graphs may be deep: no recursion.
  SmallVector<Value> stack{root};
  while (!stack.empty()) {
    Value value = stack.back();
    if (known_.contains(value)) {
      stack.pop_back();
      continue;
    }
    Operation *op = value.getDefiningOp();
    if (!op) {
      auto argument = cast<BlockArgument>(value);
      func::FuncOp function = functionOf(argument);
      known_[value] = function && function.getArgAttr(argument.getArgNumber(),
                                                      kParameterAttr);
      stack.pop_back();
      continue;
    }
    bool all = op->getNumRegions() == 0 && isMemoryEffectFree(op);
    Value unknown;
    for (Value operand : op->getOperands()) {
      auto found = known_.find(operand);
      if (found != known_.end())
        all &= found->second;
      else if (!unknown)
        unknown = operand;
    }
    // One operand is enough to say no.
    if (all && unknown) {
      stack.push_back(unknown);
      continue;
    }
    known_[value] = all;
    stack.pop_back();
  }
  return known_[root];
}

StringRef parameterName(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (op->getNumOperands() == 0)
      return {};
    value = op->getOperand(0);
  }
  auto argument = cast<BlockArgument>(value);
  func::FuncOp function = functionOf(argument);
  if (!function)
    return {};
  auto name =
      function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), kNameAttr);
  return name ? name.getValue() : StringRef();
}

StringRef moduleName(Value parameter) {
  StringRef name = parameterName(parameter);
  return name.contains('.') ? name.rsplit('.').first : StringRef();
}

} // namespace weft
