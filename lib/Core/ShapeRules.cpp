// SPDX-License-Identifier: Apache-2.0
// The shape rule of every op. Sizes come from users: they may be anything up to
// the limits of int64, so products and sums are formed where they cannot
// overflow.
#include "weft/Core/ShapeRules.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include <limits>

namespace weft::shape_rules {
namespace {

/// Wide enough for any sum of a few products of two int64.
using Wide = __int128;

constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();

/// `op: rule: values`
template <typename... Values>
Status error(std::string_view op, std::string_view rule,
             const Values &...values) {
  std::string message;
  message.append(op).append(": ").append(rule).append(": ");
  absl::StrAppend(&message, values...);
  return invalid_argument_error(std::move(message));
}

std::string list(std::span<const int64_t> values) {
  return absl::StrCat("[", absl::StrJoin(values, ", "), "]");
}

std::string name_list(std::span<const Shape> shapes) {
  std::string text;
  for (size_t i = 0; i < shapes.size(); ++i) {
    if (i > 0)
      text += i + 1 == shapes.size() ? " and " : ", ";
    text += to_string(shapes[i]);
  }
  return text;
}

/// `shape` as the result of `op`, if it is one.
StatusOr<Shape> result(std::string_view op, const Shape &shape) {
  if (Status status = valid(op, shape); !status.ok())
    return status;
  return shape;
}

/// Sizes that only a longer type can hold stay too large when cut to int64.
int64_t saturate(Wide size) {
  return size > kInt64Max ? kInt64Max : static_cast<int64_t>(size);
}

/// Few numbers need the longer type, whose division is a slow call.
Wide divide(Wide x, int64_t y) {
  return x <= kInt64Max ? Wide(static_cast<int64_t>(x) / y) : x / y;
}

/// A list of a window, and what it must be.
struct WindowRule {
  const char *name, *plural;
  std::span<const int64_t> values;
  size_t count;
  int64_t least;
};

/// What convolution and pooling check of their windows alike.
Status check(std::string_view op, std::span<const int64_t> kernel,
             const Window &window) {
  const size_t n = kernel.size();
  const WindowRule rules[] = {
      {"kernel size", "kernel sizes", kernel, n, 1},
      {"stride", "strides", window.stride, n, 1},
      {"padding", "paddings", window.padding, 2 * n, 0},
      {"dilation", "dilations", window.dilation, n, 1},
  };
  // Whoever records gives pairs, an op in text form gives numbers.
  if (const size_t given = window.padding.size();
      given != 2 * n && given % 2 == 0)
    return error(op, "wrong number of paddings", "got ", given / 2,
                 " (low, high), expected ", n, " for ", n, " spatial dims");
  for (const WindowRule &rule : rules)
    if (rule.values.size() != rule.count)
      return error(op, absl::StrCat("wrong number of ", rule.plural), "got ",
                   rule.values.size(), ", expected ", rule.count, " for ", n,
                   " spatial dims");
  for (const WindowRule &rule : rules)
    for (int64_t value : rule.values)
      if (value < rule.least)
        return error(op, absl::StrCat(rule.name, " below ", rule.least), "got ",
                     list(rule.values));
  return {};
}

/// Appends the spatial sizes of the result to `out`.
Status slide(std::string_view op, const Shape &x,
             std::span<const int64_t> kernel, const Window &window,
             Shape &out) {
  if (Status status = check(op, kernel, window); !status.ok())
    return status;
  const size_t n = kernel.size();
  for (size_t i = 0; i < n; ++i) {
    const int64_t size = x[static_cast<int>(i) + 2];
    const Wide padded =
        Wide(size) + window.padding[2 * i] + window.padding[2 * i + 1];
    const Wide extent = Wide(window.dilation[i]) * (kernel[i] - 1) + 1;
    if (extent > padded)
      return error(op, "kernel is larger than the padded input", "kernel ",
                   list(kernel), " with dilation ", list(window.dilation),
                   ", input ", to_string(x), " with padding ",
                   list(window.padding));
    out.push_back(saturate(divide(padded - extent, window.stride[i]) + 1));
  }
  return {};
}

} // namespace

Status valid(std::string_view op, const Shape &shape) {
  if (shape.rank() > Shape::kMaxRank)
    return error(op, "too many dims", "got ", shape.rank(), ", limit ",
                 Shape::kMaxRank);
  // Sizes of 0 count as 1: strides are products of the others.
  int64_t elements = 1;
  for (int64_t size : shape) {
    if (size < 0)
      return error(op, "negative size", "shape ", to_string(shape));
    if (size > 1 && (__builtin_mul_overflow(elements, size, &elements) ||
                     elements > kMaxElements))
      return error(op, "too many elements", "shape ", to_string(shape),
                   ", limit ", kMaxElements);
  }
  return {};
}

StatusOr<Shape> broadcast(std::string_view op, std::span<const Shape> shapes) {
  int rank = 0;
  for (const Shape &shape : shapes) {
    if (Status status = valid(op, shape); !status.ok())
      return status;
    rank = std::max(rank, shape.rank());
  }
  Shape common;
  for (int dim = 0; dim < rank; ++dim)
    common.push_back(1);
  for (const Shape &shape : shapes)
    for (int dim = -shape.rank(); dim < 0; ++dim) {
      if (shape[dim] == 1 || shape[dim] == common[dim])
        continue;
      if (common[dim] != 1)
        return error(op, "shapes do not broadcast", name_list(shapes));
      common[dim] = shape[dim];
    }
  return result(op, common);
}

StatusOr<Shape> expand(const Shape &x, const Shape &sizes) {
  if (Status status = valid("expand", x); !status.ok())
    return status;
  if (sizes.rank() > Shape::kMaxRank)
    return valid("expand", sizes);
  if (sizes.rank() < x.rank())
    return error("expand", "fewer sizes than dims", "sizes ", to_string(sizes),
                 ", shape ", to_string(x));
  Shape out = sizes;
  for (int dim = -sizes.rank(); dim < 0; ++dim) {
    const bool is_new = dim < -x.rank();
    if (out[dim] == -1 && !is_new)
      out[dim] = x[dim];
    else if (out[dim] == -1)
      return error("expand", "-1 for a dim that x does not have", "sizes ",
                   to_string(sizes), ", shape ", to_string(x));
    else if (!is_new && x[dim] != 1 && x[dim] != out[dim])
      return error("expand", "shape does not broadcast to sizes", "sizes ",
                   to_string(sizes), ", shape ", to_string(x));
  }
  return result("expand", out);
}

StatusOr<int> axis(std::string_view op, int64_t axis, int rank) {
  if (axis < -rank || axis >= rank)
    return error(op, "axis out of range", "axis ", axis, ", rank ", rank);
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

StatusOr<std::vector<int64_t>>
axes(std::string_view op, std::optional<std::span<const int64_t>> axes,
     int rank) {
  std::vector<int64_t> all;
  all.reserve(axes ? axes->size() : static_cast<size_t>(rank));
  if (!axes) {
    for (int dim = 0; dim < rank; ++dim)
      all.push_back(dim);
    return all;
  }
  for (int64_t given : *axes) {
    StatusOr<int> dim = axis(op, given, rank);
    if (!dim.ok())
      return dim.status();
    all.push_back(*dim);
  }
  std::sort(all.begin(), all.end());
  if (std::adjacent_find(all.begin(), all.end()) != all.end())
    return error(op, "duplicate axis", "axes ", list(*axes), ", rank ", rank);
  return all;
}

StatusOr<Shape> reshape(const Shape &x, const Shape &sizes) {
  for (const Shape *shape : {&x, &sizes})
    if (shape->rank() > Shape::kMaxRank)
      return valid("reshape", *shape);
  if (Status status = valid("reshape", x); !status.ok())
    return status;
  Shape out = sizes;
  const int64_t *unknown = nullptr;
  for (int64_t &size : out) {
    if (size != -1)
      continue;
    if (unknown)
      return error("reshape", "more than one -1", "sizes ", to_string(sizes));
    unknown = &size;
    size = 1;
  }
  if (Status status = valid("reshape", out); !status.ok())
    return status;

  const int64_t have = x.num_elements(), known = out.num_elements();
  if (unknown && known == 0)
    return error("reshape", "-1 is ambiguous beside a size of 0", "shape ",
                 to_string(x), ", sizes ", to_string(sizes));
  if (unknown ? have % known != 0 : have != known)
    return error("reshape", "element counts differ", "shape ", to_string(x),
                 ", sizes ", to_string(sizes));
  if (unknown)
    out[static_cast<int>(unknown - out.begin())] = have / known;
  return result("reshape", out);
}

StatusOr<Shape> transpose(const Shape &x, std::span<const int64_t> permutation,
                          std::string_view op) {
  if (Status status = valid(op, x); !status.ok())
    return status;
  auto bad = [&](std::string_view rule) {
    return error(op, rule, "permutation ", list(permutation), ", shape ",
                 to_string(x));
  };
  if (permutation.size() != x.size())
    return bad("permutation does not name every dim");
  Shape out;
  uint32_t seen = 0;
  for (int64_t dim : permutation) {
    if (dim < 0 || dim >= x.rank())
      return bad("axis out of range");
    if (seen >> dim & 1)
      return bad("duplicate axis");
    seen |= 1u << dim;
    out.push_back(x[static_cast<int>(dim)]);
  }
  return out;
}

StatusOr<Shape> flatten(const Shape &x, int64_t start, int64_t end) {
  if (Status status = valid("flatten", x); !status.ok())
    return status;
  // A scalar flattens to one element, as if it had one dim.
  const int rank = std::max(x.rank(), 1);
  StatusOr<int> first = axis("flatten", start, rank);
  if (!first.ok())
    return first.status();
  StatusOr<int> last = axis("flatten", end, rank);
  if (!last.ok())
    return last.status();
  if (*first > *last)
    return error("flatten", "start lies behind end", "start ", start, ", end ",
                 end, ", rank ", x.rank());
  Shape out;
  int64_t product = 1;
  for (int dim = 0; dim < rank; ++dim) {
    const int64_t size = x.empty() ? 1 : x[dim];
    const bool is_inside = dim >= *first && dim <= *last;
    product *= is_inside ? size : 1;
    if (!is_inside)
      out.push_back(size);
    else if (dim == *last)
      out.push_back(product);
  }
  return result("flatten", out);
}

StatusOr<Shape> squeeze(const Shape &x, std::span<const int64_t> axes) {
  if (Status status = valid("squeeze", x); !status.ok())
    return status;
  StatusOr<std::vector<int64_t>> dropped =
      shape_rules::axes("squeeze", axes, x.rank());
  if (!dropped.ok())
    return dropped.status();
  for (int64_t dim : *dropped)
    if (x[static_cast<int>(dim)] != 1)
      return error("squeeze", "size is not 1", "axis ", dim, ", shape ",
                   to_string(x));
  return reduce("squeeze", x, *dropped);
}

StatusOr<Shape> unsqueeze(const Shape &x, int64_t axis) {
  if (Status status = valid("unsqueeze", x); !status.ok())
    return status;
  StatusOr<int> at = shape_rules::axis("unsqueeze", axis, x.rank() + 1);
  if (!at.ok()) // says the rank of x, not that of the result
    return error("unsqueeze", "axis out of range", "axis ", axis, ", rank ",
                 x.rank());
  Shape out;
  for (int dim = 0; dim <= x.rank(); ++dim) {
    if (dim == *at)
      out.push_back(1);
    if (dim < x.rank())
      out.push_back(x[dim]);
  }
  return result("unsqueeze", out);
}

StatusOr<SliceBounds> slice(const Slice &slice, int64_t size) {
  if (size < 0)
    return error("slice", "negative size", "got ", size);
  const int64_t step = slice.step.value_or(1);
  if (step == 0)
    return error("slice", "step is 0", "step 0, size ", size);

  // Python: count from the back if negative, then clamp to where a walk in
  // this direction can begin or end.
  const int64_t lowest = step < 0 ? -1 : 0;
  const int64_t highest = step < 0 ? size - 1 : size;
  auto resolve = [&](std::optional<int64_t> given, int64_t absent) {
    if (!given)
      return absent;
    return std::clamp(*given < 0 ? *given + size : *given, lowest, highest);
  };
  const int64_t start = resolve(slice.start, step < 0 ? highest : lowest);
  const int64_t stop = resolve(slice.stop, step < 0 ? lowest : highest);

  const Wide distance = step < 0 ? Wide(start) - stop : Wide(stop) - start;
  const Wide stride = step < 0 ? -Wide(step) : Wide(step);
  const int64_t count =
      distance > 0 ? static_cast<int64_t>((distance - 1) / stride + 1) : 0;
  // Where nothing depends on them, start and step take one form.
  return SliceBounds{count > 0 ? start : 0, count > 1 ? step : 1, count};
}

StatusOr<Shape> strided_slice(const Shape &x, std::span<const int64_t> starts,
                              std::span<const int64_t> steps,
                              std::span<const int64_t> sizes) {
  if (Status status = valid("slice", x); !status.ok())
    return status;
  if (starts.size() != x.size() || steps.size() != x.size() ||
      sizes.size() != x.size())
    return error("slice", "not one start, step and size a dim", starts.size(),
                 " starts, ", steps.size(), " steps, ", sizes.size(),
                 " sizes, shape ", to_string(x));
  for (size_t i = 0; i < sizes.size(); ++i) {
    const int64_t size = x[static_cast<int>(i)];
    const Wide last = Wide(starts[i]) + (Wide(sizes[i]) - 1) * steps[i];
    auto bad = [&](std::string_view rule) {
      return error("slice", rule, "start ", starts[i], ", step ", steps[i],
                   ", size ", sizes[i], " of dim ", i, ", shape ",
                   to_string(x));
    };
    if (sizes[i] < 0)
      return bad("negative size");
    if (steps[i] == 0)
      return bad("step is 0");
    if (sizes[i] > 0 &&
        (starts[i] < 0 || starts[i] >= size || last < 0 || last >= size))
      return bad("elements outside the tensor");
  }
  return result("slice", Shape(sizes));
}

StatusOr<Shape> resample(const Shape &x, std::span<const int64_t> starts,
                         std::span<const int64_t> steps,
                         std::span<const int64_t> divisors,
                         std::span<const int64_t> sizes) {
  if (Status status = valid("resample", x); !status.ok())
    return status;
  for (size_t count : {starts.size(), steps.size(), divisors.size()})
    if (count != x.size() || sizes.size() != x.size())
      return error("resample", "not one start, step, divisor and size a dim",
                   starts.size(), " starts, ", steps.size(), " steps, ",
                   divisors.size(), " divisors, ", sizes.size(),
                   " sizes, shape ", to_string(x));
  for (size_t i = 0; i < sizes.size(); ++i) {
    auto bad = [&](std::string_view rule) {
      return error("resample", rule, "start ", starts[i], ", step ", steps[i],
                   ", divisor ", divisors[i], ", size ", sizes[i], " of dim ",
                   i, ", shape ", to_string(x));
    };
    if (sizes[i] < 0)
      return bad("negative size");
    if (steps[i] < 0)
      return bad("negative step");
    if (divisors[i] < 1)
      return bad("divisor below 1");
    if (sizes[i] == 0)
      continue;
    const int64_t size = x[static_cast<int>(i)];
    const Wide last = Wide(starts[i]) + (Wide(sizes[i]) - 1) * steps[i];
    if (size == 0 || starts[i] < -Wide(divisors[i]) ||
        last >= (Wide(size) + 1) * divisors[i])
      return bad("elements outside the tensor");
    if (last + divisors[i] > kInt64Max / 2)
      return bad("too large to count with");
  }
  return result("resample", Shape(sizes));
}

StatusOr<Shape> resize(const Shape &x, std::span<const int64_t> sizes) {
  if (x.rank() < 3 || x.rank() > 5)
    return error("resize", "x is not [N, C, D...] with one to three D", "got ",
                 to_string(x));
  const size_t axes = x.size() - 2;
  if (sizes.size() != axes)
    return error("resize", "wrong number of sizes", "got ", sizes.size(),
                 ", expected ", axes, " for shape ", to_string(x));
  Shape out{x[0], x[1]};
  for (size_t i = 0; i < axes; ++i) {
    if (sizes[i] < 1)
      return error("resize", "size below 1", "got ", list(sizes));
    if (x[static_cast<int>(i) + 2] == 0)
      return error("resize", "nothing to take elements from", "shape ",
                   to_string(x), ", sizes ", list(sizes));
    out.push_back(sizes[i]);
  }
  return result("resize", out);
}

StatusOr<Shape> concatenate(std::span<const Shape> shapes, int64_t axis) {
  if (shapes.empty())
    return invalid_argument_error("concatenate: needs at least one tensor: got "
                                  "0");
  for (const Shape &shape : shapes)
    if (Status status = valid("concatenate", shape); !status.ok())
      return status;
  const Shape &first = shapes.front();
  StatusOr<int> along = shape_rules::axis("concatenate", axis, first.rank());
  if (!along.ok())
    return along.status();
  Shape out = first;
  for (const Shape &shape : shapes.subspan(1)) {
    if (shape.rank() != first.rank())
      return error("concatenate", "ranks differ", to_string(first), " and ",
                   to_string(shape));
    for (int dim = 0; dim < first.rank(); ++dim)
      if (dim != *along && shape[dim] != first[dim])
        return error("concatenate", "sizes differ outside the axis",
                     to_string(first), " and ", to_string(shape), ", axis ",
                     axis);
    out[*along] = saturate(Wide(out[*along]) + shape[*along]);
  }
  return result("concatenate", out);
}

StatusOr<Shape> reduce(std::string_view op, const Shape &x,
                       std::span<const int64_t> axes, bool keepdim) {
  if (Status status = valid(op, x); !status.ok())
    return status;
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] < 0 || axes[i] >= x.rank() || (i && axes[i] <= axes[i - 1]))
      return error(op, "axes are not ascending dims of the tensor", "axes ",
                   list(axes), ", shape ", to_string(x));
  Shape out;
  for (int dim = 0; dim < x.rank(); ++dim) {
    if (!std::binary_search(axes.begin(), axes.end(), dim))
      out.push_back(x[dim]);
    else if (keepdim)
      out.push_back(1);
  }
  return out;
}

