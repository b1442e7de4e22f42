// SPDX-License-Identifier: Apache-2.0
// Contractions of any type, without tensor cores. Nothing is copied into the
// form of a matrix: the loads of a tile compute their elements by the nest's
// own expressions, guards of the padding included. What the group does to
// operands happens as tiles are loaded, and what it does to the sum in
// registers.
//
// A block of 256 threads computes a tile of y; each thread holds a few rows and
// columns of it, in runs of four that shared memory gives in one access. The
// next tiles of the operands are on their way, into registers, while a tile is
// worked on. Where y has few tiles (an image, many channels), four groups of 64
// threads share a tile of y: each sums a quarter of every k.
#include "Contraction.h"
#include "KernelPrinter.h"
#include "Lanes.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weft::cuda {

namespace {

constexpr int64_t kThreads = 256;
/// Blocks that keep a large GPU busy; smaller tiles are used to get as many.
constexpr int64_t kEnoughBlocks = 264;
/// Of k in a tile that groups of threads share.
constexpr int64_t kSlicedDepth = 32;
/// Below this a tile would be mostly empty.
constexpr int64_t kLeastExtent = 8;

/// One operand.
struct Side : ContractionSide {
  int64_t perThread = 1;   // rows or columns that a thread holds
  bool depthFirst = false; // neighbouring threads load neighbouring k
  std::string name, tile;  // in the text: of the position, of shared memory
  int64_t threads = 16;    // along this side of a tile
  int64_t tileExtent() const { return threads * perThread; }
  int64_t numTiles() const { return llvm::divideCeil(extent, tileExtent()); }
  int64_t run() const { return std::min<int64_t>(perThread, 4); }
};

class TileEmitter {
public:
  TileEmitter(ir::GroupOp group, const LoopNest &nest)
      : nest_(nest), p_(group, nest) {}

  bool matches();
  CudaKernel emit();

private:
  void chooseTiles();
  bool readsAlongDepth(const Side &side) const;
  std::string positionOf(const Side &side, StringRef thread, StringRef i) const;

  void printBlock();
  void printLoad(const Side &side);
  void printKeep(const Side &side);
  void printProducts();
  void printResults();
  void printSharedResults();
  std::string vectorType(const Side &side) const {
    return "weft::Vector<" + computeType(type_) + ", " +
           std::to_string(side.run()) + ">";
  }
  void printPlace(const Side &side);
  int openResult();
  std::vector<int> resultStmts() const;
  void printResult(const Twine &sum);
  int64_t loads(const Side &side) const {
    return side.tileExtent() * depth_ / kThreads;
  }

