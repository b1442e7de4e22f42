// SPDX-License-Identifier: Apache-2.0
// Which tile of a kernel is the fastest: what is tried, and for how long.
#pragma once

#include "weft/Core/Status.h"
#include "weft/Runtime.h"

#include "llvm/ADT/ArrayRef.h"

#include <cstddef>
#include <limits>
#include <optional>
#include <vector>

namespace weft::compiler {

/// What the search asks of the GPU; tests have one of their own.
class TileMeter {
public:
  virtual ~TileMeter() = default;
  /// Compiles a kernel with one of its tiles. Called from several threads.
  virtual Status compile(size_t kernel, size_t tile) = 0;
  /// Microseconds of what was compiled; of no interest beyond `limit`.
  virtual StatusOr<double> time(size_t kernel, size_t tile, double limit) = 0;
  /// No more of this kernel is asked for; `fastest` is its tile from now on.
  virtual void finish(size_t kernel, std::optional<size_t> fastest) = 0;
  /// Seconds since some moment. Called from several threads.
  virtual double now() = 0;
};

struct SearchLimits {
  size_t tiles = std::numeric_limits<size_t>::max(); // of a kernel
  double seconds = std::numeric_limits<double>::infinity();
};
SearchLimits limitsOf(Tuning tuning);

/// What became of a kernel.
struct TunedKernel {
  /// Number of the fastest; nothing if none was timed.
  std::optional<size_t> tile;
  /// Microseconds of the first tile, the model's choice, and of the fastest;
  /// infinite if it was not timed.
  double before = std::numeric_limits<double>::infinity();
  double after = std::numeric_limits<double>::infinity();
  size_t timed = 0, failed = 0; // tiles
  bool isOfAll = false; // no tile was left out for want of time or by limits
};

/// Tries the tiles of kernels, `numTiles[i]` of kernel i, in order of kernels
/// and of tiles. Tiles that fail are passed over. The first tile stays if no
/// other is faster, in two tries, by more than clocks and heat make.
std::vector<TunedKernel> searchTiles(llvm::ArrayRef<size_t> numTiles,
                                     const SearchLimits &limits,
                                     TileMeter &meter);

} // namespace weft::compiler