Status non_empty(std::string_view op, const Shape &x,
                 std::span<const int64_t> axes) {
  if (Status status = reduce(op, x, axes).status(); !status.ok())
    return status;
  for (int64_t axis : axes)
    if (x[static_cast<int>(axis)] == 0)
      return error(op, "no value over an empty axis", "axis ", axis, ", shape ",
                   to_string(x));
  return {};
}

Status positions(std::string_view op, const Shape &x, int64_t axis) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  if (Status status = non_empty(op, x, std::span(&axis, 1)); !status.ok())
    return status;
  if (const int64_t size = x[static_cast<int>(axis)]; size > kMost)
    return error(op, "positions do not fit int32", "axis ", axis, " has ", size,
                 " elements, at most ", kMost);
  return {};
}

StatusOr<Shape> matmul(const Shape &lhs, const Shape &rhs) {
  for (const Shape *shape : {&lhs, &rhs})
    if (Status status = valid("matmul", *shape); !status.ok())
      return status;
  auto bad = [&](std::string_view rule) {
    return error("matmul", rule, "lhs ", to_string(lhs), ", rhs ",
                 to_string(rhs));
  };
  if (lhs.rank() < 2 || rhs.rank() < 2)
    return bad("rank below 2");
  if (lhs.rank() != rhs.rank())
    return bad("ranks differ");
  if (lhs[-1] != rhs[-2])
    return bad("inner sizes differ");
  if (!std::equal(lhs.begin(), lhs.end() - 2, rhs.begin()))
    return bad("batch sizes differ");
  Shape out = lhs;
  out[-1] = rhs[-1];
  return result("matmul", out);
}

