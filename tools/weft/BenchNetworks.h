// SPDX-License-Identifier: Apache-2.0
// The networks that benchmarks run. One more is one more entry of the list.
#pragma once

#include "BenchProgram.h"

#include <string>
#include <vector>

namespace weft::tools {

struct BenchNetwork {
  std::string name;
  InputSpec input;
  /// A smaller input, on which results are compared with the reference
  /// interpreter's.
  InputSpec checked;
  /// The network with its weights on `device`.
  BenchFunction (*make)(Device device);
};
const std::vector<BenchNetwork> &benchNetworks();

} // namespace weft::tools
