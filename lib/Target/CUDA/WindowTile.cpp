// SPDX-License-Identifier: Apache-2.0
#include "WindowTile.h"

#include "Contraction.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace weft::cuda {

// ---- axes -------------------------------------------------------------------

/// How much the address of a load and what its guards look at grow with a step
/// of `dim`; nothing if one is not linear in it.
static std::optional<SmallVector<int64_t>> stridesOf(const Stmt &load,
                                                     unsigned dim) {
  SmallVector<int64_t> strides;
  auto add = [&](AffineExpr expr) {
    std::optional<int64_t> stride = strideOf(expr, dim);
    strides.push_back(stride.value_or(0));
    return stride.has_value();
  };
  bool isLinear = add(load.expr);
  for (const Guard &guard : load.guards)
    isLinear &= add(guard.expr);
  return isLinear ? std::optional(strides) : std::nullopt;
}

/// How many steps of `tap` move a load as far as one of `dim`; 0 if none do.
static int64_t strideBetween(const Stmt &load, unsigned dim, unsigned tap) {
  auto ofDim = stridesOf(load, dim), ofTap = stridesOf(load, tap);
  if (!ofDim || !ofTap || ofTap->front() == 0)
    return 0;
  int64_t stride = ofDim->front() / ofTap->front();
  for (auto [result, step] : llvm::zip(*ofDim, *ofTap))
    if (result != stride * step)
      return 0;
  return std::max<int64_t>(stride, 0);
}

/// The axis that `tap` has in one load.
static std::optional<WindowAxis> axisOf(const LoopNest &nest, int load,
                                        unsigned tap) {
  for (unsigned dim = 0; dim + 1 < nest.numParallel; ++dim)
    if (int64_t stride = strideBetween(nest.stmts[load], dim, tap))
      return WindowAxis{dim, tap, nest.sizes[dim], nest.sizes[tap], stride};
  return std::nullopt;
}

WindowAxes matchWindowAxes(const LoopNest &nest, ArrayRef<int> loads) {
  WindowAxes axes;
  unsigned end = nest.sizes.size();
  if (end == nest.numParallel)
    return axes;
  for (int id : loads) {
    std::optional<WindowAxis> across = axisOf(nest, id, end - 1);
    if (!across)
      continue;
    if (!axes.across)
      axes.across = across;
    if (axes.across->dim == across->dim &&
        axes.across->stride == across->stride)
      axes.shared.push_back(id);
  }
  if (!axes.across || end - nest.numParallel < 2)
    return axes;
  axes.down = axisOf(nest, axes.shared.front(), end - 2);
  auto moves = [&](int id) {
    std::optional<WindowAxis> down = axisOf(nest, id, end - 2);
    return down && down->dim == axes.down->dim &&
           down->stride == axes.down->stride;
  };
  if (axes.down &&
      (axes.down->dim == axes.across->dim || !llvm::all_of(axes.shared, moves)))
    axes.down.reset();
  return axes;
}

// ---- tiles ------------------------------------------------------------------

double cyclesOf(const WindowTile &tile, const LoopNest &nest,
                const WindowAxes &axes, int64_t lanes) {
  constexpr double units = 132, latency = 1000;
  constexpr int64_t threads = 2048, registers = 65536, mostRegisters = 255;
  int64_t taps = nest.numInnerPoints(), results = tile.down * tile.across;
  auto tiles = [](const std::optional<WindowAxis> &axis, int64_t count) {
    return axis ? static_cast<double>(llvm::divideCeil(axis->results, count)) /
                      static_cast<double>(axis->results)
                : 1.0;
  };
  double warps = static_cast<double>(nest.numRows() / lanes) *
                 tiles(axes.down, tile.down) * tiles(axes.across, tile.across) /
                 32;
  int64_t loads = taps * results;
  if (axes.across) {
    loads = taps / axes.across->taps * axes.across->positions(tile.across);
    if (axes.down)
      loads = loads / axes.down->taps * axes.down->positions(tile.down);
  }
  // Of a thread: what it loads and widens, weights, products, results.
  double instructions =
      static_cast<double>(60 + loads * (lanes + 4) + taps * (lanes + 1) +
                          taps * results * lanes + results * lanes * 5);
  int64_t perThread =
      std::min(mostRegisters, 56 + results * lanes + taps * lanes / 2);
  double atOnce =
      static_cast<double>(std::min(threads, registers / perThread)) / 32;
  double perUnit = std::ceil(warps / units);
  double waves = std::ceil(perUnit / atOnce);
  double issue = perUnit * instructions / 4 / 0.7;
  return std::max(issue, waves * (latency + 2 * instructions));
}

std::vector<WindowTile>
rankedWindowTiles(const LoopNest &nest, const WindowAxes &axes, int64_t lanes) {
  constexpr int64_t most = 8; // results in registers, as vectors
  auto extents = [&](const std::optional<WindowAxis> &axis, int64_t unrolled,
                     ArrayRef<int64_t> counts) {
    SmallVector<int64_t> list = {1};
    if (axis && unrolled <= kUnrolledTaps)
      llvm::copy_if(counts, std::back_inserter(list),
                    [&](int64_t count) { return count <= axis->results; });
    return list;
  };
  std::vector<WindowTile> tiles;
  for (int64_t down : extents(axes.down, nest.numInnerPoints(), {2, 4}))
    for (int64_t across :
         extents(axes.across, axes.across ? axes.across->taps : 0, {2, 4, 7}))
      if (down * across <= most)
        tiles.push_back({down, across});
  auto order = [&](const WindowTile &tile) {
    return std::tuple(cyclesOf(tile, nest, axes, lanes), tile.down,
                      tile.across);
  };
  llvm::sort(tiles, [&](const WindowTile &a, const WindowTile &b) {
    return order(a) < order(b);
  });
  return tiles;
}

std::string print(const WindowTile &tile) {
  return std::to_string(tile.down) + "x" + std::to_string(tile.across);
}

} // namespace weft::cuda
