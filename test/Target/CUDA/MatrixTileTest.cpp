// SPDX-License-Identifier: Apache-2.0
// What architectures have for products of matrices, and how they are cut.
#include "lib/Target/CUDA/MatrixTile.h"

#include "llvm/ADT/STLExtras.h"
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace weft::cuda {
namespace {

Contraction product(int64_t rows, int64_t columns) {
  Contraction c;
  c.rows.extent = rows;
  c.columns.extent = columns;
  return c;
}

/// Where threads could copy the operands, too.
MatrixUnits unitsFor(int64_t depth) {
  MatrixUnits units = *matrixUnitsOf({"sm_90a"});
  units.bulk = gainsFromBulk(depth);
  return units;
}

TEST(MatrixUnits, OfArchitectures) {
  struct {
    const char *arch;
    bool warpGroups, clusters;
  } known[] = {{"sm_80", false, false},  {"sm_89", false, false},
               {"sm_90", false, true},   {"sm_90a", true, true},
               {"sm_100a", false, true}, {"sm_120", false, false}};
  for (auto [arch, warpGroups, clusters] : known) {
    std::optional<MatrixUnits> units = matrixUnitsOf({arch});
    ASSERT_TRUE(units) << arch;
    EXPECT_EQ(units->warpGroups, warpGroups) << arch;
    EXPECT_EQ(units->clusters, clusters) << arch;
  }
  EXPECT_EQ(matrixUnitsOf({"sm_90a"})->multiprocessors, 132);
  EXPECT_EQ(matrixUnitsOf({"sm_90a", 114})->multiprocessors, 114);
  for (const char *arch : {"", "sm_", "sm_75", "compute_80"})
    EXPECT_FALSE(matrixUnitsOf({arch})) << arch;
}

TEST(MatrixTiles, FitTheDeviceAndHaveWork) {
  for (const char *arch : {"sm_80", "sm_90a"})
    for (int64_t depth : {16, 200, 4096}) {
      MatrixUnits units = *matrixUnitsOf({arch});
      int64_t steps = (depth + 63) / 64;
      std::vector<MatrixTile> tiles =
          allMatrixTiles(product(100, 100), depth, units);
      EXPECT_FALSE(tiles.empty()) << arch << " " << depth;
      for (const MatrixTile &tile : tiles) {
        EXPECT_LE(tile.sharedBytes(), units.sharedBytes);
        EXPECT_TRUE(tile.splits == 1 || units.clusters);
        EXPECT_LT((tile.splits - 1) * ((steps + tile.splits - 1) / tile.splits),
                  steps);
      }
    }
}

TEST(MatrixTiles, AreRankedByTheModel) {
  const MatrixUnits units = *matrixUnitsOf({"sm_90a"});
  const Contraction c = product(1000, 300);
  std::vector<MatrixTile> ranked = rankedMatrixTiles(c, 600, units);
  EXPECT_EQ(ranked.size(), allMatrixTiles(c, 600, units).size());
  for (const MatrixTile &tile : allMatrixTiles(c, 600, units))
    EXPECT_LE(cyclesOf(ranked[0], c, 600, units), cyclesOf(tile, c, 600, units))
        << print(tile);
  for (size_t i = 1; i < ranked.size(); ++i)
    EXPECT_LE(cyclesOf(ranked[i - 1], c, 600, units),
              cyclesOf(ranked[i], c, 600, units));
}

// However short k is.
TEST(MatrixTiles, AreBroughtInOneWay) {
  MatrixUnits units = *matrixUnitsOf({"sm_90a"});
  for (int64_t depth : {16, 64, 128, 192, 4096})
    for (bool bulk : {false, true}) {
      units.bulk = bulk;
      std::vector<MatrixTile> tiles =
          allMatrixTiles(product(1000, 300), depth, units);
      EXPECT_FALSE(tiles.empty()) << depth;
      for (const MatrixTile &tile : tiles)
        EXPECT_EQ(tile.bulk, bulk) << print(tile);
    }
}

// Tuning keeps tiles by their text.
TEST(MatrixTiles, HaveTextsOfTheirOwn) {
  EXPECT_EQ(print({128, 64, 8, 1, true, false, 4, 2}),
            "128x64 warps 8x1 groups stages 4 splits 2");
  EXPECT_EQ(print({128, 64, 8, 1, true, true, 4, 2}),
            "128x64 warps 8x1 groups bulk stages 4 splits 2");
  EXPECT_EQ(print({64, 128, 4, 1, true, true, 8, 1, 2}),
            "64x128 warps 4x1 groups bulk stages 8 teams 2");
  EXPECT_EQ(print({64, 128, 2, 4, false, false, 3, 1}),
            "64x128 warps 2x4 stages 3 splits 1");
  for (const char *arch : {"sm_80", "sm_90a"}) {
    std::set<std::string> texts;
    for (const MatrixTile &tile :
         allMatrixTiles(product(512, 512), 4096, *matrixUnitsOf({arch})))
      EXPECT_TRUE(texts.insert(print(tile)).second) << print(tile);
  }
}

// The columns of all steps stay beside at least two patches.
TEST(MatrixTiles, OfPatchesFitTheDevice) {
  MatrixUnits units = *matrixUnitsOf({"sm_90a"});
  units.stays = true;
  auto tilesOf = [&](PatchShape shape, int64_t columns) {
    units.patches = shape;
    std::set<std::string> texts;
    for (const MatrixTile &tile :
         allMatrixTiles(product(25088, columns), shape.steps * 64, units)) {
      EXPECT_TRUE(texts.insert(print(tile)).second) << print(tile);
      EXPECT_LE(tile.sharedBytes(), units.sharedBytes) << print(tile);
      if (!tile.sharesPatches())
        texts.erase(print(tile));
    }
    return texts;
  };
  // 3x3 and 64 channels of 56x56: 72 KB of columns; a patch of 128 rows has 248
  // lines, 31 KB.
  EXPECT_EQ(tilesOf({103910, 116, 9}, 64),
            (std::set<std::string>{
                "64x64 warps 4x1 groups bulk patches 4 teams 2",
                "64x64 warps 4x1 groups bulk patches 4 teams 3",
                "128x64 warps 4x1 groups bulk patches 3 teams 3",
                "128x64 warps 4x1 groups bulk patches 3 teams 2",
                "192x64 warps 4x1 groups bulk patches 2 teams 2"}));
  // Twice the channels, 28x28: 144 KB.
  EXPECT_EQ(tilesOf({26882, 60, 18}, 128),
            (std::set<std::string>{
                "64x64 warps 4x1 groups bulk patches 4 teams 2",
                "64x64 warps 4x1 groups bulk patches 3 teams 3",
                "128x64 warps 4x1 groups bulk patches 2 teams 2"}));
  EXPECT_TRUE(tilesOf({6974, 32, 36}, 256).empty());
}

// Each of these was measured with every tile: 32, 8 and one image of 56x56 with
// 64 channels; of 28x28 with 128 channels, 32 fill larger tiles.
TEST(MatrixTiles, OfPatchesComeFirstWhereTheyAreFaster) {
  auto choose = [](PatchShape shape, int64_t rows, int64_t columns) {
    MatrixUnits units = *matrixUnitsOf({"sm_90a"});
    units.stays = true;
    units.patches = shape;
    MatrixTile tile =
        rankedMatrixTiles(product(rows, columns), shape.steps * 64, units)
            .front();
    return tile.sharesPatches() ? tile.rows : 0;
  };
  EXPECT_EQ(choose({103910, 116, 9}, 100352, 64), 128);
  EXPECT_EQ(choose({25934, 116, 9}, 25088, 64), 128);
  EXPECT_EQ(choose({3191, 116, 9}, 3136, 64), 64);
  EXPECT_EQ(choose({6698, 60, 18}, 6272, 128), 128);
  EXPECT_EQ(choose({811, 60, 18}, 784, 128), 64);
  EXPECT_EQ(choose({26882, 60, 18}, 25088, 128), 0);
}

// Each of these was measured with every tile.
TEST(MatrixTiles, AreChosenForTheWholeDevice) {
  auto choose = [](int64_t rows, int64_t columns, int64_t depth) {
    return rankedMatrixTiles(product(rows, columns), depth, unitsFor(depth))
        .front();
  };
  // Many tiles: large ones, which read least.
  MatrixTile square = choose(4096, 4096, 4096);
  EXPECT_EQ(square.rows * square.columns, 128 * 256);
  EXPECT_EQ(square.splits, 1);
  // Few tiles and a long k: pairs of blocks. Clusters of four would not all
  // run at once.
  MatrixTile flat = choose(64, 4096, 4096), deep = choose(256, 1024, 8192);
  for (const MatrixTile &tile : {flat, deep}) {
    EXPECT_EQ(tile.rows, 64);
    EXPECT_EQ(tile.columns, 64);
    EXPECT_EQ(tile.splits, 2);
  }
  // A 3x3 convolution of 256 channels, 32 images of 14x14.
  MatrixTile window = choose(6272, 256, 2304);
  EXPECT_TRUE(window.bulk);
  EXPECT_EQ(window.rows * window.columns, 192 * 128);
  EXPECT_EQ(window.splits, 2);
  // Many tiles of few steps: blocks that stay, where they may.
  auto chooseStaying = [](int64_t rows, int64_t columns, int64_t depth) {
    MatrixUnits units = unitsFor(depth);
    units.stays = true;
    return rankedMatrixTiles(product(rows, columns), depth, units).front();
  };
  EXPECT_EQ(chooseStaying(25088, 1024, 512).teams, 2);
  EXPECT_EQ(print(chooseStaying(4096, 2304, 768)),
            "128x192 warps 4x1 groups bulk stages 4 teams 2");
  // Few steps come sooner than results leave a place that teams share.
  EXPECT_FALSE(chooseStaying(25088, 1024, 512).sharesResults());
  EXPECT_EQ(chooseStaying(4096, 4096, 4096).teams, 0);
  EXPECT_EQ(chooseStaying(64, 4096, 4096).teams, 0);
  EXPECT_EQ(choose(4096, 2304, 768).teams, 0);
  // With a residual, where there are more than a few steps.
  auto chooseWithResidual = [](int64_t rows, int64_t columns, int64_t depth) {
    MatrixUnits units = unitsFor(depth);
    units.stays = units.residual = true;
    return rankedMatrixTiles(product(rows, columns), depth, units).front();
  };
  EXPECT_GT(chooseStaying(100352, 256, 64).teams, 0);
  EXPECT_EQ(chooseWithResidual(100352, 256, 64).teams, 0);
  EXPECT_GT(chooseWithResidual(1568, 2048, 512).teams, 0);
  // Some 132 tiles for 132 multiprocessors, where k is long.
  EXPECT_EQ(choose(4096, 768, 3072).columns, 192);
  EXPECT_EQ(choose(25088, 128, 1152).rows, 192);
  EXPECT_NE(choose(25088, 128, 1024).rows, 192);
  // No splitting where k is short.
  EXPECT_EQ(choose(3136, 64, 64).splits, 1);
}

} // namespace
} // namespace weft::cuda
