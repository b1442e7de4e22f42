// SPDX-License-Identifier: Apache-2.0
// The functions on tensors. All of them record and return at once; what is
// wrong with a call is found there and carried by the result.
#pragma once

#include "weft/Core/ShapeRules.h"
#include "weft/Tensor.h"

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <source_location>
#include <vector>

namespace weft {

// ---- element by element -----------------------------------------------------
// Shapes broadcast: aligned right, sizes equal or 1. Both operands have the
// same type; a number adapts to the type of the tensor beside it.
//
//   add(tensor({1, 2}), 10)                    // [11, 12]
//   tensor({{1}, {2}}) * tensor({3, 4})        // [[3, 4], [6, 8]]
//   add(tensor({1}), tensor({1.5}))            // error: add: mixed types:
//                                              // int32 and float32
//   tensor({1}) + 0.5                          // error: add: a real number
//                                              // beside int32: got 0.5
#include "weft/IR/RowFunctions.h.inc"

/// x where `condition` (bool) holds, else y; all three broadcast.
///
///   where(tensor({true, false}), tensor({1, 2}), 0)   // [1, 0]
///
/// Errors: a condition that is not bool; x and y of different types; shapes
/// that do not broadcast.
Tensor where(const Arg &condition, const Arg &x, const Arg &y);

/// `value` where `mask` (bool) holds, else x.
///
///   masked_fill(tensor({1, 2}), tensor({true, false}), 9)   // [9, 2]
///
/// Errors: those of `where`.
Tensor masked_fill(const Arg &x, const Arg &mask, Scalar value);

/// The same values in another type. To a float: rounded to nearest, ties to
/// even. To an integer: truncated towards 0, saturating, NaN gives 0; between
/// integers: wraps. To bool: true unless 0.
///
///   cast(tensor({0.5, -1.7}), int32)   // [0, -1]
///
/// Every type casts to every other.
Tensor cast(const Tensor &x, DType dtype,
            std::source_location location = std::source_location::current());

/// The same values on another device, evaluated and copied now.
///
///   copy(x, Device::cpu()).device()   // cpu:0
///
/// Errors: those of evaluating x; a device that cannot be used; memory.
Tensor copy(const Tensor &x, Device device,
            std::source_location location = std::source_location::current());

// ---- shapes -----------------------------------------------------------------

/// The same elements, row-major, under another shape. One size may be -1.
///
///   reshape(iota({6}), {2, -1})   // [[0, 1, 2], [3, 4, 5]]
///
/// Errors: sizes of another number of elements; more than one -1.
Tensor reshape(const Tensor &x, const Shape &shape,
               std::source_location location = std::source_location::current());

/// Swaps two axes; the last two unless given.
///
///   transpose(tensor({{1, 2}, {3, 4}}))   // [[1, 3], [2, 4]]
///
/// Errors: an axis out of range, as everywhere below; -1 is the last.
Tensor
transpose(const Tensor &x, int64_t axis0 = -2, int64_t axis1 = -1,
          std::source_location location = std::source_location::current());

/// Axis i of the result is axis `order[i]` of x.
///
///   permute(zeros({2, 3, 4}), {2, 0, 1}).shape()   // [4, 2, 3]
///
/// Errors: an order that does not name every axis once.
Tensor permute(const Tensor &x, const std::vector<int64_t> &order,
               std::source_location location = std::source_location::current());

/// Axes start to end, both included, become one.
///
///   flatten(zeros({2, 3, 4}), 1).shape()   // [2, 12]
///
/// Errors: an end before the start.
Tensor flatten(const Tensor &x, int64_t start = 0, int64_t end = -1,
               std::source_location location = std::source_location::current());

/// Removes axes of size 1.
///
///   squeeze(zeros({2, 1, 3}), {1}).shape()   // [2, 3]
///
/// Errors: an axis of another size, or given twice.
Tensor squeeze(const Tensor &x, const std::vector<int64_t> &axes,
               std::source_location location = std::source_location::current());

/// Inserts an axis of size 1, which is `axis` of the result.
///
///   unsqueeze(zeros({2, 3}), -1).shape()   // [2, 3, 1]
Tensor
unsqueeze(const Tensor &x, int64_t axis,
          std::source_location location = std::source_location::current());

/// Repeats along axes of size 1 and new leading axes; -1 keeps a size.
///
///   expand(tensor({{1}, {2}}), {-1, 2})   // [[1, 1], [2, 2]]
///
/// Errors: another size than that of x along an axis where x has not 1.
Tensor expand(const Tensor &x, const Shape &sizes,
              std::source_location location = std::source_location::current());

/// Python's `start:stop:step`, each part optional.
using Slice = shape_rules::Slice;

/// x[s0, s1, ...] with a slice for each of the leading axes.
///
///   slice(iota({5}), {{1, 4}})                  // [1, 2, 3]
///   slice(iota({5}), {{.step = -2}})            // [4, 2, 0]
///   slice(zeros({4, 4}), {{}, {.stop = 2}})     // shape [4, 2]
///
/// Bounds beyond the axis are moved to its ends, as in Python.
///
/// Errors: more slices than axes; step 0.
Tensor slice(const Tensor &x, const std::vector<Slice> &slices,
             std::source_location location = std::source_location::current());

/// Tensors one after the other along an axis; their other sizes are equal.
///
///   concatenate({tensor({1}), tensor({2, 3})})   // [1, 2, 3]
///
/// Errors: no tensors; different types, ranks or other sizes.
Tensor
concatenate(const std::vector<Tensor> &tensors, int64_t axis = 0,
            std::source_location location = std::source_location::current());

/// Tensors of one shape along a new axis.
///
///   stack({tensor({1, 2}), tensor({3, 4})})   // [[1, 2], [3, 4]]
///
/// Errors: no tensors; different types or shapes.
Tensor stack(const std::vector<Tensor> &tensors, int64_t axis = 0,
             std::source_location location = std::source_location::current());

// ---- reductions -------------------------------------------------------------

/// Which axes a reduction runs over: all of them unless given, and also where
/// an empty list is given, as in PyTorch.
///
///   sum(x)   sum(x, -1)   sum(x, {0, 2})   sum(x, {})   // all, like sum(x)
class Axes {
public:
  Axes() = default;
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Axes(T axis) : axes_(std::vector<int64_t>{static_cast<int64_t>(axis)}) {}
  Axes(std::initializer_list<int64_t> axes)
      : Axes(std::vector<int64_t>(axes)) {}
  Axes(std::vector<int64_t> axes) {
    if (!axes.empty())
      axes_ = std::move(axes);
  }

