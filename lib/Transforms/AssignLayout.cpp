// SPDX-License-Identifier: Apache-2.0
// Convolutions of 16-bit floats work with their channels last, as tensor cores
// want to read them; or those that a library on the CPU computes. What
// computes with their results follows, so that the elements are moved at the
// borders of the graph and not between its ops.
#include "weft/Transforms/Passes.h"

#include "ConvForm.h"
#include "FusionRules.h"

#include "weft/Transforms/LibraryWork.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/Sequence.h"

namespace weft {
#define GEN_PASS_DEF_ASSIGNLAYOUT
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

/// Rows, columns and steps of k below which most of a tile would be empty.
static constexpr int64_t kLeastOfTensorCores = 16;

// ---- axes -------------------------------------------------------------------

static SmallVector<int64_t> toFirst(int64_t rank) {
  auto permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::rotate(permutation.begin() + 1, permutation.end() - 1,
              permutation.end());
  return permutation;
}

/// Where axis `axis` of [N, C, ...] lies in [N, ..., C].
static int64_t axisInLast(int64_t axis, int64_t rank) {
  return axis == 0 ? 0 : axis == 1 ? rank - 1 : axis - 1;
}

namespace {
class Assigner {
public:
  Assigner(func::FuncOp function, Library library, bool tf32)
      : function_(function), library_(library), tf32_(tf32),
        builder_(function) {}

  void run();

private:
  void rewrite(Operation *op);
  void rewriteConv(ConvOp conv);
  void rewriteForLibrary(ConvOp conv);
  void rewriteInPlace(Operation *op);
  void rewriteReduction(Operation *op);
  void rewriteConcatenate(ConcatenateOp op);
  void rewriteSlice(SliceOp op);
  void rewriteResample(ResampleOp op);
  void rewriteProduct(ValueRange operands);

  bool isForTensorCores(ConvOp conv) const;
  bool isForTensorCores(MatmulOp matmul) const;
  bool isLast(Value value) const { return last_.contains(value); }
  Value lastOf(Value value);
  Value dataOf(ConvOp conv, const ConvForm &form);
  void replace(Operation *op, Value last);

