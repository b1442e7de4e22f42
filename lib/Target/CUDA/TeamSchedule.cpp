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
/// Loads that a thread should have in flight before more threads pay.
constexpr int64_t kLoadsPerThread = 2;
/// Above this many columns, blocks of 256 threads fill a large GPU.
constexpr int64_t kManyColumns = 1 << 15;
/// So many threads fill a large GPU.
constexpr int64_t kFullGpu = 1 << 18;
/// Bytes of a row that a thread keeps between stages: at ease, and at most.
constexpr int64_t kEasyBytes = 96, kMostBytes = 192;

class TeamEmitter {
public:
  TeamEmitter(ir::GroupOp group, const LoopNest &nest, bool columns)
      : nest_(nest), p_(group, nest), columns_(columns),
        last_(nest.sizes.size() - 1) {}

  CudaKernel emit();

private:
  void chooseVector();
  void chooseTeam();
  void findRepeated();
  void forgetUnread();
  void forgetRepeated(bool loadsToo);
  int64_t keptBytes(int64_t team) const;

  void printHead();
  void printStage(const Stage &stage);
  void declareDivisors(const Stage &stage);
  void printRowStores(const Stage &stage);
  void printLoop(const Stage &stage, ArrayRef<std::string> names);
  void printSteps(const Stage &stage, ArrayRef<std::string> names,
                  StringRef from, StringRef to);
  void printBlocks(const Stage &stage, ArrayRef<std::string> names);
  bool hasLongSums(const Stage &stage) const;
  void splitVector();
  void printVector(const Stage &stage, ArrayRef<std::string> names,
                   StringRef subscript);
  void printPoint(const Stage &stage, ArrayRef<std::string> names,
                  StringRef subscript);
  void printVectors(ArrayRef<int> stmts, StringRef subscript);
  void printLanes(ArrayRef<int> stmts, StringRef subscript);
  void printKept();
  std::vector<int> neededStmts(const Stage &stage) const;
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
  std::vector<int> first_;        // by statement: the kept one that equals it
  std::vector<std::string> kept_; // by statement: the name of what is kept
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

static bool isExpensive(const Stmt &stmt) {
  if (stmt.kind != Stmt::Kind::row)
    return false;
  switch (stmt.op) {
  case OpKind::exp:
  case OpKind::log:
  case OpKind::sin:
  case OpKind::cos:
  case OpKind::tanh:
  case OpKind::erf:
  case OpKind::pow:
  case OpKind::gelu:
  case OpKind::sigmoid:
  case OpKind::silu:
    return true;
  default:
    return false;
  }
}

/// Whether two statements compute the same; `equal` knows their operands.
static bool computeTheSame(const Stmt &a, const Stmt &b,
                           const std::vector<int> &equal) {
  if (a.kind != b.kind || a.type != b.type || a.op != b.op ||
      a.input != b.input || a.expr != b.expr || a.guards != b.guards ||
      a.value != b.value || a.operands.size() != b.operands.size() ||
      a.kind == Stmt::Kind::reduced)
    return false;
  for (auto [x, y] : llvm::zip(a.operands, b.operands))
    if (equal[x] != equal[y])
      return false;
  return true;
}

/// Loads and costly functions that a later stage repeats may be kept.
void TeamEmitter::findRepeated() {
  std::vector<int> equal; // by statement: the first that computes the same
  for (size_t id = 0; id < nest_.stmts.size(); ++id) {
    equal.push_back(static_cast<int>(id));
    for (size_t other = 0; other < id && equal[id] == static_cast<int>(id);
         ++other)
      if (computeTheSame(nest_.stmts[other], nest_.stmts[id], equal))
        equal[id] = equal[other];
  }
  first_.assign(nest_.stmts.size(), -1);
  if (numVectors() == 0) // no element, nothing to keep
    return;
  std::vector<int> stageOf(nest_.stmts.size(), -1);
  for (auto [i, stage] : llvm::enumerate(nest_.stages))
    for (int id : stage.body)
      stageOf[id] = static_cast<int>(i);
  for (const Stage &stage : nest_.stages)
    for (int id : stage.body) {
      const Stmt &stmt = nest_.stmts[id];
      bool load = stmt.kind == Stmt::Kind::load &&
                  (access_[id] == Access::vector || lanes_ == 1);
      if (access_[id] == Access::uniform || (!load && !isExpensive(stmt)) ||
          stageOf[equal[id]] < 0 || stageOf[equal[id]] == stageOf[id])
        continue;
      first_[id] = first_[equal[id]] = equal[id];
    }
}

/// Bytes that a thread of a team keeps.
int64_t TeamEmitter::keptBytes(int64_t team) const {
  int64_t bytes = 0;
  for (size_t id = 0; id < first_.size(); ++id) {
    if (first_[id] != static_cast<int>(id))
      continue;
    const Stmt &stmt = nest_.stmts[id];
    // Narrow elements that are not in vectors take a register each.
    int64_t size = storageBytes(stmt.type);
    if (access_[id] == Access::vector)
      bytes += lanes_ * size;
    else
      bytes += lanes_ * std::max<int64_t>(size, 4);
  }
  return bytes * llvm::divideCeil(numVectors(), team);
}

/// Forgets the repeated functions, or all that is repeated.
void TeamEmitter::forgetRepeated(bool loadsToo) {
  for (size_t id = 0; id < first_.size(); ++id)
    if (loadsToo || nest_.stmts[id].kind != Stmt::Kind::load)
      first_[id] = -1;
}

void TeamEmitter::chooseTeam() {
  int64_t vectors = std::max<int64_t>(numVectors(), 1);
  int64_t rows = nest_.numRows();
  if (columns_) {
    int64_t columns = std::min<int64_t>(32, llvm::PowerOf2Ceil(rows));
    // Few columns: more threads to each.
    threads_ = rows <= kManyColumns && vectors >= 256 ? kMostThreads : kThreads;
    team_ = threads_ / columns;
    // Columns that fill the device by themselves need no helpers, but where
    // those keep what is read again.
    bool alone = keptBytes(1) == 0;
    while (team_ > 1 &&
           (team_ / 2 >= vectors || (alone && rows * (team_ / 2) >= kFullGpu)))
      team_ /= 2;
    rowsPerBlock_ = threads_ / team_;
  } else if (nest_.numInnerPoints() <= kWarpRow) {
    team_ = llvm::PowerOf2Ceil(llvm::divideCeil(vectors, kLoadsPerThread));
    team_ = std::min<int64_t>(32, team_);
    rowsPerBlock_ = kThreads / team_;
  } else {
    team_ = kThreads;
    while (team_ < kMostThreads && (keptBytes(team_) > kEasyBytes ||
                                    (rows < 256 && vectors > 8 * team_)))
      team_ *= 2;
    threads_ = team_;
    rowsPerBlock_ = 1;
  }
  if (keptBytes(team_) > kMostBytes)
    forgetRepeated(/*loadsToo=*/false);
  if (keptBytes(team_) > kMostBytes)
    forgetRepeated(/*loadsToo=*/true);
  forgetUnread();
  keeps_ = keptBytes(team_) > 0;
}

/// Forgets what no other stage reads: the loads below a function that is kept.
void TeamEmitter::forgetUnread() {
  std::vector<bool> read(first_.size(), false);
  for (const Stage &stage : nest_.stages)
    for (int id : neededStmts(stage))
      if (first_[id] >= 0 && first_[id] != id)
        read[first_[id]] = true;
  for (int &first : first_)
    if (first >= 0 && !read[first])
      first = -1;
}

// ---- text -------------------------------------------------------------------

void TeamEmitter::printHead() {
  std::string rows = std::to_string(nest_.numRows());
  std::string perBlock = std::to_string(rowsPerBlock_),
              team = std::to_string(team_);
  StringRef type = p_.indexType();
  const bool isWide = type != "int";
  std::string row = isWide ? "blockIdx.x" : "static_cast<int>(blockIdx.x)";
  // The product is 64 bits wide where its factor is.
  const std::string firstRow = row + " * " + perBlock + (isWide ? "ll" : "");
  if (columns_) {
    p_.line("const int member = threadIdx.x / " + perBlock + ";");
    row = firstRow + " + static_cast<int>(threadIdx.x) % " + perBlock;
  } else if (rowsPerBlock_ == 1) {
    p_.line("const int member = threadIdx.x;");
  } else {
    p_.line("const int member = threadIdx.x % " + team + ";");
    row = firstRow + " + static_cast<int>(threadIdx.x) / " + team;
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

/// The statements of a stage that something needs, given what is kept.
std::vector<int> TeamEmitter::neededStmts(const Stage &stage) const {
  std::vector<bool> needed(nest_.stmts.size(), false);
  for (const Accumulator &accumulator : stage.accumulators)
    needed[accumulator.value] = true;
  for (const Store &store : stage.stores)
    needed[store.value] = true;
  for (int id : llvm::reverse(stage.body))
    if (needed[id] && (first_[id] < 0 || first_[id] == id))
      for (int operand : nest_.stmts[id].operands)
        needed[operand] = true;
  std::vector<int> stmts;
  for (int id : stage.body)
    if (needed[id])
      stmts.push_back(id);
  return stmts;
}

/// What a vector's lanes share: uniform statements and loads of vectors.
void TeamEmitter::printVectors(ArrayRef<int> stmts, StringRef subscript) {
  for (int id : stmts) {
    const Stmt &stmt = nest_.stmts[id];
    if (access_[id] == Access::uniform)
      p_.define(id);
    if (access_[id] != Access::vector)
      continue;
    int first = first_[id];
    std::string name = first >= 0 ? kept_[first] + subscript.str()
                                  : p_.fresh(p_.input(stmt.input) + "_vector");
    if (first < 0)
      p_.line("const auto " + name + " = " + p_.loadedVector(id, lanes_) + ";");
    else if (first == id)
      p_.line(name + " = " + p_.loadedVector(id, lanes_) + ";");
    p_.setValue(id, name);
  }
}

/// What differs from lane to lane.
void TeamEmitter::printLanes(ArrayRef<int> stmts, StringRef subscript) {
  for (int id : stmts) {
    if (access_[id] == Access::vector)
      p_.defineAs(id, p_.value(id) + "[k]");
    if (access_[id] != Access::lane)
      continue;
    int first = first_[id];
    std::string kept;
    if (first >= 0)
      kept = kept_[first] + subscript.str() + (lanes_ > 1 ? "[k]" : "");
    if (first >= 0 && first != id) {
      p_.setValue(id, kept);
      continue;
    }
    p_.define(id);
    if (first == id)
      p_.line(kept + " = " + p_.value(id) + ";");
  }
}

/// One point of a stage, or the points of a vector.
void TeamEmitter::printPoint(const Stage &stage, ArrayRef<std::string> names,
                             StringRef subscript) {
  std::vector<int> stmts = neededStmts(stage);
  std::vector<std::string> results; // vectors to store
  printVectors(stmts, subscript);
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
  printLanes(stmts, subscript);
  for (auto [accumulator, name] : llvm::zip(stage.accumulators, names))
    p_.combine(accumulator, name);
  for (auto [i, store] : llvm::enumerate(stage.stores))
    if (inVectors[i])
      p_.narrow(store, results[i] + "[k]");
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

/// Where the vector lies that the text calls `vector`.
void TeamEmitter::splitVector() {
  p_.splitPosition("vector", nest_.numParallel, nest_.innerSizes(),
                   p_.usedDims(), lanes_);
}

/// All its elements.
void TeamEmitter::printVector(const Stage &stage, ArrayRef<std::string> names,
                              StringRef subscript) {
  splitVector();
  printPoint(stage, names, subscript);
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
    printVector(stage, names, subscript);
    p_.close();
  } else {
    if (!bounds.empty())
      p_.open("if (" + bounds + ")");
    if (hasLongSums(stage))
      printBlocks(stage, names);
    else
      printSteps(stage, names, "member", count);
  }
  if (!bounds.empty())
    p_.close();
}

/// The loop of a thread over its vectors from `from` on.
void TeamEmitter::printSteps(const Stage &stage, ArrayRef<std::string> names,
                             StringRef from, StringRef to) {
  int64_t turns = columns_ ? 8 : 4;
  bool isInPlace = llvm::any_of(stage.stores, [&](const Store &store) {
    return p_.isInPlace(store.output, /*isInput=*/false);
  });
  if (!isInPlace) {
    p_.line("#pragma unroll " + Twine(turns));
    p_.open("for (" + p_.indexType() + " vector = " + from + "; vector < " +
            to + "; vector += " + Twine(team_) + ")");
    printVector(stage, names, "");
    p_.close();
    return;
  }
  std::vector<int> loads;
  for (int id : neededStmts(stage))
    if (access_[id] == (lanes_ > 1 ? Access::vector : Access::lane) &&
        nest_.stmts[id].kind == Stmt::Kind::load)
      loads.push_back(id);
  p_.open("for (" + p_.indexType() + " turn = " + from + "; turn < " + to +
          "; turn += " + Twine(turns * team_) + ")");
  auto place = [&] {
    p_.line("const " + p_.indexType() + " vector = turn + u * " + Twine(team_) +
            ";");
    p_.open("if (vector < " + to + ")");
    splitVector();
    return 1;
  };
  p_.printTurns(turns, loads, lanes_ > 1 ? lanes_ : 0, place,
                [&] { printPoint(stage, names, ""); });
  p_.close();
}

/// Whether a thread adds up more than one block of values in f32.
bool TeamEmitter::hasLongSums(const Stage &stage) const {
  return !keeps_ && perThread() > kSumBlock / lanes_ &&
         llvm::any_of(stage.accumulators, [&](const Accumulator &accumulator) {
           return nest_.sumsInF32(accumulator);
         });
}

/// The loop in blocks: the sum of each is added to a total in f64.
void TeamEmitter::printBlocks(const Stage &stage, ArrayRef<std::string> names) {
  std::vector<std::pair<std::string, std::string>> totals; // of each sum
  for (auto [accumulator, name] : llvm::zip(stage.accumulators, names))
    if (nest_.sumsInF32(accumulator)) {
      totals.push_back({name, p_.fresh(name + "_total")});
      p_.line("double " + totals.back().second + " = 0;");
    }
  std::string count = std::to_string(numVectors()),
              step = std::to_string(kSumBlock / lanes_ * team_);
  std::string block = p_.fresh("block"), end = p_.fresh("end");
  StringRef type = p_.indexType();
  p_.open("for (" + type + " " + block + " = 0; " + block + " < " + count +
          "; " + block + " += " + step + ")");
  p_.line("const " + type + " " + end + " = " + block + " < " + count + " - " +
          step + " ? " + block + " + " + step + " : " + count + ";");
  printSteps(stage, names, block + " + member", end);
  for (auto &[sum, total] : totals) {
    p_.line(total + " += " + sum + ";");
    p_.line(sum + " = 0;");
  }
  p_.close();
  for (auto &[sum, total] : totals)
    p_.line(sum + " = static_cast<float>(" + total + ");");
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

/// Many elements of a row are divided by one number of the row.
void TeamEmitter::declareDivisors(const Stage &stage) {
  std::vector<bool> declared(nest_.stmts.size(), false);
  for (int id : stage.body) {
    const Stmt &stmt = nest_.stmts[id];
    if (stmt.kind != Stmt::Kind::row || stmt.op != OpKind::div ||
        computeType(stmt.type) != "float")
      continue;
    int divisor = stmt.operands[1];
    bool isOfRow = nest_.stmts[divisor].kind == Stmt::Kind::reduced ||
                   llvm::is_contained(stage.rowBody, divisor);
    if (isOfRow && !declared[divisor])
      p_.declareDivisor(divisor);
    declared[divisor] = declared[divisor] || isOfRow;
  }
}

void TeamEmitter::printStage(const Stage &stage) {
  p_.define(stage.rowBody);
  if (!stage.inner) {
    printRowStores(stage);
    return;
  }
  declareDivisors(stage);
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

/// Declares what is kept between stages.
void TeamEmitter::printKept() {
  kept_.resize(nest_.stmts.size());
  for (size_t id = 0; id < first_.size(); ++id) {
    if (first_[id] != static_cast<int>(id))
      continue;
    const Stmt &stmt = nest_.stmts[id];
    std::string_view op = name(stmt.op);
    kept_[id] = p_.fresh((stmt.kind == Stmt::Kind::load ? p_.input(stmt.input)
                                                        : std::string(op)) +
                         "_kept");
    std::string count = "[" + std::to_string(perThread()) + "]";
    if (access_[id] == Access::vector)
      p_.line("weft::Vector<" + storageType(stmt.type) + ", " + Twine(lanes_) +
              "> " + kept_[id] + count + ";");
    else
      p_.line(computeType(stmt.type) + " " + kept_[id] + count +
              (lanes_ > 1 ? "[" + Twine(lanes_) + "]" : Twine("")) + ";");
  }
}

CudaKernel TeamEmitter::emit() {
  chooseVector();
  findRepeated();
  chooseTeam();
  printHead();
  printKept();
  for (const Stage &stage : nest_.stages)
    printStage(stage);
  return p_.take(llvm::divideCeil(nest_.numRows(), rowsPerBlock_), threads_);
}

} // namespace

CudaKernel emitTeams(ir::GroupOp group, const LoopNest &nest, bool columns) {
  return TeamEmitter(group, nest, columns).emit();
}

} // namespace weft::cuda
