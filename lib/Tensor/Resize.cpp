// SPDX-License-Identifier: Apache-2.0
// Images of other sizes: elements are taken at computed indices, and neighbours
// mixed.
#include "Record.h"

#include "weft/Core/ShapeRules.h"
#include "weft/Functions.h"

#include <cmath>
#include <limits>
#include <numeric>

namespace weft {
namespace {

struct Fraction {
  int64_t numerator = 1, denominator = 1;
};

constexpr int64_t kLargest = int64_t(1) << 20; // scale, and its denominator

/// The last of the fractions that its continued fraction ends at. `value` is
/// above 0 and at most kLargest.
Fraction fraction(double value) {
  Fraction before{0, 1}, last{1, 0};
  for (double rest = value;; rest = 1 / rest) {
    const double whole = std::floor(rest);
    const auto n = static_cast<int64_t>(whole);
    const Fraction next{n * last.numerator + before.numerator,
                        n * last.denominator + before.denominator};
    if (next.denominator > kLargest)
      return last;
    before = std::exchange(last, next);
    rest -= whole;
    // The denominator would exceed the largest, or rounding is all that's left.
    if (rest * static_cast<double>(kLargest) < 1)
      return last;
  }
}

/// Element i of the result lies at (start + i * step) / divisor.
struct Axis {
  int64_t from, to; // sizes
  int64_t start, step, divisor;

  bool is_exact() const { return divisor == 1; } // no elements to mix
};

/// `ratio`: of the spacing of the result's elements to that of x.
Axis axis_of(int64_t from, int64_t to, Fraction ratio,
             const ResizeOptions &options) {
  Axis axis{from, to, 0, ratio.numerator, ratio.denominator};
  if (options.mode == ResizeMode::linear && options.align_corners)
    axis = {from, to, 0, to > 1 ? from - 1 : 0, to > 1 ? to - 1 : 1};
  else if (options.mode == ResizeMode::linear)
    axis = {from, to, ratio.numerator - ratio.denominator, 2 * ratio.numerator,
            2 * ratio.denominator};
  const int64_t common =
      std::gcd(axis.start, std::gcd(axis.step, axis.divisor));
  axis.start /= common, axis.step /= common, axis.divisor /= common;
  return axis;
}

/// The elements of x below each position, or those above along some axes.
Tensor neighbours(const Tensor &x, const std::vector<Axis> &axes,
                  const std::vector<bool> &above,
                  std::source_location location) {
  Shape sizes = x.shape();
  const size_t batch = x.shape().size() - axes.size(); // axes left as they are
  std::vector<int64_t> starts(batch, 0), steps(batch, 1), divisors(batch, 1);
  for (size_t i = 0; i < axes.size(); ++i) {
    starts.push_back(axes[i].start + (above[i] ? axes[i].divisor : 0));
    steps.push_back(axes[i].step);
    divisors.push_back(axes[i].divisor);
    sizes[static_cast<int>(batch + i)] = axes[i].to;
  }
  StatusOr<Shape> shape = shape_rules::resample(
      x.shape(), starts, steps, divisors,
      std::span<const int64_t>(sizes.begin(), sizes.size()));
  if (!shape.ok())
    return record::fail(shape.status(), location, {&x});
  starts.insert(starts.end(), steps.begin(), steps.end());
  starts.insert(starts.end(), divisors.begin(), divisors.end());
  return record::node(OpKind::resample, x.dtype(), *shape, {&x},
                      {.ints = starts}, location);
}

/// How much of the element above there is in each element along `axis`, which
/// has `behind` axes behind it: exact in integers up to the last product.
Tensor weights(const Axis &axis, size_t behind, DType dtype, Device device,
               std::source_location location) {
  const bool is_small = __int128(axis.step) * axis.to + axis.divisor <
                        std::numeric_limits<int32_t>::max();
  const DType counts = is_small ? int32 : int64;
  Tensor below = neighbours(iota({axis.from}, 0, counts, device, location),
                            {axis}, {false}, location);
  Tensor position =
      iota({axis.to}, 0, counts, device, location) * axis.step + axis.start;
  // Negative before the first element, which stands for what is before it.
  Tensor above = maximum(position - below * axis.divisor, 0);
  Shape shape{axis.to};
  for (size_t i = 0; i < behind; ++i)
    shape.push_back(1);
  return reshape(cast(above, dtype, location), shape, location) *
         (1 / static_cast<double>(axis.divisor));
}

/// Mixes the elements around each position along the axes from `axis` on.
Tensor interpolated(const Tensor &x, const std::vector<Axis> &axes,
                    const std::vector<Tensor> &weights, std::vector<bool> above,
                    size_t axis, std::source_location location) {
  if (axis == axes.size())
    return cast(neighbours(x, axes, above, location),
                record::summing_type(x.dtype()), location);
  Tensor low = interpolated(x, axes, weights, above, axis + 1, location);
  if (axes[axis].is_exact())
    return low;
  above[axis] = true;
  Tensor high = interpolated(x, axes, weights, above, axis + 1, location);
  return low * (1 - weights[axis]) + high * weights[axis];
}

Tensor resize(const Tensor &x, const std::vector<int64_t> &sizes,
              const std::vector<Fraction> &ratios, const ResizeOptions &options,
              std::source_location location) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < sizes.size(); ++i)
    axes.push_back(axis_of(x.shape()[static_cast<int>(i) + 2], sizes[i],
                           ratios[i], options));
  const std::vector<bool> below(axes.size(), false);
  if (options.mode == ResizeMode::nearest)
    return neighbours(x, axes, below, location);
  std::vector<Tensor> all;
  for (size_t i = 0; i < axes.size(); ++i)
    all.push_back(axes[i].is_exact() ? Tensor()
                                     : weights(axes[i], axes.size() - 1 - i,
                                               record::summing_type(x.dtype()),
                                               x.device(), location));
  return cast(interpolated(x, axes, all, below, 0, location), x.dtype(),
              location);
}

