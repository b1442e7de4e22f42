// SPDX-License-Identifier: Apache-2.0
// Prints statements for several neighbouring points at once, in one thread.
#pragma once

#include "KernelPrinter.h"
#include "Vectors.h"

#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace weft::cuda {

/// The stores of all stages.
llvm::SmallVector<const Store *> storesOf(const LoopNest &nest);

/// The points are `lanes` neighbours along `dim`, from the one that the
/// printer's dims name. Results of reductions differ from lane to lane.
class LanePrinter {
public:
  LanePrinter(KernelPrinter &p, unsigned dim, int64_t lanes);

  /// The most lanes, up to `most`, that every store of the nest can write at
  /// once; 1 if neighbours along `dim` are none in memory.
  static int64_t widest(const KernelPrinter &p, unsigned dim, int64_t most);

  int64_t count() const { return lanes_; }
  Access access(int stmt) const { return access_[stmt]; }

  /// Lets the vector of a load be read, or that of a store be written, at
  /// `place` instead of where it lies in memory.
  void keepLoadAt(int stmt, std::string place) {
    loadPlaces_[stmt] = std::move(place);
  }
  void keepStoreAt(const Store *store, std::string place) {
    storePlaces_[store] = std::move(place);
  }

  /// Defines those of `stmts` that are the same in all lanes, and loads the
  /// vectors of those that are neighbours in memory.
  void defineOutside(llvm::ArrayRef<int> stmts);
  /// The vector of a load that is at hand, in place of one loaded outside.
  void setVector(int stmt, std::string vector) {
    vectors_[stmt] = std::move(vector);
  }
  /// The loop over the lanes, k; inside, statements have values of lane k.
  void open();
  void defineInside(llvm::ArrayRef<int> stmts);
  void close();

  /// Vectors for what is stored: declared before the loop, filled in it, and
  /// stored behind it.
  void declare(llvm::ArrayRef<const Store *> stores);
  void fill(llvm::ArrayRef<const Store *> stores);
  void store(llvm::ArrayRef<const Store *> stores);

  /// All of that for `stores`: computes what they store and stores it. `finish`
  /// prints, within the loop, what gives results of reductions their values.
  void storeAll(llvm::ArrayRef<const Store *> stores,
                llvm::function_ref<void()> finish);

  /// A loop of `count` turns, up to four at a time as KernelPrinter::printTurns
  /// prints them: the turn is `turn + u`.
  void printTurns(int64_t count, llvm::ArrayRef<const Store *> stores,
                  llvm::function_ref<int()> open,
                  llvm::function_ref<void()> print);

private:
  KernelPrinter &p_;
  unsigned dim_;
  int64_t lanes_;
  std::string dimName_;
  std::vector<Access> access_;
  std::vector<std::string> vectors_; // by statement
  std::vector<std::string> results_; // by store
  llvm::DenseMap<int, std::string> loadPlaces_;
  llvm::DenseMap<const Store *, std::string> storePlaces_;
};

} // namespace weft::cuda
