// SPDX-License-Identifier: Apache-2.0
// The bytes of a file, for tests that work on what a compiler made.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

namespace weft::runtime {

inline std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

} // namespace weft::runtime
