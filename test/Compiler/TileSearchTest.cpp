// SPDX-License-Identifier: Apache-2.0
// Which tiles are tried, for how long, and which is taken: with kernels that
// take the time that a test says, by its own clock.
#include "lib/Compiler/TileSearch.h"
#include "weft/Compiler/Compiler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <map>
#include <mutex>

namespace weft::compiler {
namespace {

using testing::ElementsAre;
using testing::Eq;
using testing::Optional;
using testing::Pair;
using testing::UnorderedElementsAre;

constexpr double kFails = -1;

class FakeMeter final : public TileMeter {
public:
  /// Microseconds of each tile of each kernel, or that it fails.
  explicit FakeMeter(std::vector<std::vector<double>> times)
      : times_(std::move(times)) {}

  Status compile(size_t kernel, size_t tile) override {
    std::lock_guard lock(mutex_);
    compiled.emplace_back(kernel, tile);
    seconds += secondsToCompile;
    if (refused.contains({kernel, tile}))
      return internal_error("refused");
    return {};
  }
  StatusOr<double> time(size_t kernel, size_t tile, double limit) override {
    seconds += secondsToTime;
    limits[{kernel, tile}] = limit;
    double time = times_[kernel][tile];
    if (auto next = later.find({kernel, tile}); next != later.end())
      times_[kernel][tile] = next->second;
    if (time == kFails)
      return unavailable_error("too large");
    return time;
  }
  void finish(size_t kernel, std::optional<size_t> fastest) override {
    finished.emplace_back(kernel, fastest);
  }
  double now() override { return seconds; }

  std::vector<TunedKernel> search(const SearchLimits &limits = {}) {
    std::vector<size_t> counts;
    for (const auto &tiles : times_)
      counts.push_back(tiles.size());
    return searchTiles(counts, limits, *this);
  }

