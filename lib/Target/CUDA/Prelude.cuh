// SPDX-License-Identifier: Apache-2.0
// What emitted kernels are written in: types, conversions and one function for
// each primitive of Elementwise.td. A line `//@ names` begins a snippet; a
// kernel's text carries the snippets that it uses and nothing else.
//
// Nothing is included. Functions with inline PTX have a twin for the host, so
// that tests can compile kernels with a host compiler and run them: such a test
// defines the macros that nvcc's part below does, what CUDA has built in, and
// the macros that twins call.
#pragma once

//@ *
#ifdef __CUDACC__
// What nothing uses; unsigned numbers below 0, in functions for all types.
#pragma nv_diag_suppress 177, 186
#define WEFT_DEVICE __device__ __forceinline__
#define WEFT_METHOD __device__ __forceinline__ // of a struct
#define WEFT_SHARED __shared__
#define WEFT_DYNAMIC_SHARED(name) extern __shared__ __align__(1024) unsigned char name[]
#define WEFT_GLOBAL(...) extern "C" __global__ void __launch_bounds__(__VA_ARGS__)
#define WEFT_CLUSTER(blocks) __cluster_dims__(blocks, 1, 1)
#define WEFT_IN_PLACE __grid_constant__ // of a parameter: threads use its address
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
//@ load_words
// N words of memory, zeros where it is not `inside`. Elements are taken from
// what was chosen: halves would be chosen and moved one by one.
template <int N, class T>
WEFT_DEVICE Vector<unsigned, N> load_words(bool inside, const T *from) {
  Vector<unsigned, N> to = {};
  if (inside)
    to = load_vector<N>(reinterpret_cast<const unsigned *>(from));
#ifdef __CUDA_ARCH__
#pragma unroll
  for (int i = 0; i < N; ++i)
    asm("" : "+r"(to[i]));
#endif
  return to;
}
//@ load_vector_if
template <int N, class T>
WEFT_DEVICE Vector<T, N> load_vector_if(bool inside, const T *from) {
  if constexpr (sizeof(Vector<T, N>) % 4 == 0) {
    union {
      Vector<unsigned, sizeof(Vector<T, N>) / 4> words;
      Vector<T, N> elements;
    } to = {load_words<sizeof(Vector<T, N>) / 4>(inside, from)};
    return to.elements;
  } else {
    return inside ? load_vector<N>(from) : Vector<T, N>{};
  }
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
//@ follow_previous
// A kernel that calls this may start while the one before it still runs: waits
// for that one's results, and lets the next one start in turn.
WEFT_DEVICE void follow_previous() {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;\n"
               "griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

// ---- tensor cores -----------------------------------------------------------
// Tiles of 16-bit floats in shared memory, as MatrixOperand.h describes them.
//@ swizzled
// Where byte `column` of line `line` of a tile lies.
WEFT_DEVICE int swizzled(int line, int column) {
  return line * 128 + (column / 16 ^ line % 8) * 16 + column % 16;
}
//@ shared_address
#ifdef __CUDA_ARCH__
WEFT_DEVICE unsigned shared_address(const void *of) {
  return static_cast<unsigned>(__cvta_generic_to_shared(of));
}
#endif
//@ copy_async
// Starts a copy to shared memory; of zeros where it is not `inside`.
template <int Bytes>
WEFT_DEVICE void copy_async(void *to, const void *from, bool inside) {
#ifdef __CUDA_ARCH__
  if constexpr (Bytes == 16)
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(
                     shared_address(to)),
                 "l"(from), "r"(inside ? 16 : 0)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(
                     shared_address(to)),
                 "l"(from), "n"(Bytes), "r"(inside ? Bytes : 0)
                 : "memory");
#else
  WEFT_COPY_ASYNC(to, from, Bytes, inside);
#endif
}
//@ commit_copies
// What was started since the last commit is one group.
WEFT_DEVICE void commit_copies() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  WEFT_COMMIT_COPIES();
#endif
}
//@ wait_for_copies
// Until all but the last `Groups` groups of this thread have arrived.
template <int Groups> WEFT_DEVICE void wait_for_copies() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.wait_group %0;" ::"n"(Groups) : "memory");
#else
  WEFT_WAIT_FOR_COPIES(Groups);
