// SPDX-License-Identifier: Apache-2.0
// Parameters of linear layers, and what their arguments may be.
#include "weft/NN/Linear.h"

#include "lib/NN/Arguments.h"
#include "weft/Functions.h"

namespace weft::nn {
namespace {

Parameter make_weight(int64_t in, int64_t out, const LinearOptions &options,
                      std::source_location location) {
  Status status = arguments::at_least_one("Linear", "in", in);
  if (status.ok())
    status = arguments::at_least_one("Linear", "out", out);
  if (status.ok())
    status = arguments::floating("Linear", options.dtype);
  return status.ok() ? Parameter({out, in}, options.dtype, {}, location)
                     : Parameter::failed(status, location);
}

std::optional<Parameter> make_bias(int64_t out, const LinearOptions &options,
                                   std::source_location location) {
  if (!options.bias)
    return std::nullopt;
  return Parameter({out}, options.dtype, {}, location);
}

} // namespace

Linear::Linear(int64_t in, int64_t out, LinearOptions options,
               std::source_location location)
    : weight(make_weight(in, out, options, location)),
      bias(make_bias(out, options, location)) {}

Tensor Linear::operator()(const Tensor &x,
                          std::source_location location) const {
  return linear(x, weight, bias, location);
}

} // namespace weft::nn