StatusOr<Shape> conv(const Shape &x, const Shape &w,
                     const std::optional<Shape> &bias, const Window &window) {
  for (const Shape *shape : {&x, &w})
    if (Status status = valid("conv", *shape); !status.ok())
      return status;
  if (x.rank() < 3 || x.rank() > 5)
    return error("conv", "input is not of rank 3 to 5", "input ", to_string(x));
  if (w.rank() < 3)
    return error("conv", "weight has no kernel sizes", "weight ", to_string(w));
  if (w.rank() != x.rank())
    return error("conv", "not one kernel size a spatial dim", "weight ",
                 to_string(w), " has ", w.rank() - 2, ", input ", to_string(x),
                 " has ", x.rank() - 2);
  if (window.groups < 1)
    return error("conv", "groups below 1", "got ", window.groups);
  if (Wide(w[1]) * window.groups != x[1])
    return error("conv", "input channels are not weight channels x groups",
                 "input ", to_string(x), ", weight ", to_string(w), ", groups ",
                 window.groups);
  if (w[0] % window.groups != 0)
    return error("conv", "output channels are not a multiple of groups",
                 "weight ", to_string(w), ", groups ", window.groups);
  if (bias && *bias != Shape{w[0]})
    return error("conv", "bias does not match the output channels", "bias ",
                 to_string(*bias), ", weight ", to_string(w));
  Shape out{x[0], w[0]};
  Status status = slide("conv", x, {w.begin() + 2, w.end()}, window, out);
  if (!status.ok())
    return status;
  return result("conv", out);
}

