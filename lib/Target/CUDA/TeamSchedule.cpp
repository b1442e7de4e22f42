// SPDX-License-Identifier: Apache-2.0
// Reductions: a team of threads to a row of the parallel dims.
//
// Rows whose elements lie side by side are shared out to neighbouring threads:
// some lanes of a warp, or a whole block, read vectors one after the other. The
// elements of a column lie far apart, but those of neighbouring columns do not:
// there, neighbouring threads take neighbouring columns, and the threads of a
// team are slices of a block. Either way every stage loops over the row, then
// the team combines what its threads have. What several stages read stays in
// registers where it fits: softmax and layer norm read their input once.
#include "KernelPrinter.h"
#include "Vectors.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace weft::cuda {

namespace {

constexpr int64_t kThreads = 256;
constexpr int64_t kMostThreads = 1024;
/// Rows up to this many elements are left to one warp.
constexpr int64_t kWarpRow = 1024;
/// Bytes of a row that a thread keeps between stages: at ease, and at most.
constexpr int64_t kEasyBytes = 64, kMostBytes = 128;

class TeamEmitter {
public:
  TeamEmitter(ir::GroupOp group, const LoopNest &nest, bool columns)
      : nest_(nest), p_(group, nest), columns_(columns),
        last_(nest.sizes.size() - 1) {}

  CudaKernel emit();

private:
  void chooseVector();
  void chooseTeam();
  void findCached();
  int64_t keptBytes(int64_t team) const;

  void printHead();
  void printStage(const Stage &stage);
  void printRowStores(const Stage &stage);
  void printLoop(const Stage &stage, ArrayRef<std::string> names);
  void printPoint(const Stage &stage, ArrayRef<std::string> names,
                  StringRef subscript);
  std::string vectorLoad(int id) const;
  std::string reduced(const Accumulator &accumulator, StringRef name) const;

  int64_t numVectors() const { return nest_.numInnerPoints() / lanes_; }
  int64_t perThread() const { return llvm::divideCeil(numVectors(), team_); }
  bool hasIdleRows() const { return nest_.numRows() % rowsPerBlock_ != 0; }

