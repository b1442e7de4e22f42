// SPDX-License-Identifier: Apache-2.0
// Tuning from a graph to the kernels on disk, on a GPU that computes nothing
// and takes a known time for it (test/Runtime/Fakes): the less shared memory a
// kernel has, the faster it is. The children say what they do through WEFT_LOG.
#include "CompileChild.h"
#include "test/Runtime/ChildTest.h"

#include "lib/Target/CUDA/MatrixTile.h"
#include "weft/Compile.h"
#include "weft/Functions.h"
#include "weft/Runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

namespace weft {
namespace {

using runtime::TempFolder;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// ---- children ---------------------------------------------------------------

const InputSpec kLeft{float16, {256, 512}}, kRight{float16, {512, 256}};

void compileChild(const CompileOptions &options = {}) {
  StatusOr<Executable> product =
      compile([](const Tensor &a, const Tensor &b) { return matmul(a, b); },
              {kLeft, kRight}, options);
  compiler::printCompiled(product.status());
}

// Not tests of their own: what a program says with the fake driver.
TEST(TuneChild, DISABLED_Product) { compileChild(); }
TEST(TuneChild, DISABLED_ProductAsOptionsSay) {
  compileChild({.tuning = Tuning::full});
}
TEST(TuneChild, DISABLED_ProductTwice) {
  compileChild({.tuning = Tuning::full});
  compileChild({.tuning = Tuning::off});
  compileChild({.tuning = Tuning::full});
}
// Another graph with the same kernel.
TEST(TuneChild, DISABLED_ProductAndSum) {
  StatusOr<Executable> both = compile(
      [](const Tensor &a, const Tensor &b) {
        return std::pair(matmul(a, b), sum(a, 1));
      },
      {kLeft, kRight});
  compiler::printCompiled(both.status());
}
// The same kernel twice in one graph.
TEST(TuneChild, DISABLED_Products) {
  StatusOr<Executable> both = compile(
      [](const Tensor &a, const Tensor &b, const Tensor &c) {
        return std::pair(matmul(a, b), matmul(a, c));
      },
      {kLeft, kRight, kRight});
  compiler::printCompiled(both.status());
}

// ---- what they should say ---------------------------------------------------

/// The tiles of the product in the order of the model.
std::vector<cuda::MatrixTile> tiles() {
  cuda::Contraction product;
  product.rows.extent = product.columns.extent = 256;
  cuda::MatrixUnits units = *cuda::matrixUnitsOf({"sm_90a"});
  units.stays = true;
  return cuda::rankedMatrixTiles(product, 512, units);
}

/// What a kernel takes on the fake GPU.
int64_t timeOf(const cuda::MatrixTile &tile) {
  return 1 + tile.sharedBytes() / 1024;
}

/// `timed: 3, failed: 1; takes 19.0 us with T, 65.0 us with M`: the fastest of
/// the first `count` tiles that work, and the first.
std::string fastestOf(
    size_t count, std::function<bool(const cuda::MatrixTile &)> works =
                      [](const cuda::MatrixTile &) { return true; }) {
  std::vector<cuda::MatrixTile> all = tiles();
  auto text = [&](const cuda::MatrixTile &tile) {
    return (works(tile) ? std::to_string(timeOf(tile)) + ".0 us" : "unknown") +
           " with " + cuda::print(tile);
  };
  const cuda::MatrixTile *best = nullptr;
  size_t timed = 0;
  for (size_t i = 0; i < count; ++i)
    if (works(all[i])) {
      ++timed;
      if (!best || timeOf(all[i]) < timeOf(*best))
        best = &all[i];
    }
  return "timed: " + std::to_string(timed) +
         ", failed: " + std::to_string(count - timed) + "; takes " +
         text(*best) + ", " + text(all[0]);
}

class Tune : public testing::Test {
protected:
  /// What a child prints. All children of a test share a cache.
  std::string child(const std::string &name, const char *tuning,
                    runtime::Environment more = {}) {
    runtime::Environment environment = {
        {"FAKE_CUDA", "nothing"},        {"WEFT_DEVICE", "gpu"},
        {"WEFT_NVRTC", WEFT_TEST_NVRTC}, {"WEFT_LOG", "debug"},
        {"WEFT_TUNING", tuning},         {"WEFT_CACHE_DIR", cache_.c_str()},
        {"WEFT_DUMP_DIR", nullptr},      {"WEFT_FLOAT32_PRECISION", nullptr}};
    environment.insert(environment.end(), more.begin(), more.end());
    return runtime::outputOfChild("TuneChild.DISABLED_" + name,
                                  WEFT_TEST_DRIVER, environment);
  }