  func::FuncOp function_;
  Library library_; // none: tensor cores
  bool tf32_;
  OpBuilder builder_;
  llvm::DenseMap<Value, Value> last_; // with the channels last; only looked up
};
} // namespace

static bool isHalf(Value value) {
  Type element = getElementTypeOrSelf(value);
  return element.isF16() || element.isBF16();
}

/// Of float32, those that are large enough and have no groups, which tensor
/// cores do not take; of 16-bit floats, those go along with the others.
bool Assigner::isForTensorCores(ConvOp conv) const {
  if (isHalf(conv.getX()))
    return true;
  ArrayRef<int64_t> w = shapeOf(conv.getW());
  int64_t depth = ShapedType::getNumElements(w.drop_front()),
          pixels = typeOf(conv).getNumElements() / std::max<int64_t>(1, w[0]);
  return tf32_ && getElementTypeOrSelf(conv.getX()).isF32() &&
         (conv.getGroups() == 1
              ? std::min({w[0], depth, pixels}) >= kLeastOfTensorCores
              : isLast(conv.getX()));
}

bool Assigner::isForTensorCores(MatmulOp matmul) const {
  if (isHalf(matmul.getLhs()))
    return true;
  ArrayRef<int64_t> lhs = shapeOf(matmul.getLhs()),
                    result = shapeOf(matmul.getResult());
  return tf32_ && getElementTypeOrSelf(matmul.getLhs()).isF32() &&
         std::min({lhs.back(), result.back(), result[result.size() - 2]}) >=
             kLeastOfTensorCores;
}

/// The elements of `value` with the channels last.
Value Assigner::lastOf(Value value) {
  Value &last = last_[value];
  if (!last)
    last = transpose(builder_, value, toLast(typeOf(value).getRank()));
  return last;
}

/// Readers that do not follow get the elements moved back.
void Assigner::replace(Operation *op, Value last) {
  Value first = builder_.create<TransposeOp>(op->getLoc(), last,
                                             toFirst(typeOf(last).getRank()));
  last_[first] = last;
  op->getResult(0).replaceAllUsesWith(first);
  op->erase();
}

// ---- convolutions -----------------------------------------------------------

/// Whether `value` lies in memory, as an argument or because a group of its own
/// writes it there, so that a product can copy it as it is.
static bool isInMemory(Value value) {
  Operation *op = value.getDefiningOp();
  return !op || (!isFree(op) && !isPrologue(op));
}

Value Assigner::dataOf(ConvOp conv, const ConvForm &form) {
  Value x = conv.getX(), last = lastOf(x);
  Value wide = form.dataOf(builder_, last);
  if (isInMemory(wide) || conv.getGroups() != 1)
    return wide;
  Value result = contiguous(builder_, wide);
  if (wide == last)
    last_[x] = result;
  return result;
}

/// The library reorders weights itself, and data that do not lie so yet.
void Assigner::rewriteForLibrary(ConvOp conv) {
  Value w = transpose(builder_, conv.getW(), toLast(typeOf(conv).getRank()));
  replace(conv, builder_.create<ConvOp>(conv.getLoc(), lastType(conv),
                                        lastOf(conv.getX()), w, conv.getBias(),
                                        conv.getStride(), conv.getPadding(),
                                        conv.getDilation(), conv.getGroups(),
                                        /*channels_last=*/true));
}

void Assigner::rewriteConv(ConvOp conv) {
  const ConvForm form(conv);
  Value x = dataOf(conv, form), w = form.weightsOf(builder_, conv);
  SmallVector<int64_t> stride(conv.getStride()), padding(conv.getPadding());
  if (form.pairs) {
    stride.back() = 1;
    padding[padding.size() - 2] = form.paddingBefore;
    padding.back() = form.paddingAfter;
  }
  replace(conv, builder_.create<ConvOp>(conv.getLoc(), lastType(conv), x, w,
                                        conv.getBias(), stride, padding,
                                        conv.getDilation(), conv.getGroups(),
                                        /*channels_last=*/true));
}

// ---- what follows -----------------------------------------------------------

/// Element-wise ops, and pooling.
void Assigner::rewriteInPlace(Operation *op) {
  IRMapping map;
  for (Value operand : op->getOperands())
    map.map(operand, lastOf(operand));
  Operation *clone = builder_.clone(*op, map);
  clone->getResult(0).setType(lastType(op->getResult(0)));
  if (isa<MaxpoolOp, AvgpoolOp>(op))
    clone->setAttr("channels_last", builder_.getUnitAttr());
  replace(op, clone->getResult(0));
}

void Assigner::rewriteReduction(Operation *op) {
  Value x = op->getOperand(0);
  int64_t rank = typeOf(x).getRank();
  auto old = op->getAttrOfType<DenseI64ArrayAttr>("axes").asArrayRef();
  SmallVector<int64_t> axes, left, shape;
  for (int64_t axis : old)
    axes.push_back(axisInLast(axis, rank));
  llvm::sort(axes);
  for (int64_t axis : toLast(rank))
    if (!llvm::is_contained(old, axis)) {
      left.push_back(axis);
      shape.push_back(typeOf(x).getDimSize(axis));
    }
  IRMapping map;
  map.map(x, lastOf(x));
  Operation *clone = builder_.clone(*op, map);
  clone->setAttr("axes", builder_.getDenseI64ArrayAttr(axes));
  Value result = clone->getResult(0);
  result.setType(typeOf(result).clone(shape));
  // The axes that are left, in their old order.
  auto order = llvm::to_vector(llvm::seq<int64_t>(0, left.size()));
  llvm::sort(order, [&](int64_t a, int64_t b) { return left[a] < left[b]; });
  op->getResult(0).replaceAllUsesWith(transpose(builder_, result, order));
  op->erase();
}

void Assigner::rewriteConcatenate(ConcatenateOp op) {
  SmallVector<Value> inputs;
  for (Value input : op.getInputs())
    inputs.push_back(lastOf(input));
  int64_t axis = axisInLast(static_cast<int64_t>(op.getAxis()),
                            typeOf(op.getResult()).getRank());
  replace(op,
          builder_.create<ConcatenateOp>(op.getLoc(), lastType(op.getResult()),
                                         inputs, static_cast<uint64_t>(axis)));
}

void Assigner::rewriteSlice(SliceOp op) {
  SmallVector<int64_t> order = toLast(typeOf(op.getX()).getRank());
  replace(op, builder_.create<SliceOp>(op.getLoc(), lastType(op.getResult()),
                                       lastOf(op.getX()),
                                       permuted(op.getStarts(), order),
                                       permuted(op.getSteps(), order)));
}

void Assigner::rewriteResample(ResampleOp op) {
  SmallVector<int64_t> order = toLast(typeOf(op.getX()).getRank());
  replace(op, builder_.create<ResampleOp>(op.getLoc(), lastType(op.getResult()),
                                          lastOf(op.getX()),
                                          permuted(op.getStarts(), order),
                                          permuted(op.getSteps(), order),
                                          permuted(op.getDivisors(), order)));
}

/// A cast or scaling on the way to a product would be computed at every access.
void Assigner::rewriteProduct(ValueRange operands) {
  for (Value operand : operands) {
    while (Operation *def = operand.getDefiningOp()) {
      if (!isView(def))
        break;
      operand = def->getOperand(0);
    }
    Operation *def = operand.getDefiningOp();
    if (!def || !isPrologue(def))
      continue;
    OpBuilder::InsertionGuard guard(builder_);
    builder_.setInsertionPointAfter(def);
    Value result = contiguous(builder_, operand);
    operand.replaceAllUsesExcept(result, result.getDefiningOp());
  }
}

void Assigner::rewrite(Operation *op) {
  builder_.setInsertionPoint(op);
  const bool forLibrary = library_ != Library::none;
  if (auto conv = dyn_cast<ConvOp>(op); conv && forLibrary) {
    if (isMultipliedBy(library_, conv) && !conv.getChannelsLast())
      rewriteForLibrary(conv);
    return;
  }
  if (auto conv = dyn_cast<ConvOp>(op)) {
    if (isForTensorCores(conv) && !conv.getChannelsLast() &&
        typeOf(conv.getW()).getNumElements() != 0)
      rewriteConv(conv);
    return;
  }
  if (auto matmul = dyn_cast<MatmulOp>(op)) {
    if (!forLibrary && isForTensorCores(matmul))
      rewriteProduct(matmul.getOperands());
    return;
  }
  // A kernel reads its query once, keys and values many times.
  if (auto attention = dyn_cast<AttentionOp>(op)) {
    rewriteProduct({attention.getKey(), attention.getValue()});
    return;
  }
  if (llvm::none_of(op->getOperands(), [&](Value v) { return isLast(v); }))
    return;
  if (isElementwise(op) || isa<MaxpoolOp, AvgpoolOp>(op))
    rewriteInPlace(op);
  else if (isa<ReductionOpInterface>(op) && op->hasAttr("axes"))
    rewriteReduction(op);
  else if (auto concatenate = dyn_cast<ConcatenateOp>(op))
    rewriteConcatenate(concatenate);
  else if (auto slice = dyn_cast<SliceOp>(op))
    rewriteSlice(slice);
  else if (auto resample = dyn_cast<ResampleOp>(op))
    rewriteResample(resample);
}

void Assigner::run() {
  SmallVector<Operation *> ops;
  for (Operation &op : function_.getBody().front().without_terminator())
    ops.push_back(&op);
  if (library_ != Library::none && llvm::none_of(ops, [&](Operation *op) {
        return isa<ConvOp>(op) && gainsFromLibrary(library_, op);
      }))
    return;
  for (Operation *op : ops)
    rewrite(op);
}

namespace {
struct AssignLayout : weft::impl::AssignLayoutBase<AssignLayout> {
  using AssignLayoutBase::AssignLayoutBase;

  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!function.isExternal() && function.getBody().hasOneBlock())
      Assigner(function, library, tf32).run();
  }
};
} // namespace
