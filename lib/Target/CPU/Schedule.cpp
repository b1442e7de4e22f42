// SPDX-License-Identifier: Apache-2.0
// Chooses how the loops of a nest run on the CPU. Costs are counted in vector
// instructions for the whole nest; only their order matters.
#include "Schedule.h"

#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;

namespace weft::cpu {
namespace {

bool isLibraryCall(const Stmt &stmt) {
  return stmt.kind == Stmt::Kind::row &&
         (stmt.op == OpKind::sin || stmt.op == OpKind::cos ||
          stmt.op == OpKind::pow);
}

bool isHeavy(const Stmt &stmt) {
  switch (stmt.kind == Stmt::Kind::row ? stmt.op : OpKind::leaf) {
  case OpKind::exp:
  case OpKind::log:
  case OpKind::tanh:
  case OpKind::erf:
  case OpKind::sigmoid:
  case OpKind::silu:
  case OpKind::gelu:
    return true;
  default:
    return isLibraryCall(stmt);
  }
}

class Chooser {
public:
  Chooser(LoopNest nest, const Features &features, int64_t cacheBytes,
          ArrayRef<int64_t> inPlace)
      : nest_(s_.nest), cacheBytes_(cacheBytes), inPlace_(inPlace) {
    s_.nest = std::move(nest);
    s_.features = features;
  }

  Schedule choose() {
    mergeImageDims();
    findVarying();
    chooseLanes();
    orderInnerDims();
    chooseTile();
    chooseTurned();
    choosePairs();
    chooseUnits();
    chooseStores();
    return std::move(s_);
  }

private:
  void mergeImageDims();
  bool mergesLastTwo(AffineExpr expr) const;
  void findVarying();
  void chooseLanes();
  int64_t lanesAlong(unsigned dim) const;
  double costOfLanes(const Lanes &lanes) const;
  double cost(int stmt, const Lanes &lanes) const;
  void orderInnerDims();
  void chooseTile();
  void tileParallelLanes(int64_t registers);
  void tileInnerLanes(int64_t registers, int64_t most);
  int sharing(unsigned dim) const;
  void chooseTurned();
  void choosePairs();
  void chooseUnits();
  void chooseStores();

  bool hasInner() const {
    return llvm::any_of(nest_.stages, [](auto &stage) { return stage.inner; });
  }
  bool isInPlace(unsigned output) const {
    return !inPlace_.empty() && inPlace_[output] >= 0;
  }
  size_t numAccumulators() const {
    size_t n = 0;
    for (const Stage &stage : nest_.stages)
      n = std::max(n, stage.accumulators.size());
    return n;
  }
  template <typename Visit> void forBodies(Visit visit) const {
    for (const Stage &stage : nest_.stages)
      for (int id : stage.body)
        visit(nest_.stmts[id], id);
  }

