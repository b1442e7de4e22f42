// SPDX-License-Identifier: Apache-2.0
// Tensors of the interpreter: their elements in memory, rounded and wrapped.
#include "Evaluate.h"

#include "weft/Core/Float.h"

#include <algorithm>
#include <cmath>

namespace weft::reference {

double Value::at(int64_t i) const {
  return isReal() ? reals[i] : static_cast<double>(ints[i]);
}

Value zeros(DType dtype, const Shape &shape) {
  Value value{dtype, shape, {}, {}};
  auto count = static_cast<size_t>(shape.num_elements());
  if (value.isReal())
    value.reals.resize(count);
  else
    value.ints.resize(count);
  return value;
}

Value fromMemory(DType dtype, const Shape &shape, const void *data) {
  Value value = zeros(dtype, shape);
  for (int64_t i = 0; i < value.size(); ++i)
    if (value.isReal())
      value.reals[i] = load_as_double(data, dtype, i);
    else
      value.ints[i] = load_as_int64(data, dtype, i);
  return value;
}

void toMemory(const Value &value, void *data) {
  for (int64_t i = 0; i < value.size(); ++i)
    if (value.isReal())
      store_from_double(data, value.dtype, i, value.reals[i]);
    else
      store_from_int64(data, value.dtype, i, value.ints[i]);
}

int64_t wrap(DType dtype, int64_t value) {
  switch (dtype) {
  case DType::int32:
    return static_cast<int32_t>(value);
  case DType::int8:
    return static_cast<int8_t>(value);
  case DType::int4:
    return ((value & 15) ^ 8) - 8;
  case DType::uint8:
    return static_cast<uint8_t>(value);
  case DType::boolean:
    return value != 0;
  default:
    return value;
  }
}

double roundTo(DType dtype, double value) {
  switch (dtype) {
  case DType::float32:
    return static_cast<float>(value);
  case DType::float16:
    return float16_to_double(float16_from_double(value));
  case DType::bfloat16:
    return bfloat16_to_double(bfloat16_from_double(value));
  case DType::float8:
    return float8_to_double(float8_from_double(value));
  default:
    return value;
  }
}

double roundToTf32(double value) {
  constexpr double largest = 0x1.ffcp127;
  if (!std::isfinite(value) || value == 0)
    return value;
  int exponent = 0;
  std::frexp(value, &exponent); // value / 2^exponent lies in [1/2, 1)
  double unit = std::ldexp(0x1p-10, std::max(exponent - 1, -126));
  return std::clamp(std::round(value / unit) * unit, -largest, largest);
}

/// Truncates towards 0, saturating; NaN gives 0.
static int64_t truncate(DType dtype, double value) {
  auto [low, high] = [&]() -> std::pair<int64_t, int64_t> {
    switch (dtype) {
    case DType::int32:
      return {INT32_MIN, INT32_MAX};
    case DType::int8:
      return {-128, 127};
    case DType::int4:
      return {-8, 7};
    case DType::uint8:
      return {0, 255};
    default:
      return {INT64_MIN, INT64_MAX};
    }
  }();
  if (std::isnan(value))
    return 0;
  // Below 2^63 both bounds compare exactly; INT64_MAX itself rounds up to it.
  if (value >= static_cast<double>(high))
    return high;
  if (value <= static_cast<double>(low))
    return low;
  return static_cast<int64_t>(value);
}

/// The integer, rounded once to a float type. A double holds 53 bits: what lies
/// below is reduced to one sticky bit, so that the second rounding is right.
static double toReal(DType dtype, int64_t value) {
  if (dtype == DType::float64)
    return static_cast<double>(value);
  int64_t kept = value;
  if (value > (int64_t{1} << 53) || value < -(int64_t{1} << 53)) {
    kept = value & ~int64_t{0x7ff};
    if (kept != value)
      kept |= 0x800;
  }
  return roundTo(dtype, static_cast<double>(kept));
}

Value cast(const Value &x, DType dtype) {
  Value y = zeros(dtype, x.shape);
  for (int64_t i = 0; i < x.size(); ++i) {
    if (y.isReal())
      y.reals[i] =
          x.isReal() ? roundTo(dtype, x.reals[i]) : toReal(dtype, x.ints[i]);
    else if (dtype == DType::boolean)
      y.ints[i] = x.isReal() ? x.reals[i] != 0 : x.ints[i] != 0;
    else
      y.ints[i] =
          x.isReal() ? truncate(dtype, x.reals[i]) : wrap(dtype, x.ints[i]);
  }
  return y;
}

void forEachIndex(const Shape &shape, llvm::function_ref<void(Index)> visit) {
  if (shape.num_elements() == 0)
    return;
  llvm::SmallVector<int64_t, 8> index(shape.size(), 0);
  while (true) {
    visit(index);
    int dim = shape.rank() - 1;
    for (; dim >= 0 && ++index[dim] == shape[dim]; --dim)
      index[dim] = 0;
    if (dim < 0)
      return;
  }
}

int64_t positionOf(const Shape &shape, Index index) {
  int64_t position = 0;
  for (int dim = 0; dim < shape.rank(); ++dim)
    position = position * shape[dim] + index[dim];
  return position;
}

Value gather(const Value &x, const Shape &shape,
             llvm::function_ref<int64_t(Index)> source) {
  Value y = zeros(x.dtype, shape);
  int64_t i = 0;
  forEachIndex(shape, [&](Index index) {
    int64_t from = source(index);
    if (x.isReal())
      y.reals[i++] = x.reals[from];
    else
      y.ints[i++] = x.ints[from];
  });
  return y;
}

} // namespace weft::reference
