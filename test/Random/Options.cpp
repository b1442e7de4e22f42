// SPDX-License-Identifier: Apache-2.0
#include "Options.h"

#include <cstdlib>
#include <string_view>

namespace weft::random {

Options &options() {
  static Options options;
  return options;
}

bool parseOptions(int argc, char **argv) {
  Options &o = options();
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument == "--seed" && i + 1 < argc)
      o.firstSeed = std::strtoull(argv[++i], nullptr, 10);
    else if (argument == "--count" && i + 1 < argc)
      o.numGraphs = o.numCompiledGraphs = std::atoi(argv[++i]);
    else if (argument == "--large")
      o.large = true;
    else if (argument == "--print")
      o.print = true;
    else
      return false;
  }
  return true;
}

} // namespace weft::random
