// SPDX-License-Identifier: Apache-2.0
#include "MatrixTile.h"

#include "MatrixOperand.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

using llvm::ArrayRef;
using llvm::StringRef;

namespace weft::cuda {

std::optional<MatrixUnits> matrixUnitsOf(const CudaTarget &target) {
  StringRef arch = target.arch;
  int number = 0;
  if (!arch.consume_front("sm_") || arch.consumeInteger(10, number) ||
      number < 80)
    return std::nullopt;
  MatrixUnits units;
  units.warpGroups = number == 90 && arch == "a";
  units.clusters = number >= 90 && number < 120;
  units.bulk = units.warpGroups;
  if (units.clusters) {
    units.multiprocessors = 132;
    units.sharedBytes = 227 << 10;
  }
  if (target.multiprocessors > 0)
    units.multiprocessors = target.multiprocessors;
  return units;
}

int64_t MatrixTile::tilesAhead(int64_t steps) const {
  if (stages >= steps)
    return stages; // no stage is used twice
  // Warp groups still multiply the tile before.
  return stages - (warpGroups ? 2 : 1);
}

int64_t MatrixTile::patchBytes() const {
  // Patches start where the permutation of the pieces of lines does.
  return llvm::alignTo(patchLines, 8) * kMatrixLineBytes;
}

int64_t MatrixTile::columnBytes() const { return columns * kMatrixLineBytes; }

int64_t MatrixTile::operandBytes() const {
  if (sharesPatches())
    return stages * patchBytes() + steps * columnBytes();
  return stages * (rows + columns) * kMatrixLineBytes;
}

int64_t MatrixTile::sharedBytes() const {
  if (teams > 0)
    return operandBytes() + (sharesResults() ? 1 : teams) * resultBytes() +
           barrierBytes();
  int64_t sums = rows * pitch() * static_cast<int64_t>(sizeof(float));
  return std::max(operandBytes(), sums) + barrierBytes();
}

/// Of k; beyond it what comes before and behind the steps of a tile matters
/// little.
static constexpr int64_t kFewSteps = 16;

bool gainsFromBulk(int64_t depth) { return depth > 2 * kMatrixDepth; }

/// Blocks of these warps and sizes, all bulk or none.
static ArrayRef<MatrixTile> shapesFor(const MatrixUnits &units, int64_t steps) {
  static constexpr MatrixTile kWarpTiles[] = {
      {64, 64, 2, 2}, {64, 128, 2, 4}, {128, 64, 4, 2}, {128, 128, 2, 4}};
  static constexpr MatrixTile kGroupTiles[] = {
      {64, 64, 4, 1, true},   {64, 128, 4, 1, true},  {128, 64, 8, 1, true},
      {128, 128, 8, 1, true}, {128, 256, 8, 1, true}, {256, 128, 8, 1, true}};
  static constexpr MatrixTile kBulkTiles[] = {
      {64, 64, 4, 1, true, true},   {64, 128, 4, 1, true, true},
      {64, 256, 4, 1, true, true},  {128, 64, 8, 1, true, true},
      {128, 128, 8, 1, true, true}, {128, 192, 8, 1, true, true},
      {128, 256, 8, 1, true, true}, {256, 128, 8, 1, true, true},
      {192, 128, 12, 1, true, true}};
  // The model takes three warp groups for better than they are on few steps.
  if (units.bulk)
    return ArrayRef<MatrixTile>(kBulkTiles)
        .drop_back(steps <= kFewSteps ? 1 : 0);
  return units.warpGroups ? ArrayRef<MatrixTile>(kGroupTiles)
                          : ArrayRef<MatrixTile>(kWarpTiles);
}

/// Blocks that stay save what comes before and behind the steps of a tile; for
/// many steps larger tiles read less. A residual comes once the results before
/// it have left its place, which takes as long as a few steps. Where there are
/// more, teams may share a place, and there is room for another stage.
static void addTeams(const MatrixUnits &units, int64_t steps,
                     std::vector<MatrixTile> &tiles) {
  using enum MatrixTile::Shared;
  static constexpr MatrixTile kTeamTiles[] = {
      {64, 64, 4, 1, true, true, 8, 1, 3},
      {64, 128, 4, 1, true, true, 8, 1, 2},
      {128, 64, 4, 1, true, true, 8, 1, 2},
      {64, 256, 4, 1, true, true, 4, 1, 2},
      {128, 128, 4, 1, true, true, 4, 1, 2},
      {128, 192, 4, 1, true, true, 3, 1, 2},
      {128, 128, 4, 1, true, true, 6, 1, 2, results},
      {128, 192, 4, 1, true, true, 4, 1, 2, results}};
  constexpr int64_t stepsOfResidual = 4, stepsOfResults = 8;
  if (steps <= kFewSteps && (!units.residual || steps > stepsOfResidual))
    llvm::copy_if(kTeamTiles, std::back_inserter(tiles), [&](auto &tile) {
      return tile.sharedBytes() <= units.sharedBytes &&
             (!tile.sharesResults() || steps > stepsOfResults);
    });
}

/// Blocks that stay and read patches, as many as there is room for: the columns
/// of all steps must fit beside two of them.
static void addPatches(const Contraction &contraction, const MatrixUnits &units,
                       std::vector<MatrixTile> &tiles) {
  static constexpr int64_t kMostLines = 1024; // that a copy brings
  static constexpr int64_t kMostStages = 4;
  static constexpr MatrixTile kPatchTiles[] = {
      {64, 64, 4, 1, true, true, 0, 1, 2},
      {64, 64, 4, 1, true, true, 0, 1, 3},
      {128, 64, 4, 1, true, true, 0, 1, 2},
      {128, 64, 4, 1, true, true, 0, 1, 3},
      {192, 64, 4, 1, true, true, 0, 1, 2},
      {256, 64, 4, 1, true, true, 0, 1, 2},
      {64, 128, 4, 1, true, true, 0, 1, 2},
      {128, 128, 4, 1, true, true, 0, 1, 2}};
  for (MatrixTile tile : kPatchTiles) {
    tile.shared = MatrixTile::Shared::patches;
    tile.patchLines = llvm::alignTo(tile.rows + units.patches->reach, 8);
    tile.steps = units.patches->steps;
    // Every block keeps its columns.
    if (tile.patchLines > kMostLines ||
        contraction.columns.extent % tile.columns != 0 ||
        contraction.columns.extent / tile.columns > units.multiprocessors)
      continue;
    tile.stages = kMostStages;
    while (tile.stages > 1 && tile.sharedBytes() > units.sharedBytes)
      --tile.stages;
    if (tile.stages > 1)
      tiles.push_back(tile);
  }
}

std::vector<MatrixTile> allMatrixTiles(const Contraction &contraction,
                                       int64_t depth,
                                       const MatrixUnits &units) {
  int64_t steps = llvm::divideCeil(depth, kMatrixDepth);
  std::vector<MatrixTile> tiles;
  for (const MatrixTile &shape : shapesFor(units, steps))
    for (int64_t splits : {1, 2, 4, 8})
      for (int64_t stages : {3, 4, 6}) {
        MatrixTile tile = shape;
        int64_t own = llvm::divideCeil(steps, splits);
        tile.splits = splits;
        tile.stages = std::min(stages, own);
        bool isKnown = stages > 3 && tile.stages < stages;
        bool isEmpty = (splits - 1) * own >= steps;
        // The model would guess: it was fitted to four stages of large tiles.
        bool isGuessed = tile.bulk && tile.stages == 6 &&
                         tile.rows * tile.columns >= 128 * 128;
        if (!isKnown && !isEmpty && !isGuessed &&
            (splits == 1 || units.clusters) && tile.sums() <= units.sums &&
            tile.sharedBytes() <= units.sharedBytes)
          tiles.push_back(tile);
      }
  if (units.stays)
    addTeams(units, steps, tiles);
  if (units.patches)
    addPatches(contraction, units, tiles);
  return tiles;
}

/// Blocks that a multiprocessor runs at once.
static int64_t blocksAtOnce(const MatrixTile &tile, const MatrixUnits &units) {
  constexpr int64_t registers = 65536, threads = 2048, reserved = 1 << 10;
  int64_t perThread = tile.sums() + 56;
  return std::max<int64_t>(1,
                           std::min({(units.sharedBytes + reserved) /
                                         (tile.sharedBytes() + reserved),
                                     registers / (perThread * tile.threads()),
                                     threads / tile.threads()}));
}

/// Multiprocessors that blocks of a tile can fill: a cluster lies among some 16
/// neighbours, which have room for whole ones only.
static int64_t multiprocessorsFor(int64_t splits, const MatrixUnits &units) {
  int64_t eighths = splits <= 2 ? 8 : splits == 4 ? 7 : 5;
  return std::max<int64_t>(1, units.multiprocessors * eighths / 8);
}

namespace {

/// What a schedule takes of a multiprocessor, in cycles. The numbers are fitted
/// to the times of the convolutions of ResNet-50, of 1 and of 32 images, and of
/// some products, with every tile: the choice takes 2 to 3 % longer than the
/// best tile on average.
struct Costs {
  double products;        // of a step, to those at the full rate
  double sharedBytes;     // read in a cycle from shared memory,
  double cacheBytes;      // and from the L2 cache
  double latency;         // of a copy
  double step;            // of passing a stage on, shared by the stages
  double block;           // before and behind the steps
  double split, exponent; // more, by the number of blocks that share a sum
  double result;          // of an element
  double full[3];         // of a full wave, by how many blocks overlap: 1, 2, 3
};

} // namespace

// Copies by threads: some 1600 kernels on H100 and H200.
static constexpr Costs kThreadCosts = {1.0,  100, 1e9, 1100, 0,
                                       3000, 900, 0,   0.38, {1, 1, 1}};
// Bulk copies: some 1000 kernels on H200.
static constexpr Costs kBulkCosts = {
    1.02, 137, 60, 920, 74, 2370, 1712, 0.32, 0.285, {0.885, 0.878, 0.702}};

/// Of a step of k, where a multiprocessor works on `blocks` tiles.
static double cyclesOfStep(const MatrixTile &tile, int64_t steps,
                           int64_t blocks, const Costs &costs) {
  int64_t lines = tile.warpGroups ? tile.rows / 64 * (64 + tile.columns)
                                  : tile.threads() / 32 *
                                        (tile.warpRows() + tile.warpColumns());
  auto fetched =
      static_cast<double>((tile.rows + tile.columns) * kMatrixLineBytes);
  double products =
      static_cast<double>(tile.rows * tile.columns * kMatrixDepth) /
      (tile.warpGroups ? 2048 : 1024);
  // Three warp groups read the columns three times from shared memory.
  if (tile.warpGroups && tile.rows == 192)
    products *= 1.03;
  double work = std::max(
      {products * costs.products,
       static_cast<double>(lines * kMatrixLineBytes) / costs.sharedBytes,
       fetched / costs.cacheBytes});
  int64_t ahead = tile.bulk ? tile.stages - 1 : tile.tilesAhead(steps);
  return std::max(static_cast<double>(blocks) * work,
                  costs.latency /
                      static_cast<double>(std::max<int64_t>(1, ahead))) +
         costs.step / static_cast<double>(tile.stages);
}

/// Of teams that take tiles in turn: a multiprocessor goes through its tiles at
/// the rate of the products, of what a team does alone, or of memory.
static double cyclesOfTeams(const MatrixTile &tile, int64_t tiles,
                            int64_t steps, const MatrixUnits &units) {
  // Fitted to some 250 kernels on an H200.
  constexpr double products = 0.867, sharedBytes = 137, cacheBytes = 64,
                   latency = 2443, block = 3650, perTile = 378, result = 0.25,
                   memory = 0.303, store = 1500;
  auto elements = static_cast<double>(tile.rows * tile.columns);
  auto lines = static_cast<double>(tile.rows / 64 * (64 + tile.columns)),
       fetched = static_cast<double>(tile.rows + tile.columns);
  double step = std::max({elements * kMatrixDepth / 2048 * products,
                          lines * kMatrixLineBytes / sharedBytes,
                          fetched * kMatrixLineBytes / cacheBytes,
                          latency / static_cast<double>(tile.stages)});
  double all = static_cast<double>(steps) * step + perTile,
         end = elements * result;
  double turn = std::max(
      {all, (all + end) / static_cast<double>(tile.teams), elements * memory});
  if (tile.sharesResults()) // one after the other
    turn = std::max(turn, end + store);
  return block +
         static_cast<double>(llvm::divideCeil(tiles, units.multiprocessors)) *
             turn +
         end;
}

/// The same of teams that share patches. Products of 64 columns take as long as
/// shared memory needs for their operands, and copies and results pass through
/// it, too.
static double cyclesOfPatches(const MatrixTile &tile, int64_t across,
                              const MatrixUnits &units) {
  // Fitted to some 40 kernels on an H200.
  constexpr double products = 1.36, step = 36, cacheBytes = 64, block = 2200,
                   perTile = 150, result = 0.125;
  auto elements = static_cast<double>(tile.rows * tile.columns);
  auto steps = static_cast<double>(tile.steps);
  double multiply = steps * (elements * kMatrixDepth / 2048 * products + step) +
                    perTile,
         fetch = static_cast<double>(tile.patchBytes()) / cacheBytes,
         end = elements * result;
  double turn = std::max(
      {multiply, fetch, (multiply + end) / static_cast<double>(tile.teams)});
  int64_t tiles =
      llvm::divideCeil(units.patches->positions, tile.rows) * across;
  return block +
         static_cast<double>(llvm::divideCeil(tiles, units.multiprocessors)) *
             turn +
         end;
}

double cyclesOf(const MatrixTile &tile, const Contraction &contraction,
                int64_t depth, const MatrixUnits &units) {
  if (tile.sharesPatches())
    return cyclesOfPatches(
        tile, llvm::divideCeil(contraction.columns.extent, tile.columns),
        units);
  const Costs &costs = tile.bulk ? kBulkCosts : kThreadCosts;
  int64_t blocks = llvm::divideCeil(contraction.rows.extent, tile.rows) *
                   llvm::divideCeil(contraction.columns.extent, tile.columns) *
                   contraction.batches * tile.splits;
  int64_t steps =
      llvm::divideCeil(llvm::divideCeil(depth, kMatrixDepth), tile.splits);
  if (tile.teams > 0)
    return cyclesOfTeams(tile, blocks, steps, units);
  auto cyclesOfWave = [&](int64_t perUnit) { // blocks on each multiprocessor
    double split = tile.splits == 1
                       ? 0
                       : costs.split * std::pow(tile.splits, costs.exponent);
    return costs.block + split +
           static_cast<double>(steps) *
               cyclesOfStep(tile, steps, perUnit, costs) +
           costs.result *
               static_cast<double>(perUnit * tile.rows * tile.columns);
  };
  int64_t atOnce = blocksAtOnce(tile, units),
          numUnits = multiprocessorsFor(tile.splits, units);
  // Of blocks alone on a multiprocessor, a wave that is almost full counts as
  // one.
  int64_t wave = numUnits * atOnce,
          full = (blocks + (atOnce == 1 ? wave / 16 : 0)) / wave,
          rest = std::max<int64_t>(0, blocks - full * wave);
  double cost = static_cast<double>(full) * cyclesOfWave(atOnce) *
                costs.full[std::min<int64_t>(atOnce, 3) - 1];
  if (rest > 0)
    cost += cyclesOfWave(llvm::divideCeil(rest, numUnits));
  return cost;
}

std::vector<MatrixTile> rankedMatrixTiles(const Contraction &contraction,
                                          int64_t depth,
                                          const MatrixUnits &units) {
  std::vector<MatrixTile> all = allMatrixTiles(contraction, depth, units);
  std::vector<std::pair<double, size_t>> order;
  for (size_t i = 0; i < all.size(); ++i)
    order.emplace_back(cyclesOf(all[i], contraction, depth, units), i);
  std::sort(order.begin(), order.end());
  std::vector<MatrixTile> tiles;
  for (auto [cycles, i] : order)
    tiles.push_back(all[i]);
  return tiles;
}

std::string print(const MatrixTile &tile) {
  using std::to_string;
  return to_string(tile.rows) + "x" + to_string(tile.columns) + " warps " +
         to_string(tile.warpsDown) + "x" + to_string(tile.warpsAcross) +
         (tile.warpGroups ? " groups" : "") + (tile.bulk ? " bulk" : "") +
         (tile.sharesPatches() ? " patches " : " stages ") +
         to_string(tile.stages) +
         (tile.teams > 0 ? " teams " + to_string(tile.teams)
                         : " splits " + to_string(tile.splits));
}

} // namespace weft::cuda
