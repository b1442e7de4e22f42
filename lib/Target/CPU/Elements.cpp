// SPDX-License-Identifier: Apache-2.0
// Conversions between what lies in memory and what is computed with, and casts.
// The narrow formats without instructions of their own go through integers.
#include "Elements.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using arith::CmpFPredicate;
using arith::CmpIPredicate;

namespace weft::cpu {
namespace {

/// Short names for the ops of bit manipulation.
struct Bits {
  OpBuilder &b;
  Location loc;
  ScalarBuilder s{b, loc, DType::int32};

  Value number(Value like, int64_t x) { return s.integer(like.getType(), x); }
  Value real(Value like, double x) { return s.real(like.getType(), x); }
  Value add(Value x, Value y) { return b.create<arith::AddIOp>(loc, x, y); }
  Value sub(Value x, Value y) { return b.create<arith::SubIOp>(loc, x, y); }
  Value both(Value x, Value y) { return b.create<arith::AndIOp>(loc, x, y); }
  Value either(Value x, Value y) { return b.create<arith::OrIOp>(loc, x, y); }
  Value both(Value x, int64_t y) { return both(x, number(x, y)); }
  Value add(Value x, int64_t y) { return add(x, number(x, y)); }
  Value left(Value x, int64_t n) {
    return b.create<arith::ShLIOp>(loc, x, number(x, n));
  }
  Value right(Value x, int64_t n) {
    return b.create<arith::ShRUIOp>(loc, x, number(x, n));
  }
  Value is(CmpIPredicate p, Value x, int64_t y) {
    return b.create<arith::CmpIOp>(loc, p, x, number(x, y));
  }
  Value is(CmpFPredicate p, Value x, Value y) {
    return b.create<arith::CmpFOp>(loc, p, x, y);
  }
  Value select(Value c, Value x, Value y) {
    return b.create<arith::SelectOp>(loc, c, x, y);
  }
  Value bitcast(Value x, Type element) {
    return b.create<arith::BitcastOp>(loc, withElement(x.getType(), element),
                                      x);
  }
  Value asInt(Value x) { return bitcast(x, b.getI32Type()); }
  Value asFloat(Value x) { return bitcast(x, b.getF32Type()); }
  Value extend(Value x, unsigned bits) {
    return b.create<arith::ExtUIOp>(
        loc, withElement(x.getType(), b.getIntegerType(bits)), x);
  }
  Value extendSigned(Value x, unsigned bits) {
    return b.create<arith::ExtSIOp>(
        loc, withElement(x.getType(), b.getIntegerType(bits)), x);
  }
  Value truncate(Value x, unsigned bits) {
    return b.create<arith::TruncIOp>(
        loc, withElement(x.getType(), b.getIntegerType(bits)), x);
  }
};

unsigned bitsOf(Value x) {
  return getElementTypeOrSelf(x.getType()).getIntOrFloatBitWidth();
}

} // namespace

Type Elements::memoryType(DType dtype) const {
  switch (dtype) {
  case DType::float16:
    if (features_.halfConversions)
      return b_.getF16Type();
    [[fallthrough]];
  case DType::bfloat16:
    return b_.getI16Type();
  case DType::float8:
  case DType::boolean:
    return b_.getI8Type();
  default:
    return computeType(b_.getContext(), dtype);
  }
}

Value Elements::fromMemory(Value raw, DType dtype) {
  Bits bits{b_, loc_};
  switch (dtype) {
  case DType::float16:
    if (features_.halfConversions)
      return b_.create<arith::ExtFOp>(
          loc_, withElement(raw.getType(), b_.getF32Type()), raw);
    return widen16(raw);
  case DType::bfloat16:
    return bits.asFloat(bits.left(bits.extend(raw, 32), 16));
  case DType::float8:
    return widen8(raw);
  case DType::boolean:
    return bits.is(CmpIPredicate::ne, raw, 0);
  default:
    return raw;
  }
}

Value Elements::toMemory(Value value, DType dtype) {
  switch (dtype) {
  case DType::float16:
  case DType::bfloat16:
  case DType::float8:
    return narrow(value, dtype);
  case DType::boolean:
    return Bits{b_, loc_}.extend(value, 8);
  default:
    return value;
  }
}

Value Elements::nearestTf32(Value value) {
  Bits bits{b_, loc_};
  Value raw = bits.asInt(value),
        magnitude = bits.asFloat(bits.both(raw, 0x7fffffff));
  Value isSmall = bits.is(CmpFPredicate::OLT, magnitude,
                          bits.real(magnitude, 0x1.ffep127)),
        isFinite = bits.is(CmpFPredicate::OLE, magnitude,
                           bits.real(magnitude, 0x1.fffffep127));
  Value nearest = bits.select(isSmall, bits.add(raw, 0x1000), raw);
  return bits.select(isFinite, bits.asFloat(bits.both(nearest, -0x2000)),
                     value);
}

// ---- narrow floats ----------------------------------------------------------

/// Exponent and mantissa moved into place are the value times a power of two;
/// subnormals included.
Value Elements::widen16(Value raw) {
  Bits bits{b_, loc_};
  Value wide = bits.extend(raw, 32);
  Value magnitude = bits.both(wide, 0x7fff);
  Value finite =
      b_.create<arith::MulFOp>(loc_, bits.asFloat(bits.left(magnitude, 13)),
                               bits.real(bits.asFloat(wide), 0x1p112));
  Value special =
      bits.either(bits.left(magnitude, 13), bits.number(wide, 0x7f800000));
  Value result = bits.select(bits.is(CmpIPredicate::uge, magnitude, 0x7c00),
                             special, bits.asInt(finite));
  Value sign = bits.left(bits.both(wide, 0x8000), 16);
  return bits.asFloat(bits.either(result, sign));
}

Value Elements::widen8(Value raw) {
  Bits bits{b_, loc_};
  Value wide = bits.extend(raw, 32);
  Value magnitude = bits.both(wide, 0x7f);
  Value finite =
      b_.create<arith::MulFOp>(loc_, bits.asFloat(bits.left(magnitude, 20)),
                               bits.real(bits.asFloat(wide), 0x1p120));
  Value result = bits.select(bits.is(CmpIPredicate::eq, magnitude, 0x7f),
                             bits.number(wide, 0x7fc00000), bits.asInt(finite));
  Value sign = bits.left(bits.both(wide, 0x80), 24);
  return bits.asFloat(bits.either(result, sign));
}

Value Elements::roundBfloat(Value value) {
  Bits bits{b_, loc_};
  Value x = bits.asInt(value);
  Value odd = bits.both(bits.right(x, 16), 1);
  Value rounded = bits.add(bits.add(x, 0x7fff), odd);
  Value nan = bits.either(x, bits.number(x, 0x400000));
  Value isNan = bits.is(CmpFPredicate::UNO, value, value);
  return bits.select(isNan, nan, rounded);
}

// A bfloat16 is the high half of an f32.
static constexpr int64_t kHighHalf = -0x10000;

Value Elements::fromPairs(Value words, bool isSecond) {
  Bits bits{b_, loc_};
  return bits.asFloat(isSecond ? bits.both(words, kHighHalf)
                               : bits.left(words, 16));
}

Value Elements::toPairs(Value first, Value second) {
  Bits bits{b_, loc_};
  return bits.either(bits.right(roundBfloat(first), 16),
                     bits.both(roundBfloat(second), kHighHalf));
}

Value Elements::narrowTo(Value value, const Format &format) {
  Bits bits{b_, loc_};
  Value x = bits.asInt(value);
  Value magnitude = bits.both(x, 0x7fffffff);
  int shift = 23 - format.mantissaBits;
  // Normal: round the mantissa, then lower the exponent's bias.
  Value odd = bits.both(bits.right(magnitude, shift), 1);
  Value rounded = bits.right(
      bits.add(bits.add(magnitude, (int64_t(1) << (shift - 1)) - 1), odd),
      shift);
  Value normal =
      bits.add(rounded, -(int64_t(127 - format.bias) << format.mantissaBits));
  // Subnormal: adding 2^23 smallest steps rounds to whole steps.
  int64_t magicBits = int64_t(127 + 23 + format.lowest) << 23;
  Value magic = bits.asFloat(bits.number(x, magicBits));
  Value sum = b_.create<arith::AddFOp>(loc_, bits.asFloat(magnitude), magic);
  Value subnormal = bits.add(bits.asInt(sum), -magicBits);
  int64_t leastNormal = int64_t(127 - format.bias + 1) << 23;
  Value result = bits.select(
      bits.is(CmpIPredicate::ult, magnitude, leastNormal), subnormal, normal);
  Value tooLarge = bits.is(CmpIPredicate::sgt, result, format.infinity);
  result = bits.select(tooLarge, bits.number(x, format.infinity), result);
  Value isNan = bits.is(CmpIPredicate::ugt, magnitude, 0x7f800000);
  return bits.select(isNan, bits.number(x, format.nan), result);
}

Value Elements::narrow(Value value, DType to) {
  Bits bits{b_, loc_};
  if (to == DType::bfloat16)
    return bits.truncate(bits.right(roundBfloat(value), 16), 16);
  Value sign = bits.asInt(value);
  if (to == DType::float16) {
    if (features_.halfConversions)
      return b_.create<arith::TruncFOp>(
          loc_, withElement(value.getType(), b_.getF16Type()), value);
    Value half = narrowTo(value, {10, 15, -24, 0x7c00, 0x7e00});
    sign = bits.both(bits.right(sign, 16), 0x8000);
    return bits.truncate(bits.either(half, sign), 16);
  }
  // No infinity: what rounds beyond 448 is NaN.
  Value byte = narrowTo(value, {3, 7, -9, 0x7f, 0x7f});
  sign = bits.both(bits.right(sign, 24), 0x80);
  return bits.truncate(bits.either(byte, sign), 8);
}

/// Rounded towards 0, with the last bit set if that lost anything: rounding the
/// result to fewer bits gives what rounding the f64 would have given.
Value Elements::roundToOdd(Value value) {
  Bits bits{b_, loc_};
  Value nearest = b_.create<arith::TruncFOp>(
      loc_, withElement(value.getType(), b_.getF32Type()), value);
  Value back = b_.create<arith::ExtFOp>(loc_, value.getType(), nearest);
  Value away = bits.is(CmpFPredicate::OGT, b_.create<math::AbsFOp>(loc_, back),
                       b_.create<math::AbsFOp>(loc_, value));
  Value inexact = bits.is(CmpFPredicate::ONE, back, value);
  Value x = bits.asInt(nearest);
  Value truncated = bits.select(away, bits.add(x, -1), x);
  Value odd = bits.either(truncated, bits.number(x, 1));
  return bits.asFloat(bits.select(inexact, odd, x));
}

// ---- casts ------------------------------------------------------------------

Value Elements::castFloatToInt(Value value, DType to) {
  Bits bits{b_, loc_};
  // Saturation to 4 bits happens in 8, where the sum of limits is known.
  unsigned width = to == DType::int64 ? 64 : 32;
  Type type = withElement(value.getType(), b_.getIntegerType(width));
  Value wide =
      b_.create<LLVM::CallIntrinsicOp>(loc_, TypeRange{type}, "llvm.fptosi.sat",
                                       ValueRange{value})
          ->getResult(0);
  auto clamp = [&](int64_t low, int64_t high, unsigned bitWidth) {
    wide = bits.select(bits.is(CmpIPredicate::slt, wide, low),
                       bits.number(wide, low), wide);
    wide = bits.select(bits.is(CmpIPredicate::sgt, wide, high),
                       bits.number(wide, high), wide);
    return bits.truncate(wide, bitWidth);
  };
  switch (to) {
  case DType::int8:
    return clamp(-128, 127, 8);
  case DType::int4:
    return clamp(-8, 7, 8);
  case DType::uint8:
    return clamp(0, 255, 8);
  default:
    return wide;
  }
}

Value Elements::castIntToFloat(Value value, DType from, DType to) {
  bool isUnsigned = from == DType::uint8 || from == DType::boolean;
  // 32 bits and more would round twice on the way to a narrow float.
  bool wide =
      to == DType::float64 || (to != DType::float32 && bitsOf(value) >= 32);
  Type element = wide ? Type(b_.getF64Type()) : Type(b_.getF32Type());
  Type type = withElement(value.getType(), element);
  if (isUnsigned)
    return b_.create<arith::UIToFPOp>(loc_, type, value);
  return b_.create<arith::SIToFPOp>(loc_, type, value);
}

Value Elements::cast(Value value, DType from, DType to) {
  Bits bits{b_, loc_};
  if (from == to)
    return value;
  if (to == DType::boolean) {
    if (is_floating(from))
      return bits.is(CmpFPredicate::UNE, value, bits.real(value, 0));
    return bits.is(CmpIPredicate::ne, value, 0);
  }
  if (is_floating(to)) {
    if (!is_floating(from))
      value = castIntToFloat(value, from, to);
    bool isDouble = bitsOf(value) == 64;
    Type f32 = withElement(value.getType(), b_.getF32Type());
    if (to == DType::float64)
      return isDouble ? value
                      : b_.create<arith::ExtFOp>(
                            loc_, withElement(f32, b_.getF64Type()), value);
    if (to == DType::float32)
      return isDouble ? b_.create<arith::TruncFOp>(loc_, f32, value) : value;
    if (isDouble)
      value = roundToOdd(value);
    return fromMemory(narrow(value, to), to);
  }
  if (is_floating(from))
    return castFloatToInt(value, to);
  // Between integers: cut off or extended by the sign of the source.
  bool isUnsigned = from == DType::uint8 || from == DType::boolean;
  unsigned width = to == DType::int64 ? 64 : to == DType::int32 ? 32 : 8;
  if (width < bitsOf(value))
    value = bits.truncate(value, width);
  else if (width > bitsOf(value))
    value = isUnsigned ? bits.extend(value, width)
                       : bits.extendSigned(value, width);
  if (to == DType::int4) {
    Value four = bits.number(value, 4);
    value = b_.create<arith::ShRSIOp>(loc_, bits.left(value, 4), four);
  }
  return value;
}

} // namespace weft::cpu
