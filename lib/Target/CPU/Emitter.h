// SPDX-License-Identifier: Apache-2.0
// Builds the function of a kernel from a scheduled nest: scf loops around
// arith, math and vector ops, memory through LLVM pointers.
#pragma once

#include "Schedule.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

#include <map>

namespace weft::cpu {

/// What the arguments of a kernel are: tensors or builtin scalars, then
/// results.
struct Signature {
  std::string name;
  llvm::SmallVector<mlir::Type> inputs, outputs;
};

class Emitter {
public:
  Emitter(mlir::OpBuilder &builder, const Schedule &schedule,
          const Signature &signature)
      : b_(builder), loc_(builder.getUnknownLoc()), s_(schedule),
        nest_(schedule.nest), signature_(signature),
        elements_(b_, loc_, schedule.features) {}

  /// Adds the function at the builder's insertion point.
  void emit();

private:
  using Value = mlir::Value;
  using Values = llvm::SmallVector<Value>;
  /// Steps from the current loop indices, in elements, for every dim.
  using Point = llvm::SmallVector<int64_t, 6>;

  /// Values of statements by the point they belong to; only the dims that they
  /// vary with count, so what points share is computed once.
  struct Scope {
    const Scope *outer = nullptr;
    std::map<std::pair<int, Point>, Value> values;
  };
  /// A loop index: a constant where `value` is null.
  struct LoopIndex {
    Value value;
    int64_t constant = 0;
  };
  /// Conjunction of guards: one bit for all lanes, one for each; null: true.
  struct Condition {
    Value all, lanes;
    bool isNever = false;
  };
  /// One accumulator of a tile's point; `part` tells those of an unrolled loop
  /// apart, `isRest` marks the scalar one for what fills no vector.
  struct Slot {
    const Accumulator *accumulator;
    Point row;
    int64_t part = 0;
    bool isRest = false;
  };

  // ---- loops (Emitter.cpp)
  void loadArguments(Value pointers);
  void emitUnit(Value unit);
  void emitDim(unsigned dim, Value low, Value high);
  void emitPiece(unsigned dim, LoopIndex index, int64_t count, int64_t width,
                 unsigned next);
  void emitRest(unsigned dim, int64_t begin, unsigned next);
  void evaluateFixed(unsigned dim, Scope &scope);
  void emitTile();
  Values loop(Value low, Value high, int64_t step, Values state,
              llvm::function_ref<Values(Value, Values)> body);
  llvm::SmallVector<Point> rowPoints() const;
  Value number(int64_t value);

  // ---- stages (Stages.cpp)
  void emitInner(const Stage &stage, Scope &scope);
  Values emitInnerDim(const Stage &stage, unsigned level, Values state,
                      const Scope &outer);
  Values emitLanesDim(const Stage &stage, unsigned level, Values state,
                      const Scope &outer);
  Values emitBody(const Stage &stage, int64_t parts, Values state,
                  const Scope &outer);
  Values emitSteps(unsigned level, int64_t end, int64_t step, Values state,
                   llvm::function_ref<Values(Value, Values)> body);
  Values emitBlock(unsigned level, Values totals,
                   llvm::function_ref<Values(Values)> body);
  void chooseBlocks(const Stage &stage);
  int64_t mostSteps(const Accumulator &accumulator) const;
  int64_t stepsOf(unsigned level) const;
  void forSums(llvm::function_ref<void(size_t, const Slot &)> visit) const;
  Value toF64(Value sum);
  Value toF32(Value total);
  void makeSlots(const Stage &stage);
  int64_t lanesOf(const Slot &slot) const;
  Value position(const Slot &slot, const Point &point);
  Values identity(const Slot &slot);
  Values combine(const Accumulator &accumulator, Values x, Values y,
                 bool inOrder);
  Values foldLanes(const Accumulator &accumulator, Values x);
  void finish(const Stage &stage, Values state, Scope &scope);
  bool isInRange(const Slot &slot, int64_t parts) const;

  // ---- statements (Statements.cpp)
  void evaluate(int id, const Point &point, Scope &scope);
  Value compute(int id, const Point &point, const Scope &scope);
  Value valueOf(int id, const Point &point, const Scope &scope) const;
  std::pair<int, Point> keyOf(int id, const Point &point) const;
  Value constantOf(const Stmt &stmt);
  Value load(const Stmt &stmt, const Point &point);
  Value loadOfPair(const Stmt &stmt, const Point &point);
  void storePair(const Store &store, const Point &point, const Scope &scope);
  void prefetch(Value address, const Point &point, int64_t bytes);
  Value loadRaw(const Stmt &stmt, const Point &point, mlir::Type element);
  Value gather(const Stmt &stmt, const Point &point, mlir::Type element,
               const Condition &valid);
  Value laneMask(const Condition &valid, unsigned bytes);
  void store(const Store &store, const Point &point, const Scope &scope);
  void storeTurned(const Store &store, const Point &point, const Scope &scope);
  void storeVector(Value vector, Value where, unsigned elementBytes,
                   bool isAligned, bool bypassesCache);
  Values turned(Values rows);
  Value address(Value base, mlir::Type element, mlir::AffineExpr expr,
                const Point &point, Value condition);

  // ---- indices and guards (Indices.cpp)
  Value scalarIndex(mlir::AffineExpr expr, const Point &point,
                    int64_t &constant);
  Value scalarIndex(mlir::AffineExpr expr, const Point &point);
  Value laneIndex(mlir::AffineExpr expr, const Point &point, mlir::Type type);
  Value divide(mlir::AffineExpr expr, Value numerator);
  Condition condition(llvm::ArrayRef<Guard> guards, const Point &point);
  Value withinBounds(Value index, const Guard &guard);
  Value both(Value x, Value y);
  mlir::Type laneIndexType(mlir::AffineExpr expr);
  Lanes lanes() const { return {s_.lanes.dim, width_}; }
  Point lanePoint(const Point &point, int64_t lane) const;
  /// Whether the tile being built is turned: all but the rest of the two dims.
  bool isTurned() const {
    return s_.turnedDim >= 0 && width_ == s_.lanes.count &&
           counts_[s_.turnedDim] == width_;
  }
  /// Whether the code being built works on pairs (see Schedule): all but the
  /// rest of a dim that fills no tile.
  bool isPaired() const {
    return s_.pairs && width_ == s_.lanes.count &&
           counts_[s_.lanes.dim] == s_.tile[s_.lanes.dim];
  }
  bool variesWithLanes(int id) const {
    return width_ > 1 && (s_.varies[id] >> s_.lanes.dim & 1);
  }
  DType typeOf(int id) const { return ir::toDType(nest_.stmts[id].type); }
  ScalarBuilder ops(DType dtype) { return {b_, loc_, dtype}; }

  mlir::OpBuilder &b_;
  mlir::Location loc_;
  const Schedule &s_;
  const LoopNest &nest_;
  const Signature &signature_;
  Elements elements_;

  Values inputs_, outputs_;              // pointers; scalars by value
  llvm::SmallVector<LoopIndex> indices_; // of the loops around
  llvm::SmallVector<int64_t> counts_;    // of the tile, for each parallel dim
  const Scope *around_ = nullptr;        // values known outside of the tile
  int64_t width_ = 1;                    // lanes of the code being built
  std::vector<Slot> slots_;              // of the stage being built
  /// The inner loop that adds its sums in blocks of so many steps; 0: none.
  unsigned blockLevel_ = 0;
  int64_t blockSteps_ = 0;
  llvm::SmallVector<unsigned> depth_; // of each dim's loop
};

} // namespace weft::cpu
