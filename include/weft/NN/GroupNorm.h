// SPDX-License-Identifier: Apache-2.0
// GroupNorm: normalisation over groups of channels.
#pragma once

#include "weft/NN/Module.h"

#include <source_location>

namespace weft::nn {

struct GroupNormOptions {
  DType dtype = float32;
  double eps = 1e-5;
};

/// y = (x - mean) / sqrt(var + eps) * weight[c] + bias[c], where mean and
/// (biased) variance are those of a sample's group of channels; computed in
/// float32 at least.
///
///   x              [N, channels, ...]
///   weight, bias   [channels]
///
///   GroupNorm norm(2, 4);   // 2 groups of 2 channels
///
/// Errors, at the first call: channels that are no multiple of groups; x with
/// another number of channels.
class GroupNorm : public Module {
public:
  GroupNorm(int64_t groups, int64_t channels, GroupNormOptions options = {},
            std::source_location location = std::source_location::current());

  Tensor operator()(const Tensor &x, std::source_location location =
                                         std::source_location::current()) const;

  int64_t groups;
  double eps;
  Parameter weight, bias;

  WEFT_FIELDS(weight, bias)
};

} // namespace weft::nn
