// SPDX-License-Identifier: Apache-2.0
// One pass over a space without reductions: every thread computes a vector of
// neighbouring elements and moves it in 16-byte accesses. One vector a thread
// is enough to hide the latency of memory: with 2, 4 and 8, the loads ahead of
// the stores, an H200 took 0 to 5 % longer over relu(x * scale + shift); hints
// that keep such data out of the caches won 1 % with two inputs and lost 2 %
// with one.
//
// Two forms. Where a vector divides the last dim, the other indices are the
// same for its whole length: operands that do not vary along the last dim (a
// scale for each channel) are loaded once for a vector. Where it does not (7 x
// 7 pixels), dims are taken together and vectors cross rows; then only operands
// in the order of the result are loaded as vectors.
#include "KernelPrinter.h"
#include "Vectors.h"

using namespace mlir;

namespace weft::cuda {

namespace {

/// Elements that a thread can have in registers with what it computes of them.
constexpr int64_t kMostElements = 64;

class LoopEmitter {
public:
  LoopEmitter(ir::GroupOp group, const LoopNest &nest)
      : nest_(nest), p_(group, nest), stage_(nest.stages.front()) {}

  bool hasVectors();
  CudaKernel emit();

private:
  int64_t widestVector() const;
  bool isIdentity(AffineExpr expr) const;
  Access flatAccess(const Stmt &stmt) const;
  /// Whether the last vector reaches beyond the end; only where vectors cross
  /// rows.
  bool hasTail() const { return points_ % lanes_ != 0; }
  void classify();
  void declareIndices(StringRef vector);
  std::string vectorLoad(int id);
  void printLanes();
  void storeVectors(ArrayRef<std::string> names);

