// SPDX-License-Identifier: Apache-2.0
// Narrow floating-point formats on the host: rounding to nearest, ties to even.
#pragma once

#include "weft/Core/DType.h"
#include "weft/Core/Scalar.h"

#include <cstdint>

namespace weft {

uint16_t float16_from_double(double value);
double float16_to_double(uint16_t bits);
uint16_t bfloat16_from_double(double value);
double bfloat16_to_double(uint16_t bits);
/// E4M3 without infinities; beyond 448 + half a step gives NaN (0x7f), as
/// LLVM and the GPU's saturating conversions off do.
uint8_t float8_from_double(double value);
double float8_to_double(uint8_t bits);

/// Element `index` of an array of `type` as a double (int64: rounded).
double load_as_double(const void *data, DType type, int64_t index);
/// Element `index` of an array of `type` as an integer (floats: truncated).
int64_t load_as_int64(const void *data, DType type, int64_t index);
/// Converts `value` to `type` and stores it at `index`: floats round once,
/// integers wrap, bool is `value != 0`.
void store_from_double(void *data, DType type, int64_t index, double value);
void store_from_int64(void *data, DType type, int64_t index, int64_t value);
void store_scalar(void *data, DType type, int64_t index, Scalar value);

} // namespace weft
