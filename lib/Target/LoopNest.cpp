// SPDX-License-Identifier: Apache-2.0
// From the region of a group to its loops: every value is computed "at an
// index", and the index of an operand follows from that of its user.
#include "weft/Target/LoopNest.h"

#include "IndexMath.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

#include <cmath>
#include <map>

using namespace mlir;
using namespace weft::ir;

namespace weft {

int64_t LoopNest::numRows() const {
  int64_t n = 1;
  for (int64_t size : parallelSizes())
    n *= size;
  return n;
}

int64_t LoopNest::numInnerPoints() const {
  int64_t n = 1;
  for (int64_t size : innerSizes())
    n *= size;
  return n;
}

bool LoopNest::sumsInF32(const Accumulator &accumulator) const {
  Type type = stmts[accumulator.value].type;
  return accumulator.op == OpKind::sum && isa<FloatType>(type) && !type.isF64();
}

namespace {

using Index = SmallVector<AffineExpr>;

/// The value under reshapes: the same elements in the same order.
Value stripReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getX();
  return value;
}

class Builder {
public:
  /// What the loops are for: all of a group, or one product of a pair.
  enum class Part { whole, first, second };

  Builder(GroupOp group, Part part, std::string &why)
      : group_(group), context_(group.getContext()), why_(why), part_(part) {}

  FailureOr<LoopNest> build();

private:
  // The iteration space.
  void findSpace();
  void choosePart();
  void addDims(ArrayRef<int64_t> sizes) {
    nest_.sizes.append(sizes.begin(), sizes.end());
  }
  AffineExpr dim(unsigned i) const {
    return nest_.sizes[i] == 1 ? getAffineConstantExpr(0, context_)
                               : getAffineDimExpr(i, context_);
  }
  Index dims(unsigned from, unsigned count) const {
    Index index;
    for (unsigned i = 0; i < count; ++i)
      index.push_back(dim(from + i));
    return index;
  }
  Index fullIndex() const; // over the operand shape of the reductions

  // Stages.
  LogicalResult addReductionStages();
  LogicalResult addReduction(ReductionOpInterface op);
  LogicalResult addMatmul(MatmulOp op);
  LogicalResult addAttention(AttentionOp op);
  LogicalResult addConv(ConvOp op);
  LogicalResult addPool(Operation *op, ArrayRef<int64_t> kernel,
                        ArrayRef<int64_t> stride, ArrayRef<int64_t> padding,
                        bool channelsLast);
  /// The mean over the inner dims; for counts without padding, over the points
  /// where `guards` hold.
  int meanOf(int data, Type type, ArrayRef<Guard> guards, bool countsPadding);
  Value storedValue(Value result) const;
  AffineExpr storedAt(Value result, Index index) const;
  LogicalResult addStores();
  LogicalResult addStoreStage(bool inner, ArrayRef<unsigned> outputs);
  void openStage(bool inner);
  int accumulate(OpKind kind, int value, Type type, AffineExpr index = {});

  // Values at an index. A negative result is a failure; why_ says which.
  int at(Value value, const Index &index, ArrayRef<Guard> guards);
  int compute(Operation *op, const Index &index, ArrayRef<Guard> guards);
  int loadAt(Value value, unsigned input, AffineExpr offset,
             ArrayRef<Guard> guards);
  std::optional<unsigned> inputOf(Value value);
  int concatenateAt(ConcatenateOp op, const Index &index,
                    ArrayRef<Guard> guards);
  Index resampled(ResampleOp op, const Index &index) const;
  int anchorAt(Operation *op, const Index &index);
  int append(Stmt stmt);
  int constant(Type type, double value);
  int fail(const Twine &reason) {
    if (why_.empty())
      why_ = reason.str();
    return -1;
  }
  SmallVector<Guard> within(AffineExpr expr, int64_t size,
                            ArrayRef<Guard> guards) const;
  bool dependsOnInner(const Stmt &stmt) const;

  GroupOp group_;
  MLIRContext *context_;
  std::string &why_;
  Part part_;
  LoopNest nest_;
  std::optional<IndexMath> math_;
  SmallVector<Operation *> anchors_;
  DenseSet<Operation *> others_;       // of the other product
  SmallVector<int64_t> fullShape_;     // operand shape of the reductions
  SmallVector<unsigned> fullDims_;     // its dims among the nest's dims
  DenseMap<Operation *, int> results_; // of anchors: the statement to use
  std::vector<bool> innerStmt_;        // by statement: varies along inner dims

