// SPDX-License-Identifier: Apache-2.0
// Reductions over any axes. The ops drop their axes; keeping them is a reshape.
#include "Record.h"

#include "weft/Core/ShapeRules.h"
#include "weft/Functions.h"

namespace weft {
namespace {

StatusOr<std::vector<int64_t>> resolve(std::string_view op, const Tensor &x,
                                       const Axes &axes) {
  std::optional<std::span<const int64_t>> given;
  if (axes.axes())
    given = *axes.axes();
  return shape_rules::axes(op, given, x.rank());
}

/// How many elements each result is made from.
int64_t count(const Tensor &x, const std::vector<int64_t> &axes) {
  int64_t count = 1;
  for (int64_t axis : axes)
    count *= x.shape()[static_cast<int>(axis)];
  return count;
}

/// `value` with the shape that `axes` of x leave with size 1.
Tensor keep(const Tensor &value, const Tensor &x,
            const std::vector<int64_t> &axes, std::source_location location) {
  StatusOr<Shape> shape =
      shape_rules::reduce("reduce", x.shape(), axes, /*keepdim=*/true);
  return shape.ok() ? reshape(value, *shape, location) : value;
}

/// One op of the dialect over resolved axes; over none it would change nothing.
Tensor reduce_over(OpKind kind, const Tensor &x,
                   const std::vector<int64_t> &axes, bool keepdim,
                   std::source_location location) {
  if (axes.empty())
    return x;
  StatusOr<Shape> shape = shape_rules::reduce(name(kind), x.shape(), axes);
  if (!shape.ok())
    return record::fail(shape.status(), location, {&x});
  Tensor value =
      record::node(kind, x.dtype(), *shape, {&x}, {.ints = axes}, location);
  return keepdim ? keep(value, x, axes, location) : value;
}

Tensor reduce(OpKind kind, record::Types types, const Tensor &x,
              const Axes &axes, bool keepdim, std::source_location location) {
  if (!x.ok())
    return x;
  if (Status s = record::accepts(name(kind), types, x.dtype()); !s.ok())
    return record::fail(s, location, {&x});
  StatusOr<std::vector<int64_t>> resolved = resolve(name(kind), x, axes);
  if (!resolved.ok())
    return record::fail(resolved.status(), location, {&x});
  if (kind == OpKind::max || kind == OpKind::min)
    if (Status s = shape_rules::non_empty(name(kind), x.shape(), *resolved);
        !s.ok())
      return record::fail(s, location, {&x});
  return reduce_over(kind, x, *resolved, keepdim, location);
}

Tensor arg_reduce(OpKind kind, const Tensor &x, std::optional<int64_t> axis,
                  bool keepdim, std::source_location location) {
  if (!x.ok())
    return x;
  const std::string_view op = name(kind);
  if (Status s = record::accepts(op, record::Types::number, x.dtype()); !s.ok())
    return record::fail(s, location, {&x});
  if (!axis) {
    Tensor flat =
        arg_reduce(kind, flatten(x, 0, -1, location), 0, false, location);
    Shape ones = x.shape();
    std::fill(ones.begin(), ones.end(), 1);
    return keepdim ? reshape(flat, ones, location) : flat;
  }
  StatusOr<int> dim = shape_rules::axis(op, *axis, x.rank());
  if (!dim.ok())
    return record::fail(dim.status(), location, {&x});
  const std::vector<int64_t> axes = {*dim};
  if (Status s = shape_rules::positions(op, x.shape(), *dim); !s.ok())
    return record::fail(s, location, {&x});
  StatusOr<Shape> shape = shape_rules::reduce(op, x.shape(), axes);
  if (!shape.ok())
    return record::fail(shape.status(), location, {&x});
  Tensor value =
      record::node(kind, int32, *shape, {&x}, {.ints = axes}, location);
  return keepdim ? keep(value, x, axes, location) : value;
}

} // namespace

Tensor sum(const Tensor &x, const Axes &axes, bool keepdim,
           std::source_location location) {
  return reduce(OpKind::sum, record::Types::number, x, axes, keepdim, location);
}
Tensor prod(const Tensor &x, const Axes &axes, bool keepdim,
            std::source_location location) {
  return reduce(OpKind::prod, record::Types::number, x, axes, keepdim,
                location);
}
Tensor max(const Tensor &x, const Axes &axes, bool keepdim,
           std::source_location location) {
  return reduce(OpKind::max, record::Types::number, x, axes, keepdim, location);
}
Tensor min(const Tensor &x, const Axes &axes, bool keepdim,
           std::source_location location) {
  return reduce(OpKind::min, record::Types::number, x, axes, keepdim, location);
}
Tensor all(const Tensor &x, const Axes &axes, bool keepdim,
           std::source_location location) {
  return reduce(OpKind::all, record::Types::boolean, x, axes, keepdim,
                location);
}
Tensor any(const Tensor &x, const Axes &axes, bool keepdim,
           std::source_location location) {
  return reduce(OpKind::any, record::Types::boolean, x, axes, keepdim,
                location);
}

Tensor argmax(const Tensor &x, std::optional<int64_t> axis, bool keepdim,
              std::source_location location) {
  return arg_reduce(OpKind::argmax, x, axis, keepdim, location);
}
Tensor argmin(const Tensor &x, std::optional<int64_t> axis, bool keepdim,
              std::source_location location) {
  return arg_reduce(OpKind::argmin, x, axis, keepdim, location);
}

Tensor mean(const Tensor &x, const Axes &axes, bool keepdim,
            std::source_location location) {
  if (!x.ok())
    return x;
  if (Status s = record::accepts("mean", record::Types::number, x.dtype());
      !s.ok())
    return record::fail(s, location, {&x});
  StatusOr<std::vector<int64_t>> resolved = resolve("mean", x, axes);
  if (!resolved.ok())
    return record::fail(resolved.status(), location, {&x});
  // Narrow integers are summed as int64: their sum would not fit.
  const DType wide =
      is_floating(x.dtype()) ? record::summing_type(x.dtype()) : int64;
  Tensor total = reduce_over(OpKind::sum, cast(x, wide, location), *resolved,
                             keepdim, location);
  const int64_t n = count(x, *resolved);
  const Scalar divisor =
      is_floating(wide) ? Scalar(static_cast<double>(n)) : Scalar(n);
  return cast(div(Arg(total, location), Arg(divisor, location)), x.dtype(),
              location);
}

Tensor var(const Tensor &x, const Axes &axes, bool keepdim, int64_t correction,
           std::source_location location) {
  if (!x.ok())
    return x;
  if (Status s = record::accepts("var", record::Types::floating, x.dtype());
      !s.ok())
    return record::fail(s, location, {&x});
  StatusOr<std::vector<int64_t>> resolved = resolve("var", x, axes);
  if (!resolved.ok())
    return record::fail(resolved.status(), location, {&x});
  Tensor wide = cast(x, record::summing_type(x.dtype()), location);
  Tensor centred = sub(Arg(wide, location),
                       mean(wide, *resolved, /*keepdim=*/true, location));
  Tensor total = reduce_over(OpKind::sum, mul(Arg(centred, location), centred),
                             *resolved, keepdim, location);
  const auto divisor = static_cast<double>(
      std::max<int64_t>(0, count(x, *resolved) - correction));
  return cast(div(Arg(total, location), divisor), x.dtype(), location);
}

} // namespace weft
