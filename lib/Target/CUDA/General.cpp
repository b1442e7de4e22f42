// SPDX-License-Identifier: Apache-2.0
// The schedule that takes every nest: a thread for each point of the parallel
// dims, with plain loops inside.
#include "KernelPrinter.h"

using namespace mlir;

namespace weft::cuda {

int64_t blockSize(int64_t threads) {
  constexpr int64_t least = 64, most = 256;
  constexpr int64_t multiprocessors = 132; // of a large GPU
  int64_t size = most;
  while (size > least && threads < size * multiprocessors)
    size /= 2;
  return size;
}

static void emitStage(KernelPrinter &p, const Stage &stage) {
  const LoopNest &nest = p.nest();
  p.define(stage.rowBody);
  if (!stage.inner) {
    for (const Store &store : stage.stores)
      p.store(store);
    return;
  }
  std::vector<std::string> names;
  for (const Accumulator &accumulator : stage.accumulators) {
    names.push_back(p.fresh(
        StringRef(name(accumulator.op).data(), name(accumulator.op).size())));
    p.declare(accumulator, names.back());
  }
  for (unsigned i = nest.numParallel; i < nest.sizes.size(); ++i)
    p.openLoop(p.dims[i], nest.sizes[i], /*unrolled=*/false);
  p.define(stage.body);
  for (auto [accumulator, name] : llvm::zip(stage.accumulators, names))
    p.combine(accumulator, name);
  for (const Store &store : stage.stores)
    p.store(store);
  for (unsigned i = nest.numParallel; i < nest.sizes.size(); ++i)
    p.close();
  for (auto [accumulator, name] : llvm::zip(stage.accumulators, names))
    p.finish(accumulator, name);
}

CudaKernel emitGeneral(ir::GroupOp group, const LoopNest &nest) {
  KernelPrinter p(group, nest);
  int64_t rows = nest.numRows();
  if (rows == 0)
    return p.take(1, 32);
  int64_t threads = blockSize(rows);
  p.line("const " + p.indexType() + " point = " + p.globalThread(threads) +
         ";");
  p.line("if (point >= " + Twine(rows) + ")");
  p.line("  return;");
  p.splitPosition("point", 0, nest.parallelSizes(), p.usedDims());
  for (const Stage &stage : nest.stages)
    emitStage(p, stage);
  return p.take(llvm::divideCeil(rows, threads), threads);
}

} // namespace weft::cuda
