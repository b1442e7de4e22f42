// SPDX-License-Identifier: Apache-2.0
// Functions that move elements and change none. All shape changes that keep the
// row-major order are the one op `reshape`.
#include "Record.h"

#include "weft/Core/ShapeRules.h"
#include "weft/Functions.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace weft {
namespace {

Tensor reshaped(const Tensor &x, const StatusOr<Shape> &shape,
                std::source_location location) {
  if (!shape.ok())
    return record::fail(shape.status(), location, {&x});
  if (*shape == x.shape())
    return x;
  return record::node(OpKind::reshape, x.dtype(), *shape, {&x}, {}, location);
}

Tensor transposed(std::string_view op, const Tensor &x,
                  std::span<const int64_t> permutation,
                  std::source_location location) {
  StatusOr<Shape> shape = shape_rules::transpose(x.shape(), permutation, op);
  if (!shape.ok())
    return record::fail(shape.status(), location, {&x});
  return record::node(OpKind::transpose, x.dtype(), *shape, {&x},
                      {.ints = permutation}, location);
}

} // namespace

Tensor reshape(const Tensor &x, const Shape &shape,
               std::source_location location) {
  if (!x.ok())
    return x;
  return reshaped(x, shape_rules::reshape(x.shape(), shape), location);
}

Tensor flatten(const Tensor &x, int64_t start, int64_t end,
               std::source_location location) {
  if (!x.ok())
    return x;
  return reshaped(x, shape_rules::flatten(x.shape(), start, end), location);
}

Tensor squeeze(const Tensor &x, const std::vector<int64_t> &axes,
               std::source_location location) {
  if (!x.ok())
    return x;
  return reshaped(x, shape_rules::squeeze(x.shape(), axes), location);
}

Tensor unsqueeze(const Tensor &x, int64_t axis, std::source_location location) {
  if (!x.ok())
    return x;
  return reshaped(x, shape_rules::unsqueeze(x.shape(), axis), location);
}

Tensor transpose(const Tensor &x, int64_t axis0, int64_t axis1,
                 std::source_location location) {
  if (!x.ok())
    return x;
  std::array<int64_t, Shape::kMaxRank> dims;
  const std::span<int64_t> permutation =
      std::span(dims).first(x.shape().size());
  std::iota(permutation.begin(), permutation.end(), 0);
  StatusOr<int> a = shape_rules::axis("transpose", axis0, x.rank());
  if (!a.ok())
    return record::fail(a.status(), location, {&x});
  StatusOr<int> b = shape_rules::axis("transpose", axis1, x.rank());
  if (!b.ok())
    return record::fail(b.status(), location, {&x});
  std::swap(permutation[static_cast<size_t>(*a)],
            permutation[static_cast<size_t>(*b)]);
  return transposed("transpose", x, permutation, location);
}

Tensor permute(const Tensor &x, const std::vector<int64_t> &order,
               std::source_location location) {
  if (!x.ok())
    return x;
  auto from_front = [&](int64_t axis) {
    return axis < 0 && axis >= -x.rank() ? axis + x.rank() : axis;
  };
  std::array<int64_t, Shape::kMaxRank> dims;
  const bool fits = order.size() <= dims.size();
  std::vector<int64_t> too_many(fits ? 0 : order.size()); // for the message
  const std::span<int64_t> permutation =
      fits ? std::span(dims).first(order.size()) : std::span(too_many);
  std::ranges::transform(order, permutation.begin(), from_front);
  return transposed("permute", x, permutation, location);
}

Tensor expand(const Tensor &x, const Shape &sizes,
              std::source_location location) {
  if (!x.ok())
    return x;
  StatusOr<Shape> shape = shape_rules::expand(x.shape(), sizes);
  if (!shape.ok())
    return record::fail(shape.status(), location, {&x});
  return record::broadcast_to(x, *shape, location);
}

Tensor slice(const Tensor &x, const std::vector<Slice> &slices,
             std::source_location location) {
  if (!x.ok())
    return x;
  if (slices.size() > x.shape().size())
    return record::fail(
        invalid_argument_error("slice: more slices than dims: got " +
                               std::to_string(slices.size()) + ", shape " +
                               to_string(x.shape())),
        location, {&x});
  Shape shape;
  std::array<int64_t, 2 * Shape::kMaxRank> ints;
  const std::span<int64_t> starts = std::span(ints).first(x.shape().size()),
                           steps = std::span(ints).subspan(starts.size(),
                                                           starts.size());
  for (int dim = 0; dim < x.rank(); ++dim) {
    const size_t i = static_cast<size_t>(dim);
    StatusOr<shape_rules::SliceBounds> bounds = shape_rules::slice(
        i < slices.size() ? slices[i] : Slice{}, x.shape()[dim]);
    if (!bounds.ok())
      return record::fail(bounds.status(), location, {&x});
    starts[i] = bounds->start;
    steps[i] = bounds->step;
    shape.push_back(bounds->size);
  }
  const bool is_whole =
      shape == x.shape() &&
      std::all_of(steps.begin(), steps.end(), [](int64_t s) { return s == 1; });
  if (is_whole)
    return x;
  return record::node(OpKind::slice, x.dtype(), shape, {&x},
                      {.ints = std::span(ints).first(2 * starts.size())},
                      location);
}

Tensor concatenate(const std::vector<Tensor> &tensors, int64_t axis,
                   std::source_location location) {
  std::vector<Shape> shapes;
  std::vector<Operand> inputs;
  for (const Tensor &tensor : tensors) {
    if (!tensor.ok())
      return tensor;
    shapes.push_back(tensor.shape());
    inputs.push_back({.node = tensor.node()});
  }
  StatusOr<Shape> shape = shape_rules::concatenate(shapes, axis);
  if (!shape.ok())
    return record::fail(shape.status(), location);
  const Tensor &first = tensors.front();
  for (const Tensor &tensor : tensors) {
    Status status = record::same_types("concatenate", {&first, &tensor});
    if (status.ok())
      status = record::same_devices("concatenate", {&first, &tensor});
    if (!status.ok())
      return record::fail(status, location, {&first, &tensor});
  }
  if (tensors.size() == 1)
    return first;
  if (axis < 0)
    axis += first.rank();
  return record::node(OpKind::concatenate, first.dtype(), *shape, inputs,
                      {.ints = {&axis, 1}}, first.device(), location);
}

Tensor stack(const std::vector<Tensor> &tensors, int64_t axis,
             std::source_location location) {
  std::vector<Tensor> parts;
  for (const Tensor &tensor : tensors) {
    if (!tensor.ok())
      return tensor;
    if (tensor.shape() != tensors.front().shape())
      return record::fail(
          invalid_argument_error(
              "stack: shapes differ: " + to_string(tensors.front().shape()) +
              " and " + to_string(tensor.shape())),
          location, {&tensor});
    parts.push_back(unsqueeze(tensor, axis, location));
  }
  if (parts.empty())
    return record::fail(
        invalid_argument_error("stack: needs at least one tensor: got 0"),
        location);
  return concatenate(parts, axis, location);
}

} // namespace weft
