// SPDX-License-Identifier: Apache-2.0
// The function of a kernel and the loops over the parallel dims.
#include "Emitter.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/SaveAndRestore.h"

using namespace mlir;

namespace weft::cpu {

Value Emitter::number(int64_t value) {
  return b_.create<arith::ConstantIntOp>(loc_, value, 64);
}

void Emitter::emit() {
  Type pointer = LLVM::LLVMPointerType::get(b_.getContext());
  Type i64 = b_.getI64Type();
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(b_.getContext()), {pointer, i64, i64});
  auto function = b_.create<LLVM::LLVMFuncOp>(loc_, signature_.name, type);
  // No unwind tables: nothing in a kernel throws.
  function.setPassthroughAttr(b_.getStrArrayAttr({"nounwind"}));
  OpBuilder::InsertionGuard guard(b_);
  Block *entry = function.addEntryBlock(b_);
  b_.setInsertionPointToStart(entry);
  if (s_.extent > 0) {
    loadArguments(entry->getArgument(0));
    indices_.resize(nest_.sizes.size());
    counts_ = s_.tile;
    depth_.resize(nest_.sizes.size());
    for (unsigned d = 0; d < nest_.numParallel; ++d)
      depth_[d] = d;
    for (auto [i, d] : llvm::enumerate(s_.innerOrder))
      depth_[d] = nest_.numParallel + i;
    width_ = s_.lanesAreInner() ? 1 : s_.lanes.count;
    loop(entry->getArgument(1), entry->getArgument(2), 1, {},
         [&](Value unit, Values) {
           emitUnit(unit);
           return Values();
         });
    // What bypassed the cache must be seen by whoever runs next.
    if (llvm::is_contained(s_.bypassesCache, true))
      b_.create<LLVM::CallIntrinsicOp>(loc_, TypeRange(), "llvm.x86.sse.sfence",
                                       ValueRange());
  }
  b_.create<LLVM::ReturnOp>(loc_, ValueRange());
}

void Emitter::loadArguments(Value pointers) {
  Type pointer = LLVM::LLVMPointerType::get(b_.getContext());
  int32_t position = 0;
  auto next = [&]() -> Value {
    Value slot = b_.create<LLVM::GEPOp>(
        loc_, pointer, pointer, pointers,
        ArrayRef<LLVM::GEPArg>{LLVM::GEPArg(position++)});
    return b_.create<LLVM::LoadOp>(loc_, pointer, slot);
  };
  for (Type type : signature_.inputs) {
    Value argument = next();
    if (!isa<ShapedType>(type)) {
      DType dtype = ir::toDType(type);
      argument = elements_.fromMemory(
          b_.create<LLVM::LoadOp>(loc_, elements_.memoryType(dtype), argument),
          dtype);
    }
    inputs_.push_back(argument);
  }
  for (size_t i = 0; i < signature_.outputs.size(); ++i)
    outputs_.push_back(next());
}

Emitter::Values Emitter::loop(Value low, Value high, int64_t step, Values state,
                              llvm::function_ref<Values(Value, Values)> body) {
  auto loop = b_.create<scf::ForOp>(loc_, low, high, number(step), state);
  OpBuilder::InsertionGuard guard(b_);
  Block *block = loop.getBody();
  if (!block->empty()) // a loop without results is born with its end
    block->back().erase();
  b_.setInsertionPointToEnd(block);
  b_.create<scf::YieldOp>(
      loc_, body(loop.getInductionVar(), Values(loop.getRegionIterArgs())));
  return Values(loop.getResults());
}

/// Where the piece of work lies: one step along each unit dim, one chunk of the
/// next dim.
void Emitter::emitUnit(Value unit) {
  auto next = [&](int64_t size) -> Value {
    Value divisor = number(size);
    Value index = b_.create<arith::RemUIOp>(loc_, unit, divisor);
    unit = b_.create<arith::DivUIOp>(loc_, unit, divisor);
    return index;
  };
  Value low, high;
  unsigned dim = s_.unitDims;
  if (s_.chunk) {
    low =
        b_.create<arith::MulIOp>(loc_, next(s_.numChunks()), number(s_.chunk));
    high = b_.create<arith::AddIOp>(loc_, low, number(s_.chunk));
    high = b_.create<arith::MinSIOp>(loc_, high, number(nest_.sizes[dim]));
  }
  for (unsigned d = s_.unitDims; d-- > 0;) {
    int64_t step = s_.stepOf(d), steps = nest_.sizes[d] / step;
    indices_[d] = {};
    if (steps > 1)
      indices_[d].value =
          b_.create<arith::MulIOp>(loc_, next(steps), number(step));
  }
  emitDim(dim, low, high);
}

