// SPDX-License-Identifier: Apache-2.0
// How a contraction is cut into pieces for tensor cores.
#pragma once

#include "Contraction.h"

#include "weft/Target/CUDA/Emit.h"

#include "llvm/ADT/StringRef.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace weft::cuda {

/// Of a convolution whose tiles may share patches of the images between taps
/// (PatchOperand.h).
struct PatchShape {
  int64_t positions = 0; // rows of all tiles
  int64_t reach = 0;     // lines of a patch beyond the rows of a tile
  int64_t steps = 0;     // of k
};

/// What a device has.
struct MatrixUnits {
  bool warpGroups = false; // wgmma
  bool clusters = false;   // blocks that read each other's shared memory
  bool bulk = false;       // the tensor memory accelerator brings operands
  bool stays = false;      // blocks may stay: it writes the results, too
  bool residual = false;   // and brings what is read where they are written
  std::optional<PatchShape> patches; // blocks that stay may read these
  int64_t multiprocessors = 108;
  int64_t sharedBytes = 99 << 10; // that a block may have
  int64_t sums = 128;             // that a thread may hold
};

/// Nothing for architectures without cp.async.
std::optional<MatrixUnits> matrixUnitsOf(const CudaTarget &target);

/// Whether operands that threads can copy, too, come sooner by the accelerator.
/// For one or two steps of k, a warp that only starts copies does not gain what
/// its barriers cost.
bool gainsFromBulk(int64_t depth);

/// A block computes a tile of `rows` x `columns`; its warps share it as a grid.
struct MatrixTile {
  int64_t rows = 64, columns = 64;
  int64_t warpsDown = 2, warpsAcross = 2;
  bool warpGroups = false; // four warps multiply together: wgmma
  bool bulk = false;       // a warp of its own has the tiles brought
  int64_t stages = 3;      // tiles of the operands in shared memory
  int64_t splits = 1;      // blocks that share the steps of k
  // Groups of warps that take the tiles in turn, as long as there are any; 0: a
  // block has one tile.
  int64_t teams = 0;
  /// What teams have in common: a place for results, which they fill in turn,
  /// or stages that are patches. Those of patches write to memory themselves,
  /// each from a place of its own.
  enum class Shared { nothing, results, patches } shared = Shared::nothing;
  // Of patches: the lines of one, and the steps of k. The columns of all of
  // these stay in shared memory.
  int64_t patchLines = 0, steps = 0;

  bool sharesResults() const { return shared == Shared::results; }
  bool sharesPatches() const { return shared == Shared::patches; }

  /// Threads that work on a tile, that multiply, and all.
  int64_t teamThreads() const { return 32 * warpsDown * warpsAcross; }
  int64_t workers() const {
    return teamThreads() * std::max<int64_t>(1, teams);
  }
  int64_t threads() const { return workers() + movers(); }
  /// That have tiles brought and taken away.
  int64_t movers() const { return teams > 0 ? 128 : bulk ? 32 : 0; }
  /// Of a thread.
  int64_t sums() const { return rows * columns / teamThreads(); }
  int64_t warpRows() const { return rows / warpsDown; }
  int64_t warpColumns() const { return columns / warpsAcross; }
  /// Between lines of the tile of sums in shared memory: pairs of eight lines
  /// lie in different banks.
  int64_t pitch() const { return columns + 8; }
  int64_t sharedBytes() const;
  /// What the copies of `stages` tiles take.
  int64_t operandBytes() const;
  // Of a patch, and of the columns of a step.
  int64_t patchBytes() const;
  int64_t columnBytes() const;
  /// Of a tile of results, 16 bits each.
  int64_t resultBytes() const { return rows * columns * 2; }
  /// Of two barriers for each stage, three for each team and one for each step
  /// whose columns stay, behind everything else.
  int64_t barrierBytes() const {
    return bulk ? 16 * stages + 24 * teams + 8 * steps : 0;
  }
  /// How many tiles are under way while one is worked on, of `steps` in all.
  int64_t tilesAhead(int64_t steps) const;
};

/// All tiles that the schedule can print.
std::vector<MatrixTile> allMatrixTiles(const Contraction &contraction,
                                       int64_t depth, const MatrixUnits &units);
/// The same, those that should take the least time first, by a small model of
/// the device.
std::vector<MatrixTile> rankedMatrixTiles(const Contraction &contraction,
                                          int64_t depth,
                                          const MatrixUnits &units);
/// What the model says of a tile, in cycles.
double cyclesOf(const MatrixTile &tile, const Contraction &contraction,
                int64_t depth, const MatrixUnits &units);

/// `128x256 warps 8x1 groups stages 4 splits 1`: no other tile has this text.
std::string print(const MatrixTile &tile);

} // namespace weft::cuda