/// What is wrong with the call but for its sizes.
Status check(const Tensor &x, const ResizeOptions &options) {
  if (options.mode == ResizeMode::linear)
    return record::accepts("resize", record::Types::floating, x.dtype());
  if (options.align_corners)
    return invalid_argument_error(
        "resize: align_corners means nothing to the nearest element: got "
        "nearest, expected linear");
  return {};
}

template <typename T>
std::vector<T> for_each_axis(const std::vector<T> &given, const Tensor &x) {
  return given.size() == 1 && x.rank() > 2
             ? std::vector<T>(static_cast<size_t>(x.rank()) - 2, given[0])
             : given;
}

} // namespace

Tensor resize(const Tensor &x, const std::vector<int64_t> &sizes,
              const ResizeOptions &options, std::source_location location) {
  if (!x.ok())
    return x;
  const std::vector<int64_t> to = for_each_axis(sizes, x);
  Status status = check(x, options);
  if (status.ok())
    status = shape_rules::resize(x.shape(), to).status();
  if (!status.ok())
    return record::fail(status, location, {&x});
  std::vector<Fraction> ratios;
  for (size_t i = 0; i < to.size(); ++i)
    ratios.push_back({x.shape()[static_cast<int>(i) + 2], to[i]});
  return resize(x, to, ratios, options, location);
}

Tensor resize_by(const Tensor &x, const std::vector<double> &scales,
                 const ResizeOptions &options, std::source_location location) {
  if (!x.ok())
    return x;
  std::vector<int64_t> to;
  std::vector<Fraction> ratios;
  for (double scale : for_each_axis(scales, x)) {
    if (!(scale > 0 && scale <= static_cast<double>(kLargest)))
      return record::fail(
          invalid_argument_error("resize: scale out of range: got " +
                                 record::to_text(scale) +
                                 ", expected above 0 and at most 1048576"),
          location, {&x});
    const Fraction exact = fraction(scale);
    const auto axis = static_cast<int>(to.size()) + 2;
    const int64_t from = axis < x.rank() ? x.shape()[axis] : 0;
    to.push_back(static_cast<int64_t>(__int128(from) * exact.numerator /
                                      exact.denominator));
    ratios.push_back({exact.denominator, exact.numerator});
  }
  Status status = check(x, options);
  if (status.ok())
    status = shape_rules::resize(x.shape(), to).status();
  if (!status.ok())
    return record::fail(status, location, {&x});
  return resize(x, to, ratios, options, location);
}

} // namespace weft
