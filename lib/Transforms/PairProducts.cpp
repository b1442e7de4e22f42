// SPDX-License-Identifier: Apache-2.0
// Two groups, a product each, become one where the second multiplies what the
// first stores: it need not be read again.
#include "weft/Transforms/Passes.h"
#include "weft/Transforms/Pipelines.h"

#include "ConvForm.h"
#include "Rounding.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

namespace weft {
#define GEN_PASS_DEF_PAIRPRODUCTS
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

/// The one op of a group that has loops of its own, if it is a product.
static Operation *productOf(GroupOp group) {
  SmallVector<AnchorOpInterface> anchors(
      group.getBody().front().getOps<AnchorOpInterface>());
  bool isProduct = anchors.size() == 1 && isa<ConvOp, MatmulOp>(*anchors[0]);
  return isProduct ? anchors[0].getOperation() : nullptr;
}

/// Whether `op`, a product, multiplies rows of its data as they are.
static bool multipliesRows(Operation *op) {
  auto conv = dyn_cast<ConvOp>(op);
  return !conv || multipliesRows(conv, /*mayStep=*/false);
}

/// What the product of `group` multiplies with its weights, if it reads it in
/// this way alone: the number of an operand.
static std::optional<unsigned> dataOf(GroupOp group) {
  Operation *product = productOf(group);
  if (!product || !multipliesRows(product))
    return std::nullopt;
  auto data = dyn_cast<BlockArgument>(product->getOperand(0));
  if (!data || !data.hasOneUse() ||
      llvm::count(group.getInputs(), group.getInputs()[data.getArgNumber()]) !=
          1)
    return std::nullopt;
  return data.getArgNumber();
}

/// The group whose result `second` multiplies, if the two may be one: what
/// `second` reads besides is there before it.
static GroupOp firstOf(GroupOp second) {
  std::optional<unsigned> data = dataOf(second);
  auto first =
      data ? second.getInputs()[*data].getDefiningOp<GroupOp>() : GroupOp();
  if (!first || !productOf(first) || first->getBlock() != second->getBlock())
    return {};
  for (auto [i, input] : llvm::enumerate(second.getInputs())) {
    Operation *def = input.getDefiningOp();
    if (i != *data && def && !def->isBeforeInBlock(first))
      return {};
  }
  return first;
}

/// Both in one, in front of the first. The first's results come first.
static GroupOp join(GroupOp first, GroupOp second) {
  unsigned data = *dataOf(second);
  Value paired = second.getInputs()[data];
  llvm::SetVector<Value> inputs(first.getInputs().begin(),
                                first.getInputs().end());
  for (auto [i, input] : llvm::enumerate(second.getInputs()))
    if (i != data)
      inputs.insert(input);
  SmallVector<Type> types(first.getResultTypes());
  llvm::append_range(types, second.getResultTypes());

  OpBuilder builder(first);
  auto pair = builder.create<GroupOp>(
      builder.getFusedLoc({first.getLoc(), second.getLoc()}), types,
      inputs.getArrayRef(),
      ScheduleAttr::get(builder.getContext(), ScheduleKind::pair));
  Block *body = builder.createBlock(&pair.getBody());
  for (Value input : inputs)
    body->addArgument(input.getType(), input.getLoc());

  SmallVector<Value> yielded;
  Operation *kept = nullptr;
  for (GroupOp group : {first, second}) {
    Block &from = group.getBody().front();
    IRMapping mapping;
    for (auto [argument, input] :
         llvm::zip(from.getArguments(), group.getInputs())) {
      if (group == second && input == paired)
        mapping.map(argument, kept->getResult(0));
      else
        mapping.map(argument, body->getArgument(llvm::find(inputs, input) -
                                                inputs.begin()));
    }
    for (Operation &op : from.without_terminator())
      builder.clone(op, mapping);
    for (auto [result, value] :
         llvm::zip(group.getResults(), from.getTerminator()->getOperands())) {
      yielded.push_back(mapping.lookup(value));
      if (result == paired)
        kept = yielded.back().getDefiningOp();
    }
  }
  builder.create<YieldOp>(pair.getLoc(), yielded);
  roundShared(*body, [&](Operation *op) { return op == kept; });
  return pair;
}

namespace {
struct PairProducts : weft::impl::PairProductsBase<PairProducts> {
  PairProducts() = default;
  explicit PairProducts(PairRule gains) : gains_(std::move(gains)) {}

  void runOnOperation() override {
    if (getOperation().isExternal())
      return;
    SmallVector<GroupOp> groups(getOperation().getOps<GroupOp>());
    for (GroupOp second : groups) {
      GroupOp first = firstOf(second);
      if (!first)
        continue;
      GroupOp pair = join(first, second);
      if (!pair.isPair() || (gains_ && !gains_(second, pair))) {
        pair.erase();
        continue;
      }
      unsigned count = first.getNumResults();
      first->replaceAllUsesWith(pair.getResults().take_front(count));
      second->replaceAllUsesWith(pair.getResults().drop_front(count));
      second.erase();
      first.erase();
    }
  }

  PairRule gains_;
};
} // namespace

std::unique_ptr<Pass> weft::createPairProducts(PairRule gains) {
  return std::make_unique<PairProducts>(std::move(gains));
}
