// SPDX-License-Identifier: Apache-2.0
// A candidate is walked as its kernel would run: from every result backwards,
// noting at which index of the loops each value is needed. A value needed at
// one index is computed once; one needed at several, or again for every step of
// a loop that it does not depend on, is computed again and must be cheap.
#include "FusionRules.h"

#include "BuildGroup.h"
#include "ViewTrees.h"

#include "weft/Transforms/LibraryWork.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"

#include <algorithm>
#include <map>
#include <set>

using namespace mlir;
using namespace weft::ir;

namespace weft {

/// A kernel's text stays readable and its compilation short.
static constexpr size_t kMaxOps = 128;
/// A few rows longer than this are written by many blocks: a second kernel that
/// reads them again is faster than one block to a row, which leaves most of the
/// device idle.
static constexpr int64_t kMaxRowWritten = 1 << 16;
static constexpr int64_t kFewRows = 64;

// ---- kinds of ops -----------------------------------------------------------

bool isFree(Operation *op) { return isView(op) || isSource(op); }

Operation *splatUnder(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (isa<SplatOp>(op))
      return op;
    if (auto constant = dyn_cast<ConstantOp>(op)) {
      auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
      return dense && dense.isSplat() ? op : nullptr;
    }
    if (!isa<BroadcastOp, ReshapeOp, TransposeOp>(op))
      return nullptr;
    value = op->getOperand(0);
  }
  return nullptr;
}

bool isCheap(Operation *op) {
  if (isa<DivOp>(op))
    return isa<FloatType>(getElementTypeOrSelf(op->getResult(0))) &&
           splatUnder(op->getOperand(1));
  return isa<NegOp, AbsOp, FloorOp, AddOp, SubOp, MulOp, MaximumOp, MinimumOp,
             ReluOp, LogicalNotOp, LogicalAndOp, LogicalOrOp, LessOp,
             LessEqualOp, GreaterOp, GreaterEqualOp, EqualOp, NotEqualOp,
             CastOp, WhereOp, ReducePrecisionOp>(op);
}

/// Cheap enough for the operand of a conv or matmul, where it is computed at
/// every access: a cast, or a sum or product with one number.
bool isPrologue(Operation *op) {
  // Warp groups read what is rounded to TF32 from memory.
  if (auto reduce = dyn_cast<ReducePrecisionOp>(op))
    return !reduce.getTf32();
  if (isa<CastOp, NegOp>(op))
    return true;
  return isa<AddOp, SubOp, MulOp, DivOp>(op) && isCheap(op) &&
         (splatUnder(op->getOperand(0)) || splatUnder(op->getOperand(1)));
}

static std::string text(ArrayRef<int64_t> shape) {
  return to_string(Shape(std::span<const int64_t>(shape.data(), shape.size())));
}

bool Candidate::readsThrough(Operation *op) const {
  return isFree(op) && (!kept.contains(op) || ops.contains(op));
}

/// The same elements in the same order.
static Value underReshapes(Value value, const Candidate &candidate) {
  auto reshape = value.getDefiningOp<ReshapeOp>();
  while (reshape && candidate.readsThrough(reshape)) {
    value = reshape.getX();
    reshape = value.getDefiningOp<ReshapeOp>();
  }
  return value;
}

/// The same elements in any order.
static Value underOrder(Value value, const Candidate &candidate) {
  Operation *op = value.getDefiningOp();
  while (op && isa<ReshapeOp, TransposeOp>(op) && candidate.readsThrough(op)) {
    value = op->getOperand(0);
    op = value.getDefiningOp();
  }
  return value;
}

// ---- at which index a value is needed ---------------------------------------

namespace {
/// The index of a value in terms of the loops: of each dim the loop it follows,
/// -1 for the dims of size 1 and only for those. What has no such form gets a
/// number of its own.
struct Access {
  SmallVector<int, 6> dims;
  int form = 0;          // 0: `dims` says everything
  bool repeated = false; // of other forms: equal elements are read repeatedly
  bool prologue = false; // below an operand of conv or matmul
  int64_t growth = 1;    // how much longer it is than an index of the loops

