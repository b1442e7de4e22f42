// SPDX-License-Identifier: Apache-2.0
// What both back ends print: the loops of one group.
//
// A group's region says what is computed; its loop nest says for each point of
// an iteration space which elements are loaded, computed and stored. Reshapes,
// transposes, slices, broadcasts and concatenations are gone: they have become
// index arithmetic, affine expressions of the loop indices.
#pragma once

#include "weft/Core/Graph.h"
#include "weft/IR/Dialect.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/Support/LLVM.h"

#include <optional>
#include <string>
#include <vector>

namespace weft {

/// `low <= expr < high`, where `expr` is over the loop indices.
struct Guard {
  mlir::AffineExpr expr;
  int64_t low, high;
  friend bool operator==(const Guard &, const Guard &) = default;
};

/// One value, computed once for every point of the loops around it. Its `type`
/// is a tensor's element type; floats of up to 32 bits are computed in f32.
struct Stmt {
  enum class Kind {
    constant, // `value`
    argument, // group input `input`, a builtin scalar
    index,    // `expr`, converted to `type`
    load,     // group input `input` at element offset `expr` where all `guards`
              // hold, else 0 (and memory is not touched)
    row,      // `op` (a row or `where`) on `operands`
    cast,     // operands[0] converted to `type`, rounded as weft.cast says
    round,    // operands[0], of the same type, as if it were stored and loaded;
              // of f32: to TF32
    select,   // operands[0] where all `guards` hold, else operands[1]
    reduced,  // result of an accumulator of an earlier stage
  };
  Kind kind;
  mlir::Type type;
  llvm::SmallVector<int, 3> operands; // indices into LoopNest::stmts
  OpKind op = OpKind::leaf;
  unsigned input = 0;
  mlir::AffineExpr expr;
  llvm::SmallVector<Guard, 0> guards;
  mlir::Attribute value;             // of a constant: FloatAttr, IntegerAttr
  mlir::Operation *source = nullptr; // for names and comments
};

/// result = combine over the stage's dims. sum, prod, max, min, all, any,
/// argmax or argmin; max and min and their positions let NaN win; sums of
/// floats of up to 32 bits are formed in f32, long ones in blocks (kSumBlock),
/// integers wrap in their type.
struct Accumulator {
  OpKind op;
  int value;  // the statement that is combined
  int result; // the statement (Kind::reduced) that holds the result
  // argmax, argmin: the position along the axis; attention: the one inner dim
  // that the sum runs over.
  mlir::AffineExpr index;
};

struct Store {
  unsigned output;         // result number of the group
  mlir::AffineExpr offset; // in elements
  int value;
};

/// Attention has two stages of its own: the first sums products of query and
/// key over the depth, the last inner dim, for every key, the first inner dim.
/// The second weighs values with a softmax (a row whose operand is the score)
/// along the keys and sums them over these.
///
/// For a point of the parallel dims: `rowBody` once, then `body` for every
/// point of the inner dims (if `inner`), combining accumulators or storing. A
/// stage with `inner` unset has only a row body and stores.
struct Stage {
  bool inner = false;
  std::vector<int> rowBody; // statements, in order
  std::vector<int> body;
  std::vector<Accumulator> accumulators;
  std::vector<Store> stores;
};

/// Loop dims: the parallel ones first, then the inner (reduced) ones. Dim i is
/// AffineDimExpr i. Dims of size 1 are left out (but one parallel dim stays)
/// and neighbours are merged wherever every access allows it.
struct LoopNest {
  llvm::SmallVector<int64_t> sizes;
  unsigned numParallel = 0;
  std::vector<Stmt> stmts;
  std::vector<Stage> stages;
  /// Where a convolution's results are pooled at once: what does that. The one
  /// store is then of a value that this reads, at its place there.
  ir::MaxpoolOp pooling;

  llvm::ArrayRef<int64_t> parallelSizes() const {
    return llvm::ArrayRef(sizes).take_front(numParallel);
  }
  llvm::ArrayRef<int64_t> innerSizes() const {
    return llvm::ArrayRef(sizes).drop_front(numParallel);
  }
  int64_t numRows() const;        // product of the parallel sizes
  int64_t numInnerPoints() const; // product of the inner sizes
  bool sumsInF32(const Accumulator &accumulator) const;
};

/// Values that are added in f32 one after the other. Each addition rounds, by
/// more the larger the sum has grown, until it swallows what is added: longer
/// sums add the sum of every block to one in f64. A block of 256 rounds by a
/// few millionths at most and makes the conversions to f64 rare.
inline constexpr int64_t kSumBlock = 256;

/// The loops of `group`. Fails, with the reason in `why`, for a group that
/// fusion must not build.
mlir::FailureOr<LoopNest> buildLoopNest(ir::GroupOp group, std::string &why);

/// The loops of a pair of products. To the second nest the result of the first
/// that it multiplies is one more input, its number that of the result behind
/// all inputs.
struct PairNests {
  LoopNest first, second;
};
mlir::FailureOr<PairNests> buildPairNests(ir::GroupOp group, std::string &why);

/// How much `expr` grows with a step of `dim`: its coefficient, or nothing if
/// it is not linear in that dim.
std::optional<int64_t> strideOf(mlir::AffineExpr expr, unsigned dim);

/// The smallest and largest value of `expr` for indices within `sizes`.
std::pair<int64_t, int64_t> rangeOf(mlir::AffineExpr expr,
                                    llvm::ArrayRef<int64_t> sizes);

/// For dumps and tests: dims, stages and statements as text.
void print(const LoopNest &nest, llvm::raw_ostream &os);

} // namespace weft
