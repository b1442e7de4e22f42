// SPDX-License-Identifier: Apache-2.0
// Verifies what the dialect hangs on functions, their arguments, and groups: a
// number that passes or code generation would trust is in range.
#include "weft/IR/Dialect.h"

#include "mlir/Interfaces/FunctionInterfaces.h"

#include <limits>

using namespace mlir;

namespace weft::ir {

static LogicalResult unknown(Operation *op, NamedAttribute attribute,
                             StringRef where) {
  return op->emitError() << attribute.getName().getValue()
                         << ": no attribute of " << where;
}

/// An i64 in [0, end).
static LogicalResult verifyNumber(Operation *op, NamedAttribute attribute,
                                  int64_t end) {
  auto number = dyn_cast<IntegerAttr>(attribute.getValue());
  if (number && number.getType().isSignlessInteger(64) &&
      number.getInt() >= 0 && number.getInt() < end)
    return success();
  return op->emitError() << attribute.getName().getValue()
                         << ": must be an i64 of at least 0 and below " << end
                         << ": got " << attribute.getValue();
}

/// Of i64, one a result, each of at least -1 and below `end`. `what`: an
/// element. MLIR 19 cannot print arrays of i1, nor an op that has one.
static LogicalResult verifyList(Operation *op, NamedAttribute attribute,
                                StringRef what, int64_t end) {
  auto list = dyn_cast<DenseI64ArrayAttr>(attribute.getValue());
  if (!list)
    return emitError(op->getLoc())
           << attribute.getName().getValue() << ": must be an array of i64";
  bool isInRange = llvm::all_of(list.asArrayRef(),
                                [&](int64_t i) { return i >= -1 && i < end; });
  if (list.size() == op->getNumResults() && isInRange)
    return success();
  return op->emitError() << attribute.getName().getValue() << ": must be one "
                         << what << ", or -1, a result: got " << list << " for "
                         << op->getNumResults() << " results";
}

static LogicalResult verifyName(Operation *op, NamedAttribute attribute) {
  if (isa<StringAttr>(attribute.getValue()))
    return success();
  return op->emitError() << attribute.getName().getValue()
                         << ": must be a string: got " << attribute.getValue();
}

LogicalResult WeftDialect::verifyOperationAttribute(Operation *op,
                                                    NamedAttribute attribute) {
  StringRef name = attribute.getName();
  if (name == kOffsetsAttr && isa<GroupOp>(op))
    return verifyList(op, attribute, "offset",
                      std::numeric_limits<int64_t>::max());
  if (name == kInPlaceAttr && isa<GroupOp>(op))
    return verifyList(op, attribute, "operand", op->getNumOperands());
  if (name == kArenaAttr && isa<func::FuncOp>(op))
    return verifyNumber(op, attribute, std::numeric_limits<int64_t>::max());
  if (name == kPartsAttr && isa<func::FuncOp>(op))
    return verifyNumber(op, attribute, std::numeric_limits<int32_t>::max());
  return unknown(op, attribute, op->getName().getStringRef());
}

/// A number of the argument's type.
static LogicalResult verifyValue(Operation *op, NamedAttribute attribute,
                                 Type type) {
  auto value = dyn_cast<TypedAttr>(attribute.getValue());
  if (isa_and_nonnull<FloatAttr, IntegerAttr>(value) && value.getType() == type)
    return success();
  return op->emitError() << attribute.getName().getValue()
                         << ": must be a number of the argument's type " << type
                         << ": got " << attribute.getValue();
}

/// Parameters, inputs and prepared values are tensors; numbers are not.
static LogicalResult verifyArgumentType(Operation *op, NamedAttribute attribute,
                                        Type type) {
  bool isNumber =
      attribute.getName() == kScalarAttr || attribute.getName() == kValueAttr;
  if (isNumber ? isWeftElementType(type) : isa<RankedTensorType>(type))
    return success();
  return op->emitError() << attribute.getName().getValue()
                         << ": argument is not a "
                         << (isNumber ? "number" : "tensor") << ": " << type;
}

LogicalResult WeftDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                    unsigned argument,
                                                    NamedAttribute attribute) {
  auto function = dyn_cast<FunctionOpInterface>(op);
  StringRef name = attribute.getName();
  bool isNumbered =
      name == kInputAttr || name == kScalarAttr || name == kPreparedAttr;
  const bool isUnit = name == kParameterAttr || name == kPartAttr;
  if (!function ||
      (!isNumbered && !isUnit && name != kNameAttr && name != kValueAttr))
    return unknown(op, attribute, "an argument");
  if (isUnit && !isa<UnitAttr>(attribute.getValue()))
    return op->emitError() << name << ": takes no value: got "
                           << attribute.getValue();
  if (name == kNameAttr)
    return verifyName(op, attribute);
  // @prepare takes some inputs of @main and keeps their numbers; what has the
  // other numbers are arguments of one function.
  int64_t end = name == kInputAttr ? std::numeric_limits<int32_t>::max()
                                   : function.getNumArguments();
  if (isNumbered && failed(verifyNumber(op, attribute, end)))
    return failure();
  Type type = function.getArgumentTypes()[argument];
  if (failed(verifyArgumentType(op, attribute, type)))
    return failure();
  return name == kValueAttr ? verifyValue(op, attribute, type) : success();
}

LogicalResult
WeftDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned,
                                         NamedAttribute attribute) {
  if (attribute.getName() == kNameAttr)
    return verifyName(op, attribute);
  return unknown(op, attribute, "a result");
}

} // namespace weft::ir