#endif
}
//@ load_matrices
// Four 8 x 8 matrices; lane 8 * i + j points to line j of matrix i. A thread
// gets elements 2 * (lane % 4) and the next of line lane / 4 of each.
WEFT_DEVICE void load_matrices(unsigned (&to)[4], const void *line) {
#ifdef __CUDA_ARCH__
  asm volatile(
      "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
      : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
      : "r"(shared_address(line))
      : "memory");
#else
  int lane = threadIdx.x % 32;
  for (int i = 0; i < 4; ++i) {
    auto *from = static_cast<const char *>(
        __shfl_sync(0xffffffffu, line, i * 8 + lane / 4));
    __builtin_memcpy(&to[i], from + lane % 4 * 4, 4);
  }
#endif
}
//@ load_transposed_matrices
// The same of the transposed matrices.
WEFT_DEVICE void load_transposed_matrices(unsigned (&to)[4], const void *line) {
#ifdef __CUDA_ARCH__
  asm volatile(
      "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
      : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
      : "r"(shared_address(line))
      : "memory");
#else
  int lane = threadIdx.x % 32;
  for (int i = 0; i < 4; ++i) {
    unsigned short halves[2];
    for (int j = 0; j < 2; ++j) {
      auto *from = static_cast<const char *>(
          __shfl_sync(0xffffffffu, line, i * 8 + lane % 4 * 2 + j));
      __builtin_memcpy(&halves[j], from + lane / 4 * 2, 2);
    }
    to[i] = halves[0] | static_cast<unsigned>(halves[1]) << 16;
  }
#endif
}
//@ store_transposed_matrices
// Stores four 8 x 8 matrices, of which threads have what load_matrices gives,
// transposed: lane 8 * i + j points to where column j of matrix i goes.
WEFT_DEVICE void store_transposed_matrices(void *line,
                                           const unsigned (&from)[4]) {
#ifdef __CUDA_ARCH__
  asm volatile("stmatrix.sync.aligned.m8n8.x4.trans.shared.b16 [%0], "
               "{%1, %2, %3, %4};" ::"r"(shared_address(line)),
               "r"(from[0]), "r"(from[1]), "r"(from[2]), "r"(from[3])
               : "memory");
#else
  int lane = threadIdx.x % 32;
  for (int i = 0; i < 4; ++i)
    for (int j = 0; j < 2; ++j) {
      auto *to = static_cast<char *>(
          __shfl_sync(0xffffffffu, line, i * 8 + lane % 4 * 2 + j));
      auto half = static_cast<unsigned short>(from[i] >> 16 * j);
      __builtin_memcpy(to + lane / 4 * 2, &half, 2);
    }
#endif
}
//@ Halves
// Two elements of type T as they lie in a register.
template <class T> struct Halves {
  static WEFT_METHOD float get(unsigned bits, int i) {
    T element;
    element.bits = static_cast<unsigned short>(bits >> 16 * i);
    return widen(element);
  }
};
//@ multiply_matrices
// sum += a * b, 16 x 16 times 16 x 8, in f32.
template <class T> struct MultiplyMatrices;
template <class T>
WEFT_DEVICE void multiply_matrices(float (&sum)[4], const unsigned (&a)[4],
                                   unsigned b0, unsigned b1) {
#ifdef __CUDA_ARCH__
  MultiplyMatrices<T>::run(sum, a, b0, b1);
#else
  int lane = threadIdx.x % 32;
  for (int t = 0; t < 4; ++t) { // the lane that holds elements 2 t, 2 t + 1
    unsigned bits[4], columns[2][2];
    for (int i = 0; i < 4; ++i)
      bits[i] = __shfl_sync(0xffffffffu, a[i], lane / 4 * 4 + t);
    for (int j = 0; j < 2; ++j) {
      int from = (lane % 4 * 2 + j) * 4 + t;
      columns[j][0] = __shfl_sync(0xffffffffu, b0, from);
      columns[j][1] = __shfl_sync(0xffffffffu, b1, from);
    }
    for (int i = 0; i < 4; ++i)
      for (int deep = 0; deep < 2; ++deep)
        for (int e = 0; e < 2; ++e)
          sum[i] += Halves<T>::get(bits[i / 2 + deep * 2], e) *
                    Halves<T>::get(columns[i % 2][deep], e);
  }
#endif
}
//@ MultiplyMatrices:half
#ifdef __CUDA_ARCH__
template <> struct MultiplyMatrices<half> {
  static WEFT_METHOD void run(float (&sum)[4], const unsigned (&a)[4],
                              unsigned b0, unsigned b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
};
#endif
//@ MultiplyMatrices:bfloat16
#ifdef __CUDA_ARCH__
template <> struct MultiplyMatrices<bfloat16> {
  static WEFT_METHOD void run(float (&sum)[4], const unsigned (&a)[4],
                              unsigned b0, unsigned b1) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
  }
};
#endif
//@ load_word_matrices
// What load_matrices gives of 16 rows (or columns) from `own` and eight steps
// of k, of elements of 32 bits in a tile whose lines are steps of k.
template <bool IsRows>
WEFT_DEVICE void load_word_matrices(unsigned (&to)[4],
                                    const unsigned char *tile, int own, int k) {
  int lane = threadIdx.x % 32;
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    int line = k + lane % 4 + (IsRows ? i / 2 : i % 2) * 4;
    int at = own + lane / 4 + (IsRows ? i % 2 : i / 2) * 8;
    const void *from = tile + at / 32 * 4096 + swizzled(line, at % 32 * 4);
#ifdef __CUDA_ARCH__
    to[i] = *static_cast<const unsigned *>(from);
#else
    __builtin_memcpy(&to[i], from, 4);
#endif
  }
}
//@ round_to_tf32
// To ten bits of the mantissa, once the other bits are cut off: multiply_tf32
// does not see them. What is finite stays so: cvt.rna would make the largest
// numbers infinite.
WEFT_DEVICE void round_to_tf32(unsigned (&x)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (::fabsf(bits_float(x[i])) < 0x1.ffep127f)
      x[i] += 0x1000u;
  }
}
//@ nearest_tf32
// With ten bits of the mantissa, to the nearest. What is finite stays so.
WEFT_DEVICE float nearest_tf32(float x) {
  const float magnitude = ::fabsf(x);
  unsigned bits = float_bits(x);
  if (magnitude < 0x1.ffep127f)
    bits += 0x1000u;
  return magnitude <= 0x1.fffffep127f ? bits_float(bits & ~0x1fffu) : x;
}
//@ multiply_tf32
// sum += a * b, 16 x 8 times 8 x 8, of float32 rounded to TF32.
WEFT_DEVICE void multiply_tf32(float (&sum)[4], const unsigned (&a)[4],
                               unsigned b0, unsigned b1) {
#ifdef __CUDA_ARCH__
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, "
      "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+f"(sum[0]), "+f"(sum[1]), "+f"(sum[2]), "+f"(sum[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
#else
  int lane = threadIdx.x % 32;
  auto number = [](unsigned bits) { return bits_float(bits & ~0x1fffu); };
  for (int t = 0; t < 4; ++t) { // the lane that holds steps t and t + 4
    float rows[4], columns[2][2];
    for (int i = 0; i < 4; ++i)
      rows[i] = number(__shfl_sync(0xffffffffu, a[i], lane / 4 * 4 + t));
    for (int j = 0; j < 2; ++j) {
      int from = (lane % 4 * 2 + j) * 4 + t;
      columns[j][0] = number(__shfl_sync(0xffffffffu, b0, from));
      columns[j][1] = number(__shfl_sync(0xffffffffu, b1, from));
    }
    for (int i = 0; i < 4; ++i)
      for (int deep = 0; deep < 2; ++deep)
        sum[i] += rows[i / 2 + deep * 2] * columns[i % 2][deep];
  }
#endif
}
//@ pack_halves
// Two numbers as elements of type T in a register.
template <class T> struct PackHalves;
template <class T> WEFT_DEVICE unsigned pack_halves(float low, float high) {
#ifdef __CUDA_ARCH__
  return PackHalves<T>::run(low, high);
#else
  T first, second;
  narrow(low, first);
  narrow(high, second);
  return first.bits | static_cast<unsigned>(second.bits) << 16;
#endif
}
//@ PackHalves:half
#ifdef __CUDA_ARCH__
template <> struct PackHalves<half> {
  static WEFT_METHOD unsigned run(float low, float high) {
    unsigned bits;
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
    return bits;
  }
};
#endif
//@ PackHalves:bfloat16
#ifdef __CUDA_ARCH__
template <> struct PackHalves<bfloat16> {
  static WEFT_METHOD unsigned run(float low, float high) {
    unsigned bits;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
    return bits;
  }
};
#endif
//@ maximum_halves
// The larger of two elements of type T, for both that a register holds.
template <class T> struct MaximumHalves;
template <class T> WEFT_DEVICE unsigned maximum_halves(unsigned x, unsigned y) {
#ifdef __CUDA_ARCH__
  return MaximumHalves<T>::run(x, y);
#else
  return pack_halves<T>(maximum(Halves<T>::get(x, 0), Halves<T>::get(y, 0)),
                        maximum(Halves<T>::get(x, 1), Halves<T>::get(y, 1)));
#endif
}
//@ MaximumHalves:half
#ifdef __CUDA_ARCH__
template <> struct MaximumHalves<half> {
  static WEFT_METHOD unsigned run(unsigned x, unsigned y) {
    asm("max.NaN.f16x2 %0, %0, %1;" : "+r"(x) : "r"(y));
    return x;
  }
};
#endif
//@ MaximumHalves:bfloat16
#ifdef __CUDA_ARCH__
template <> struct MaximumHalves<bfloat16> {
  static WEFT_METHOD unsigned run(unsigned x, unsigned y) {
    asm("max.NaN.bf16x2 %0, %0, %1;" : "+r"(x) : "r"(y));
    return x;
  }
};
#endif
//@ exp2
// Within 2 units in the last place; results below 2^-126 are 0.
WEFT_DEVICE float exp2(float x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  float y = ::exp2f(x);
  return y < 0x1p-126f ? 0.0f : y;
#endif
}
//@ gelu_by
// The normal distribution function at -|x| is a power of two whose exponent is a
// polynomial of |x|, and 0 from `end` on. No branch and half of what erf takes,
// nor does it cancel below 0.
template <int N>
WEFT_DEVICE float gelu_by(const float (&coefficients)[N], float end, float x) {
  const float t = ::fminf(::fabsf(x), end);
  float power = coefficients[0];
#pragma unroll
  for (int i = 1; i < N; ++i)
    power = multiply_add(power, t, coefficients[i]);
  const float below = exp2(power);
  return x * (x < 0.0f ? below : 1.0f - below);
}
//@ gelu
// The function within 1.2e-6 of it from -2 on, and within 1 % from -10 on.
WEFT_DEVICE float gelu(float x) {
  return gelu_by({9.46387235e-9f, -3.30009328e-7f, 3.12916018e-6f,
                  2.1878177e-5f, -7.53274537e-4f, 8.06863699e-3f,
                  -5.33820651e-2f, -0.458826393f, -1.15116763f, -0.999998331f},
                 13.25f, x);
}
//@ gelu_half
// For results of this type, with fewer products: what is done behind sums takes
// registers from the tensor cores beside it. Within 3.6e-5 of the function from
// -4 on and 7e-4 from -6 on; what is below is less than half of the least number.
WEFT_DEVICE float gelu_half(float x) {
  return gelu_by({2.34445451e-5f, -6.21790299e-4f, 7.27730524e-3f,
                  -5.14498428e-2f, -0.460907191f, -1.15035033f, -1.00005138f},
                 16.0f, x);
}
//@ gelu_bfloat16
// The same within 5.6e-4 everywhere.
WEFT_DEVICE float gelu_bfloat16(float x) {
  return gelu_by({-3.1538156e-7f, 1.7644154e-5f, -4.156258e-4f, 5.433122e-3f,
                  -4.431442e-2f, -0.47312135f, -1.1428105f, -1.0007955f},
                 13.25f, x);
}
//@ publish_copies
// Lets the tensor cores of warp groups see what this thread's copies brought.
WEFT_DEVICE void publish_copies() {
#ifdef __CUDA_ARCH__
  asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
#endif
}
//@ begin_products
WEFT_DEVICE void begin_products() {
#ifdef __CUDA_ARCH__
  asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
#endif
}
//@ commit_products
WEFT_DEVICE void commit_products() {
#ifdef __CUDA_ARCH__
  asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
#endif
}
//@ wait_for_products
// Until all but the last `Groups` committed groups are done.
template <int Groups> WEFT_DEVICE void wait_for_products() {
#ifdef __CUDA_ARCH__
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Groups) : "memory");
#endif
}
//@ hold_sums
// The compiler moves nothing that reads or writes the sums past this.
template <int Columns> WEFT_DEVICE void hold_sums(float (&sum)[Columns][4]) {
#ifdef __CUDA_ARCH__
#pragma unroll
  for (int i = 0; i < Columns; ++i)
    asm volatile("" : "+f"(sum[i][0]), "+f"(sum[i][1]), "+f"(sum[i][2]),
                 "+f"(sum[i][3])::"memory");
#endif
}
//@ finish_products
// Until all are done; nothing reads the sums before.
template <int Columns>
WEFT_DEVICE void finish_products(float (&sum)[Columns][4]) {
  wait_for_products<0>();
  hold_sums(sum);
}
//@ tile_descriptor
// Of a tile for wgmma: 128-byte swizzle; between eight lines 1024 bytes, and
// between blocks of 64 rows, of which a transposed tile consists, 8192.
#ifdef __CUDA_ARCH__
WEFT_DEVICE unsigned long long tile_descriptor(const void *tile) {
  unsigned long long start = (shared_address(tile) & 0x3ffffu) >> 4;
  return start | 512ull << 16 | 64ull << 32 | 1ull << 62;
}
#endif
//@ multiply_group
// sum += a * b for 64 rows, 8 * Columns columns and 16 steps of k: what four
// warps do together. Not done before finish_products says so.
template <class T, bool TransposedA, bool TransposedB, int Columns>
struct MultiplyGroup;
template <class T, bool TransposedA, bool TransposedB, int Columns>
WEFT_DEVICE void multiply_group(float (&sum)[Columns][4], const void *a,
                                const void *b) {
#ifdef __CUDA_ARCH__
  MultiplyGroup<T, TransposedA, TransposedB, Columns>::run(
      sum, tile_descriptor(a), tile_descriptor(b));
#else
  auto element = [](const void *tile, bool isTransposed, int own, int k) {
    auto address = reinterpret_cast<unsigned long long>(tile);
    address += isTransposed ? own / 64 * 8192 + k * 128 + own % 64 * 2
                            : own * 128 + k * 2;
    address ^= (address >> 7 & 7) << 4;
    T x;
    __builtin_memcpy(&x, reinterpret_cast<const void *>(address), 2);
    return widen(x);
  };
  int row = threadIdx.x / 32 % 4 * 16 + threadIdx.x % 32 / 4;
  for (int j = 0; j < Columns; ++j)
    for (int i = 0; i < 4; ++i)
      for (int k = 0; k < 16; ++k)
        sum[j][i] += element(a, TransposedA, row + i / 2 * 8, k) *
                     element(b, TransposedB,
                             j * 8 + threadIdx.x % 4 * 2 + i % 2, k);
#endif
}
//@ WEFT_SUMS WEFT_SUMS_2
#define WEFT_SUM(i) "+f"(sum[i][0]), "+f"(sum[i][1]), "+f"(sum[i][2]), "+f"(sum[i][3])
#define WEFT_SUMS_2(i) WEFT_SUM(i), WEFT_SUM(i + 1)
#define WEFT_SUMS_4(i) WEFT_SUMS_2(i), WEFT_SUMS_2(i + 2)
#define WEFT_SUMS(i) WEFT_SUMS_4(i), WEFT_SUMS_4(i + 4)
//@ WEFT_PLACES_32 WEFT_PLACES_64 WEFT_PLACES_96
// The first operands of an asm statement, as PTX lists them.
#define WEFT_PLACES_8 "%0, %1, %2, %3, %4, %5, %6, %7"
#define WEFT_PLACES_16 WEFT_PLACES_8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define WEFT_PLACES_24 WEFT_PLACES_16 ", %16, %17, %18, %19, %20, %21, %22, %23"
#define WEFT_PLACES_32 WEFT_PLACES_24 ", %24, %25, %26, %27, %28, %29, %30, %31"
#define WEFT_PLACES_40 WEFT_PLACES_32 ", %32, %33, %34, %35, %36, %37, %38, %39"
#define WEFT_PLACES_48 WEFT_PLACES_40 ", %40, %41, %42, %43, %44, %45, %46, %47"
#define WEFT_PLACES_56 WEFT_PLACES_48 ", %48, %49, %50, %51, %52, %53, %54, %55"
#define WEFT_PLACES_64 WEFT_PLACES_56 ", %56, %57, %58, %59, %60, %61, %62, %63"
#define WEFT_PLACES_96 WEFT_PLACES_64 \
  ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, " \
  "%80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define WEFT_PLACES_128 WEFT_PLACES_96 \
  ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, " \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
