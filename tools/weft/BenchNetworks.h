// SPDX-License-Identifier: Apache-2.0
// The networks that benchmarks run. One more is one more entry of the list.
#pragma once

#include "BenchProgram.h"

#include <string>
#include <vector>

namespace weft::tools {

struct BenchNetwork {
  std::string name;
  Shape input; // of one image, or what else a batch is of
  /// A smaller input, on which results are compared with the reference
  /// interpreter's.
  Shape checked;
  /// The network with its weights on `device`, all of one type.
  BenchFunction (*make)(Device device, DType dtype);
};
const std::vector<BenchNetwork> &benchNetworks();

} // namespace weft::tools
