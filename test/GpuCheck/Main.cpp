// SPDX-License-Identifier: Apache-2.0
// Runs every test that uses a GPU and says how many passed:
//
//   weft-gpu-check [--seed N] [--count N] [--large] [--print]
//
// The options choose the random graphs. GoogleTest's options choose and show
// single tests. Needs a driver and NVRTC; without a GPU it says what is missing
// and fails.
#include "Parts.h"

#include "test/Random/Options.h"
#include "weft/Runtime.h"

#include "gtest/gtest.h"

#include <chrono>
#include <cstdlib>
#include <iomanip>
#include <iostream>

using namespace weft;
using namespace weft::gpu_check;

static void print(const std::string &name, const Counts &counts) {
  std::cout << name << counts.passed << " passed, " << counts.failed
            << " failed, " << counts.skipped << " skipped" << std::endl;
}

static int runAllParts(const std::vector<std::string> &arguments) {
  const std::vector<Part> parts = partsOfProgram();
  Counts total;
  if (Status status = is_usable(Device::gpu()); !status.ok()) {
    std::cout << "weft-gpu-check: no GPU to check: " << status << '\n';
    for (const Part &part : parts)
      total.skipped += static_cast<int>(part.tests.size());
    print("", total);
    return EXIT_FAILURE;
  }
  std::vector<Counts> counts;
  for (const Part &part : parts) {
    std::cout << "== " << part.name << std::endl;
    auto start = std::chrono::steady_clock::now();
    counts.push_back(runApart(part, arguments));
    std::cout << "   "
              << std::chrono::duration_cast<std::chrono::seconds>(
                     std::chrono::steady_clock::now() - start)
                     .count()
              << " s" << std::endl;
    total += counts.back();
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    std::cout << std::left << std::setw(14) << parts[i].name;
    print("", counts[i]);
  }
  print("", total);
  return total.failed == 0 && total.passed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv) {
  // Where tests do not ask for a device.
  setenv("WEFT_DEVICE", "gpu", /*overwrite=*/1);
  testing::InitGoogleTest(&argc, argv);
  if (!random::parseOptions(argc, argv)) {
    std::cerr << "usage: weft-gpu-check " << random::kOptionsUsage << '\n';
    return EXIT_FAILURE;
  }
  // With a filter this is the process of a part, or of somebody who looks for
  // one test.
  if (GTEST_FLAG_GET(filter) != "*")
    return runHere();
  return runAllParts({argv + 1, argv + argc});
}