  /// Equal for equal indices, whatever dims of size 1 lie between.
  using Key = std::tuple<int, bool, std::vector<int>>;
  Key key() const {
    std::vector<int> loops;
    if (form == 0)
      llvm::copy_if(dims, std::back_inserter(loops),
                    [](int dim) { return dim >= 0; });
    return {form, prologue, loops};
  }
};

class Walk {
public:
  explicit Walk(const Candidate &candidate) : candidate_(candidate) {}

  std::string run();
  ScheduleKind kind() const { return kind_; }

private:
  struct Step {
    Value value;
    Access access;
    bool perPoint; // its user runs for every point, not once a row
  };

  std::string findSpace();
  std::string findReductionSpace(ArrayRef<ReductionOpInterface> reductions);
  std::string findPooledSpace(Operation *first, Operation *second);
  bool readsMemory(ConvOp conv) const;
  ContiguousOp dataInside(ConvOp conv) const;
  bool isBroughtInside(ContiguousOp data) const;
  std::string whyNoImage() const;
  bool isPlainLoop();
  bool readsOthersOnly(Value operand, llvm::DenseSet<Value> &tensors);
  std::string start();
  std::string visit(Step step);
  std::string check(Operation *op, const Access &access, bool isAgain) const;
  void enterOperands(Operation *op, const Access &access);
  Access through(Operation *view, const Access &access, unsigned operand);
  Access otherForm(const Access &access, Operation *view, unsigned operand,
                   bool repeats);
  Access identity(ArrayRef<int64_t> shape) const;
  bool isRepeated(const Access &access) const;
  void push(Value value, Access access, bool perPoint) {
    stack_.push_back({value, std::move(access), perPoint});
  }

  const Candidate &candidate_;
  ScheduleKind kind_ = ScheduleKind::loop;
  SmallVector<int64_t> space_; // sizes of the loops
  Access points_;              // the index of a value of that shape
  Access rows_;                // of one element a row (reductions only)
  bool hasRows_ = false;
  bool longRows_ = false;
  MaxpoolOp pooling_; // of what the loops compute; null: there is none
  SmallVector<int64_t> axes_;
  SmallVector<Step> stack_;
  std::map<std::tuple<Access::Key, Operation *, unsigned>, int> forms_;
  // Looked up, never walked.
  std::map<Operation *, std::set<Access::Key>> seen_;
  llvm::DenseSet<Value> tensors_;
  size_t steps_ = 0;
};
} // namespace

Access Walk::identity(ArrayRef<int64_t> shape) const {
  Access access;
  for (auto [i, size] : llvm::enumerate(shape))
    access.dims.push_back(size == 1 ? -1 : static_cast<int>(i));
  return access;
}

bool Walk::isRepeated(const Access &access) const {
  if (access.form)
    return access.repeated;
  if (hasRows_ && access.key() == rows_.key())
    return false;
  for (auto [i, size] : llvm::enumerate(space_))
    if (size != 1 && !llvm::is_contained(access.dims, static_cast<int>(i)))
      return true;
  return false;
}

/// An index that only the same view of the same index has.
Access Walk::otherForm(const Access &access, Operation *view, unsigned operand,
                       bool repeats) {
  auto [it, added] = forms_.try_emplace({access.key(), view, operand},
                                        static_cast<int>(forms_.size()) + 1);
  Access result;
  result.form = it->second;
  result.prologue = access.prologue;
  result.repeated = repeats || isRepeated(access);
  return result;
}

/// The dims that follow loops, in order.
static SmallVector<int64_t> withoutOnes(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> sizes;
  llvm::copy_if(shape, std::back_inserter(sizes),
                [](int64_t size) { return size != 1; });
  return sizes;
}

/// Gives the dims of `shape` other than 1 the loops that `dims` names.
static SmallVector<int, 6> spread(ArrayRef<int> dims, ArrayRef<int64_t> shape) {
  SmallVector<int, 6> result;
  auto next = dims.begin();
  for (int64_t size : shape) {
    while (size != 1 && *next < 0)
      ++next;
    result.push_back(size == 1 ? -1 : *next++);
  }
  return result;
}

