// SPDX-License-Identifier: Apache-2.0
// Which graphs the tests draw.
#pragma once

#include <cstdint>

namespace weft::random {

struct Options {
  uint64_t firstSeed = 1;
  int numGraphs = 300;
  /// Compiling takes longer than interpreting: fewer graphs unless told.
  int numCompiledGraphs = 80;
  bool print = false, large = false;
};

/// What the tests of this process use.
Options &options();

inline constexpr const char *kOptionsUsage =
    "[--seed N] [--count N] [--large] [--print]";

/// Sets `options` from a program's arguments; false if one is unknown.
bool parseOptions(int argc, char **argv);

} // namespace weft::random
