// SPDX-License-Identifier: Apache-2.0
// Moves what depends on parameters and constants alone from @main to @prepare.
#include "weft/Transforms/Passes.h"

#include "ParameterCode.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace weft {
#define GEN_PASS_DEF_HOISTPARAMETERS
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

/// Ops that cost index arithmetic where their result is read. (A concatenation
/// of parameters is made once: reading it costs a choice per element.)
static bool isView(Operation *op) {
  return isa<BroadcastOp, ReshapeOp, TransposeOp, SliceOp, AsStridedOp>(op);
}

/// What a view shows; the value itself if it is none.
static Value underViews(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isView(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

static bool isExpensive(Operation *op) {
  return isa<SumOp, ProdOp, MaxOp, MinOp, AllOp, AnyOp, ArgmaxOp, ArgminOp,
             ConvOp, MatmulOp, MaxpoolOp, AvgpoolOp>(op);
}

/// All ops that compute `values`, in program order, and the arguments they
/// read, in the order of the function's signature.
struct Slice {
  SmallVector<Operation *> ops;
  SmallVector<BlockArgument> arguments;
};

static Slice sliceOf(ArrayRef<Value> values, Block &block) {
  llvm::DenseSet<Value> seen;
  SmallVector<Value> stack(values);
  llvm::DenseSet<Operation *> needed;
  while (!stack.empty()) {
    Value value = stack.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    if (Operation *op = value.getDefiningOp()) {
      needed.insert(op);
      llvm::append_range(stack, op->getOperands());
    }
  }
  Slice slice;
  for (BlockArgument argument : block.getArguments())
    if (seen.contains(argument))
      slice.arguments.push_back(argument);
  for (Operation &op : block)
    if (needed.contains(&op))
      slice.ops.push_back(&op);
  return slice;
}

/// A number that every evaluation computes anew cheaply, from no parameter,
/// needs no memory that outlives it.
static bool isWorthKeeping(Value value, Block &block) {
  Slice slice = sliceOf(value, block);
  return !slice.arguments.empty() || llvm::any_of(slice.ops, isExpensive);
}

/// The values of `main` to be computed by @prepare.
static SmallVector<Value> findPrepared(func::FuncOp main) {
  Block &block = main.getBody().front();
  ParameterCode parameterCode;
  llvm::SetVector<Value> found;
  for (Operation &op : block.without_terminator()) {
    // Inside parameter-only code nothing ends; what is only returned is
    // computed once anyway.
    if (op.getNumResults() != 0 && parameterCode.contains(op.getResult(0)))
      continue;
    for (Value operand : op.getOperands()) {
      if (!parameterCode.contains(operand))
        continue;
      Value value = underViews(operand);
      Operation *def = value.getDefiningOp();
      if (def && !isa<ConstantOp, IotaOp, SplatOp>(def) &&
          isWorthKeeping(value, block))
        found.insert(value);
    }
  }
  return found.takeVector();
}

static void buildPrepare(func::FuncOp main, ArrayRef<Value> values) {
  Block &block = main.getBody().front();
  Slice slice = sliceOf(values, block);
  SmallVector<Type> argumentTypes, resultTypes;
  SmallVector<DictionaryAttr> argumentAttrs;
  OpBuilder builder(main.getContext());
  for (BlockArgument argument : slice.arguments) {
    argumentTypes.push_back(argument.getType());
    argumentAttrs.push_back(main.getArgAttrDict(argument.getArgNumber()));
  }
  for (Value value : values)
    resultTypes.push_back(value.getType());

  builder.setInsertionPointAfter(main);
  auto prepare = builder.create<func::FuncOp>(
      main.getLoc(), kPrepareName,
      builder.getFunctionType(argumentTypes, resultTypes));
  prepare.setAllArgAttrs(argumentAttrs);
  builder.setInsertionPointToStart(prepare.addEntryBlock());
  IRMapping map;
  map.map(slice.arguments, prepare.getArguments());
  for (Operation *op : slice.ops)
    builder.clone(*op, map);
  SmallVector<Value> results;
  for (Value value : values)
    results.push_back(map.lookup(value));
  builder.create<func::ReturnOp>(main.getLoc(), results);
}

/// Reads `values` from new arguments of `main`, behind the others: those keep
/// their numbers, by which the caller knows them, even where nothing reads them
/// any more.
static void usePrepared(func::FuncOp main, ArrayRef<Value> values) {
  Builder builder(main.getContext());
  for (size_t i = 0; i < values.size(); ++i) {
    Value value = values[i];
    unsigned position = main.getNumArguments();
    auto attributes = builder.getDictionaryAttr(builder.getNamedAttr(
        kPreparedAttr, builder.getI64IntegerAttr(static_cast<int64_t>(i))));
    main.insertArgument(position, value.getType(), attributes, value.getLoc());
    value.replaceAllUsesWith(main.getArgument(position));
  }
  Block &block = main.getBody().front();
  SmallVector<Operation *> ops;
  for (Operation &op : block.without_terminator())
    ops.push_back(&op);
  for (Operation *op : llvm::reverse(ops))
    if (isOpTriviallyDead(op))
      op->erase();
}

namespace {
struct HoistParameters : weft::impl::HoistParametersBase<HoistParameters> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>(kMainName);
    if (!main || main.isExternal() || getOperation().lookupSymbol(kPrepareName))
      return;
    SmallVector<Value> values = findPrepared(main);
    if (values.empty())
      return;
    buildPrepare(main, values);
    usePrepared(main, values);
  }
};
} // namespace
