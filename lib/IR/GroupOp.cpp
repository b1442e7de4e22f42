// SPDX-License-Identifier: Apache-2.0
// Text form, verifier and properties of weft.group: what is verified here, back
// ends need not ask again.
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

// ---- verifier ---------------------------------------------------------------

static int64_t elementsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getNumElements();
}

static std::string text(ArrayRef<int64_t> sizes) {
  return to_string(Shape(std::span<const int64_t>(sizes.data(), sizes.size())));
}

/// Only what loops can compute at an index.
static LogicalResult verifyOps(GroupOp group) {
  for (Operation &op : group.getBody().front().without_terminator()) {
    if (!isFusable(&op))
      return group.emitError()
             << "group: holds an op that is not element-wise, "
                "a view, a source, a reduction or a window: "
             << op.getName();
    auto constant = dyn_cast<ConstantOp>(op);
    if (constant && !cast<DenseElementsAttr>(constant.getValue()).isSplat())
      return group.emitError()
             << "group: holds a constant with different elements: "
             << constant.getType();
  }
  return success();
}

MaxpoolOp GroupOp::getPooling() {
  Block &block = getBody().front();
  SmallVector<AnchorOpInterface> anchors(block.getOps<AnchorOpInterface>());
  if (anchors.size() != 2 || block.getTerminator()->getNumOperands() != 1)
    return {};
  auto conv = dyn_cast<ConvOp>(*anchors[0]);
  auto pool = dyn_cast<MaxpoolOp>(*anchors[1]);
  if (!conv || !pool || shapeOf(pool.getX()) != shapeOf(conv.getResult()) ||
      pool.getChannelsLast() != conv.getChannelsLast() ||
      block.getTerminator()->getOperand(0) != pool.getResult())
    return {};
  return pool;
}

/// One loop nest serves all, or each of a pair of products has its own.
static LogicalResult verifyAnchors(GroupOp group,
                                   ArrayRef<AnchorOpInterface> anchors) {
  if (group.isPair() || group.getPooling())
    return success();
  for (AnchorOpInterface other : anchors.drop_front(!anchors.empty())) {
    auto first = dyn_cast<ReductionOpInterface>(*anchors.front());
    auto second = dyn_cast<ReductionOpInterface>(*other);
    if (!first || !second)
      return group.emitError()
             << "group: two ops with loop nests of their own: "
             << anchors.front()->getName() << " and " << other->getName();
    ArrayRef<int64_t> shape = shapeOf(first->getOperand(0));
    if (shapeOf(second->getOperand(0)) != shape)
      return group.emitError()
             << "group: reduces different shapes: " << text(shape) << " and "
             << text(shapeOf(second->getOperand(0)));
    if (first.getReducedAxes() != second.getReducedAxes())
      return group.emitError() << "group: reduces different axes: "
                               << text(first.getReducedAxes()) << " and "
                               << text(second.getReducedAxes());
  }
  return success();
}

/// Every result is stored once a point or once a row of the loops.
static LogicalResult verifyResults(GroupOp group,
                                   ArrayRef<AnchorOpInterface> anchors) {
  if (group.getNumResults() == 0)
    return group.emitError() << "group: no results";
  int64_t rows = elementsOf(anchors.empty() ? group.getResult(0)
                                            : anchors.back()->getResult(0));
  int64_t points = rows;
  if (group.isPair())
    rows = elementsOf(anchors.front()->getResult(0));
  if (!anchors.empty() && isa<ReductionOpInterface>(*anchors.front()))
    points = elementsOf(anchors.front()->getOperand(0));
  for (Value result : group.getResults())
    if (elementsOf(result) != rows && elementsOf(result) != points)
      return group.emitError()
             << "group: a result has elements for neither rows nor points of "
                "the loops: result "
             << text(shapeOf(result)) << ", rows " << rows << ", points "
             << points;
  return success();
}

/// Two results cannot lie over one operand.
static LogicalResult verifyInPlace(GroupOp group) {
  auto operands = group->getAttrOfType<DenseI64ArrayAttr>(kInPlaceAttr);
  if (!operands)
    return success();
  llvm::DenseSet<int64_t> taken;
  for (auto [result, operand] : llvm::enumerate(operands.asArrayRef())) {
    if (operand < 0)
      continue;
    if (!taken.insert(operand).second ||
        !group.mayRunInPlace(static_cast<unsigned>(operand),
                             static_cast<unsigned>(result)))
      return group.emitError() << kInPlaceAttr << ": result " << result
                               << " cannot be written over operand " << operand;
  }
  return success();
}

