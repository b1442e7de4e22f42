// SPDX-License-Identifier: Apache-2.0
// Phases: what a scope adds.
#include "lib/Core/Phases.h"

#include "gtest/gtest.h"

#include <thread>

namespace weft {
namespace {

TEST(Phases, AScopeCountsForItsPhaseAlone) {
  const double load = secondsIn(Phase::load), emit = secondsIn(Phase::emit);
  {
    PhaseTimer timer(Phase::load);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  EXPECT_GE(secondsIn(Phase::load) - load, 0.002);
  EXPECT_EQ(secondsIn(Phase::emit), emit);
}

TEST(Phases, WaitingIsNoWork) {
  const double before = secondsIn(Phase::generate);
  {
    PhaseTimer timer(Phase::generate);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_LT(secondsIn(Phase::generate) - before, 0.01);
}

TEST(Phases, ThreadsAddUp) {
  const double before = secondsIn(Phase::import);
  auto work = [] {
    PhaseTimer timer(Phase::import);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  };
  std::thread one(work), two(work);
  one.join();
  two.join();
  EXPECT_GE(secondsIn(Phase::import) - before, 0.004);
}

} // namespace
} // namespace weft
