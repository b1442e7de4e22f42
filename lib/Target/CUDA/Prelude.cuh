// SPDX-License-Identifier: Apache-2.0
// What emitted kernels are written in: types, conversions and one function for
// each primitive of Elementwise.td. A line `//@ names` begins a snippet; a
// kernel's text carries the snippets that it uses and nothing else.
//
// Nothing is included. Functions with inline PTX have a twin for the host, so
// that tests can compile kernels with a host compiler and run them: such a test
// defines WEFT_DEVICE, WEFT_METHOD, WEFT_SHARED, WEFT_GLOBAL and what CUDA has built in.
#pragma once

//@ *
#ifdef __CUDACC__
// What nothing uses; unsigned numbers below 0, in functions for all types.
#pragma nv_diag_suppress 177, 186
#define WEFT_DEVICE __device__ __forceinline__
#define WEFT_METHOD __device__ __forceinline__ // of a struct
#define WEFT_SHARED __shared__
#define WEFT_GLOBAL(threads) extern "C" __global__ void __launch_bounds__(threads)
#endif
namespace weft {

// ---- types ------------------------------------------------------------------
//@ half
struct half {
  unsigned short bits;
};
//@ bfloat16
struct bfloat16 {
  unsigned short bits;
};
//@ float8
// E4M3: no infinities, 0x7f and 0xff are NaN.
struct float8 {
  unsigned char bits;
};
//@ int4
// -8 to 7, in a byte; every conversion wraps.
struct int4 {
  signed char value;
  int4() = default;
  WEFT_METHOD int4(int x) : value(static_cast<signed char>(((x & 15) ^ 8) - 8)) {}
  WEFT_METHOD operator int() const { return value; }
};
//@ Vector
// N elements that one instruction moves, up to 16 bytes of them.
template <class T, int N>
struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) Vector {
  T lanes[N];
  WEFT_METHOD T &operator[](int i) { return lanes[i]; }
  WEFT_METHOD const T &operator[](int i) const { return lanes[i]; }
};

