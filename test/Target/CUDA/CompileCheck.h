// SPDX-License-Identifier: Apache-2.0
// Compiles emitted text without a GPU, for every kind that Weft has schedules
// for.
#pragma once

#include "Emulator.h"

#include "runtime/Nvrtc.h"

namespace weft::cuda_tests {

inline constexpr const char *kArchitectures[] = {"sm_80", "sm_90a", "sm_100a"};

/// One entry for each text that does not compile or draws a warning: of the
/// compiler, or that registers are spilled to memory in a loop. Equal texts are
/// compiled once. Uses all processors. An NVRTC that is too old for an
/// architecture finds nothing there.
std::vector<std::string>
findWarnings(const runtime::Nvrtc &nvrtc, const std::string &architecture,
             std::span<const emulator::Source> sources);

} // namespace weft::cuda_tests