//@ WEFT_GROUP_INSTRUCTION
// For steps of k and elements of `types` and a width of columns. `places` are
// its sums, `operands` all that stands behind them.
#define WEFT_GROUP_INSTRUCTION(types, width, places, operands)                 \
  "{.reg .pred p; setp.eq.u32 p, 0, 0; "                                       \
  "wgmma.mma_async.sync.aligned.m64n" width types " {" places "}, " operands   \
  ";}"
//@ WEFT_GROUP_PRODUCT
// Of 16 bits.
#define WEFT_GROUP_PRODUCT(ptx, width, places, operands)                       \
  WEFT_GROUP_INSTRUCTION("k16.f32." ptx "." ptx, width, places, operands)
//@ WEFT_MULTIPLY_GROUP
#define WEFT_MULTIPLY_GROUP_OF(T, ptx, columns, width, places, operands, ...)  \
  template <bool TransposedA, bool TransposedB>                                \
  struct MultiplyGroup<T, TransposedA, TransposedB, columns> {                 \
    static WEFT_METHOD void run(float (&sum)[columns][4],                      \
                                unsigned long long a, unsigned long long b) {  \
      asm volatile(WEFT_GROUP_PRODUCT(ptx, width, places, operands)            \
                   : __VA_ARGS__                                               \
                   : "l"(a), "l"(b), "n"(int(TransposedA)),                    \
                     "n"(int(TransposedB)));                                   \
    }                                                                          \
  };