/// The index of an operand of `view`, whose result is needed at `access`.
Access Walk::through(Operation *view, const Access &access, unsigned operand) {
  ArrayRef<int64_t> from = shapeOf(view->getResult(0));
  ArrayRef<int64_t> to = shapeOf(view->getOperand(operand));
  Access result = access;
  if (auto broadcast = dyn_cast<BroadcastOp>(view)) {
    bool repeats = withoutOnes(from) != withoutOnes(to);
    if (access.form)
      return otherForm(access, view, operand, repeats);
    result.dims.assign(access.dims.end() - to.size(), access.dims.end());
    for (auto [dim, size] : llvm::zip(result.dims, to))
      if (size == 1)
        dim = -1;
    return result;
  }
  if (auto transpose = dyn_cast<TransposeOp>(view); transpose && !access.form) {
    for (auto [i, axis] : llvm::enumerate(transpose.getPermutation()))
      result.dims[axis] = access.dims[i];
    return result;
  }
  if (isa<ReshapeOp>(view) && !access.form &&
      withoutOnes(from) == withoutOnes(to)) {
    result.dims = spread(access.dims, to);
    return result;
  }
  return otherForm(access, view, operand, isa<AsStridedOp, ResampleOp>(view));
}

// ---- the iteration space ----------------------------------------------------

std::string
Walk::findReductionSpace(ArrayRef<ReductionOpInterface> reductions) {
  ReductionOpInterface first = reductions.front();
  space_ = SmallVector<int64_t>(shapeOf(first->getOperand(0)));
  axes_ = first.getReducedAxes();
  for (ReductionOpInterface op : reductions.drop_front()) {
    if (shapeOf(op->getOperand(0)) != ArrayRef(space_))
      return "they reduce different shapes: " + text(space_) + " and " +
             text(shapeOf(op->getOperand(0)));
    if (op.getReducedAxes() != axes_)
      return "they reduce different axes: " + text(axes_) + " and " +
             text(op.getReducedAxes());
  }
  int64_t rowLength = 1, numRows = 1;
  for (auto [i, size] : llvm::enumerate(space_)) {
    bool reduced = llvm::is_contained(axes_, static_cast<int64_t>(i));
    (reduced ? rowLength : numRows) *= size;
    if (!reduced && size != 1)
      rows_.dims.push_back(static_cast<int>(i));
  }
  hasRows_ = true;
  longRows_ = rowLength > kMaxRowWritten && numRows < kFewRows;
  kind_ = first.getScheduleKind();
  return {};
}

/// Whether `conv` computes nothing on the way to its data and weights.
bool Walk::readsMemory(ConvOp conv) const {
  return llvm::none_of(conv->getOperands().take_front(2), [&](Value operand) {
    Operation *def = operand.getDefiningOp();
    return def && (candidate_.readsThrough(def) ||
                   (candidate_.ops.contains(def) && isPrologue(def)));
  });
}

/// What puts the data of `conv` in order in the same kernel; null if they lie
/// in memory.
ContiguousOp Walk::dataInside(ConvOp conv) const {
  auto data = conv.getX().getDefiningOp<ContiguousOp>();
  return data && candidate_.ops.contains(data) ? data : ContiguousOp();
}

/// Whether the kernel of a convolution, which alone reads them, puts elements
/// of a tensor in the order that it needs.
bool Walk::isBroughtInside(ContiguousOp data) const {
  auto conv =
      data->hasOneUse() ? dyn_cast<ConvOp>(*data->user_begin()) : ConvOp();
  if (!candidate_.takesImage || !conv || conv.getX() != data.getResult() ||
      !candidate_.ops.contains(conv) || !readsMemory(conv))
    return false;
  SmallVector<Value> stack{data.getX()};
  while (!stack.empty()) {
    Operation *op = stack.pop_back_val().getDefiningOp();
    if (op && candidate_.readsThrough(op))
      llvm::append_range(stack, op->getOperands());
    else if (op && candidate_.ops.contains(op))
      return false;
  }
  return true;
}

