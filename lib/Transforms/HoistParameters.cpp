// SPDX-License-Identifier: Apache-2.0
// Moves what depends on parameters and constants alone from @main to @prepare.
#include "weft/Transforms/Passes.h"

#include "DeadOps.h"
#include "ParameterCode.h"
#include "Rounding.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/SetVector.h"

namespace weft {
#define GEN_PASS_DEF_HOISTPARAMETERS
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

/// What a view shows; the value itself if it is none. (A concatenation of
/// parameters is made once: reading it costs a choice per element.)
static Value underViews(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isView(op) || op->getNumOperands() != 1)
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// All ops that compute `values`, in program order, and the arguments they
/// read, in the order of the function's signature.
struct Slice {
  SmallVector<Operation *> ops;
  SmallVector<BlockArgument> arguments;
};

static Slice sliceOf(ArrayRef<Value> values) {
  llvm::DenseSet<Value> seen;
  SmallVector<Value> stack(values);
  Slice slice;
  while (!stack.empty()) {
    Value value = stack.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    Operation *op = value.getDefiningOp();
    if (!op) {
      slice.arguments.push_back(cast<BlockArgument>(value));
      continue;
    }
    slice.ops.push_back(op);
    llvm::append_range(stack, op->getOperands());
  }
  llvm::sort(slice.arguments, [](BlockArgument a, BlockArgument b) {
    return a.getArgNumber() < b.getArgNumber();
  });
  llvm::sort(slice.ops,
             [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  return slice;
}

/// A type that no op of Weft reads counts as one element.
static int64_t elementsOf(Value value) {
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor && tensor.hasStaticShape() ? tensor.getNumElements() : 1;
}

// ---- what is prepared -------------------------------------------------------

/// Results with no more elements are kept whatever they are made from.
static constexpr int64_t kSmall = 1 << 16;

namespace {
/// Finds the values of `main` to be computed by @prepare.
class Finder {
public:
  explicit Finder(Block &block);
  SmallVector<Value> run();

private:
  /// What every value depends on.
  struct Origin {
    bool isParameterCode = true;
    bool isExpensive = false;
    int64_t largest = 0; // elements of the largest parameter
  };
  void add(Operation *user);
  bool isWorthKeeping(Value value) const;
  bool isWidenedBy(Operation *user, Value value) const;
  bool isTooLarge(Value value) const;

  Block &block_;
  llvm::DenseMap<Value, Origin> origins_; // only looked up
  llvm::DenseSet<Operation *> seen_;      // whose operands were looked at
  llvm::SetVector<Value> found_;
};
} // namespace

Finder::Finder(Block &block) : block_(block) {
  ParameterCode parameterCode;
  for (BlockArgument argument : block.getArguments())
    origins_[argument] = {parameterCode.contains(argument), false,
                          elementsOf(argument)};
  for (Operation &op : block.without_terminator()) {
    Origin origin{true, isa<AnchorOpInterface>(op), 0};
    for (Value operand : op.getOperands()) {
      const Origin &other = origins_.at(operand);
      origin.isExpensive |= other.isExpensive;
      origin.largest = std::max(origin.largest, other.largest);
    }
    for (Value result : op.getResults()) {
      origin.isParameterCode = parameterCode.contains(result);
      origins_[result] = origin;
    }
  }
}

/// A number that every evaluation computes anew cheaply, from no parameter,
/// needs no memory that outlives it.
bool Finder::isWorthKeeping(Value value) const {
  const Origin &origin = origins_.at(value);
  return origin.largest > 0 || origin.isExpensive;
}

/// Whether `user` had better widen the 16-bit elements itself: it then reads
/// half the bytes, for every row. An op with a window reads its operands too
/// often, and copies them as they are.
bool Finder::isWidenedBy(Operation *user, Value value) const {
  auto widening = value.getDefiningOp<CastOp>();
  if (!widening || isa<WindowOpInterface>(user))
    return false;
  Type from = getElementTypeOrSelf(widening.getX());
  return (from.isF16() || from.isBF16()) && getElementTypeOrSelf(value).isF32();
}

/// Whether keeping `value` takes more memory than the parameters that it is
/// made from.
bool Finder::isTooLarge(Value value) const {
  int64_t allowed = origins_.at(value).largest + kSmall;
  if (elementsOf(value) <= allowed)
    return false;
  int64_t sum = 0;
  for (BlockArgument argument : sliceOf(value).arguments)
    sum += elementsOf(argument);
  return elementsOf(value) > sum + kSmall;
}

/// `user` runs in @main: what it reads of parameter code is prepared, or runs
/// there as well.
void Finder::add(Operation *user) {
  SmallVector<Operation *> stack{user};
  while (!stack.empty()) {
    Operation *op = stack.pop_back_val();
    if (!seen_.insert(op).second)
      continue;
    for (Value operand : op->getOperands()) {
      if (!origins_.at(operand).isParameterCode)
        continue;
      Value value = underViews(operand);
      Operation *def = value.getDefiningOp();
      if (!def || isSource(def) || !isWorthKeeping(value))
        continue;
      if (isTooLarge(value) || isWidenedBy(op, value))
        stack.push_back(def);
      else
        found_.insert(value);
    }
  }
}

SmallVector<Value> Finder::run() {
  for (Operation &op : block_.without_terminator()) {
    // Inside parameter-only code nothing ends; what is only returned is
    // computed once anyway.
    bool isParameterCode =
        op.getNumResults() != 0 && origins_.at(op.getResult(0)).isParameterCode;
    if (!isParameterCode)
      add(&op);
  }
  return found_.takeVector();
}

// ---- the two functions ------------------------------------------------------

/// The ops of `main` that @prepare has copies of.
using Copies = llvm::DenseMap<Operation *, Operation *>; // only looked up

static Copies buildPrepare(func::FuncOp main, ArrayRef<Value> values) {
  Copies copies;
  Slice slice = sliceOf(values);
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
    copies[op] = builder.clone(*op, map);
  SmallVector<Value> results;
  for (Value value : values)
    results.push_back(map.lookup(value));
  builder.create<func::ReturnOp>(main.getLoc(), results);
  return copies;
}

/// Reads `values` from new arguments of `main`, behind the others: those keep
/// their numbers, by which the caller knows them, even where nothing reads them
/// any more.
static void usePrepared(func::FuncOp main, ArrayRef<Value> values) {
  Builder builder(main.getContext());
  unsigned first = main.getNumArguments();
  SmallVector<unsigned> positions(values.size(), first);
  SmallVector<Type> types;
  SmallVector<DictionaryAttr> attributes;
  SmallVector<Location> locations;
  for (auto [i, value] : llvm::enumerate(values)) {
    types.push_back(value.getType());
    attributes.push_back(builder.getDictionaryAttr(builder.getNamedAttr(
        kPreparedAttr, builder.getI64IntegerAttr(static_cast<int64_t>(i)))));
    locations.push_back(value.getLoc());
  }
  main.insertArguments(positions, types, attributes, locations);
  for (auto [i, value] : llvm::enumerate(values))
    Value(value).replaceAllUsesWith(main.getArgument(first + i));
  eraseDeadOps(main.getBody().front());
}

/// What both functions compute has one value in both.
static void roundCopies(func::FuncOp main, func::FuncOp prepare,
                        const Copies &copies) {
  llvm::DenseSet<Operation *> inBoth;
  for (Operation &op : main.getBody().front())
    if (auto copy = copies.find(&op); copy != copies.end()) {
      inBoth.insert(&op);
      inBoth.insert(copy->second);
    }
  for (func::FuncOp function : {main, prepare})
    roundShared(function.getBody().front(),
                [&](Operation *op) { return inBoth.contains(op); });
}

namespace {
struct HoistParameters : weft::impl::HoistParametersBase<HoistParameters> {
  void runOnOperation() override {
    auto main = getOperation().lookupSymbol<func::FuncOp>(kMainName);
    if (!main || main.isExternal() || getOperation().lookupSymbol(kPrepareName))
      return;
    SmallVector<Value> values = Finder(main.getBody().front()).run();
    if (values.empty())
      return;
    Copies copies = buildPrepare(main, values);
    usePrepared(main, values);
    roundCopies(main, getOperation().lookupSymbol<func::FuncOp>(kPrepareName),
                copies);
  }
};
} // namespace