#define WEFT_MULTIPLY_GROUP(T, ptx)                                            \
  WEFT_MULTIPLY_GROUP_OF(T, ptx, 8, "64", WEFT_PLACES_32,                      \
                         "%32, %33, p, 1, 1, %34, %35", WEFT_SUMS(0))          \
  WEFT_MULTIPLY_GROUP_OF(T, ptx, 16, "128", WEFT_PLACES_64,                    \
                         "%64, %65, p, 1, 1, %66, %67", WEFT_SUMS(0),          \
                         WEFT_SUMS(8))                                         \
  WEFT_MULTIPLY_GROUP_OF(T, ptx, 24, "192", WEFT_PLACES_96,                    \
                         "%96, %97, p, 1, 1, %98, %99", WEFT_SUMS(0),          \
                         WEFT_SUMS(8), WEFT_SUMS(16))                          \
  WEFT_MULTIPLY_GROUP_OF(T, ptx, 32, "256", WEFT_PLACES_128,                   \
                         "%128, %129, p, 1, 1, %130, %131", WEFT_SUMS(0),      \
                         WEFT_SUMS(8), WEFT_SUMS(16), WEFT_SUMS(24))
//@ MultiplyGroup:half
#ifdef __CUDA_ARCH__
WEFT_MULTIPLY_GROUP(half, "f16")
#endif
//@ MultiplyGroup:bfloat16
#ifdef __CUDA_ARCH__
WEFT_MULTIPLY_GROUP(bfloat16, "bf16")
#endif
//@ multiply_kept
// What the host does for the two functions below: `element` gives the right
// operand's at a step of k and a column.
#ifndef __CUDA_ARCH__
template <class T, int Columns, class Element>
WEFT_DEVICE void multiply_kept(float (&sum)[Columns][4], const unsigned (&a)[4],
                               Element element) {
  int lane = threadIdx.x % 32;
  for (int t = 0; t < 4; ++t) { // the lane that holds elements 2 t, 2 t + 1
    unsigned bits[4];
    for (int i = 0; i < 4; ++i)
      bits[i] = __shfl_sync(0xffffffffu, a[i], lane / 4 * 4 + t);
    for (int j = 0; j < Columns; ++j)
      for (int i = 0; i < 4; ++i)
        for (int k = 0; k < 4; ++k)
          sum[j][i] += Halves<T>::get(bits[i / 2 + k / 2 * 2], k % 2) *
                       element(k / 2 * 8 + t * 2 + k % 2,
                               j * 8 + lane % 4 * 2 + i % 2);
  }
}
#endif
//@ multiply_group_kept
// The same with a left operand of 64 x 16 in registers, of each warp as for
// multiply_matrices, and a right one that is transposed.
template <class T, int Columns> struct MultiplyGroupKept;
template <class T, int Columns>
WEFT_DEVICE void multiply_group_kept(float (&sum)[Columns][4],
                                     const unsigned (&a)[4], const void *b) {
#ifdef __CUDA_ARCH__
  MultiplyGroupKept<T, Columns>::run(sum, a, tile_descriptor(b));
#else
  auto element = [&](int k, int column) {
    auto address = reinterpret_cast<unsigned long long>(b);
    address += column / 64 * 8192 + k * 128 + column % 64 * 2;
    address ^= (address >> 7 & 7) << 4;
    T x;
    __builtin_memcpy(&x, reinterpret_cast<const void *>(address), 2);
    return widen(x);
  };
  multiply_kept<T>(sum, a, element);
#endif
}
//@ WEFT_KEPT_PRODUCT
#define WEFT_KEPT_PRODUCT(Struct, T, ptx, columns, width, places, operands,    \
                          ...)                                                 \
  template <> struct Struct<T, columns> {                                      \
    static WEFT_METHOD void run(float (&sum)[columns][4],                      \
                                const unsigned (&a)[4],                        \
                                unsigned long long b) {                        \
      asm volatile(WEFT_GROUP_PRODUCT(ptx, width, places, operands)            \
                   : __VA_ARGS__                                               \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));      \
    }                                                                          \
  };
