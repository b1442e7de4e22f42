// SPDX-License-Identifier: Apache-2.0
// BatchNorm: batch normalisation with statistics computed beforehand.
#pragma once

#include "weft/NN/Module.h"

#include <source_location>

namespace weft::nn {

struct BatchNormOptions {
  DType dtype = float32; // of the four parameters
  double eps = 1e-5;     // keeps the denominator away from 0
};

/// y = (x - running_mean) / sqrt(running_var + eps) * weight + bias
///
///   x        [N, C, ...], rank 2 to 5, of the parameters' type (or a 16-bit
///            float beside float32 parameters)
///   result   the shape and type of x
///
///   BatchNorm batch_norm(2);
///   batch_norm(iota({1, 2, 1, 1}))   // zeros: nothing loaded, x - mean is 0
///                                    // or weight is
///
/// Errors, at the first call: fewer than 1 feature; a type that is no float; x
/// with another number of channels.
class BatchNorm : public Module {
public:
  explicit BatchNorm(
      int64_t num_features, BatchNormOptions options = {},
      std::source_location location = std::source_location::current());

  Tensor operator()(const Tensor &x, std::source_location location =
                                         std::source_location::current()) const;

  DType dtype() const { return weight.dtype(); }

  int64_t num_features;
  double eps;
  Parameter weight, bias, running_mean, running_var;

  WEFT_FIELDS(weight, bias, running_mean, running_var)
};

} // namespace weft::nn
