// SPDX-License-Identifier: Apache-2.0
// Short sums, or other reductions, whose operands are neighbours in memory for
// neighbouring results: pooling and depthwise convolution with channels last. A
// thread computes some neighbouring results and moves their elements 16 bytes
// at once.
#include "Contraction.h"
#include "Lanes.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

namespace {

constexpr int64_t kThreads = 128;
/// Taps that are written out one after the other.
constexpr int64_t kUnrolled = 9;

class WindowEmitter {
public:
  WindowEmitter(ir::GroupOp group, const LoopNest &nest)
      : nest_(nest), p_(group, nest), last_(nest.numParallel - 1),
        lanes_(p_, last_, LanePrinter::widest(p_, last_, 8)) {}

  bool matches() const;
  CudaKernel emit();

private:
  void printStage(const Stage &stage);
  void printTaps(const Stage &stage, ArrayRef<std::string> names);

  const LoopNest &nest_;
  KernelPrinter p_;
  unsigned last_;
  LanePrinter lanes_;
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

void WindowEmitter::printTaps(const Stage &stage, ArrayRef<std::string> names) {
  std::vector<int> all(stage.rowBody);
  all.insert(all.end(), stage.body.begin(), stage.body.end());
  std::vector<int> stmts = neededOf(nest_, all, valuesOf(stage));
  std::vector<int> rows = neededOf(nest_, stage.rowBody, stmts),
                   taps = neededOf(nest_, stage.body, stmts);
  lanes_.defineOutside(rows);
  bool unrolled = nest_.numInnerPoints() <= kUnrolled;
  for (unsigned i = nest_.numParallel; i < nest_.sizes.size(); ++i)
    p_.openLoop(p_.dims[i], nest_.sizes[i], unrolled);
  lanes_.defineOutside(taps);
  lanes_.open();
  lanes_.defineInside(stmts);
  for (auto [accumulator, name] : llvm::zip(stage.accumulators, names))
    p_.combine(accumulator, name + "[k]");
  lanes_.close();
  for (unsigned i = nest_.numParallel; i < nest_.sizes.size(); ++i)
    p_.close();
}

void WindowEmitter::printStage(const Stage &stage) {
  if (!stage.inner) {
    SmallVector<const Store *> stores;
    for (const Store &store : stage.stores)
      stores.push_back(&store);
    lanes_.storeAll(stores, [] {});
    return;
  }
  std::vector<std::string> names;
  for (const Accumulator &accumulator : stage.accumulators) {
    names.push_back(p_.fresh(
        StringRef(name(accumulator.op).data(), name(accumulator.op).size())));
    p_.line(p_.accumulatorType(accumulator) + " " + names.back() + "[" +
            Twine(lanes_.count()) + "];");
    p_.openLoop("k", lanes_.count(), /*unrolled=*/true);
    p_.line(names.back() + "[k] = " + p_.identity(accumulator) + ";");
    p_.close();
  }
  printTaps(stage, names);
  for (auto [accumulator, name] : llvm::zip(stage.accumulators, names))
    p_.finish(accumulator, name + "[k]");
}

CudaKernel WindowEmitter::emit() {
  int64_t vectors = nest_.numRows() / lanes_.count();
  p_.line("const " + p_.indexType() + " vector = " + p_.globalThread(kThreads) +
          ";");
  p_.line("if (vector >= " + Twine(vectors) + ")");
  p_.line("  return;");
  p_.splitPosition("vector", 0, nest_.parallelSizes(), p_.usedDims(),
                   lanes_.count());
  p_.line("weft::follow_previous();");
  for (const Stage &stage : nest_.stages)
    printStage(stage);
  return p_.take(llvm::divideCeil(vectors, kThreads), kThreads);
}

} // namespace

std::optional<CudaKernel> emitWindow(ir::GroupOp group, const LoopNest &nest) {
  if (nest.numRows() == 0)
    return std::nullopt;
  WindowEmitter emitter(group, nest);
  if (!emitter.matches())
    return std::nullopt;
  return emitter.emit();
}

} // namespace weft::cuda
