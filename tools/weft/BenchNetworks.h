// SPDX-License-Identifier: Apache-2.0
// The networks that benchmarks run. One more is one more entry of the list.
#pragma once

#include "BenchProgram.h"

#include "weft/Core/Status.h"

#include <string>
#include <vector>

namespace weft::tools {

struct BenchNetwork {
  std::string name;
  Shape input; // a batch of 1, of images or what else
  /// A smaller input, on which results are compared with the reference
  /// interpreter's.
  Shape checked;
  /// The network with its weights on `device`, all of one type.
  BenchFunction (*make)(Device device, DType dtype);
  /// Batches that a GPU is asked for beside 1.
  std::vector<int64_t> batches = {};
};
const std::vector<BenchNetwork> &benchNetworks();

/// The shape of the input of `batch` images.
///
/// Errors: more elements than a shape has, or than this machine has memory for.
StatusOr<Shape> inBatches(const BenchNetwork &network, int64_t batch);

/// Whether `result`, recorded from tensors with elements, is what the reference
/// interpreter makes of the same graph.
Status checkNetwork(const std::string &name, const Tensor &result);

} // namespace weft::tools
