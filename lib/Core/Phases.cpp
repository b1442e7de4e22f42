// SPDX-License-Identifier: Apache-2.0
// Times of phases, summed over threads.
#include "Phases.h"

#include <array>
#include <atomic>
#include <ctime>

namespace weft {

static std::atomic<int64_t> &nanosecondsIn(Phase phase) {
  static std::array<std::atomic<int64_t>, kNumPhases> counters;
  return counters[static_cast<size_t>(phase)];
}

static int64_t nanoseconds(Phase phase) {
  timespec time;
  clock_gettime(phase < Phase::emit ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID,
                &time);
  return int64_t(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

PhaseTimer::PhaseTimer(Phase phase)
    : phase_(phase), start_(nanoseconds(phase)) {}

PhaseTimer::~PhaseTimer() {
  nanosecondsIn(phase_).fetch_add(nanoseconds(phase_) - start_,
                                  std::memory_order_relaxed);
}

double secondsIn(Phase phase) {
  return 1e-9 * static_cast<double>(
                    nanosecondsIn(phase).load(std::memory_order_relaxed));
}

} // namespace weft
