// SPDX-License-Identifier: Apache-2.0
// Contractions and windows, as their definitions say: a sum for every element
// of the result.
#include "Evaluate.h"
#include "Oracle.h"

#include <algorithm>
#include <limits>

namespace weft::reference {
namespace oracle = ir::oracle;

Value evaluate(ir::MatmulOp op, Operands operands) {
  const Value &lhs = *operands[0], &rhs = *operands[1];
  Value y = zeros(lhs.dtype, ir::toShape(op.getType()));
  const int rank = lhs.shape.rank();
  int64_t i = 0;
  forEachIndex(y.shape, [&](Index index) {
    llvm::SmallVector<int64_t, 8> left(index), right(index);
    double real = 0;
    int64_t integer = 0;
    for (int64_t k = 0; k < lhs.shape[-1]; ++k) {
      left[rank - 1] = right[rank - 2] = k;
      int64_t a = positionOf(lhs.shape, left);
      int64_t b = positionOf(rhs.shape, right);
      if (y.isReal())
        real += lhs.reals[a] * rhs.reals[b];
      else
        integer = oracle::add(integer, oracle::mul(lhs.ints[a], rhs.ints[b]));
    }
    if (y.isReal())
      y.reals[i++] = real;
    else
      y.ints[i++] = wrap(y.dtype, integer);
  });
  return y;
}

namespace {

/// The spatial part of a convolution or pooling.
struct Window {
  llvm::ArrayRef<int64_t> stride, padding, dilation; // dilation may be empty

  /// Where tap `k` of the output at `out` reads x along spatial dim d.
  int64_t source(int d, int64_t out, int64_t k) const {
    return out * stride[d] - padding[2 * d] +
           k * (dilation.empty() ? 1 : dilation[d]);
  }

