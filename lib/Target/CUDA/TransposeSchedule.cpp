// SPDX-License-Identifier: Apache-2.0
// One pass over a space without reductions in which some operands lie in
// another order than the result: neighbours in memory are neighbours along an
// outer dim (a transpose, NCHW to NHWC).
//
// Read in the order of the result, every element of such an operand would cost
// a transaction of its own. So a block takes a tile: `down` places along that
// dim, `across` places along the last. It reads the operand's part in the
// operand's order, in 16-byte accesses, puts it into shared memory, and goes
// over the tile again in the order of the result, as other loops do.
#include "KernelPrinter.h"
#include "Vectors.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weft::cuda {

namespace {

constexpr int64_t kThreads = 256;
/// Shared memory that every block may have.
constexpr int64_t kSharedBytes = 48 << 10;
/// Blocks that keep a large GPU busy; smaller tiles are used to get as many.
constexpr int64_t kEnoughBlocks = 264;
/// Below this a tile would be mostly empty.
constexpr int64_t kLeastExtent = 8;
constexpr int64_t kLeastTile = 32, kMostTile = 256;

/// A dim that tiles cut.
struct Side {
  unsigned dim = 0;
  int64_t size = 1;
  int64_t tile = 64;
  std::string first; // the place where the block's tile begins
  std::string along; // a place within the tile
  int64_t numTiles() const { return llvm::divideCeil(size, tile); }
};

class TransposeEmitter {
public:
  TransposeEmitter(ir::GroupOp group, const LoopNest &nest)
      : nest_(nest), p_(group, nest), stage_(nest.stages.front()) {}

  bool matches();
  CudaKernel emit();

private:
  bool liesAlong(const Stmt &stmt, unsigned dim) const;
  void chooseTile();
  void chooseLanes();
  int64_t tileBytes() const;
  int64_t turns(int64_t lanes) const {
    return across_.tile * down_.tile / (lanes * kThreads);
  }
  int64_t lanesOf(int id) const;

  void printBlock();
  void printPlace(const Side &inner, const Side &outer, int64_t lanes);
  void printRead(int id);
  void printKeep(int id);
  void printResults();
  void printLanes(ArrayRef<std::string> results);

