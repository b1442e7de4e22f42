// SPDX-License-Identifier: Apache-2.0
// Prints the statements of a loop nest as CUDA C++. The schedules print the
// loops around them.
#pragma once

#include "weft/Target/CUDA/Emit.h"
#include "weft/Target/LoopNest.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallBitVector.h"
#include "llvm/ADT/StringSet.h"

#include <optional>
#include <string>
#include <vector>

namespace weft::cuda {

/// The type of an element in memory, and in registers.
std::string storageType(mlir::Type type);
std::string computeType(mlir::Type type);
/// Bytes of an element in memory.
int64_t storageBytes(mlir::Type type);
/// A number of compute type `type`.
std::string literal(mlir::Type type, double value);
std::string literal(mlir::Type type, int64_t value);

/// Names from what the group computes: of the kernel, its inputs and outputs.
struct GroupNames {
  std::string kernel;
  std::string ops; // for the comment above the kernel
  std::vector<std::string> inputs, outputs;
};
GroupNames nameGroup(ir::GroupOp group);

class KernelPrinter {
public:
  KernelPrinter(ir::GroupOp group, const LoopNest &nest);

  const LoopNest &nest() const { return *nest_; }
  /// From here on statements are those of `nest`: a pair of products has two.
  void enter(const LoopNest &nest);

  // ---- text -------------------------------------------------------------
  void line(const llvm::Twine &text);
  void open(const llvm::Twine &head); // `head {` or `{`, and indents
  void close(llvm::StringRef behind = "");
  /// `for (int name = 0; name < count; ++name) {`, unrolled if wanted.
  void openLoop(llvm::StringRef name, int64_t count, bool unrolled);
  void comment(const llvm::Twine &text) { line("// " + text); }

  // ---- names --------------------------------------------------------------
  /// `base`, or `base2`, ...: a name that nothing else has.
  std::string fresh(llvm::StringRef base);
  const std::string &input(unsigned i) const { return names_.inputs[i]; }
  const std::string &output(unsigned i) const { return names_.outputs[i]; }
  /// A further parameter: `base`, or `base2`, ...
  std::string addTensorMap(llvm::StringRef base, TensorMap map);
  /// What one thread does while the kernel before still runs: has all maps
  /// fetched, whose way from memory is as long as that of a tile.
  void fetchTensorMaps();
  mlir::Type inputType(unsigned i) const;
  mlir::Type outputType(unsigned i) const;
  /// Whether an input, or else a result, shares its memory with another tensor.
  bool isInPlace(unsigned number, bool isInput) const;

  // ---- indices ------------------------------------------------------------
  /// How each loop dim is written: a name or something in parentheses.
  std::vector<std::string> dims;
  /// `int`, or `long long` where an offset may not fit.
  llvm::StringRef indexType() const { return wide_ ? "long long" : "int"; }
  std::string index(mlir::AffineExpr expr) const;
  std::string condition(llvm::ArrayRef<Guard> guards) const;
  /// Declares dims [first, first + sizes.size()) from the row-major position
  /// `position`, in which the last dim counts steps of `step` elements. Dims
  /// that are not in `used` are left out.
  void splitPosition(llvm::StringRef position, unsigned first,
                     llvm::ArrayRef<int64_t> sizes,
                     const llvm::SmallBitVector &used, int64_t step = 1);
  /// The same for dims that are no neighbours.
  void splitDims(llvm::StringRef position, llvm::ArrayRef<unsigned> which,
                 const llvm::SmallBitVector &used, int64_t step = 1);
  /// The dims that the nest's expressions use, but for the addresses of
  /// elements that `skip` says.
  llvm::SmallBitVector
  usedDims(llvm::function_ref<bool(mlir::AffineExpr)> skip = nullptr) const;
  /// The number of this thread's block times `perBlock`, plus the thread's.
  std::string globalThread(int64_t perBlock) const;

  // ---- statements ---------------------------------------------------------
  /// Guarded loads read element 0 where their guards fail, so that they need no
  /// branch: worth it where several can be in flight.
  bool loadsOutside = false;
  /// Declares the value of a statement.
  void define(int stmt);
  void define(llvm::ArrayRef<int> stmts) {
    for (int stmt : stmts)
      define(stmt);
  }
  const std::string &value(int stmt) const { return values_[stmt]; }
  void setValue(int stmt, std::string text) { values_[stmt] = std::move(text); }
  /// Divisions by this statement go through a reciprocal, computed here.
  void declareDivisor(int stmt);
  /// The element that a load reads, widened: `weft::widen(x[i])`.
  std::string loaded(int stmt) const;
  /// `lanes` neighbours that a load reads at once; zeros where its guards fail.
  std::string loadedVector(int stmt, int64_t lanes) const;
  /// `offset` of input or output as a pointer: `x + 4 * i`.
  std::string address(llvm::StringRef buffer, mlir::AffineExpr offset) const;
  void store(const Store &store);
  /// Declares the value of a load whose element is at hand: `x_vector[k]`.
  void defineAs(int stmt, const std::string &element);
  /// Rounds what `store` stores into `element`; copies what is only moved.
  void narrow(const Store &store, llvm::StringRef element);
  std::string nameOf(int stmt); // a fresh name for its value