  const LoopNest &nest_;
  KernelPrinter p_;
  const Stage &stage_;
  bool flat_ = false;
  int64_t lanes_ = 1;
  int64_t points_ = 0;
  llvm::SmallBitVector used_;        // dims whose indices are needed
  std::vector<Access> access_;       // by statement
  std::vector<std::string> vectors_; // by statement: the name of its vector
};

/// As many elements as the narrowest operand needs for a full access, but no
/// more than 64 bytes of the widest, nor than registers hold of all. Of few
/// elements no more than four: they take as long as one thread takes.
int64_t LoopEmitter::widestVector() const {
  int64_t least = kWidestAccess, most = 1, operands = 0;
  auto count = [&](Type type) {
    ++operands;
    least = std::min(least, storageBytes(type));
    most = std::max(most, storageBytes(type));
  };
  for (const Stmt &stmt : nest_.stmts)
    if (stmt.kind == Stmt::Kind::load && isIdentity(stmt.expr))
      count(stmt.type);
  for (const Store &store : stage_.stores)
    count(p_.outputType(store.output));
  int64_t lanes = kWidestAccess / least;
  while (lanes > 1 &&
         (lanes * most > 4 * kWidestAccess || lanes * operands > kMostElements))
    lanes /= 2;
  constexpr int64_t kFewPoints = int64_t(1) << 20, kLanesOfFew = 4;
  return nest_.numRows() < kFewPoints ? std::min(lanes, kLanesOfFew) : lanes;
}

/// Whether `expr` is the position in the order of the result.
bool LoopEmitter::isIdentity(AffineExpr expr) const {
  int64_t stride = 1;
  for (unsigned i = nest_.sizes.size(); i-- > 0; stride *= nest_.sizes[i])
    if (strideOf(expr, i) != stride)
      return false;
  return rangeOf(expr, nest_.sizes).first == 0;
}

bool LoopEmitter::hasVectors() {
  points_ = nest_.numRows();
  int64_t widest = widestVector(), last = nest_.sizes.back();
  lanes_ = widest;
  while (last % lanes_ != 0)
    lanes_ /= 2;
  // Short vectors along rows, but whole ones across them.
  if (2 * lanes_ < widest) {
    flat_ = true;
    lanes_ = widest;
  }
  return lanes_ > 1 && points_ >= lanes_;
}

/// The access of a statement where vectors cross rows.
Access LoopEmitter::flatAccess(const Stmt &stmt) const {
  auto varies = [&](AffineExpr expr) {
    for (unsigned i = 0; i < nest_.sizes.size(); ++i)
      if (expr.isFunctionOfDim(i))
        return true;
    return false;
  };
  if (llvm::any_of(stmt.guards, [&](auto &g) { return varies(g.expr); }))
    return Access::lane;
  if (stmt.expr && varies(stmt.expr))
    return stmt.kind == Stmt::Kind::load && isIdentity(stmt.expr)
               ? Access::vector
               : Access::lane;
  bool uniform = llvm::all_of(stmt.operands, [&](int operand) {
    return access_[operand] == Access::uniform;
  });
  return uniform ? Access::uniform : Access::lane;
}

void LoopEmitter::classify() {
  if (!flat_)
    access_ = classifyAccesses(nest_, nest_.sizes.size() - 1, lanes_);
  else
    for (const Stmt &stmt : nest_.stmts)
      access_.push_back(flatAccess(stmt));
  vectors_.resize(nest_.stmts.size());
  for (int id : stage_.rowBody) {
    if (access_[id] == Access::vector)
      vectors_[id] = p_.fresh(p_.input(nest_.stmts[id].input) + "_vector");
  }
}

/// Declares the position `i` of the first element of vector number `vector`,
/// and its indices where operands need them.
void LoopEmitter::declareIndices(StringRef vector) {
  p_.line("const " + p_.indexType() + " i = " + vector + " * " + Twine(lanes_) +
          ";");
  if (!flat_)
    p_.splitPosition(vector, 0, nest_.sizes, used_, lanes_);
}

std::string LoopEmitter::vectorLoad(int id) {
  const Stmt &stmt = nest_.stmts[id];
  std::string count = std::to_string(lanes_);
  bool identity = isIdentity(stmt.expr);
  std::string from = identity ? p_.input(stmt.input) + " + i"
                              : p_.address(p_.input(stmt.input), stmt.expr);
  std::string load = "weft::load_vector<" + count + ">(" + from + ")";
  if (hasTail())
    load = "weft::load_some<" + count + ">(" + from + ", " +
           std::to_string(points_) + " - i)";
  if (stmt.guards.empty())
    return load;
  return p_.condition(stmt.guards) + " ? " + load + " : weft::Vector<" +
         storageType(stmt.type) + ", " + count + ">{}";
}

void LoopEmitter::storeVectors(ArrayRef<std::string> names) {
  for (auto [store, name] : llvm::zip(stage_.stores, names)) {
    const std::string &y = p_.output(store.output);
    if (hasTail())
      p_.line("weft::store_some(" + y + " + i, " + name + ", " +
              Twine(points_) + " - i);");
    else
      p_.line("weft::store_vector(" + y + " + i, " + name + ");");
  }
}

/// The elements of a vector, one after the other.
void LoopEmitter::printLanes() {
  std::vector<std::string> results;
  for (const Store &store : stage_.stores) {
    results.push_back(p_.fresh(p_.output(store.output) + "_vector"));
    p_.line("weft::Vector<" + storageType(p_.outputType(store.output)) + ", " +
            Twine(lanes_) + "> " + results.back() + ";");
  }
  p_.line("#pragma unroll");
  p_.open("for (int k = 0; k < " + Twine(lanes_) + "; ++k)");
  const std::string lastDim = p_.dims.back();
  bool needsIndices = llvm::any_of(stage_.rowBody, [&](int id) {
    const Stmt &stmt = nest_.stmts[id];
    return access_[id] == Access::lane && (stmt.expr || !stmt.guards.empty());
  });
  if (flat_ && needsIndices) {
    // Elements beyond the end are computed from the last and never stored.
    p_.line("const " + p_.indexType() + " element = " +
            (hasTail() ? "i + k < " + std::to_string(points_) +
                             " ? i + k : " + std::to_string(points_ - 1)
                       : "i + k") +
            ";");
    p_.splitPosition("element", 0, nest_.sizes, used_);
  } else if (!flat_) {
    p_.dims.back() = "(" + lastDim + " + k)";
  }
  for (int id : stage_.rowBody) {
    if (access_[id] == Access::lane) {
      p_.define(id);
    } else if (access_[id] == Access::vector) {
      p_.defineAs(id, vectors_[id] + "[k]");
    }
  }
  for (auto [store, name] : llvm::zip(stage_.stores, results))
    p_.narrow(store, name + "[k]");
  p_.close();
  p_.dims.back() = lastDim;
  storeVectors(results);
}

CudaKernel LoopEmitter::emit() {
  for (unsigned i = 0; i < p_.dims.size(); ++i)
    p_.dims[i] = "i" + std::to_string(i); // `i` is the vector's position
  classify();
  // Vectors at the position of the result need no indices; elements under
  // guards do.
  used_ = p_.usedDims([&](AffineExpr expr) {
    return isIdentity(expr) && llvm::none_of(stage_.rowBody, [&](int id) {
             return access_[id] == Access::lane && nest_.stmts[id].expr == expr;
           });
  });
  int64_t vectors = llvm::divideCeil(points_, lanes_);
  int64_t threads = blockSize(vectors);
  p_.line("const " + p_.indexType() + " vector = " + p_.globalThread(threads) +
          ";");
  p_.line("if (vector >= " + Twine(vectors) + ")");
  p_.line("  return;");
  declareIndices("vector");
  // All loads first, so that they are in flight together.
  for (int id : stage_.rowBody)
    if (access_[id] == Access::vector)
      p_.line("const auto " + vectors_[id] + " = " + vectorLoad(id) + ";");
  for (int id : stage_.rowBody)
    if (access_[id] == Access::uniform)
      p_.define(id);
  printLanes();
  return p_.take(llvm::divideCeil(vectors, threads), threads);
}

} // namespace

CudaKernel emitLoop(ir::GroupOp group, const LoopNest &nest) {
  if (nest.numRows() == 0)
    return emitGeneral(group, nest);
  if (std::optional<CudaKernel> kernel = emitTranspose(group, nest))
    return *kernel;
  LoopEmitter emitter(group, nest);
  return emitter.hasVectors() ? emitter.emit() : emitGeneral(group, nest);
}

} // namespace weft::cuda