  const LoopNest &nest_;
  KernelPrinter p_;
  const Stage &stage_;
  Side across_, down_;
  int64_t lanes_ = 1;       // elements of a vector in the order of the result
  std::vector<int> turned_; // loads that go through shared memory
  std::vector<Access> access_;       // of the others
  std::vector<std::string> vectors_; // by statement: of what it is an element
  llvm::SmallBitVector used_;
};

// ---- choices ----------------------------------------------------------------

/// Whether neighbours along `dim`, and not along the last one, are neighbours
/// in memory.
bool TransposeEmitter::liesAlong(const Stmt &stmt, unsigned dim) const {
  return stmt.kind == Stmt::Kind::load && stmt.guards.empty() &&
         stmt.expr.isFunctionOfDim(across_.dim) &&
         strideOf(stmt.expr, across_.dim) != 1 && strideOf(stmt.expr, dim) == 1;
}

bool TransposeEmitter::matches() {
  across_.dim = nest_.sizes.size() - 1;
  for (unsigned dim = 0; dim < across_.dim; ++dim) {
    std::vector<int> loads;
    for (int id : stage_.rowBody)
      if (liesAlong(nest_.stmts[id], dim))
        loads.push_back(id);
    if (loads.size() <= turned_.size())
      continue;
    turned_ = loads;
    down_.dim = dim;
  }
  across_.size = nest_.sizes[across_.dim];
  down_.size = nest_.sizes[down_.dim];
  if (turned_.empty() || across_.size < kLeastExtent ||
      down_.size < kLeastExtent)
    return false;
  chooseTile();
  return tileBytes() <= kSharedBytes;
}

int64_t TransposeEmitter::tileBytes() const {
  int64_t bytes = 0;
  for (int id : turned_)
    bytes +=
        across_.tile * (down_.tile + 1) * storageBytes(nest_.stmts[id].type);
  return bytes;
}

void TransposeEmitter::chooseTile() {
  // What a short side leaves goes to the other.
  for (auto [side, other] : {std::pair(&across_, &down_), {&down_, &across_}})
    while (side->tile / 2 >= side->size && other->tile < kMostTile) {
      side->tile /= 2;
      other->tile *= 2;
    }
  int64_t others = nest_.numRows() / (across_.size * down_.size);
  for (Side *side : {&down_, &across_}) {
    bool fewBlocks =
        others * across_.numTiles() * down_.numTiles() < kEnoughBlocks;
    if (side->tile > kLeastTile && (fewBlocks || tileBytes() > kSharedBytes))
      side->tile /= 2;
  }
}

/// Vectors in the order of the result, and which other operands have them.
void TransposeEmitter::chooseLanes() {
  int64_t least = kWidestAccess, most = 1;
  for (const Store &store : stage_.stores) {
    int64_t bytes = storageBytes(p_.outputType(store.output));
    least = std::min(least, bytes);
    most = std::max(most, bytes);
  }
  lanes_ = kWidestAccess / least;
  while (lanes_ * most > 2 * kWidestAccess || across_.size % lanes_ != 0 ||
         turns(lanes_) < 1)
    lanes_ /= 2;
  access_ = classifyAccesses(nest_, across_.dim, lanes_);
}

/// The elements that a thread reads at once from an operand in its own order.
int64_t TransposeEmitter::lanesOf(int id) const {
  const Stmt &stmt = nest_.stmts[id];
  int64_t bytes = storageBytes(stmt.type);
  int64_t lanes = kWidestAccess / bytes;
  while (lanes > 1 && (down_.size % lanes != 0 || turns(lanes) < 1 ||
                       !isVectorAccess(stmt.expr, down_.dim, lanes, bytes)))
    lanes /= 2;
  return lanes;
}

// ---- text -------------------------------------------------------------------

/// Where the tile of this block lies.
void TransposeEmitter::printBlock() {
  StringRef type = p_.indexType();
  auto tiles = [](const Side &side) { return std::to_string(side.numTiles()); };
  p_.line("const int thread = threadIdx.x;");
  p_.line("const " + type + " block = blockIdx.x;");
  p_.line("const " + type + " " + across_.first + " = block % " +
          tiles(across_) + " * " + Twine(across_.tile) + ";");
  p_.line("const " + type + " " + down_.first + " = block / " + tiles(across_) +
          " % " + tiles(down_) + " * " + Twine(down_.tile) + ";");
  SmallVector<unsigned> others;
  for (unsigned dim = 0; dim < across_.dim; ++dim)
    if (dim != down_.dim)
      others.push_back(dim);
  if (others.empty())
    return;
  p_.line("const " + type + " other = block / " +
          Twine(across_.numTiles() * down_.numTiles()) + ";");
  p_.splitDims("other", others, used_);
}

/// Declares where the vector of this turn lies in the tile: neighbouring
/// threads have neighbours along `inner`.
void TransposeEmitter::printPlace(const Side &inner, const Side &outer,
                                  int64_t lanes) {
  std::string vectors = std::to_string(inner.tile / lanes);
  p_.line("const int place = thread + u * " + Twine(kThreads) + ";");
  p_.line("const int " + outer.along + " = place / " + vectors + ";");
  p_.line("const int " + inner.along + " = place % " + vectors +
          (lanes > 1 ? " * " + std::to_string(lanes) : std::string()) + ";");
}

/// Reads an operand's part of the tile into registers. Beyond the end the last
/// elements are read again: loads under branches would wait for each other.
void TransposeEmitter::printRead(int id) {
  const Stmt &stmt = nest_.stmts[id];
  int64_t lanes = lanesOf(id);
  std::string count = std::to_string(lanes);
  p_.line("weft::Vector<" + storageType(stmt.type) + ", " + count + "> " +
          vectors_[id] + "[" + Twine(turns(lanes)) + "];");
  p_.openLoop("u", turns(lanes), /*unrolled=*/true);
  printPlace(down_, across_, lanes);
  for (auto [side, step] : {std::pair(&down_, lanes), {&across_, int64_t{1}}}) {
    std::string place = side->first + " + " + side->along;
    if (side->size % side->tile != 0)
      place += " < " + std::to_string(side->size) + " ? " + place + " : " +
               std::to_string(side->size - step);
    p_.line("const " + p_.indexType() + " " + p_.dims[side->dim] + " = " +
            place + ";");
  }
  p_.line(vectors_[id] + "[u] = weft::load_vector<" + count + ">(" +
          p_.address(p_.input(stmt.input), stmt.expr) + ");");
  p_.close();
}

void TransposeEmitter::printKeep(int id) {
  int64_t lanes = lanesOf(id);
  p_.openLoop("u", turns(lanes), /*unrolled=*/true);
  printPlace(down_, across_, lanes);
  p_.openLoop("k", lanes, /*unrolled=*/true);
  p_.line(p_.value(id) + "[" + across_.along + "][" + down_.along +
          " + k] = " + vectors_[id] + "[u][k];");
  p_.close();
  p_.close();
}

/// The elements of a vector of the result, one after the other.
void TransposeEmitter::printLanes(ArrayRef<std::string> results) {
  p_.openLoop("k", lanes_, /*unrolled=*/true);
  const std::string lastDim = p_.dims.back();
  p_.dims.back() = "(" + lastDim + " + k)";
  for (int id : stage_.rowBody) {
    bool isTurned = llvm::is_contained(turned_, id);
    if (access_[id] == Access::uniform)
      continue;
    if (access_[id] == Access::lane && !isTurned) {
      p_.define(id);
      continue;
    }
    p_.defineAs(id, isTurned ? vectors_[id] + "[" + across_.along + " + k][" +
                                   down_.along + "]"
                             : vectors_[id] + "[k]");
  }
  for (auto [store, name] : llvm::zip(stage_.stores, results))
    p_.narrow(store, name + "[k]");
  p_.close();
  p_.dims.back() = lastDim;
}

/// The tile in the order of the result.
void TransposeEmitter::printResults() {
  p_.openLoop("u", turns(lanes_), /*unrolled=*/true);
  printPlace(across_, down_, lanes_);
  std::string inside;
  for (const Side *side : {&down_, &across_}) {
    const std::string &dim = p_.dims[side->dim];
    p_.line("const " + p_.indexType() + " " + dim + " = " + side->first +
            " + " + side->along + ";");
    if (side->size % side->tile != 0)
      inside += (inside.empty() ? "" : " && ") + dim + " < " +
                std::to_string(side->size);
  }
  if (!inside.empty())
    p_.open("if (" + inside + ")");
  std::string count = std::to_string(lanes_);
  for (int id : stage_.rowBody) {
    const Stmt &stmt = nest_.stmts[id];
    if (access_[id] == Access::uniform)
      p_.define(id);
    if (access_[id] != Access::vector)
      continue;
    vectors_[id] = p_.fresh(p_.input(stmt.input) + "_vector");
    p_.line("const auto " + vectors_[id] + " = " + p_.loadedVector(id, lanes_) +
            ";");
  }
  std::vector<std::string> results;
  for (const Store &store : stage_.stores) {
    results.push_back(p_.fresh(p_.output(store.output) + "_vector"));
    p_.line("weft::Vector<" + storageType(p_.outputType(store.output)) + ", " +
            count + "> " + results.back() + ";");
  }
  printLanes(results);
  for (auto [store, name] : llvm::zip(stage_.stores, results))
    p_.line("weft::store_vector(" +
            p_.address(p_.output(store.output), store.offset) + ", " + name +
            ");");
  if (!inside.empty())
    p_.close();
  p_.close();
}

CudaKernel TransposeEmitter::emit() {
  chooseLanes();
  for (const char *word : {"thread", "block", "other", "place"})
    p_.fresh(word);
  across_.first = p_.fresh("first_across");
  across_.along = p_.fresh("across");
  down_.first = p_.fresh("first_down");
  down_.along = p_.fresh("down");
  used_ = p_.usedDims();
  vectors_.resize(nest_.stmts.size());
  for (int id : turned_) {
    const Stmt &stmt = nest_.stmts[id];
    vectors_[id] = p_.fresh(p_.input(stmt.input) + "_next");
    p_.setValue(id, p_.fresh(p_.input(stmt.input) + "_tile"));
    // An element more to a line spreads its columns over the banks.
    p_.line("WEFT_SHARED " + storageType(stmt.type) + " " + p_.value(id) + "[" +
            Twine(across_.tile) + "][" + Twine(down_.tile + 1) + "];");
  }
  printBlock();
  for (int id : turned_)
    printRead(id);
  for (int id : turned_) {
    printKeep(id);
    vectors_[id] = p_.value(id);
  }
  p_.line("__syncthreads();");
  printResults();
  int64_t others = nest_.numRows() / (across_.size * down_.size);
  return p_.take(others * across_.numTiles() * down_.numTiles(), kThreads);
}

} // namespace

std::optional<CudaKernel> emitTranspose(ir::GroupOp group,
                                        const LoopNest &nest) {
  TransposeEmitter emitter(group, nest);
  if (!emitter.matches())
    return std::nullopt;
  return emitter.emit();
}

} // namespace weft::cuda
