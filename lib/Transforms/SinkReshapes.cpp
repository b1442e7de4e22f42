// SPDX-License-Identifier: Apache-2.0
// What is computed from a product of matrices works on the product's own rows,
// so that one kernel can do both.
#include "weft/Transforms/Passes.h"

#include "weft/IR/Dialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

namespace weft {
#define GEN_PASS_DEF_SINKRESHAPES
#include "weft/Transforms/Passes.h.inc"
} // namespace weft

using namespace mlir;
using namespace weft;
using namespace weft::ir;

namespace {
/// A value that is a reshape of rows.
struct Reshaped {
  Value rows;
  Operation *product; // that they are computed from
};

class Sinker {
public:
  void run(Block &block);

private:
  const Reshaped *reshapedOperand(Operation *op) const;
  bool isIndependent(Value value, Operation *product) const;
  void sink(Operation *op, const Reshaped &reshaped);

  llvm::DenseMap<Value, Reshaped> reshaped_; // only looked up
};
} // namespace

/// The operand that `op` may follow: of the product that comes last.
const Reshaped *Sinker::reshapedOperand(Operation *op) const {
  const Reshaped *last = nullptr;
  for (Value operand : op->getOperands()) {
    auto found = reshaped_.find(operand);
    if (found != reshaped_.end() &&
        (!last || last->product->isBeforeInBlock(found->second.product)))
      last = &found->second;
  }
  return last;
}

/// Whether `value` is there before the product, or is one as well. What is
/// computed from the product otherwise, by a reduction, is not there when the
/// product's kernel runs.
bool Sinker::isIndependent(Value value, Operation *product) const {
  SmallVector<Value> stack{value};
  while (!stack.empty()) {
    Value next = stack.pop_back_val();
    Operation *op = next.getDefiningOp();
    if (!op || isSource(op) || reshaped_.contains(next) ||
        op->isBeforeInBlock(product))
      continue;
    if (!isView(op))
      return false;
    llvm::append_range(stack, op->getOperands());
  }
  return true;
}

/// f(reshape(x), y) -> reshape(f(x, reshape(y)))
void Sinker::sink(Operation *op, const Reshaped &reshaped) {
  OpBuilder builder(op);
  ArrayRef<int64_t> shape = typeOf(reshaped.rows).getShape();
  IRMapping map;
  for (Value operand : op->getOperands()) {
    Value rows = reshaped_.lookup(operand).rows;
    if (!rows || typeOf(rows).getShape() != shape)
      rows = builder.createOrFold<ReshapeOp>(
          op->getLoc(), typeOf(operand).clone(shape), operand);
    map.map(operand, rows);
  }
  Operation *clone = builder.clone(*op, map);
  Value old = op->getResult(0), rows = clone->getResult(0);
  rows.setType(typeOf(old).clone(shape));
  Value result = builder.create<ReshapeOp>(op->getLoc(), old.getType(), rows);
  old.replaceAllUsesWith(result);
  Operation *product = reshaped.product; // the map may grow
  reshaped_[result] = {rows, product};
  op->erase();
}

void Sinker::run(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block.without_terminator())) {
    if (auto reshape = dyn_cast<ReshapeOp>(op)) {
      // If others need the product as it is, it lies in memory anyway.
      Value x = reshape.getX();
      if (x.getDefiningOp<MatmulOp>() && x.hasOneUse())
        reshaped_[reshape] = {x, x.getDefiningOp()};
      continue;
    }
    // A cast belongs to who asks for the other type.
    if (!isElementwise(&op) || isa<CastOp>(op))
      continue;
    const Reshaped *reshaped = reshapedOperand(&op);
    if (reshaped && llvm::all_of(op.getOperands(), [&](Value operand) {
          return isIndependent(operand, reshaped->product);
        }))
      sink(&op, *reshaped);
  }
}

namespace {
struct SinkReshapes : weft::impl::SinkReshapesBase<SinkReshapes> {
  void runOnOperation() override {
    func::FuncOp function = getOperation();
    if (!function.isExternal() && function.getBody().hasOneBlock())
      Sinker().run(function.getBody().front());
  }
};
} // namespace
