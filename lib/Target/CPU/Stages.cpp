// SPDX-License-Identifier: Apache-2.0
// The loops over the inner dims of a stage: accumulators in registers, what
// does not vary with a loop computed before it.
#include "Emitter.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>
#include <set>

using namespace mlir;

namespace weft::cpu {

static bool isPosition(const Accumulator &accumulator) {
  return accumulator.op == OpKind::argmax || accumulator.op == OpKind::argmin;
}

void Emitter::emitInner(const Stage &stage, Scope &scope) {
  makeSlots(stage);
  chooseBlocks(stage);
  Values state;
  for (const Slot &slot : slots_)
    llvm::append_range(state, identity(slot));
  if (blockSteps_ > 0)
    forSums([&](size_t at, const Slot &) { state[at] = toF64(state[at]); });
  if (nest_.numInnerPoints() > 0)
    state = emitInnerDim(stage, 0, std::move(state), scope);
  if (blockSteps_ > 0)
    forSums([&](size_t at, const Slot &) { state[at] = toF32(state[at]); });
  finish(stage, std::move(state), scope);
}

/// The loop over inner dim `level` of the chosen order and all within it.
Emitter::Values Emitter::emitInnerDim(const Stage &stage, unsigned level,
                                      Values state, const Scope &outer) {
  // What varies with no loop still to come is computed here.
  uint64_t known = (uint64_t(1) << nest_.numParallel) - 1;
  for (unsigned i = 0; i < level; ++i)
    known |= uint64_t(1) << s_.innerOrder[i];
  Scope scope{&outer, {}};
  bool innermost = level == s_.innerOrder.size();
  SmallVector<Point> points = rowPoints();
  for (int id : stage.body)
    if (!innermost && (s_.varies[id] & ~known) == 0)
      for (const Point &point : points)
        evaluate(id, point, scope);
  if (innermost)
    return emitBody(stage, 1, std::move(state), scope);
  unsigned dim = s_.innerOrder[level];
  if (s_.lanesAreInner() && dim == s_.lanes.dim)
    return emitLanesDim(stage, level, std::move(state), scope);
  return emitSteps(level, nest_.sizes[dim], 1, std::move(state),
                   [&](Value index, Values carried) {
                     indices_[dim] = {index};
                     return emitInnerDim(stage, level + 1, std::move(carried),
                                         scope);
                   });
}

/// The innermost loop, over the lanes' dim: whole steps of several vectors, the
/// vectors left, and the points left one by one.
Emitter::Values Emitter::emitLanesDim(const Stage &stage, unsigned level,
                                      Values state, const Scope &outer) {
  unsigned dim = s_.lanes.dim;
  int64_t size = nest_.sizes[dim], step = s_.lanes.count * s_.unroll;
  int64_t whole = size / step * step;
  width_ = s_.lanes.count;
  if (whole == step) {
    indices_[dim] = {};
    state = emitBody(stage, s_.unroll, std::move(state), outer);
  } else if (whole > 0) {
    state = emitSteps(
        level, whole, step, std::move(state), [&](Value index, Values carried) {
          indices_[dim] = {index};
          return emitBody(stage, s_.unroll, std::move(carried), outer);
        });
  }
  int64_t vectors = (size - whole) / s_.lanes.count;
  if (vectors > 0) {
    indices_[dim] = {{}, whole};
    state = emitBlock(level, std::move(state), [&](Values carried) {
      return emitBody(stage, vectors, std::move(carried), outer);
    });
  }
  whole += vectors * s_.lanes.count;
  width_ = 1;
  if (whole < size)
    state = emitBlock(level, std::move(state), [&](Values sums) {
      return loop(number(whole), number(size), 1, std::move(sums),
                  [&](Value index, Values carried) {
                    indices_[dim] = {index};
                    return emitBody(stage, 1, std::move(carried), outer);
                  });
    });
  return state;
}

/// Whether the body being built, of `parts` vectors, adds to this accumulator.
bool Emitter::isInRange(const Slot &slot, int64_t parts) const {
  if (!s_.lanesAreInner())
    return true;
  return slot.isRest == (width_ == 1) && slot.part < parts;
}

Emitter::Values Emitter::emitBody(const Stage &stage, int64_t parts,
                                  Values state, const Scope &outer) {
  Scope scope{&outer, {}};
  SmallVector<Point> points;
  for (const Point &row : rowPoints())
    for (int64_t part = 0; part < parts; ++part) {
      points.push_back(row);
      if (s_.lanesAreInner())
        points.back()[s_.lanes.dim] = part * width_;
    }
  // Point by point, each value combined at once: fewer registers are live than
  // if all values were computed first.
  auto evaluateAll = [&](const Point &point) {
    for (int id : stage.body)
      evaluate(id, point, scope);
  };
  size_t at = 0;
  for (const Slot &slot : slots_) {
    const Accumulator &accumulator = *slot.accumulator;
    size_t from = at;
    at += isPosition(accumulator) ? 2 : 1;
    if (!isInRange(slot, parts))
      continue;
    Point point = slot.row;
    if (s_.lanesAreInner())
      point[s_.lanes.dim] = slot.part * width_;
    evaluateAll(point);
    Values current(state.begin() + from, state.begin() + at);
    Values value{valueOf(accumulator.value, point, scope)};
    if (isPosition(accumulator))
      value.push_back(position(slot, point));
    current = combine(accumulator, current, value, /*inOrder=*/true);
    llvm::copy(current, state.begin() + from);
  }
  for (const Point &point : points)
    evaluateAll(point);
  for (const Store &store : stage.stores)
    for (const Point &point : points)
      this->store(store, point, scope);
  return state;
}

/// Where along the reduced axis `point` lies, for every lane of the slot.
Value Emitter::position(const Slot &slot, const Point &point) {
  Type i32 = b_.getI32Type();
  AffineExpr expr = slot.accumulator->index;
  if (!expr) // an axis of one element
    return ops(DType::int32).integer(i32, 0);
  if (lanesOf(slot) > 0)
    return laneIndex(expr, point, i32);
  return b_.create<arith::TruncIOp>(loc_, i32, scalarIndex(expr, point));
}

// ---- long sums --------------------------------------------------------------

/// The loop over [0, end) of inner dim `level`, in blocks where sums are long.
Emitter::Values
Emitter::emitSteps(unsigned level, int64_t end, int64_t step, Values state,
                   llvm::function_ref<Values(Value, Values)> body) {
  if (blockSteps_ == 0 || level != blockLevel_)
    return loop(number(0), number(end), step, std::move(state), body);
  int64_t block = blockSteps_ * step;
  return loop(number(0), number(end), block, std::move(state),
              [&](Value low, Values totals) {
                Value high = b_.create<arith::AddIOp>(loc_, low, number(block));
                high = b_.create<arith::MinSIOp>(loc_, high, number(end));
                return emitBlock(level, std::move(totals), [&](Values sums) {
                  return loop(low, high, step, std::move(sums), body);
                });
              });
}

/// What `body` adds up from nothing is added to the totals, which are f64.
Emitter::Values Emitter::emitBlock(unsigned level, Values totals,
                                   llvm::function_ref<Values(Values)> body) {
  if (blockSteps_ == 0 || level != blockLevel_)
    return body(std::move(totals));
  Values state = totals;
  forSums([&](size_t at, const Slot &slot) { state[at] = identity(slot)[0]; });
  state = body(std::move(state));
  forSums([&](size_t at, const Slot &) {
    state[at] = b_.create<arith::AddFOp>(loc_, totals[at], toF64(state[at]));
  });
  return state;
}

/// The innermost loop that, with those in it, takes too many steps for one sum.
void Emitter::chooseBlocks(const Stage &stage) {
  blockSteps_ = 0;
  int64_t most = std::numeric_limits<int64_t>::max();
  for (const Accumulator &accumulator : stage.accumulators)
    most = std::min(most, mostSteps(accumulator));
  int64_t inside = 1; // steps of the loops within
  for (unsigned level = s_.innerOrder.size(); level-- > 0;) {
    if (stepsOf(level) > most / inside) {
      blockLevel_ = level;
      blockSteps_ = most / inside;
      return;
    }
    inside *= std::max<int64_t>(stepsOf(level), 1); // less than one vector
  }
}

/// Steps that an accumulator may take in one block. matmul and conv have many
/// accumulators at once and rarely long sums: there, blocks are longer.
int64_t Emitter::mostSteps(const Accumulator &accumulator) const {
  if (!nest_.sumsInF32(accumulator))
    return std::numeric_limits<int64_t>::max();
  const Stmt &stmt = nest_.stmts[accumulator.value];
  uint64_t rows = (uint64_t(1) << nest_.numParallel) - 1;
  bool isContraction =
      stmt.kind == Stmt::Kind::row && stmt.op == OpKind::mul &&
      ((s_.varies[stmt.operands[0]] ^ s_.varies[stmt.operands[1]]) & rows) != 0;
  return isContraction ? 16 * kSumBlock : kSumBlock;
}

int64_t Emitter::stepsOf(unsigned level) const {
  unsigned dim = s_.innerOrder[level];
  bool isLanes = s_.lanesAreInner() && dim == s_.lanes.dim;
  return nest_.sizes[dim] / (isLanes ? s_.lanes.count * s_.unroll : 1);
}

/// Visits the sums in f32 with their places in the state of the loops.
void Emitter::forSums(
    llvm::function_ref<void(size_t, const Slot &)> visit) const {
  size_t at = 0;
  for (const Slot &slot : slots_) {
    if (nest_.sumsInF32(*slot.accumulator))
      visit(at, slot);
    at += isPosition(*slot.accumulator) ? 2 : 1;
  }
}

Value Emitter::toF64(Value sum) {
  Type type = withElement(sum.getType(), b_.getF64Type());
  return b_.create<arith::ExtFOp>(loc_, type, sum);
}

Value Emitter::toF32(Value total) {
  Type type = withElement(total.getType(), b_.getF32Type());
  return b_.create<arith::TruncFOp>(loc_, type, total);
}

// ---- accumulators -----------------------------------------------------------

void Emitter::makeSlots(const Stage &stage) {
  slots_.clear();
  bool inner = s_.lanesAreInner();
  bool hasRest = inner && nest_.sizes[s_.lanes.dim] % s_.lanes.count != 0;
  for (const Accumulator &accumulator : stage.accumulators) {
    std::set<std::pair<int, Point>> seen;
    for (const Point &point : rowPoints()) {
      auto key = keyOf(accumulator.result, point);
      if (!seen.insert(key).second)
        continue;
      for (int64_t part = 0; part < (inner ? s_.unroll : 1); ++part)
        slots_.push_back({&accumulator, key.second, part, false});
      if (hasRest)
        slots_.push_back({&accumulator, key.second, 0, true});
    }
  }
}

/// Lanes of the accumulator; 0 for a scalar.
int64_t Emitter::lanesOf(const Slot &slot) const {
  if (s_.lanesAreInner())
    return slot.isRest ? 0 : s_.lanes.count;
  return variesWithLanes(slot.accumulator->value) ? width_ : 0;
}

/// What leaves every value unchanged, and position 0.
Emitter::Values Emitter::identity(const Slot &slot) {
  const Accumulator &accumulator = *slot.accumulator;
  DType dtype = typeOf(accumulator.value);
  ScalarBuilder s = ops(dtype);
  Type type = computeType(b_.getContext(), dtype);
  bool isLargest =
      accumulator.op == OpKind::max || accumulator.op == OpKind::argmax;
  Value value;
  switch (accumulator.op) {
  case OpKind::sum:
  case OpKind::any:
    value = s.constant(0);
    break;
  case OpKind::prod:
  case OpKind::all:
    value = s.constant(1);
    break;
  default: {
    if (s.isFloat()) {
      double infinity = std::numeric_limits<double>::infinity();
      value = s.real(type, isLargest ? -infinity : infinity);
      break;
    }
    unsigned bits = dtype == DType::int4 ? 4 : type.getIntOrFloatBitWidth();
    bool isUnsigned = dtype == DType::uint8;
    int64_t low = isUnsigned ? 0 : -int64_t((uint64_t(1) << (bits - 1)));
    int64_t high = isUnsigned ? 255 : int64_t((uint64_t(1) << (bits - 1)) - 1);
    value = s.integer(type, isLargest ? low : high);
  }
  }
  Values values{s.broadcast(value, lanesOf(slot))};
  if (isPosition(accumulator))
    values.push_back(s.broadcast(s.integer(b_.getI32Type(), 0), lanesOf(slot)));
  return values;
}

/// `x` and `y` are values, of argmax and argmin with their positions.
/// `inOrder`: the positions of y lie behind those of x.
Emitter::Values Emitter::combine(const Accumulator &accumulator, Values x,
                                 Values y, bool inOrder) {
  ScalarBuilder s = ops(typeOf(accumulator.value));
  s.match(x[0], y[0]);
  switch (accumulator.op) {
  case OpKind::sum:
    return {s.add(x[0], y[0])};
  case OpKind::prod:
    return {s.mul(x[0], y[0])};
  case OpKind::max:
    return {s.maximum(x[0], y[0])};
  case OpKind::min:
    return {s.minimum(x[0], y[0])};
  case OpKind::all:
    return {s.logical_and(x[0], y[0])};
  case OpKind::any:
    return {s.logical_or(x[0], y[0])};
  default:
    break;
  }
  s.match(x[1], y[1]);
  Value better = accumulator.op == OpKind::argmax ? s.less(x[0], y[0])
                                                  : s.less(y[0], x[0]);
  Value xNan, yNan;
  if (s.isFloat()) {
    xNan = s.not_equal(x[0], x[0]);
    yNan = s.not_equal(y[0], y[0]);
    better = s.logical_or(better, s.logical_and(yNan, s.logical_not(xNan)));
  }
  if (!inOrder) {
    Value tie = s.equal(x[0], y[0]);
    if (xNan)
      tie = s.logical_or(tie, s.logical_and(xNan, yNan));
    Value first = ops(DType::int32).less(y[1], x[1]);
    better = s.logical_or(better, s.logical_and(tie, first));
  }
  return {s.select(better, y[0], x[0]), s.select(better, y[1], x[1])};
}

/// Combines the lanes of vectors, halving them.
Emitter::Values Emitter::foldLanes(const Accumulator &accumulator, Values x) {
  while (auto type = dyn_cast<VectorType>(x[0].getType())) {
    int64_t half = type.getNumElements() / 2;
    auto part = [&](Value value, int64_t begin) -> Value {
      if (half == 1)
        return b_.create<vector::ExtractOp>(loc_, value, begin);
      SmallVector<int64_t> lanes;
      for (int64_t i = 0; i < half; ++i)
        lanes.push_back(begin + i);
      return b_.create<vector::ShuffleOp>(loc_, value, value, lanes);
    };
    Values low, high;
    for (Value value : x) {
      low.push_back(part(value, 0));
      high.push_back(part(value, half));
    }
    x = combine(accumulator, low, high, /*inOrder=*/false);
  }
  return x;
}

/// The results of the accumulators: parts, then lanes, then the rest combined.
void Emitter::finish(const Stage &stage, Values state, Scope &scope) {
  std::map<std::pair<int, Point>, Values> totals;
  size_t at = 0;
  for (const Slot &slot : slots_) {
    const Accumulator &accumulator = *slot.accumulator;
    size_t count = isPosition(accumulator) ? 2 : 1;
    Values value(state.begin() + at, state.begin() + at + count);
    at += count;
    auto key = keyOf(accumulator.result, slot.row);
    auto found = totals.find(key);
    if (found == totals.end()) {
      totals.emplace(key, value);
      continue;
    }
    if (slot.isRest)
      found->second = foldLanes(accumulator, found->second);
    found->second = combine(accumulator, found->second, value, false);
  }
  for (const Accumulator &accumulator : stage.accumulators)
    for (auto &[key, value] : totals)
      if (key.first == accumulator.result) {
        if (s_.lanesAreInner())
          value = foldLanes(accumulator, value);
        scope.values[key] = value.back();
      }
}

} // namespace weft::cpu