StatusOr<Shape> pool(std::string_view op, const Shape &x,
                     std::span<const int64_t> kernel, const Window &window) {
  if (Status status = valid(op, x); !status.ok())
    return status;
  if (x.rank() < 3 || x.rank() > 5)
    return error(op, "input is not of rank 3 to 5", "input ", to_string(x));
  if (kernel.size() + 2 != x.size())
    return error(op, "not one kernel size a spatial dim", "kernel ",
                 list(kernel), ", input ", to_string(x));
  Shape out{x[0], x[1]};
  if (Status status = slide(op, x, kernel, window, out); !status.ok())
    return status;
  return result(op, out);
}

StatusOr<Shape> batch_norm(const Shape &x, const Shape &weight,
                           const Shape &bias, const Shape &running_mean,
                           const Shape &running_var) {
  if (Status status = valid("batch_norm", x); !status.ok())
    return status;
  if (x.rank() < 2 || x.rank() > 5)
    return error("batch_norm", "input is not of rank 2 to 5", "input ",
                 to_string(x));
  const std::pair<std::string_view, const Shape *> parameters[] = {
      {"weight", &weight},
      {"bias", &bias},
      {"running_mean", &running_mean},
      {"running_var", &running_var}};
  for (const auto &[name, shape] : parameters)
    if (shape->rank() != 1 || (*shape)[0] != x[1])
      return error(
          "batch_norm", std::string(name) + " does not match the channels",
          std::string(name), " ", to_string(*shape), ", input ", to_string(x));
  return x;
}

} // namespace weft::shape_rules