//@ WEFT_MULTIPLY_GROUP_KEPT
#define WEFT_MULTIPLY_GROUP_KEPT(T, ptx)                                       \
  WEFT_KEPT_PRODUCT(MultiplyGroupKept, T, ptx, 8, "64", WEFT_PLACES_32,        \
                    "{%32, %33, %34, %35}, %36, p, 1, 1, 1",                   \
                    WEFT_SUMS(0))                                              \
  WEFT_KEPT_PRODUCT(MultiplyGroupKept, T, ptx, 16, "128", WEFT_PLACES_64,      \
                    "{%64, %65, %66, %67}, %68, p, 1, 1, 1",                   \
                    WEFT_SUMS(0), WEFT_SUMS(8))
//@ MultiplyGroupKept:half
#ifdef __CUDA_ARCH__
WEFT_MULTIPLY_GROUP_KEPT(half, "f16")
#endif
//@ MultiplyGroupKept:bfloat16
#ifdef __CUDA_ARCH__
WEFT_MULTIPLY_GROUP_KEPT(bfloat16, "bf16")
#endif
//@ multiply_group_tf32
// sum += a * b for 64 rows, 8 * Columns columns and 8 steps of k, of float32: a
// in registers, of each warp as for multiply_tf32, the lines of b along k. The
// bits of b that TF32 has not are cut off.
template <int Columns> struct MultiplyGroupTf32;
template <int Columns>
WEFT_DEVICE void multiply_group_tf32(float (&sum)[Columns][4],
                                     const unsigned (&a)[4], const void *b) {
#ifdef __CUDA_ARCH__
  MultiplyGroupTf32<Columns>::run(sum, a, tile_descriptor(b));
#else
  auto number = [](unsigned bits) { return bits_float(bits & ~0x1fffu); };
  auto element = [&](int k, int column) {
    auto address = reinterpret_cast<unsigned long long>(b);
    address += column * 128 + k * 4;
    address ^= (address >> 7 & 7) << 4;
    unsigned bits;
    __builtin_memcpy(&bits, reinterpret_cast<const void *>(address), 4);
    return number(bits);
  };
  int lane = threadIdx.x % 32;
  for (int t = 0; t < 4; ++t) { // the lane that holds steps t and t + 4
    float rows[4];
    for (int i = 0; i < 4; ++i)
      rows[i] = number(__shfl_sync(0xffffffffu, a[i], lane / 4 * 4 + t));
    for (int j = 0; j < Columns; ++j)
      for (int i = 0; i < 4; ++i)
        for (int deep = 0; deep < 2; ++deep)
          sum[j][i] += rows[i / 2 + deep * 2] *
                       element(deep * 4 + t, j * 8 + lane % 4 * 2 + i % 2);
  }
#endif
}
//@ MultiplyGroupTf32
#define WEFT_MULTIPLY_GROUP_TF32(columns, width, places, operands, ...)        \
  template <> struct MultiplyGroupTf32<columns> {                              \
    static WEFT_METHOD void run(float (&sum)[columns][4],                      \
                                const unsigned (&a)[4],                        \
                                unsigned long long b) {                        \
      asm volatile(WEFT_GROUP_INSTRUCTION("k8.f32.tf32.tf32", width, places,   \
                                          operands)                            \
                   : __VA_ARGS__                                               \
                   : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));      \
    }                                                                          \
  };