static std::string againAtEveryAccess(Operation *op) {
  return mnemonic(op).str() + " would be computed again at every access";
}

/// Asked last: a group of what another rule refuses might not end.
std::string Walk::whyNoImage() const {
  auto op = llvm::find_if(candidate_.ops, llvm::IsaPred<ConvOp>);
  if (op == candidate_.ops.end())
    return {};
  ContiguousOp data = dataInside(cast<ConvOp>(*op));
  if (!data && !pooling_)
    return {};
  OpBuilder builder((*op)->getContext());
  GroupOp group = buildGroup(builder, candidate_, kind_, {}, {});
  const bool takes = candidate_.takesImage(group);
  group.erase();
  if (takes)
    return {};
  if (!pooling_)
    return againAtEveryAccess(data);
  return data ? "no kernel of this device puts the data of this convolution in "
                "order"
              : "no kernel of this device pools what this convolution computes";
}

/// Loops of a convolution whose results are pooled: the pooling reads them in
/// their order and is the one result of the kernel.
std::string Walk::findPooledSpace(Operation *first, Operation *second) {
  auto conv = dyn_cast<ConvOp>(first);
  auto pool = dyn_cast<MaxpoolOp>(second);
  if (!conv || !pool || !candidate_.takesImage)
    return "both need a loop nest of their own";
  auto isInside = [&](Operation *op) { return candidate_.ops.contains(op); };
  if (!llvm::is_contained(candidate_.results, pool.getResult()) ||
      llvm::any_of(pool->getUsers(), isInside))
    return "nothing follows max pooling in the kernel of a convolution";
  for (Value result : candidate_.results)
    if (result != pool.getResult())
      return "the result of " + mnemonic(result.getDefiningOp()).str() +
             " is needed elsewhere, too";
  if (!readsMemory(conv))
    return "the kernel of a pooled convolution reads its operands as they "
           "lie in memory";
  if (shapeOf(pool.getX()) != shapeOf(conv.getResult()))
    return "the result of conv is pooled in another shape";
  pooling_ = pool;
  space_ = SmallVector<int64_t>(shapeOf(conv.getResult()));
  kind_ = ScheduleKind::window;
  return {};
}

std::string Walk::findSpace() {
  SmallVector<ReductionOpInterface> reductions;
  SmallVector<WindowOpInterface> windows;
  for (Operation *op : candidate_.ops) {
    if (auto reduction = dyn_cast<ReductionOpInterface>(op))
      reductions.push_back(reduction);
    else if (auto window = dyn_cast<WindowOpInterface>(op))
      windows.push_back(window);
  }
  auto inOrder = [](Operation *a, Operation *b) {
    return a->isBeforeInBlock(b);
  };
  llvm::sort(reductions, inOrder);
  llvm::sort(windows, inOrder);
  if (windows.size() == 2 && reductions.empty())
    return findPooledSpace(windows[0], windows[1]);
  if (windows.size() > 1)
    return "both need a loop nest of their own";
  if (!windows.empty() && !reductions.empty())
    return mnemonic(windows[0]).str() + " and " +
           mnemonic(reductions[0]).str() + " run different loops";
  if (!reductions.empty())
    return findReductionSpace(reductions);
  if (!windows.empty()) {
    space_ = SmallVector<int64_t>(shapeOf(windows[0]->getResult(0)));
    kind_ = windows[0].getScheduleKind();
    return {};
  }
  space_ = SmallVector<int64_t>(
      shapeOf(underReshapes(candidate_.results.front(), candidate_)));
  return {};
}

// ---- the walk ---------------------------------------------------------------

