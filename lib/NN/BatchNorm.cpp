// SPDX-License-Identifier: Apache-2.0
// Parameters of batch norms, and what their arguments may be.
#include "weft/NN/BatchNorm.h"

#include "lib/NN/Arguments.h"
#include "weft/Functions.h"

namespace weft::nn {
namespace {

Parameter make(int64_t num_features, const BatchNormOptions &options,
               std::source_location location) {
  Status status =
      arguments::at_least_one("BatchNorm", "num_features", num_features);
  if (status.ok())
    status = arguments::floating("BatchNorm", options.dtype);
  return status.ok() ? Parameter({num_features}, options.dtype, {}, location)
                     : Parameter::failed(status, location);
}

} // namespace

BatchNorm::BatchNorm(int64_t num_features, BatchNormOptions options,
                     std::source_location location)
    : num_features(num_features), eps(options.eps),
      weight(make(num_features, options, location)),
      bias(make(num_features, options, location)),
      running_mean(make(num_features, options, location)),
      running_var(make(num_features, options, location)) {}

Tensor BatchNorm::operator()(const Tensor &x,
                             std::source_location location) const {
  return batch_norm(x, weight, bias, running_mean, running_var, eps, location);
}

} // namespace weft::nn
