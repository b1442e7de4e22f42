// Rewrites that keep every IEEE result, and their neighbours that would not.
// RUN: weft-opt %s -canonicalize -split-input-file | FileCheck %s

// CHECK-LABEL: @neutral_elements
// CHECK-SAME: (%[[X:.*]]: tensor<4xf32>, %[[I:.*]]: tensor<4xi32>)
// CHECK-NEXT: return %[[X]], %[[I]]
func.func @neutral_elements(%x: tensor<4xf32>, %i: tensor<4xi32>)
    -> (tensor<4xf32>, tensor<4xi32>) {
  %one = weft.constant dense<1.0> : tensor<4xf32>
  %zero = weft.constant dense<0.0> : tensor<4xf32>
  %minus_zero = weft.constant dense<-0.0> : tensor<4xf32>
  %0 = weft.mul %one, %x : tensor<4xf32>
  %1 = weft.add %0, %minus_zero : tensor<4xf32>
  %2 = weft.sub %1, %zero : tensor<4xf32>
  %3 = weft.div %2, %one : tensor<4xf32>
  %none = weft.constant dense<0> : tensor<4xi32>
  %unit = weft.constant dense<1> : tensor<4xi32>
  %4 = weft.add %i, %none : tensor<4xi32>
  %5 = weft.sub %4, %none : tensor<4xi32>
  %6 = weft.mul %5, %unit : tensor<4xi32>
  %7 = weft.div %6, %unit : tensor<4xi32>
  return %3, %7 : tensor<4xf32>, tensor<4xi32>
}

// -----

// A scalar repeated is as neutral as a full constant.
// CHECK-LABEL: @neutral_broadcast
// CHECK-NEXT: return %arg0
func.func @neutral_broadcast(%x: tensor<512x512xf16>) -> tensor<512x512xf16> {
  %one = weft.constant dense<1.0> : tensor<f16>
  %all = weft.broadcast %one : tensor<f16> -> tensor<512x512xf16>
  %0 = weft.mul %x, %all : tensor<512x512xf16>
  return %0 : tensor<512x512xf16>
}

// -----