/// Every result must be stored at an index that the loops have.
std::string Walk::start() {
  for (Value result : candidate_.results) {
    tensors_.insert(result);
    if (pooling_)
      result = pooling_.getX();
    // Attention alone may store in another order than its loops'.
    Value core = kind_ == ScheduleKind::attention
                     ? underOrder(result, candidate_)
                     : underReshapes(result, candidate_);
    ArrayRef<int64_t> shape = shapeOf(core);
    if (shape == ArrayRef(space_)) {
      push(core, points_, /*perPoint=*/true);
      continue;
    }
    SmallVector<int64_t> rowSizes;
    for (int dim : rows_.dims)
      rowSizes.push_back(space_[dim]);
    if (!hasRows_ || withoutOnes(shape) != rowSizes)
      return "both results are needed, and their shapes differ: " +
             text(space_) + " and " + text(shape);
    Access access;
    access.dims = spread(rows_.dims, shape);
    push(core, access, /*perPoint=*/false);
  }
  return {};
}

/// Whether `op` may be computed at `access`, where `isAgain` says that it is
/// computed elsewhere, too.
std::string Walk::check(Operation *op, const Access &access,
                        bool isAgain) const {
  std::string name = mnemonic(op).str();
  if (isa<ReductionOpInterface>(op)) {
    if (access.key() == rows_.key())
      return {};
    return "the result of " + name + " is read in another order than its rows";
  }
  if (isa<WindowOpInterface>(op)) {
    if (access.key() == points_.key())
      return {};
    return "the result of " + name +
           " is read in another order than it is computed";
  }
  if (auto data = dyn_cast<ContiguousOp>(op);
      data && access.prologue && isBroughtInside(data))
    return {};
  if (access.prologue && !isPrologue(op))
    return againAtEveryAccess(op);
  // Copies of it in every reader are better than one kernel that also keeps it.
  if (access.prologue &&
      llvm::is_contained(candidate_.results, op->getResult(0)))
    return "the result of " + name + " is needed elsewhere, too";
  if (isAgain && !isCheap(op))
    return name + " would be computed more than once";
  return {};
}

/// What an op needs of its operands.
void Walk::enterOperands(Operation *op, const Access &access) {
  if (isa<ReductionOpInterface>(op)) {
    push(op->getOperand(0), points_, /*perPoint=*/true);
    return;
  }
  if (isa<WindowOpInterface>(op)) {
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      Access inner = otherForm(access, op, static_cast<unsigned>(i),
                               /*repeats=*/true);
      // A bias is read once an element, or for every score.
      inner.prologue = i < (isa<AttentionOp>(op) ? 3 : 2);
      push(operand, inner, /*perPoint=*/true);
    }
    return;
  }
  bool isRowValue = hasRows_ && access.key() == rows_.key();
  for (Value operand : op->getOperands())
    push(operand, access, !isRowValue);
}

std::string Walk::visit(Step step) {
  Operation *op = step.value.getDefiningOp();
  if (op && isView(op) && candidate_.readsThrough(op)) {
    int64_t growth = step.access.growth * indexGrowth(op);
    if (growth > kMaxIndexGrowth)
      return "the index of what " + mnemonic(op).str() +
             " reads would be too long";
    for (unsigned i = 0; i < op->getNumOperands(); ++i) {
      Access access = through(op, step.access, i);
      access.growth = growth;
      push(op->getOperand(i), std::move(access), step.perPoint);
    }
    return {};
  }
  if (op && isSource(op) && (!isa<ConstantOp>(op) || splatUnder(step.value)))
    return {};
  if (!op || !candidate_.ops.contains(op)) {
    tensors_.insert(step.value);
    return {};
  }
  if (longRows_ && step.perPoint && step.access.key() == rows_.key())
    return "its few rows are long: many blocks write them faster";
  std::set<Access::Key> &accesses = seen_[op];
  if (!accesses.insert(step.access.key()).second)
    return {};
  bool isAgain = accesses.size() > 1 || isRepeated(step.access);
  if (std::string why = check(op, step.access, isAgain); !why.empty())
    return why;
  enterOperands(op, step.access);
  return {};
}

