// SPDX-License-Identifier: Apache-2.0
// Where the time from a graph to its first result goes: the compiler notes the
// time of each phase, `weft bench` reads it.
#pragma once

#include <chrono>
#include <cstdint>

namespace weft {

enum class Phase : uint8_t {
  import,   // recorded graph to MLIR
  passes,   // graph passes up to the memory plan
  kernels,  // all kernels, by several threads: what follows, and waiting
  emit,     // group to a kernel's IR, or to CUDA text
  lower,    // a kernel's IR to the LLVM dialect
  generate, // to machine code: LLVM, or NVRTC
  load,     // machine code into the process or onto the device
};
inline constexpr int kNumPhases = 7;

/// Adds the time of a scope to a phase. A scope inside another counts for both.
///
///   PhaseTimer timer(Phase::import);
class PhaseTimer {
public:
  explicit PhaseTimer(Phase phase) : phase_(phase) {}
  PhaseTimer(const PhaseTimer &) = delete;
  PhaseTimer &operator=(const PhaseTimer &) = delete;
  ~PhaseTimer();

private:
  using Clock = std::chrono::steady_clock;
  Phase phase_;
  Clock::time_point start_ = Clock::now();
};

/// Spent in a phase since the start of the process, summed over threads.
double secondsIn(Phase phase);

} // namespace weft
