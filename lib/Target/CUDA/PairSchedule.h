// SPDX-License-Identifier: Apache-2.0
// Two products in one kernel: the second multiplies what the first has just
// computed, which is stored, but not read again.
#pragma once

#include "BulkOperand.h"
#include "PersistentSchedule.h"

namespace weft::cuda {

/// How a block shares shared memory between what it works on.
struct PairTile {
  int64_t teams = 3;  // of four warps; each has 64 rows
  int64_t rows = 1;   // tiles of the rows that a team has
  int64_t pieces = 4; // tiles of 64 results that a team has
  int64_t stages = 2; // of the weights of 64 columns of the first product
};

class PairSchedule {
public:
  /// Nothing where there is no wgmma, and but for products of float16 or
  /// bfloat16 with up to 256 steps of k and columns of the second, whose sizes
  /// are multiples of 64 and which the accelerator moves as they lie in memory.
  static std::optional<PairSchedule>
  match(ir::GroupOp group, const PairNests &nests, const CudaTarget &target);

  /// By name; those that should take the least time first.
  const std::vector<std::string> &tiles() const { return names_; }
  /// The kernel with the tile of this name, or else with the first.
  CudaKernel emit(llvm::StringRef tile) const;
  /// What it should take with the first.
  double cycles() const { return cycles(tiles_[0]); }
  /// What the first product takes with its residual, in the best kernel of its
  /// own that was measured.
  double cyclesOfFirst() const;

private:
  PairSchedule(ir::GroupOp group, const PairNests &nests)
      : group_(group), nests_(&nests) {}
  void findTiles();
  std::optional<PairTile> tileOf(int64_t teams) const;
  double cycles(const PairTile &tile) const;
  int64_t sharedBytes(const PairTile &tile) const;

  friend class PairEmitter;
  int64_t depth() const { return nests_->first.numInnerPoints(); }
  int64_t width() const { return first_.columns.extent; }
  int64_t outputs() const { return second_.columns.extent; }
  /// Rows of a block's tile, and how many such tiles there are.
  static int64_t rowsOf(const PairTile &tile) { return 64 * tile.teams; }
  int64_t tilesOf(const PairTile &tile) const;
  int64_t rowsBytes() const;    // of a team's rows of the first product
  int64_t firstBytes() const;   // of weights of a stage: of the first product,
  int64_t weightsBytes() const; // and of both
  bool keepsWeights(const PairTile &tile) const;

  ir::GroupOp group_;
  const PairNests *nests_;
  MatrixUnits units_;
  Contraction first_, second_;
  std::optional<PersistentOperands> ofFirst_, ofSecond_;
  std::vector<PairTile> tiles_;
  std::vector<std::string> names_;
};

} // namespace weft::cuda