// ---- numbers ----------------------------------------------------------------
//@ float_bits bits_float
#ifdef __CUDA_ARCH__
WEFT_DEVICE unsigned float_bits(float x) { return __float_as_uint(x); }
WEFT_DEVICE float bits_float(unsigned bits) { return __uint_as_float(bits); }
#else
WEFT_DEVICE unsigned float_bits(float x) {
  unsigned bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
WEFT_DEVICE float bits_float(unsigned bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
#endif
//@ is_nan
WEFT_DEVICE bool is_nan(float x) { return x != x; }
WEFT_DEVICE bool is_nan(double x) { return x != x; }
template <class T> WEFT_DEVICE bool is_nan(T) { return false; }
//@ infinity
WEFT_DEVICE float infinity() { return bits_float(0x7f800000u); }
//@ nan
WEFT_DEVICE float nan() { return bits_float(0x7fc00000u); }
//@ floor_div_index
// Indices: the divisor is positive.
template <class T> WEFT_DEVICE T floor_div_index(T x, T y) {
  T quotient = x / y;
  return quotient - (x % y < 0);
}
//@ mod_index
template <class T> WEFT_DEVICE T mod_index(T x, T y) {
  T rest = x % y;
  return rest < 0 ? rest + y : rest;
}

// ---- memory -----------------------------------------------------------------
// Floats of 8 and 16 bits are computed in float: widened when loaded, rounded
// once when stored.
//@ widen_half
WEFT_DEVICE float widen_half(half x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
#else
  unsigned sign = (x.bits & 0x8000u) << 16, rest = x.bits & 0x7fffu;
  if (rest >= 0x7c00u) // infinity, NaN
    return bits_float(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  // 2^-112 moves the exponent's bias; it also normalises subnormal numbers.
  return bits_float(sign | float_bits(bits_float(rest << 13) * 0x1p112f));
#endif
}
//@ narrow_half
WEFT_DEVICE half narrow_half(float x) {
  half y;
#ifdef __CUDA_ARCH__
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
#else
  unsigned bits = float_bits(x), sign = bits >> 16 & 0x8000u;
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u)
    bits = 0x7fffu;
  else if (bits >= 0x477ff000u) // rounds to 65536 or is more
    bits = 0x7c00u;
  else if (bits < 0x38800000u) // subnormal: the addition rounds
    bits = float_bits(bits_float(bits) + 0.5f) - 0x3f000000u;
  else
    bits = (bits - 0x38000000u + 0xfffu + (bits >> 13 & 1u)) >> 13;
  y.bits = static_cast<unsigned short>(sign | bits);
#endif
  return y;
}
//@ widen_bfloat16
WEFT_DEVICE float widen_bfloat16(bfloat16 x) {
  return bits_float(static_cast<unsigned>(x.bits) << 16);
}
//@ narrow_bfloat16
WEFT_DEVICE bfloat16 narrow_bfloat16(float x) {
  bfloat16 y;
#ifdef __CUDA_ARCH__
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
#else
  unsigned bits = float_bits(x);
  y.bits = x != x ? 0x7fffu
                  : static_cast<unsigned short>(
                        (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
#endif
  return y;
}
//@ widen_float8
WEFT_DEVICE float widen_float8(float8 x) {
  unsigned sign = (x.bits & 0x80u) << 24, rest = x.bits & 0x7fu;
  if (rest == 0x7fu)
    return bits_float(sign | 0x7fc00000u);
  // 2^120 moves the exponent's bias; it also normalises subnormal numbers.
  return bits_float(sign | float_bits(bits_float(rest << 20) * 0x1p120f));
}
//@ narrow_float8
WEFT_DEVICE float8 narrow_float8(float x) {
  unsigned bits = float_bits(x), sign = bits >> 24 & 0x80u;
  bits &= 0x7fffffffu;
  if (bits > 0x43e80000u) // 464, half a step above the largest, ties to even
    bits = 0x7fu;
  else if (bits < 0x3c800000u) // subnormal: the addition rounds
    bits = float_bits(bits_float(bits) + 16384.0f) - 0x46800000u;
  else
    bits = (bits - 0x3c000000u + 0x7ffffu + (bits >> 20 & 1u)) >> 20;
  float8 y;
  y.bits = static_cast<unsigned char>(sign | bits);
  return y;
}
//@ widen
template <class T> WEFT_DEVICE T widen(T x) { return x; }
//@ widen:half
WEFT_DEVICE float widen(half x) { return widen_half(x); }
//@ widen:bfloat16
WEFT_DEVICE float widen(bfloat16 x) { return widen_bfloat16(x); }
//@ widen:float8
WEFT_DEVICE float widen(float8 x) { return widen_float8(x); }
//@ narrow
template <class T> WEFT_DEVICE void narrow(T x, T &y) { y = x; }
//@ narrow:half
WEFT_DEVICE void narrow(float x, half &y) { y = narrow_half(x); }
//@ narrow:bfloat16
WEFT_DEVICE void narrow(float x, bfloat16 &y) { y = narrow_bfloat16(x); }
//@ narrow:float8
WEFT_DEVICE void narrow(float x, float8 &y) { y = narrow_float8(x); }
//@ load_vector
template <int N, class T> WEFT_DEVICE Vector<T, N> load_vector(const T *from) {
  return *reinterpret_cast<const Vector<T, N> *>(from);
}
//@ load_some
// The first `count` of N elements; the others are never used.
template <int N, class T>
WEFT_DEVICE Vector<T, N> load_some(const T *from, long long count) {
  if (count >= N)
    return *reinterpret_cast<const Vector<T, N> *>(from);
  Vector<T, N> to;
#pragma unroll
  for (int i = 0; i < N; ++i)
    to[i] = from[i < count ? i : 0];
  return to;
}
//@ store_vector
template <int N, class T>
WEFT_DEVICE void store_vector(T *to, const Vector<T, N> &from) {
  *reinterpret_cast<Vector<T, N> *>(to) = from;
}
//@ store_some
template <int N, class T>
WEFT_DEVICE void store_some(T *to, const Vector<T, N> &from, long long count) {
  if (count >= N) {
    *reinterpret_cast<Vector<T, N> *>(to) = from;
    return;
  }
#pragma unroll
  for (int i = 0; i < N; ++i)
    if (i < count)
      to[i] = from[i];
}

// ---- conversions ------------------------------------------------------------
//@ odd_float
// Rounded so that rounding again, to a narrower type, gives what rounding once
// would have given: inexact results end in an odd bit.
WEFT_DEVICE float odd_float(double x) {
  float y = static_cast<float>(x);
  if (x != x || static_cast<double>(y) == x)
    return y;
  bool is_above = x > 0 ? static_cast<double>(y) > x : static_cast<double>(y) < x;
  return bits_float((float_bits(y) - is_above) | 1u);
}
//@ to_integer
// Towards 0, saturating; NaN gives 0. `limit` is one more than the largest.
template <class To, class From>
WEFT_DEVICE To to_integer(From x, From limit, To low, To high) {
  if (x != x)
    return To(0);
  if (x >= limit)
    return high;
  if (x <= static_cast<From>(low))
    return low;
  return static_cast<To>(x);
}
//@ Cast cast
template <class To> struct Cast;
template <class To, class From> WEFT_DEVICE auto cast(From x) {
  return Cast<To>::from(x);
}
//@ Cast:float
template <> struct Cast<float> {
  template <class T> static WEFT_METHOD float from(T x) {
    return static_cast<float>(x);
  }
};
//@ Cast:double
template <> struct Cast<double> {
  template <class T> static WEFT_METHOD double from(T x) {
    return static_cast<double>(x);
  }
};
//@ Cast:half
template <> struct Cast<half> {
  static WEFT_METHOD float from(float x) { return widen_half(narrow_half(x)); }
  template <class T> static WEFT_METHOD float from(T x) {
    return from(odd_float(static_cast<double>(x)));
  }
};
//@ Cast:bfloat16
template <> struct Cast<bfloat16> {
  static WEFT_METHOD float from(float x) {
    return widen_bfloat16(narrow_bfloat16(x));
  }
  template <class T> static WEFT_METHOD float from(T x) {
    return from(odd_float(static_cast<double>(x)));
  }
};
//@ Cast:float8
template <> struct Cast<float8> {
  static WEFT_METHOD float from(float x) {
    return widen_float8(narrow_float8(x));
  }
  template <class T> static WEFT_METHOD float from(T x) {
    return from(odd_float(static_cast<double>(x)));
  }
};
//@ Cast:long_long
template <> struct Cast<long long> {
  template <class T> static WEFT_METHOD long long real(T x) {
    return to_integer<long long>(x, static_cast<T>(9223372036854775808.0),
                                 -9223372036854775807ll - 1,
                                 9223372036854775807ll);
  }
  static WEFT_METHOD long long from(float x) { return real(x); }
  static WEFT_METHOD long long from(double x) { return real(x); }
  template <class T> static WEFT_METHOD long long from(T x) {
    return static_cast<long long>(x);
  }
};
//@ Cast:int
template <> struct Cast<int> {
  template <class T> static WEFT_METHOD int real(T x) {
    return to_integer<int>(x, static_cast<T>(2147483648.0), -2147483647 - 1,
                           2147483647);
  }
  static WEFT_METHOD int from(float x) { return real(x); }
  static WEFT_METHOD int from(double x) { return real(x); }
  template <class T> static WEFT_METHOD int from(T x) {
    return static_cast<int>(x);
  }
};
//@ Cast:signed_char
template <> struct Cast<signed char> {
  template <class T> static WEFT_METHOD signed char real(T x) {
    return static_cast<signed char>(
        to_integer<int>(x, static_cast<T>(128), -128, 127));
  }
  static WEFT_METHOD signed char from(float x) { return real(x); }
  static WEFT_METHOD signed char from(double x) { return real(x); }
  template <class T> static WEFT_METHOD signed char from(T x) {
    return static_cast<signed char>(x);
  }
};
//@ Cast:unsigned_char
template <> struct Cast<unsigned char> {
  template <class T> static WEFT_METHOD unsigned char real(T x) {
    return static_cast<unsigned char>(
        to_integer<int>(x, static_cast<T>(256), 0, 255));
  }
  static WEFT_METHOD unsigned char from(float x) { return real(x); }
  static WEFT_METHOD unsigned char from(double x) { return real(x); }
  template <class T> static WEFT_METHOD unsigned char from(T x) {
    return static_cast<unsigned char>(x);
  }
};
//@ Cast:int4
template <> struct Cast<int4> {
  template <class T> static WEFT_METHOD int4 real(T x) {
    return int4(to_integer<int>(x, static_cast<T>(8), -8, 7));
  }
  static WEFT_METHOD int4 from(float x) { return real(x); }
  static WEFT_METHOD int4 from(double x) { return real(x); }
  template <class T> static WEFT_METHOD int4 from(T x) {
    return int4(static_cast<int>(x));
  }
};
//@ Cast:bool
template <> struct Cast<bool> {
  template <class T> static WEFT_METHOD bool from(T x) { return x != T(0); }
};

// ---- arithmetic -------------------------------------------------------------
// Integers wrap: they are computed as unsigned ones and cut to their type. bool
// counts as 0 and 1, and every result but 0 is true.
//@ Wide
template <class T> struct Wide { using type = unsigned; };
template <> struct Wide<long long> { using type = unsigned long long; };
//@ wide
template <class T> WEFT_DEVICE typename Wide<T>::type wide(T x) {
  return static_cast<typename Wide<T>::type>(x);
}
//@ wrap
template <class T> WEFT_DEVICE T wrap(unsigned x) {
  return T(static_cast<int>(x));
}
template <class T> WEFT_DEVICE T wrap(unsigned long long x) {
  return static_cast<T>(x);
}
//@ neg
WEFT_DEVICE float neg(float x) { return -x; }
WEFT_DEVICE double neg(double x) { return -x; }
template <class T> WEFT_DEVICE T neg(T x) { return wrap<T>(0u - wide(x)); }
//@ abs
WEFT_DEVICE float abs(float x) { return ::fabsf(x); }
WEFT_DEVICE double abs(double x) { return ::fabs(x); }
template <class T> WEFT_DEVICE T abs(T x) { return x < T(0) ? neg(x) : x; }
//@ floor
WEFT_DEVICE float floor(float x) { return ::floorf(x); }
WEFT_DEVICE double floor(double x) { return ::floor(x); }
//@ sqrt
WEFT_DEVICE float sqrt(float x) { return ::sqrtf(x); }
WEFT_DEVICE double sqrt(double x) { return ::sqrt(x); }
//@ exp
WEFT_DEVICE float exp(float x) { return ::expf(x); }
WEFT_DEVICE double exp(double x) { return ::exp(x); }
//@ log
WEFT_DEVICE float log(float x) { return ::logf(x); }
WEFT_DEVICE double log(double x) { return ::log(x); }
//@ sin
WEFT_DEVICE float sin(float x) { return ::sinf(x); }
WEFT_DEVICE double sin(double x) { return ::sin(x); }
//@ cos
WEFT_DEVICE float cos(float x) { return ::cosf(x); }
WEFT_DEVICE double cos(double x) { return ::cos(x); }
//@ tanh
WEFT_DEVICE float tanh(float x) { return ::tanhf(x); }
WEFT_DEVICE double tanh(double x) { return ::tanh(x); }
//@ erf
WEFT_DEVICE float erf(float x) { return ::erff(x); }
WEFT_DEVICE double erf(double x) { return ::erf(x); }
//@ add
WEFT_DEVICE float add(float x, float y) { return x + y; }
WEFT_DEVICE double add(double x, double y) { return x + y; }
WEFT_DEVICE bool add(bool x, bool y) { return x || y; }
template <class T> WEFT_DEVICE T add(T x, T y) {
  return wrap<T>(wide(x) + wide(y));
}
//@ sub
WEFT_DEVICE float sub(float x, float y) { return x - y; }
WEFT_DEVICE double sub(double x, double y) { return x - y; }
WEFT_DEVICE bool sub(bool x, bool y) { return x != y; }
template <class T> WEFT_DEVICE T sub(T x, T y) {
  return wrap<T>(wide(x) - wide(y));
}
//@ mul
WEFT_DEVICE float mul(float x, float y) { return x * y; }
WEFT_DEVICE double mul(double x, double y) { return x * y; }
WEFT_DEVICE bool mul(bool x, bool y) { return x && y; }
template <class T> WEFT_DEVICE T mul(T x, T y) {
  return wrap<T>(wide(x) * wide(y));
}
//@ div
WEFT_DEVICE float div(float x, float y) { return x / y; }
WEFT_DEVICE double div(double x, double y) { return x / y; }
WEFT_DEVICE bool div(bool x, bool y) { return x && y; }
template <class T> WEFT_DEVICE T div(T x, T y) {
  if (y == T(0))
    return T(0);
  return y == T(-1) ? neg(x) : T(x / y);
}
WEFT_DEVICE unsigned char div(unsigned char x, unsigned char y) {
  return y == 0 ? 0 : static_cast<unsigned char>(x / y);
}
//@ multiply_add
// Where a product must not be rounded: the sums of matmul and conv, remainders.
WEFT_DEVICE float multiply_add(float x, float y, float z) {
  return ::fmaf(x, y, z);
}
WEFT_DEVICE double multiply_add(double x, double y, double z) {
  return ::fma(x, y, z);
}
template <class T> WEFT_DEVICE T multiply_add(T x, T y, T z) {
  return add(mul(x, y), z);
}
//@ floor_quotient
// As Python divides. A quotient that rounds up to an integer is one too many:
// what it leaves is on the other side of 0 than y. Infinity has no quotient,
// but over 0.
template <class T> WEFT_DEVICE T floor_quotient(T x, T y) {
  T quotient = floor(x / y);
  T rest = quotient == T(0) ? x : multiply_add(-quotient, y, x);
  bool is_above = y < T(0) ? rest > T(0) : rest < T(0);
  return x - x == T(0) || y == T(0) ? quotient - T(is_above) : x - x;
}
//@ Divisor
// Divides many numbers by one: the quotient is found with the reciprocal and
// corrected by what is left, which rounds it as a division does but for rare
// last bits. A division takes three times as many instructions.
struct Divisor {
  float scale, by, reciprocal; // tiny divisors are scaled: none is subnormal
  WEFT_METHOD Divisor(float y)
      : scale(::fabsf(y) < 0x1p-126f ? 0x1p32f : 1.0f), by(y * scale),
        reciprocal(1.0f / by) {}
  WEFT_METHOD float divide(float x) const {
    float scaled = x * scale;
    float quotient = scaled * reciprocal;
    float rest = ::fmaf(-quotient, by, scaled);
    float corrected = ::fmaf(rest, reciprocal, quotient);
    // A rest of 0, infinity or NaN has nothing to add.
    return ::fabsf(rest) > 0 && ::fabsf(rest) < bits_float(0x7f800000u)
               ? corrected
               : quotient;
  }
};
//@ floor_div
WEFT_DEVICE float floor_div(float x, float y) { return floor_quotient(x, y); }
WEFT_DEVICE double floor_div(double x, double y) {
  return floor_quotient(x, y);
}
WEFT_DEVICE bool floor_div(bool x, bool y) { return x && y; }
template <class T> WEFT_DEVICE T floor_div(T x, T y) {
  T quotient = div(x, y);
  bool is_exact = mul(quotient, y) == x;
  bool is_rounded_up = y != T(0) && !is_exact && (x < T(0)) != (y < T(0));
  return is_rounded_up ? sub(quotient, T(1)) : quotient;
}
//@ mod
// fmod is exact and has the sign of x; here it is that of y, as in Python.
WEFT_DEVICE float mod(float x, float y) {
  float rest = ::fmodf(x, y);
  if (rest == 0.0f)
    return ::copysignf(0.0f, y);
  return (rest < 0.0f) != (y < 0.0f) ? rest + y : rest;
}
WEFT_DEVICE double mod(double x, double y) {
  double rest = ::fmod(x, y);
  if (rest == 0.0)
    return ::copysign(0.0, y);
  return (rest < 0.0) != (y < 0.0) ? rest + y : rest;
}
template <class T> WEFT_DEVICE T mod(T x, T y) {
  return sub(x, mul(floor_div(x, y), y));
}
//@ pow
WEFT_DEVICE float pow(float x, float y) { return ::powf(x, y); }
WEFT_DEVICE double pow(double x, double y) { return ::pow(x, y); }
template <class T> WEFT_DEVICE T pow(T x, T y) {
  if (y < T(0))
    return x == T(1) ? T(1) : x != T(-1) ? T(0) : (y & 1) ? T(-1) : T(1);
  T result = T(1);
  for (auto left = wide(y); left != 0; left /= 2) {
    if (left & 1)
      result = mul(result, x);
    x = mul(x, x);
  }
  return result;
}
//@ maximum
// NaN wins, and +0 is larger than -0.
WEFT_DEVICE float maximum(float x, float y) {
#ifdef __CUDA_ARCH__
  float z;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y));
  return z;
#else
  if (x != x || y != y || x == y)
    return x == y && x != 0 ? x : x + y;
  return x > y ? x : y;
#endif
}
WEFT_DEVICE double maximum(double x, double y) {
  if (x != x || y != y || x == y) // the sum is NaN, or the right zero
    return x == y && x != 0 ? x : x + y;
  return x > y ? x : y;
}
template <class T> WEFT_DEVICE T maximum(T x, T y) { return x > y ? x : y; }
//@ minimum
WEFT_DEVICE float minimum(float x, float y) {
#ifdef __CUDA_ARCH__
  float z;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y));
  return z;
#else
  if (x != x || y != y || x == y)
    return x == y && x != 0 ? x : -(-x - y);
  return x < y ? x : y;
#endif
}
WEFT_DEVICE double minimum(double x, double y) {
  if (x != x || y != y || x == y)
    return x == y && x != 0 ? x : -(-x - y);
  return x < y ? x : y;
}
template <class T> WEFT_DEVICE T minimum(T x, T y) { return x < y ? x : y; }

