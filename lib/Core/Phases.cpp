// SPDX-License-Identifier: Apache-2.0
// Times of phases, summed over threads.
#include "Phases.h"

#include <array>
#include <atomic>

namespace weft {

static std::atomic<int64_t> &nanosecondsIn(Phase phase) {
  static std::array<std::atomic<int64_t>, kNumPhases> counters;
  return counters[static_cast<size_t>(phase)];
}

PhaseTimer::~PhaseTimer() {
  nanosecondsIn(phase_).fetch_add(
      std::chrono::nanoseconds(Clock::now() - start_).count(),
      std::memory_order_relaxed);
}

double secondsIn(Phase phase) {
  return 1e-9 * static_cast<double>(
                    nanosecondsIn(phase).load(std::memory_order_relaxed));
}

} // namespace weft
