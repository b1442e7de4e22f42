// SPDX-License-Identifier: Apache-2.0
// Random graphs for tests: any op, any type, sizes 0, 1 and odd ones, and the
// patterns that passes look for.
#pragma once

#include "Draw.h"

#include "weft/IR/Dialect.h"
#include "weft/Target/Reference/Interpreter.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/OwningOpRef.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace weft::random {

/// What most ops of a graph are: some mistakes need several of a kind in a row.
/// Sums: a graph begins with one of two products.
enum class Focus { none, moves, windows, sums };

struct GraphOptions {
  int minOps = 3, maxOps = 25;
  int64_t maxElements = 2048; // of a value
  int64_t maxWork = 200000;   // multiplications of a conv or matmul
  bool hasLargeSizes = false;
  Focus focus = Focus::none;
};
/// Small graphs but for one in sixteen (or all, if told), whose values are
/// large enough for the schedules that small ones never get. One in eight has
/// mostly moves of elements, one in eight mostly products and windows, and one
/// in 32 begins with a sum of products.
GraphOptions optionsOf(uint64_t seed, bool large);

/// A verified module with one function `@main`, the same for the same seed.
/// Some arguments are parameters (`weft.parameter`, `weft.name`), some are
/// numbers of builtin scalar type.
mlir::OwningOpRef<mlir::ModuleOp> randomGraph(mlir::MLIRContext *context,
                                              uint64_t seed,
                                              const GraphOptions &options);
/// Values for its arguments. One graph in eight gets NaN, infinities, -0 and
/// the extremes of integers among them.
reference::Arguments randomArguments(mlir::ModuleOp module, uint64_t seed);

/// Adds ops to the body of a function, one draw at a time. Attempts that a
/// shape rule refuses add nothing.
class GraphBuilder {
public:
  GraphBuilder(mlir::func::FuncOp main, Draw &draw,
               const GraphOptions &options);

  void addSomething();
  /// Returns what nothing reads, and now and then something else.
  void finish();
  int numOps() const { return numOps_; }

private:
  using Value = mlir::Value;
  using MaybeValue = std::optional<mlir::Value>;

  // Elementwise.cpp
  MaybeValue unary();
  MaybeValue binary();
  MaybeValue where();
  MaybeValue logic();
  MaybeValue cast();
  Value row(OpKind kind, mlir::ValueRange operands);

  // Moves.cpp
  MaybeValue broadcast();
  MaybeValue reshape();
  MaybeValue transpose();
  MaybeValue slice();
  MaybeValue resample();
  MaybeValue concatenate();
  MaybeValue iota();
  MaybeValue asStrided();
  MaybeValue rolls();
  MaybeValue partsOfNothing();
  MaybeValue constant();
  MaybeValue splat();

  // Reductions.cpp
  MaybeValue reduction();
  MaybeValue argReduction();
  MaybeValue softmax();
  MaybeValue batchNorm();
  MaybeValue layerNorm();
  MaybeValue batchNorm(Value x);

  // Windows.cpp
  MaybeValue matmul();
  MaybeValue linear();
  MaybeValue attention();
  MaybeValue conv();
  MaybeValue convBlock();
  MaybeValue stem();
  MaybeValue maxpool();
  MaybeValue maxpool(Value x);
  MaybeValue avgpool();
  MaybeValue residual();
  Value sumOfProducts();
  Value rowsByMatrix(DType dtype, int64_t rows, int64_t columns);
  Value pixelsByMatrix(DType dtype, const Shape &result);
  MaybeValue conv(Value x, int64_t outputs);

  // What all of them use.
  DType dtypeOf(Value x) const { return ir::elementDType(x); }
  Shape shapeOf(Value x) const { return ir::toShape(x.getType()); }
  mlir::RankedTensorType type(DType dtype, const Shape &shape) const {
    return ir::toTensorType(builder_.getContext(), dtype, shape);
  }
  template <typename Op, typename... Args> Value create(Args &&...args) {
    ++numOps_;
    return builder_.create<Op>(builder_.getUnknownLoc(),
                               std::forward<Args>(args)...);
  }
  bool fits(const Shape &shape) const;
  DType someDType();
  DType someFloat();
  int64_t someSize();
  Shape someShape(int minRank, int maxRank);
  /// A new argument of @main; parameters are named p0, p1, ...
  Value argument(DType dtype, const Shape &shape, bool isParameter);
  Value parameter(DType dtype, const Shape &shape) {
    return argument(dtype, shape, /*isParameter=*/true);
  }
  /// A value so far, or now and then a new argument.
  Value some();
  /// A value so far that `wanted` accepts, or a new argument of such a type.
  template <typename Wanted>
  Value someOf(Wanted wanted, DType dtype, const Shape &shape);
  Value someFloating(int minRank, int maxRank);
  /// `x` repeated to `shape` if it is not of that shape already.
  Value expand(Value x, const Shape &shape);
  /// A splat constant.
  Value number(DType dtype, const Shape &shape, double value);
  /// A number of the caller in every element.
  Value scalar(DType dtype, const Shape &shape);
  /// A value that broadcasts against x, in its type and shape.
  Value companionOf(Value x);
  /// Elements of x compared with others.
  Value comparisonOf(Value x);
  std::vector<int64_t> somePadding(int n);

  mlir::func::FuncOp main_;
  Draw &draw_;
  const GraphOptions &options_;
  mlir::OpBuilder builder_;
  std::vector<mlir::Value> pool_;
  int numOps_ = 0;
  int numParameters_ = 0, numTensors_ = 0, numScalars_ = 0;
};

template <typename Wanted>
mlir::Value GraphBuilder::someOf(Wanted wanted, DType dtype,
                                 const Shape &shape) {
  std::vector<mlir::Value> found;
  for (mlir::Value value : pool_)
    if (wanted(value))
      found.push_back(value);
  if (found.empty() || draw_.chance(0.1))
    return argument(dtype, shape, /*isParameter=*/draw_.chance(0.1));
  // Later values more often: deep graphs are where fusion has to decide.
  auto last = static_cast<int64_t>(found.size()) - 1;
  return found[static_cast<size_t>(
      std::max(draw_.integer(0, last), draw_.integer(0, last)))];
}

} // namespace weft::random