// ---- comparisons and logic --------------------------------------------------
//@ less
template <class T> WEFT_DEVICE bool less(T x, T y) { return x < y; }
//@ less_equal
template <class T> WEFT_DEVICE bool less_equal(T x, T y) { return x <= y; }
//@ greater
template <class T> WEFT_DEVICE bool greater(T x, T y) { return x > y; }
//@ greater_equal
template <class T> WEFT_DEVICE bool greater_equal(T x, T y) { return x >= y; }
//@ equal
template <class T> WEFT_DEVICE bool equal(T x, T y) { return x == y; }
//@ not_equal
template <class T> WEFT_DEVICE bool not_equal(T x, T y) { return x != y; }
//@ logical_and
WEFT_DEVICE bool logical_and(bool x, bool y) { return x && y; }
//@ logical_or
WEFT_DEVICE bool logical_or(bool x, bool y) { return x || y; }
//@ logical_not
WEFT_DEVICE bool logical_not(bool x) { return !x; }
//@ select
template <class T> WEFT_DEVICE T select(bool condition, T x, T y) {
  return condition ? x : y;
}

//@rows

// ---- reductions -------------------------------------------------------------
//@ Best
// The extreme element so far and its position; -1 before the first.
template <class T> struct Best {
  T value;
  int position;
};
//@ Sum
struct Sum {
  template <class T> WEFT_METHOD T operator()(T x, T y) const { return add(x, y); }
};
//@ Product
struct Product {
  template <class T> WEFT_METHOD T operator()(T x, T y) const { return mul(x, y); }
};
//@ Maximum
struct Maximum {
  template <class T> WEFT_METHOD T operator()(T x, T y) const {
    return maximum(x, y);
  }
};
//@ Minimum
struct Minimum {
  template <class T> WEFT_METHOD T operator()(T x, T y) const {
    return minimum(x, y);
  }
};
//@ All
struct All {
  WEFT_METHOD bool operator()(bool x, bool y) const { return x && y; }
};
//@ Any
struct Any {
  WEFT_METHOD bool operator()(bool x, bool y) const { return x || y; }
};
//@ Argmax
// NaN wins; of equal elements the first.
struct Argmax {
  template <class T> WEFT_METHOD Best<T> operator()(Best<T> x, Best<T> y) const {
    if (x.position < 0 || y.position < 0)
      return x.position < 0 ? y : x;
    bool x_nan = is_nan(x.value), y_nan = is_nan(y.value);
    if (x_nan != y_nan)
      return x_nan ? x : y;
    if (!x_nan && !(x.value == y.value))
      return x.value > y.value ? x : y;
    return x.position < y.position ? x : y;
  }
};
//@ Argmin
struct Argmin {
  template <class T> WEFT_METHOD Best<T> operator()(Best<T> x, Best<T> y) const {
    if (x.position < 0 || y.position < 0)
      return x.position < 0 ? y : x;
    bool x_nan = is_nan(x.value), y_nan = is_nan(y.value);
    if (x_nan != y_nan)
      return x_nan ? x : y;
    if (!x_nan && !(x.value == y.value))
      return x.value < y.value ? x : y;
    return x.position < y.position ? x : y;
  }
};
//@ shuffle_xor
// The value of the thread whose lane differs from mine by `lanes`.
WEFT_DEVICE float shuffle_xor(float x, int lanes) {
  return __shfl_xor_sync(0xffffffffu, x, lanes);
}
WEFT_DEVICE double shuffle_xor(double x, int lanes) {
  return __shfl_xor_sync(0xffffffffu, x, lanes);
}
WEFT_DEVICE long long shuffle_xor(long long x, int lanes) {
  return __shfl_xor_sync(0xffffffffu, x, lanes);
}
template <class T> WEFT_DEVICE T shuffle_xor(T x, int lanes) {
  return T(__shfl_xor_sync(0xffffffffu, static_cast<int>(x), lanes));
}
//@ shuffle_xor:Best
template <class T> WEFT_DEVICE Best<T> shuffle_xor(Best<T> x, int lanes) {
  return {shuffle_xor(x.value, lanes), shuffle_xor(x.position, lanes)};
}
//@ reduce_lanes
// Over groups of `Lanes` neighbouring threads of a warp; all get the result.
template <int Lanes, class Op, class T> WEFT_DEVICE T reduce_lanes(T x, Op op) {
#pragma unroll
  for (int lanes = Lanes / 2; lanes > 0; lanes /= 2)
    x = op(x, shuffle_xor(x, lanes));
  return x;
}
//@ reduce_block
// Over all threads of the block; all get the result.
template <int Threads, class Op, class T> WEFT_DEVICE T reduce_block(T x, Op op) {
  constexpr int warps = Threads / 32;
  WEFT_SHARED T partial[warps];
  x = reduce_lanes<32>(x, op);
  __syncthreads(); // the last use of `partial` is over
  if (threadIdx.x % 32 == 0)
    partial[threadIdx.x / 32] = x;
  __syncthreads();
  return reduce_lanes<warps>(partial[threadIdx.x % warps], op);
}
//@ reduce_slices
// Over the threads of equal threadIdx.x % Columns; all get the result.
template <int Threads, int Columns, class Op, class T>
WEFT_DEVICE T reduce_slices(T x, Op op) {
  WEFT_SHARED T partial[Threads];
  __syncthreads(); // the last use of `partial` is over
  partial[threadIdx.x] = x;
  __syncthreads();
  x = partial[threadIdx.x % Columns];
#pragma unroll 4
  for (int i = Columns; i < Threads; i += Columns)
    x = op(x, partial[threadIdx.x % Columns + i]);
  return x;
}
//@end
} // namespace weft
