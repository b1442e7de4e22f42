// SPDX-License-Identifier: Apache-2.0
// LayerNorm: normalisation over the last axes.
#pragma once

#include "weft/NN/Module.h"

#include <source_location>

namespace weft::nn {

struct LayerNormOptions {
  DType dtype = float32;
  double eps = 1e-5;
};

/// y = (x - mean) / sqrt(var + eps) * weight + bias, where mean and (biased)
/// variance are those of the last `shape.rank()` axes; computed in float32 at
/// least.
///
///   x              [..., shape...]
///   weight, bias   shape
///
///   LayerNorm norm({3});
///   norm.weight = ones({3});
///   norm.bias = zeros({3});
///   norm(tensor({{1.0, 2.0, 3.0}}))   // [[-1.2247, 0, 1.2247]]
///
/// Errors, at the first call: an empty shape; x whose last sizes differ.
class LayerNorm : public Module {
public:
  explicit LayerNorm(
      const Shape &shape, LayerNormOptions options = {},
      std::source_location location = std::source_location::current());

  Tensor operator()(const Tensor &x, std::source_location location =
                                         std::source_location::current()) const;

  double eps;
  Parameter weight, bias;

  WEFT_FIELDS(weight, bias)
};

} // namespace weft::nn
