// SPDX-License-Identifier: Apache-2.0
// The weft dialect for C++.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Graph.h"
#include "weft/Core/Shape.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "weft/IR/Dialect.h.inc"
#include "weft/IR/Enums.h.inc"
#include "weft/IR/Interfaces.h.inc"

namespace weft::ir {
/// The traits of Interfaces.td.
template <typename Op>
class IsView : public mlir::OpTrait::TraitBase<Op, IsView> {};
template <typename Op>
class IsSource : public mlir::OpTrait::TraitBase<Op, IsSource> {};
} // namespace weft::ir

#define GET_ATTRDEF_CLASSES
#include "weft/IR/Attributes.h.inc"
#define GET_OP_CLASSES
#include "weft/IR/AllOps.h.inc"

namespace weft::ir {

/// Attributes of arguments of `@main` and `@prepare`.
inline constexpr llvm::StringLiteral kParameterAttr = "weft.parameter";
inline constexpr llvm::StringLiteral kNameAttr = "weft.name";
/// On arguments of `@main`, kept by passes that move or drop arguments: which
/// input of the program, or which of its numbers, the argument is.
inline constexpr llvm::StringLiteral kInputAttr = "weft.input";
inline constexpr llvm::StringLiteral kScalarAttr = "weft.scalar";
/// On an argument that is a number: what it was when the program was recorded.
inline constexpr llvm::StringLiteral kValueAttr = "weft.value";
/// On arguments of `@main` after hoisting: result number of `@prepare`.
inline constexpr llvm::StringLiteral kPreparedAttr = "weft.prepared";
/// Set by split-batch on @main: into how many parts the batch is split, each of
/// which is one run of the function; and on the arguments that are a part of an
/// input. So is every result.
inline constexpr llvm::StringLiteral kPartsAttr = "weft.parts";
inline constexpr llvm::StringLiteral kPartAttr = "weft.part";
inline constexpr llvm::StringLiteral kMainName = "main";
inline constexpr llvm::StringLiteral kPrepareName = "prepare";
/// Set by plan-memory on a group: the arena offset in bytes of each result, -1
/// for results of the function; where results are written over operands: for
/// each result the number of the operand, or -1; and on the function: the
/// arena's size.
inline constexpr llvm::StringLiteral kOffsetsAttr = "weft.offsets";
inline constexpr llvm::StringLiteral kInPlaceAttr = "weft.in_place";
inline constexpr llvm::StringLiteral kArenaAttr = "weft.arena_bytes";

/// The MLIR element type of a DType, and back. `toDType` needs one of the
/// dialect's element types.
mlir::Type toElementType(mlir::MLIRContext *context, DType dtype);
DType toDType(mlir::Type elementType);
bool isWeftElementType(mlir::Type type);
/// A float of less than 32 bits: computed in f32, rounded when it is stored.
bool isNarrowFloat(mlir::Type elementType);

Shape toShape(mlir::Type tensor);
mlir::RankedTensorType toTensorType(mlir::MLIRContext *context, DType dtype,
                                    const Shape &shape);
inline mlir::RankedTensorType typeOf(mlir::Value tensor) {
  return mlir::cast<mlir::RankedTensorType>(tensor.getType());
}
inline llvm::ArrayRef<int64_t> shapeOf(mlir::Value tensor) {
  return typeOf(tensor).getShape();
}
inline DType elementDType(mlir::Value tensor) {
  return toDType(mlir::getElementTypeOrSelf(tensor.getType()));
}

/// Whether the op is a row of Ops.td (element-wise, operands of one shape).
bool isRow(mlir::Operation *op);
/// One element from one of each operand, at the same index.
bool isElementwise(mlir::Operation *op);
bool isView(mlir::Operation *op);
bool isSource(mlir::Operation *op);
/// Of one of the kinds of Interfaces.td, so that a group may hold it.
bool isFusable(mlir::Operation *op);
/// The mnemonic without the dialect's prefix: `add`.
llvm::StringRef mnemonic(mlir::Operation *op);
/// The OpKind of an op of the dialect that the tracer records.
std::optional<OpKind> opKind(mlir::Operation *op);
/// Builds the op of a row.
mlir::Value createRow(mlir::OpBuilder &builder, mlir::Location location,
                      OpKind kind, mlir::ValueRange operands);

} // namespace weft::ir