  std::atomic<double> seconds = 100;
  double secondsToCompile = 0, secondsToTime = 0;
  std::map<std::pair<size_t, size_t>, bool> refused;
  std::map<std::pair<size_t, size_t>, double> later; // times of second tries
  std::vector<std::pair<size_t, size_t>> compiled;
  std::map<std::pair<size_t, size_t>, double> limits;
  std::vector<std::pair<size_t, std::optional<size_t>>> finished;

private:
  std::vector<std::vector<double>> times_;
  std::mutex mutex_;
};

TEST(TileSearch, TakesTheFastest) {
  FakeMeter meter({{10, 8, 7, 9}, {5, 6, 7}});
  std::vector<TunedKernel> results = meter.search();
  ASSERT_EQ(results.size(), 2u);
  EXPECT_THAT(results[0].tile, Optional(2u));
  EXPECT_EQ(results[0].before, 10);
  EXPECT_EQ(results[0].after, 7);
  EXPECT_EQ(results[0].timed, 4u);
  EXPECT_TRUE(results[0].isOfAll);
  EXPECT_THAT(results[1].tile, Optional(0u));
  EXPECT_THAT(meter.finished,
              ElementsAre(Pair(0u, Optional(2u)), Pair(1u, Optional(0u))));
}

TEST(TileSearch, StaysWithTheModelWhereTimesAreAlike) {
  EXPECT_THAT(FakeMeter({{100, 98.1}}).search()[0].tile, Optional(0u));
  EXPECT_THAT(FakeMeter({{100, 97.9}}).search()[0].tile, Optional(1u));
}

TEST(TileSearch, GivesTheModelASecondTry) {
  // The device was at rest.
  FakeMeter rested({{10, 8, 9}});
  rested.later[{0, 0}] = 8;
  EXPECT_THAT(rested.search()[0].tile, Optional(0u));
  EXPECT_EQ(rested.search()[0].after, 8);
  // Both are as fast as they ever were.
  FakeMeter disturbed({{10, 8, 9}});
  disturbed.later[{0, 0}] = 9;
  disturbed.later[{0, 1}] = 12;
  TunedKernel result = disturbed.search()[0];
  EXPECT_THAT(result.tile, Optional(1u));
  EXPECT_EQ(result.before, 9);
  EXPECT_EQ(result.after, 8);
}

TEST(TileSearch, TellsWhatIsOfNoInterest) {
  FakeMeter meter({{8, 10, 20}});
  meter.search();
  EXPECT_TRUE(std::isinf(meter.limits[std::pair(0u, 0u)]));
  EXPECT_DOUBLE_EQ((meter.limits[std::pair(0u, 1u)]), 10.4);
  EXPECT_DOUBLE_EQ((meter.limits[std::pair(0u, 2u)]), 10.4);
}

TEST(TileSearch, PassesOverWhatFails) {
  FakeMeter meter({{10, kFails, 3, 7}, {kFails, 4}, {kFails}});
  meter.refused[{0, 2}] = true;
  std::vector<TunedKernel> results = meter.search();
  EXPECT_THAT(results[0].tile, Optional(3u));
  EXPECT_EQ(results[0].timed, 2u);
  EXPECT_EQ(results[0].failed, 2u);
  EXPECT_TRUE(results[0].isOfAll);
  // Also the model's choice.
  EXPECT_THAT(results[1].tile, Optional(1u));
  EXPECT_THAT(results[2].tile, Eq(std::nullopt));
  EXPECT_EQ(results[2].failed, 1u);
}

TEST(TileSearch, FastTriesTheFirstFew) {
  const SearchLimits fast = limitsOf(Tuning::fast);
  EXPECT_EQ(fast.seconds, 2);
  std::vector<double> times(20, 5);
  times[fast.tiles] = 1;
  FakeMeter meter({times, {3, 2}});
  std::vector<TunedKernel> results = meter.search(fast);
  EXPECT_THAT(results[0].tile, Optional(0u));
  EXPECT_EQ(results[0].timed, fast.tiles);
  EXPECT_FALSE(results[0].isOfAll);
  EXPECT_THAT(results[1].tile, Optional(1u));
  EXPECT_TRUE(results[1].isOfAll); // it has no more
  EXPECT_THAT(FakeMeter({times}).search(limitsOf(Tuning::full))[0].tile,
              Optional(fast.tiles));
}

TEST(TileSearch, TellsHowFarItIs) {
  std::vector<std::pair<int64_t, int64_t>> calls;
  setProgress([&](Activity activity, int64_t done, int64_t total) {
    EXPECT_EQ(activity, Activity::tuning);
    calls.emplace_back(done, total);
  });
  FakeMeter({{5, 4, 3}, {5, kFails}}).search({.tiles = 2});
  setProgress({});
  EXPECT_THAT(calls, ElementsAre(Pair(0, 4), Pair(1, 4), Pair(2, 4), Pair(3, 4),
                                 Pair(4, 4)));
}

TEST(TileSearch, EndsWhenTimeIsUp) {
  ASSERT_TRUE(set_num_threads(1).ok()); // a kernel a round
  // The first takes 1.5 s and two second tries, the second is timed in part.
  FakeMeter meter({{5, 4, 3}, {5, 4, 3}, {5, 4}});
  meter.secondsToTime = 0.5;
  std::vector<TunedKernel> results = meter.search({.seconds = 3});
  EXPECT_THAT(results[0].tile, Optional(2u));
  EXPECT_TRUE(results[0].isOfAll);
  EXPECT_THAT(results[1].tile, Optional(0u));
  EXPECT_EQ(results[1].timed, 1u);
  EXPECT_FALSE(results[1].isOfAll);
  EXPECT_THAT(results[2].tile, Eq(std::nullopt));
  EXPECT_THAT(meter.finished,
              ElementsAre(Pair(0u, Optional(2u)), Pair(1u, Optional(0u))));
  ASSERT_TRUE(set_num_threads(0).ok());
}

TEST(TileSearch, CompilesNothingWhenTimeIsUp) {
  ASSERT_TRUE(set_num_threads(1).ok());
  FakeMeter meter({{5, 4, 3}, {2, 1}});
  meter.secondsToCompile = 1;
  std::vector<TunedKernel> results = meter.search({.seconds = 2});
  EXPECT_THAT(meter.compiled, UnorderedElementsAre(Pair(0u, 0u), Pair(0u, 1u)));
  for (const TunedKernel &result : results) {
    EXPECT_THAT(result.tile, Eq(std::nullopt));
    EXPECT_FALSE(result.isOfAll);
  }
  ASSERT_TRUE(set_num_threads(0).ok());
}

} // namespace
} // namespace weft::compiler