#ifdef __CUDA_ARCH__
WEFT_MULTIPLY_GROUP_TF32(8, "64", WEFT_PLACES_32,
                         "{%32, %33, %34, %35}, %36, p, 1, 1", WEFT_SUMS(0))
WEFT_MULTIPLY_GROUP_TF32(16, "128", WEFT_PLACES_64,
                         "{%64, %65, %66, %67}, %68, p, 1, 1", WEFT_SUMS(0),
                         WEFT_SUMS(8))
WEFT_MULTIPLY_GROUP_TF32(24, "192", WEFT_PLACES_96,
                         "{%96, %97, %98, %99}, %100, p, 1, 1", WEFT_SUMS(0),
                         WEFT_SUMS(8), WEFT_SUMS(16))
#endif
//@ multiply_group_pieces
// The same with a right operand of pieces of 8 steps of k, 16 bytes, as
// ImageOperand.h describes them: those of neighbouring columns are neighbours,
// and the second ones lie `beside` bytes behind the first.
template <class T, int Columns> struct MultiplyGroupPieces;
template <class T, int Columns>
WEFT_DEVICE void multiply_group_pieces(float (&sum)[Columns][4],
                                       const unsigned (&a)[4], const void *b,
                                       int beside) {
#ifdef __CUDA_ARCH__
  unsigned long long start = (shared_address(b) & 0x3ffffu) >> 4;
  unsigned long long next = static_cast<unsigned>(beside) >> 4;
  MultiplyGroupPieces<T, Columns>::run(sum, a, start | next << 16 | 8ull << 32);
#else
  auto element = [&](int k, int column) {
    T x;
    __builtin_memcpy(&x,
                     static_cast<const unsigned char *>(b) + k / 8 * beside +
                         column * 16 + k % 8 * 2,
                     2);
    return widen(x);
  };
  multiply_kept<T>(sum, a, element);
#endif
}
//@ WEFT_MULTIPLY_GROUP_PIECES
#define WEFT_MULTIPLY_GROUP_PIECES(T, ptx)                                     \
  WEFT_KEPT_PRODUCT(MultiplyGroupPieces, T, ptx, 2, "16", WEFT_PLACES_8,       \
                    "{%8, %9, %10, %11}, %12, p, 1, 1, 0",                     \
                    WEFT_SUMS_2(0))                                            \
  WEFT_KEPT_PRODUCT(MultiplyGroupPieces, T, ptx, 4, "32", WEFT_PLACES_16,      \
                    "{%16, %17, %18, %19}, %20, p, 1, 1, 0",                   \
                    WEFT_SUMS_4(0))                                            \
  WEFT_KEPT_PRODUCT(MultiplyGroupPieces, T, ptx, 6, "48", WEFT_PLACES_24,      \
                    "{%24, %25, %26, %27}, %28, p, 1, 1, 0",                   \
                    WEFT_SUMS_4(0), WEFT_SUMS_2(4))                            \
  WEFT_KEPT_PRODUCT(MultiplyGroupPieces, T, ptx, 8, "64", WEFT_PLACES_32,      \
                    "{%32, %33, %34, %35}, %36, p, 1, 1, 0",                   \
                    WEFT_SUMS(0))                                              \
  WEFT_KEPT_PRODUCT(MultiplyGroupPieces, T, ptx, 10, "80", WEFT_PLACES_40,     \
                    "{%40, %41, %42, %43}, %44, p, 1, 1, 0",                   \
                    WEFT_SUMS(0), WEFT_SUMS_2(8))                              \
  WEFT_KEPT_PRODUCT(MultiplyGroupPieces, T, ptx, 12, "96", WEFT_PLACES_48,     \
                    "{%48, %49, %50, %51}, %52, p, 1, 1, 0",                   \
                    WEFT_SUMS(0), WEFT_SUMS_4(8))                              \
  WEFT_KEPT_PRODUCT(MultiplyGroupPieces, T, ptx, 14, "112", WEFT_PLACES_56,    \
                    "{%56, %57, %58, %59}, %60, p, 1, 1, 0",                   \
                    WEFT_SUMS(0), WEFT_SUMS_4(8), WEFT_SUMS_2(12))             \
  WEFT_KEPT_PRODUCT(MultiplyGroupPieces, T, ptx, 16, "128", WEFT_PLACES_64,    \
                    "{%64, %65, %66, %67}, %68, p, 1, 1, 0",                   \
                    WEFT_SUMS(0), WEFT_SUMS(8))
