// SPDX-License-Identifier: Apache-2.0
// Parameters of convolutions, and what their arguments may be.
#include "weft/NN/Conv.h"

#include "lib/NN/Arguments.h"

namespace weft::nn {
namespace {

Status check(int64_t in, int64_t out, const ConvOptions &options) {
  Status status = arguments::at_least_one("Conv", "in", in);
  if (status.ok())
    status = arguments::at_least_one("Conv", "out", out);
  if (status.ok())
    status = arguments::multiple("Conv", "in", in, options.groups);
  if (status.ok())
    status = arguments::multiple("Conv", "out", out, options.groups);
  if (status.ok())
    status = arguments::floating("Conv", options.dtype);
  if (status.ok() && (options.kernel.empty() || options.kernel.size() > 3))
    status = invalid_argument_error(
        "Conv: needs one to three kernel sizes: got " +
        to_string(Shape(std::span<const int64_t>(options.kernel))));
  return status;
}

Parameter make_weight(int64_t in, int64_t out, const ConvOptions &options,
                      std::source_location location) {
  if (Status status = check(in, out, options); !status.ok())
    return Parameter::failed(status, location);
  Shape shape{out, in / options.groups};
  for (int64_t size : options.kernel)
    shape.push_back(size);
  return Parameter(shape, options.dtype, {}, location);
}

std::optional<Parameter> make_bias(int64_t out, const ConvOptions &options,
                                   std::source_location location) {
  if (!options.bias)
    return std::nullopt;
  return Parameter({out}, options.dtype, {}, location);
}

} // namespace

Conv::Conv(int64_t in, int64_t out, ConvOptions options,
           std::source_location location)
    : weight(make_weight(in, out, options, location)),
      bias(make_bias(out, options, location)),
      options{.stride = std::move(options.stride),
              .padding = std::move(options.padding),
              .dilation = std::move(options.dilation),
              .groups = options.groups} {}

Tensor Conv::operator()(const Tensor &x, std::source_location location) const {
  return conv(x, weight, bias, options, location);
}

} // namespace weft::nn