  const LoopNest &nest_;
  KernelPrinter p_;
  const bool columns_;
  const unsigned last_; // the dim that vectors run along
  int64_t lanes_ = 1;   // elements of a vector
  int64_t threads_ = kThreads;
  int64_t team_ = 32; // threads that share a row
  int64_t rowsPerBlock_ = 1;
  bool keeps_ = false; // between stages
  std::vector<Access> access_;
  std::vector<int> firstLoad_;      // by statement: the equal load before it
  std::vector<std::string> vector_; // by statement: the name of its vector
};

// ---- choices ----------------------------------------------------------------

void TeamEmitter::chooseVector() {
  int64_t widest = 1, most = 1;
  for (const Stage &stage : nest_.stages)
    for (int id : stage.body) {
      const Stmt &stmt = nest_.stmts[id];
      if (stmt.kind != Stmt::Kind::load || strideOf(stmt.expr, last_) != 1)
        continue;
      widest = std::max(widest, kWidestAccess / storageBytes(stmt.type));
      most = std::max(most, storageBytes(stmt.type));
    }
  while (widest * most > 2 * kWidestAccess)
    widest /= 2;
  lanes_ = columns_ ? 1 : widest;
  while (nest_.sizes[last_] % lanes_ != 0)
    lanes_ /= 2;
  access_ = classifyAccesses(nest_, last_, lanes_);
  if (llvm::is_contained(access_, Access::vector))
    return;
  lanes_ = 1;
  access_ = classifyAccesses(nest_, last_, lanes_);
}

/// Loads that a later stage repeats are kept, in vectors or one by one.
void TeamEmitter::findCached() {
  firstLoad_.assign(nest_.stmts.size(), -1);
  std::vector<int> seen;
  for (const Stage &stage : nest_.stages) {
    size_t before = seen.size();
    for (int id : stage.body) {
      const Stmt &stmt = nest_.stmts[id];
      if (stmt.kind != Stmt::Kind::load || access_[id] == Access::uniform ||
          (access_[id] == Access::lane && lanes_ > 1))
        continue;
      firstLoad_[id] = id;
      for (size_t i = 0; i < before; ++i) {
        const Stmt &other = nest_.stmts[seen[i]];
        if (other.input == stmt.input && other.expr == stmt.expr &&
            other.guards == stmt.guards)
          firstLoad_[id] = seen[i];
      }
      if (firstLoad_[id] == id)
        seen.push_back(id);
    }
  }
}

/// Bytes that a thread of a team keeps: of loads that are repeated.
int64_t TeamEmitter::keptBytes(int64_t team) const {
  int64_t bytes = 0;
  std::vector<bool> counted(nest_.stmts.size(), false);
  for (size_t id = 0; id < firstLoad_.size(); ++id) {
    int first = firstLoad_[id];
    if (first < 0 || first == static_cast<int>(id) || counted[first])
      continue;
    counted[first] = true;
    // Narrow elements that are not in vectors take a register each.
    int64_t size = storageBytes(nest_.stmts[first].type);
    bytes += lanes_ > 1 ? lanes_ * size : std::max<int64_t>(size, 4);
  }
  return bytes * llvm::divideCeil(numVectors(), team);
}

void TeamEmitter::chooseTeam() {
  int64_t vectors = std::max<int64_t>(numVectors(), 1);
  int64_t rows = nest_.numRows();
  if (columns_) {
    int64_t columns = std::min<int64_t>(32, llvm::PowerOf2Ceil(rows));
    // Few columns: more threads to each.
    threads_ = rows <= 4096 && vectors >= 256 ? kMostThreads : kThreads;
    team_ = threads_ / columns;
    while (team_ > 1 && team_ / 2 >= vectors)
      team_ /= 2;
    rowsPerBlock_ = threads_ / team_;
  } else if (nest_.numInnerPoints() <= kWarpRow) {
    team_ = std::min<int64_t>(32, llvm::PowerOf2Ceil(vectors));
    rowsPerBlock_ = kThreads / team_;
  } else {
    team_ = kThreads;
    while (team_ < kMostThreads && (keptBytes(team_) > kEasyBytes ||
                                    (rows < 256 && vectors > 8 * team_)))
      team_ *= 2;
    threads_ = team_;
    rowsPerBlock_ = 1;
  }
  int64_t kept = keptBytes(team_);
  keeps_ = kept > 0 && kept <= kMostBytes;
}

// ---- text -------------------------------------------------------------------

void TeamEmitter::printHead() {
  std::string rows = std::to_string(nest_.numRows());
  std::string perBlock = std::to_string(rowsPerBlock_),
              team = std::to_string(team_);
  StringRef type = p_.indexType();
  std::string block =
      type == "int" ? "static_cast<int>(blockIdx.x)" : "blockIdx.x";
  std::string row = block;
  if (columns_) {
    p_.line("const int member = threadIdx.x / " + perBlock + ";");
    row = block + " * " + perBlock + " + static_cast<int>(threadIdx.x) % " +
          perBlock;
  } else if (rowsPerBlock_ == 1) {
    p_.line("const int member = threadIdx.x;");
  } else {
    p_.line("const int member = threadIdx.x % " + team + ";");
    row =
        block + " * " + perBlock + " + static_cast<int>(threadIdx.x) / " + team;
  }
  if (hasIdleRows()) {
    // Threads beyond the last row stay, for the functions of the whole team.
    p_.line("const " + type + " place = " + row + ";");
    p_.line("const bool is_active = place < " + rows + ";");
    row = "is_active ? place : " + std::to_string(nest_.numRows() - 1);
  }
  auto used = p_.usedDims();
  if (nest_.numParallel == 1) {
    if (used.test(0))
      p_.line("const " + type + " " + p_.dims[0] + " = " + row + ";");
  } else {
    p_.line("const " + type + " row = " + row + ";");
    p_.splitPosition("row", 0, nest_.parallelSizes(), used);
  }
}

std::string TeamEmitter::vectorLoad(int id) const {
  const Stmt &stmt = nest_.stmts[id];
  std::string count = std::to_string(lanes_);
  std::string load = "weft::load_vector<" + count + ">(" +
                     p_.address(p_.input(stmt.input), stmt.expr) + ")";
  if (stmt.guards.empty())
    return load;
  return p_.condition(stmt.guards) + " ? " + load + " : weft::Vector<" +
         storageType(stmt.type) + ", " + count + ">{}";
}

/// One point of a stage, or the points of a vector.
void TeamEmitter::printPoint(const Stage &stage, ArrayRef<std::string> names,
                             StringRef subscript) {
  std::vector<std::string> results; // vectors to store
  for (int id : stage.body) {
    const Stmt &stmt = nest_.stmts[id];
    bool kept =
        keeps_ && firstLoad_[id] >= 0 && !vector_[firstLoad_[id]].empty();
    if (access_[id] == Access::uniform) {
      p_.define(id);
    } else if (access_[id] == Access::vector) {
      std::string name = kept ? vector_[firstLoad_[id]] + subscript.str()
                              : p_.fresh(p_.input(stmt.input) + "_vector");
      if (!kept)
        p_.line("const auto " + name + " = " + vectorLoad(id) + ";");
      else if (firstLoad_[id] == id)
        p_.line(name + " = " + vectorLoad(id) + ";");
      p_.setValue(id, name);
    } else if (kept && firstLoad_[id] == id) {
      p_.define(id);
      p_.line(vector_[id] + subscript + " = " + p_.value(id) + ";");
    }
  }
  std::vector<bool> inVectors;
  for (const Store &store : stage.stores) {
    bool whole =
        lanes_ > 1 && isVectorAccess(store.offset, last_, lanes_,
                                     storageBytes(p_.outputType(store.output)));
    inVectors.push_back(whole);
    results.push_back(p_.fresh(p_.output(store.output) + "_vector"));
    if (whole)
      p_.line("weft::Vector<" + storageType(p_.outputType(store.output)) +
              ", " + Twine(lanes_) + "> " + results.back() + ";");
  }
  const std::string lastDim = p_.dims[last_];
  if (lanes_ > 1) {
    p_.line("#pragma unroll");
    p_.open("for (int k = 0; k < " + Twine(lanes_) + "; ++k)");
    p_.dims[last_] = "(" + lastDim + " + k)";
  }
  for (int id : stage.body) {
    const Stmt &stmt = nest_.stmts[id];
    if (access_[id] == Access::vector) {
      std::string element = p_.value(id) + "[k]", name = p_.nameOf(id);
      p_.line("const " + computeType(stmt.type) + " " + name + " = " +
              KernelPrinter::widened(stmt.type, element) + ";");
      p_.setValue(id, name);
    } else if (access_[id] == Access::lane) {
      int first = firstLoad_[id];
      bool kept = keeps_ && first >= 0 && !vector_[first].empty();
      if (!kept)
        p_.define(id);
      else if (first != id)
        p_.setValue(id, vector_[first] + subscript.str());
    }
  }
  for (auto [accumulator, name] : llvm::zip(stage.accumulators, names))
    p_.combine(accumulator, name);
  for (auto [i, store] : llvm::enumerate(stage.stores))
    if (inVectors[i])
      p_.narrow(p_.outputType(store.output), results[i] + "[k]",
                p_.value(store.value));
    else
      p_.store(store);
  if (lanes_ > 1) {
    p_.close();
    p_.dims[last_] = lastDim;
  }
  for (auto [i, store] : llvm::enumerate(stage.stores))
    if (inVectors[i])
      p_.line("weft::store_vector(" +
              p_.address(p_.output(store.output), store.offset) + ", " +
              results[i] + ");");
}

void TeamEmitter::printLoop(const Stage &stage, ArrayRef<std::string> names) {
  std::string count = std::to_string(numVectors()),
              team = std::to_string(team_);
  StringRef type = p_.indexType();
  std::string subscript, bounds;
  // What is stored is stored for active rows alone.
  if (!stage.stores.empty() && hasIdleRows())
    bounds = "is_active";
  if (keeps_) {
    p_.line("#pragma unroll");
    p_.open("for (int n = 0; n < " + Twine(perThread()) + "; ++n)");
    p_.line("const " + type + " vector = member + n * " + team + ";");
    if (numVectors() % team_ != 0)
      bounds = (bounds.empty() ? "" : bounds + " && ") + "vector < " + count;
    if (!bounds.empty())
      p_.open("if (" + bounds + ")");
    subscript = "[n]";
  } else {
    if (!bounds.empty())
      p_.open("if (" + bounds + ")");
    p_.line("#pragma unroll 4");
    p_.open("for (" + type + " vector = member; vector < " + count +
            "; vector += " + team + ")");
  }
  p_.splitPosition("vector", nest_.numParallel, nest_.innerSizes(),
                   p_.usedDims(), lanes_);
  printPoint(stage, names, subscript);
  p_.close();
  if (!bounds.empty())
    p_.close();
}

std::string TeamEmitter::reduced(const Accumulator &accumulator,
                                 StringRef name) const {
  std::string function;
  if (columns_)
    function = "weft::reduce_slices<" + std::to_string(threads_) + ", " +
               std::to_string(rowsPerBlock_) + ">";
  else if (rowsPerBlock_ == 1 && team_ > 32)
    function = "weft::reduce_block<" + std::to_string(threads_) + ">";
  else
    function = "weft::reduce_lanes<" + std::to_string(team_) + ">";
  return (function + "(" + name + ", " +
          KernelPrinter::functor(accumulator.op) + ")")
      .str();
}

void TeamEmitter::printRowStores(const Stage &stage) {
  if (stage.stores.empty())
    return;
  p_.open(hasIdleRows() ? "if (member == 0 && is_active)" : "if (member == 0)");
  for (const Store &store : stage.stores)
    p_.store(store);
  p_.close();
}

void TeamEmitter::printStage(const Stage &stage) {
  p_.define(stage.rowBody);
  if (!stage.inner) {
    printRowStores(stage);
    return;
  }
  std::vector<std::string> names;
  for (const Accumulator &accumulator : stage.accumulators) {
    std::string_view op = name(accumulator.op);
    names.push_back(p_.fresh(StringRef(op.data(), op.size())));
    p_.declare(accumulator, names.back());
  }
  printLoop(stage, names);
  for (auto [accumulator, name] : llvm::zip(stage.accumulators, names)) {
    if (team_ > 1)
      p_.line(name + " = " + reduced(accumulator, name) + ";");
    p_.finish(accumulator, name);
  }
}

CudaKernel TeamEmitter::emit() {
  chooseVector();
  findCached();
  chooseTeam();
  vector_.resize(nest_.stmts.size());
  printHead();
  if (keeps_)
    for (size_t id = 0; id < firstLoad_.size(); ++id) {
      int first = firstLoad_[id];
      if (first < 0 || first == static_cast<int>(id) || !vector_[first].empty())
        continue;
      const Stmt &stmt = nest_.stmts[first];
      vector_[first] = p_.fresh(p_.input(stmt.input) + "_kept");
      std::string type = computeType(stmt.type);
      if (lanes_ > 1)
        type = "weft::Vector<" + storageType(stmt.type) + ", " +
               std::to_string(lanes_) + ">";
      p_.line(type + " " + vector_[first] + "[" + Twine(perThread()) + "];");
    }
  for (const Stage &stage : nest_.stages)
    printStage(stage);
  return p_.take(llvm::divideCeil(nest_.numRows(), rowsPerBlock_), threads_);
}

} // namespace

CudaKernel emitTeams(ir::GroupOp group, const LoopNest &nest, bool columns) {
  return TeamEmitter(group, nest, columns).emit();
}

} // namespace weft::cuda
