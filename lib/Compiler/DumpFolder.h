// SPDX-License-Identifier: Apache-2.0
// The folder WEFT_DUMP_DIR: every stage of every compilation of a program that
// may know nothing of the tool.
#pragma once

#include "weft/Compiler/Compiler.h"

namespace weft::compiler {

/// The folder, or null; read from the environment once.
const std::string *dumpFolder();

/// Writes the stages into a new folder in there, `0001`, `0002`, ...: what is
/// there stays. The first failure is a warning, the others are silent.
void dumpStages(const Stages &stages);

} // namespace weft::compiler
