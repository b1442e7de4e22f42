// SPDX-License-Identifier: Apache-2.0
// Parameters of layer norms, and what their arguments may be.
#include "weft/NN/LayerNorm.h"

#include "lib/NN/Arguments.h"
#include "weft/Functions.h"

namespace weft::nn {
namespace {

Parameter make(const Shape &shape, const LayerNormOptions &options,
               std::source_location location) {
  Status status = arguments::floating("LayerNorm", options.dtype);
  if (status.ok() && shape.empty())
    status = invalid_argument_error("LayerNorm: needs at least one size: got "
                                    "[]");
  return status.ok() ? Parameter(shape, options.dtype, {}, location)
                     : Parameter::failed(status, location);
}

} // namespace

LayerNorm::LayerNorm(const Shape &shape, LayerNormOptions options,
                     std::source_location location)
    : eps(options.eps), weight(make(shape, options, location)),
      bias(make(shape, options, location)) {}

Tensor LayerNorm::operator()(const Tensor &x,
                             std::source_location location) const {
  return layer_norm(x, weight, bias, eps, location);
}

} // namespace weft::nn