  /// A value, its index and the guards around it. Only looked up, never walked.
  using Key = std::vector<std::pair<const void *, int64_t>>;
  std::map<Key, int> memo_;
};

// ---- the iteration space ----------------------------------------------------

/// Leaves out the other product, and knows what follows from the second.
void Builder::choosePart() {
  DenseSet<Operation *> behind{anchors_[1]};
  Block &block = group_.getBody().front();
  for (Operation &op : block.without_terminator())
    if (llvm::any_of(op.getOperands(), [&](Value operand) {
          return behind.contains(operand.getDefiningOp());
        }))
      behind.insert(&op);
  for (Operation &op : block.without_terminator())
    if (behind.contains(&op) == (part_ == Part::first))
      others_.insert(&op);
  anchors_ = {anchors_[part_ == Part::second]};
}

void Builder::findSpace() {
  Block &block = group_.getBody().front();
  for (Operation &op : block.without_terminator())
    if (isa<AnchorOpInterface>(op))
      anchors_.push_back(&op);
  if (part_ != Part::whole)
    choosePart();
  if (anchors_.empty()) {
    Value first = stripReshapes(block.getTerminator()->getOperand(0));
    addDims(shapeOf(first));
    nest_.numParallel = nest_.sizes.size();
    return;
  }
  Operation *anchor = anchors_.front();
  if (auto reduction = dyn_cast<ReductionOpInterface>(anchor)) {
    fullShape_.assign(shapeOf(anchor->getOperand(0)).begin(),
                      shapeOf(anchor->getOperand(0)).end());
    SmallVector<int64_t> axes = reduction.getReducedAxes();
    fullDims_.resize(fullShape_.size());
    for (bool inner : {false, true}) {
      for (unsigned i = 0; i < fullShape_.size(); ++i)
        if (llvm::is_contained(axes, i) == inner) {
          fullDims_[i] = nest_.sizes.size();
          nest_.sizes.push_back(fullShape_[i]);
        }
      if (!inner)
        nest_.numParallel = nest_.sizes.size();
    }
    return;
  }
  addDims(shapeOf(anchor->getResult(0)));
  nest_.numParallel = nest_.sizes.size();
  addDims(cast<WindowOpInterface>(anchor).getInnerSizes());
}

Index Builder::fullIndex() const {
  Index index;
  for (unsigned d : fullDims_)
    index.push_back(dim(d));
  return index;
}

// ---- statements -------------------------------------------------------------

bool Builder::dependsOnInner(const Stmt &stmt) const {
  auto inner = [&](AffineExpr expr) {
    for (unsigned i = nest_.numParallel; i < nest_.sizes.size(); ++i)
      if (expr && expr.isFunctionOfDim(i))
        return true;
    return false;
  };
  return inner(stmt.expr) ||
         llvm::any_of(stmt.guards, [&](auto &g) { return inner(g.expr); }) ||
         llvm::any_of(stmt.operands, [&](int id) { return innerStmt_[id]; });
}

int Builder::append(Stmt stmt) {
  int id = nest_.stmts.size();
  bool inner = dependsOnInner(stmt);
  Stage &stage = nest_.stages.back();
  assert((!inner || stage.inner) && "an inner value in a row stage");
  innerStmt_.push_back(inner);
  (inner ? stage.body : stage.rowBody).push_back(id);
  nest_.stmts.push_back(std::move(stmt));
  return id;
}

int Builder::constant(Type type, double value) {
  Stmt stmt{.kind = Stmt::Kind::constant, .type = type};
  if (isa<FloatType>(type))
    stmt.value = FloatAttr::get(type, value);
  else
    stmt.value = IntegerAttr::get(
        type, APInt(type.getIntOrFloatBitWidth(),
                    static_cast<uint64_t>(static_cast<int64_t>(value)),
                    /*isSigned=*/true));
  return append(std::move(stmt));
}

SmallVector<Guard> Builder::within(AffineExpr expr, int64_t size,
                                   ArrayRef<Guard> guards) const {
  SmallVector<Guard> all(guards);
  auto [low, high] = math_->range(expr);
  if (low < 0 || high >= size)
    all.push_back({expr, 0, size});
  return all;
}

int Builder::loadAt(Value value, unsigned input, AffineExpr offset,
                    ArrayRef<Guard> guards) {
  Stmt stmt{.kind = Stmt::Kind::load,
            .type = getElementTypeOrSelf(value.getType())};
  stmt.input = input;
  stmt.expr = offset;
  stmt.guards.assign(guards.begin(), guards.end());
  return append(std::move(stmt));
}

/// The number of what is read from memory: an argument, or what the first of
/// two products has stored for the second.
std::optional<unsigned> Builder::inputOf(Value value) {
  if (auto argument = dyn_cast<BlockArgument>(value))
    return argument.getArgNumber();
  if (part_ == Part::second && value == anchors_.front()->getOperand(0))
    return group_.getInputs().size() + group_.getPairedResult();
  return std::nullopt;
}

int Builder::at(Value value, const Index &index, ArrayRef<Guard> guards) {
  Key key{{value.getAsOpaquePointer(), 0}};
  for (AffineExpr expr : index)
    key.push_back({expr.getAsOpaquePointer(), 0});
  for (const Guard &guard : guards) {
    key.push_back({guard.expr.getAsOpaquePointer(), guard.low});
    key.push_back({nullptr, guard.high});
  }
  if (auto found = memo_.find(key); found != memo_.end())
    return found->second;
  int id;
  if (std::optional<unsigned> input = inputOf(value))
    id = loadAt(value, *input, math_->linearize(index, shapeOf(value)), guards);
  else
    id = compute(value.getDefiningOp(), index, guards);
  if (id >= 0)
    memo_[key] = id;
  return id;
}

int Builder::anchorAt(Operation *op, const Index &index) {
  auto found = results_.find(op);
  if (found == results_.end())
    return fail("a reduction is used before its stage");
  Index rows;
  if (auto reduction = dyn_cast<ReductionOpInterface>(op)) {
    SmallVector<int64_t> axes = reduction.getReducedAxes();
    for (unsigned i = 0; i < fullShape_.size(); ++i)
      if (!llvm::is_contained(axes, i))
        rows.push_back(dim(fullDims_[i]));
  } else {
    rows = dims(0, nest_.numParallel);
  }
  if (rows != index)
    return fail("the result of " + mnemonic(op) +
                " is used at another index than its own");
  return found->second;
}

/// The index in x, kept inside of it. Divisions only meet what is not negative:
/// these are cheap.
Index Builder::resampled(ResampleOp op, const Index &index) const {
  ArrayRef<int64_t> from = shapeOf(op.getX()), to = shapeOf(op.getResult());
  Index inner;
  for (auto [d, i] : llvm::enumerate(index)) {
    int64_t start = op.getStarts()[d], step = op.getSteps()[d],
            divisor = op.getDivisors()[d];
    bool before = start < 0,
         behind = (start + step * (to[d] - 1)) / divisor >= from[d];
    // Counts from the element before the first if there is one.
    AffineExpr expr =
        math_->floorDiv(i * step + (start + (before ? divisor : 0)), divisor);
    int64_t last =
        std::max<int64_t>(from[d] + (before ? 1 : 0) - (behind ? 0 : 1), 1);
    AffineExpr result = expr;
    if (before) // one less for all but 0
      result = result - math_->floorDiv(expr + (last - 1), last);
    if (behind)
      result = result - math_->floorDiv(expr, last);
    inner.push_back(math_->simplify(result));
  }
  return inner;
}

int Builder::concatenateAt(ConcatenateOp op, const Index &index,
                           ArrayRef<Guard> guards) {
  unsigned axis = static_cast<unsigned>(op.getAxis());
  int64_t end = shapeOf(op.getResult())[axis];
  int chosen = -1;
  // From the back: each input is chosen below its end.
  for (Value input : llvm::reverse(op.getInputs())) {
    int64_t begin = end - shapeOf(input)[axis];
    if (begin == end)
      continue;
    Index inner = index;
    inner[axis] = index[axis] - begin;
    SmallVector<Guard> all(guards);
    auto [low, high] = math_->range(index[axis]);
    bool always = low >= begin && high < end;
    if (!always)
      all.push_back({index[axis], begin, end});
    int id = at(input, inner, all);
    if (id < 0)
      return id;
    if (chosen < 0) {
      chosen = id;
    } else {
      Stmt select{.kind = Stmt::Kind::select,
                  .type = nest_.stmts[id].type,
                  .operands = {id, chosen}};
      select.guards.push_back({index[axis], begin, end});
      chosen = append(std::move(select));
    }
    end = begin;
  }
  if (chosen >= 0)
    return chosen;
  // Nothing is ever computed at an index of it.
  return constant(getElementTypeOrSelf(op.getType()), 0);
}

int Builder::compute(Operation *op, const Index &index,
                     ArrayRef<Guard> guards) {
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  if (isa<AnchorOpInterface>(op))
    return anchorAt(op, index);
  if (auto reduce = dyn_cast<ReducePrecisionOp>(op)) {
    int id = at(reduce.getX(), index, guards);
    if (id < 0 || !(isNarrowFloat(type) || reduce.getTf32()))
      return id;
    return append({.kind = Stmt::Kind::round, .type = type, .operands = {id}});
  }
  if (auto contiguous = dyn_cast<ContiguousOp>(op))
    return at(contiguous.getX(), index, guards);
  if (isElementwise(op)) {
    Stmt stmt{.kind = isa<CastOp>(op) ? Stmt::Kind::cast : Stmt::Kind::row,
              .type = type};
    stmt.source = op;
    if (!isa<CastOp>(op))
      stmt.op = *opKind(op);
    for (Value operand : op->getOperands()) {
      int id = at(operand, index, guards);
      if (id < 0)
        return id;
      stmt.operands.push_back(id);
    }
    return append(std::move(stmt));
  }
  return llvm::TypeSwitch<Operation *, int>(op)
      .Case<ConstantOp>([&](ConstantOp constantOp) -> int {
        Stmt stmt{.kind = Stmt::Kind::constant, .type = type};
        stmt.value = cast<DenseElementsAttr>(constantOp.getValue())
                         .getSplatValue<Attribute>();
        return append(std::move(stmt));
      })
      .Case<SplatOp>([&](SplatOp splat) -> int {
        Stmt stmt{.kind = Stmt::Kind::argument, .type = type};
        stmt.input = cast<BlockArgument>(splat.getScalar()).getArgNumber();
        return append(std::move(stmt));
      })
      .Case<IotaOp>([&](IotaOp iota) -> int {
        Stmt stmt{.kind = Stmt::Kind::index, .type = type};
        stmt.expr = index[iota.getAxis()];
        return append(std::move(stmt));
      })
      .Case<BroadcastOp>([&](BroadcastOp broadcast) -> int {
        ArrayRef<int64_t> shape = shapeOf(broadcast.getX());
        Index inner(index.end() - shape.size(), index.end());
        for (auto [expr, size] : llvm::zip(inner, shape))
          if (size == 1)
            expr = math_->constant(0);
        return at(broadcast.getX(), inner, guards);
      })
      .Case<ReshapeOp>([&](ReshapeOp reshape) -> int {
        return at(reshape.getX(),
                  math_->reindex(index, shapeOf(reshape.getResult()),
                                 shapeOf(reshape.getX())),
                  guards);
      })
      .Case<TransposeOp>([&](TransposeOp transpose) -> int {
        Index inner(index.size());
        for (auto [i, axis] : llvm::enumerate(transpose.getPermutation()))
          inner[axis] = index[i];
        return at(transpose.getX(), inner, guards);
      })
      .Case<SliceOp>([&](SliceOp slice) -> int {
        Index inner;
        for (auto [expr, start, step] :
             llvm::zip(index, slice.getStarts(), slice.getSteps()))
          inner.push_back(expr * step + start);
        return at(slice.getX(), inner, guards);
      })
      .Case<ResampleOp>([&](ResampleOp resample) -> int {
        return at(resample.getX(), resampled(resample, index), guards);
      })
      .Case<AsStridedOp>([&](AsStridedOp strided) -> int {
        AffineExpr offset =
            math_->constant(static_cast<int64_t>(strided.getOffset()));
        for (auto [expr, stride] : llvm::zip(index, strided.getStrides()))
          offset = offset + expr * stride;
        return at(strided.getX(), {offset}, guards);
      })
      .Case<ConcatenateOp>([&](ConcatenateOp concatenate) -> int {
        return concatenateAt(concatenate, index, guards);
      })
      .Default([&](Operation *other) -> int {
        return fail(mnemonic(other) + " is not decomposed");
      });
}

// ---- stages -----------------------------------------------------------------

void Builder::openStage(bool inner) {
  nest_.stages.emplace_back().inner = inner;
  // Values of a row stay known; those inside the loop ended with it.
  for (auto it = memo_.begin(); it != memo_.end();)
    it = innerStmt_[it->second] ? memo_.erase(it) : std::next(it);
}

int Builder::accumulate(OpKind kind, int value, Type type, AffineExpr index) {
  int result = nest_.stmts.size();
  nest_.stmts.push_back({.kind = Stmt::Kind::reduced, .type = type});
  innerStmt_.push_back(false);
  nest_.stages.back().accumulators.push_back({kind, value, result, index});
  return result;
}

LogicalResult Builder::addReduction(ReductionOpInterface op) {
  int value = at(op->getOperand(0), fullIndex(), {});
  if (value < 0)
    return failure();
  AffineExpr position;
  if (isa<ArgmaxOp, ArgminOp>(op))
    position = fullIndex()[op.getReducedAxes()[0]];
  results_[op] =
      accumulate(*opKind(op), value,
                 getElementTypeOrSelf(op->getResult(0).getType()), position);
  return success();
}

LogicalResult Builder::addReductionStages() {
  // Reductions that do not wait for each other share a stage.
  DenseMap<Operation *, unsigned> level; // of every op: stages it waits for
  SmallVector<SmallVector<ReductionOpInterface>> stages;
  for (Operation &op : group_.getBody().front().without_terminator()) {
    unsigned wait = 0;
    for (Value operand : op.getOperands())
      if (Operation *def = operand.getDefiningOp())
        wait = std::max(wait, level[def]);
    if (auto reduction = dyn_cast<ReductionOpInterface>(op)) {
      if (stages.size() <= wait)
        stages.resize(wait + 1);
      stages[wait].push_back(reduction);
      ++wait;
    }
    level[&op] = wait;
  }
  for (auto &stage : stages) {
    openStage(/*inner=*/true);
    for (ReductionOpInterface op : stage)
      if (failed(addReduction(op)))
        return failure();
  }
  return success();
}

LogicalResult Builder::addMatmul(MatmulOp op) {
  openStage(/*inner=*/true);
  unsigned rank = nest_.numParallel;
  Index lhs = dims(0, rank), rhs = dims(0, rank);
  lhs[rank - 1] = dim(rank);
  rhs[rank - 2] = dim(rank);
  int x = at(op.getLhs(), lhs, {}), y = at(op.getRhs(), rhs, {});
  if (x < 0 || y < 0)
    return failure();
  Type type = getElementTypeOrSelf(op.getType());
  int product = append({.kind = Stmt::Kind::row,
                        .type = type,
                        .operands = {x, y},
                        .op = OpKind::mul});
  results_[op] = accumulate(OpKind::sum, product, type);
  return success();
}

/// The sum over the depth differs from key to key.
LogicalResult Builder::addAttention(AttentionOp op) {
  unsigned rank = nest_.numParallel, row = rank - 2, column = rank - 1;
  AffineExpr keyDim = dim(rank), depth = dim(rank + 1);
  Index query = dims(0, rank), key = query, value = query, bias = query;
  query[column] = key[column] = depth;
  key[row] = value[row] = bias[column] = keyDim;
  Type type = getElementTypeOrSelf(op.getType()),
       wide = Float32Type::get(context_);
  auto arithmetic = [&](OpKind kind, Type of, SmallVector<int, 3> operands) {
    return append({.kind = Stmt::Kind::row,
                   .type = of,
                   .operands = std::move(operands),
                   .op = kind});
  };
  openStage(/*inner=*/true);
  int x = at(op.getQuery(), query, {}), y = at(op.getKey(), key, {});
  if (x < 0 || y < 0)
    return failure();
  int score = accumulate(OpKind::sum, arithmetic(OpKind::mul, type, {x, y}),
                         type, depth);
  innerStmt_[score] = true;
  openStage(/*inner=*/true);
  int scale = at(op.getScale(), {}, {});
  if (scale < 0)
    return failure();
  score = arithmetic(OpKind::mul, wide, {score, scale});
  if (op.getBias()) {
    int shift = at(op.getBias(), bias, {});
    if (shift < 0)
      return failure();
    score = arithmetic(OpKind::add, wide, {score, shift});
  }
  int z = at(op.getValue(), value, {});
  if (z < 0)
    return failure();
  int weight = arithmetic(OpKind::softmax, type, {score});
  results_[op] = accumulate(
      OpKind::sum, arithmetic(OpKind::mul, type, {weight, z}), type, keyDim);
  return success();
}

LogicalResult Builder::addConv(ConvOp op) {
  openStage(/*inner=*/true);
  unsigned spatial = op.getStride().size(), inner = nest_.numParallel;
  ArrayRef<int64_t> xShape = shapeOf(op.getX());
  // Axes of the channels, and of the first spatial dim.
  bool isLast = op.getChannelsLast();
  unsigned c = isLast ? spatial + 1 : 1, s = isLast ? 1 : 2;
  int64_t groups = static_cast<int64_t>(op.getGroups());
  int64_t perGroup = shapeOf(op.getW())[0] / std::max<int64_t>(groups, 1);
  Index x(spatial + 2), w(spatial + 2);
  SmallVector<Guard> guards;
  x[0] = dim(0);
  AffineExpr group = math_->floorDiv(dim(c), std::max<int64_t>(perGroup, 1));
  if (groups == 1)
    group = math_->constant(0);
  // The inner dims are those of w behind its first.
  x[c] = group * shapeOf(op.getW())[c] + dim(inner + c - 1);
  w[0] = dim(c);
  w[c] = dim(inner + c - 1);
  for (unsigned i = 0; i < spatial; ++i) {
    AffineExpr tap = dim(inner + s - 1 + i);
    AffineExpr position = dim(s + i) * op.getStride()[i] +
                          tap * op.getDilation()[i] - op.getPadding()[2 * i];
    guards = within(position, xShape[s + i], guards);
    x[s + i] = position;
    w[s + i] = tap;
  }
  int data = at(op.getX(), x, guards), weight = at(op.getW(), w, {});
  if (data < 0 || weight < 0)
    return failure();
  Type type = getElementTypeOrSelf(op.getType());
  // A guarded load gives 0 outside; what was computed from one need not.
  if (!guards.empty() && nest_.stmts[data].kind != Stmt::Kind::load) {
    Stmt select{.kind = Stmt::Kind::select,
                .type = type,
                .operands = {data, constant(type, 0)}};
    select.guards.assign(guards.begin(), guards.end());
    data = append(std::move(select));
  }
  int product = append({.kind = Stmt::Kind::row,
                        .type = type,
                        .operands = {data, weight},
                        .op = OpKind::mul});
  int sum = accumulate(OpKind::sum, product, type);
  results_[op] = sum;
  if (!op.getBias())
    return success();
  openStage(/*inner=*/false);
  int bias = at(op.getBias(), {dim(c)}, {});
  if (bias < 0)
    return failure();
  results_[op] = append({.kind = Stmt::Kind::row,
                         .type = type,
                         .operands = {sum, bias},
                         .op = OpKind::add});
  return success();
}

LogicalResult Builder::addPool(Operation *op, ArrayRef<int64_t> kernel,
                               ArrayRef<int64_t> stride,
                               ArrayRef<int64_t> padding, bool channelsLast) {
  openStage(/*inner=*/true);
  ArrayRef<int64_t> shape = shapeOf(op->getOperand(0));
  Index x = dims(0, nest_.numParallel); // channels as they are
  unsigned s = channelsLast ? 1 : 2;    // the first spatial axis
  SmallVector<Guard> guards;
  for (unsigned i = 0; i < kernel.size(); ++i) {
    AffineExpr position =
        dim(s + i) * stride[i] + dim(nest_.numParallel + i) - padding[2 * i];
    guards = within(position, shape[s + i], guards);
    x[s + i] = position;
  }
  Type type = getElementTypeOrSelf(op->getResult(0).getType());
  bool isMax = isa<MaxpoolOp>(op);
  int data = at(op->getOperand(0), x, guards);
  if (data < 0)
    return failure();
  if (!guards.empty() &&
      (isMax || nest_.stmts[data].kind != Stmt::Kind::load)) {
    double lowest = isa<Float8E4M3FNType>(type) ? -448.0 // has no infinity
                    : isa<FloatType>(type)      ? -HUGE_VAL
                    : type.isUnsignedInteger()
                        ? 0
                        : -std::ldexp(1.0, type.getIntOrFloatBitWidth() - 1);
    Stmt select{.kind = Stmt::Kind::select,
                .type = type,
                .operands = {data, constant(type, isMax ? lowest : 0)}};
    select.guards.assign(guards.begin(), guards.end());
    data = append(std::move(select));
  }
  if (isMax) {
    results_[op] = accumulate(OpKind::max, data, type);
    return success();
  }
  results_[op] =
      meanOf(data, type, guards, cast<AvgpoolOp>(op).getCountIncludePad());
  return success();
}

/// The type in which a mean of `points` values is formed: one that holds their
/// sum and their number.
static Type typeOfMean(Type type, int64_t points) {
  MLIRContext *context = type.getContext();
  unsigned bits = type.getIntOrFloatBitWidth();
  if (isa<FloatType>(type))
    return bits < 32 ? Float32Type::get(context) : type;
  bool fits = bits <= 8 && points < (int64_t{1} << 22);
  return IntegerType::get(context, fits ? 32 : 64);
}

int Builder::meanOf(int data, Type type, ArrayRef<Guard> guards,
                    bool countsPadding) {
  auto convert = [&](int value, Type to) {
    if (nest_.stmts[value].type == to)
      return value;
    return append({.kind = Stmt::Kind::cast, .type = to, .operands = {value}});
  };
  Type wide = typeOfMean(type, nest_.numInnerPoints());
  int sum = accumulate(OpKind::sum, convert(data, wide), wide);
  int count;
  if (countsPadding || guards.empty()) {
    openStage(/*inner=*/false);
    count = constant(wide, static_cast<double>(nest_.numInnerPoints()));
  } else {
    Stmt select{.kind = Stmt::Kind::select,
                .type = wide,
                .operands = {constant(wide, 1), constant(wide, 0)}};
    select.guards.assign(guards.begin(), guards.end());
    int one = append(std::move(select));
    count = accumulate(OpKind::sum, one, wide);
    openStage(/*inner=*/false);
  }
  // Narrow floats are computed in f32: their mean needs no conversion, which
  // would round it.
  int mean = append({.kind = Stmt::Kind::row,
                     .type = isa<FloatType>(type) ? type : wide,
                     .operands = {sum, count},
                     .op = OpKind::div});
  return isa<FloatType>(type) ? mean : convert(mean, type);
}

/// The value that loops compute where they store `result`.
Value Builder::storedValue(Value result) const {
  if (nest_.pooling)
    return stripReshapes(nest_.pooling->getOperand(0));
  result = stripReshapes(result);
  bool reorders = !anchors_.empty() && isa<AttentionOp>(anchors_.front());
  while (reorders && result.getDefiningOp<TransposeOp>())
    result = stripReshapes(result.getDefiningOp<TransposeOp>().getX());
  return result;
}

/// Where in `result` the element at `index` of its stored value lies.
AffineExpr Builder::storedAt(Value result, Index index) const {
  SmallVector<Operation *> views;
  Value value = storedValue(result);
  for (Value v = stripReshapes(result); v != value;
       v = views.back()->getOperand(0))
    views.push_back(v.getDefiningOp());
  for (Operation *view : llvm::reverse(views)) {
    Value from = view->getOperand(0), to = view->getResult(0);
    if (auto transpose = dyn_cast<TransposeOp>(view)) {
      Index inner = index;
      for (auto [i, axis] : llvm::enumerate(transpose.getPermutation()))
        index[i] = inner[axis];
    } else {
      index = math_->reindex(index, shapeOf(from), shapeOf(to));
    }
    value = to;
  }
  return math_->linearize(index, shapeOf(value));
}

LogicalResult Builder::addStoreStage(bool inner, ArrayRef<unsigned> outputs) {
  Operation *yield = group_.getBody().front().getTerminator();
  // Row values join the stage that is open: nothing new has to be looped over.
  if (inner || nest_.stages.empty() || nest_.stages.back().inner)
    openStage(inner);
  SmallVector<int64_t> space;
  Index spaceIndex;
  if (inner) {
    space = fullShape_;
    spaceIndex = fullIndex();
  } else {
    space.assign(nest_.parallelSizes().begin(), nest_.parallelSizes().end());
    spaceIndex = dims(0, nest_.numParallel);
  }
  AffineExpr inOrder = math_->linearize(spaceIndex, space);
  for (unsigned output : outputs) {
    Value result = yield->getOperand(output), value = storedValue(result);
    Index index = math_->reindex(spaceIndex, space, shapeOf(value));
    int id = at(value, index, {});
    if (id < 0)
      return failure();
    bool reorders = !nest_.pooling && value != stripReshapes(result);
    nest_.stages.back().stores.push_back(
        {output, reorders ? storedAt(result, std::move(index)) : inOrder, id});
  }
  return success();
}

LogicalResult Builder::addStores() {
  Operation *yield = group_.getBody().front().getTerminator();
  int64_t rows = nest_.numRows();
  SmallVector<unsigned> ofRows, ofPoints;
  for (auto [i, value] : llvm::enumerate(yield->getOperands())) {
    Value core = storedValue(value);
    if (others_.contains(core.getDefiningOp()))
      continue;
    ArrayRef<int64_t> shape = shapeOf(core);
    int64_t elements = cast<RankedTensorType>(core.getType()).getNumElements();
    if (!fullShape_.empty() && shape == ArrayRef(fullShape_))
      ofPoints.push_back(i);
    else if (elements == rows)
      ofRows.push_back(i);
    else
      ofPoints.push_back(i);
  }
  if (!ofRows.empty() && failed(addStoreStage(/*inner=*/false, ofRows)))
    return failure();
  if (!ofPoints.empty() && failed(addStoreStage(/*inner=*/true, ofPoints)))
    return failure();
  return success();
}

FailureOr<LoopNest> Builder::build() {
  nest_.pooling = group_.getPooling();
  findSpace();
  math_.emplace(context_, nest_.sizes);
  LogicalResult anchored = success();
  if (!anchors_.empty() && isa<ReductionOpInterface>(anchors_.front()))
    anchored = addReductionStages();
  else if (!anchors_.empty())
    anchored = llvm::TypeSwitch<Operation *, LogicalResult>(anchors_.front())
                   .Case<MatmulOp>([&](auto op) { return addMatmul(op); })
                   .Case<AttentionOp>([&](auto op) { return addAttention(op); })
                   .Case<ConvOp>([&](auto op) { return addConv(op); })
                   .Case<MaxpoolOp, AvgpoolOp>([&](auto op) {
                     return addPool(op, op.getKernel(), op.getStride(),
                                    op.getPadding(), op.getChannelsLast());
                   });
  if (failed(anchored) || failed(addStores()))
    return failure();
  collapseDims(nest_, context_);
  return std::move(nest_);
}

} // namespace

