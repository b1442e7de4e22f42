// SPDX-License-Identifier: Apache-2.0
// Parameters of group norms, and what their arguments may be.
#include "weft/NN/GroupNorm.h"

#include "lib/NN/Arguments.h"
#include "weft/Functions.h"

namespace weft::nn {
namespace {

Parameter make(int64_t groups, int64_t channels,
               const GroupNormOptions &options, std::source_location location) {
  Status status = arguments::at_least_one("GroupNorm", "channels", channels);
  if (status.ok())
    status = arguments::multiple("GroupNorm", "channels", channels, groups);
  if (status.ok())
    status = arguments::floating("GroupNorm", options.dtype);
  return status.ok() ? Parameter({channels}, options.dtype, {}, location)
                     : Parameter::failed(status, location);
}

} // namespace

GroupNorm::GroupNorm(int64_t groups, int64_t channels, GroupNormOptions options,
                     std::source_location location)
    : groups(groups), eps(options.eps),
      weight(make(groups, channels, options, location)),
      bias(make(groups, channels, options, location)) {}

Tensor GroupNorm::operator()(const Tensor &x,
                             std::source_location location) const {
  return group_norm(x, groups, weight, bias, eps, location);
}

} // namespace weft::nn
