// SPDX-License-Identifier: Apache-2.0
// The batch norms that benchmarks run, alone or behind a convolution, what
// follows them, and what comes out.
#pragma once

#include "weft/Weft.h"

#include <cstdint>
#include <string_view>

namespace weft::tools {

/// What follows a batch norm: a residual, a relu.
struct NormForm {
  bool add = false, relu = false;
  /// The batch norm's, and the residual.
  size_t inputs() const { return add ? 2 : 1; }
};
/// Of "bn", "bn+relu", "bn+add+relu".
NormForm normFormOf(std::string_view name);
std::string_view nameOf(NormForm form);

/// `channels` of them, with parameters that are exact in every type.
nn::BatchNorm benchBatchNorm(int64_t channels, DType dtype, Device device);

/// Element of the result of channel `c` from `x` and the residual.
struct NormResult {
  double value;
  double size; // of the largest value on the way, each rounded to the type
};
NormResult normResult(NormForm form, int64_t c, double x, double residual);

/// Half a step of the type, and what f32 rounds on the way.
double toleranceOf(DType dtype, const NormResult &result);

} // namespace weft::tools
