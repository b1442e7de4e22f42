// SPDX-License-Identifier: Apache-2.0
// The convolutions of a recorded network, each different one once.
#pragma once

#include "BenchBatchNorm.h"

#include "weft/Functions.h"

#include "lib/Compiler/Program.h"

#include <vector>

namespace weft::tools {

/// A convolution, and what its kernel computes behind it.
struct NetworkConv {
  Shape x, weight; // [N, C, D...], [O, C / groups, k...]
  ConvOptions options;
  NormForm form;
  int64_t times = 0; // in the network
};

/// In the order in which the network has them. Each is followed by a batch
/// norm; what adds two of them is counted to the one it adds to.
std::vector<NetworkConv> networkConvs(const compiler::Program &program);

/// Those of ResNet-50 for `batch` images of 224 x 224.
StatusOr<std::vector<NetworkConv>> resnet50Convs(int64_t batch);

} // namespace weft::tools
