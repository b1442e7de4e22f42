// SPDX-License-Identifier: Apache-2.0
#include "ViewTrees.h"

#include "FusionRules.h"

#include "mlir/IR/Builders.h"

#include <algorithm>

using namespace mlir;
using namespace weft::ir;

namespace weft {

// ---- the length of an index -------------------------------------------------

int64_t indexGrowth(Operation *view) {
  auto reshape = dyn_cast<ReshapeOp>(view);
  if (!reshape)
    return 1;
  ArrayRef<int64_t> from = reshape.getType().getShape();
  ArrayRef<int64_t> to = reshape.getX().getType().getShape();
  if (llvm::is_contained(from, 0))
    return 1;
  // Runs of dims with equal products are independent of each other.
  int64_t growth = 1;
  for (size_t i = 0, j = 0; i < from.size() || j < to.size();) {
    int64_t a = i < from.size() ? from[i++] : 1;
    int64_t b = j < to.size() ? to[j++] : 1;
    int64_t dims = b != 1;
    while (a != b) {
      if (a < b) {
        a *= from[i++];
        continue;
      }
      b *= to[j];
      dims += to[j++] != 1;
    }
    growth = std::max(growth, dims);
  }
  return growth;
}

// ---- concatenations ---------------------------------------------------------

/// What a concatenation reads beside its result is one kernel's.
static constexpr size_t kMaxInputs = kMaxTensors / 2;

static Value concatenated(OpBuilder &builder, ConcatenateOp op,
                          ValueRange inputs) {
  auto axis = static_cast<unsigned>(op.getAxis());
  SmallVector<int64_t> shape(op.getType().getShape());
  shape[axis] = 0;
  for (Value input : inputs)
    shape[axis] += cast<RankedTensorType>(input.getType()).getDimSize(axis);
  auto type = RankedTensorType::get(shape, op.getType().getElementType());
  return builder.create<ConcatenateOp>(op.getLoc(), type, inputs, axis);
}

void splitConcatenations(func::FuncOp function) {
  SmallVector<ConcatenateOp> all(function.getOps<ConcatenateOp>());
  for (ConcatenateOp op : all) {
    OpBuilder builder(op);
    while (op.getInputs().size() > kMaxInputs) {
      SmallVector<Value> inputs(op.getInputs()), parts;
      for (ArrayRef<Value> rest = inputs; !rest.empty();) {
        size_t count = std::min(rest.size(), kMaxInputs);
        parts.push_back(concatenated(builder, op, rest.take_front(count)));
        rest = rest.drop_front(count);
      }
      op.getInputsMutable().assign(parts);
    }
  }
}

// ---- results in another order -----------------------------------------------

/// Whether `op` alone reads what an attention computes, and moves whole lines.
static bool reordersAttention(Operation &op) {
  auto transpose = dyn_cast<TransposeOp>(op);
  if (!transpose)
    return false;
  Value x = transpose.getX();
  ArrayRef<int64_t> shape = shapeOf(x), order = transpose.getPermutation();
  for (auto reshape = x.getDefiningOp<ReshapeOp>(); reshape && x.hasOneUse();
       reshape = x.getDefiningOp<ReshapeOp>())
    x = reshape.getX();
  return x.getDefiningOp<AttentionOp>() && x.hasOneUse() &&
         shape.back() == shapeOf(x).back() &&
         order.back() + 1 == static_cast<int64_t>(order.size());
}

// ---- trees ------------------------------------------------------------------

namespace {
/// What reading a value costs a kernel.
struct Tree {
  size_t steps = 1; // expressions: paths that lead to the same value count each
  SmallVector<Value, 2> leaves; // tensors and numbers in memory, each once
  int64_t growth = 1;           // of the index, on its longest path

  void add(const Tree &other) {
    steps += other.steps;
    growth = std::max(growth, other.growth);
    for (Value leaf : other.leaves)
      if (!llvm::is_contained(leaves, leaf))
        leaves.push_back(leaf);
  }
  bool hasTooManyLeaves() const { return leaves.size() >= kMaxTensors; }
  bool isTooLarge() const {
    return steps > kMaxStepsOfOp || growth > kMaxIndexGrowth ||
           hasTooManyLeaves();
  }
};

class TreeFinder {
public:
  llvm::DenseSet<Operation *> run(Block &block) {
    // No tree grows far beyond the limits before its views are kept.
    for (Operation &op : block.without_terminator()) {
      if (reordersAttention(op))
        kept_.insert(&op);
      Tree tree = treeOf(op);
      while (tree.isTooLarge() && keepLargest(op, tree.hasTooManyLeaves()))
        tree = treeOf(op);
      if (isFree(&op))
        trees_[&op] = std::move(tree);
    }
    return std::move(kept_);
  }

private:
  /// The tree below a view; null where the value lies in memory.
  const Tree *viewTree(Value value) const {
    Operation *op = value.getDefiningOp();
    auto found = trees_.find(op);
    return !op || found == trees_.end() || kept_.contains(op) ? nullptr
                                                              : &found->second;
  }

  Tree treeOf(Operation &op) const {
    Tree tree;
    if (isa<ConstantOp>(op) && !splatUnder(op.getResult(0)))
      tree.leaves.push_back(op.getResult(0));
    for (Value operand : op.getOperands())
      if (const Tree *below = viewTree(operand))
        tree.add(*below);
      else
        tree.add({1, {operand}});
    tree.growth *= indexGrowth(&op);
    return tree;
  }

  /// Keeps the operand whose tree is largest; false if none has one.
  bool keepLargest(Operation &op, bool byLeaves) {
    Operation *largest = nullptr;
    size_t most = 1;
    for (Value operand : op.getOperands())
      if (const Tree *tree = viewTree(operand)) {
        size_t size = byLeaves ? tree->leaves.size() : tree->steps;
        if (!isView(operand.getDefiningOp()) || size <= most)
          continue;
        most = size;
        largest = operand.getDefiningOp();
      }
    return largest && kept_.insert(largest).second;
  }

  llvm::DenseMap<Operation *, Tree> trees_; // of free ops; only looked up
  llvm::DenseSet<Operation *> kept_;
};
} // namespace

llvm::DenseSet<Operation *> findKeptViews(func::FuncOp function) {
  return TreeFinder().run(function.getBody().front());
}

} // namespace weft
