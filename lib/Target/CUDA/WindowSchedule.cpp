// SPDX-License-Identifier: Apache-2.0
// Short sums, or other reductions, whose operands are neighbours in memory for
// neighbouring results: pooling and depthwise convolution with channels last. A
// thread computes some neighbouring results and moves their elements 16 bytes
// at once.
//
// Windows of neighbouring pixels overlap. Where there is work for all threads,
// one computes a tile of pixels: it takes the rows that the tile's windows lie
// on one after the other, loads each pixel once and adds it to all results that
// have it in their window. The last tile of a line that tiles do not fill lies
// over the one before; what both compute is stored by that one.
#include "Contraction.h"
#include "Lanes.h"
#include "WindowTile.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

namespace {

constexpr int64_t kThreads = 128;

class WindowEmitter {
public:
  WindowEmitter(ir::GroupOp group, const LoopNest &nest)
      : nest_(nest), p_(group, nest), last_(nest.numParallel - 1),
        lanes_(p_, last_, LanePrinter::widest(p_, last_, 8)) {}

  bool matches() const;
  CudaKernel emit(StringRef tile);

private:
  std::vector<std::string> chooseTile(StringRef name);
  bool isOfTile(int id) const;
  int64_t step(unsigned dim) const;
  bool isTiled() const { return tile_.down * tile_.across > 1; }

  void declarePosition();
  void openResults();
  void openResults(const WindowAxis &axis, int64_t count, StringRef name);
  void closeResults();
  void printShared();
  int openTaps();
  void printTaps(const Stage &stage);
  void printResults(const Stage &stage);
  void printStage(const Stage &stage);

