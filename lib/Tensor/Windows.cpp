// SPDX-License-Identifier: Apache-2.0
// Convolution and pooling. Options with one entry count for every spatial axis.
#include "Record.h"

#include "weft/Core/ShapeRules.h"
#include "weft/Functions.h"

#include <array>
#include <concepts>

namespace weft {
namespace {

/// The integers of a window's attributes, written one list after the other.
/// Without allocation: a net has many windows.
class WindowInts {
public:
  explicit WindowInts(size_t axes) : axes_(axes) { push(axes); }

  template <std::integral T> void push(T value) {
    ints_[size_++] = static_cast<int64_t>(value);
  }
  /// Appends one entry for each axis and returns them. A list that has neither
  /// one for all nor one for each comes back as it is, for the rule to refuse.
  std::span<const int64_t> append(const std::vector<int64_t> &given) {
    if (given.size() != 1 && given.size() != axes_)
      return given;
    for (size_t axis = 0; axis < axes_; ++axis)
      push(given.size() == 1 ? given[0] : given[axis]);
    return all().last(axes_);
  }
  std::span<const int64_t> append(const std::vector<Padding> &given) {
    if (given.size() != 1 && given.size() != axes_) {
      refused_.resize(2 * given.size());
      return refused_;
    }
    for (size_t axis = 0; axis < axes_; ++axis) {
      const Padding &pad = given.size() == 1 ? given[0] : given[axis];
      push(pad.low), push(pad.high);
    }
    return all().last(2 * axes_);
  }
  std::span<const int64_t> all() const { return {ints_.data(), size_}; }

private:
  // The most are those of a pool: the number of axes, four for each, a flag.
  static constexpr size_t kMaxAxes = Shape::kMaxRank - 2;
  std::array<int64_t, 2 + 4 * kMaxAxes> ints_;
  size_t size_ = 0, axes_;
  std::vector<int64_t> refused_;
};

size_t spatial_axes(const Tensor &x) {
  return x.rank() > 2 ? static_cast<size_t>(x.rank()) - 2 : 0;
}

Tensor pool(OpKind kind, const Tensor &x, const std::vector<int64_t> &kernel,
            const PoolOptions &options, std::source_location location) {
  if (!x.ok())
    return x;
  if (Status s = record::accepts(name(kind), record::Types::number, x.dtype());
      !s.ok())
    return record::fail(s, location, {&x});
  WindowInts ints(spatial_axes(x));
  std::array<int64_t, Shape::kMaxRank> ones;
  ones.fill(1);
  const std::span<const int64_t> sizes = ints.append(kernel);
  const shape_rules::Window window{.stride = ints.append(options.stride),
                                   .padding = ints.append(options.padding),
                                   .dilation =
                                       std::span(ones).first(spatial_axes(x))};
  StatusOr<Shape> shape =
      shape_rules::pool(name(kind), x.shape(), sizes, window);
  if (!shape.ok())
    return record::fail(shape.status(), location, {&x});
  if (kind == OpKind::avgpool)
    ints.push(options.count_include_pad);
  return record::node(kind, x.dtype(), *shape, {&x}, {.ints = ints.all()},
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

  WindowInts ints(spatial_axes(x));
  const shape_rules::Window window{.stride = ints.append(options.stride),
                                   .padding = ints.append(options.padding),
                                   .dilation = ints.append(options.dilation),
                                   .groups = options.groups};
  StatusOr<Shape> shape = shape_rules::conv(
      x.shape(), weight.shape(),
      bias ? std::optional<Shape>(bias->shape()) : std::nullopt, window);
  if (!shape.ok())
    return record::fail(shape.status(), location, {&weight, &x});
  ints.push(window.groups);
  if (bias)
    return record::node(OpKind::conv, x.dtype(), *shape, {&x, &weight, &*bias},
                        {.ints = ints.all()}, location);
  return record::node(OpKind::conv, x.dtype(), *shape, {&x, &weight},
                      {.ints = ints.all()}, location);
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
