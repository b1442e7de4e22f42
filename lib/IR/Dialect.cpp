// SPDX-License-Identifier: Apache-2.0
// Registers the dialect; translates between DType, Shape and MLIR's types.
#include "weft/IR/Dialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

#include "weft/IR/Dialect.cpp.inc"
#include "weft/IR/Enums.cpp.inc"
#include "weft/IR/Interfaces.cpp.inc"
#define GET_ATTRDEF_CLASSES
#include "weft/IR/Attributes.cpp.inc"

using namespace mlir;

namespace weft::ir {

void WeftDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "weft/IR/Attributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "weft/IR/AllOps.list.inc"
      >();
}

Operation *WeftDialect::materializeConstant(OpBuilder &builder, Attribute value,
                                            Type type, Location location) {
  auto typed = dyn_cast<TypedAttr>(value);
  if (!typed || typed.getType() != type)
    return nullptr;
  return builder.create<ConstantOp>(location, type, typed);
}

Type toElementType(MLIRContext *context, DType dtype) {
  Builder b(context);
  switch (dtype) {
  case DType::float64:
    return b.getF64Type();
  case DType::float32:
    return b.getF32Type();
  case DType::float16:
    return b.getF16Type();
  case DType::bfloat16:
    return b.getBF16Type();
  case DType::float8:
    return b.getFloat8E4M3FNType();
  case DType::int64:
    return b.getI64Type();
  case DType::int32:
    return b.getI32Type();
  case DType::int8:
    return b.getIntegerType(8);
  case DType::int4:
    return b.getIntegerType(4);
  case DType::uint8:
    return b.getIntegerType(8, /*isSigned=*/false);
  case DType::boolean:
    return b.getI1Type();
  }
  llvm_unreachable("every DType is listed");
}

static std::optional<DType> findDType(Type type) {
  for (int i = 0; i < kNumDTypes; ++i) {
    auto dtype = static_cast<DType>(i);
    if (toElementType(type.getContext(), dtype) == type)
      return dtype;
  }
  return std::nullopt;
}

bool isNarrowFloat(Type elementType) {
  return isa<FloatType>(elementType) &&
         elementType.getIntOrFloatBitWidth() < 32;
}

bool isWeftElementType(Type type) { return findDType(type).has_value(); }

DType toDType(Type elementType) {
  std::optional<DType> dtype = findDType(elementType);
  assert(dtype && "not an element type of the dialect");
  return *dtype;
}

Shape toShape(Type tensor) {
  return Shape(std::span<const int64_t>(
      cast<RankedTensorType>(tensor).getShape().begin(),
      cast<RankedTensorType>(tensor).getShape().size()));
}

RankedTensorType toTensorType(MLIRContext *context, DType dtype,
                              const Shape &shape) {
  return RankedTensorType::get(ArrayRef(shape.begin(), shape.size()),
                               toElementType(context, dtype));
}

StringRef mnemonic(Operation *op) { return op->getName().stripDialect(); }

std::optional<OpKind> opKind(Operation *op) {
  if (op->getName().getDialectNamespace() != "weft")
    return std::nullopt;
  return llvm::StringSwitch<std::optional<OpKind>>(mnemonic(op))
#define WEFT_OP(mnemonic) .Case(#mnemonic, OpKind::mnemonic)
#include "weft/IR/OpKinds.inc"
#undef WEFT_OP
      .Default(std::nullopt);
}

bool isRow(Operation *op) {
  return llvm::TypeSwitch<Operation *, bool>(op)
#define WEFT_ROW(mnemonic, opClass, ...)                                       \
  .Case<opClass>([](auto) { return true; })
#include "weft/IR/Rows.inc"
#undef WEFT_ROW
      .Default(false);
}

bool isElementwise(Operation *op) {
  return op->hasTrait<OpTrait::Elementwise>();
}

bool isView(Operation *op) { return op->hasTrait<IsView>(); }

bool isSource(Operation *op) { return op->hasTrait<IsSource>(); }

bool isFusable(Operation *op) {
  return op->getName().getDialectNamespace() ==
             WeftDialect::getDialectNamespace() &&
         (isElementwise(op) || isView(op) || isSource(op) ||
          isa<AnchorOpInterface>(op));
}

Value createRow(OpBuilder &builder, Location location, OpKind kind,
                ValueRange operands) {
  switch (kind) {
#define WEFT_ROW(mnemonic, opClass, ...)                                       \
  case OpKind::mnemonic:                                                       \
    return builder.create<opClass>(location, operands)->getResult(0);
#include "weft/IR/Rows.inc"
#undef WEFT_ROW
  default:
    llvm_unreachable("not a row");
  }
}

} // namespace weft::ir