  /// Nothing: every axis.
  const std::optional<std::vector<int64_t>> &axes() const { return axes_; }

private:
  std::optional<std::vector<int64_t>> axes_;
};

/// Reductions drop the axes, or leave them with size 1 if `keepdim`. Integers
/// stay integers and wrap; sums of 8- and 16-bit floats are formed in float32
/// and rounded once. The sum of nothing is 0, the product 1, the mean NaN.
///
///   Tensor x = tensor({{1, 2}, {3, 4}});
///   sum(x)             // 10
///   sum(x, 0)          // [4, 6]
///   sum(x, 1, true)    // [[3], [7]]
///
/// Errors: an axis out of range or given twice; bool elements; max and min of
/// nothing.
Tensor sum(const Tensor &x, const Axes &axes = {}, bool keepdim = false,
           std::source_location location = std::source_location::current());
Tensor prod(const Tensor &x, const Axes &axes = {}, bool keepdim = false,
            std::source_location location = std::source_location::current());
/// The largest and smallest element; NaN if there is one.
///
///   max(tensor({{1, 5}, {7, 2}}), 1)   // [5, 7]
Tensor max(const Tensor &x, const Axes &axes = {}, bool keepdim = false,
           std::source_location location = std::source_location::current());
Tensor min(const Tensor &x, const Axes &axes = {}, bool keepdim = false,
           std::source_location location = std::source_location::current());
/// Integers: the sum over the count, rounded towards 0.
///
///   mean(tensor({1, 2, -6}))   // -1
Tensor mean(const Tensor &x, const Axes &axes = {}, bool keepdim = false,
            std::source_location location = std::source_location::current());
/// sum((x - mean)^2) / max(0, count - correction) of floats.
///
///   var(tensor({1.0, 3.0}))                   // 2
///   var(tensor({1.0, 3.0}), {}, false, 0)     // 1
///
/// Errors: no floats.
Tensor var(const Tensor &x, const Axes &axes = {}, bool keepdim = false,
           int64_t correction = 1,
           std::source_location location = std::source_location::current());
/// Of bools: whether all, or any, are true.
///
///   all(tensor({{true, false}, {true, true}}), 1)   // [false, true]
///
/// Errors: no bools.
Tensor all(const Tensor &x, const Axes &axes = {}, bool keepdim = false,
           std::source_location location = std::source_location::current());
Tensor any(const Tensor &x, const Axes &axes = {}, bool keepdim = false,
           std::source_location location = std::source_location::current());
/// Where the first of the largest (smallest) elements is, as int32; NaN counts
/// as the largest (smallest). Without an axis: in the flattened tensor.
///
///   argmax(tensor({{1, 5}, {7, 2}}), 1)   // [1, 0]
///
/// Errors: an axis without elements, or with more than int32 counts; bools.
Tensor argmax(const Tensor &x, std::optional<int64_t> axis = {},
              bool keepdim = false,
              std::source_location location = std::source_location::current());
Tensor argmin(const Tensor &x, std::optional<int64_t> axis = {},
              bool keepdim = false,
              std::source_location location = std::source_location::current());

// ---- products ---------------------------------------------------------------

/// [..., m, k] x [..., k, n] -> [..., m, n]; batch dims broadcast. An operand
/// of rank 1 counts as a row on the left and a column on the right, and the
/// result drops that axis.
///
///   matmul(tensor({{1, 2}, {3, 4}}), tensor({1, 1}))   // [3, 7]
///   matmul(zeros({4, 3}), zeros({5, 2}))
///   // error: matmul: inner sizes differ: lhs [4, 3], rhs [5, 2]
///
/// Errors: different types; a number (rank 0); batch dims that do not
/// broadcast.
Tensor matmul(const Tensor &lhs, const Tensor &rhs,
              std::source_location location = std::source_location::current());

/// x[:, None] * y[None, :] of vectors.
///
///   outer(tensor({1, 2}), tensor({3, 4}))   // [[3, 4], [6, 8]]
///
/// Errors: operands of another rank than 1, or of different types.
Tensor outer(const Tensor &x, const Tensor &y,
             std::source_location location = std::source_location::current());

/// x W^T + b: x [..., in], weight [out, in], bias [out] or absent, of one type.
///
///   linear(tensor({1.0, 2.0}), tensor({{1.0, 1.0}}), tensor({10.0}))   // [13]
///
/// Errors: those of `matmul`; a bias of another size than `out`.
Tensor linear(const Tensor &x, const Tensor &weight,
              const std::optional<Tensor> &bias = {},
              std::source_location location = std::source_location::current());

// ---- windows ----------------------------------------------------------------

/// Zeros around one spatial axis: as many on both sides, or (low, high).
struct Padding {
  int64_t low = 0, high = 0;
  Padding() = default;
  template <std::integral T>
  Padding(T both)
      : low(static_cast<int64_t>(both)), high(static_cast<int64_t>(both)) {}
  Padding(int64_t before, int64_t after) : low(before), high(after) {}
};

/// One entry a spatial axis; a single entry counts for all of them.
struct ConvOptions {
  std::vector<int64_t> stride = {1};
  std::vector<Padding> padding = {0};
  std::vector<int64_t> dilation = {1};
  int64_t groups = 1;
};

/// Cross-correlation with one to three spatial axes.
///
///   x        [N, C, D...]               floating point
///   weight   [O, C / groups, k...]      the type of x
///   bias     [O], or absent
///   result   [N, O, floor((D + low + high - dilation * (k - 1) - 1) / stride)
///            + 1, ...]
///
///   conv(ones({1, 1, 3, 3}), ones({1, 1, 2, 2}))   // [[[[4, 4], [4, 4]]]]
///
/// Errors: other ranks or types; channels that do not match, or are no
/// multiple of groups; a kernel larger than the padded input; options with
/// another number of entries, strides or dilations below 1, negative padding.
Tensor conv(const Tensor &x, const Tensor &weight,
            const std::optional<Tensor> &bias = {},
            const ConvOptions &options = {},
            std::source_location location = std::source_location::current());

struct PoolOptions {
  std::vector<int64_t> stride = {1};
  std::vector<Padding> padding = {0};
  bool count_include_pad = true; // avgpool: padding counts as elements
};

/// The largest element (mean) of every window of x [N, C, D...]; a single
/// kernel size counts for all spatial axes. Of a window that lies wholly in the
/// padding, the largest is the lowest value of the type (-inf), and the mean
/// without padding is NaN, or 0 of integers.
///
///   maxpool(reshape(arange(0, 4), {1, 1, 2, 2}), {2})   // [[[[3]]]]
///   avgpool(reshape(arange(0, 4), {1, 1, 2, 2}), {2})   // [[[[1.5]]]]
///
/// Errors: bools; another rank than 3 to 5; those of `conv` about windows.
Tensor maxpool(const Tensor &x, const std::vector<int64_t> &kernel,
               const PoolOptions &options = {},
               std::source_location location = std::source_location::current());
Tensor avgpool(const Tensor &x, const std::vector<int64_t> &kernel,
               const PoolOptions &options = {},
               std::source_location location = std::source_location::current());

enum class ResizeMode : uint8_t { nearest, linear };

/// Of `mode` linear, align_corners: the first and last elements of both sizes
/// lie on each other; else the borders of their first and last elements do
/// (half-pixel centers).
struct ResizeOptions {
  ResizeMode mode = ResizeMode::linear;
  bool align_corners = false;
};

/// x [N, C, D...] with other spatial sizes, one to three of them; a single one
/// counts for all. Result element i lies at position
///
///   nearest          floor(i * D / size)
///   linear           (i + 0.5) * D / size - 0.5, at least 0
///   align_corners    i * (D - 1) / (size - 1)
///
/// of x; linear interpolates between the two, four or eight elements around
/// it, in float32 at least. As torch.nn.functional.interpolate does.
///
///   Tensor x = tensor({{{0.0, 4.0}}});
///   resize(x, {4})                                    // [[[0, 1, 3, 4]]]
///   resize(x, {3}, {.align_corners = true})           // [[[0, 2, 4]]]
///   resize(x, {4}, {.mode = ResizeMode::nearest})     // [[[0, 0, 4, 4]]]
///
/// Errors: x of another rank, or without elements along a spatial axis; sizes
/// below 1; linear of what is no float; align_corners with nearest.
Tensor resize(const Tensor &x, const std::vector<int64_t> &sizes,
              const ResizeOptions &options = {},
              std::source_location location = std::source_location::current());
/// Sizes floor(D * scale); D / size above is then 1 / scale, of the fraction
/// nearest to `scale` with a denominator up to 2^20.
///
///   resize_by(ones({1, 3, 5, 4}), {2.0, 0.5}).shape()   // [1, 3, 10, 2]
///
/// Errors: a scale that is not above 0, or above 2^20.
Tensor
resize_by(const Tensor &x, const std::vector<double> &scales,
          const ResizeOptions &options = {},
          std::source_location location = std::source_location::current());

// ---- normalisation ----------------------------------------------------------

/// exp(x) over its sum along an axis, computed without overflow.
///
///   softmax(tensor({0.0, 0.0}))   // [0.5, 0.5]
///
/// Errors: no floats.
Tensor softmax(const Tensor &x, int64_t axis = -1,
               std::source_location location = std::source_location::current());

/// (x - mean[c]) / sqrt(var[c] + eps) * weight[c] + bias[c], c along axis 1.
///
///   x                  [N, C, ...], rank 2 to 5, floating point
///   the four others    [C], the type of x (or float32)
///
///   batch_norm(tensor({{5.0}}), tensor({2.0}), tensor({1.0}), tensor({3.0}),
///              tensor({4.0}))   // [[3]], but for eps
///
/// Errors: other ranks, sizes or types; an eps that is negative or not finite.
Tensor
batch_norm(const Tensor &x, const Tensor &weight, const Tensor &bias,
           const Tensor &running_mean, const Tensor &running_var,
           double eps = 1e-5,
           std::source_location location = std::source_location::current());

/// Normalises over the last `weight.rank()` axes, then scales and shifts:
/// weight and bias have the last sizes of x, and its type.
///
///   layer_norm(tensor({1.0, 3.0}), ones({2}), zeros({2}))
///   // [-1, 1], but for eps
///
/// Errors: those of `batch_norm`.
Tensor
layer_norm(const Tensor &x, const Tensor &weight, const Tensor &bias,
           double eps = 1e-5,
           std::source_location location = std::source_location::current());

/// Normalises x [N, C, ...] over each of `groups` groups of channels, then
/// scales and shifts every channel by weight [C] and bias [C], of x's type.
///
///   group_norm(tensor({{1.0, 3.0, 10.0, 30.0}}), 2, ones({4}), zeros({4}))
///   // [[-1, 1, -1, 1]], but for eps
///
/// Errors: those of `batch_norm`; C is no multiple of groups.
Tensor
group_norm(const Tensor &x, int64_t groups, const Tensor &weight,
           const Tensor &bias, double eps = 1e-5,
           std::source_location location = std::source_location::current());

// ---- comparing whole tensors ------------------------------------------------

/// Whether |x - y| <= atol + rtol * |y| everywhere; evaluates. NaN is close to
/// nothing, an infinity to itself.
///
///   *allclose(tensor({1.0}), tensor({1.000001}))   // true
///
/// Errors: those of the tensors; different types; shapes that do not broadcast.
StatusOr<bool> allclose(const Tensor &x, const Tensor &y, double rtol = 1e-5,
                        double atol = 1e-8);
/// Whether shapes and all elements are equal; evaluates.
///
///   *array_equal(tensor({1, 2}), tensor({{1, 2}}))   // false
///
/// Errors: those of the tensors; different types.
StatusOr<bool> array_equal(const Tensor &x, const Tensor &y);

} // namespace weft
