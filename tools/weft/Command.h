// SPDX-License-Identifier: Apache-2.0
// What a command of the tool `weft` is, and how commands end.
#pragma once

#include "weft/Core/Status.h"

#include "llvm/Support/CommandLine.h"

#include <string>
#include <string_view>
#include <vector>

namespace weft::tools {

/// A command declares itself, its options and the function that runs it in one
/// file; Main.cpp knows none of them by name.
///
///   static int run() { return exitCode(clear(folder)); }
///   static Command command("clear", "Clear a folder", run);
///   static cl::opt<std::string> folder(cl::Positional, cl::Required,
///                                      cl::desc("FOLDER"), cl::sub(command));
class Command : public llvm::cl::SubCommand {
public:
  Command(const char *name, const char *description, int (*run)());

  /// Returns the exit code of the program.
  int (*const run)();

  /// All commands, in no particular order.
  static std::vector<Command *> &all();
};

/// Exit codes. Both of the others come with one line on standard error,
/// `weft: ...`.
inline constexpr int kSuccess = 0, kFailure = 1, kMisuse = 2;

/// Ends a command that was called correctly.
int exitCode(const Status &status);
/// Ends a command that was called with options that make no sense.
int misuse(const Status &status);

/// Writes to standard output; ends the text with a line end if it has none.
void print(std::string_view text);

} // namespace weft::tools
