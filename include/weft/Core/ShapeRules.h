// SPDX-License-Identifier: Apache-2.0
// One rule for the result shape of every op, used by the tracer when an op is
// called and by the IR's type inference and verifiers alike. Each error names
// the op, the rule and both values. `op` is the mnemonic that messages start
// with. Results with more than 8 dims or 2^59 elements are refused.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Shape.h"
#include "weft/Core/Status.h"

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace weft::shape_rules {

/// So many elements of any type still have a size in bytes that fits int64.
inline constexpr int64_t kMaxElements = int64_t{1} << 59;

/// Rank at most 8, no negative size, at most `kMaxElements` elements, where a
/// size of 0 counts as 1, so that strides fit as well.
Status valid(std::string_view op, const Shape &shape);

/// Right-aligned broadcasting; equal sizes or 1.
///
///   broadcast("add", {{2, 1}, {3}})   // [2, 3]
///   broadcast("add", {{2}, {3}})      // add: shapes do not broadcast:
///                                     // [2] and [3]
StatusOr<Shape> broadcast(std::string_view op, std::span<const Shape> shapes);

/// `x` broadcast to exactly `sizes`; -1 keeps a size of x.
StatusOr<Shape> expand(const Shape &x, const Shape &sizes);

/// An axis in [-rank, rank) made non-negative.
StatusOr<int> axis(std::string_view op, int64_t axis, int rank);
/// Several axes, made non-negative and ascending; duplicates are refused. No
/// axes at all (nullopt) means every axis.
StatusOr<std::vector<int64_t>>
axes(std::string_view op, std::optional<std::span<const int64_t>> axes,
     int rank);

/// One size of `sizes` may be -1.
StatusOr<Shape> reshape(const Shape &x, const Shape &sizes);
/// `op` is the function that was called: `permute` records a transpose.
StatusOr<Shape> transpose(const Shape &x, std::span<const int64_t> permutation,
                          std::string_view op = "transpose");
/// Dims start to end, both included, become one; a scalar becomes [1].
StatusOr<Shape> flatten(const Shape &x, int64_t start, int64_t end);
/// Every axis must have size 1.
StatusOr<Shape> squeeze(const Shape &x, std::span<const int64_t> axes);
/// `axis` in [-(rank + 1), rank].
StatusOr<Shape> unsqueeze(const Shape &x, int64_t axis);

/// Python's `start:stop:step` on one dim, absent parts as in Python.
struct Slice {
  std::optional<int64_t> start = {}, stop = {}, step = {};
};
/// A slice resolved against its dim: elements start, start + step, ... Without
/// elements start is 0, with fewer than two step is 1: equal slices are equal.
struct SliceBounds {
  int64_t start, step, size;
};
StatusOr<SliceBounds> slice(const Slice &slice, int64_t size);
/// Result of taking `sizes[i]` elements from starts[i] in steps[i]; every
/// element must lie inside x. What the IR verifies.
StatusOr<Shape> strided_slice(const Shape &x, std::span<const int64_t> starts,
                              std::span<const int64_t> steps,
                              std::span<const int64_t> sizes);

/// Result of taking, for i < sizes[d], element floor((starts[d] + i * steps[d])
/// / divisors[d]) of dim d; none lies more than one outside of x.
StatusOr<Shape> resample(const Shape &x, std::span<const int64_t> starts,
                         std::span<const int64_t> steps,
                         std::span<const int64_t> divisors,
                         std::span<const int64_t> sizes);
/// Result of resizing x [N, C, D...] to the spatial `sizes`.
StatusOr<Shape> resize(const Shape &x, std::span<const int64_t> sizes);

StatusOr<Shape> concatenate(std::span<const Shape> shapes, int64_t axis);
/// Drops `axes` (ascending, non-negative); `keepdim` leaves size 1.
StatusOr<Shape> reduce(std::string_view op, const Shape &x,
                       std::span<const int64_t> axes, bool keepdim = false);
/// argmax, argmin, max and min have no value for an empty axis.
Status non_empty(std::string_view op, const Shape &x,
                 std::span<const int64_t> axes);
/// argmax and argmin count the positions along an axis that is not empty in 32
/// bits.
Status positions(std::string_view op, const Shape &x, int64_t axis);

/// [..., M, K] x [..., K, N] -> [..., M, N] with equal batch dims and rank >=
/// 2; what the IR verifies.
StatusOr<Shape> matmul(const Shape &lhs, const Shape &rhs);

/// Lists that somebody else holds.
struct Window {
  std::span<const int64_t> stride;   // one a spatial dim
  std::span<const int64_t> padding;  // (low, high) a spatial dim
  std::span<const int64_t> dilation; // one a spatial dim
  int64_t groups = 1;                // not used by pooling
};
/// x [N, C, spatial...], w [O, C / groups, kernel...] -> [N, O, out...],
/// out = floor((D + low + high - dilation * (k - 1) - 1) / stride) + 1.
StatusOr<Shape> conv(const Shape &x, const Shape &w,
                     const std::optional<Shape> &bias, const Window &window);
/// x [N, C, spatial...].
StatusOr<Shape> pool(std::string_view op, const Shape &x,
                     std::span<const int64_t> kernel, const Window &window);
/// x [N, C, ...] of rank 2 to 5, four parameters of shape [C].
StatusOr<Shape> batch_norm(const Shape &x, const Shape &weight,
                           const Shape &bias, const Shape &running_mean,
                           const Shape &running_var);

} // namespace weft::shape_rules
