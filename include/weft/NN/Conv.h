// SPDX-License-Identifier: Apache-2.0
// Conv: convolution with one to three spatial axes.
#pragma once

#include "weft/Functions.h"
#include "weft/NN/Module.h"

#include <optional>
#include <source_location>
#include <vector>

namespace weft::nn {

/// One size a spatial axis in `kernel`; elsewhere a single entry counts for
/// all of them.
struct ConvOptions {
  std::vector<int64_t> kernel;
  std::vector<int64_t> stride = {1};
  std::vector<Padding> padding = {0};
  std::vector<int64_t> dilation = {1};
  int64_t groups = 1;
  bool bias = true;
  DType dtype = float32;
};

/// Cross-correlation; `weft::conv` has the formula.
///
///   x        [N, in, D...]
///   weight   [out, in / groups, kernel...]
///   bias     [out], or absent
///
///   Conv(3, 64, {.kernel = {7, 7}, .stride = {2}, .padding = {3},
///                .bias = false})
///
/// Errors, at the first call: channels below 1 or no multiple of groups; no
/// kernel, or more than three sizes of it; the errors of `weft::conv`.
class Conv : public Module {
public:
  Conv(int64_t in, int64_t out, ConvOptions options,
       std::source_location location = std::source_location::current());

  Tensor operator()(const Tensor &x, std::source_location location =
                                         std::source_location::current()) const;

  Parameter weight;
  std::optional<Parameter> bias;
  weft::ConvOptions options;

  WEFT_FIELDS(weight, bias)
};

} // namespace weft::nn
