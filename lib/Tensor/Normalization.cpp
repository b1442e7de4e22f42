// SPDX-License-Identifier: Apache-2.0
// softmax and batch_norm stay whole until the compiler has looked at them;
// layer and group norm are compositions that the fuser makes one kernel of.
#include "Record.h"

#include "weft/Core/ShapeRules.h"
#include "weft/Functions.h"

#include <cmath>

namespace weft {
namespace {

/// (x - mean) / sqrt(var + eps) over `axes`; x is wide enough for sums.
Tensor normalize(const Tensor &x, const std::vector<int64_t> &axes, double eps,
                 std::source_location location) {
  Tensor centre = mean(x, axes, /*keepdim=*/true, location);
  Tensor centred = sub(Arg(x, location), centre);
  Tensor variance =
      mean(mul(Arg(centred, location), centred), axes, true, location);
  return mul(Arg(centred, location),
             rsqrt(add(Arg(variance, location), eps), location));
}

Status check_parameters(std::string_view op, const Tensor &x,
                        std::initializer_list<const Tensor *> parameters) {
  Status status = record::accepts(op, record::Types::floating, x.dtype());
  for (const Tensor *parameter : parameters)
    if (status.ok())
      status = record::same_types(op, {&x, parameter});
  for (const Tensor *parameter : parameters)
    if (status.ok())
      status = record::same_devices(op, {&x, parameter});
  return status;
}

Status check_eps(std::string_view op, double eps) {
  if (std::isfinite(eps) && eps >= 0)
    return {};
  return invalid_argument_error(std::string(op) +
                                ": eps is negative or not finite: got " +
                                record::to_text(eps));
}

} // namespace

Tensor softmax(const Tensor &x, int64_t axis, std::source_location location) {
  if (!x.ok())
    return x;
  if (Status s = record::accepts("softmax", record::Types::floating, x.dtype());
      !s.ok())
    return record::fail(s, location, {&x});
  StatusOr<int> dim = shape_rules::axis("softmax", axis, x.rank());
  if (!dim.ok())
    return record::fail(dim.status(), location, {&x});
  const int64_t along[] = {*dim};
  return record::node(OpKind::softmax, x.dtype(), x.shape(), {&x},
                      {.ints = along}, location);
}

Tensor batch_norm(const Tensor &x, const Tensor &weight, const Tensor &bias,
                  const Tensor &running_mean, const Tensor &running_var,
                  double eps, std::source_location location) {
  const std::initializer_list<const Tensor *> parameters = {
      &weight, &bias, &running_mean, &running_var};
  if (!x.ok())
    return x;
  for (const Tensor *operand : parameters)
    if (!operand->ok())
      return *operand;
  Status status =
      record::accepts("batch_norm", record::Types::floating, x.dtype());
  if (status.ok())
    status = record::same_types("batch_norm", parameters);
  // Statistics stay float32 where half-precision nets want them to.
  const bool is_wider = weight.dtype() == float32 && is_floating(x.dtype()) &&
                        size_in_bytes(x.dtype()) < 4;
  if (status.ok() && !is_wider)
    status = record::same_types("batch_norm", {&x, &weight});
  if (status.ok())
    status = record::same_devices(
        "batch_norm", {&x, &weight, &bias, &running_mean, &running_var});
  if (status.ok())
    status = check_eps("batch_norm", eps);
  if (!status.ok())
    return record::fail(status, location, {&weight, &x});
  StatusOr<Shape> shape =
      shape_rules::batch_norm(x.shape(), weight.shape(), bias.shape(),
                              running_mean.shape(), running_var.shape());
  if (!shape.ok())
    return record::fail(shape.status(), location, {&weight, &x});
  return record::node(OpKind::batch_norm, x.dtype(), *shape,
                      {&x, &weight, &bias, &running_mean, &running_var},
                      {.real = eps}, location);
}

Tensor layer_norm(const Tensor &x, const Tensor &weight, const Tensor &bias,
                  double eps, std::source_location location) {
  for (const Tensor *operand : {&x, &weight, &bias})
    if (!operand->ok())
      return *operand;
  Status status = check_parameters("layer_norm", x, {&weight, &bias});
  if (status.ok())
    status = check_eps("layer_norm", eps);
  const int n = weight.rank();
  const bool matches = n > 0 && n <= x.rank() &&
                       bias.shape() == weight.shape() &&
                       std::equal(weight.shape().begin(), weight.shape().end(),
                                  x.shape().end() - n);
  if (status.ok() && !matches)
    status = invalid_argument_error(
        "layer_norm: weight and bias are not the last sizes of x: x " +
        to_string(x.shape()) + ", weight " + to_string(weight.shape()) +
        ", bias " + to_string(bias.shape()));
  if (!status.ok())
    return record::fail(status, location, {&weight, &x});

  const DType wide = record::summing_type(x.dtype());
  std::vector<int64_t> axes;
  for (int axis = x.rank() - n; axis < x.rank(); ++axis)
    axes.push_back(axis);
  Tensor y = normalize(cast(x, wide, location), axes, eps, location);
  y = mul(Arg(y, location), cast(weight, wide, location));
  y = add(Arg(y, location), cast(bias, wide, location));
  return cast(y, x.dtype(), location);
}

Tensor group_norm(const Tensor &x, int64_t groups, const Tensor &weight,
                  const Tensor &bias, double eps,
                  std::source_location location) {
  for (const Tensor *operand : {&x, &weight, &bias})
    if (!operand->ok())
      return *operand;
  Status status = check_parameters("group_norm", x, {&weight, &bias});
  if (status.ok())
    status = check_eps("group_norm", eps);
  auto bad = [](std::string rule) {
    return invalid_argument_error("group_norm: " + std::move(rule));
  };
  if (status.ok() && x.rank() < 2)
    status = bad("rank of x below 2: got " + to_string(x.shape()));
  if (status.ok() && (groups < 1 || x.shape()[1] % groups != 0))
    status = bad("channels are not a multiple of groups: x " +
                 to_string(x.shape()) + ", groups " + std::to_string(groups));
  for (const Tensor *parameter : {&weight, &bias})
    if (status.ok() && parameter->shape() != Shape{x.shape()[1]})
      status =
          bad("weight or bias does not match the channels: x " +
              to_string(x.shape()) + ", got " + to_string(parameter->shape()));
  if (!status.ok())
    return record::fail(status, location, {&weight, &x});

  const DType wide = record::summing_type(x.dtype());
  const int64_t n = x.shape()[0];
  const int64_t per_group =
      x.num_elements() == 0 ? 0 : x.num_elements() / n / groups;
  Tensor y = reshape(cast(x, wide, location), {n, groups, per_group}, location);
  y = reshape(normalize(y, {2}, eps, location), x.shape(), location);
  Shape per_channel = x.shape();
  std::fill(per_channel.begin(), per_channel.end(), 1);
  per_channel[1] = x.shape()[1];
  auto channels = [&](const Tensor &parameter) {
    return reshape(cast(parameter, wide, location), per_channel, location);
  };
  y = mul(Arg(y, location), channels(weight));
  y = add(Arg(y, location), channels(bias));
  return cast(y, x.dtype(), location);
}

} // namespace weft