//@ MultiplyGroupPieces:half
#ifdef __CUDA_ARCH__
WEFT_MULTIPLY_GROUP_PIECES(half, "f16")
#endif
//@ MultiplyGroupPieces:bfloat16
#ifdef __CUDA_ARCH__
WEFT_MULTIPLY_GROUP_PIECES(bfloat16, "bf16")
#endif
//@ TensorMap
// What the tensor memory accelerator knows of a tensor; the driver writes it.
struct alignas(64) TensorMap {
  unsigned char bytes[128];
};
//@ Barrier
// In shared memory: counts arrivals and bytes, and turns over when all that
// were expected have come. Turn 0 has parity 0.
using Barrier = unsigned long long;
//@ init_barrier
WEFT_DEVICE void init_barrier(Barrier *barrier, int arrivals) {
#ifdef __CUDA_ARCH__
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(
                   shared_address(barrier)),
               "r"(arrivals)
               : "memory");
#else
  WEFT_INIT_BARRIER(barrier, arrivals);
#endif
}
//@ publish_barriers
// Lets the accelerator see new barriers.
WEFT_DEVICE void publish_barriers() {
#ifdef __CUDA_ARCH__
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
#endif
}
//@ expect_bytes
// Arrives, and lets the barrier wait for `bytes` more that copies bring.
WEFT_DEVICE void expect_bytes(Barrier *barrier, int bytes) {
#ifdef __CUDA_ARCH__
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(
                   shared_address(barrier)),
               "r"(bytes)
               : "memory");
#else
  WEFT_ARRIVE(barrier, bytes);
#endif
}
//@ arrive
WEFT_DEVICE void arrive(Barrier *barrier) {
#ifdef __CUDA_ARCH__
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(
                   shared_address(barrier))
               : "memory");
#else
  WEFT_ARRIVE(barrier, 0);
#endif
}
//@ wait_at
// Until the turn of this parity is over.
WEFT_DEVICE void wait_at(Barrier *barrier, int parity) {
#ifdef __CUDA_ARCH__
  unsigned isOver;
  do
    asm volatile("{.reg .pred p;\n"
                 "mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2;\n"
                 "selp.u32 %0, 1, 0, p;}"
                 : "=r"(isOver)
                 : "r"(shared_address(barrier)), "r"(parity)
                 : "memory");
  while (!isOver);
#else
  WEFT_WAIT_AT(barrier, parity);
#endif
}
//@ fetch_map
// Lets the accelerator read a map before it is needed.
WEFT_DEVICE void fetch_map(const TensorMap &map) {
#ifdef __CUDA_ARCH__
  asm volatile("prefetch.tensormap [%0];" ::"l"(&map) : "memory");
#endif
}
//@ WEFT_BULK_COPY_OF
#ifdef __CUDA_ARCH__
#define WEFT_BULK_COPY_OF(rank, mode, coordinates, taps, ...)                  \
  asm volatile("cp.async.bulk.tensor." rank "d.shared::cluster.global." mode   \
               ".mbarrier::complete_tx::bytes [%0], [%1, {" coordinates        \
               "}], [%2]" taps ";" ::"r"(shared_address(to)),                  \
               "l"(&map), "r"(shared_address(barrier)), __VA_ARGS__            \
               : "memory")