  /// `count` turns of a thread, written out one after the other, each of which
  /// stores results. `open` prints where turn `u` works and returns how many
  /// scopes it has opened, `print` what it computes and stores. Where a result
  /// is written over an operand, the compiler cannot have loads of one turn
  /// pass the stores of another: these of `loads` come before all stores, as
  /// vectors of `lanes` elements (0: single ones).
  void printTurns(int64_t count, llvm::ArrayRef<int> loads, int64_t lanes,
                  llvm::function_ref<int()> open,
                  llvm::function_ref<void()> print);

  // ---- accumulators -------------------------------------------------------
  std::string accumulatorType(const Accumulator &accumulator) const;
  std::string identity(const Accumulator &accumulator) const;
  /// The functor of the prelude that combines two values: `weft::Sum`.
  static llvm::StringRef functor(OpKind op);
  /// Declares the accumulator as `name`, holding the identity.
  void declare(const Accumulator &accumulator, llvm::StringRef name);
  /// name = combine(name, value of the accumulator's statement).
  void combine(const Accumulator &accumulator, llvm::StringRef name);
  /// Makes `name` the value of the accumulator's result.
  void finish(const Accumulator &accumulator, llvm::StringRef name);

  /// A thread may have as many registers as it wants. Else the assembler spills
  /// a few where one more block fits a multiprocessor then.
  bool avoidsSpills = false;
  /// Of the kernel, behind WEFT_GLOBAL.
  std::string attributes;
  /// The whole kernel around what was printed.
  CudaKernel take(int64_t blocks, int64_t threads);
  CudaKernel take(llvm::ArrayRef<int64_t> grid, int64_t threads);

private:
  mlir::Type accumulated(const Accumulator &accumulator) const {
    return nest_->stmts[accumulator.value].type;
  }
  static std::string widened(mlir::Type type, llvm::StringRef element);
  std::string index(mlir::AffineExpr expr, bool asFactor) const;
  void defineGuardedLoad(int stmt);
  void findFinalCasts();
  void nameDims();
  bool fitsInt(mlir::AffineExpr expr) const;
  bool needsWideIndices() const;
  std::string parameters() const;

  mutable ir::GroupOp group_; // its accessors are not const
  const LoopNest *nest_;
  GroupNames names_;
  llvm::StringSet<> taken_;
  std::vector<TensorMap> tensorMaps_;
  std::vector<std::string> mapNames_;
  std::vector<std::string> values_;
  std::vector<std::string> ahead_;    // by statement: what is loaded already
  std::vector<std::string> elements_; // of loads: as they lie in memory
  std::vector<std::string> divisors_; // by statement: what divides by it
  llvm::SmallBitVector finalCasts_;   // casts that the store after them makes
  std::string text_;
  int indent_ = 1;
  bool wide_ = false;
};

/// Threads of a block where `threads` in all do not work together: few enough
/// that small tensors reach every multiprocessor.
int64_t blockSize(int64_t threads);

/// A thread for each point of the parallel dims, plain loops inside: whatever
/// no other schedule takes.
CudaKernel emitGeneral(ir::GroupOp group, const LoopNest &nest);
/// One pass over a space without reductions, in 16-byte accesses.
CudaKernel emitLoop(ir::GroupOp group, const LoopNest &nest);
/// One pass in which operands in another order go through shared memory.
/// Nothing if there are none.
std::optional<CudaKernel> emitTranspose(ir::GroupOp group,
                                        const LoopNest &nest);
/// A sum of products of two operands that vary along different dims (matmul,
/// conv): tiles in shared memory. Nothing if the nest is none.
std::optional<CudaKernel> emitTiles(ir::GroupOp group, const LoopNest &nest);
/// Short reductions of vectors: pooling with channels last, in the `tile` of
/// that name or the one that should be fastest. Nothing if the operands are no
/// neighbours in memory.
std::optional<CudaKernel> emitWindow(ir::GroupOp group, const LoopNest &nest,
                                     llvm::StringRef tile);
/// Reductions, a team of threads to a row: neighbouring threads share a row,
/// or, for `columns`, take neighbouring ones.
CudaKernel emitTeams(ir::GroupOp group, const LoopNest &nest, bool columns);

} // namespace weft::cuda