// -0.0 + 0.0 is 0.0.
// CHECK-LABEL: @no_add_zero
// CHECK: weft.add
func.func @no_add_zero(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = weft.constant dense<0.0> : tensor<4xf32>
  %0 = weft.add %x, %zero : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// -0.0 - -0.0 is 0.0.
// CHECK-LABEL: @no_sub_minus_zero
// CHECK: weft.sub
func.func @no_sub_minus_zero(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = weft.constant dense<-0.0> : tensor<4xf32>
  %0 = weft.sub %x, %zero : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// An infinite x gives NaN.
// CHECK-LABEL: @no_mul_zero
// CHECK: weft.mul
func.func @no_mul_zero(%x: tensor<4xf32>) -> tensor<4xf32> {
  %zero = weft.constant dense<0.0> : tensor<4xf32>
  %0 = weft.mul %x, %zero : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// NaN - NaN, and the difference of two infinities, are NaN.
// CHECK-LABEL: @no_sub_self
// CHECK: weft.sub
func.func @no_sub_self(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.sub %x, %x : tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

// Only one of the elements is 1.
// CHECK-LABEL: @no_mul_mixed
// CHECK: weft.mul
func.func @no_mul_mixed(%x: tensor<2xf32>) -> tensor<2xf32> {
  %c = weft.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %0 = weft.mul %x, %c : tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// CHECK-LABEL: @double_transpose
// CHECK-SAME: (%[[X:.*]]: tensor<2x3x4xf32>)
// CHECK-NEXT: %[[T:.*]] = weft.transpose %[[X]] [2, 0, 1]
// CHECK-NEXT: return %[[T]], %[[X]]
func.func @double_transpose(%x: tensor<2x3x4xf32>)
    -> (tensor<4x2x3xf32>, tensor<2x3x4xf32>) {
  %0 = weft.transpose %x [1, 2, 0] : tensor<2x3x4xf32> -> tensor<3x4x2xf32>
  %1 = weft.transpose %0 [1, 2, 0] : tensor<3x4x2xf32> -> tensor<4x2x3xf32>
  %2 = weft.transpose %1 [1, 2, 0] : tensor<4x2x3xf32> -> tensor<2x3x4xf32>
  return %1, %2 : tensor<4x2x3xf32>, tensor<2x3x4xf32>
}

// -----

// CHECK-LABEL: @chains_of_views
// CHECK-SAME: (%[[X:.*]]: tensor<2x3xf32>)
// CHECK-DAG: %[[R:.*]] = weft.reshape %[[X]] : tensor<2x3xf32> -> tensor<3x2xf32>
// CHECK-DAG: %[[B:.*]] = weft.broadcast %[[X]] : tensor<2x3xf32> -> tensor<5x4x2x3xf32>
// CHECK: return %[[R]], %[[X]], %[[B]]
func.func @chains_of_views(%x: tensor<2x3xf32>)
    -> (tensor<3x2xf32>, tensor<2x3xf32>, tensor<5x4x2x3xf32>) {
  %0 = weft.reshape %x : tensor<2x3xf32> -> tensor<6xf32>
  %1 = weft.reshape %0 : tensor<6xf32> -> tensor<3x2xf32>
  %2 = weft.reshape %1 : tensor<3x2xf32> -> tensor<2x3xf32>
  %3 = weft.broadcast %x : tensor<2x3xf32> -> tensor<4x2x3xf32>
  %4 = weft.broadcast %3 : tensor<4x2x3xf32> -> tensor<5x4x2x3xf32>
  return %1, %2, %4 : tensor<3x2xf32>, tensor<2x3xf32>, tensor<5x4x2x3xf32>
}

// -----

// CHECK-LABEL: @exact_casts
// CHECK-SAME: (%[[H:.*]]: tensor<4xf16>, %[[U:.*]]: tensor<4xui8>)
// CHECK-NEXT: %[[F:.*]] = weft.cast %[[U]] : tensor<4xui8> -> tensor<4xf64>
// CHECK-NEXT: return %[[H]], %[[F]]
func.func @exact_casts(%h: tensor<4xf16>, %u: tensor<4xui8>)
    -> (tensor<4xf16>, tensor<4xf64>) {
  %0 = weft.cast %h : tensor<4xf16> -> tensor<4xf32>
  %1 = weft.cast %0 : tensor<4xf32> -> tensor<4xf16>
  %2 = weft.cast %u : tensor<4xui8> -> tensor<4xf16>
  %3 = weft.cast %2 : tensor<4xf16> -> tensor<4xf64>
  return %1, %3 : tensor<4xf16>, tensor<4xf64>
}

// -----

// The narrow type rounds.
// CHECK-LABEL: @no_rounding_cast
// CHECK-COUNT-2: weft.cast
func.func @no_rounding_cast(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = weft.cast %x : tensor<4xf32> -> tensor<4xf16>
  %1 = weft.cast %0 : tensor<4xf16> -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// f16 has a shorter significand, bf16 a shorter exponent... neither holds both.
// CHECK-LABEL: @no_cast_between_halves
// CHECK-COUNT-2: weft.cast
func.func @no_cast_between_halves(%x: tensor<4xbf16>) -> tensor<4xbf16> {
  %0 = weft.cast %x : tensor<4xbf16> -> tensor<4xf16>
  %1 = weft.cast %0 : tensor<4xf16> -> tensor<4xbf16>
  return %1 : tensor<4xbf16>
}

// -----

// 300 as an integer wraps to 44, as a float it saturates to 127.
// CHECK-LABEL: @no_cast_that_saturates
// CHECK-COUNT-2: weft.cast
func.func @no_cast_that_saturates(%x: tensor<4xi32>) -> tensor<4xi8> {
  %0 = weft.cast %x : tensor<4xi32> -> tensor<4xf64>
  %1 = weft.cast %0 : tensor<4xf64> -> tensor<4xi8>
  return %1 : tensor<4xi8>
}

// -----

// CHECK-LABEL: @constants
func.func @constants() -> (tensor<2xf32>, tensor<2xf32>, tensor<2xf32>,
                           tensor<2xf32>) {
  %a = weft.constant dense<[1.0, 6.0]> : tensor<2xf32>
  %b = weft.constant dense<[4.0, 1.5]> : tensor<2xf32>
  // CHECK-DAG: %[[ADD:.*]] = weft.constant dense<[5.000000e+00, 7.500000e+00]>
  %0 = weft.add %a, %b : tensor<2xf32>
  // CHECK-DAG: %[[SUB:.*]] = weft.constant dense<[-3.000000e+00, 4.500000e+00]>
  %1 = weft.sub %a, %b : tensor<2xf32>
  // CHECK-DAG: %[[MUL:.*]] = weft.constant dense<[4.000000e+00, 9.000000e+00]>
  %2 = weft.mul %a, %b : tensor<2xf32>
  // CHECK-DAG: %[[DIV:.*]] = weft.constant dense<[2.500000e-01, 4.000000e+00]>
  %3 = weft.div %a, %b : tensor<2xf32>
  // CHECK: return %[[ADD]], %[[SUB]], %[[MUL]], %[[DIV]]
  return %0, %1, %2, %3
      : tensor<2xf32>, tensor<2xf32>, tensor<2xf32>, tensor<2xf32>
}

// -----

// Integers wrap, division by 0 gives 0, uint8 is unsigned, bool is true unless 0.
// CHECK-LABEL: @integer_constants
func.func @integer_constants() -> (tensor<3xi8>, tensor<2xi8>, tensor<1xui8>,
                                   tensor<2xi1>) {
  %a = weft.constant dense<[127, -128, 7]> : tensor<3xi8>
  %b = weft.constant dense<[1, -1, 0]> : tensor<3xi8>
  // CHECK-DAG: %[[ADD:.*]] = weft.constant dense<[-128, 127, 7]> : tensor<3xi8>
  %0 = weft.add %a, %b : tensor<3xi8>
  %c = weft.constant dense<[7, -7]> : tensor<2xi8>
  %d = weft.constant dense<[0, 2]> : tensor<2xi8>
  // CHECK-DAG: %[[DIV:.*]] = weft.constant dense<[0, -3]> : tensor<2xi8>
  %1 = weft.div %c, %d : tensor<2xi8>
  %e = weft.constant dense<[200]> : tensor<1xui8>
  %f = weft.constant dense<[2]> : tensor<1xui8>
  // CHECK-DAG: %[[U:.*]] = weft.constant dense<100> : tensor<1xui8>
  %2 = weft.div %e, %f : tensor<1xui8>
  %g = weft.constant dense<[true, false]> : tensor<2xi1>
  %h = weft.constant dense<[true, true]> : tensor<2xi1>
  // CHECK-DAG: %[[OR:.*]] = weft.constant dense<true> : tensor<2xi1>
  %3 = weft.add %g, %h : tensor<2xi1>
  // CHECK: return %[[ADD]], %[[DIV]], %[[U]], %[[OR]]
  return %0, %1, %2, %3
      : tensor<3xi8>, tensor<2xi8>, tensor<1xui8>, tensor<2xi1>
}

// -----

// Casts round to nearest even, truncate and saturate.
// CHECK-LABEL: @cast_constants
func.func @cast_constants() -> (tensor<4xi8>, tensor<2xf16>, tensor<3xi1>,
                                tensor<2xf32>) {
  %a = weft.constant dense<[-1.9, 300.0, -300.0, 0x7FC00000]> : tensor<4xf32>
  // CHECK-DAG: %[[I:.*]] = weft.constant dense<[-1, 127, -128, 0]> : tensor<4xi8>
  %0 = weft.cast %a : tensor<4xf32> -> tensor<4xi8>
  %b = weft.constant dense<[2049.0, 2051.0]> : tensor<2xf32>
  // CHECK-DAG: %[[H:.*]] = weft.constant dense<[2.048000e+03, 2.052000e+03]> : tensor<2xf16>
  %1 = weft.cast %b : tensor<2xf32> -> tensor<2xf16>
  %c = weft.constant dense<[0.0, -0.0, 0.5]> : tensor<3xf32>
  // CHECK-DAG: %[[B:.*]] = weft.constant dense<[false, false, true]> : tensor<3xi1>
  %2 = weft.cast %c : tensor<3xf32> -> tensor<3xi1>
  %d = weft.constant dense<[true, false]> : tensor<2xi1>
  // CHECK-DAG: %[[F:.*]] = weft.constant dense<[1.000000e+00, 0.000000e+00]> : tensor<2xf32>
  %3 = weft.cast %d : tensor<2xi1> -> tensor<2xf32>
  // CHECK: return %[[I]], %[[H]], %[[B]], %[[F]]
  return %0, %1, %2, %3
      : tensor<4xi8>, tensor<2xf16>, tensor<3xi1>, tensor<2xf32>
}

// -----

// CHECK-LABEL: @move_constants
func.func @move_constants() -> (tensor<3x2xi32>, tensor<6xi32>, tensor<1000xi32>) {
  %a = weft.constant dense<[[1, 2, 3], [4, 5, 6]]> : tensor<2x3xi32>
  // CHECK-DAG: %[[T:.*]] = weft.constant dense<{{\[\[}}1, 4], [2, 5], [3, 6]]> : tensor<3x2xi32>
  %0 = weft.transpose %a [1, 0] : tensor<2x3xi32> -> tensor<3x2xi32>
  // CHECK-DAG: %[[R:.*]] = weft.constant dense<[1, 2, 3, 4, 5, 6]> : tensor<6xi32>
  %1 = weft.reshape %a : tensor<2x3xi32> -> tensor<6xi32>
  %b = weft.constant dense<7> : tensor<1xi32>
  // CHECK-DAG: %[[B:.*]] = weft.constant dense<7> : tensor<1000xi32>
  %2 = weft.broadcast %b : tensor<1xi32> -> tensor<1000xi32>
  // CHECK: return %[[T]], %[[R]], %[[B]]
  return %0, %1, %2 : tensor<3x2xi32>, tensor<6xi32>, tensor<1000xi32>
}

// -----

// Data is not folded: 65 elements.
// CHECK-LABEL: @no_large_constants
// CHECK: weft.add
func.func @no_large_constants(%x: tensor<65xi32>) -> tensor<65xi32> {
  %a = weft.constant dense<"0x0100000002000000030000000400000005000000060000000700000008000000090000000A0000000B0000000C0000000D0000000E0000000F000000100000001100000012000000130000001400000015000000160000001700000018000000190000001A0000001B0000001C0000001D0000001E0000001F000000200000002100000022000000230000002400000025000000260000002700000028000000290000002A0000002B0000002C0000002D0000002E0000002F000000300000003100000032000000330000003400000035000000360000003700000038000000390000003A0000003B0000003C0000003D0000003E0000003F0000004000000041000000"> : tensor<65xi32>
  %0 = weft.add %a, %a : tensor<65xi32>
  return %0 : tensor<65xi32>
}

// -----

// CHECK-LABEL: @reduce_nothing
// CHECK-NEXT: return %arg0
func.func @reduce_nothing(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %0 = weft.sum %x over [] : tensor<2x3xf32> -> tensor<2x3xf32>
  return %0 : tensor<2x3xf32>
}

// -----

// 0.5 * 3 is a float16, 300 * 300 and 1 / 3 are none: a kernel computes them in
// f32.
// CHECK-LABEL: @narrow_constants
func.func @narrow_constants() -> (tensor<2xf16>, tensor<f16>, tensor<f16>) {
  %a = weft.constant dense<[0.5, 2.0]> : tensor<2xf16>
  %b = weft.constant dense<3.0> : tensor<2xf16>
  // CHECK-DAG: %[[C:.*]] = weft.constant dense<[1.500000e+00, 6.000000e+00]> : tensor<2xf16>
  %0 = weft.mul %a, %b : tensor<2xf16>
  %c = weft.constant dense<300.0> : tensor<f16>
  // CHECK-DAG: %[[M:.*]] = weft.mul
  %1 = weft.mul %c, %c : tensor<f16>
  %d = weft.constant dense<1.0> : tensor<f16>
  %e = weft.constant dense<3.0> : tensor<f16>
  // CHECK-DAG: %[[D:.*]] = weft.div
  %2 = weft.div %d, %e : tensor<f16>
  // CHECK: return %[[C]], %[[M]], %[[D]]
  return %0, %1, %2 : tensor<2xf16>, tensor<f16>, tensor<f16>
}

// -----

// Back to f16 means rounded to f16, which a product in a kernel is not yet.
// CHECK-LABEL: @no_dropped_rounding
// CHECK: weft.mul
// CHECK-NEXT: weft.cast
// CHECK-NEXT: weft.cast
func.func @no_dropped_rounding(%x: tensor<4xf16>) -> tensor<4xf16> {
  %0 = weft.mul %x, %x : tensor<4xf16>
  %1 = weft.cast %0 : tensor<4xf16> -> tensor<4xf32>
  %2 = weft.cast %1 : tensor<4xf32> -> tensor<4xf16>
  return %2 : tensor<4xf16>
}

// -----

// Every element where it is; others move.
// CHECK-LABEL: @resample_in_place
// CHECK-SAME: (%[[X:.*]]: tensor<2x4xf32>)
// CHECK-NEXT: %[[Y:.*]] = weft.resample %[[X]]
// CHECK-NEXT: return %[[X]], %[[Y]]
func.func @resample_in_place(%x: tensor<2x4xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>) {
  %0 = weft.resample %x from [0, 0] by [1, 1] over [1, 1] : tensor<2x4xf32> -> tensor<2x4xf32>
  %1 = weft.resample %0 from [0, 1] by [1, 1] over [1, 1] : tensor<2x4xf32> -> tensor<2x4xf32>
  return %0, %1 : tensor<2x4xf32>, tensor<2x4xf32>
}
