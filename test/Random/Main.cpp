// SPDX-License-Identifier: Apache-2.0
// The program weft-random-tests.
#include "Options.h"

#include "gtest/gtest.h"

#include <iostream>

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  if (!weft::random::parseOptions(argc, argv)) {
    std::cerr << "usage: weft-random-tests " << weft::random::kOptionsUsage
              << '\n';
    return 1;
  }
  const weft::random::Options &options = weft::random::options();
  std::cout << "seeds " << options.firstSeed << " to "
            << options.firstSeed + static_cast<uint64_t>(options.numGraphs) - 1
            << std::endl;
  return RUN_ALL_TESTS();
}