/// The loop over [low, high) of a parallel dim (null: over all of it): whole
/// tiles, then what is left of the dim.
void Emitter::emitDim(unsigned dim, Value low, Value high) {
  if (dim == nest_.numParallel) {
    emitTile();
    return;
  }
  Scope scope{around_, {}};
  evaluateFixed(dim, scope);
  llvm::SaveAndRestore<const Scope *> around(around_, &scope);
  int64_t size = nest_.sizes[dim], step = s_.stepOf(dim);
  int64_t whole = size / step * step;
  int64_t width = dim == s_.lanes.dim ? s_.lanes.count : width_;
  if (!low && whole == step) {
    emitPiece(dim, {}, s_.tile[dim], width, dim + 1);
  } else if (whole > 0) {
    Value from = low ? low : number(0), to = number(whole);
    if (high)
      to = b_.create<arith::MinSIOp>(loc_, high, to);
    loop(from, to, step, {}, [&](Value index, Values) {
      emitPiece(dim, {index}, s_.tile[dim], width, dim + 1);
      return Values();
    });
  }
  if (whole == size)
    return;
  if (!high) {
    emitRest(dim, whole, dim + 1);
    return;
  }
  Value isLast = b_.create<arith::CmpIOp>(loc_, arith::CmpIPredicate::eq, high,
                                          number(size));
  auto branch = b_.create<scf::IfOp>(loc_, isLast, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(b_);
  b_.setInsertionPointToStart(branch.thenBlock());
  emitRest(dim, whole, dim + 1);
}

/// Evaluates what varies with parallel dims before `dim` alone: the loads of
/// values per channel would otherwise be repeated for every vector, because
/// the stores between them might change what they read.
void Emitter::evaluateFixed(unsigned dim, Scope &scope) {
  uint64_t known = (uint64_t(1) << dim) - 1;
  SmallVector<Point> points = rowPoints();
  std::vector<bool> waits(nest_.stmts.size()); // for the end of a stage
  for (const Stage &stage : nest_.stages) {
    for (int id : stage.rowBody) {
      const Stmt &stmt = nest_.stmts[id];
      for (int operand : stmt.operands)
        waits[id] = waits[id] || waits[operand] ||
                    nest_.stmts[operand].kind == Stmt::Kind::reduced;
      if (!waits[id] && (s_.varies[id] & ~known) == 0)
        for (const Point &point : points)
          evaluate(id, point, scope);
    }
  }
}

/// What fills no tile: the vectors left, then vectors of half the lanes and so
/// on; long bodies go through the last points one by one instead.
void Emitter::emitRest(unsigned dim, int64_t begin, unsigned next) {
  int64_t size = nest_.sizes[dim];
  if (dim != s_.lanes.dim || s_.lanes.count == 1) {
    emitPiece(dim, {{}, begin}, size - begin, width_, next);
    return;
  }
  int64_t count = (size - begin) / s_.lanes.count;
  if (count > 0)
    emitPiece(dim, {{}, begin}, count, s_.lanes.count, next);
  begin += count * s_.lanes.count;
  constexpr size_t kLong = 40;
  if (nest_.stmts.size() > kLong && size - begin > 1) {
    loop(number(begin), number(size), 1, {}, [&](Value index, Values) {
      emitPiece(dim, {index}, 1, 1, next);
      return Values();
    });
    return;
  }
  for (int64_t width = s_.lanes.count / 2; width > 0; width /= 2)
    if (begin + width <= size) {
      emitPiece(dim, {{}, begin}, 1, width, next);
      begin += width;
    }
}

void Emitter::emitPiece(unsigned dim, LoopIndex index, int64_t count,
                        int64_t width, unsigned next) {
  int64_t widthAround = width_, countAround = counts_[dim];
  indices_[dim] = index;
  counts_[dim] = count;
  width_ = width;
  emitDim(next, {}, {});
  width_ = widthAround;
  counts_[dim] = countAround;
}

/// Every point of the tile, as steps from its corner.
SmallVector<Emitter::Point> Emitter::rowPoints() const {
  SmallVector<Point> points{Point(nest_.sizes.size(), 0)};
  for (unsigned d = 0; d < nest_.numParallel; ++d) {
    int64_t step = d == s_.lanes.dim ? width_ : 1;
    SmallVector<Point> longer;
    for (const Point &point : points)
      for (int64_t i = 0; i < counts_[d]; ++i) {
        longer.push_back(point);
        longer.back()[d] = i * step;
      }
    points = std::move(longer);
  }
  return points;
}

void Emitter::emitTile() {
  Scope scope{around_, {}};
  SmallVector<Point> points = rowPoints();
  for (const Stage &stage : nest_.stages) {
    for (int id : stage.rowBody)
      for (const Point &point : points)
        evaluate(id, point, scope);
    if (stage.inner) {
      emitInner(stage, scope);
      continue;
    }
    for (const Store &store : stage.stores)
      for (const Point &point : points)
        this->store(store, point, scope);
  }
}

} // namespace weft::cpu