  Schedule s_;
  LoopNest &nest_;
  int64_t cacheBytes_;
  ArrayRef<int64_t> inPlace_;
};

// ---- small images -----------------------------------------------------------

/// Rows of a few pixels fill no vector; where the pixels of an image follow
/// each other in the result, its rows and columns become one dim. What is
/// loaded then lies side by side too, for windows that move by one pixel.
void Chooser::mergeImageDims() {
  unsigned last = nest_.numParallel - 1;
  int64_t vector = s_.features.vectorBits / 32;
  if (nest_.numParallel < 2 || nest_.innerSizes().empty() ||
      nest_.numRows() == 0)
    return;
  int64_t size = nest_.sizes[last];
  if (size % vector == 0 && size >= 2 * vector)
    return;
  auto merges = [&](AffineExpr expr) {
    auto outer = strideOf(expr, last - 1), inner = strideOf(expr, last);
    return outer && inner && *outer == *inner * size;
  };
  for (const Stage &stage : nest_.stages) {
    for (const Store &store : stage.stores)
      if (!merges(store.offset))
        return;
    if (stage.inner && !stage.stores.empty())
      return;
  }
  for (const Stmt &stmt : nest_.stmts)
    if (stmt.kind == Stmt::Kind::load && !merges(stmt.expr)) {
      auto inner = strideOf(stmt.expr, last);
      if (inner && (*inner == 0 || *inner == 1))
        return; // worse than before
    }
  MLIRContext *context = nullptr;
  for (const Stage &stage : nest_.stages)
    for (const Store &store : stage.stores)
      context = store.offset.getContext();
  if (!context)
    return;
  AffineExpr pixel = getAffineDimExpr(last - 1, context);
  auto replace = [&](AffineExpr &expr) {
    SmallVector<AffineExpr> dims;
    for (unsigned i = 0; i < nest_.sizes.size(); ++i)
      dims.push_back(getAffineDimExpr(i > last ? i - 1 : i, context));
    auto outer = strideOf(expr, last - 1), inner = strideOf(expr, last);
    if (outer && inner) {
      // Of the linear parts, as much as possible moves to the pixel itself.
      AffineExpr rest = expr.replace({{getAffineDimExpr(last - 1, context),
                                       getAffineConstantExpr(0, context)},
                                      {getAffineDimExpr(last, context),
                                       getAffineConstantExpr(0, context)}});
      expr = rest.replaceDims(dims) + pixel * *inner +
             pixel.floorDiv(size) * (*outer - *inner * size);
      return;
    }
    dims[last - 1] = pixel.floorDiv(size);
    dims[last] = pixel % size;
    expr = expr.replaceDims(dims);
  };
  for (Stmt &stmt : nest_.stmts) {
    if (stmt.expr)
      replace(stmt.expr);
    for (Guard &guard : stmt.guards)
      replace(guard.expr);
  }
  for (Stage &stage : nest_.stages) {
    for (Accumulator &accumulator : stage.accumulators)
      if (accumulator.index)
        replace(accumulator.index);
    for (Store &store : stage.stores)
      replace(store.offset);
  }
  nest_.sizes[last - 1] *= size;
  nest_.sizes.erase(nest_.sizes.begin() + last);
  --nest_.numParallel;
}

// ---- what varies with what --------------------------------------------------

void Chooser::findVarying() {
  uint64_t parallel = (uint64_t(1) << nest_.numParallel) - 1;
  s_.varies.assign(nest_.stmts.size(), 0);
  auto add = [&](uint64_t &bits, AffineExpr expr) {
    for (unsigned d = 0; expr && d < nest_.sizes.size(); ++d)
      if (expr.isFunctionOfDim(d))
        bits |= uint64_t(1) << d;
  };
  auto visit = [&](int id) {
    const Stmt &stmt = nest_.stmts[id];
    uint64_t &bits = s_.varies[id];
    add(bits, stmt.expr);
    for (const Guard &guard : stmt.guards)
      add(bits, guard.expr);
    for (int operand : stmt.operands)
      bits |= s_.varies[operand];
  };
  // In the order of evaluation: operands come before their users.
  for (const Stage &stage : nest_.stages) {
    for (int id : stage.rowBody)
      visit(id);
    for (int id : stage.body)
      visit(id);
    for (const Accumulator &accumulator : stage.accumulators)
      s_.varies[accumulator.result] = s_.varies[accumulator.value] & parallel;
  }
}

// ---- lanes ------------------------------------------------------------------

int64_t Chooser::lanesAlong(unsigned dim) const {
  unsigned bits = 8;
  for (const Stmt &stmt : nest_.stmts) {
    unsigned width = computeType(stmt.type.getContext(), ir::toDType(stmt.type))
                         .getIntOrFloatBitWidth();
    bits = std::max(bits, width);
  }
  int64_t lanes = s_.features.vectorBits / bits;
  return std::min<int64_t>(
      lanes, llvm::bit_floor(static_cast<uint64_t>(nest_.sizes[dim])));
}

/// Vector instructions for one vector of the statement's values.
double Chooser::cost(int id, const Lanes &lanes) const {
  const Stmt &stmt = nest_.stmts[id];
  bool isVector = s_.varies[id] >> lanes.dim & 1;
  double scalars = isVector ? lanes.count : 1;
  switch (stmt.kind) {
  case Stmt::Kind::load: {
    if (!isVector)
      return 1;
    auto stride = lanes.stride(stmt.expr);
    return stride && (*stride == 0 || *stride == 1) ? 1 : 2 * scalars;
  }
  case Stmt::Kind::row:
    return isLibraryCall(stmt) ? 15 * scalars : isHeavy(stmt) ? 10 : 1;
  default:
    return 1;
  }
}

double Chooser::costOfLanes(const Lanes &lanes) const {
  double rows = nest_.numRows(), points = rows * nest_.numInnerPoints();
  // A dim that fills its last vector badly counts as more vectors.
  int64_t size = nest_.sizes[lanes.dim];
  double pieces = static_cast<double>(size / lanes.count) +
                  llvm::popcount(static_cast<uint64_t>(size % lanes.count));
  double share = pieces / static_cast<double>(size);
  bool inner = lanes.dim >= nest_.numParallel;
  double total = 0;
  for (const Stage &stage : nest_.stages) {
    double row = 0, body = 0;
    for (int id : stage.rowBody)
      row += cost(id, lanes);
    for (int id : stage.body)
      body += cost(id, lanes);
    body += stage.accumulators.size();
    if (inner && lanes.count > 1)
      row += 6.0 * stage.accumulators.size();
    for (const Store &store : stage.stores)
      (stage.inner ? body : row) +=
          lanes.stride(store.offset) == 1 ? 1 : 1.5 * lanes.count;
    total += row * rows * (inner ? 1 : share) + body * points * share;
  }
  return total;
}

void Chooser::chooseLanes() {
  s_.lanes = {nest_.numParallel - 1, 1};
  if (nest_.numRows() == 0)
    return;
  double best = costOfLanes(s_.lanes);
  auto consider = [&](unsigned dim) {
    if (nest_.sizes[dim] < 2)
      return;
    Lanes lanes{dim, lanesAlong(dim)};
    double cost = costOfLanes(lanes);
    if (lanes.count > 1 && cost < best * 0.95) {
      best = cost;
      s_.lanes = lanes;
    }
  };
  for (unsigned dim = nest_.numParallel; dim-- > 0;)
    consider(dim);
  if (nest_.numInnerPoints() > 0)
    for (unsigned dim = nest_.sizes.size(); dim-- > nest_.numParallel;)
      consider(dim);
}

/// Dims that decide about guards go outside, so that masks are computed rarely;
/// an inner dim of lanes goes innermost.
void Chooser::orderInnerDims() {
  SmallVector<unsigned> guarded, free;
  for (unsigned d = nest_.numParallel; d < nest_.sizes.size(); ++d) {
    bool isGuarded = false;
    for (const Stmt &stmt : nest_.stmts)
      for (const Guard &guard : stmt.guards)
        isGuarded |= guard.expr.isFunctionOfDim(d);
    if (s_.lanesAreInner() && d == s_.lanes.dim)
      continue;
    (isGuarded ? guarded : free).push_back(d);
  }
  s_.innerOrder.append(guarded.begin(), guarded.end());
  s_.innerOrder.append(free.begin(), free.end());
  if (s_.lanesAreInner())
    s_.innerOrder.push_back(s_.lanes.dim);
}

// ---- tiles ------------------------------------------------------------------

static int64_t largestDivisor(int64_t size, int64_t limit) {
  for (int64_t divisor = std::min(size, limit); divisor > 1; --divisor)
    if (size % divisor == 0)
      return divisor;
  return 1;
}

/// A tile of up to `limit` along a dim of `size`: one that divides it, unless
/// that wastes more than the code for the rest costs.
static int64_t tileOf(int64_t size, int64_t limit) {
  int64_t divisor = largestDivisor(size, limit);
  return 2 * divisor > limit || size < 2 * limit ? divisor : limit;
}

/// How much of what the inner loop loads is used by all points along `dim`:
/// vectors count more than scalars.
int Chooser::sharing(unsigned dim) const {
  int shared = 0;
  forBodies([&](const Stmt &stmt, int id) {
    if (stmt.kind == Stmt::Kind::load && !(s_.varies[id] >> dim & 1))
      shared += s_.varies[id] >> s_.lanes.dim & 1 ? 4 : 1;
  });
  return shared;
}

void Chooser::tileParallelLanes(int64_t registers) {
  unsigned lane = s_.lanes.dim;
  int64_t vectors = nest_.sizes[lane] / s_.lanes.count;
  int best = 0;
  unsigned other = lane;
  for (unsigned d = nest_.numParallel; d-- > 0;)
    if (d != lane && nest_.sizes[d] > 1 && sharing(d) > best) {
      best = sharing(d);
      other = d;
    }
  if (other == lane) {
    s_.tile[lane] =
        std::clamp<int64_t>(vectors, 1, std::min<int64_t>(registers, 4));
    return;
  }
  s_.tile[lane] = vectors >= 2 ? 2 : 1;
  s_.tile[other] = tileOf(nest_.sizes[other],
                          std::max<int64_t>(registers / s_.tile[lane], 1));
}

/// `most`: vectors of the body, which long ones need not be many of.
void Chooser::tileInnerLanes(int64_t registers, int64_t most) {
  int64_t points = 1;
  bool isPlain = nest_.stages.size() <= 2; // one reduction and its results
  for (unsigned d = nest_.numParallel; isPlain && d-- > 0;)
    if (nest_.sizes[d] > 1 && sharing(d) > 0) {
      s_.tile[d] = largestDivisor(nest_.sizes[d],
                                  std::min<int64_t>(4, registers / points));
      points *= s_.tile[d];
      if (points * 2 > registers)
        break;
    }
  int64_t vectors = nest_.sizes[s_.lanes.dim] / s_.lanes.count;
  s_.unroll =
      std::clamp<int64_t>(most / points, 1, std::max<int64_t>(vectors, 1));
}

void Chooser::chooseTile() {
  s_.tile.assign(nest_.numParallel, 1);
  if (nest_.numRows() == 0)
    return;
  bool isHeavyNest = false;
  forBodies([&](const Stmt &stmt, int) { isHeavyNest |= isHeavy(stmt); });
  if (hasInner()) {
    int64_t registers = s_.features.vectorBits >= 512 ? 24 : 12;
    size_t accumulators = numAccumulators();
    if (nest_.numInnerPoints() < 2 || accumulators > 2 || isHeavyNest)
      registers = 2;
    else if (accumulators == 2)
      registers /= 2;
    if (s_.lanesAreInner())
      tileInnerLanes(registers, isHeavyNest ? 2 : 4);
    else
      tileParallelLanes(registers);
    return;
  }
  for (const Stmt &stmt : nest_.stmts)
    isHeavyNest |= isHeavy(stmt);
  int64_t vectors = nest_.sizes[s_.lanes.dim] / s_.lanes.count;
  if (!isHeavyNest && nest_.stmts.size() < 40 && vectors >= 4)
    s_.tile[s_.lanes.dim] = 2;
}

/// Elements stored one by one would fetch a line of the result for each. Of
/// short bodies: a tile has many points.
void Chooser::chooseTurned() {
  constexpr int64_t kMostLanes = 16; // whose tile fits into registers
  unsigned lane = s_.lanes.dim, last = nest_.numParallel - 1;
  int64_t count = s_.lanes.count;
  if (hasInner() || lane == last || count < 4 || count > kMostLanes ||
      nest_.stmts.size() > 4 || nest_.sizes[last] < count ||
      llvm::any_of(nest_.stmts, isHeavy))
    return;
  for (const Stage &stage : nest_.stages)
    for (const Store &store : stage.stores)
      if (s_.lanes.stride(store.offset) == 1 ||
          strideOf(store.offset, last) != 1)
        return;
  s_.turnedDim = static_cast<int>(last);
  s_.tile[lane] = 1;
  s_.tile[last] = count;
}

/// Whether all that varies with the lanes is bfloat16 in memory, side by side,
/// and computed element by element.
void Chooser::choosePairs() {
  unsigned dim = s_.lanes.dim;
  if (hasInner() || s_.lanes.count == 1 || s_.tile[dim] != 2)
    return;
  auto isSideBySide = [&](Type type, AffineExpr expr) {
    return type.isBF16() && s_.lanes.stride(expr) == 1;
  };
  for (auto [id, stmt] : llvm::enumerate(nest_.stmts)) {
    if (!(s_.varies[id] >> dim & 1) || stmt.kind == Stmt::Kind::row ||
        stmt.kind == Stmt::Kind::cast)
      continue;
    if (stmt.kind != Stmt::Kind::load || !stmt.guards.empty() ||
        !isSideBySide(stmt.type, stmt.expr))
      return;
  }
  for (const Stage &stage : nest_.stages)
    for (const Store &store : stage.stores)
      if (!isSideBySide(nest_.stmts[store.value].type, store.offset))
        return;
  s_.pairs = true;
}

// ---- pieces of work ---------------------------------------------------------

/// Pieces are small enough to be shared evenly and large enough that finding
/// their place costs nothing.
void Chooser::chooseUnits() {
  constexpr double kPiece = 4096, kThread = 32768; // in statements
  constexpr int64_t kEnough = 64;
  s_.extent = nest_.numRows() == 0 ? 0 : 1;
  if (s_.extent == 0)
    return;
  double perRow = 0;
  for (const Stage &stage : nest_.stages) {
    perRow += static_cast<double>(stage.rowBody.size() + stage.stores.size());
    if (stage.inner)
      perRow += static_cast<double>(stage.body.size() + 1) *
                static_cast<double>(nest_.numInnerPoints());
  }
  double lanes = static_cast<double>(s_.lanes.count);
  double cost = perRow * static_cast<double>(nest_.numRows()) / lanes;
  double piece = cost;
  for (unsigned d = 0; d < nest_.numParallel; ++d) {
    int64_t steps = nest_.sizes[d] / s_.stepOf(d);
    bool exact = nest_.sizes[d] % s_.stepOf(d) == 0;
    bool last = d + 1 == nest_.numParallel;
    double inside = piece / static_cast<double>(std::max<int64_t>(steps, 1));
    if (exact && !last && (inside >= kPiece || steps == 1)) {
      s_.unitDims = d + 1;
      s_.extent *= steps;
      piece = inside;
      continue;
    }
    if (piece > kPiece && (s_.extent < kEnough || inside >= kPiece)) {
      double wanted = std::max(kPiece / inside, 1.0);
      s_.chunk = static_cast<int64_t>(std::ceil(wanted)) * s_.stepOf(d);
      s_.extent *= s_.numChunks();
      piece = inside * std::ceil(wanted);
    }
    break;
  }
  s_.grain = std::max<int64_t>(
      1, static_cast<int64_t>(std::ceil(kThread / std::max(piece, 1.0))));
}

/// Stores past the cache spare reading what they overwrite. A result over an
/// operand has been read, and would only be gone for its reader.
void Chooser::chooseStores() {
  double bytes = 0;
  for (const Stage &stage : nest_.stages)
    for (const Store &store : stage.stores) {
      s_.bypassesCache.resize(
          std::max<size_t>(s_.bypassesCache.size(), store.output + 1));
      if (isInPlace(store.output))
        continue;
      s_.bypassesCache[store.output] = true;
      double elements = static_cast<double>(nest_.numRows());
      if (stage.inner)
        elements *= static_cast<double>(nest_.numInnerPoints());
      bytes += elements * static_cast<double>(size_in_bytes(
                              ir::toDType(nest_.stmts[store.value].type)));
    }
  if (cacheBytes_ <= 0 || bytes <= static_cast<double>(cacheBytes_) / 2)
    s_.bypassesCache.assign(s_.bypassesCache.size(), false);
}

} // namespace

int64_t Schedule::numChunks() const {
  if (chunk == 0)
    return 1;
  return llvm::divideCeil(nest.sizes[unitDims], chunk);
}

Schedule chooseSchedule(LoopNest nest, const Features &features,
                        int64_t cacheBytes, ArrayRef<int64_t> inPlace) {
  return Chooser(std::move(nest), features, cacheBytes, inPlace).choose();
}

} // namespace weft::cpu
