// SPDX-License-Identifier: Apache-2.0
#include "Lanes.h"

#include "Contraction.h"

using namespace mlir;
using llvm::Twine;

namespace weft::cuda {

LanePrinter::LanePrinter(KernelPrinter &p, unsigned dim, int64_t lanes)
    : p_(p), dim_(dim), lanes_(lanes), dimName_(p.dims[dim]),
      access_(classifyAccesses(p.nest(), dim, lanes, Access::lane)),
      vectors_(p.nest().stmts.size()) {}

int64_t LanePrinter::widest(const KernelPrinter &p, unsigned dim,
                            int64_t most) {
  const LoopNest &nest = p.nest();
  int64_t lanes = most;
  for (const Stage &stage : nest.stages)
    for (const Store &store : stage.stores) {
      int64_t bytes = storageBytes(p.outputType(store.output));
      while (lanes > 1 && (nest.sizes[dim] % lanes != 0 ||
                           !isVectorAccess(store.offset, dim, lanes, bytes)))
        lanes /= 2;
    }
  return lanes;
}

void LanePrinter::defineOutside(ArrayRef<int> stmts) {
  for (int id : stmts) {
    const Stmt &stmt = p_.nest().stmts[id];
    if (access_[id] != Access::vector)
      continue;
    vectors_[id] = p_.fresh(p_.input(stmt.input) + "_vector");
    auto place = loadPlaces_.find(id);
    p_.line("const auto " + vectors_[id] + " = " +
            (place == loadPlaces_.end()
                 ? p_.loadedVector(id, lanes_)
                 : "weft::load_vector<" + std::to_string(lanes_) + ">(" +
                       place->second + ")") +
            ";");
  }
  for (int id : stmts)
    if (access_[id] == Access::uniform)
      p_.define(id);
}

void LanePrinter::open() {
  p_.openLoop("k", lanes_, /*unrolled=*/true);
  p_.dims[dim_] = "(" + dimName_ + " + k)";
}

void LanePrinter::defineInside(ArrayRef<int> stmts) {
  for (int id : stmts)
    if (access_[id] == Access::vector)
      p_.defineAs(id, vectors_[id] + "[k]");
    else if (access_[id] == Access::lane)
      p_.define(id);
}

void LanePrinter::close() {
  p_.close();
  p_.dims[dim_] = dimName_;
}

void LanePrinter::declare(ArrayRef<const Store *> stores) {
  results_.clear();
  for (const Store *store : stores) {
    results_.push_back(p_.fresh(p_.output(store->output) + "_vector"));
    p_.line("weft::Vector<" + storageType(p_.outputType(store->output)) + ", " +
            Twine(lanes_) + "> " + results_.back() + ";");
  }
}

void LanePrinter::fill(ArrayRef<const Store *> stores) {
  for (auto [store, name] : llvm::zip(stores, results_))
    p_.narrow(*store, name + "[k]");
}

void LanePrinter::store(ArrayRef<const Store *> stores) {
  for (auto [store, name] : llvm::zip(stores, results_)) {
    auto place = storePlaces_.find(store);
    p_.line("weft::store_vector(" +
            (place == storePlaces_.end()
                 ? p_.address(p_.output(store->output), store->offset)
                 : place->second) +
            ", " + name + ");");
  }
}

/// What `stores` need.
static std::vector<int> stmtsOf(const LoopNest &nest,
                                ArrayRef<const Store *> stores) {
  std::vector<int> values;
  for (const Store *store : stores)
    values.push_back(store->value);
  return closure(nest, values);
}

void LanePrinter::printTurns(int64_t count, ArrayRef<const Store *> stores,
                             llvm::function_ref<int()> open,
                             llvm::function_ref<void()> print) {
  std::vector<int> loads;
  for (int id : stmtsOf(p_.nest(), stores))
    if (access_[id] == Access::vector)
      loads.push_back(id);
  int64_t together = 4;
  while (count % together != 0)
    --together;
  p_.open("for (int turn = 0; turn < " + Twine(count) +
          "; turn += " + Twine(together) + ")");
  p_.printTurns(together, loads, lanes_, open, print);
  p_.close();
}

void LanePrinter::storeAll(ArrayRef<const Store *> stores,
                           llvm::function_ref<void()> finish) {
  std::vector<int> stmts = stmtsOf(p_.nest(), stores);
  defineOutside(stmts);
  declare(stores);
  open();
  finish();
  defineInside(stmts);
  fill(stores);
  close();
  store(stores);
}

SmallVector<const Store *> storesOf(const LoopNest &nest) {
  SmallVector<const Store *> stores;
  for (const Stage &stage : nest.stages)
    for (const Store &store : stage.stores)
      stores.push_back(&store);
  return stores;
}

} // namespace weft::cuda