FailureOr<LoopNest> buildLoopNest(GroupOp group, std::string &why) {
  why.clear();
  if (group.isPair()) {
    why = "two products have loops of their own";
    return failure();
  }
  return Builder(group, Builder::Part::whole, why).build();
}

FailureOr<PairNests> buildPairNests(GroupOp group, std::string &why) {
  why.clear();
  auto first = Builder(group, Builder::Part::first, why).build();
  if (failed(first))
    return failure();
  auto second = Builder(group, Builder::Part::second, why).build();
  if (failed(second))
    return failure();
  return PairNests{*std::move(first), *std::move(second)};
}

// ---- text -------------------------------------------------------------------

static void printStmt(const LoopNest &nest, int id, llvm::raw_ostream &os) {
  const Stmt &stmt = nest.stmts[id];
  os << "    %" << id << " = ";
  switch (stmt.kind) {
  case Stmt::Kind::constant:
    os << "constant " << stmt.value;
    break;
  case Stmt::Kind::argument:
    os << "argument " << stmt.input;
    break;
  case Stmt::Kind::index:
    os << "index " << stmt.expr;
    break;
  case Stmt::Kind::load:
    os << "load " << stmt.input << "[" << stmt.expr << "]";
    break;
  case Stmt::Kind::row:
    os << name(stmt.op);
    break;
  case Stmt::Kind::cast:
    os << "cast";
    break;
  case Stmt::Kind::round:
    os << "round";
    break;
  case Stmt::Kind::select:
    os << "select";
    break;
  case Stmt::Kind::reduced:
    os << "reduced";
    break;
  }
  for (int operand : stmt.operands)
    os << " %" << operand;
  for (const Guard &guard : stmt.guards)
    os << (&guard == stmt.guards.begin() ? " if " : " and ") << guard.low
       << " <= " << guard.expr << " < " << guard.high;
  os << " : " << stmt.type << "\n";
}

void print(const LoopNest &nest, llvm::raw_ostream &os) {
  os << "parallel [";
  llvm::interleaveComma(nest.parallelSizes(), os);
  os << "] inner [";
  llvm::interleaveComma(nest.innerSizes(), os);
  os << "]\n";
  for (const Stage &stage : nest.stages) {
    os << "  row\n";
    for (int id : stage.rowBody)
      printStmt(nest, id, os);
    if (stage.inner)
      os << "  inner\n";
    for (int id : stage.body)
      printStmt(nest, id, os);
    for (const Accumulator &a : stage.accumulators) {
      os << "    %" << a.result << " = " << name(a.op) << " of %" << a.value;
      if (a.index)
        os << " at " << a.index;
      os << "\n";
    }
    for (const Store &store : stage.stores)
      os << "    store %" << store.value << " to " << store.output << "["
         << store.offset << "]\n";
  }
  if (MaxpoolOp pool = nest.pooling) {
    os << "  pooled kernel [";
    llvm::interleaveComma(pool.getKernel(), os);
    os << "] stride [";
    llvm::interleaveComma(pool.getStride(), os);
    os << "] padding [";
    llvm::interleaveComma(pool.getPadding(), os);
    os << "]\n";
  }
}

} // namespace weft
