// SPDX-License-Identifier: Apache-2.0
// Where the time from a graph to its first result goes: the compiler notes the
// time of each phase, `weft bench` reads it.
#pragma once

#include <cstdint>

namespace weft {

enum class Phase : uint8_t {
  // Wall time:
  import,  // recorded graph to MLIR
  passes,  // graph passes up to the memory plan
  kernels, // all kernels, by several threads
  load,    // machine code into the process or onto the device
  // Processor time of the threads that compile kernels, which does not count
  // how long they waited for a core:
  emit,     // group to a kernel's IR, or to CUDA text
  lower,    // a kernel's IR to the LLVM dialect
  generate, // to machine code: LLVM, or NVRTC
};
inline constexpr int kNumPhases = 7;

/// Adds the time of a scope to a phase. A scope inside another counts for both.
///
///   PhaseTimer timer(Phase::import);
class PhaseTimer {
public:
  explicit PhaseTimer(Phase phase);
  PhaseTimer(const PhaseTimer &) = delete;
  PhaseTimer &operator=(const PhaseTimer &) = delete;
  ~PhaseTimer();

private:
  Phase phase_;
  int64_t start_;
};

/// Spent in a phase since the start of the process, summed over threads.
double secondsIn(Phase phase);

} // namespace weft
