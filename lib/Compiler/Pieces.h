// SPDX-License-Identifier: Apache-2.0
// Programs cut into pieces that are compiled one by one. What a loop has
// recorded is cut where its steps end, so that loops of any length are made of
// the same few pieces (docs/decisions/0006-loops-are-cut.md).
#pragma once

#include "Program.h"

namespace weft::compiler {

/// Some consecutive ops of a program, as a program.
struct Piece {
  Program program;
  // Which values and numbers of the whole its own are.
  std::vector<int32_t> inputs, outputs, scalars;
};

/// The pieces of a program in the order in which they run: a single one unless
/// it repeats the same steps very often or is longer than a net. Depends on
/// nothing but the program.
std::vector<Piece> cut(Program program);

} // namespace weft::compiler
