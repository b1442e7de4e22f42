// SPDX-License-Identifier: Apache-2.0
// The command-line tool: finds the command asked for, runs it, and speaks to
// the user as a Unix tool does.
#include "Command.h"
#include "ProgressLine.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

using namespace llvm;

namespace weft::tools {

Command::Command(const char *name, const char *description, int (*run)())
    : SubCommand(name, description), run(run) {
  all().push_back(this);
}

std::vector<Command *> &Command::all() {
  static std::vector<Command *> commands;
  return commands;
}

static int complain(std::string_view message, int code) {
  std::string line = "weft: " + std::string(message) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
  return code;
}

int exitCode(const Status &status) {
  return status.ok() ? kSuccess : complain(status.message(), kFailure);
}

int misuse(const Status &status) { return complain(status.message(), kMisuse); }

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  if (!text.empty() && text.back() != '\n')
    std::fputc('\n', stdout);
}

/// Ends the program with what LLVM's parser says, in the manner of all other
/// messages. What it says of values it has written already, in one line.
static int misusedOptions(StringRef errors, StringRef program) {
  StringRef line = errors.ltrim().split('\n').first;
  line.consume_front(program);
  line.consume_front(": ");
  std::string message = line.split("  Try: ").first.rtrim(" .!").str();
  if (message.empty())
    return kMisuse;
  message.front() = toLower(message.front());
  return misuse(invalid_argument_error(message));
}

/// Linking LLVM brings hundreds of options of its own into every help text.
static void hideForeignOptions() {
  auto hide = [](cl::SubCommand &sub) {
    bool isTop = &sub == &cl::SubCommand::getTopLevel();
    for (auto &[name, option] : cl::getRegisteredOptions(sub)) {
      if (name == "help")
        option->setDescription("Print this text");
      else if (name == "help-list") // LLVM's help shows it in any case
        option->setDescription("Print the options without groups");
      else if (isTop && name != "version")
        option->setHiddenFlag(cl::ReallyHidden);
    }
  };
  hide(cl::SubCommand::getTopLevel());
  for (Command *command : Command::all())
    hide(*command);
}

static void printVersion(raw_ostream &os) {
  os << "weft " WEFT_VERSION ", LLVM " LLVM_VERSION_STRING "\n";
}

/// Results that could not be written are a failure, a reader who went away
/// before the end is none.
static int finish(int code) {
  bool failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0;
  if (!failed || code != kSuccess || errno == EPIPE)
    return code;
  return complain(std::string("standard output: ") + std::strerror(errno),
                  kFailure);
}

} // namespace weft::tools

int main(int argc, char **argv) {
  using namespace weft::tools;
  hideForeignOptions();
  cl::SetVersionPrinter(printVersion);
  std::string errors;
  raw_string_ostream os(errors);
  if (!cl::ParseCommandLineOptions(
          argc, argv, "Weft, lazy tensors and a graph compiler\n", &os))
    return misusedOptions(errors, sys::path::filename(argv[0]));
  showProgress();
  for (Command *command : Command::all())
    if (*command)
      return finish(command->run());
  cl::PrintHelpMessage();
  return kMisuse;
}
