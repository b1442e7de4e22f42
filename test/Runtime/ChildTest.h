// SPDX-License-Identifier: Apache-2.0
// Tests in processes of their own, which find the fake driver
// (Fakes/driver.cpp).
#pragma once

#include "TempFolder.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <list>
#include <string>
#include <utility>
#include <vector>

namespace weft::runtime {

/// Variables to set, or, where the value is null, to unset.
using Environment = std::vector<std::pair<const char *, const char *>>;

/// What the disabled test `name` of this program prints, standard error
/// included, with a driver from the file `driver`.
inline std::string outputOfChild(const std::string &name, const char *driver,
                                 const Environment &environment) {
  TempFolder folder;
  std::filesystem::copy(driver, folder.path() + "/libcuda.so.1");
  std::list<ScopedVariable> variables;
  variables.emplace_back("LD_LIBRARY_PATH", folder.path().c_str());
  for (auto [variable, value] : environment)
    variables.emplace_back(variable, value);
  const std::string command =
      std::string(std::filesystem::read_symlink("/proc/self/exe")) +
      " --gtest_filter=" + name +
      " --gtest_also_run_disabled_tests --gtest_brief=1 2>&1";
  std::string output;
  FILE *child = popen(command.c_str(), "r");
  char buffer[4096];
  for (size_t n; (n = fread(buffer, 1, sizeof(buffer), child)) > 0;)
    output.append(buffer, n);
  EXPECT_EQ(pclose(child), 0) << output;
  // The file's folder differs from run to run.
  for (size_t at; (at = output.find(folder.path())) != std::string::npos;)
    output.replace(at, folder.path().size(), "FOLDER");
  return output;
}

} // namespace weft::runtime
