// SPDX-License-Identifier: Apache-2.0
#include "MatrixTile.h"

#include "MatrixOperand.h"

#include "llvm/Support/MathExtras.h"

#include <algorithm>

using llvm::ArrayRef;
using llvm::StringRef;

namespace weft::cuda {

std::optional<MatrixUnits> matrixUnitsOf(StringRef arch) {
  int number = 0;
  if (!arch.consume_front("sm_") || arch.consumeInteger(10, number) ||
      number < 80)
    return std::nullopt;
  MatrixUnits units;
  units.warpGroups = number == 90 && arch == "a";
  units.clusters = number >= 90 && number < 120;
  if (units.clusters) {
    units.multiprocessors = 132;
    units.sharedBytes = 227 << 10;
  }
  return units;
}

int64_t MatrixTile::sharedBytes() const {
  int64_t operands = stages * (rows + columns) * kMatrixLineBytes;
  int64_t sums = rows * pitch() * static_cast<int64_t>(sizeof(float));
  return std::max(operands, sums);
}

std::vector<MatrixTile> allMatrixTiles(const Contraction &contraction,
                                       int64_t depth,
                                       const MatrixUnits &units) {
  static constexpr MatrixTile kWarpTiles[] = {
      {64, 64, 2, 2}, {64, 128, 2, 4}, {128, 64, 4, 2}, {128, 128, 2, 4}};
  static constexpr MatrixTile kGroupTiles[] = {
      {64, 64, 4, 1, true},   {64, 128, 4, 1, true},  {128, 64, 8, 1, true},
      {128, 128, 8, 1, true}, {128, 256, 8, 1, true}, {256, 128, 8, 1, true}};
  int64_t steps = llvm::divideCeil(depth, kMatrixDepth);
  std::vector<MatrixTile> tiles;
  for (const MatrixTile &shape : units.warpGroups
                                     ? ArrayRef<MatrixTile>(kGroupTiles)
                                     : ArrayRef<MatrixTile>(kWarpTiles))
    for (int64_t splits : {1, 2, 4, 8})
      for (int64_t stages : {3, 4, 6}) {
        MatrixTile tile = shape;
        int64_t own = llvm::divideCeil(steps, splits);
        tile.splits = splits;
        tile.stages = std::min(stages, own);
        bool isKnown = stages > 3 && tile.stages < stages;
        bool isEmpty = (splits - 1) * own >= steps;
        if (!isKnown && !isEmpty && (splits == 1 || units.clusters) &&
            tile.sharedBytes() <= units.sharedBytes)
          tiles.push_back(tile);
      }
  return tiles;
}

/// In cycles of a multiprocessor.
static double costOf(const MatrixTile &tile, const Contraction &contraction,
                     int64_t depth, const MatrixUnits &units) {
  double perTile = static_cast<double>(tile.rows * tile.columns);
  int64_t blocks = llvm::divideCeil(contraction.rows.extent, tile.rows) *
                   llvm::divideCeil(contraction.columns.extent, tile.columns) *
                   contraction.batches * tile.splits;
  int64_t steps =
      llvm::divideCeil(llvm::divideCeil(depth, kMatrixDepth), tile.splits);
  // Products a cycle: larger tiles read less shared memory for each.
  double rate = tile.warpGroups ? 1500 : 800;
  rate *= perTile / (perTile + 64 * 64);
  int64_t waves = llvm::divideCeil(blocks, units.multiprocessors);
  double products = perTile * kMatrixDepth * static_cast<double>(steps) / rate;
  double results = 600 + perTile / 8 + (tile.splits > 1 ? 1500 : 0);
  return static_cast<double>(waves) * (products + results);
}

MatrixTile chooseMatrixTile(const Contraction &contraction, int64_t depth,
                            const MatrixUnits &units) {
  std::vector<MatrixTile> tiles = allMatrixTiles(contraction, depth, units);
  return *std::min_element(tiles.begin(), tiles.end(),
                           [&](const MatrixTile &a, const MatrixTile &b) {
                             return costOf(a, contraction, depth, units) <
                                    costOf(b, contraction, depth, units);
                           });
}

} // namespace weft::cuda
