// SPDX-License-Identifier: Apache-2.0
// Elements as they lie in memory, their values in registers, and conversions
// between types.
#pragma once

#include "ScalarBuilder.h"

namespace weft::cpu {

/// What the processor can do beyond its baseline.
struct Features {
  unsigned vectorBits = 128;
  bool halfConversions = false; // f16 <-> f32
  bool maskedMemory = false;    // loads of 32 and 64 bits under a mask
};

class Elements {
public:
  Elements(mlir::OpBuilder &builder, mlir::Location location,
           const Features &features)
      : b_(builder), loc_(location), features_(features) {}

  /// The type that is loaded and stored; i8 and i16 for what has no arithmetic.
  mlir::Type memoryType(DType dtype) const;
  mlir::Value fromMemory(mlir::Value raw, DType dtype);
  mlir::Value toMemory(mlir::Value value, DType dtype);

  /// Two bfloat16 in the halves of an i32, the first in the low one.
  mlir::Value fromPairs(mlir::Value words, bool isSecond);
  mlir::Value toPairs(mlir::Value first, mlir::Value second);

  /// weft.cast: floats round to nearest, integers wrap, floats to integers
  /// truncate and saturate, NaN gives 0.
  mlir::Value cast(mlir::Value value, DType from, DType to);

  /// weft.reduce_precision to TF32, of f32.
  mlir::Value nearestTf32(mlir::Value value);

private:
  using Value = mlir::Value;
  Value widen16(Value bits);           // IEEE half as i16 -> f32
  Value widen8(Value bits);            // E4M3 as i8 -> f32
  Value narrow(Value value, DType to); // f32 -> i16 or i8, rounded once
  /// f32 -> i32 whose high half is the bfloat16; the low half means nothing.
  Value roundBfloat(Value value);
  /// f32 -> sign, `exponentBits` and `mantissaBits` as i32, for formats with
  /// subnormals whose smallest step is 2^`lowest`.
  struct Format {
    int mantissaBits, bias, lowest;
    int64_t infinity, nan; // as bit patterns; beyond the largest value
  };
  Value narrowTo(Value value, const Format &format);
  Value roundToOdd(Value value); // f64 -> f32
  Value castFloatToInt(Value value, DType to);
  Value castIntToFloat(Value value, DType from, DType to);

  mlir::OpBuilder &b_;
  mlir::Location loc_;
  const Features &features_;
};

} // namespace weft::cpu
