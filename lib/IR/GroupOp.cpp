// SPDX-License-Identifier: Apache-2.0
// Text form, verifier and properties of weft.group.
//
//   %r = weft.group(%a = %x, %b = %y) schedule(<loop>) : tensor<..>, tensor<..>
//   -> tensor<..> {
//     ...
//     weft.yield %v : tensor<..>
//   }
#include "weft/IR/Dialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;

namespace weft::ir {

void GroupOp::print(OpAsmPrinter &printer) {
  Block &block = getBody().front();
  printer << '(';
  llvm::interleaveComma(
      llvm::zip(block.getArguments(), getInputs()), printer, [&](auto pair) {
        printer << std::get<0>(pair) << " = " << std::get<1>(pair);
      });
  printer << ')';
  if (ScheduleAttr schedule = getScheduleAttr()) {
    printer << " schedule(";
    printer.printStrippedAttrOrType(schedule);
    printer << ')';
  }
  printer.printOptionalAttrDictWithKeyword((*this)->getAttrs(),
                                           {getScheduleAttrName()});
  printer << " : ";
  llvm::interleaveComma(getInputs().getTypes(), printer);
  printer << " -> ";
  llvm::interleaveComma(getResultTypes(), printer);
  printer << ' ';
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

ParseResult GroupOp::parse(OpAsmParser &parser, OperationState &state) {
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> inputs;
  auto parsePair = [&]() -> ParseResult {
    return failure(parser.parseArgument(arguments.emplace_back()) ||
                   parser.parseEqual() ||
                   parser.parseOperand(inputs.emplace_back()));
  };
  if (parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Paren, parsePair))
    return failure();
  if (succeeded(parser.parseOptionalKeyword("schedule"))) {
    Attribute schedule;
    if (parser.parseLParen())
      return failure();
    schedule = ScheduleAttr::parse(parser, Type());
    if (!schedule || parser.parseRParen())
      return failure();
    state.addAttribute(getScheduleAttrName(state.name), schedule);
  }
  SmallVector<Type> inputTypes;
  if (parser.parseOptionalAttrDictWithKeyword(state.attributes) ||
      parser.parseColon())
    return failure();
  SMLoc location = parser.getCurrentLocation();
  if ((!inputs.empty() && parser.parseTypeList(inputTypes)) ||
      parser.parseArrow() || parser.parseTypeList(state.types) ||
      parser.resolveOperands(inputs, inputTypes, location, state.operands))
    return failure();
  for (auto [argument, type] : llvm::zip(arguments, inputTypes))
    argument.type = type;
  Region *body = state.addRegion();
  if (parser.parseRegion(*body, arguments))
    return failure();
  ensureTerminator(*body, parser.getBuilder(), state.location);
  return success();
}

LogicalResult GroupOp::verify() {
  Block &block = getBody().front();
  if (block.getArgumentTypes() != getInputs().getTypes())
    return emitError() << "group: arguments and operands differ in type";
  auto yield = cast<YieldOp>(block.getTerminator());
  if (yield.getValues().getTypes() != getResultTypes())
    return emitError() << "group: yielded values and results differ in type";
  for (Operation &op : block.without_terminator())
    if (op.getName().getDialectNamespace() != "weft" || isa<GroupOp>(op))
      return emitError() << "group: holds an op that is no tensor op: "
                         << op.getName();
  return success();
}

// ---- in place ---------------------------------------------------------------

/// Whether element i of every result depends on element i of `argument` alone.
static bool readsElementByElement(Block &body, BlockArgument argument) {
  // All values that are needed at another index than the result's.
  llvm::DenseSet<Value> moved;
  for (Operation &op : llvm::reverse(body)) {
    bool moves =
        !isa<YieldOp, CastOp>(op) && !op.hasTrait<OpTrait::Elementwise>();
    if (moves || (op.getNumResults() && moved.contains(op.getResult(0))))
      moved.insert(op.operand_begin(), op.operand_end());
  }
  return !moved.contains(argument);
}

bool GroupOp::mayRunInPlace(unsigned operand, unsigned result) {
  ScheduleAttr schedule = getScheduleAttr();
  if (!schedule || schedule.getKind() != ScheduleKind::loop)
    return false;
  auto from = dyn_cast<RankedTensorType>(getInputs()[operand].getType());
  auto to = cast<RankedTensorType>(getResult(result).getType());
  return from && from.getShape() == to.getShape() &&
         size_in_bytes(toDType(from.getElementType())) ==
             size_in_bytes(toDType(to.getElementType())) &&
         readsElementByElement(getBody().front(),
                               getBody().getArgument(operand));
}

} // namespace weft::ir
