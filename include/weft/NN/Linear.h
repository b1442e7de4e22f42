// SPDX-License-Identifier: Apache-2.0
// Linear: a matrix product and a bias.
#pragma once

#include "weft/NN/Module.h"

#include <optional>
#include <source_location>

namespace weft::nn {

struct LinearOptions {
  bool bias = true;
  DType dtype = float32;
};

/// y = x W^T + b
///
///   x        [..., in]
///   weight   [out, in]
///   bias     [out], or absent
///   result   [..., out]
///
///   Linear layer(2, 1);
///   layer.weight = tensor({{1.0, 1.0}});
///   layer.bias = tensor({10.0});
///   layer(tensor({{1.0, 2.0}, {3.0, 4.0}}))   // [[13], [17]]
///
/// Errors, at the first call: sizes below 1; an x of another size or type.
class Linear : public Module {
public:
  Linear(int64_t in, int64_t out, LinearOptions options = {},
         std::source_location location = std::source_location::current());

  Tensor operator()(const Tensor &x, std::source_location location =
                                         std::source_location::current()) const;

  Parameter weight;
  std::optional<Parameter> bias;

  WEFT_FIELDS(weight, bias)
};

} // namespace weft::nn
