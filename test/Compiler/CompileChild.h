// SPDX-License-Identifier: Apache-2.0
// What a test in a process of its own (test/Runtime/ChildTest.h) says of what
// it compiles.
#pragma once

#include "weft/Compiler/Compiler.h"

#include <cstdio>

namespace weft::compiler {

inline void printCompiled(const Status &status) {
  const Statistics did = statistics();
  std::printf("compile: %s\n"
              "graphs loaded: %d, compiled: %d; kernels compiled: %d\n",
              status.ok() ? "ok" : std::string(status.message()).c_str(),
              static_cast<int>(did.graphsLoaded),
              static_cast<int>(did.graphsCompiled),
              static_cast<int>(did.kernelsCompiled));
}

} // namespace weft::compiler
