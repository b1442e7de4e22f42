// SPDX-License-Identifier: Apache-2.0
// The tests of the program in parts: one for each folder of test/.
#pragma once

#include <string>
#include <vector>

namespace weft::gpu_check {

struct Part {
  std::string name; // `Target/CUDA`
  std::vector<std::string> tests;

  /// What `--gtest_filter` takes.
  std::string filter() const;
};

/// The tests that use a GPU: all of tensors, modules and digits, which run on
/// the default device, and those of other folders that say so in their names.
std::vector<Part> partsOfProgram();

struct Counts {
  int passed = 0, failed = 0, skipped = 0;
  Counts &operator+=(const Counts &other);
};

/// Runs a part in a process of its own, so that neither a crash nor a fault of
/// the GPU, which ends its context, reaches the next part. Tests that a crash
/// kept from running count as failed. Its output goes on to standard output.
Counts runApart(const Part &part, const std::vector<std::string> &arguments);

/// In the process of a part: runs what the filter names.
int runHere();

} // namespace weft::gpu_check