  const LoopNest &nest_;
  KernelPrinter p_;
  unsigned last_;
  LanePrinter lanes_;
  WindowAxes axes_;
  WindowTile tile_;
  std::vector<std::string> sums_;  // by accumulator: an element of its vector
  std::vector<std::string> names_; // of the loop dims: of the tile's first
  std::vector<std::string> own_;   // by dim: the first result to be stored
  std::string down_, across_;      // a result within the tile, in the text
  std::string row_, at_;           // a pixel that the tile's windows lie on
};

/// The statements of `stmts` that `roots` need.
std::vector<int> neededOf(const LoopNest &nest, ArrayRef<int> stmts,
                          ArrayRef<int> roots) {
  std::vector<int> needed;
  for (int id : closure(nest, roots))
    if (llvm::is_contained(stmts, id))
      needed.push_back(id);
  return needed;
}

std::vector<int> valuesOf(const Stage &stage) {
  std::vector<int> values;
  for (const Accumulator &accumulator : stage.accumulators)
    values.push_back(accumulator.value);
  for (const Store &store : stage.stores)
    values.push_back(store.value);
  return values;
}

/// What the taps of a stage need.
std::vector<int> statementsOf(const LoopNest &nest, const Stage &stage) {
  std::vector<int> all(stage.rowBody);
  all.insert(all.end(), stage.body.begin(), stage.body.end());
  return neededOf(nest, all, valuesOf(stage));
}

// ---- choices ----------------------------------------------------------------

bool WindowEmitter::matches() const {
  if (lanes_.count() == 1)
    return false;
  for (const Stage &stage : nest_.stages) {
    // Each result is written once, behind the taps.
    if (stage.inner && !stage.stores.empty())
      return false;
    for (int id : stage.body)
      if (nest_.stmts[id].kind == Stmt::Kind::load &&
          lanes_.access(id) == Access::lane)
        return false;
  }
  return true;
}

/// All tiles that fit, by name; takes the one that `name` says, else the first.
std::vector<std::string> WindowEmitter::chooseTile(StringRef name) {
  const Stage &stage = nest_.stages.front();
  bool isPlain =
      nest_.stages.size() == 2 && stage.inner && !nest_.stages.back().inner;
  if (isPlain) {
    std::vector<int> loads;
    for (int id : statementsOf(nest_, stage))
      if (lanes_.access(id) == Access::vector)
        loads.push_back(id);
    axes_ = matchWindowAxes(nest_, loads);
    // What is computed before the taps must serve the whole tile.
    for (int id : neededOf(nest_, stage.rowBody, statementsOf(nest_, stage)))
      if (isOfTile(id))
        axes_ = {};
  }
  std::vector<WindowTile> tiles =
      rankedWindowTiles(nest_, axes_, lanes_.count());
  std::vector<std::string> names;
  for (const WindowTile &tile : tiles)
    names.push_back(print(tile));
  auto named = llvm::find(names, name);
  tile_ = tiles[named == names.end() ? 0 : named - names.begin()];
  return names;
}

/// Whether a statement varies within a tile.
bool WindowEmitter::isOfTile(int id) const {
  llvm::SmallBitVector dims = dependences(nest_, id);
  return (axes_.across && dims.test(axes_.across->dim)) ||
         (axes_.down && dims.test(axes_.down->dim));
}

/// Neighbours along a dim of the results that a thread computes.
int64_t WindowEmitter::step(unsigned dim) const {
  if (dim == last_)
    return lanes_.count();
  if (axes_.across && dim == axes_.across->dim)
    return tile_.across;
  return axes_.down && dim == axes_.down->dim ? tile_.down : 1;
}

// ---- the tile of a thread ---------------------------------------------------

void WindowEmitter::declarePosition() {
  StringRef type = p_.indexType();
  llvm::SmallBitVector used = p_.usedDims();
  int64_t inner = 1;
  for (unsigned i = nest_.numParallel; i-- > 0;) {
    int64_t size = nest_.sizes[i], count = llvm::divideCeil(size, step(i));
    std::string text = "vector";
    if (inner > 1)
      text += " / " + std::to_string(inner);
    if (i > 0)
      text += " % " + std::to_string(count);
    if (step(i) > 1)
      text += " * " + std::to_string(step(i));
    inner *= count;
    if (count == 1)
      text = "0";
    if (!used.test(i))
      continue;
    if (size % step(i) != 0) {
      own_[i] = p_.fresh("own_" + p_.dims[i]);
      p_.line("const " + type + " " + own_[i] + " = " + text + ";");
      std::string most = std::to_string(size - step(i));
      text = own_[i] + " < " + most + " ? " + own_[i] + " : " + most;
    }
    p_.line("const " + type + " " + p_.dims[i] + " = " + text + ";");
  }
}

/// Opens loops over the results of a tile; `k` is the last index of them.
void WindowEmitter::openResults() {
  if (tile_.down > 1)
    openResults(*axes_.down, tile_.down, down_);
  if (tile_.across > 1)
    openResults(*axes_.across, tile_.across, across_);
}

void WindowEmitter::openResults(const WindowAxis &axis, int64_t count,
                                StringRef name) {
  p_.openLoop(name, count, /*unrolled=*/true);
  p_.dims[axis.dim] = ("(" + names_[axis.dim] + " + " + name + ")").str();
}

void WindowEmitter::closeResults() {
  for (int64_t count : {tile_.down, tile_.across})
    if (count > 1)
      p_.close();
  p_.dims = names_;
}

// ---- taps -------------------------------------------------------------------

/// Loads the pixels of a row that the tile's windows lie on.
void WindowEmitter::printShared() {
  const WindowAxis &across = *axes_.across;
  std::string count = std::to_string(lanes_.count()), position;
  if (tile_.across > 1)
    position =
        (across.stride > 1 ? std::to_string(across.stride) + " * " : "") +
        across_ + " + ";
  position += names_[across.tap];
  std::vector<std::string> pixels;
  for (int id : axes_.shared) {
    const Stmt &load = nest_.stmts[id];
    pixels.push_back(p_.fresh(p_.input(load.input) + "_vectors"));
    p_.line("weft::Vector<" + storageType(load.type) + ", " + count + "> " +
            pixels.back() + "[" + Twine(across.positions(tile_.across)) + "];");
    lanes_.setVector(id, pixels.back() + "[" + position + "]");
  }
  p_.openLoop(at_, across.positions(tile_.across), /*unrolled=*/true);
  p_.dims[across.tap] = at_;
  if (tile_.down > 1)
    p_.dims[axes_.down->tap] = row_;
  for (auto [id, name] : llvm::zip(axes_.shared, pixels))
    p_.line(name + "[" + at_ + "] = " + p_.loadedVector(id, lanes_.count()) +
            ";");
  p_.close();
  p_.dims = names_;
}

/// Opens the loops over the taps; returns their number.
int WindowEmitter::openTaps() {
  int loops = 0;
  auto open = [&](StringRef name, int64_t count, bool unrolled) {
    p_.openLoop(name, count, unrolled);
    ++loops;
  };
  bool unrolled = nest_.numInnerPoints() <= kUnrolledTaps;
  for (unsigned i = nest_.numParallel; i < nest_.sizes.size(); ++i) {
    bool isOfRow = isTiled() && i == axes_.across->tap,
         isOfColumn = tile_.down > 1 && i == axes_.down->tap;
    if (!isOfRow && !isOfColumn)
      open(names_[i], nest_.sizes[i], unrolled);
  }
  if (!isTiled())
    return loops;
  if (tile_.down > 1)
    open(row_, axes_.down->positions(tile_.down), true);
  printShared();
  if (tile_.down > 1) {
    // The result that has this row at this place of its window.
    const WindowAxis &axis = *axes_.down;
    const std::string &tap = names_[axis.tap];
    open(tap, axis.taps, true);
    std::string from = "(" + row_ + " - " + tap + ")",
                stride = std::to_string(axis.stride);
    p_.line("const " + p_.indexType() + " " + down_ + " = " + from +
            (axis.stride > 1 ? " / " + stride : "") + ";");
    p_.open("if (" + row_ + " >= " + tap + " && " + down_ + " < " +
            Twine(tile_.down) +
            (axis.stride > 1 ? " && " + from + " % " + stride + " == 0"
                             : std::string()) +
            ")");
    ++loops;
    p_.dims[axis.dim] = "(" + names_[axis.dim] + " + " + down_ + ")";
  }
  open(names_[axes_.across->tap], axes_.across->taps, true);
  return loops;
}

void WindowEmitter::printTaps(const Stage &stage) {
  std::vector<int> stmts = statementsOf(nest_, stage), fixed, moving;
  lanes_.defineOutside(neededOf(nest_, stage.rowBody, stmts));
  int loops = openTaps();
  for (int id : neededOf(nest_, stage.body, stmts)) {
    if (!isTiled() || !isOfTile(id))
      fixed.push_back(id);
    else if (!llvm::is_contained(axes_.shared, id))
      moving.push_back(id);
  }
  lanes_.defineOutside(fixed);
  if (tile_.across > 1) {
    openResults(*axes_.across, tile_.across, across_);
    ++loops;
  }
  lanes_.defineOutside(moving);
  lanes_.open();
  lanes_.defineInside(stmts);
  for (auto [accumulator, sum] : llvm::zip(stage.accumulators, sums_))
    p_.combine(accumulator, sum);
  lanes_.close();
  for (; loops > 0; --loops)
    p_.close();
  p_.dims = names_;
}

// ---- stages -----------------------------------------------------------------

void WindowEmitter::printResults(const Stage &stage) {
  SmallVector<const Store *> stores;
  for (const Store &store : stage.stores)
    stores.push_back(&store);
  openResults();
  std::string isOwn;
  for (unsigned i = 0; i < last_; ++i)
    if (!own_[i].empty())
      isOwn += (isOwn.empty() ? "" : " && ") + p_.dims[i] + " >= " + own_[i];
  if (!isOwn.empty())
    p_.open("if (" + isOwn + ")");
  lanes_.storeAll(stores, [] {});
  if (!isOwn.empty())
    p_.close();
  closeResults();
}

void WindowEmitter::printStage(const Stage &stage) {
  if (!stage.inner) {
    printResults(stage);
    return;
  }
  sums_.clear();
  for (const Accumulator &accumulator : stage.accumulators) {
    std::string sum = p_.fresh(
        StringRef(name(accumulator.op).data(), name(accumulator.op).size()));
    std::string size, place;
    for (auto [count, index] :
         {std::pair(tile_.down, down_), std::pair(tile_.across, across_)})
      if (count > 1) {
        size += "[" + std::to_string(count) + "]";
        place += "[" + index + "]";
      }
    p_.line(p_.accumulatorType(accumulator) + " " + sum + size + "[" +
            Twine(lanes_.count()) + "];");
    sums_.push_back(sum + place + "[k]");
    openResults();
    p_.openLoop("k", lanes_.count(), /*unrolled=*/true);
    p_.line(sums_.back() + " = " + p_.identity(accumulator) + ";");
    p_.close();
    closeResults();
  }
  printTaps(stage);
  for (auto [accumulator, sum] : llvm::zip(stage.accumulators, sums_))
    p_.finish(accumulator, sum);
}

CudaKernel WindowEmitter::emit(StringRef tile) {
  std::vector<std::string> tiles = chooseTile(tile);
  down_ = p_.fresh("down");
  across_ = p_.fresh("across");
  row_ = p_.fresh("row");
  at_ = p_.fresh("at");
  // Each result asks for itself whether a tap lies inside.
  bool asks = llvm::any_of(nest_.stmts, [](const Stmt &stmt) {
    return stmt.kind == Stmt::Kind::select;
  });
  p_.avoidsSpills = isTiled() && asks;
  names_ = p_.dims;
  own_.resize(names_.size());
  int64_t vectors = 1;
  for (unsigned i = 0; i < nest_.numParallel; ++i)
    vectors *= llvm::divideCeil(nest_.sizes[i], step(i));
  p_.line("const " + p_.indexType() + " vector = " + p_.globalThread(kThreads) +
          ";");
  p_.line("if (vector >= " + Twine(vectors) + ")");
  p_.line("  return;");
  declarePosition();
  p_.line("weft::follow_previous();");
  for (const Stage &stage : nest_.stages)
    printStage(stage);
  CudaKernel kernel = p_.take(llvm::divideCeil(vectors, kThreads), kThreads);
  kernel.tiles = std::move(tiles);
  kernel.cycles = cyclesOf(tile_, nest_, axes_, lanes_.count());
  return kernel;
}

} // namespace

std::optional<CudaKernel> emitWindow(ir::GroupOp group, const LoopNest &nest,
                                     StringRef tile) {
  if (nest.numRows() == 0)
    return std::nullopt;
  WindowEmitter emitter(group, nest);
  if (!emitter.matches())
    return std::nullopt;
  return emitter.emit(tile);
}

} // namespace weft::cuda