/// Counts what is read through views outside of the candidate; false where an
/// op of it lies below them.
bool Walk::readsOthersOnly(Value operand, llvm::DenseSet<Value> &tensors) {
  SmallVector<Value> stack{operand};
  while (!stack.empty() && steps_ <= kMaxSteps) {
    Value value = stack.pop_back_val();
    Operation *op = value.getDefiningOp();
    ++steps_;
    if (op && candidate_.ops.contains(op))
      return false;
    if (op && isView(op) && candidate_.readsThrough(op))
      llvm::append_range(stack, op->getOperands());
    else if (!op || !isFree(op) || isView(op))
      tensors.insert(value);
  }
  return true;
}

/// The common case, known without a walk: every op is element-wise in the shape
/// of the loops, and what it reads of the others it reads directly.
bool Walk::isPlainLoop() {
  if (kind_ != ScheduleKind::loop || hasRows_)
    return false;
  // Kept only if the answer is yes: a walk counts what it comes across itself.
  llvm::DenseSet<Value> tensors;
  for (Operation *op : candidate_.ops) {
    ++steps_;
    if (!isElementwise(op) || shapeOf(op->getResult(0)) != ArrayRef(space_))
      return false;
    for (Value operand : op->getOperands()) {
      Operation *def = operand.getDefiningOp();
      if (!(def && candidate_.ops.contains(def)) &&
          !readsOthersOnly(operand, tensors))
        return false;
    }
  }
  tensors.insert(candidate_.results.begin(), candidate_.results.end());
  tensors_ = std::move(tensors);
  return true;
}

std::string Walk::run() {
  if (candidate_.ops.size() > kMaxOps)
    return "a kernel has at most " + std::to_string(kMaxOps) + " ops";
  if (std::string why = findSpace(); !why.empty())
    return why;
  points_ = identity(space_);
  std::string why;
  if (!isPlainLoop()) {
    steps_ = 0;
    why = start();
  }
  while (why.empty() && !stack_.empty() && steps_ <= kMaxSteps) {
    ++steps_;
    why = visit(stack_.pop_back_val());
  }
  if (why.empty() && steps_ > kMaxSteps)
    return "too much would be computed again";
  if (why.empty() && tensors_.size() > kMaxTensors)
    return "a kernel has at most " + std::to_string(kMaxTensors) + " tensors";
  if (why.empty())
    return whyNoImage();
  return why;
}

/// Whether `op` adds a number to each channel of `product`, a last axis.
static bool addsBias(Operation *op, Operation *product) {
  if (!isa<AddOp>(op) || !isa<MatmulOp>(product))
    return false;
  Value result = product->getResult(0);
  Value other = op->getOperand(op->getOperand(0) == result ? 1 : 0);
  auto broadcast = other.getDefiningOp<BroadcastOp>();
  if (!broadcast || !llvm::is_contained(op->getOperands(), result))
    return false;
  ArrayRef<int64_t> shape = shapeOf(broadcast.getX());
  return !shape.empty() && shape.back() == shapeOf(result).back() &&
         llvm::all_of(shape.drop_back(), [](int64_t n) { return n == 1; });
}

/// A library multiplies and adds a bias; what else there is to do is done by a
/// kernel in place, behind it.
static std::string whyNotInLibrary(const Candidate &candidate) {
  auto product = llvm::find_if(candidate.ops, [&](Operation *op) {
    return isLibraryWork(candidate.library, op);
  });
  if (product != candidate.ops.end())
    for (Operation *op : candidate.ops)
      if (op != *product && !isFree(op) && !addsBias(op, *product))
        return "a library computes " + mnemonic(*product).str() + " alone";
  return {};
}

std::string whyNotOneKernel(const Candidate &candidate) {
  if (candidate.library != Library::none)
    if (std::string why = whyNotInLibrary(candidate); !why.empty())
      return why;
  return Walk(candidate).run();
}

ScheduleKind scheduleOf(const Candidate &candidate) {
  Walk walk(candidate);
  std::string why = walk.run();
  assert(why.empty() && "the candidate was accepted before");
  return walk.kind();
}

} // namespace weft
