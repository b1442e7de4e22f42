// SPDX-License-Identifier: Apache-2.0
// Convolution and pooling. Options with one entry count for every spatial axis.
#include "Record.h"

#include "weft/Core/ShapeRules.h"
#include "weft/Functions.h"

namespace weft {
namespace {

template <typename T>
std::vector<T> for_each_axis(const std::vector<T> &given, size_t axes) {
  return given.size() == 1 ? std::vector<T>(axes, given[0]) : given;
}

shape_rules::Window window(size_t axes, const std::vector<int64_t> &stride,
                           const std::vector<Padding> &padding,
                           const std::vector<int64_t> &dilation,
                           int64_t groups) {
  shape_rules::Window window;
  window.stride = for_each_axis(stride, axes);
  for (const Padding &pad : for_each_axis(padding, axes))
    window.padding.insert(window.padding.end(), {pad.low, pad.high});
  window.dilation = for_each_axis(dilation, axes);
  window.groups = groups;
  return window;
}

size_t spatial_axes(const Tensor &x) {
  return x.rank() > 2 ? static_cast<size_t>(x.rank()) - 2 : 0;
}

void append(std::vector<int64_t> &to, const std::vector<int64_t> &values) {
  to.insert(to.end(), values.begin(), values.end());
}

Tensor pool(OpKind kind, const Tensor &x, const std::vector<int64_t> &kernel,
            const PoolOptions &options, std::source_location location) {
  if (!x.ok())
    return x;
  if (Status s = record::accepts(name(kind), record::Types::number, x.dtype());
      !s.ok())
    return record::fail(s, location, {&x});
  const size_t n = spatial_axes(x);
  const std::vector<int64_t> sizes = for_each_axis(kernel, n);
  const shape_rules::Window w =
      window(n, options.stride, options.padding, {1}, 1);
  StatusOr<Shape> shape = shape_rules::pool(name(kind), x.shape(), sizes, w);
  if (!shape.ok())
    return record::fail(shape.status(), location, {&x});
  Attributes attributes{.ints = {static_cast<int64_t>(n)}};
  for (const auto *values : {&sizes, &w.stride, &w.padding})
    append(attributes.ints, *values);
  if (kind == OpKind::avgpool)
    attributes.ints.push_back(options.count_include_pad);
  return record::node(kind, x.dtype(), *shape, {&x}, std::move(attributes),
                      location);
}

} // namespace

Tensor conv(const Tensor &x, const Tensor &weight,
            const std::optional<Tensor> &bias, const ConvOptions &options,
            std::source_location location) {
  const Tensor &last = bias ? *bias : weight;
  for (const Tensor *operand : {&x, &weight, &last})
    if (!operand->ok())
      return *operand;
  Status status = record::same_types("conv", {&x, &weight, &last});
  if (status.ok())
    status = record::accepts("conv", record::Types::floating, x.dtype());
  if (status.ok())
    status = record::same_devices("conv", {&x, &weight, &last});
  if (!status.ok())
    return record::fail(status, location, {&weight, &x});

  const size_t n = spatial_axes(x);
  const shape_rules::Window w = window(n, options.stride, options.padding,
                                       options.dilation, options.groups);
  StatusOr<Shape> shape = shape_rules::conv(
      x.shape(), weight.shape(),
      bias ? std::optional<Shape>(bias->shape()) : std::nullopt, w);
  if (!shape.ok())
    return record::fail(shape.status(), location, {&weight, &x});
  Attributes attributes{.ints = {static_cast<int64_t>(n)}};
  for (const auto *values : {&w.stride, &w.padding, &w.dilation})
    append(attributes.ints, *values);
  attributes.ints.push_back(w.groups);
  if (bias)
    return record::node(OpKind::conv, x.dtype(), *shape, {&x, &weight, &*bias},
                        std::move(attributes), location);
  return record::node(OpKind::conv, x.dtype(), *shape, {&x, &weight},
                      std::move(attributes), location);
}

Tensor maxpool(const Tensor &x, const std::vector<int64_t> &kernel,
               const PoolOptions &options, std::source_location location) {
  return pool(OpKind::maxpool, x, kernel, options, location);
}

Tensor avgpool(const Tensor &x, const std::vector<int64_t> &kernel,
               const PoolOptions &options, std::source_location location) {
  return pool(OpKind::avgpool, x, kernel, options, location);
}

} // namespace weft