#endif
//@ copy_tile
// Starts a copy of the box that begins at `at`. Its bytes arrive at `barrier`.
template <int Rank>
WEFT_DEVICE void copy_tile(void *to, const TensorMap &map,
                           const int (&at)[Rank], Barrier *barrier) {
#ifdef __CUDA_ARCH__
  if constexpr (Rank == 2)
    WEFT_BULK_COPY_OF("2", "tile", "%3, %4", "", "r"(at[0]), "r"(at[1]));
  else if constexpr (Rank == 3)
    WEFT_BULK_COPY_OF("3", "tile", "%3, %4, %5", "", "r"(at[0]), "r"(at[1]),
                      "r"(at[2]));
  else if constexpr (Rank == 4)
    WEFT_BULK_COPY_OF("4", "tile", "%3, %4, %5, %6", "", "r"(at[0]),
                      "r"(at[1]), "r"(at[2]), "r"(at[3]));
  else
    WEFT_BULK_COPY_OF("5", "tile", "%3, %4, %5, %6, %7", "", "r"(at[0]),
                      "r"(at[1]), "r"(at[2]), "r"(at[3]), "r"(at[4]));
#else
  WEFT_BULK_COPY(to, &map, at, nullptr, barrier);
#endif
}
//@ copy_window
// The same for positions of a window, from `at` on, and one tap of it.
template <int Rank>
WEFT_DEVICE void copy_window(void *to, const TensorMap &map,
                             const int (&at)[Rank],
                             const unsigned short (&tap)[Rank - 2],
                             Barrier *barrier) {
#ifdef __CUDA_ARCH__
  if constexpr (Rank == 3)
    WEFT_BULK_COPY_OF("3", "im2col", "%3, %4, %5", ", {%6}", "r"(at[0]),
                      "r"(at[1]), "r"(at[2]), "h"(tap[0]));
  else if constexpr (Rank == 4)
    WEFT_BULK_COPY_OF("4", "im2col", "%3, %4, %5, %6", ", {%7, %8}",
                      "r"(at[0]), "r"(at[1]), "r"(at[2]), "r"(at[3]),
                      "h"(tap[0]), "h"(tap[1]));
  else
    WEFT_BULK_COPY_OF("5", "im2col", "%3, %4, %5, %6, %7",
                      ", {%8, %9, %10}", "r"(at[0]), "r"(at[1]), "r"(at[2]),
                      "r"(at[3]), "r"(at[4]), "h"(tap[0]), "h"(tap[1]),
                      "h"(tap[2]));
#else
  WEFT_BULK_COPY(to, &map, at, tap, barrier);
#endif
}
//@ WEFT_BULK_STORE_OF
#ifdef __CUDA_ARCH__
#define WEFT_BULK_STORE_OF(rank, coordinates, ...)                             \
  asm volatile("cp.async.bulk.tensor." rank                                    \
               "d.global.shared::cta.tile.bulk_group [%0, {" coordinates       \
               "}], [%1];" ::"l"(&map), "r"(shared_address(from)), __VA_ARGS__ \
               : "memory")
#endif
//@ store_tile
// Starts a copy of the box at `from` to memory, from `at` on.
template <int Rank>
WEFT_DEVICE void store_tile(const TensorMap &map, const int (&at)[Rank],
                            const void *from) {
#ifdef __CUDA_ARCH__
  if constexpr (Rank == 2)
    WEFT_BULK_STORE_OF("2", "%2, %3", "r"(at[0]), "r"(at[1]));
  else if constexpr (Rank == 3)
    WEFT_BULK_STORE_OF("3", "%2, %3, %4", "r"(at[0]), "r"(at[1]), "r"(at[2]));
  else if constexpr (Rank == 4)
    WEFT_BULK_STORE_OF("4", "%2, %3, %4, %5", "r"(at[0]), "r"(at[1]),
                       "r"(at[2]), "r"(at[3]));
  else
    WEFT_BULK_STORE_OF("5", "%2, %3, %4, %5, %6", "r"(at[0]), "r"(at[1]),
                       "r"(at[2]), "r"(at[3]), "r"(at[4]));
#else
  WEFT_BULK_STORE(&map, at, from);
#endif
}
//@ commit_stores
WEFT_DEVICE void commit_stores() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
#endif
}
//@ wait_for_reads_of_stores
// Until what this thread's stores read may be written to.
WEFT_DEVICE void wait_for_reads_of_stores() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
#else
  WEFT_WAIT_FOR_STORES();
#endif
}
//@ wait_for_stores
// Until what this thread stored is in memory.
WEFT_DEVICE void wait_for_stores() {
#ifdef __CUDA_ARCH__
  asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
#else
  WEFT_WAIT_FOR_STORES();
#endif
}
//@ keep_registers
// The threads of a warp group keep `Count` registers each, and leave the others
// to those that take more.
template <int Count> WEFT_DEVICE void keep_registers() {
#ifdef __CUDA_ARCH__
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Count));
#endif
}
//@ take_registers
template <int Count> WEFT_DEVICE void take_registers() {
#ifdef __CUDA_ARCH__
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Count));
#endif
}
//@ synchronize_cluster
// All threads of the blocks of the cluster; what they wrote is seen by all.
WEFT_DEVICE void synchronize_cluster() {
#ifdef __CUDA_ARCH__
  asm volatile("barrier.cluster.arrive.aligned;\n"
               "barrier.cluster.wait.aligned;" ::: "memory");
#else
  WEFT_SYNCHRONIZE_CLUSTER();
#endif
}
//@ of_block
// The same place in the shared memory of another block of the cluster.
template <class T> WEFT_DEVICE T *of_block(T *mine, unsigned block) {
#ifdef __CUDA_ARCH__
  T *theirs;
  asm volatile("mapa.u64 %0, %1, %2;" : "=l"(theirs) : "l"(mine), "r"(block));
  return theirs;
#else
  return WEFT_OF_BLOCK(mine, block);
#endif
}
//@end
} // namespace weft
