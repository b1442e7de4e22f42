// SPDX-License-Identifier: Apache-2.0
// Lets threads work on parts of a batch instead of on parts of every step.
#include "weft/Transforms/Passes.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/DenseMap.h"

#include <optional>

namespace weft {
#define GEN_PASS_DEF_SPLITBATCH
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

// ---- one op -----------------------------------------------------------------

/// Whether the first axis of a slice is the whole of x's, in order.
static bool keepsFirstAxis(ArrayRef<int64_t> from, ArrayRef<int64_t> starts,
                           ArrayRef<int64_t> steps, ArrayRef<int64_t> to) {
  return starts[0] == 0 && steps[0] == 1 && from[0] == to[0];
}

namespace {
/// What a part of a result along its first axis is computed from: of each
/// operand its part, or the whole.
enum class Extent { part, whole };
} // namespace

/// Of every operand of `op`; nothing if a part of its result takes something
/// else, such as other elements of the batch.
static std::optional<SmallVector<Extent>> operandsOfPart(Operation *op,
                                                         int64_t parts) {
  const size_t count = op->getNumOperands();
  SmallVector<Extent> all(count, Extent::part), first(count, Extent::whole);
  if (count > 0)
    first[0] = Extent::part;
  auto only = [](bool possible, const SmallVector<Extent> &extents) {
    return possible ? std::optional(extents) : std::nullopt;
  };
  ArrayRef<int64_t> y = shapeOf(op->getResult(0)), x;
  if (count > 0 && isa<RankedTensorType>(op->getOperand(0).getType()))
    x = shapeOf(op->getOperand(0));
  if (isElementwise(op))
    return all;
  if (auto constant = dyn_cast<ConstantOp>(op))
    return only(isa<SplatElementsAttr>(constant.getValue()), all);
  if (isa<SplatOp>(op))
    return all;
  if (auto iota = dyn_cast<IotaOp>(op))
    return only(iota.getAxis() != 0, all);
  if (isa<BroadcastOp>(op)) {
    const bool repeats = x.size() < y.size() || x[0] != y[0];
    return repeats ? SmallVector<Extent>{Extent::whole} : all;
  }
  if (isa<ReshapeOp>(op))
    return only(!x.empty() && x[0] % parts == 0, all);
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return only(transpose.getPermutation()[0] == 0, all);
  if (auto slice = dyn_cast<SliceOp>(op))
    return only(keepsFirstAxis(x, slice.getStarts(), slice.getSteps(), y), all);
  if (auto resample = dyn_cast<ResampleOp>(op))
    return only(
        keepsFirstAxis(x, resample.getStarts(), resample.getSteps(), y) &&
            resample.getDivisors()[0] == 1,
        all);
  if (auto concatenate = dyn_cast<ConcatenateOp>(op))
    return only(concatenate.getAxis() != 0, all);
  if (auto reduction = dyn_cast<ReductionOpInterface>(op))
    return only(!llvm::is_contained(reduction.getReducedAxes(), 0), all);
  if (isa<MatmulOp>(op))
    return y.size() == 2 ? first : all;
  if (isa<ConvOp, MaxpoolOp, AvgpoolOp>(op))
    return first;
  return std::nullopt;
}

// ---- a function -------------------------------------------------------------

namespace {
/// Which values of a function are needed in parts if its results are.
class Batch {
public:
  Batch(func::FuncOp function, int64_t parts)
      : function_(function), block_(function.getBody().front()), parts_(parts) {
  }

  /// Whether each part of the results is computed from parts of the inputs, or
  /// from what all parts share.
  bool canSplit();
  bool isSplit(Value value) const {
    auto found = extents_.find(value);
    return found != extents_.end() && found->second == Extent::part;
  }
  bool pays(Library library) const;
  void split();

private:
  bool need(Value value, Extent extent);
  bool needOperands(Operation &op);
  void splitType(Value value) const;

  func::FuncOp function_;
  Block &block_;
  int64_t parts_;
  llvm::DenseMap<Value, Extent> extents_; // only looked up
};
} // namespace

bool Batch::need(Value value, Extent extent) {
  if (!isa<RankedTensorType>(value.getType()))
    return true; // a number of the caller
  // What @prepare gives is given whole to every part.
  auto argument = dyn_cast<BlockArgument>(value);
  bool isPrepared =
      argument && function_.getArgAttr(argument.getArgNumber(), kPreparedAttr);
  if (extent == Extent::part &&
      (isPrepared || shapeOf(value).empty() || shapeOf(value)[0] % parts_ != 0))
    return false;
  return extents_.try_emplace(value, extent).first->second == extent;
}

bool Batch::needOperands(Operation &op) {
  SmallVector<Extent> extents(op.getNumOperands(), Extent::whole);
  if (isSplit(op.getResult(0))) {
    auto found = operandsOfPart(&op, parts_);
    if (!found)
      return false;
    extents = std::move(*found);
  }
  return llvm::all_of(llvm::zip(op.getOperands(), extents), [&](auto pair) {
    return need(std::get<0>(pair), std::get<1>(pair));
  });
}

bool Batch::canSplit() {
  Operation *terminator = block_.getTerminator();
  for (Value result : terminator->getOperands())
    if (!need(result, Extent::part) || typeOf(result).getNumElements() == 0)
      return false;
  for (Operation &op : llvm::reverse(block_.without_terminator()))
    if (!needOperands(op))
      return false;
  return terminator->getNumOperands() > 0;
}

bool Batch::pays(Library library) const {
  SmallVector<Operation *> split, whole;
  for (Operation &op : block_.without_terminator())
    (isSplit(op.getResult(0)) ? split : whole).push_back(&op);
  return gainsFromParts(library, split, whole, parts_);
}

void Batch::splitType(Value value) const {
  if (!isSplit(value))
    return;
  SmallVector<int64_t> shape(shapeOf(value));
  shape[0] /= parts_;
  value.setType(typeOf(value).clone(shape));
}

void Batch::split() {
  Builder builder(function_.getContext());
  for (BlockArgument argument : block_.getArguments()) {
    if (isSplit(argument))
      function_.setArgAttr(argument.getArgNumber(), kPartAttr,
                           builder.getUnitAttr());
    splitType(argument);
  }
  for (Operation &op : block_.without_terminator()) {
    splitType(op.getResult(0));
    if (auto constant = dyn_cast<ConstantOp>(op);
        constant && isSplit(constant.getResult()))
      constant.setValueAttr(cast<SplatElementsAttr>(constant.getValue())
                                .resizeSplat(typeOf(constant.getResult())));
  }
  function_->setAttr(kPartsAttr, builder.getI64IntegerAttr(parts_));
  function_.setType(builder.getFunctionType(
      block_.getArgumentTypes(), block_.getTerminator()->getOperandTypes()));
}

namespace {
struct SplitBatch : weft::impl::SplitBatchBase<SplitBatch> {
  using SplitBatchBase::SplitBatchBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (parts < 2 || function.isExternal() ||
        function.getName() == kPrepareName)
      return;
    Batch batch(function, parts);
    if (batch.canSplit() && batch.pays(library))
      batch.split();
  }
};
} // namespace