  /// Calls `visit(tap, position in x)` for every tap of the kernel, with
  /// position -1 in the padding. `index` is that of the output: [n, c, ...]; x
  /// is read at channel `channel`.
  void forEachTap(const Shape &x, const Shape &kernel, Index index,
                  int64_t channel,
                  llvm::function_ref<void(Index, int64_t)> visit) const {
    forEachIndex(kernel, [&](Index tap) {
      llvm::SmallVector<int64_t, 8> from = {index[0], channel};
      bool inside = true;
      for (int d = 0; d < kernel.rank(); ++d) {
        from.push_back(source(d, index[d + 2], tap[d]));
        inside &= from.back() >= 0 && from.back() < x[d + 2];
      }
      visit(tap, inside ? positionOf(x, from) : -1);
    });
  }
};

Shape shapeOf(llvm::ArrayRef<int64_t> sizes) {
  return Shape(std::span<const int64_t>(sizes.data(), sizes.size()));
}

using Sizes = llvm::SmallVector<int64_t, 8>;

void moveChannelsFirst(Sizes &sizes) {
  std::rotate(sizes.begin() + 1, sizes.end() - 1, sizes.end());
}
void moveChannelsLast(Sizes &sizes) {
  std::rotate(sizes.begin() + 1, sizes.begin() + 2, sizes.end());
}

/// x with its axes moved by `move`; `back` undoes it.
Value moved(const Value &x, void (*move)(Sizes &), void (*back)(Sizes &)) {
  Sizes sizes(x.shape.begin(), x.shape.end());
  move(sizes);
  return gather(x, shapeOf(sizes), [&](Index index) {
    Sizes from(index);
    back(from);
    return positionOf(x.shape, from);
  });
}
Value channelsFirst(const Value &x) {
  return moved(x, moveChannelsFirst, moveChannelsLast);
}
Value channelsLast(const Value &x) {
  return moved(x, moveChannelsLast, moveChannelsFirst);
}

/// Zeros for the result of a window op, with the channels at axis 1.
template <typename Op> Value resultOf(Op op) {
  Shape shape = ir::toShape(op.getType());
  Sizes sizes(shape.begin(), shape.end());
  if (op.getChannelsLast())
    moveChannelsFirst(sizes);
  return zeros(ir::elementDType(op.getResult()), shapeOf(sizes));
}

Value convolve(ir::ConvOp op, const Value &x, const Value &w,
               const Value *bias) {
  Value y = resultOf(op);
  Window window{op.getStride(), op.getPadding(), op.getDilation()};
  Shape kernel(std::span<const int64_t>(w.shape.begin() + 2, w.shape.end()));
  const int64_t channels = w.shape[1]; // of a group
  const int64_t outputs = w.shape[0] / static_cast<int64_t>(op.getGroups());
  int64_t i = 0;
  forEachIndex(y.shape, [&](Index index) {
    int64_t group = index[1] / outputs;
    double sum = bias ? bias->reals[index[1]] : 0;
    for (int64_t c = 0; c < channels; ++c)
      window.forEachTap(x.shape, kernel, index, group * channels + c,
                        [&](Index tap, int64_t position) {
                          llvm::SmallVector<int64_t, 8> at = {index[1], c};
                          at.append(tap.begin(), tap.end());
                          // Padding is zeros: times infinity they are NaN.
                          double element = position < 0 ? 0 : x.reals[position];
                          sum += element * w.reals[positionOf(w.shape, at)];
                        });
    y.reals[i++] = sum;
  });
  return y;
}

/// The smallest number of an integer type: the largest element of no elements.
int64_t lowest(DType dtype) {
  switch (dtype) {
  case DType::uint8:
    return 0;
  case DType::int4:
    return -8;
  case DType::int8:
    return INT8_MIN;
  case DType::int32:
    return INT32_MIN;
  default:
    return INT64_MIN;
  }
}

Value pool(ir::MaxpoolOp op, const Value &x) {
  Value y = resultOf(op);
  Window window{op.getStride(), op.getPadding(), {}};
  int64_t i = 0;
  forEachIndex(y.shape, [&](Index index) {
    double real = -std::numeric_limits<double>::infinity();
    int64_t integer = lowest(x.dtype);
    window.forEachTap(x.shape, shapeOf(op.getKernel()), index, index[1],
                      [&](Index, int64_t position) {
                        if (position < 0)
                          return;
                        if (x.isReal())
                          real = oracle::maximum(real, x.reals[position]);
                        else
                          integer = oracle::maximum(integer, x.ints[position]);
                      });
    if (y.isReal())
      y.reals[i++] = real;
    else
      y.ints[i++] = integer;
  });
  return y;
}

Value pool(ir::AvgpoolOp op, const Value &x) {
  Value y = resultOf(op);
  Window window{op.getStride(), op.getPadding(), {}};
  const Shape kernel = shapeOf(op.getKernel());
  int64_t i = 0;
  forEachIndex(y.shape, [&](Index index) {
    double real = 0;
    int64_t integer = 0, inside = 0;
    window.forEachTap(x.shape, kernel, index, index[1],
                      [&](Index, int64_t position) {
                        if (position < 0)
                          return;
                        ++inside;
                        if (x.isReal())
                          real += x.reals[position];
                        else
                          integer = oracle::add(integer, x.ints[position]);
                      });
    int64_t count = op.getCountIncludePad() ? kernel.num_elements() : inside;
    if (y.isReal())
      y.reals[i++] = real / static_cast<double>(count);
    else
      y.ints[i++] = wrap(y.dtype, oracle::div(integer, count));
  });
  return y;
}

template <typename Op> Value evaluatePool(Op op, const Value &x) {
  return op.getChannelsLast() ? channelsLast(pool(op, channelsFirst(x)))
                              : pool(op, x);
}

} // namespace

/// A row of the result after the other.
Value evaluate(ir::AttentionOp op, Operands operands) {
  const Value &query = *operands[0], &key = *operands[1], &value = *operands[2];
  const double scale = operands[3]->reals[0];
  const Value *bias = operands.size() > 4 ? operands[4] : nullptr;
  Value y = zeros(query.dtype, ir::toShape(op.getType()));
  const int64_t rows = query.shape[-2], depth = query.shape[-1],
                keys = key.shape[-2], columns = value.shape[-1];
  if (y.size() == 0)
    return y;
  for (int64_t row = 0; row < y.size() / columns; ++row) {
    const int64_t batch = row / rows;
    std::vector<double> weights(static_cast<size_t>(keys), 0.0);
    double largest = -INFINITY, total = 0;
    for (int64_t n = 0; n < keys; ++n) {
      double &score = weights[n];
      for (int64_t d = 0; d < depth; ++d)
        score += query.reals[row * depth + d] *
                 key.reals[(batch * keys + n) * depth + d];
      score = score * scale + (bias ? bias->reals[row * keys + n] : 0);
      largest = oracle::maximum(largest, score);
    }
    for (double &weight : weights)
      total += weight = std::exp(weight - largest);
    for (int64_t n = 0; n < keys; ++n)
      for (int64_t e = 0; e < columns; ++e)
        y.reals[row * columns + e] +=
            weights[n] / total * value.reals[(batch * keys + n) * columns + e];
  }
  return y;
}

Value evaluate(ir::ConvOp op, Operands operands) {
  const Value &x = *operands[0], &w = *operands[1];
  const Value *bias = op.getBias() ? operands[2] : nullptr;
  if (!op.getChannelsLast())
    return convolve(op, x, w, bias);
  return channelsLast(convolve(op, channelsFirst(x), channelsFirst(w), bias));
}

Value evaluate(ir::MaxpoolOp op, Operands operands) {
  return evaluatePool(op, *operands[0]);
}

Value evaluate(ir::AvgpoolOp op, Operands operands) {
  return evaluatePool(op, *operands[0]);
}

} // namespace weft::reference
