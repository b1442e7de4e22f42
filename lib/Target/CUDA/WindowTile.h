// SPDX-License-Identifier: Apache-2.0
// How many neighbouring results of a window a thread computes.
#pragma once

#include "weft/Target/LoopNest.h"

#include <string>
#include <vector>

namespace weft::cuda {

/// A dim of the results along which windows overlap: results that are
/// neighbours there read what taps that are neighbours read.
struct WindowAxis {
  unsigned dim, tap;     // loop dims, one parallel, one inner
  int64_t results, taps; // their sizes
  int64_t stride;        // taps between the windows of neighbouring results

  /// Different elements that the windows of `count` neighbours have.
  int64_t positions(int64_t count) const { return stride * (count - 1) + taps; }
};

/// The axes of a nest: `across` belongs to the last inner dim, `down` to the
/// one before. Without `across` there is no `down`.
struct WindowAxes {
  std::optional<WindowAxis> down, across;
  std::vector<int> shared; // loads: of elements that lie in several windows
};

/// `loads` are those of one stage.
WindowAxes matchWindowAxes(const LoopNest &nest, llvm::ArrayRef<int> loads);

/// A thread computes `down` x `across` vectors of neighbouring results.
struct WindowTile {
  int64_t down = 1, across = 1;
};

/// Taps that are written out one after the other.
inline constexpr int64_t kUnrolledTaps = 9;

/// The tiles that the schedule can print, those first that should take the
/// least time on a large GPU. `vectors` are those of the result.
std::vector<WindowTile>
rankedWindowTiles(const LoopNest &nest, const WindowAxes &axes, int64_t lanes);
/// In cycles.
double cyclesOf(const WindowTile &tile, const LoopNest &nest,
                const WindowAxes &axes, int64_t lanes);

/// `2x4`: no other tile has this text.
std::string print(const WindowTile &tile);

} // namespace weft::cuda