LogicalResult GroupOp::verifyRegions() {
  Block &block = getBody().front();
  if (block.getArgumentTypes() != getInputs().getTypes())
    return emitError() << "group: arguments and operands differ in type";
  if (block.getTerminator()->getOperandTypes() != getResultTypes())
    return emitError() << "group: yielded values and results differ in type";
  if (failed(verifyOps(*this)))
    return failure();
  SmallVector<AnchorOpInterface> anchors(block.getOps<AnchorOpInterface>());
  if (failed(verifyAnchors(*this, anchors)) ||
      failed(verifyResults(*this, anchors)))
    return failure();
  ScheduleKind content = isPair()          ? ScheduleKind::pair
                         : anchors.empty() ? ScheduleKind::loop
                                           : anchors.front().getScheduleKind();
  if (failed(verifyInPlace(*this)))
    return failure();
  ScheduleAttr schedule = getScheduleAttr();
  if (schedule && schedule.getKind() != content)
    return emitError() << "group: schedule does not fit what the group holds: "
                       << "schedule "
                       << stringifyScheduleKind(schedule.getKind())
                       << ", holds " << stringifyScheduleKind(content);
  return success();
}

// ---- pairs ------------------------------------------------------------------

/// What the second of two products multiplies with its weights, as it is kept:
/// not rounded yet. Null for other groups.
static Value pairedValueOf(Block &body) {
  SmallVector<AnchorOpInterface> anchors(body.getOps<AnchorOpInterface>());
  if (anchors.size() != 2 || !llvm::all_of(anchors, [](Operation *op) {
        return isa<ConvOp, MatmulOp>(op);
      }))
    return {};
  Value data = anchors[1]->getOperand(0);
  if (auto rounded = data.getDefiningOp<ReducePrecisionOp>())
    data = rounded.getX();
  bool isKept = llvm::is_contained(body.getTerminator()->getOperands(), data);
  return isKept && data.getDefiningOp() ? data : Value();
}

bool GroupOp::isPair() { return pairedValueOf(getBody().front()) != Value(); }

Value GroupOp::getPairedValue() { return pairedValueOf(getBody().front()); }

unsigned GroupOp::getPairedResult() {
  OperandRange kept = getBody().front().getTerminator()->getOperands();
  return static_cast<unsigned>(llvm::find(kept, getPairedValue()) -
                               kept.begin());
}

// ---- in place ---------------------------------------------------------------

/// Elements that one step of the loops stores lie at the same place in memory
/// as those of its operands.
static bool keepsPlaces(Operation *op) {
  return isElementwise(op) || isa<ReshapeOp, YieldOp>(op);
}

/// Whether element i of `argument` is read for element i of a result alone.
/// `readsAhead`: or before the first element of that row is stored, by a
/// reduction of the row. Of a pair, `kept` is the value that is stored before
/// all others, which read it from elsewhere.
static bool readsInPlace(Block &body, BlockArgument argument, bool readsAhead,
                         Value kept) {
  llvm::DenseSet<Value> moved; // what is needed at another place
  for (Operation &op : llvm::reverse(body)) {
    if (readsAhead && isa<ReductionOpInterface>(op))
      continue;
    if (kept && isa<YieldOp>(op))
      for (Value later : op.getOperands())
        if (later != kept)
          moved.insert(later);
    Value result = op.getNumResults() ? op.getResult(0) : Value();
    if (!keepsPlaces(&op) ||
        (result && result != kept && moved.contains(result)))
      moved.insert(op.operand_begin(), op.operand_end());
  }
  return !moved.contains(argument);
}

/// Whether a result shows elements of its value at other places: loops may then
/// store it in an order of its own.
static bool isReordered(Value result) {
  Operation *op = result.getDefiningOp();
  while (isa_and_nonnull<ReshapeOp>(op))
    op = op->getOperand(0).getDefiningOp();
  return op && isView(op);
}

/// All loops compute a result element by element: first what its windows or
/// reductions give, then what follows from that at the same place, and then it
/// is stored. So it may take the place of what is read there and nowhere else.
/// Reductions have read their whole row when the first of its elements is
/// stored. They store results of rows before those of points, which may read
/// the same operand: where a row has one element, the two cannot be told apart.
bool GroupOp::mayRunInPlace(unsigned operand, unsigned result) {
  Block &body = getBody().front();
  auto from = dyn_cast<RankedTensorType>(getInputs()[operand].getType());
  auto to = cast<RankedTensorType>(getResult(result).getType());
  if (!from || from.getNumElements() != to.getNumElements() ||
      size_in_bytes(toDType(from.getElementType())) !=
          size_in_bytes(toDType(to.getElementType())) ||
      isReordered(body.getTerminator()->getOperand(result)))
    return false;
  auto reductions = body.getOps<ReductionOpInterface>();
  bool isOfPoints = false;
  if (!reductions.empty()) {
    Operation *first = *reductions.begin();
    int64_t points = elementsOf(first->getOperand(0));
    if (points == elementsOf(first->getResult(0)))
      return false;
    isOfPoints = to.getNumElements() == points;
  }
  // The second of two products reads what it multiplies from shared memory.
  Value kept;
  if (isPair() && result == getPairedResult())
    kept = getPairedValue();
  return readsInPlace(body, body.getArgument(operand), isOfPoints, kept);
}

} // namespace weft::ir