  TempFolder folder_;
  std::string cache_ = folder_.path() + "/cache";
};

TEST_F(Tune, OffMeasuresNothing) {
  for (const char *tuning : {static_cast<const char *>(nullptr), "off", ""}) {
    cache_ += "x";
    EXPECT_THAT(child("Product", tuning),
                AllOf(HasSubstr("kernels compiled: 1\n"),
                      Not(HasSubstr("tuning")), Not(HasSubstr("tiles"))));
  }
}

TEST_F(Tune, FullTakesTheFastestOfAll) {
  const size_t numTiles = tiles().size();
  std::string output = child("Product", "full");
  EXPECT_THAT(
      output,
      AllOf(HasSubstr("compile: ok\n"),
            HasSubstr("tiles: " + std::to_string(numTiles) + ", " +
                      fastestOf(numTiles)),
            HasSubstr("; kernels timed: 1, known before: 0, left to the "
                      "model: 0; not as the model would have it: 1"),
            // Its code was kept.
            HasSubstr("kernels compiled: " + std::to_string(numTiles) + "\n")));
}

TEST_F(Tune, FastTakesTheFastestOfAFew) {
  EXPECT_THAT(child("Product", "fast"), HasSubstr(fastestOf(6)));
}

TEST_F(Tune, OptionsOverrideTheProcess) {
  EXPECT_THAT(child("ProductAsOptionsSay", "off"), HasSubstr("tuning (full)"));
}

TEST_F(Tune, GraphsOfOneTuningAreNotThoseOfAnother) {
  // Tuned, not tuned, and found in memory.
  std::string output = child("ProductTwice", "off");
  EXPECT_THAT(output, HasSubstr(", compiled: 2;"));
  EXPECT_THAT(output, Not(HasSubstr(", compiled: 3;")));
  EXPECT_THAT(output, HasSubstr("graph found in memory"));
}

TEST_F(Tune, NorAreTheyOnDisk) {
  for (const char *tuning : {"full", "off", "fast"})
    EXPECT_THAT(child("Product", tuning),
                HasSubstr("graphs loaded: 0, compiled: 1"))
        << tuning;
  for (const char *tuning : {"full", "off", "fast"})
    EXPECT_THAT(child("Product", tuning),
                HasSubstr("graphs loaded: 1, compiled: 0"))
        << tuning;
}

TEST_F(Tune, WinnersAreKept) {
  child("Product", "full");
  // The graph as a whole.
  EXPECT_THAT(
      child("Product", "full"),
      HasSubstr("graphs loaded: 1, compiled: 0; kernels compiled: 0\n"));
  // The kernel in another graph, also for those who ask for less.
  for (const char *tuning : {"full", "fast"})
    EXPECT_THAT(child("ProductAndSum", tuning),
                AllOf(HasSubstr("compile: ok\n"),
                      HasSubstr("kernels timed: 0, known before: 1")))
        << tuning;
}

TEST_F(Tune, TheBestOfAFewIsNotTheBestOfAll) {
  child("Product", "fast");
  EXPECT_THAT(child("ProductAndSum", "fast"),
              HasSubstr("kernels timed: 0, known before: 1"));
  EXPECT_THAT(child("ProductAndSum", "full"),
              HasSubstr("kernels timed: 1, known before: 0"));
}

TEST_F(Tune, TheBestForOnePrecisionIsNotThatForAnother) {
  child("Product", "fast");
  EXPECT_THAT(
      child("ProductAndSum", "fast", {{"WEFT_FLOAT32_PRECISION", "tf32"}}),
      HasSubstr("kernels timed: 1, known before: 0"));
}

TEST_F(Tune, WithoutAFolderNothingIsKept) {
  cache_ = "";
  for (int i = 0; i < 2; ++i)
    EXPECT_THAT(child("Product", "fast"),
                AllOf(HasSubstr("compile: ok\n"),
                      HasSubstr("kernels timed: 1, known before: 0")));
}

TEST_F(Tune, AKernelIsTunedOnceForAGraph) {
  EXPECT_THAT(child("Products", "fast"), HasSubstr("kernels timed: 1, "));
}

std::string contents(const std::string &folder, const std::string &ending) {
  std::string text;
  for (const auto &entry :
       std::filesystem::recursive_directory_iterator(folder))
    if (entry.path().string().ends_with(ending)) {
      std::ifstream file(entry.path());
      text.append(std::istreambuf_iterator<char>(file), {});
    }
  return text;
}

TEST_F(Tune, OffIsAsIfNobodyHadTuned) {
  const std::string before = folder_.path() + "/before",
                    tuned = folder_.path() + "/tuned",
                    after = folder_.path() + "/after";
  child("Product", "off", {{"WEFT_DUMP_DIR", before.c_str()}});
  child("Product", "full", {{"WEFT_DUMP_DIR", tuned.c_str()}});
  child("Product", "off", {{"WEFT_DUMP_DIR", after.c_str()}});
  EXPECT_FALSE(contents(before, ".cu").empty());
  EXPECT_EQ(contents(before, ".cu"), contents(after, ".cu"));
  EXPECT_NE(contents(before, ".cu"), contents(tuned, ".cu"));
}

TEST_F(Tune, TilesThatFailArePassedOver) {
  // Too much shared memory for the device.
  const size_t numTiles = tiles().size();
  EXPECT_THAT(
      child("Product", "full",
            {{"FAKE_CUDA", "cuLaunchKernelEx"}, {"FAKE_SHARED", "40000"}}),
      AllOf(HasSubstr("compile: ok\n"),
            HasSubstr(fastestOf(numTiles, [](const cuda::MatrixTile &tile) {
              return tile.sharedBytes() <= 40'000;
            }))));
  // Refused by the compiler.
  cache_ += "2";
  EXPECT_THAT(
      child("Product", "full", {{"FAKE_NVRTC_REFUSES", "WEFT_CLUSTER(8)"}}),
      AllOf(HasSubstr("compile: ok\n"),
            HasSubstr(fastestOf(numTiles, [](const cuda::MatrixTile &tile) {
              return tile.splits != 8;
            }))));
  // All of them.
  cache_ += "3";
  EXPECT_THAT(child("Product", "full",
                    {{"FAKE_CUDA", "cuLaunchKernelEx"}, {"FAKE_SHARED", "0"}}),
              AllOf(HasSubstr("kernels timed: 0, known before: 0, left to the "
                              "model: 1"),
                    HasSubstr("compile: ok\n")));
}

TEST_F(Tune, AWrongVariableIsNamed) {
  EXPECT_THAT(child("Product", "quick"),
              AllOf(HasSubstr("weft: warning: WEFT_TUNING: got \"quick\", "
                              "expected off, fast or full\n"),
                    Not(HasSubstr("tuning ("))));
}

} // namespace
} // namespace weft