  const LoopNest &nest_;
  KernelPrinter p_;
  Side rows_, columns_;
  SmallVector<unsigned> batch_; // dims along which both or neither vary
  int64_t batches_ = 1;
  int64_t depth_ = 16; // of k in a tile
  int64_t slices_ = 1; // groups of threads that share a tile of the result
  Type type_;          // of the sum
  llvm::SmallBitVector used_;
  std::string sum_;
};

// ---- choices ----------------------------------------------------------------

bool TileEmitter::matches() {
  std::optional<Contraction> contraction = matchContraction(nest_);
  if (!contraction)
    return false;
  static_cast<ContractionSide &>(rows_) = contraction->rows;
  static_cast<ContractionSide &>(columns_) = contraction->columns;
  batch_ = contraction->batch;
  batches_ = contraction->batches;
  type_ = contraction->type;
  return rows_.extent >= kLeastExtent && columns_.extent >= kLeastExtent;
}

/// Whether neighbours along k lie closer together than neighbours along the
/// operand's own last dim.
bool TileEmitter::readsAlongDepth(const Side &side) const {
  constexpr int64_t near = 8;
  unsigned deepest = nest_.sizes.size() - 1;
  for (int id : closure(nest_, {side.stmt})) {
    const Stmt &stmt = nest_.stmts[id];
    if (stmt.kind != Stmt::Kind::load || nest_.numParallel > deepest)
      continue;
    std::optional<int64_t> own = strideOf(stmt.expr, side.dims.back());
    if (strideOf(stmt.expr, deepest) == 1)
      return !own || std::abs(*own) > near;
  }
  return false;
}

void TileEmitter::chooseTiles() {
  int64_t most = storageBytes(type_) > 4 ? 4 : 8;
  for (Side *side : {&rows_, &columns_}) {
    side->perThread = most;
    while (side->perThread > 1 &&
           side->threads * side->perThread / 2 >= side->extent)
      side->perThread /= 2;
    side->depthFirst = readsAlongDepth(*side);
  }
  auto blocks = [&] {
    return rows_.numTiles() * columns_.numTiles() * batches_;
  };
  while (blocks() < kEnoughBlocks && rows_.perThread * columns_.perThread > 16)
    if (rows_.perThread > columns_.perThread)
      rows_.perThread /= 2;
    else
      columns_.perThread /= 2;
  if (blocks() >= kEnoughBlocks || nest_.numInnerPoints() < 2 * kSlicedDepth)
    return;
  slices_ = 4;
  depth_ = kSlicedDepth;
  for (Side *side : {&rows_, &columns_}) {
    side->threads = 8;
    side->perThread = std::min<int64_t>(4, 2 * side->perThread);
  }
  while (blocks() < kEnoughBlocks && rows_.perThread * columns_.perThread > 4)
    if (rows_.perThread > columns_.perThread)
      rows_.perThread /= 2;
    else
      columns_.perThread /= 2;
}

// ---- text -------------------------------------------------------------------

/// Where the tile of this block lies.
void TileEmitter::printBlock() {
  StringRef type = p_.indexType();
  int64_t across = columns_.numTiles(), down = rows_.numTiles();
  p_.line("const int thread = threadIdx.x;");
  p_.line("const " + type + " block = blockIdx.x;");
  std::string tile = "block % " + std::to_string(across);
  p_.line("const " + type + " first_column = " + tile + " * " +
          Twine(columns_.tileExtent()) + ";");
  p_.line("const " + type + " first_row = block / " + Twine(across) +
          (batches_ > 1 ? " % " + Twine(down) : Twine("")) + " * " +
          Twine(rows_.tileExtent()) + ";");
  if (batches_ > 1) {
    p_.line("const " + type + " batch = block / " + Twine(across * down) + ";");
    p_.splitDims("batch", batch_, used_);
  } else {
    p_.splitDims("0", batch_, used_);
  }
}

/// Where element u of a thread lies in the tile of an operand.
void TileEmitter::printPlace(const Side &side) {
  std::string extent = std::to_string(side.tileExtent()),
              depth = std::to_string(depth_);
  p_.openLoop("u", loads(side), /*unrolled=*/true);
  p_.line("const int place = thread + u * " + Twine(kThreads) + ";");
  p_.line("const int along = place " +
          (side.depthFirst ? "/ " + depth : "% " + extent) + ";");
  p_.line("const int k = place " +
          (side.depthFirst ? "% " + depth : "/ " + extent) + ";");
}

/// Loads a tile of an operand into registers. Beyond the end the last row or
/// column is loaded again, and what is beyond in depth counts as 0: loads under
/// branches would wait for each other.
void TileEmitter::printLoad(const Side &side) {
  StringRef type = p_.indexType();
  auto position = [&](StringRef name, const Twine &value, int64_t size,
                      int64_t tile) {
    std::string text = value.str();
    if (size % tile != 0)
      text = text + " < " + std::to_string(size) + " ? " + text + " : " +
             std::to_string(size - 1);
    p_.line("const " + type + " " + name + " = " + text + ";");
  };
  printPlace(side);
  position(side.name, "first_" + side.name + " + along", side.extent,
           side.tileExtent());
  int64_t points = nest_.numInnerPoints();
  position("depth", "next_depth + k", points, depth_);
  p_.splitDims(side.name, side.dims, used_);
  p_.splitPosition("depth", nest_.numParallel, nest_.innerSizes(), used_);
  p_.define(closure(nest_, {side.stmt}));
  std::string value = p_.value(side.stmt);
  if (points % depth_ != 0)
    value = "next_depth + k < " + std::to_string(points) + " ? " + value +
            " : " + literal(type_, int64_t{0});
  p_.line(side.tile + "_next[u] = " + value + ";");
  p_.close();
}

/// Puts what was loaded into shared memory.
void TileEmitter::printKeep(const Side &side) {
  printPlace(side);
  std::string run = std::to_string(side.run());
  p_.line(side.tile + "[k][along / " + run + "][along % " + run +
          "] = " + side.tile + "_next[u];");
  p_.close();
}

/// The row or column number i of a thread within the tile.
std::string TileEmitter::positionOf(const Side &side, StringRef thread,
                                    StringRef i) const {
  int64_t run = side.run();
  if (side.perThread == 1)
    return thread.str();
  if (side.perThread == run)
    return (thread + " * " + Twine(run) + " + " + i).str();
  return (i + " / " + Twine(run) + " * " + Twine(side.threads * run) + " + " +
          thread + " * " + Twine(run) + " + " + i + " % " + Twine(run))
      .str();
}

void TileEmitter::printProducts() {
  std::string type = computeType(type_);
  int64_t depth = depth_ / slices_;
  p_.openLoop("step", depth, /*unrolled=*/true);
  p_.line("const int k = " +
          (slices_ > 1 ? "slice * " + std::to_string(depth) + " + step"
                       : std::string("step")) +
          ";");
  auto load = [&](const Side &side, StringRef name, StringRef i,
                  StringRef thread) {
    int64_t runs = side.perThread / side.run();
    p_.line(vectorType(side) + " " + name + "[" + Twine(runs) + "];");
    p_.openLoop(i, runs, /*unrolled=*/true);
    p_.line(name + "[" + i + "] = " + side.tile + "[k][" + i + " * " +
            Twine(side.threads) + " + " + thread + "];");
    p_.close();
    std::string run = std::to_string(side.run());
    return (name + "[" + i + " / " + run + "][" + i + " % " + run + "]").str();
  };
  std::string a = load(rows_, "a", "i", "thread_row"),
              b = load(columns_, "b", "j", "thread_column");
  p_.openLoop("i", rows_.perThread, true);
  p_.openLoop("j", columns_.perThread, true);
  p_.line(sum_ + "[i][j] = weft::multiply_add(" + a + ", " + b + ", " + sum_ +
          "[i][j]);");
  p_.close();
  p_.close();
  p_.close();
}

/// Opens a scope in which dims are those of `row` and `column`, if there are
/// such; returns how many.
int TileEmitter::openResult() {
  std::string inside;
  for (const Side *side : {&rows_, &columns_})
    if (side->extent % side->tileExtent() != 0)
      inside += (inside.empty() ? "" : " && ") + side->name + " < " +
                std::to_string(side->extent);
  if (!inside.empty())
    p_.open("if (" + inside + ")");
  p_.splitDims("row", rows_.dims, used_);
  p_.splitDims("column", columns_.dims, used_);
  return inside.empty() ? 0 : 1;
}

/// What results need.
std::vector<int> TileEmitter::resultStmts() const {
  std::vector<int> values;
  for (const Store *store : storesOf(nest_))
    values.push_back(store->value);
  return closure(nest_, values);
}

/// What the group makes of one sum.
void TileEmitter::printResult(const Twine &sum) {
  p_.finish(nest_.stages[0].accumulators[0], sum.str());
  p_.define(resultStmts());
  for (const Store *store : storesOf(nest_))
    p_.store(*store);
}

void TileEmitter::printResults() {
  StringRef type = p_.indexType();
  std::vector<int> loads;
  for (int id : resultStmts())
    if (nest_.stmts[id].kind == Stmt::Kind::load)
      loads.push_back(id);
  p_.openLoop("i", rows_.perThread, true);
  p_.line("const " + type + " row = first_row + " +
          positionOf(rows_, "thread_row", "i") + ";");
  auto place = [&] {
    p_.line("const " + type + " column = first_column + " +
            positionOf(columns_, "thread_column", "u") + ";");
    return openResult();
  };
  p_.printTurns(columns_.perThread, loads, /*lanes=*/0, place,
                [&] { printResult(sum_ + "[i][u]"); });
  p_.close();
}

/// Adds what the groups of threads have; then every thread takes results of its
/// own.
void TileEmitter::printSharedResults() {
  std::string type = computeType(type_);
  std::string across = std::to_string(columns_.tileExtent());
  p_.line("WEFT_SHARED " + type + " parts[" + Twine(slices_) + "][" +
          Twine(rows_.tileExtent()) + "][" + across + "];");
  p_.openLoop("i", rows_.perThread, true);
  p_.openLoop("j", columns_.perThread, true);
  p_.line("parts[slice][" + positionOf(rows_, "thread_row", "i") + "][" +
          positionOf(columns_, "thread_column", "j") + "] = " + sum_ +
          "[i][j];");
  p_.close();
  p_.close();
  p_.line("__syncthreads();");
  int64_t places = rows_.tileExtent() * columns_.tileExtent();
  p_.open("for (int place = thread; place < " + Twine(places) +
          "; place += " + Twine(kThreads) + ")");
  p_.line("const int i = place / " + across + ";");
  p_.line("const int j = place % " + across + ";");
  p_.line("const " + p_.indexType() + " row = first_row + i;");
  p_.line("const " + p_.indexType() + " column = first_column + j;");
  std::string total = p_.fresh("total");
  p_.line(type + " " + total + " = parts[0][i][j];");
  p_.openLoop("part", slices_ - 1, true);
  p_.line(total + " = weft::add(" + total + ", parts[part + 1][i][j]);");
  p_.close();
  int scopes = openResult();
  printResult(total);
  for (int i = 0; i <= scopes; ++i)
    p_.close();
}

CudaKernel TileEmitter::emit() {
  chooseTiles();
  p_.loadsOutside = true;
  used_ = p_.usedDims();
  rows_.name = "row";
  columns_.name = "column";
  for (const char *word :
       {"row", "column", "a", "b", "thread", "block", "place", "along", "depth",
        "next_depth", "first_row", "first_column", "batch", "step", "slice",
        "part", "parts"})
    p_.fresh(word);
  rows_.tile = p_.fresh("a_tile");
  columns_.tile = p_.fresh("b_tile");
  sum_ = p_.fresh("sum");
  std::string type = computeType(type_), depth = std::to_string(depth_);
  // A few elements more to a line spread its columns over the banks.
  for (const Side *side : {&rows_, &columns_})
    p_.line("WEFT_SHARED " + vectorType(*side) + " " + side->tile + "[" +
            depth + "][" + Twine((side->tileExtent() + 4) / side->run()) +
            "];");
  printBlock();
  std::string member = "thread";
  if (slices_ > 1) {
    std::string group = std::to_string(kThreads / slices_);
    p_.line("const int slice = thread / " + group + ";");
    member += " % " + group;
  }
  p_.line("const int thread_row = " + member + " / " + Twine(columns_.threads) +
          ";");
  p_.line("const int thread_column = thread % " + Twine(columns_.threads) +
          ";");
  for (const Side *side : {&rows_, &columns_})
    p_.line(type + " " + side->tile + "_next[" + Twine(loads(*side)) + "];");
  p_.line(type + " " + sum_ + "[" + Twine(rows_.perThread) + "][" +
          Twine(columns_.perThread) + "] = {};");
  // One turn more than there are tiles: the first has nothing to multiply yet,
  // the last nothing to load.
  int64_t end = llvm::alignTo(nest_.numInnerPoints(), depth_);
  p_.open("for (" + p_.indexType() + " next_depth = 0; next_depth <= " +
          Twine(end) + "; next_depth += " + depth + ")");
  p_.open("if (next_depth < " + Twine(end) + ")");
  printLoad(rows_);
  printLoad(columns_);
  p_.close();
  p_.open("if (next_depth > 0)");
  printProducts();
  p_.close();
  p_.line("__syncthreads(); // these tiles are done with");
  p_.open("if (next_depth < " + Twine(end) + ")");
  printKeep(rows_);
  printKeep(columns_);
  p_.close();
  p_.line("__syncthreads();");
  p_.close();
  slices_ > 1 ? printSharedResults() : printResults();
  return p_.take(rows_.numTiles() * columns_.numTiles() * batches_, kThreads);
}

} // namespace

std::optional<CudaKernel> emitTiles(ir::GroupOp group, const LoopNest &nest) {
  TileEmitter emitter(group, nest);
  if (!emitter.matches())
    return std::nullopt;
  return emitter.emit();
}

} // namespace weft::cuda
